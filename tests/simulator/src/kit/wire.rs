//! Connections that the server can cut: no HTTP answer, not even a broken one, reaches the client after that.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The other end of a connection, for the one who decides about its fate.
#[derive(Debug, Clone)]
pub struct Wire {
    cut: Arc<AtomicBool>,
}

impl Wire {
    /// From now on nothing more is written. HTTP closes the connection at its next attempt, so whoever cuts
    /// must let the request end.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Loopback>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Self {
        stream.io().wire.clone()
    }
}

/// A listener whose connections can be cut, one by one or all.
#[derive(Debug)]
pub(crate) struct Loopback {
    inner: TcpListener,
    gone: Arc<AtomicBool>,
}

impl Loopback {
    /// `gone` cuts every connection when it becomes true.
    pub(crate) fn new(inner: TcpListener, gone: Arc<AtomicBool>) -> Self {
        Self { inner, gone }
    }
}

impl Listener for Loopback {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        // axum's own accept waits and goes on when the process is out of descriptors.
        let (stream, addr) = Listener::accept(&mut self.inner).await;
        // Failing costs latency only.
        let _ = stream.set_nodelay(true);
        let wire = Wire { cut: Arc::new(AtomicBool::new(false)) };
        (Line { stream, wire, gone: Arc::clone(&self.gone) }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    wire: Wire,
    gone: Arc<AtomicBool>,
}

impl Line {
    fn alive(&self) -> io::Result<()> {
        if self.wire.cut.load(Ordering::Acquire) || self.gone.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.alive()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.alive()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.alive()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
