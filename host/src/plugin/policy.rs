//! The policy's slot, and the questions that the host asks a policy.

use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::{InstancePre, Linker};

use super::activation::{self, ActivationError, Compiled, Trial};
use super::rollout::RolloutPlace;
use super::{NativePolicy, Pluggable, PluginKind, embedded, layer, texts, trial, unanswered};
use crate::bindings::policy::{
    Attempt, CircuitScope, CircuitSettings, Decision, Failure, Guest, GuestIndices, Manifest,
    RefreshDecision, SessionView, Verdict,
};
use crate::digest::Digest;
use crate::metrics::PolicyMeter;
use crate::plugin::slot::{Candidate, Generation, Health, Provenance, Slot};
use crate::sandbox::{self, Budget, CallFault, Cx, Sandbox, wasi};
use crate::wire::report::PolicyUsed;

/// Asks one question in a fresh instance: `ask!(plugin, call_describe)`.
macro_rules! ask {
    ($plugin:expr, $call:ident $(, $argument:expr)*) => {
        async {
            let (mut store, guest) = $plugin.instantiate().await?;
            sandbox::answer($plugin.budget(), guest.$call(&mut store $(, $argument)*)).await
        }
        .await
    };
}

/// A policy that is ready to be asked.
pub struct PolicyPlugin {
    sandbox: Sandbox,
    code: Code,
    /// Settings that the policy gave: every call needs them, and the same question has the same answer.
    circuits: Mutex<Vec<(CircuitScope, CircuitSettings)>>,
}

/// Code of a policy.
#[derive(Clone)]
enum Code {
    /// A component, instantiated for each call.
    Component(InstancePre<Cx<()>>, GuestIndices),
    /// A part of this program.
    Native(Arc<dyn NativePolicy>),
}

impl std::fmt::Debug for PolicyPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyPlugin").finish_non_exhaustive()
    }
}

impl PolicyPlugin {
    fn new(sandbox: &Sandbox, code: Code) -> Self {
        Self { sandbox: sandbox.clone(), code, circuits: Mutex::default() }
    }

    /// Returns the same policy as something that others can be laid over.
    fn as_base(&self) -> Arc<Self> {
        Arc::new(Self::new(&self.sandbox, self.code.clone()))
    }

    async fn instantiate(&self) -> Result<(Store<Cx<()>>, Guest), CallFault> {
        let Code::Component(pre, indices) = &self.code else {
            return Err(CallFault::NotInstantiated("it is no component".to_owned()));
        };
        let budget = self.budget();
        let mut store = self.sandbox.store(budget, ());
        let instance = sandbox::answer(budget, pre.instantiate_async(&mut store)).await?;
        let guest =
            indices.load(&mut store, &instance).map_err(|error| CallFault::not_instantiated(&error))?;
        Ok((store, guest))
    }

    /// The policy, if it is a part of this program.
    fn native(&self) -> Option<&dyn NativePolicy> {
        match &self.code {
            Code::Component(..) => None,
            Code::Native(native) => Some(native.as_ref()),
        }
    }

    /// Asks who this is.
    pub(super) async fn describe(&self) -> Result<Manifest, CallFault> {
        match self.native() {
            Some(_) => Ok(native_manifest()),
            None => ask!(self, call_describe),
        }
    }

    /// Asks what kind of failure this is.
    pub(super) async fn classify(&self, failure: &Failure) -> Result<Verdict, CallFault> {
        match self.native() {
            Some(native) => Ok(native.classify(failure)),
            None => ask!(self, call_classify, failure),
        }
    }

    /// Asks what to do next.
    pub(super) async fn decide(&self, attempt: &Attempt) -> Result<Decision, CallFault> {
        match self.native() {
            Some(native) => Ok(native.decide(attempt)),
            None => ask!(self, call_decide, attempt),
        }
    }

    /// Asks whether the session may be refreshed now.
    pub(super) async fn admit_refresh(&self, session: &SessionView) -> Result<RefreshDecision, CallFault> {
        match self.native() {
            Some(native) => Ok(native.admit_refresh(session)),
            None => ask!(self, call_admit_refresh, session),
        }
    }

    /// Asks when this circuit opens.
    pub(super) async fn circuit(&self, scope: &CircuitScope) -> Result<CircuitSettings, CallFault> {
        match self.native() {
            Some(native) => Ok(native.circuit(scope)),
            None => ask!(self, call_circuit, scope),
        }
    }

    /// Returns the budget of one call.
    fn budget(&self) -> Budget {
        self.sandbox.policy_budget()
    }

    fn circuits(&self) -> MutexGuard<'_, Vec<(CircuitScope, CircuitSettings)>> {
        self.circuits.lock()
    }

    fn known_circuit(&self, scope: &CircuitScope) -> Option<CircuitSettings> {
        self.circuits().iter().find(|(known, _)| known == scope).map(|(_, settings)| *settings)
    }
}

/// The slot of the policy.
#[derive(Debug)]
pub struct PolicySlot {
    sandbox: Sandbox,
    /// The policy that layers ask: the first one of the slot, or the one below that.
    base: Arc<PolicyPlugin>,
    slot: Slot<PolicyPlugin>,
    rollouts: RolloutPlace,
    meter: PolicyMeter,
}

impl PolicySlot {
    /// Opens a slot with its first policy, which has nothing to prove.
    ///
    /// # Errors
    ///
    /// When the component is not a working policy.
    pub async fn open(
        sandbox: &Sandbox,
        compiled: &Compiled,
        provenance: Provenance,
    ) -> Result<Self, ActivationError> {
        let first = prepare(sandbox, None, compiled, Trial::Waived).await?;
        Ok(Self::of(sandbox, first.plugin.as_base(), first, provenance))
    }

    /// Opens a slot with any policy as the only one, to look at it: a layer lies over the default policy.
    ///
    /// # Errors
    ///
    /// When the component is not a working policy.
    pub async fn alone(
        sandbox: &Sandbox,
        compiled: &Compiled,
        provenance: Provenance,
    ) -> Result<Self, ActivationError> {
        if !compiled.is_layer() {
            return Self::open(sandbox, compiled, provenance).await;
        }
        let below = Compiled::carried(sandbox, embedded::POLICY).await?;
        let base = prepare(sandbox, None, &below, Trial::Waived).await?.plugin.as_base();
        let first = prepare(sandbox, Some(&base), compiled, Trial::Waived).await?;
        Ok(Self::of(sandbox, base, first, provenance))
    }

    /// Opens a slot with a policy that is a part of this program, and has nothing to prove either.
    #[must_use]
    pub fn native(sandbox: &Sandbox, native: Arc<dyn NativePolicy>, provenance: Provenance) -> Self {
        let plugin = PolicyPlugin::new(sandbox, Code::Native(native));
        let Manifest { name, version } = native_manifest();
        let digest = Digest::of(format!("{name} {version}").as_bytes());
        let base = plugin.as_base();
        Self::of(sandbox, base, Candidate { digest, name, version, size: 0, plugin }, provenance)
    }

    fn of(
        sandbox: &Sandbox,
        base: Arc<PolicyPlugin>,
        first: Candidate<PolicyPlugin>,
        provenance: Provenance,
    ) -> Self {
        let (rollouts, meter) = (RolloutPlace::default(), PolicyMeter::default());
        let slot = Slot::new(first, provenance.proven());
        Self { sandbox: sandbox.clone(), base, slot, rollouts, meter }
    }

    /// The meter of everything that a policy is asked here, candidates included.
    pub fn meter(&self) -> &PolicyMeter {
        &self.meter
    }

    /// The active policy.
    pub fn active(self: &Arc<Self>) -> Policy {
        Policy { generation: self.slot.active(), slot: Arc::clone(self) }
    }

    /// The policy that decides for an account: the active one, unless the account takes part in a canary. One
    /// operation works with one policy from start to end: take it once.
    pub fn active_for(self: &Arc<Self>, account: &str) -> Policy {
        match self.rollouts.deciding_for(account) {
            Some(generation) => Policy { generation, slot: Arc::clone(self) },
            None => self.active(),
        }
    }

    /// Wraps this generation, to ask it something beside the active one.
    pub(crate) fn with(self: &Arc<Self>, generation: Arc<Generation<PolicyPlugin>>) -> Policy {
        Policy { generation, slot: Arc::clone(self) }
    }

    /// The rollouts: a candidate in shadow or as a canary.
    pub(crate) fn rollouts(&self) -> &RolloutPlace {
        &self.rollouts
    }

    /// Notifies of every change of the active policy.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.slot.changes()
    }

    /// Tests a component without making it the active policy: imports, interface, and a trial under the
    /// limits that hold in production.
    ///
    /// # Errors
    ///
    /// When the component was not accepted.
    pub async fn verify(
        &self,
        compiled: &Compiled,
        trial: Trial,
    ) -> Result<Candidate<PolicyPlugin>, ActivationError> {
        prepare(&self.sandbox, Some(&self.base), compiled, trial).await
    }

    /// Makes a verified component the active policy: one pointer store. Operations under way end with the
    /// policy that they began with. Nothing is stored; see `deployment` for everything else that belongs to a
    /// swap.
    pub fn activate(
        &self,
        candidate: Candidate<PolicyPlugin>,
        provenance: Provenance,
    ) -> Arc<Generation<PolicyPlugin>> {
        self.slot.activate(candidate, provenance).1
    }
}

impl Pluggable for PolicySlot {
    type Plugin = PolicyPlugin;

    const KIND: PluginKind = PluginKind::Policy;

    fn slot(&self) -> &Slot<PolicyPlugin> {
        &self.slot
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    async fn prepare(
        &self,
        compiled: &Compiled,
        trial: Trial,
    ) -> Result<Candidate<PolicyPlugin>, ActivationError> {
        self.verify(compiled, trial).await
    }
}

/// A policy that one operation works with. A question without an answer counts as a fault of the policy; the
/// caller decides what holds then.
#[derive(Debug, Clone)]
pub struct Policy {
    generation: Arc<Generation<PolicyPlugin>>,
    slot: Arc<PolicySlot>,
}

impl Policy {
    /// Generation of this policy.
    #[must_use]
    pub fn generation(&self) -> &Generation<PolicyPlugin> {
        &self.generation
    }

    /// Refers to the generation without keeping it alive: to see when its last user is gone.
    #[must_use]
    pub fn weak(&self) -> Weak<Generation<PolicyPlugin>> {
        Arc::downgrade(&self.generation)
    }

    /// Makes an instance and asks it nothing: what every question costs besides its answer.
    ///
    /// # Errors
    ///
    /// The fault. It does not count against the policy.
    pub async fn instantiate(&self) -> Result<(), CallFault> {
        match self.generation.plugin.native() {
            Some(_) => Ok(()),
            None => self.generation.plugin.instantiate().await.map(drop),
        }
    }

    /// Asks what kind of failure this is.
    ///
    /// # Errors
    ///
    /// The fault.
    pub async fn classify(&self, failure: &Failure) -> Result<Verdict, CallFault> {
        let begun = Instant::now();
        let answer = self.generation.plugin.classify(failure).await;
        self.counted("classify", begun, answer).map(texts::of_verdict)
    }

    /// Asks what to do next.
    ///
    /// # Errors
    ///
    /// The fault.
    pub async fn decide(&self, attempt: &Attempt) -> Result<Decision, CallFault> {
        let begun = Instant::now();
        let answer = self.generation.plugin.decide(attempt).await;
        self.counted("decide", begun, answer).map(texts::of_decision)
    }

    /// Asks whether the session may be refreshed now.
    ///
    /// # Errors
    ///
    /// The fault.
    pub async fn admit_refresh(&self, session: &SessionView) -> Result<RefreshDecision, CallFault> {
        let begun = Instant::now();
        let answer = self.generation.plugin.admit_refresh(session).await;
        self.counted("admit-refresh", begun, answer).map(texts::of_refresh_decision)
    }

    /// Asks when this circuit opens. The default without an answer: after five failures in a row, for a
    /// minute. Asked until there is an answer, which is then remembered for this generation.
    pub async fn circuit(&self, scope: &CircuitScope) -> CircuitSettings {
        let plugin = &self.generation.plugin;
        if let Some(settings) = plugin.known_circuit(scope) {
            return settings;
        }
        let begun = Instant::now();
        let answer = plugin.circuit(scope).await;
        if let Ok(settings) = &answer {
            plugin.circuits().push((scope.clone(), *settings));
        }
        self.counted("circuit", begun, answer).unwrap_or(unanswered::CIRCUIT)
    }

    /// Counts an answer for the policy, and a missing one against it.
    fn counted<T>(
        &self,
        question: &str,
        begun: Instant,
        answer: Result<T, CallFault>,
    ) -> Result<T, CallFault> {
        self.slot.meter.asked(begun.elapsed(), answer.as_ref().err());
        match &answer {
            Ok(_) => self.slot.slot.answered(&self.generation),
            Err(fault) => {
                let faults = self.slot.slot.fault(&self.generation, question, fault);
                if faults >= Health::FAULTS && self.slot.slot.active().number != self.generation.number {
                    self.slot.slot.quarantine(self.generation.digest);
                    let why = format!("{faults} calls without an answer; the last one, {question}: {fault}");
                    self.slot.rollouts.end_of(&self.generation, why);
                }
            }
        }
        answer
    }
}

/// Checks everything that comes before the pointer store: imports, interface, trial.
async fn prepare(
    sandbox: &Sandbox,
    base: Option<&Arc<PolicyPlugin>>,
    compiled: &Compiled,
    trial: Trial,
) -> Result<Candidate<PolicyPlugin>, ActivationError> {
    let (digest, component) = (compiled.digest, &compiled.component);
    let shown = compiled.shown();
    activation::check_imports(&shown)?;
    let mut linker: Linker<Cx<()>> = Linker::new(sandbox.engine());
    let wrong = |error: wasmtime::Error| ActivationError::WrongInterface {
        interface: "vehicle:connector/policy",
        why: sandbox::cause(&error),
    };
    match (shown.layer(), base) {
        (Some(interface), Some(base)) => {
            wasi::link(&mut linker, component).map_err(wrong)?;
            layer::link(&mut linker, interface, base).map_err(wrong)?;
        }
        (Some(_), None) => return Err(ActivationError::NothingBelow),
        // A policy that ships with a connector shares its imports. As a policy it gets none of them.
        (None, _) => wasi::link_alone(&mut linker, component).map_err(wrong)?,
    }
    let pre = linker.instantiate_pre(component).map_err(wrong)?;
    let indices = GuestIndices::new(&pre).map_err(wrong)?;
    let plugin = PolicyPlugin::new(sandbox, Code::Component(pre, indices));
    let manifest = trial::of_policy(&plugin, trial).await?;
    let Manifest { name, version } = manifest;
    Ok(Candidate { digest, name, version, size: compiled.bytes.len(), plugin })
}

/// Who a policy is that is a part of this program.
fn native_manifest() -> Manifest {
    Manifest { name: "native".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

impl From<&Policy> for PolicyUsed {
    fn from(policy: &Policy) -> Self {
        let generation = policy.generation();
        Self {
            name: generation.name.clone(),
            version: generation.version.clone(),
            generation: generation.number,
        }
    }
}
