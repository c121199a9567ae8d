//! A watched folder: a component that is moved into it is loaded.
//!
//! `policy.wasm` is for the policy's slot, `<connector>.wasm` for the slot of that connector, and
//! `<name>.wasm.minisig`, moved in before it, is its detached signature. Names that begin with a dot and
//! names with other endings are ignored.
//!
//! # Guarantees
//!
//! * Only what is **moved into place** under its final name is taken (`mv`, `rename`), besides what is there
//!   when the watch begins and is not being written to. A rename is atomic, so what is read is whole. A file
//!   that is written in place, as `cp` does, is never taken: there is no telling when it is complete. A
//!   warning says what to do instead.
//! * Of several that are moved to one name one after the other the last one wins, and none is taken half.
//! * Links, directories, pipes, devices, unreadable and overlarge files are refused with a warning, and so is
//!   what was written in place; [`Found::Refused`] tells of each. Nothing that is put into the folder stops
//!   the watch, and looking at it never blocks.
//! * A folder that vanishes is waited for. What is in it when it is back is taken, as at the start.
//!
//! # Limits
//!
//! Moves are seen as far as the operating system tells of them: on Linux with inotify. On network file
//! systems it tells only of what happens on this machine. After more changes than the system keeps for a
//! reader, all files are looked at again, as at the start. It is not known then of a file whether its writer
//! only pauses.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

mod changes;
#[cfg(test)]
mod tests;
mod watch;

use changes::Changes;
use watch::Watch;

/// Number of finds that may wait to be loaded before the folder is read no further.
const WAITING: usize = 4;

/// The ending of a component's name.
const ENDING: &str = ".wasm";

/// A find under one of the names that are waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A component was moved in.
    Component {
        /// Name without the ending, which says what slot it is for.
        slot_file: String,
        /// The component.
        component: Vec<u8>,
        /// Signature that was beside it.
        signature: Option<String>,
        /// Whether it was there when the folder was looked at, and was not seen being moved in.
        was_there: bool,
    },
    /// Something that is not taken.
    Refused {
        /// Name without the ending, which says what slot it would have been for.
        slot_file: String,
        /// The reason, in words.
        why: String,
    },
}

/// Reason why a folder cannot be watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The folder does not exist, or is not a folder.
    #[error("the folder {path} cannot be used: {error}; make it, or name another one")]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The operating system does not watch it.
    #[error("the folder {path} cannot be watched: {error}")]
    Unwatchable {
        /// The folder.
        path: PathBuf,
        /// The reason.
        error: notify::Error,
    },
}

/// A folder under watch. The watch ends when this is dropped.
#[derive(Debug)]
pub struct Folder {
    watching: JoinHandle<()>,
}

impl Folder {
    /// Begins to watch a folder for components with these names (without their ending). What is there already
    /// is found first. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// See [`FolderError`].
    pub fn watch(
        folder: &Path,
        names: impl IntoIterator<Item = String>,
    ) -> Result<(Self, mpsc::Receiver<Found>), FolderError> {
        let unusable = |error| FolderError::Unusable { path: folder.to_owned(), error };
        if !std::fs::metadata(folder).map_err(unusable)?.is_dir() {
            return Err(unusable(io::ErrorKind::NotADirectory.into()));
        }
        // Changes are told with absolute paths.
        let folder = &std::path::absolute(folder).map_err(unusable)?;
        let changes = Arc::new(Changes::new(folder, names));
        let watcher = watch::begin(folder, &changes)
            .map_err(|error| FolderError::Unwatchable { path: folder.to_owned(), error })?;
        let (found, finds) = mpsc::channel(WAITING);
        let watch = Watch::new(folder.to_owned(), changes, found);
        Ok((Self { watching: tokio::spawn(watch.run(watcher)) }, finds))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.watching.abort();
    }
}
