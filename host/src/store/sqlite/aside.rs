//! Making room for a database that is restored: the one that is there gets another name, and is kept.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{BESIDE, DATABASE};
use crate::store::{Directory, DirectoryError};

/// Gives the database of a directory a second name, which ends with `stamp`, and writes into its file what is
/// still beside it; none if there is no database. Under its own name it stays until another one is put there,
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
    let aside = directory.path().join(format!("{DATABASE}.before-{stamp}"));
    let merged = merge(&path);
    std::fs::hard_link(&path, &aside)
        .or_else(|_| std::fs::copy(&path, &aside).map(drop))
        .map_err(unusable)?;
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

/// Writes what is beside a database into it.
fn merge(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    // The last one to close it removes what is beside it.
    connection.close().map_err(|(_, error)| error)
}
