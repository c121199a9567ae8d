//! A connector's slot, and what the host asks a connector.

use std::sync::Arc;

use wasmtime::component::{HasSelf, InstancePre, Linker};

use super::activation::{self, ActivationError, Compiled};
use crate::bindings::connector::{
    Account, Command, Grant, Guest, GuestIndices, Manifest, Outcome, Vehicle, VehicleRef,
};
use crate::bindings::types::Failure;
use crate::bindings::{clock, http, lock, log, mqtt, types};
use crate::primitives::{Call, ConnectorCx};
use crate::sandbox::{self, Budget, CallFault, Sandbox};
use crate::slot::{Candidate, Generation, Slot};

/// A connector that is ready to be instantiated.
pub struct ConnectorPlugin {
    sandbox: Sandbox,
    pre: InstancePre<ConnectorCx>,
    indices: GuestIndices,
    manifest: Manifest,
}

impl std::fmt::Debug for ConnectorPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectorPlugin").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

/// The slot of a connector.
#[derive(Debug)]
pub struct ConnectorSlot {
    slot: Slot<ConnectorPlugin>,
}

impl ConnectorSlot {
    /// A slot with its first connector.
    ///
    /// # Errors
    ///
    /// When the component is no connector that works.
    pub async fn open(sandbox: &Sandbox, compiled: &Compiled) -> Result<Self, ActivationError> {
        Ok(Self { slot: Slot::new(prepare(sandbox, compiled).await?) })
    }

    /// The active connector. One operation works with one connector from start to end: take it once.
    pub fn active(&self) -> Connected {
        Connected { generation: self.slot.active() }
    }
}

/// A question to a connector.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Obtain a session from credentials.
    SignIn,
    /// Renew the session.
    Refresh,
    /// List the vehicles.
    ListVehicles,
    /// Attempt a command.
    Execute(VehicleRef, Command),
    /// Ask what became of a pending command.
    Resume(VehicleRef, Command, String),
}

/// A connector's answer; its kind follows from the question.
#[derive(Debug)]
pub enum Answer {
    /// To [`Ask::SignIn`] and [`Ask::Refresh`].
    Grant(Grant),
    /// To [`Ask::ListVehicles`].
    Vehicles(Vec<Vehicle>),
    /// To [`Ask::Execute`] and [`Ask::Resume`].
    Outcome(Outcome),
}

/// What came of a call: the answer, and the call as the guest left it, with captured secrets and private values.
#[derive(Debug)]
pub struct Called {
    /// The answer, the failure that the connector reports, or why there is neither.
    pub answer: Result<Result<Answer, Failure>, CallFault>,
    /// The call. Its locks are free again.
    pub call: Call,
}

/// A connector that one operation works with.
#[derive(Debug, Clone)]
pub struct Connected {
    generation: Arc<Generation<ConnectorPlugin>>,
}

impl Connected {
    /// Which connector this is.
    #[must_use]
    pub fn generation(&self) -> &Generation<ConnectorPlugin> {
        &self.generation
    }

    /// What the connector says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.generation.plugin.manifest
    }

    /// Asks a question in a fresh instance. Whatever the guest does, the call comes back and its locks are free.
    pub async fn ask(&self, account: &Account, ask: &Ask, call: Call) -> Called {
        let plugin = &self.generation.plugin;
        call.given("a call", &(account, ask));
        let mut store = plugin.sandbox.store(Budget::CONNECTOR, call);
        let answer = sandbox::answer(Budget::CONNECTOR, async {
            let instance = plugin.pre.instantiate_async(&mut store).await?;
            let guest = plugin.indices.load(&mut store, &instance)?;
            match ask {
                Ask::SignIn => guest.call_sign_in(&mut store, account).await.map(|r| r.map(Answer::Grant)),
                Ask::Refresh => guest.call_refresh(&mut store, account).await.map(|r| r.map(Answer::Grant)),
                Ask::ListVehicles => {
                    guest.call_list_vehicles(&mut store, account).await.map(|r| r.map(Answer::Vehicles))
                }
                Ask::Execute(vehicle, command) => {
                    let answer = guest.call_execute(&mut store, account, vehicle, command).await;
                    answer.map(|r| r.map(Answer::Outcome))
                }
                Ask::Resume(vehicle, command, continuation) => {
                    let answer = guest.call_resume(&mut store, account, vehicle, command, continuation).await;
                    answer.map(|r| r.map(Answer::Outcome))
                }
            }
        })
        .await;
        if let Err(fault) = &answer {
            let faults = self.generation.faults.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            tracing::warn!(
                connector = self.generation.name,
                version = self.generation.version,
                kind = fault.kind(),
                faults,
                "the connector did not answer: {fault}"
            );
        }
        Called { answer, call: store.into_data().call }
    }
}

async fn prepare(
    sandbox: &Sandbox,
    compiled: &Compiled,
) -> Result<Candidate<ConnectorPlugin>, ActivationError> {
    let Compiled { digest, component } = compiled.clone();
    activation::check_imports(sandbox, &component)?;
    let wrong = |error: wasmtime::Error| ActivationError::WrongInterface {
        interface: "vehicle:connector/connector",
        why: format!("{error:#}"),
    };
    let linker = linker(sandbox).map_err(wrong)?;
    let pre = linker.instantiate_pre(&component).map_err(wrong)?;
    let indices = GuestIndices::new(&pre).map_err(wrong)?;
    let manifest = describe(sandbox, &component, &indices).await?;
    if manifest.name.is_empty() || manifest.cloud.is_empty() {
        return Err(ActivationError::TrialAnswer("its name or its cloud is empty".to_owned()));
    }
    let (name, version) = (manifest.name.clone(), manifest.version.clone());
    let plugin = ConnectorPlugin { sandbox: sandbox.clone(), pre, indices, manifest };
    Ok(Candidate { digest, name, version, plugin })
}

fn linker(sandbox: &Sandbox) -> wasmtime::Result<Linker<ConnectorCx>> {
    let mut linker = Linker::new(sandbox.engine());
    types::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    http::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    clock::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    mqtt::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    lock::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, |cx| cx)?;
    Ok(linker)
}

/// Asks a connector who it is, without giving it anything to do so.
async fn describe(
    sandbox: &Sandbox,
    component: &wasmtime::component::Component,
    indices: &GuestIndices,
) -> Result<Manifest, ActivationError> {
    let mut linker: Linker<sandbox::Cx<()>> = Linker::new(sandbox.engine());
    let not_instantiated = |error: wasmtime::Error| CallFault::NotInstantiated(format!("{error:#}"));
    linker.define_unknown_imports_as_traps(component).map_err(not_instantiated)?;
    let mut store = sandbox.store(Budget::POLICY, ());
    let manifest = sandbox::answer(Budget::POLICY, async {
        let instance = linker.instantiate_async(&mut store, component).await?;
        let guest: Guest = indices.load(&mut store, &instance)?;
        guest.call_describe(&mut store).await
    });
    Ok(manifest.await?)
}
