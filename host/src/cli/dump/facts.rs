//! Facts about the machine and the files, for a dump.

use std::path::Path;

use serde_json::{Value, json};

/// The configuration as JSON; null if it cannot be read, which `check-config` tells.
pub(super) fn configuration(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let table = text.parse::<toml::Table>().ok();
    table.and_then(|table| serde_json::to_value(table).ok()).unwrap_or(Value::Null)
}

/// What the program runs on.
pub(super) fn environment(configuration: &Path, state: &Path) -> Value {
    let first_line = |path: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        text.lines().next().map(str::to_owned)
    };
    let container = ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists());
    let variables = ["RUST_LOG", "TZ", "LANG"].map(|name| (name, std::env::var(name).ok()));
    json!({
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "kernel": first_line("/proc/sys/kernel/osrelease"),
        "memory": first_line("/proc/meminfo"),
        "processors": std::thread::available_parallelism().map(usize::from).ok(),
        "container": container,
        "demo": cfg!(feature = "demo"),
        "variables": std::collections::BTreeMap::from(variables),
        "files": [file(configuration), file(state), file(&state.join(crate::store::DATABASE))],
    })
}

fn file(path: &Path) -> Value {
    match path.metadata() {
        Ok(metadata) => {
            json!({"path": path.display().to_string(), "bytes": metadata.len(), "mode": mode(&metadata)})
        }
        Err(error) => json!({"path": path.display().to_string(), "error": error.to_string()}),
    }
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    Some(format!("{:04o}, user {}", metadata.permissions().mode() & 0o7777, metadata.uid()))
}

#[cfg(not(unix))]
fn mode(_metadata: &std::fs::Metadata) -> Option<String> {
    None
}
