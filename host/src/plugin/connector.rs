//! The slot of a connector, and the questions that the host asks a connector.

use std::sync::{Arc, Weak};

use tokio::sync::watch;
use wasmtime::component::{HasSelf, InstancePre, Linker};

use super::activation::{self, ActivationError, Compiled, Trial};
use super::terms::Terms;
use super::trial::{self, TrialAccount};
use super::{NativeConnector, Pluggable, PluginKind, Question, wants};
use crate::bindings::connector::{Account, Guest, GuestIndices, Manifest};
use crate::bindings::types::Failure;
use crate::bindings::{clock, http, lock, log, mqtt, random, types};
use crate::descriptor::is_name;
use crate::digest::Digest;
use crate::plugin::slot::{Candidate, Generation, Provenance, Slot};
use crate::primitives::{Call, ConnectorCx};
use crate::sandbox::{self, Budget, CallFault, Sandbox, wasi};

/// A connector that is ready to be asked.
pub struct ConnectorPlugin {
    code: Code,
    pub(super) manifest: Manifest,
}

/// Code of a connector.
enum Code {
    /// A component, instantiated for each call.
    Component(Box<Component>),
    /// A part of this program.
    Native(Arc<dyn NativeConnector>),
}

/// A component that is ready to be instantiated.
struct Component {
    sandbox: Sandbox,
    pre: InstancePre<ConnectorCx>,
    indices: GuestIndices,
}

impl std::fmt::Debug for ConnectorPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectorPlugin").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

/// The slot of a connector.
#[derive(Debug)]
pub struct ConnectorSlot {
    sandbox: Sandbox,
    terms: Terms,
    slot: Slot<ConnectorPlugin>,
    /// Account that candidates are tried with, like those that they are to serve.
    trial_account: Option<TrialAccount>,
}

impl ConnectorSlot {
    /// Opens a slot with a connector on terms of its own: it is granted whatever it asks for, and there is no
    /// account to try others with. For looking at a component, not for serving anybody.
    ///
    /// # Errors
    ///
    /// When the component is not a working connector.
    pub async fn open(
        sandbox: &Sandbox,
        compiled: &Compiled,
        provenance: Provenance,
    ) -> Result<Self, ActivationError> {
        let candidate = prepare(sandbox, compiled).await?;
        let manifest = &candidate.plugin.manifest;
        let grant = wants::wanted(&manifest.wants).map_err(ActivationError::TrialAnswer)?;
        let terms = Terms { name: manifest.name.clone(), grant: Arc::new(grant) };
        let slot = Slot::new(candidate, provenance.proven());
        Ok(Self { sandbox: sandbox.clone(), terms, slot, trial_account: None })
    }

    /// Opens a slot with a connector that is a part of this program, and has nothing to prove either.
    ///
    /// # Errors
    ///
    /// When what it asks for cannot be granted to anyone.
    pub fn native(
        sandbox: &Sandbox,
        native: Arc<dyn NativeConnector>,
        provenance: Provenance,
    ) -> Result<Self, ActivationError> {
        let manifest = native.manifest();
        let (name, version) = (manifest.name.clone(), manifest.version.clone());
        let grant = wants::wanted(&manifest.wants).map_err(ActivationError::TrialAnswer)?;
        let terms = Terms { name: name.clone(), grant: Arc::new(grant) };
        let digest = Digest::of(format!("native {name} {version}").as_bytes());
        let plugin = ConnectorPlugin { code: Code::Native(native), manifest };
        let slot = Slot::new(Candidate { digest, name, version, size: 0, plugin }, provenance.proven());
        Ok(Self { sandbox: sandbox.clone(), terms, slot, trial_account: None })
    }

    /// Opens a slot with its first connector, which asks for no more than it is granted. A component of the
    /// program has nothing else to prove; any other one is tried with an account like those that it is to
    /// serve, and is on probation.
    ///
    /// # Errors
    ///
    /// When the component is not a working connector, or asks for more.
    pub(crate) async fn open_on(
        sandbox: &Sandbox,
        terms: Terms,
        compiled: &Compiled,
        provenance: Provenance,
        account: TrialAccount,
    ) -> Result<Self, ActivationError> {
        let candidate = prepare(sandbox, compiled).await?;
        terms.check(&candidate.plugin.manifest)?;
        if !provenance.health.is_proven() {
            trial::of_connector(&candidate.plugin, &account).await?;
        }
        Ok(Self {
            sandbox: sandbox.clone(),
            terms,
            slot: Slot::new(candidate, provenance),
            trial_account: Some(account),
        })
    }

    /// The active connector. One operation works with one connector from start to end: take it once.
    pub fn active(self: &Arc<Self>) -> Connected {
        Connected { generation: self.slot.active(), slot: Arc::clone(self) }
    }

    /// Notifies of every change of the active connector.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.slot.changes()
    }
}

impl Pluggable for ConnectorSlot {
    type Plugin = ConnectorPlugin;

    const KIND: PluginKind = PluginKind::Connector;

    fn slot(&self) -> &Slot<ConnectorPlugin> {
        &self.slot
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn cells(plugin: &ConnectorPlugin) -> &[String] {
        &plugin.manifest.cells
    }

    /// Prepares another version of the same connector, which asks for no more than it is granted. Sessions and
    /// registrations belong to the connector that made them, so no other connector can take its place.
    async fn prepare(
        &self,
        compiled: &Compiled,
        trial: Trial,
    ) -> Result<Candidate<ConnectorPlugin>, ActivationError> {
        let candidate = prepare(&self.sandbox, compiled).await?;
        self.terms.check(&candidate.plugin.manifest)?;
        if trial == Trial::Full {
            let none = || ActivationError::TrialAnswer("there is no account to try it with".to_owned());
            let account = self.trial_account.as_ref().ok_or_else(none)?;
            trial::of_connector(&candidate.plugin, account).await?;
        }
        Ok(candidate)
    }
}

/// The result of a call: the answer, and the call as the guest left it, with captured secrets and private
/// values.
#[derive(Debug)]
pub struct Called<A> {
    /// The answer, the failure that the connector reports, or why there is neither.
    pub answer: Result<Result<A, Failure>, CallFault>,
    /// The call. Its locks are free again.
    pub call: Call,
}

/// A connector that one operation works with.
#[derive(Debug, Clone)]
pub struct Connected {
    generation: Arc<Generation<ConnectorPlugin>>,
    slot: Arc<ConnectorSlot>,
}

impl Connected {
    /// Generation of this connector.
    #[must_use]
    pub fn generation(&self) -> &Generation<ConnectorPlugin> {
        &self.generation
    }

    /// Refers to the generation without keeping it alive: to see when its last user is gone.
    #[must_use]
    pub fn weak(&self) -> Weak<Generation<ConnectorPlugin>> {
        Arc::downgrade(&self.generation)
    }

    /// The connector's own description.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.generation.plugin.manifest
    }

    /// Asks a question in a fresh instance. Whatever the guest does, the call comes back and its locks are
    /// free.
    pub async fn ask<Q: Question>(&self, account: &Account, question: &Q, call: Call) -> Called<Q::Answer> {
        let called = self.generation.plugin.ask(account, question, call).await;
        match &called.answer {
            Ok(_) => self.slot.slot.answered(&self.generation),
            Err(fault) => {
                self.slot.slot.fault(&self.generation, Q::FUNCTION, fault);
            }
        }
        called
    }
}

impl ConnectorPlugin {
    /// Asks a question in a fresh instance. Whatever the guest does, the call comes back and its locks are
    /// free.
    pub(super) async fn ask<Q: Question>(
        &self,
        account: &Account,
        question: &Q,
        call: Call,
    ) -> Called<Q::Answer> {
        // What the cloud has given out, or a person handed in, it has as well.
        let account = &Account { secrets: call.secret_names(), ..account.clone() };
        call.given("a call", &(account, question));
        match &self.code {
            Code::Component(component) => component.ask(account, question, call).await,
            Code::Native(native) => {
                let mut call = call;
                let answer = question.put_to_native(native.as_ref(), &mut call, account).await;
                Called { answer: Ok(answer), call }
            }
        }
    }
}

impl Component {
    async fn ask<Q: Question>(&self, account: &Account, question: &Q, call: Call) -> Called<Q::Answer> {
        let budget = self.sandbox.connector_budget();
        let mut store = self.sandbox.store(budget, call);
        let answer = sandbox::answer(budget, async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = self.indices.load(&mut store, &instance)?;
            question.put(&guest, &mut store, account).await
        })
        .await;
        Called { answer, call: store.into_data().call }
    }
}

pub(super) async fn prepare(
    sandbox: &Sandbox,
    compiled: &Compiled,
) -> Result<Candidate<ConnectorPlugin>, ActivationError> {
    let (digest, component) = (compiled.digest, &compiled.component);
    let (shown, interface) = (compiled.shown(), "vehicle:connector/connector");
    activation::check_imports(&shown)?;
    if !shown.is_connector() {
        return Err(ActivationError::WrongInterface { interface, why: "it has no such export".to_owned() });
    }
    let wrong =
        |error: wasmtime::Error| ActivationError::WrongInterface { interface, why: sandbox::cause(&error) };
    let mut linker = linker(sandbox).map_err(wrong)?;
    wasi::link(&mut linker, component).map_err(wrong)?;
    let pre = linker.instantiate_pre(component).map_err(wrong)?;
    let indices = GuestIndices::new(&pre).map_err(wrong)?;
    let manifest = describe(sandbox, component, &indices).await?;
    if manifest != describe(sandbox, component, &indices).await? {
        return Err(ActivationError::TrialAnswer("describe does not answer the same twice".to_owned()));
    }
    check_manifest(&manifest).map_err(ActivationError::TrialAnswer)?;
    let (name, version) = (manifest.name.clone(), manifest.version.clone());
    let code = Code::Component(Box::new(Component { sandbox: sandbox.clone(), pre, indices }));
    let plugin = ConnectorPlugin { code, manifest };
    Ok(Candidate { digest, name, version, size: compiled.bytes.len(), plugin })
}

/// Greatest number of cells of one connector.
const MOST_CELLS: usize = 16;
/// Longest description of a connector, in bytes.
const LONGEST_DESCRIPTION: usize = 512;

/// Checks the names in a manifest, since they end up in topics, records and log lines.
fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    let Manifest { name, version, description, cells, wants: _ } = manifest;
    if !is_name(name) {
        return Err("its name must be 1 to 64 of a-z, 0-9 and \"-\"".to_owned());
    }
    if version.len() > 64 || version.contains(char::is_control) {
        return Err("its version is longer than 64 bytes or has control characters".to_owned());
    }
    if description.len() > LONGEST_DESCRIPTION {
        return Err(format!("its description is longer than {LONGEST_DESCRIPTION} bytes"));
    }
    if cells.len() > MOST_CELLS || !cells.iter().all(|cell| is_name(cell)) {
        return Err(format!(
            "its cells must be at most {MOST_CELLS}, named with 1 to 64 of a-z, 0-9 and \"-\""
        ));
    }
    Ok(())
}

fn linker(sandbox: &Sandbox) -> wasmtime::Result<Linker<ConnectorCx>> {
    let mut linker = Linker::new(sandbox.engine());
    types::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    http::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    clock::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    mqtt::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    lock::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    random::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    Ok(linker)
}

/// Asks a connector for its manifest, without giving the call anything to work with.
async fn describe(
    sandbox: &Sandbox,
    component: &wasmtime::component::Component,
    indices: &GuestIndices,
) -> Result<Manifest, ActivationError> {
    let mut linker: Linker<sandbox::Cx<()>> = Linker::new(sandbox.engine());
    let not_instantiated = |error: wasmtime::Error| CallFault::not_instantiated(&error);
    wasi::link_alone(&mut linker, component).map_err(not_instantiated)?;
    // A description waits for nothing, so it gets no longer than a policy does.
    let budget = Budget { wall: sandbox.policy_budget().wall, ..sandbox.connector_budget() };
    let mut store = sandbox.store(budget, ());
    let manifest = sandbox::answer(budget, async {
        let instance = linker.instantiate_async(&mut store, component).await?;
        let guest: Guest = indices.load(&mut store, &instance)?;
        guest.call_describe(&mut store).await
    });
    Ok(manifest.await?)
}
