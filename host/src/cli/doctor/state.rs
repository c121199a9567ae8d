//! The state directory, and whether a host uses it.

use std::path::Path;
#[cfg(unix)]
use std::time::Duration;

use super::Finding;
use crate::cli::backup::left_by_killed;
use crate::cli::remote::pasted;
use crate::cli::space;
use crate::config::Config;
use crate::store::{OpenError, Reader};

/// Free space below which a host soon has no room for its state, in MiB.
const LITTLE_MB: u64 = 64;

/// Looks at the state directory, and at what is left of backups in it and beside the configuration file.
pub(super) async fn look(config: &Config, file: &Path) -> Vec<Finding> {
    let (directory, file) = (config.state_dir.clone(), file.to_owned());
    let looking = tokio::task::spawn_blocking(move || {
        let mut findings = look_at(&directory);
        findings.extend(left(&directory, &file));
        findings
    });
    looking.await.unwrap_or_default()
}

/// Looks for what a backup or a restore that was killed has left.
fn left(state: &Path, configuration: &Path) -> Vec<Finding> {
    let beside = match configuration.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let left = |path: std::path::PathBuf| {
        Finding::warn(
            "state",
            format!(
                "{} is left of a backup or a restore that was killed, and has tokens in it",
                path.display()
            ),
            format!("rm -r {}", pasted(&path)),
        )
    };
    left_by_killed(state, beside).into_iter().map(left).collect()
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

fn room(directory: &Path) -> Option<Finding> {
    let free = space::free(directory)? / (1 << 20);
    let shown = directory.display();
    Some(if free < LITTLE_MB {
        let found = format!("{free} MiB are free where {shown} is");
        Finding::warn("disk", found, "make room: on a full disk nothing that moves something is done")
    } else {
        Finding::ok("disk", format!("{free} MiB are free where {shown} is"))
    })
}

/// Longest wait for the answer of a host, which has it at once.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks whether a host runs on the state directory, as far as that can be known, and whether it answers.
#[cfg(unix)]
pub(super) async fn host(config: &Config) -> (Finding, bool) {
    use crate::control::{AskError, SOCKET, ask};
    let directory = config.state_dir.clone();
    let socket = directory.join(SOCKET);
    let asking = tokio::task::spawn_blocking(move || ask(&directory, "circuit/list", &serde_json::json!({})));
    let start = "start it with `vehicle-connector run`, or ask for its log if it should be running";
    let again = "look at its process and its log: it may be stopped, or hang; start it again if it does";
    let silent = |why: &str| {
        Finding::fail(
            "host",
            format!("a host accepts at {}, and does not answer: {why}", socket.display()),
            again,
        )
    };
    let Ok(asked) = tokio::time::timeout(PATIENCE, asking).await else {
        return (silent(&format!("{} s have passed", PATIENCE.as_secs())), true);
    };
    match asked {
        Ok(Ok(_)) => (Finding::ok("host", "a host runs, and answers on its control socket"), true),
        Ok(Err(AskError::NoHost { path, .. })) => {
            (Finding::warn("host", format!("no host answers at {}", path.display()), start), false)
        }
        Ok(Err(error @ AskError::NotAllowed { .. })) => {
            (Finding::warn("host", error.to_string(), "run this command as the host's user"), true)
        }
        Ok(Err(error)) => (silent(&error.to_string()), true),
        Err(error) => (Finding::warn("host", error.to_string(), start), false),
    }
}

/// Looks whether a host runs on the state directory, which only Unix systems tell.
#[cfg(not(unix))]
pub(super) async fn host(_config: &Config) -> (Finding, bool) {
    (Finding::ok("host", "whether a host runs is not known on this system"), false)
}
