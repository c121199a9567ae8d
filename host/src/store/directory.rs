//! The directory that one host keeps its state in.
//!
//! A user who can write there can make the host do anything, and has its tokens. So it is this user's alone:
//! another user's directory or file is refused, a link is not followed, and a directory open to others is
//! closed. And it has to stay: a directory that is removed, or replaced by a backup, leaves a host that goes
//! on with files that will never be read again, which [`Directory::check`] notices.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use self::system::Identity;

/// Name of the file that is locked for as long as a host uses the directory.
const LOCK: &str = "lock";

/// A state directory that this process alone may use. Released when dropped, and when the process dies.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Identities of the files that the state depends on, as they were when they were opened.
    watched: Mutex<Vec<(PathBuf, Identity)>>,
    was_used: bool,
    /// Lock of the operating system: it ends with the process, however that ends.
    lock: File,
}

impl Drop for Directory {
    /// Unlocks the file. Closing it would not do while a child that another thread is starting has it too:
    /// from its fork to its exec (flock(2): a lock belongs to the open file, which both have).
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(
                "the lock of the state directory {} stays until this process ends: {error}",
                self.path.display()
            );
        }
    }
}

/// Reason why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// In use by another process.
    #[error(
        "the state directory {path} is in use by {holder}; stop that one, or give this one a directory of its own \
         (state.dir in the configuration)"
    )]
    InUse {
        /// Path of the directory.
        path: PathBuf,
        /// Process that holds it, as far as that is known.
        holder: String,
    },
    /// Impossible to create, or to write to.
    #[error(
        "the state directory {path} cannot be used: {error}; give another one as state.dir in the configuration"
    )]
    Unusable {
        /// Path of the directory.
        path: PathBuf,
        /// Error of the system.
        error: io::Error,
    },
    /// Another user's, as a whole or in a part.
    #[error(
        "{path} belongs to user {owner}, and this is user {us}; run this as that user (sudo -u '#{owner}' …), or give \
         another state.dir in the configuration"
    )]
    OfAnother {
        /// Path of the directory, or of the file in it.
        path: PathBuf,
        /// Number of its user.
        owner: u32,
        /// Number of this process's user.
        us: u32,
    },
    /// Not what it must be, as a whole or in a part.
    #[error(
        "{path} {what}; what is kept there must be this user's alone: give another state.dir in the configuration, or move \
         it away"
    )]
    NotOurs {
        /// Path of the directory, or of the file in it.
        path: PathBuf,
        /// Description of what is wrong with it.
        what: String,
    },
}

impl Directory {
    /// Makes the directory if it does not exist, for its owner only (mode 0700), and takes it for this
    /// process. A directory that others may enter is closed to them.
    ///
    /// # Errors
    ///
    /// See [`DirectoryError`].
    pub fn claim(path: &Path) -> Result<Self, DirectoryError> {
        let unusable = |error| DirectoryError::Unusable { path: path.to_owned(), error };
        if path.symlink_metadata().is_ok() && !path.is_dir() {
            return Err(DirectoryError::NotOurs {
                path: path.to_owned(),
                what: "is no directory".to_owned(),
            });
        }
        create(path).map_err(unusable)?;
        system::close_to_others(path)?;
        let at = path.join(LOCK);
        let mut lock = private_file(&at)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // An unreadable name only makes the report shorter.
                let _unreadable = lock.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    holder => holder.to_owned(),
                };
                return Err(DirectoryError::InUse { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let was_used = lock.metadata().map_err(unusable)?.len() > 0;
        let holder = format!("process {} (since {:.0})\n", std::process::id(), jiff::Timestamp::now());
        let written = lock.set_len(0).and_then(|()| lock.rewind());
        if let Err(error) = written.and_then(|()| lock.write_all(holder.as_bytes())) {
            // It is locked all the same; the report to a second host is shorter.
            tracing::warn!("who uses the state directory is not written down: {error}");
        }
        let directory = Self { path: path.to_owned(), watched: Mutex::default(), was_used, lock };
        directory.watch(&at);
        Ok(directory)
    }

    /// Path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a host has used it before.
    pub(super) fn was_used(&self) -> bool {
        self.was_used
    }

    /// Requires this file to remain the one that it is now.
    pub(super) fn watch(&self, file: &Path) {
        if let Ok(identity) = Identity::of(file) {
            self.watched.lock().push((file.to_owned(), identity));
        }
    }

    /// Checks that everything is still there.
    ///
    /// # Errors
    ///
    /// Returns what was removed or replaced, in words.
    pub fn check(&self) -> Result<(), String> {
        let watched = self.watched.lock();
        for (file, identity) in watched.iter() {
            match Identity::of(file) {
                Ok(found) if found == *identity => {}
                Ok(_) => return Err(format!("{} was replaced under the host", file.display())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(format!("{} was removed under the host", file.display()));
                }
                // The check is inconclusive, as when too many files are open.
                Err(error) => tracing::warn!("{} cannot be looked at: {error}", file.display()),
            }
        }
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens or makes a file that only its owner can read (mode 0600).
///
/// # Errors
///
/// When it cannot be opened, is a link or not a file, or is another user's.
pub(super) fn private_file(path: &Path) -> Result<File, DirectoryError> {
    system::private_file(path)
}

/// Checks that a file which another library opens is not a trap.
///
/// # Errors
///
/// When it is a link or not a file, or is another user's. A missing file is not an error.
pub(super) fn no_trap(path: &Path) -> Result<(), DirectoryError> {
    match path.symlink_metadata() {
        Ok(_) => system::private_file(path).map(drop),
        Err(_) => Ok(()),
    }
}

#[cfg(unix)]
mod system {
    use std::fs::{File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
    use std::path::Path;

    use super::DirectoryError;

    /// Mode bits that others may not have on a directory or a file.
    const OTHERS: u32 = 0o077;

    /// Identity of a file, whatever its name.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Identity {
        device: u64,
        inode: u64,
    }

    impl Identity {
        pub(super) fn of(path: &Path) -> io::Result<Self> {
            let metadata = path.symlink_metadata()?;
            Ok(Self { device: metadata.dev(), inode: metadata.ino() })
        }
    }

    fn not_ours(path: &Path, what: impl Into<String>) -> DirectoryError {
        DirectoryError::NotOurs { path: path.to_owned(), what: what.into() }
    }

    fn unusable(path: &Path) -> impl Fn(io::Error) -> DirectoryError {
        move |error| DirectoryError::Unusable { path: path.to_owned(), error }
    }

    fn owned(path: &Path, metadata: &Metadata) -> Result<(), DirectoryError> {
        let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner == us {
            return Ok(());
        }
        Err(DirectoryError::OfAnother { path: path.to_owned(), owner, us })
    }

    pub(super) fn close_to_others(path: &Path) -> Result<(), DirectoryError> {
        let metadata = path.metadata().map_err(unusable(path))?;
        owned(path, &metadata)?;
        if metadata.mode() & OTHERS != 0 {
            tracing::warn!("{} was open to others; it is closed to them now (mode 0700)", path.display());
            std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(unusable(path))?;
        }
        Ok(())
    }

    pub(super) fn private_file(path: &Path) -> Result<File, DirectoryError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // Opened without waiting for the other end, should it be a pipe.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
        let file = match options.open(path) {
            Ok(file) => file,
            Err(_) if path.is_symlink() => return Err(not_ours(path, "is a link, which is not followed")),
            Err(error) => return Err(unusable(path)(error)),
        };
        let metadata = file.metadata().map_err(unusable(path))?;
        if !metadata.is_file() {
            return Err(not_ours(path, "is no file"));
        }
        if metadata.nlink() > 1 {
            return Err(not_ours(path, "has another name elsewhere (a hard link)"));
        }
        owned(path, &metadata)?;
        // A file that existed before may have been copied from somewhere.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(unusable(path))?;
        Ok(file)
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::path::Path;

    use super::DirectoryError;

    /// Existence of a file; its identity cannot be told on this system.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Identity;

    impl Identity {
        pub(super) fn of(path: &Path) -> io::Result<Self> {
            path.symlink_metadata().map(|_| Self)
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn close_to_others(_path: &Path) -> Result<(), DirectoryError> {
        Ok(())
    }

    pub(super) fn private_file(path: &Path) -> Result<File, DirectoryError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path).map_err(|error| DirectoryError::Unusable { path: path.to_owned(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::{Directory, DirectoryError};

    #[cfg(unix)]
    #[test]
    fn a_directory_of_another_user_is_used_as_that_user() {
        let folder = tempfile::tempdir().unwrap();
        let is_root = rustix::process::geteuid().is_root();
        let path = if is_root {
            std::os::unix::fs::chown(folder.path(), Some(4_321), None).unwrap();
            folder.path()
        } else {
            std::path::Path::new("/")
        };
        let error = Directory::claim(path).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, DirectoryError::OfAnother { .. }), "{said}");
        assert!(said.contains("run this as that user (sudo -u '#") && !said.contains("move"), "{said}");
    }

    #[test]
    fn a_directory_is_given_back_although_a_child_still_has_its_lock_file() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::claim(folder.path()).unwrap();
        let of_the_child = directory.lock.try_clone().unwrap();
        assert!(Directory::claim(folder.path()).is_err());
        drop(directory);
        Directory::claim(folder.path()).unwrap();
        drop(of_the_child);
    }
}
