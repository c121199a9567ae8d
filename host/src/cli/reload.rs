//! Reloads of the configuration: `vehicle-connector reload`, and SIGHUP.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::remote::Asked;
use super::service_manager::ServiceManager;
use super::table::plain;
use crate::config::{Config, ConfigError};
use crate::host::{Configured, Host};

/// The configuration file of a running host.
#[derive(Debug)]
pub(super) struct File(pub(super) PathBuf);

impl Configured for File {
    fn name(&self) -> Option<String> {
        Some(self.0.display().to_string())
    }

    fn read(&self) -> Result<Config, ConfigError> {
        Config::load(&self.0)
    }

    fn back_up(&self, file: &Path) -> Result<Value, String> {
        super::backup::on_request(&self.0, file)
    }
}

/// Has a host read its configuration again, and tells the service manager when that is done. What comes of it
/// is in the log.
pub(super) fn by_signal(host: &Arc<Host>, manager: &Arc<ServiceManager>) {
    let (host, manager) = (Arc::clone(host), Arc::clone(manager));
    manager.reloading();
    tokio::spawn(async move {
        // Logged where it is done.
        let _reloaded = host.reload("SIGHUP").await;
        manager.reloaded();
    });
}

#[derive(Deserialize)]
struct Reloaded {
    changed: Vec<String>,
    restart_needed: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

/// Exit codes: 0 what has changed took effect, or needs a restart, 1 nothing has changed, or there is no host, 2 the
/// file cannot be read, so nothing says where the host is.
///
/// Whether the file is right is for the host to say: here only the place of the host is read of it.
pub(super) fn run(host: &Asked) -> ExitCode {
    host.ask_whatever_is_wrong("config/reload", &json!({}), shown)
}

fn shown(reloaded: &Reloaded) -> String {
    let Reloaded { changed, restart_needed, warnings } = reloaded;
    let mut text = String::new();
    for warning in warnings {
        text.push_str(&format!("warning: {}\n", plain(warning)));
    }
    match (changed.is_empty(), restart_needed.is_empty()) {
        (true, true) => text.push_str("nothing has changed\n"),
        (changed_none, restart_none) => {
            if !changed_none {
                text.push_str(&format!("in effect: {}\n", plain(&changed.join(", "))));
            }
            if !restart_none {
                text.push_str(&format!("after a restart: {}\n", plain(&restart_needed.join(", "))));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_effect_and_what_does_not_are_told_apart() {
        let reloaded = |changed: &[&str], restart: &[&str]| {
            let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
            shown(&Reloaded { changed: owned(changed), restart_needed: owned(restart), warnings: Vec::new() })
        };
        assert_eq!(reloaded(&[], &[]), "nothing has changed\n");
        assert_eq!(
            reloaded(&["log.level", "vehicle.ev6.allow"], &[]),
            "in effect: log.level, vehicle.ev6.allow\n"
        );
        assert_eq!(reloaded(&["a.b"], &["mqtt.url"]), "in effect: a.b\nafter a restart: mqtt.url\n");
    }
}
