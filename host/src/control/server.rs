//! The host's end of the socket.

use std::fs::{Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::Address;
use super::connection::{self, refusal};
use super::{CONNECTIONS, ControlError};
use crate::host::Host;

/// Time for requests under way to be answered when the host stops.
const GRACE: Duration = Duration::from_secs(3);

/// Pause after accepting failed, as when the process has no file descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// An open control socket. Dropping it removes the socket and ends what waits for requests.
#[derive(Debug)]
pub struct Control {
    address: Address,
    /// Identity of the socket's file: under its name there may be another host's by the time that this one
    /// ends.
    inode: (u64, u64),
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Control {
    /// Opens the socket in a state directory that this process has claimed, and serves the host on it. A
    /// socket left behind by a killed host is replaced. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// See [`ControlError`].
    pub fn open(directory: &Path, host: &Arc<Host>) -> Result<Self, ControlError> {
        let address = Address::within(directory).map_err(|error| {
            let path = directory.join(super::SOCKET);
            match error.kind() {
                io::ErrorKind::InvalidInput => ControlError::TooLong { path },
                _ => ControlError::Unusable { path, error },
            }
        })?;
        let path = address.path.clone();
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.file_type().is_socket() => std::fs::remove_file(&path),
            Ok(_) => return Err(ControlError::InTheWay { path }),
            // Then binding says what is wrong, if anything is.
            Err(_) => Ok(()),
        }
        .and_then(|()| listen(&address))
        .map(|(listener, owner, inode)| {
            let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
            let serving = Serving { host: Arc::clone(host), owner, tasks: tasks.clone(), stop: stop.clone() };
            tasks.spawn(serving.accept(listener));
            tracing::info!(path = %address.path.display(), "control socket open");
            Self { address, inode, tasks, stop }
        })
        .map_err(|error| ControlError::Unusable { path, error })
    }

    /// Takes no more requests, waits a moment for those under way to be answered, and removes the socket.
    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!("a request on the control socket is still under way");
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.cancel();
        let path = &self.address.path;
        let removed = match std::fs::symlink_metadata(path) {
            Ok(there) if inode(&there) == self.inode => std::fs::remove_file(path),
            Ok(_) => return tracing::warn!("the control socket is another one's by now; it is left alone"),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::debug!("the control socket is not removed: {error}");
        }
    }
}

fn inode(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Returns the listening socket, the user whom it belongs to, and the identity of its file.
fn listen(address: &Address) -> io::Result<(UnixListener, u32, (u64, u64))> {
    let listener = UnixListener::bind(&address.short)?;
    std::fs::set_permissions(&address.path, Permissions::from_mode(0o600))?;
    let there = std::fs::symlink_metadata(&address.path)?;
    Ok((listener, there.uid(), inode(&there)))
}

#[derive(Clone)]
struct Serving {
    host: Arc<Host>,
    owner: u32,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Serving {
    async fn accept(self, listener: UnixListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let large = Arc::new(Semaphore::new(1));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            let stream = match accepted {
                Ok((stream, _address)) => stream,
                Err(error) => {
                    tracing::warn!("the control socket lets nobody in: {error}");
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_AGAIN) => continue,
                        () = self.stop.cancelled() => return,
                    }
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                turn_away(stream, &format!("{CONNECTIONS} connections are open already; close one"));
                continue;
            };
            let (serving, large) = (self.clone(), Arc::clone(&large));
            self.tasks.spawn(async move {
                serving.connection(stream, large).await;
                drop(place);
            });
        }
    }

    async fn connection(&self, stream: UnixStream, large: Arc<Semaphore>) {
        let user = match stream.peer_cred() {
            Ok(peer) => peer.uid(),
            Err(error) => return tracing::warn!("a connection to the control socket is nobody's: {error}"),
        };
        // The mode says so too, but there was a moment before the socket had it.
        if user != self.owner && user != 0 {
            return turn_away(stream, &format!("user {user} is not the one that the host runs as"));
        }
        let by = format!("control (uid {user})");
        if let Err(error) = connection::serve(&stream, &self.host, &by, large, &self.stop).await {
            tracing::debug!(by, "a connection to the control socket ended: {error}");
        }
    }
}

/// Sends the reason, if there is room for it, and hangs up.
fn turn_away(stream: UnixStream, error: &str) {
    let told = stream.into_std().and_then(|mut stream| stream.write_all(&refusal(error)));
    if let Err(error) = told {
        tracing::debug!("a connection to the control socket was closed without a word: {error}");
    }
}
