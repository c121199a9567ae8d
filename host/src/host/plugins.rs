//! The host's plugins: what the configuration names, and what is said of changes.

use std::path::Path;
use std::sync::Arc;

use super::{Host, StartError};
use crate::config::Config;
use crate::deployment::{Offer, POLICY_SLOT, Refusal, Source};
use crate::folder::{Folder, FolderError, Found};
use crate::plugin::PluginKind;

/// The name of the policy's file in the watched folder, without its ending.
const POLICY_FILE: &str = "policy";

/// What a signature file is called: the component's name and this.
const SIGNATURE: &str = "minisig";

impl Host {
    /// Offers the components that the configuration names. One that was found there before is no news: what somebody
    /// has swapped in since then, or gone back to, stays.
    pub(super) async fn offer_configured(&self, config: &Config) -> Result<(), StartError> {
        for (slot, path) in &config.plugins.files {
            let kind = match slot == POLICY_SLOT {
                true => PluginKind::Policy,
                false => PluginKind::Connector,
            };
            // A connector that no account uses has no slot, and needs none.
            if kind == PluginKind::Connector && !self.connectors.contains_key(slot) {
                continue;
            }
            let file = path.display().to_string();
            let (component, signature) = match read(path).await {
                Ok(read) => read,
                Err(error) => return Err(StartError::ComponentFile { kind, file, error }),
            };
            if self.deployments.is_known(slot, Source::Configuration, &component) {
                continue;
            }
            let offer = Offer::new(component, "configuration").signed(signature);
            let offered = offer.found_in(Source::Configuration);
            match self.deployments.swap(kind, Some(slot), &offered).await {
                Ok(_) => {}
                // It was accepted once. A home must not stay without its car because of what it did later.
                Err(Refusal::KnownBad { reason, .. }) => {
                    tracing::error!(slot, file, "not active, because it was rolled back: {reason}");
                }
                Err(error) => return Err(StartError::Component { kind, file, error }),
            }
        }
        self.deployments.check_pins().await.map_err(StartError::Pin)
    }

    /// Takes what is moved into the watched folder, until what is returned is dropped; none if there is no such folder
    /// in the configuration. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the folder cannot be watched.
    pub fn watch_folder(self: &Arc<Self>) -> Result<Option<Folder>, FolderError> {
        let Some(path) = &self.folder else { return Ok(None) };
        let names = self.connectors.keys().cloned().chain([POLICY_FILE.to_owned()]);
        let (folder, mut finds) = Folder::watch(path, names)?;
        let host = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(found) = finds.recv().await {
                let Some(host) = host.upgrade() else { return };
                host.take_found(found).await;
            }
        });
        Ok(Some(folder))
    }

    async fn take_found(&self, found: Found) {
        let Found { slot_file, component, signature, was_there } = found;
        let (kind, slot) = match slot_file == POLICY_FILE {
            true => (PluginKind::Policy, POLICY_SLOT),
            false => (PluginKind::Connector, slot_file.as_str()),
        };
        // What was there before this start is no news. What is moved in is somebody's wish, even if it is the same.
        if was_there && self.deployments.is_known(slot, Source::Folder, &component) {
            return;
        }
        let offer = Offer::new(component, "folder").signed(signature).found_in(Source::Folder);
        // A refusal is on record, and was said.
        let _refused = self.deployments.swap(kind, Some(slot), &offer).await;
    }

    /// Says which plugins run whenever that changes, whoever changed it.
    pub(super) fn watch_plugins(self: &Arc<Self>) {
        let policy = self.policy.changes();
        self.whenever(policy, |host| host.announce_policy());
        for connector in self.connectors.values() {
            self.whenever(connector.changes(), |host| host.announce_connectors());
        }
        self.whenever(self.deployments.changes(), |host| {
            host.announce_policy();
            host.announce_connectors();
        });
    }

    fn whenever(self: &Arc<Self>, mut changes: tokio::sync::watch::Receiver<()>, say: fn(&Self)) {
        let host = Arc::downgrade(self);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(host) = host.upgrade() else { return };
                say(&host);
            }
        });
    }
}

/// A component, and the signature beside it if there is one.
async fn read(path: &Path) -> std::io::Result<(Vec<u8>, Option<String>)> {
    let component = tokio::fs::read(path).await?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{SIGNATURE}"));
    match tokio::fs::read_to_string(&beside).await {
        Ok(signature) => Ok((component, Some(signature))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((component, None)),
        Err(error) => Err(error),
    }
}
