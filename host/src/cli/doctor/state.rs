//! The state directory, and whether a host uses it.

use std::path::Path;

use super::Finding;
use crate::config::Config;
use crate::store::{OpenError, Reader};

/// Free space below which a host soon has no room for its state, in MiB.
const LITTLE_MB: u64 = 64;

/// Looks at the state directory.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let directory = config.state_dir.clone();
    let looking = tokio::task::spawn_blocking(move || look_at(&directory));
    looking.await.unwrap_or_default()
}

fn look_at(directory: &Path) -> Vec<Finding> {
    let shown = directory.display();
    let Ok(metadata) = directory.metadata() else {
        let there = directory.ancestors().skip(1).find(|parent| parent.is_dir());
        let found = format!("{shown} does not exist yet; the first host makes it");
        return std::iter::once(Finding::ok("state", found)).chain(there.and_then(room)).collect();
    };
    let mut findings = Vec::new();
    findings.extend(whose(directory, &metadata));
    match Reader::open(directory).map(|reader| reader.check()) {
        Ok(Ok(())) => findings.push(Finding::ok("state", format!("{shown} has a database, and it is whole"))),
        Ok(Err(error)) => findings.push(Finding::fail(
            "state",
            format!("{shown}: {error}"),
            "restore a backup, or move the database away and begin anew",
        )),
        Err(OpenError::Absent { .. }) => {
            findings
                .push(Finding::ok("state", format!("{shown} has no database yet; the first host makes it")));
        }
        Err(error) => findings.push(Finding::fail("state", error.to_string(), "see there")),
    }
    findings.extend(room(directory));
    findings
}

#[cfg(unix)]
fn whose(directory: &Path, metadata: &std::fs::Metadata) -> Vec<Finding> {
    use std::os::unix::fs::MetadataExt as _;
    let (shown, us) = (directory.display(), rustix::process::geteuid().as_raw());
    let mut findings = Vec::new();
    if metadata.uid() != us {
        findings.push(Finding::warn(
            "state",
            format!("{shown} belongs to user {}, and this is user {us}", metadata.uid()),
            "run the host, and this command, as that user",
        ));
    } else if metadata.mode() & 0o077 != 0 {
        findings.push(Finding::warn(
            "state",
            format!("{shown} is open to others (mode {:04o})", metadata.mode() & 0o7777),
            format!("chmod 0700 {shown}; a host does that when it starts"),
        ));
    }
    if rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_err() {
        findings.push(Finding::fail(
            "state",
            format!("{shown} cannot be written to by this user"),
            "give it to the user that the host runs as, or name another one as state.dir",
        ));
    }
    findings
}

#[cfg(not(unix))]
fn whose(_directory: &Path, _metadata: &std::fs::Metadata) -> Vec<Finding> {
    Vec::new()
}

#[cfg(unix)]
fn room(directory: &Path) -> Option<Finding> {
    let system = rustix::fs::statvfs(directory).ok()?;
    let free = system.f_bavail.saturating_mul(system.f_frsize) / (1 << 20);
    let shown = directory.display();
    Some(if free < LITTLE_MB {
        let found = format!("{free} MiB are free where {shown} is");
        Finding::warn("disk", found, "make room: on a full disk nothing that moves something is done")
    } else {
        Finding::ok("disk", format!("{free} MiB are free where {shown} is"))
    })
}

#[cfg(not(unix))]
fn room(_directory: &Path) -> Option<Finding> {
    None
}

/// Looks whether a host runs on the state directory.
#[cfg(unix)]
pub(super) async fn host(config: &Config) -> Finding {
    use crate::control::{AskError, ask};
    let directory = config.state_dir.clone();
    let asking = tokio::task::spawn_blocking(move || ask(&directory, "circuit/list", &serde_json::json!({})));
    let start = "start it with `vehicle-connector run`, or ask for its log if it should be running";
    match asking.await {
        Ok(Ok(_)) => Finding::ok("host", "a host runs, and answers on its control socket"),
        Ok(Err(AskError::NoHost { path, .. })) => {
            Finding::warn("host", format!("no host answers at {}", path.display()), start)
        }
        Ok(Err(error)) => Finding::warn("host", error.to_string(), "run this command as the host's user"),
        Err(error) => Finding::warn("host", error.to_string(), start),
    }
}

/// Looks whether a host runs on the state directory, which only Unix systems tell.
#[cfg(not(unix))]
pub(super) async fn host(_config: &Config) -> Finding {
    Finding::ok("host", "whether a host runs is not known on this system")
}
