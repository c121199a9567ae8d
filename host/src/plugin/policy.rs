//! The policy's slot, and the questions that the host asks a policy.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wasmtime::Store;
use wasmtime::component::{InstancePre, Linker};

use super::activation::{self, ActivationError, Compiled};
use crate::bindings::policy::{
    Attempt, BodyKind, Certainty, CircuitScope, CircuitSettings, Decision, Effect, Failure, Fault, Guest,
    GuestIndices, Phase, RefreshDecision, SessionView, Verdict,
};
use crate::sandbox::{self, CallFault, Cx, Sandbox, wasi};
use crate::slot::{Candidate, Generation, Slot};

/// After so many calls without an answer a generation is replaced by the one before it.
const FAULTS_BEFORE_ROLLBACK: u32 = 3;

/// The rule that stands in a verdict that the policy did not give.
pub const POLICY_FAULT: &str = "host.policy-fault";

/// A policy that is ready to be instantiated.
pub struct PolicyPlugin {
    sandbox: Sandbox,
    pre: InstancePre<Cx<()>>,
    indices: GuestIndices,
    /// The settings that it gave: they are needed with every call, and the same question has the same answer.
    circuits: Mutex<Vec<(CircuitScope, CircuitSettings)>>,
}

impl std::fmt::Debug for PolicyPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyPlugin").finish_non_exhaustive()
    }
}

impl PolicyPlugin {
    async fn instantiate(&self) -> Result<(Store<Cx<()>>, Guest), CallFault> {
        let budget = self.sandbox.policy_budget();
        let mut store = self.sandbox.store(budget, ());
        let instance = sandbox::answer(budget, self.pre.instantiate_async(&mut store)).await?;
        let guest = self
            .indices
            .load(&mut store, &instance)
            .map_err(|error| CallFault::NotInstantiated(format!("{error:#}")))?;
        Ok((store, guest))
    }

    fn circuits(&self) -> MutexGuard<'_, Vec<(CircuitScope, CircuitSettings)>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_circuit(&self, scope: &CircuitScope) -> Option<CircuitSettings> {
        self.circuits().iter().find(|(known, _)| known == scope).map(|(_, settings)| *settings)
    }
}

/// Asks one question in a fresh instance: `ask!(plugin, call_describe)`.
macro_rules! ask {
    ($plugin:expr, $call:ident $(, $argument:expr)*) => {
        async {
            let (mut store, guest) = $plugin.instantiate().await?;
            sandbox::answer($plugin.sandbox.policy_budget(), guest.$call(&mut store $(, $argument)*)).await
        }
        .await
    };
}

/// The slot of the policy.
#[derive(Debug)]
pub struct PolicySlot {
    sandbox: Sandbox,
    slot: Slot<PolicyPlugin>,
    changes: watch::Sender<()>,
}

impl PolicySlot {
    /// A slot with its first policy.
    ///
    /// # Errors
    ///
    /// When the component is no policy that works.
    pub async fn open(sandbox: &Sandbox, compiled: &Compiled) -> Result<Self, ActivationError> {
        let first = prepare(sandbox, compiled).await?;
        Ok(Self { sandbox: sandbox.clone(), slot: Slot::new(first), changes: watch::Sender::new(()) })
    }

    /// The active policy. One operation works with one policy from start to end: take it once.
    pub fn active(self: &Arc<Self>) -> Policy {
        Policy { generation: self.slot.active(), slot: Arc::clone(self) }
    }

    /// Tells of every change of the active policy.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Puts a component to the test without making it the active policy: size, imports, interface, and a trial
    /// under the limits that hold in production.
    ///
    /// # Errors
    ///
    /// When the component was not accepted.
    pub async fn verify(&self, component: &[u8]) -> Result<Candidate<PolicyPlugin>, ActivationError> {
        self.verify_compiled(&Compiled::of(&self.sandbox, component).await?).await
    }

    /// The same for a component that is compiled already, in the sandbox of this slot.
    ///
    /// # Errors
    ///
    /// When the component was not accepted.
    pub async fn verify_compiled(
        &self,
        compiled: &Compiled,
    ) -> Result<Candidate<PolicyPlugin>, ActivationError> {
        prepare(&self.sandbox, compiled).await
    }

    /// Makes a verified component the active policy. Operations under way end with the policy that they began
    /// with.
    pub fn activate(&self, candidate: Candidate<PolicyPlugin>) -> Arc<Generation<PolicyPlugin>> {
        let (before, after) = self.slot.activate(candidate);
        tracing::info!(
            from = %format_args!("{} {}", before.name, before.version),
            to = %format_args!("{} {}", after.name, after.version),
            generation = after.number,
            digest = %after.digest,
            "policy swapped"
        );
        self.changes.send_replace(());
        after
    }

    /// Verifies a component and makes it the active policy.
    ///
    /// # Errors
    ///
    /// When the component was not accepted; then the active policy is what it was.
    pub async fn swap(&self, component: &[u8]) -> Result<Arc<Generation<PolicyPlugin>>, ActivationError> {
        Ok(self.activate(self.verify(component).await?))
    }

    /// Counts a call without an answer, and goes back to the previous policy after a few.
    fn fault(&self, generation: &Generation<PolicyPlugin>, question: &str, fault: &CallFault) {
        let faults = generation.faults.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(
            policy = generation.name,
            version = generation.version,
            generation = generation.number,
            question,
            kind = fault.kind(),
            faults,
            "the policy did not answer: {fault}"
        );
        if faults != FAULTS_BEFORE_ROLLBACK {
            return;
        }
        if let Some(previous) = self.slot.roll_back_from(generation.number) {
            previous.faults.store(0, Ordering::Relaxed);
            tracing::error!(
                from = generation.version,
                to = previous.version,
                generation = previous.number,
                "policy rolled back after {faults} calls without an answer"
            );
            self.changes.send_replace(());
        }
    }
}

/// A policy that one operation works with. Every question has an answer: what the plugin does not say, the host
/// answers with "unknown, do not repeat".
#[derive(Debug, Clone)]
pub struct Policy {
    generation: Arc<Generation<PolicyPlugin>>,
    slot: Arc<PolicySlot>,
}

impl Policy {
    /// Which policy this is.
    #[must_use]
    pub fn generation(&self) -> &Generation<PolicyPlugin> {
        &self.generation
    }

    /// What kind of failure is this?
    pub async fn classify(&self, failure: &Failure) -> Verdict {
        let answer = ask!(self.generation.plugin, call_classify, failure);
        self.or_fault("classify", answer).unwrap_or_else(|| Verdict {
            fault: Fault::Unknown,
            rule: POLICY_FAULT.to_owned(),
            counts_against: None,
        })
    }

    /// What next?
    pub async fn decide(&self, attempt: &Attempt) -> Decision {
        let answer = ask!(self.generation.plugin, call_decide, attempt);
        self.or_fault("decide", answer).unwrap_or(Decision::GiveUp)
    }

    /// May the session be refreshed now? Without an answer it may: the host's own rules (one refresh for each
    /// generation, back-off, latch) hold either way, and a broken policy must not keep a home out of its car.
    pub async fn admit_refresh(&self, session: &SessionView) -> RefreshDecision {
        let answer = ask!(self.generation.plugin, call_admit_refresh, session);
        self.or_fault("admit-refresh", answer).unwrap_or(RefreshDecision::Refresh)
    }

    /// When does this circuit open? Without an answer after five failures in a row, for a minute. Asked until there is
    /// an answer, then remembered for this generation.
    pub async fn circuit(&self, scope: &CircuitScope) -> CircuitSettings {
        let plugin = &self.generation.plugin;
        if let Some(settings) = plugin.known_circuit(scope) {
            return settings;
        }
        let answer = ask!(plugin, call_circuit, scope);
        if let Ok(settings) = &answer {
            plugin.circuits().push((scope.clone(), *settings));
        }
        self.or_fault("circuit", answer).unwrap_or(CircuitSettings {
            consecutive_failures: 5,
            failure_ratio: 0.0,
            minimum_calls: 0,
            window: 60_000,
            open_for: 60_000,
            probes: 1,
            probe_lease: 30_000,
        })
    }

    fn or_fault<T>(&self, question: &str, answer: Result<T, CallFault>) -> Option<T> {
        answer.inspect_err(|fault| self.slot.fault(&self.generation, question, fault)).ok()
    }
}

/// Everything that comes before the pointer store: compile, imports, interface, trial.
async fn prepare(sandbox: &Sandbox, compiled: &Compiled) -> Result<Candidate<PolicyPlugin>, ActivationError> {
    let Compiled { digest, component } = compiled.clone();
    activation::check_imports(sandbox, &component)?;
    let mut linker: Linker<Cx<()>> = Linker::new(sandbox.engine());
    let wrong = |error: wasmtime::Error| ActivationError::WrongInterface {
        interface: "vehicle:connector/policy",
        why: format!("{error:#}"),
    };
    // A policy that ships with a connector shares its imports. As a policy it gets none of them.
    wasi::link_alone(&mut linker, &component).map_err(wrong)?;
    let pre = linker.instantiate_pre(&component).map_err(wrong)?;
    let indices = GuestIndices::new(&pre).map_err(wrong)?;
    let plugin = PolicyPlugin { sandbox: sandbox.clone(), pre, indices, circuits: Mutex::default() };
    let manifest = trial(&plugin).await?;
    Ok(Candidate { digest, name: manifest.name, version: manifest.version, plugin })
}

/// A few questions whose answers are beyond dispute, asked under the limits that will hold in production.
/// Instantiation alone is needed too: only it compares the signatures of exports.
async fn trial(plugin: &PolicyPlugin) -> Result<crate::bindings::policy::Manifest, ActivationError> {
    let wrong = |why: String| Err(ActivationError::TrialAnswer(why));
    let manifest = ask!(plugin, call_describe)?;
    if manifest != ask!(plugin, call_describe)? {
        return wrong("describe does not answer the same twice".to_owned());
    }
    if manifest.name.is_empty() || manifest.name.len() > 64 || manifest.version.len() > 64 {
        return wrong("its name or version is empty or longer than 64 bytes".to_owned());
    }

    let expired = Failure {
        message: "Key not authorized: Token is expired".to_owned(),
        http_status: Some(401),
        ..known_failure(Phase::Status, Effect::Read)
    };
    let verdict = ask!(plugin, call_classify, &expired)?;
    if verdict.fault != Fault::TokenExpired {
        return wrong(format!("an expired token is classified as {:?}", verdict.fault));
    }

    let refused = Failure {
        message: "The refresh token is invalid or has expired".to_owned(),
        http_status: Some(400),
        oauth_error: Some("invalid_grant".to_owned()),
        ..known_failure(Phase::Refresh, Effect::Session)
    };
    let verdict = ask!(plugin, call_classify, &refused)?;
    if verdict.fault == Fault::TokenExpired {
        return wrong("a refused grant (invalid_grant) is classified as an expired token".to_owned());
    }
    Ok(manifest)
}

fn known_failure(phase: Phase, effect: Effect) -> Failure {
    Failure {
        cloud: "hyundai-kia-eu".to_owned(),
        operation: "refresh_cached".to_owned(),
        effect,
        phase,
        certainty: Certainty::Rejected,
        transport: None,
        http_status: None,
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message: String::new(),
        body: BodyKind::Json,
        token_age: Some(3_600_000),
    }
}
