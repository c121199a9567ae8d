//! A directory of its owner's, for what is not finished. It is removed with everything in it when dropped, and what a
//! program that was killed has left is removed by the next one.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::write::{private, private_directory};

/// Part of the name of such a directory, after which there is a number.
const UNFINISHED: &str = ".unfinished-";

/// File in it that is locked for as long as its program runs. The lock is the operating system's, so it says so too of
/// a program that was killed, and of one in another container.
const LOCK: &str = "lock";

/// A directory for what is not finished.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes a directory in a folder, for a file of this name.
    pub(super) fn within(folder: &Path, name: &OsStr) -> anyhow::Result<Self> {
        for left in abandoned(folder) {
            match std::fs::remove_dir_all(&left) {
                Ok(()) => {
                    tracing::info!("{} is removed: it was left by a program that was killed", left.display())
                }
                Err(error) => tracing::warn!("{} is left behind: {error}", left.display()),
            }
        }
        let unfinished = format!(".{}{UNFINISHED}{}", name.to_string_lossy(), std::process::id());
        let mut path = folder.join(&unfinished);
        // Another one may have it: another task of this process, or a process of this number in another container.
        let mut number = 0;
        while let Err(error) = private_directory(&path) {
            if error.downcast_ref().map(io::Error::kind) != Some(io::ErrorKind::AlreadyExists) {
                return Err(error);
            }
            number += 1;
            path = folder.join(format!("{unfinished}{number:03}"));
        }
        // Locked before it has its name: until then it is not taken for abandoned. Nothing ever is where there are no
        // locks.
        let unlocked = path.join("unlocked");
        let lock = private(&unlocked)?;
        if lock.try_lock().is_ok() {
            std::fs::rename(&unlocked, path.join(LOCK))?;
        }
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!("{} is left behind: {error}", self.path.display());
        }
    }
}

/// Returns the directories in a folder whose programs have gone.
pub(in crate::cli) fn abandoned(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut left: Vec<PathBuf> = entries
        .filter(|entry| {
            is_unfinished(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_dir())
        })
        .map(|entry| entry.path())
        .filter(|path| is_unlocked(&path.join(LOCK)).unwrap_or(false))
        .collect();
    left.sort();
    left
}

fn is_unfinished(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let number = name.rsplit_once(UNFINISHED).filter(|(before, _)| before.starts_with('.'));
    number.is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether nobody has a lock on a file. It is free again when this returns.
fn is_unlocked(path: &Path) -> io::Result<bool> {
    Ok(File::open(path)?.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_program_has_left_is_removed_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str, files: &[&str]| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            files.iter().for_each(|file| std::fs::write(path.join(file), "tokens").unwrap());
            path
        };
        let killed = made(".car.backup.unfinished-12", &["lock", "state.db"]);
        let others = [
            made(".car.backup.unfinished-x", &["lock"]),
            made("car.unfinished-12", &["lock"]),
            made(".no.lock.unfinished-12", &["state.db"]),
        ];
        let running = Scratch::within(folder.path(), OsStr::new("other")).unwrap();
        assert!(!killed.exists() && others.iter().all(|path| path.exists()));
        let second = Scratch::within(folder.path(), OsStr::new("other")).unwrap();
        let at_once: Vec<_> = std::thread::scope(|scope| {
            let made = || Scratch::within(folder.path(), OsStr::new("other"));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(made)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(at_once.iter().all(Result::is_ok), "{at_once:?}");
        drop(at_once);
        assert!(running.path().exists() && second.path() != running.path());
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists() && abandoned(folder.path()).is_empty());
    }
}
