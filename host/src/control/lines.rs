//! Lines from a connection, of bounded length and in bounded time.

use std::io;
use std::sync::Arc;

use secrecy::zeroize::Zeroize as _;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{IDLE, LONGEST_LINE};

/// Length above which a line needs the place that there is for large ones, in bytes.
pub(super) const LARGE: usize = 1 << 20;

/// Number of bytes read at once.
const CHUNK: usize = 64 << 10;

/// Input from a connection.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A line, without its end, and its place if it is a large one.
    Line(Vec<u8>, Option<OwnedSemaphorePermit>),
    /// More bytes than a line may have.
    TooLong,
    /// A large line, and the place for large lines was not free in time.
    NoPlace,
    /// The other end has nothing more to say. Any rest is half a line, and means nothing.
    Ended,
}

/// Reads lines.
#[derive(Debug)]
pub(super) struct Lines {
    /// Bytes that were read and not yet handed out.
    read: Vec<u8>,
    /// Number of bytes that are known to hold no end of a line.
    searched: usize,
    chunk: Vec<u8>,
    large: Arc<Semaphore>,
}

impl Lines {
    pub fn new(large: Arc<Semaphore>) -> Self {
        Self { read: Vec::new(), searched: 0, chunk: vec![0; CHUNK], large }
    }

    /// Reads the next line.
    ///
    /// # Errors
    ///
    /// When the connection is broken, and [`io::ErrorKind::TimedOut`] when nothing came for too long.
    pub async fn next(&mut self, stream: &UnixStream) -> io::Result<Incoming> {
        let mut place = None;
        loop {
            let unsearched = self.read.get(self.searched..).unwrap_or_default();
            // `contains` is many times faster than the search for the place, and most of a large line is
            // searched in vain.
            let end = unsearched.contains(&b'\n').then(|| unsearched.iter().position(|byte| *byte == b'\n'));
            if let Some(offset) = end.flatten() {
                let rest = self.read.split_off(self.searched + offset + 1);
                let mut line = std::mem::replace(&mut self.read, rest);
                line.pop();
                self.searched = 0;
                return Ok(if line.len() > LONGEST_LINE {
                    Incoming::TooLong
                } else {
                    Incoming::Line(line, place)
                });
            }
            self.searched = self.read.len();
            if self.read.len() > LONGEST_LINE {
                return Ok(Incoming::TooLong);
            }
            if self.read.len() > LARGE && place.is_none() {
                match timeout(IDLE, Arc::clone(&self.large).acquire_owned()).await {
                    Ok(Ok(free)) => place = Some(free),
                    Ok(Err(_)) | Err(_) => return Ok(Incoming::NoPlace),
                }
            }
            match self.read_some(stream).await? {
                0 => return Ok(Incoming::Ended),
                count => {
                    let chunk = self.chunk.get_mut(..count).unwrap_or_default();
                    self.read.extend_from_slice(chunk);
                    // It may have been a secret.
                    chunk.zeroize();
                }
            }
        }
    }

    async fn read_some(&mut self, stream: &UnixStream) -> io::Result<usize> {
        loop {
            timeout(IDLE, stream.readable()).await??;
            match stream.try_read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }
}

/// Writes all bytes.
///
/// # Errors
///
/// When the connection is broken, and [`io::ErrorKind::TimedOut`] when the other end takes nothing for too
/// long.
pub(super) async fn write(stream: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        timeout(IDLE, stream.writable()).await??;
        match stream.try_write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
