//! The directory that one host keeps its state in.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The file that is locked for as long as a host uses the directory.
const LOCK: &str = "lock";

/// A state directory that this process alone may use. Given back when dropped, and when the process dies.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// The lock is the operating system's: it ends with the process, however that ends.
    _lock: File,
}

/// A state directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Another process uses it.
    #[error(
        "the state directory {path} is in use by {holder}; stop that one, or give this one a directory of its own \
         (state.dir in the configuration)"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who has it, as far as that is known.
        holder: String,
    },
    /// It cannot be created, or not be written to.
    #[error(
        "the state directory {path} cannot be used: {error}; give another one as state.dir in the configuration"
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Directory {
    /// Makes the directory if it does not exist, for its owner only (mode 0700), and takes it for this process.
    ///
    /// # Errors
    ///
    /// See [`DirectoryError`].
    pub fn claim(path: &Path) -> Result<Self, DirectoryError> {
        let unusable = |error| DirectoryError::Unusable { path: path.to_owned(), error };
        create(path).map_err(unusable)?;
        let mut lock = private_file(&path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // What cannot be read is only less to say.
                let _unreadable = lock.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    holder => holder.to_owned(),
                };
                return Err(DirectoryError::InUse { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let holder = format!("process {} (since {:.0})\n", std::process::id(), jiff::Timestamp::now());
        let written = lock.set_len(0).and_then(|()| lock.rewind());
        written.and_then(|()| lock.write_all(holder.as_bytes())).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens or makes a file that nobody but its owner can read (mode 0600).
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // One that was there before may have been copied from somewhere.
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}
