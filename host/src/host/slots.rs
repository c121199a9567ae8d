//! The slots that a host begins with.
//!
//! A slot begins with the component that the program carries, so that there is one to go back to, and the file
//! that the configuration names takes its place before anything is asked. Where the program carries none, the
//! slot begins with the file. Either comes in as any component does: pinned, signed, asking for no more than it
//! is granted, and tried.
//!
//! A connector that cannot begin keeps its own accounts from being served, and no others: the owner of two
//! cars of two vendors would otherwise lose both because of the file of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::assemble::Begin;
use super::start_error::StartError;
use crate::account::for_trial;
use crate::component_file::{self, Contents, Links};
use crate::config::{self, Config};
use crate::deployment::{Later, Source, has_seen, restore_connector, restore_policy, rolled_back};
use crate::digest::Digest;
use crate::plugin::slot::Provenance;
use crate::plugin::{
    Compiled, ConnectorSlot, POLICY_SLOT, Pluggable, PluginKind, Plugins, PolicySlot, Terms, Trial,
};
use crate::sandbox::Sandbox;
use crate::services::Services;

/// The component of a file that the configuration names, with its signature.
pub(super) type FromFile = (Compiled, Option<String>);

/// The slots of a host.
pub(super) struct Slots {
    pub(super) policy: Arc<PolicySlot>,
    /// Slots of the connectors, one for each, however many accounts use it: a swap is for all of them.
    pub(super) connectors: BTreeMap<String, Arc<ConnectorSlot>>,
    /// Connectors that are configured for accounts and cannot begin, by name, and why.
    pub(super) out: BTreeMap<String, StartError>,
    /// What of the policies is compiled while the host serves already.
    pub(super) later: Later,
    /// Components of files that are new, were checked, and are to take the place of what the program carries.
    pub(super) news: BTreeMap<String, FromFile>,
}

impl Slots {
    pub(super) async fn open(
        config: &Config,
        services: &Services,
        plugins: &Plugins,
        begin: Begin,
    ) -> Result<Self, StartError> {
        let sandbox = plugins.sandbox.with_budgets(config.limits.policy, config.limits.connector);
        let opening = Opening { config, services, plugins, sandbox, begin };
        let (policy, later) = opening.policy().await?;
        let mut slots =
            Self { policy, later, connectors: BTreeMap::new(), out: BTreeMap::new(), news: BTreeMap::new() };
        for (slug, account) in &config.accounts {
            let name = account.connector.as_str();
            if slots.connectors.contains_key(name) || slots.out.contains_key(name) {
                continue;
            }
            match opening.connector(slug.as_str(), account).await {
                Ok((slot, news)) => {
                    slots.news.extend(news.map(|news| (name.to_owned(), news)));
                    slots.connectors.insert(name.to_owned(), slot);
                }
                // Without a store nothing can be kept, whichever connector it is.
                Err(StartError::Store(error)) => return Err(error.into()),
                Err(error) => drop(slots.out.insert(name.to_owned(), error)),
            }
        }
        match slots.out.pop_first() {
            // A host that serves nothing only looks as if it ran.
            Some((_, error)) if slots.connectors.is_empty() => Err(error),
            Some((name, error)) => {
                slots.out.insert(name, error);
                Ok(slots)
            }
            None => Ok(slots),
        }
    }
}

/// The opening of slots, with what all of them need.
struct Opening<'o> {
    config: &'o Config,
    services: &'o Services,
    plugins: &'o Plugins,
    sandbox: Sandbox,
    begin: Begin,
}

impl Opening<'_> {
    /// Opens the slot of the policy. Returns with it what is yet to be compiled.
    async fn policy(&self) -> Result<(Arc<PolicySlot>, Later), StartError> {
        let (store, clock) = (&self.services.store, self.services.clock.as_ref());
        let carried = self.plugins.policy().ok_or(StartError::NoPolicy)?;
        let opened = PolicySlot::open(&self.sandbox, carried, self.carried()).await;
        let policy = Arc::new(opened.map_err(StartError::Policy)?);
        let mut later = Later::default();
        if self.begin == Begin::Restored {
            let (trust, files) = (&self.config.plugins.trust, &self.config.plugins.files);
            let accounts = self.config.accounts.keys().map(|slug| slug.as_str());
            let trust = (trust, files.contains_key(POLICY_SLOT));
            later = restore_policy(&policy, store, clock, trust, accounts).await?;
        }
        Ok((policy, later))
    }

    /// Opens the slot of an account's connector. Returns with it the component of its file, if that is new and
    /// not what the slot begins with.
    async fn connector(
        &self,
        slug: &str,
        account: &config::Account,
    ) -> Result<(Arc<ConnectorSlot>, Option<FromFile>), StartError> {
        let name = account.connector.as_str();
        if let Some(problem) =
            self.config.plugins.unusable.get(name).filter(|_| self.begin == Begin::Restored)
        {
            return Err(StartError::Unusable { name: name.to_owned(), problem: problem.clone() });
        }
        let failed = |error| StartError::Connector { name: name.to_owned(), error };
        let terms = Terms { name: name.to_owned(), grant: Arc::clone(&account.grant) };
        let trial_account = for_trial(slug, account);
        let (compiled, provenance) = match self.plugins.connectors.get(name) {
            Some(carried) => (carried.clone(), self.carried()),
            None => {
                let (compiled, signature) = self.of_file(name).await?;
                let now = self.services.clock.now();
                (compiled, Provenance::new(now, Source::Configuration.name()).signed(signature))
            }
        };
        let opened = ConnectorSlot::open_on(&self.sandbox, terms, &compiled, provenance, trial_account).await;
        let slot = Arc::new(opened.map_err(failed)?);
        if self.begin != Begin::Restored {
            return Ok((slot, None));
        }
        let (store, clock) = (&self.services.store, self.services.clock.as_ref());
        let (trust, files) = (&self.config.plugins.trust, &self.config.plugins.files);
        restore_connector(name, &slot, store, clock, trust, files.contains_key(name)).await?;
        let news = if self.plugins.connectors.contains_key(name) && files.contains_key(name) {
            self.news(name, &slot).await?
        } else {
            None
        };
        Ok((slot, news))
    }

    fn carried(&self) -> Provenance {
        Provenance::new(self.services.clock.now(), "carried by the program").proven()
    }

    /// Checks the component of a file that is to take the place of the carried one, unless it was found there
    /// before, or had to be rolled back.
    async fn news(&self, name: &str, slot: &ConnectorSlot) -> Result<Option<FromFile>, StartError> {
        let Contents { component, .. } = self.contents(name).await?;
        let (store, digest) = (self.services.store.as_ref(), Digest::of(&component));
        if has_seen(store, name, Source::Configuration, digest).await?
            || rolled_back(store, name, digest).await?.is_some()
        {
            return Ok(None);
        }
        let (compiled, signature) = self.of_file(name).await?;
        let failed = |error| StartError::Connector { name: name.to_owned(), error };
        slot.prepare(&compiled, Trial::Full).await.map_err(failed)?;
        Ok(Some((compiled, signature)))
    }

    async fn contents(&self, name: &str) -> Result<Contents, StartError> {
        let kind = PluginKind::Connector;
        let Some(path) = self.config.plugins.files.get(name) else {
            return Err(StartError::NoConnector { name: name.to_owned() });
        };
        let file = path.display().to_string();
        // Package managers put links there.
        let read = component_file::read_apart(path.clone(), Links::Followed).await;
        read.map_err(|refused| StartError::ComponentFile { kind, file, error: refused.into() })
    }

    /// Compiles the component of the file that the configuration names, if it may be in this slot.
    async fn of_file(&self, name: &str) -> Result<FromFile, StartError> {
        let Contents { component, signature, .. } = self.contents(name).await?;
        let file = self.config.plugins.files.get(name).map(|path| path.display().to_string());
        let refused = |error| StartError::Component {
            kind: PluginKind::Connector,
            file: file.clone().unwrap_or_default(),
            error,
        };
        let (trust, digest) = (&self.config.plugins.trust, Digest::of(&component));
        trust.pinned(name, digest).map_err(|error| refused(error.into()))?;
        trust.signed(&component, signature.as_deref()).map_err(|error| refused(error.into()))?;
        let compiled = Compiled::of(&self.sandbox, &component).await;
        Ok((compiled.map_err(|error| refused(error.into()))?, signature))
    }
}
