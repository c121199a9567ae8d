//! The path of a socket, in a form that fits into an address.

use std::fs::File;
use std::io;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::SOCKET;

/// The address of a state directory's socket. An address takes about a hundred bytes, and paths may be
/// longer; Linux has a short name for every directory that is open.
#[derive(Debug)]
pub(super) struct Address {
    /// Path of the socket, for people.
    pub path: PathBuf,
    /// Short path to the same place.
    pub short: PathBuf,
    /// Open directory: the short path is valid for as long as this is open.
    _open: Option<File>,
}

impl Address {
    /// The address of the socket in this directory.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] when it is too long; any other when the directory cannot be opened.
    pub fn within(directory: &Path) -> io::Result<Self> {
        let path = directory.join(SOCKET);
        match SocketAddr::from_pathname(&path) {
            Ok(_) => Ok(Self { short: path.clone(), path, _open: None }),
            Err(error) if cfg!(target_os = "linux") && error.kind() == io::ErrorKind::InvalidInput => {
                use std::os::fd::AsRawFd as _;
                let open = File::open(directory)?;
                let short = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", open.as_raw_fd()));
                Ok(Self { path, short, _open: Some(open) })
            }
            Err(error) => Err(error),
        }
    }
}
