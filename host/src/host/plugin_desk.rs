//! The host's plugins: those that the configuration names, those that the folder has, and what is published
//! of changes.

mod requests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::announcer::Announcer;
use super::slots::FromFile;
use super::start_error::StartError;
use crate::component_file::{self, Contents, Links};
use crate::config::{Config, Install};
use crate::deployment::{self, Action, Deployments, Offer, Refusal, Source};
use crate::digest::Digest;
use crate::events::{AboutPlugin, Event};
use crate::folder::{Folder, FolderError, Found};
use crate::plugin::slot::Generation;
use crate::plugin::{ConnectorSlot, POLICY_SLOT, Pluggable, PluginKind};

/// The name of the policy's file in the watched folder, without its ending.
const POLICY_FILE: &str = "policy";

/// Requester, on record, of what is moved into the folder.
const BY_FOLDER: &str = "folder";

/// Requester, on record, of what the host does by itself.
const BY_HOST: &str = "host";

/// Changes plugins on request, and publishes which ones run.
#[derive(Debug)]
pub(super) struct PluginDesk {
    pub(super) announcer: Arc<Announcer>,
    pub(super) deployments: Arc<Deployments>,
    /// Folder in which messages can name components.
    pub(super) folder: Option<PathBuf>,
    /// What becomes of a component that is moved into the folder.
    pub(super) install: Install,
}

impl PluginDesk {
    /// Offers the components that the configuration names. One that was found there before is not news: what
    /// has been swapped in since then, or gone back to, stays.
    /// `news` are those that were compiled and checked already.
    pub(super) async fn offer_configured(
        &self,
        config: &Config,
        mut news: BTreeMap<String, FromFile>,
    ) -> Result<(), StartError> {
        for (slot, path) in &config.plugins.files {
            let kind = if slot == POLICY_SLOT { PluginKind::Policy } else { PluginKind::Connector };
            let connector = self.deployments.connectors().get(slot);
            // A connector that no account uses has no slot, and needs none.
            if kind == PluginKind::Connector && connector.is_none() {
                continue;
            }
            let file = path.display().to_string();
            // Package managers put links there.
            let read = component_file::read_apart(path.clone(), Links::Followed).await;
            let Contents { component, signature, .. } = match read {
                Ok(contents) => contents,
                Err(refused) => return Err(StartError::ComponentFile { kind, file, error: refused.into() }),
            };
            if self.deployments.is_known(slot, Source::Configuration, &component) {
                continue;
            }
            let digest = Digest::of(&component);
            let is_active = |connector: &Arc<ConnectorSlot>| connector.slot().active().digest == digest;
            if connector.is_some_and(|connector| connector.slot().carried() == digest && is_active(connector))
            {
                // The slot has begun with it.
                let seen = self.deployments.have_seen(kind, slot, Source::Configuration, &component);
                seen.await.map_err(|error| StartError::Component { kind, file, error })?;
                continue;
            }
            let offer = match news.remove(slot) {
                Some((compiled, signature)) => Offer::compiled(compiled, "configuration").signed(signature),
                None => Offer::new(component, "configuration").signed(signature),
            };
            let offered = offer.found_in(Source::Configuration).out_of(Some(file.clone()));
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

    /// Puts on record, and publishes, that a connector could not begin.
    pub(super) async fn connector_is_out(&self, name: &str, why: &str) {
        tracing::error!(connector = name, "its accounts are not served: {why}");
        let about = AboutPlugin {
            slot: name.to_owned(),
            by: BY_HOST.to_owned(),
            reason: Some(why.to_owned()),
            ..AboutPlugin::default()
        };
        self.announcer.services.events.say(&Event::rejected(PluginKind::Connector, about));
        self.deployments.note_refused(PluginKind::Connector, name, Action::Start, BY_HOST, why).await;
    }

    /// Takes what is moved into the watched folder, until the returned folder is dropped; none if the
    /// configuration has no such folder. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the folder cannot be watched.
    pub(super) fn watch_folder(self: &Arc<Self>) -> Result<Option<Folder>, FolderError> {
        let Some(path) = &self.folder else { return Ok(None) };
        let names = self.deployments.connectors().keys().cloned().chain([POLICY_FILE.to_owned()]);
        let (folder, mut finds) = Folder::watch(path, names)?;
        let desk = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(found) = finds.recv().await {
                let Some(desk) = desk.upgrade() else { return };
                desk.take_found(found).await;
            }
        });
        Ok(Some(folder))
    }

    async fn take_found(&self, found: Found) {
        match found {
            Found::Component { slot_file, component, signature, was_there } => {
                let (kind, slot) = slot_of(&slot_file);
                // A file that was there before this start is not news. One that is moved in is a request,
                // even if it is the same.
                if was_there && self.deployments.is_known(slot, Source::Folder, &component) {
                    return;
                }
                let offer = Offer::new(component, BY_FOLDER).signed(signature).found_in(Source::Folder);
                let offer = offer.out_of(Some(format!("{slot_file}.wasm")));
                // A refusal is on record, and was published.
                match self.install {
                    Install::AtOnce => drop(self.deployments.swap(kind, Some(slot), &offer).await),
                    Install::WhenAsked => drop(self.deployments.offer(kind, Some(slot), &offer).await),
                }
            }
            Found::Refused { slot_file, why } => {
                let (kind, slot) = slot_of(&slot_file);
                self.deployments.note_refused(kind, slot, Action::Swap, BY_FOLDER, &why).await;
                // As it is now the file is not news at the next start either.
                let Some(path) = self.folder.as_ref().map(|folder| folder.join(format!("{slot_file}.wasm")))
                else {
                    return;
                };
                if let Ok(contents) = component_file::read_apart(path, Links::Refused).await {
                    let seen = self.deployments.have_seen(kind, slot, Source::Folder, &contents.component);
                    if let Err(error) = seen.await {
                        tracing::error!(slot, "the next start may load what was refused: {error}");
                    }
                }
            }
        }
    }

    /// Returns the connectors that run, for the document about the bridge.
    pub(super) fn connectors_in_short(&self) -> Vec<serde_json::Value> {
        let short = |connector: &Arc<ConnectorSlot>| {
            let connected = connector.active();
            let Generation { name, version, digest, .. } = connected.generation();
            json!({"kind": "connector", "name": name, "version": version, "digest": digest})
        };
        self.deployments.connectors().values().map(short).collect()
    }

    /// Publishes which policy runs, and how it does.
    pub(super) fn announce_policy(&self) {
        let topics = &self.announcer.services.topics;
        let document = self.plugin_document(POLICY_SLOT, self.deployments.policy().as_ref());
        self.announcer.publish_retained(topics.bridge_policy(POLICY_SLOT), &document);
    }

    /// Publishes which connectors run, and how they do.
    pub(super) fn announce_connectors(&self) {
        let topics = &self.announcer.services.topics;
        for (name, connector) in self.deployments.connectors() {
            let document = self.plugin_document(name, connector.as_ref());
            self.announcer.publish_retained(topics.bridge_connector(name), &document);
        }
    }

    /// Describes a plugin as Home Assistant's update entities want it, and more.
    fn plugin_document<S: Pluggable>(&self, name: &str, slot: &S) -> serde_json::Value {
        let slot = slot.slot();
        let (active, is_first) = (slot.active(), slot.previous().is_empty());
        let trying = match S::KIND {
            PluginKind::Policy => self.deployments.rollouts().current(),
            PluginKind::Connector => None,
        };
        let installed = told_apart(&active.version, active.digest);
        let on_offer = self.deployments.on_offer(S::KIND, name);
        let latest = match (&trying, &on_offer) {
            (Some(rollout), _) => told_apart(&rollout.candidate.version, rollout.candidate.digest),
            (None, Some(offer)) => told_apart(&offer.version, offer.digest),
            (None, None) => installed.clone(),
        };
        json!({
            "installed_version": installed,
            "latest_version": latest,
            "in_progress": self.deployments.is_at_work(name),
            "name": active.name,
            "digest": active.digest,
            "generation": active.number,
            "since": active.loaded_at,
            "by": active.by,
            "state": deployment::state(active.as_ref(), is_first, slot.was_rolled_back()),
            "faults": active.health.faults(),
            "rollout": trying,
        })
    }

    /// Publishes which plugins run whenever that changes, whatever changed it.
    pub(super) fn watch(self: &Arc<Self>) {
        let policy = self.deployments.policy().changes();
        self.whenever(policy, |desk| desk.announce_policy());
        for connector in self.deployments.connectors().values() {
            self.whenever(connector.changes(), |desk| desk.announce_connectors());
        }
        self.whenever(self.deployments.changes(), |desk| {
            desk.announce_policy();
            desk.announce_connectors();
        });
    }

    fn whenever(self: &Arc<Self>, mut changes: tokio::sync::watch::Receiver<()>, say: fn(&Self)) {
        let desk = Arc::downgrade(self);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(desk) = desk.upgrade() else { return };
                say(&desk);
            }
        });
    }
}

/// The slot that a file of the watched folder is for.
fn slot_of(slot_file: &str) -> (PluginKind, &str) {
    match slot_file {
        POLICY_FILE => (PluginKind::Policy, POLICY_SLOT),
        connector => (PluginKind::Connector, connector),
    }
}

/// A version that tells two builds of it apart. Not as a version number with a suffix: Home Assistant
/// compares those without it, and would show no candidate that differs by digest only.
fn told_apart(version: &str, digest: Digest) -> String {
    let digest = digest.to_string();
    format!("{version} ({})", digest.get(..TELLING).unwrap_or(&digest))
}

/// Digits of a digest that tell two components apart.
const TELLING: usize = 12;
