//! The terms on which connectors run: who they are, and what they are granted.

use std::sync::Arc;

use super::activation::{ActivationError, Compiled};
use super::{connector, wants};
use crate::bindings::connector::Manifest;
use crate::descriptor::{Grant, excess};
use crate::sandbox::Sandbox;

/// The terms on which a connector is in a slot: the owner's word, whatever a component says.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Name of the slot, and of every component in it.
    pub name: String,
    /// What the connector may reach, know and do.
    pub grant: Arc<Grant>,
}

impl Terms {
    /// Checks who a component says that it is, and what it asks for.
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), ActivationError> {
        if manifest.name != self.name {
            return Err(ActivationError::WrongIdentity(format!(
                "this is the connector {}, and the slot is that of {}; only another version of {} can take its place, \
                 because the sessions belong to it",
                manifest.name, self.name, self.name
            )));
        }
        let wanted = wants::wanted(&manifest.wants).map_err(ActivationError::TrialAnswer)?;
        match excess(&wanted, &self.grant) {
            excess if excess.is_empty() => Ok(()),
            excess => Err(ActivationError::NotGranted { connector: self.name.clone(), excess }),
        }
    }
}

/// A connector that was looked at: who it is, and what it asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
    /// Name that it gives itself.
    pub name: String,
    /// Version that it claims.
    pub version: String,
    /// A sentence for people.
    pub description: String,
    /// What it asks for.
    pub wanted: Grant,
}

impl Asking {
    /// Looks at a component as a host does before it loads it, but for the trial.
    ///
    /// # Errors
    ///
    /// When it is not a connector that a host would take, or asks for what nobody could grant.
    pub async fn of(sandbox: &Sandbox, compiled: &Compiled) -> Result<Self, ActivationError> {
        let Manifest { name, version, description, wants, .. } =
            connector::prepare(sandbox, compiled).await?.plugin.manifest;
        let wanted = wants::wanted(&wants).map_err(ActivationError::TrialAnswer)?;
        Ok(Self { name, version, description, wanted })
    }
}
