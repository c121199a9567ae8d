//! Free space where a file is to be.

use std::path::Path;

/// Returns the bytes that this user may still write where a directory is; none if that is not known.
#[cfg(unix)]
pub(super) fn free(directory: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(directory).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

/// It is not known on this system.
#[cfg(not(unix))]
pub(super) fn free(_directory: &Path) -> Option<u64> {
    None
}
