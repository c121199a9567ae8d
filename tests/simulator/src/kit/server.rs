//! A loopback listener that ends when it is dropped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Wire;
use super::wire::Loopback;

/// A listener and what it serves. Dropping it stops listening; the port is free again once the accept loop
/// has noticed.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    // Completed or dropped: the accept loop ends. Only ever dropped.
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Binds and serves on the current tokio runtime until the returned value is dropped. `gone` cuts every
    /// connection when it becomes true. Handlers find their [`Wire`] in axum's `ConnectInfo`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the address is not of loopback: a simulator hands out tokens to anybody who asks
    /// nicely. Otherwise what binding reports, such as `AddrInUse`.
    pub async fn start(listen: SocketAddr, router: Router, gone: Arc<AtomicBool>) -> io::Result<Self> {
        if !listen.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the simulator listens on loopback only, not on {}", listen.ip()),
            ));
        }
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let listener = Loopback::new(listener, gone);
        let router = router.into_make_service_with_connect_info::<Wire>();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(async {
                // An error means that the sender was dropped, which is the signal.
                let _ = stopped.await;
            });
            let _ = served.await;
        });
        Ok(Self { addr, _stop: stop })
    }

    /// The address that is listened on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL, such as `http://127.0.0.1:40123`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

/// An address to listen on, read from a command line.
///
/// # Errors
///
/// Says what is expected: `ADDRESS:PORT`, and an address of loopback.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let addr: SocketAddr =
        text.parse().map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:8080".to_owned())?;
    if !addr.ip().is_loopback() {
        return Err("only loopback addresses are allowed".to_owned());
    }
    Ok(addr)
}
