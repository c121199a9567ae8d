//! Permissions of what a host trusts: who may write to it, or read it.

use std::path::Path;

#[cfg(unix)]
const WRITE_FOR_OTHERS: u32 = 0o002;
#[cfg(unix)]
const READ_FOR_OTHERS: u32 = 0o004;

/// Describes what others may do with a file or a directory that they should not; `None` if nothing, or where
/// that is not known.
#[cfg(unix)]
pub(crate) fn too_open(path: &Path, is_secret: bool) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    let mode = metadata.mode();
    let (shown, less) = (path.display(), if metadata.is_dir() { "0755" } else { "0644" });
    match () {
        () if is_secret && mode & (WRITE_FOR_OTHERS | READ_FOR_OTHERS) != 0 => {
            let verb = if mode & WRITE_FOR_OTHERS != 0 { "write to" } else { "read" };
            Some(format!("everybody on this machine can {verb} {shown}; chmod 0600 {shown}"))
        }
        () if mode & WRITE_FOR_OTHERS != 0 => {
            Some(format!("everybody on this machine can write to {shown}; chmod {less} {shown}"))
        }
        () => None,
    }
}

#[cfg(not(unix))]
pub(crate) fn too_open(_path: &Path, _is_secret: bool) -> Option<String> {
    None
}

/// Whether its owner alone can read the configuration file.
#[cfg(unix)]
pub(super) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
pub(super) fn is_private(_path: &Path) -> bool {
    false
}
