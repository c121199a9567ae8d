//! Making room for a database that is restored: the one that is there gets another name, and is kept.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{BESIDE, DATABASE};
use crate::store::{Directory, DirectoryError};

/// Gives the database of a directory a second name, which ends with `stamp` and, where that is taken, with a number,
/// and writes into its file what is still beside it; none if there is no database. Under its own name it stays until another one is put there,
/// which then meets nothing of it.
///
/// A database that is damaged keeps what is beside it under the second name only.
///
/// # Errors
///
/// When the second name cannot be given; then the first is as it was.
pub fn set_aside(directory: &Directory, stamp: &str) -> Result<Option<PathBuf>, DirectoryError> {
    let path = directory.path().join(DATABASE);
    let unusable = |error| DirectoryError::Unusable { path: directory.path().to_owned(), error };
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let merged = merge(&path);
    let aside =
        second_name(&path, &directory.path().join(format!("{}{stamp}", before()))).map_err(unusable)?;
    if let Err(error) = merged {
        tracing::warn!("the database that is there is damaged, and kept as it is: {error}");
    }
    for name in BESIDE {
        let beside = directory.path().join(name);
        let suffix = name.strip_prefix(DATABASE).unwrap_or_default();
        let mut kept = aside.clone().into_os_string();
        kept.push(suffix);
        match std::fs::rename(&beside, kept) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(error)),
        }
    }
    Ok(Some(aside))
}

/// Takes the second name of the database that is there back. It has one after a restore that was killed, or a power cut,
/// before another database was put in its place; and a database with another name elsewhere is not trusted.
#[cfg(unix)]
pub(super) fn take_back(directory: &Directory) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let identity =
        |path: &Path| path.symlink_metadata().map(|found| (found.dev(), found.ino(), found.nlink()));
    let Ok(database @ (_, _, 2..)) = identity(&directory.path().join(DATABASE)) else { return Ok(()) };
    for entry in std::fs::read_dir(directory.path())? {
        let entry = entry?;
        let is_aside = entry.file_name().to_string_lossy().starts_with(&before());
        if is_aside && identity(&entry.path()).is_ok_and(|found| found == database) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// There are no such names on this system that anybody minds.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(super) fn take_back(_directory: &Directory) -> io::Result<()> {
    Ok(())
}

/// Beginning of the second name.
fn before() -> String {
    format!("{DATABASE}.before-")
}

/// Gives a file a second name that nothing has: this one, or it with a number behind it.
fn second_name(path: &Path, wanted: &Path) -> io::Result<PathBuf> {
    let mut aside = wanted.to_owned();
    for number in 1_u32.. {
        match linked_or_copied(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut next = wanted.as_os_str().to_owned();
                next.push(format!("-{number}"));
                aside = next.into();
            }
            done => return done.map(|()| aside),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Links a file, or copies it where the file system has no links. What has the name already stays as it is.
fn linked_or_copied(path: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(path, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => copied(path, to),
        linked => linked,
    }
}

fn copied(path: &Path, to: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut copy = options.open(to)?;
    let copied = File::open(path).and_then(|mut from| io::copy(&mut from, &mut copy));
    copied.and_then(|_| copy.sync_all()).inspect_err(|_| {
        // Half of it is of no use; what cannot be removed is reported with the reason for that half.
        let _left = std::fs::remove_file(to);
    })
}

/// Writes what is beside a database into it.
fn merge(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    // The last one to close it removes what is beside it.
    connection.close().map_err(|(_, error)| error)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use crate::store::SqliteStore;

    #[test]
    fn what_was_set_aside_before_stays_although_it_was_in_the_same_second() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::claim(folder.path()).unwrap();
        let database = folder.path().join(DATABASE);
        let mut kept = Vec::new();
        for text in ["first", "second", "third"] {
            // In place of the one that was set aside, as a restore does it.
            std::fs::write(folder.path().join("new"), text).unwrap();
            std::fs::rename(folder.path().join("new"), &database).unwrap();
            kept.push(set_aside(&directory, "T").unwrap().unwrap());
        }
        let names: Vec<_> = kept.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["state.db.before-T", "state.db.before-T-1", "state.db.before-T-2"]);
        let texts = kept.iter().map(|path| std::fs::read_to_string(path).unwrap());
        assert_eq!(texts.collect::<Vec<_>>(), ["first", "second", "third"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_restore_that_was_killed_before_its_end_keeps_no_host_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(folder.path()).unwrap());
        let directory = Directory::claim(folder.path()).unwrap();
        // It ends here: the database has both names.
        let aside = set_aside(&directory, "T").unwrap().unwrap();
        let other = folder.path().join("state.db.before-S");
        std::fs::write(&other, "of an earlier restore").unwrap();
        drop(directory);
        SqliteStore::open(folder.path()).unwrap();
        assert!(!aside.exists() && other.exists());
        // A name elsewhere is still none that is trusted.
        let elsewhere = tempfile::tempdir_in(folder.path()).unwrap();
        std::fs::hard_link(folder.path().join(DATABASE), elsewhere.path().join("x")).unwrap();
        let error = SqliteStore::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("has another name elsewhere"), "{error}");
    }

    #[test]
    fn a_copy_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        std::fs::write(&from, "new").unwrap();
        copied(&from, &to).unwrap();
        std::fs::write(&from, "newer").unwrap();
        assert_eq!(copied(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "new");
        assert!(copied(&folder.path().join("absent"), &folder.path().join("none")).is_err());
        assert!(!folder.path().join("none").exists(), "half a copy is none");
    }
}
