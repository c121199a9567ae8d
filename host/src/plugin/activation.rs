//! Checks that a component passes before it may answer: size, compilation, imports, and a trial.

use std::sync::Arc;

use wasmtime::component::Component;

use super::surface::{self, Surface, without_version};
use super::walk::{self, Objection, Tally, TooMuch};
use crate::descriptor::Excess;
use crate::digest::Digest;
use crate::redact;
use crate::sandbox::{Budget, CallFault, Compiler, CompilerFault, LARGEST_COMPONENT, Sandbox, wasi};

/// Longest part of an import's name that is quoted, in bytes.
const LONGEST_NAME: usize = 256;

/// First bytes of a module and of a component (WebAssembly core specification, binary format of modules).
const MAGIC: &[u8] = b"\0asm";

/// The interfaces that a connector may import, without their versions.
const CONNECTOR_IMPORTS: [&str; 7] = [
    "vehicle:connector/types",
    "vehicle:connector/http",
    "vehicle:connector/clock",
    "vehicle:connector/mqtt",
    "vehicle:connector/lock",
    "vehicle:connector/log",
    "vehicle:connector/random",
];

/// Reason why a component was not activated. Nothing has changed when one of these is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// Too large to be looked at.
    #[error("the component has {size} bytes; at most {LARGEST_COMPONENT} are loaded")]
    TooLarge {
        /// Size in bytes.
        size: usize,
    },
    /// Not a WebAssembly component.
    #[error("this is no WebAssembly component: {0}")]
    NotAComponent(String),
    /// More of something than the host compiles.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// Not compiled: the compiler did not finish.
    #[error("it is not compiled: {0}")]
    NotCompiled(CompilerFault),
    /// An import that the host does not provide.
    #[error("the component imports {import}, which the host does not give to it{hint}", import = .0, hint = hint(.0))]
    ForbiddenImport(String),
    /// An interface missing or wrong that the slot needs.
    #[error("the component does not export {interface} as this host knows it: {why}")]
    WrongInterface {
        /// Name of the interface.
        interface: &'static str,
        /// Description of what is wrong.
        why: String,
    },
    /// A layer in a place where there is no policy below it.
    #[error("it is a layer: it asks a policy below it, and there is none in this place")]
    NothingBelow,
    /// A call of the trial without an answer.
    #[error("the trial failed: {fault}{way_out}", fault = .0, way_out = way_out(.0))]
    TrialFault(#[from] CallFault),
    /// A call of the trial with a wrong answer.
    #[error("the trial failed: {0}")]
    TrialAnswer(String),
    /// Another vendor or another purpose than the plugin in this place.
    #[error("{0}")]
    WrongIdentity(String),
    /// More than the owner has granted.
    #[error(
        "it asks for more than it is granted: {}; `vehicle-connector connector install FILE.wasm` shows that and asks, or \
         write it into [connector.{connector}]", listed(.excess)
    )]
    NotGranted {
        /// Name of the connector.
        connector: String,
        /// What it asks for beyond its grant; never empty.
        excess: Vec<Excess>,
    },
}

/// Says how a toolchain leaves an import away that nobody asked it for.
fn hint(import: &str) -> &'static str {
    if import.starts_with("wasi:http/") {
        "; componentize-js leaves it out with -d all, and componentize-qjs has none"
    } else {
        ""
    }
}

/// Says which keys of the configuration allow more than a call had.
fn way_out(fault: &CallFault) -> String {
    let Some(key) = fault.key() else { return String::new() };
    let large = match fault {
        CallFault::OutOfMemory(had) if *had < Budget::LARGE_POLICY.memory => true,
        CallFault::OutOfTime(had) => *had < Budget::LARGE_POLICY.cpu,
        CallFault::TooManyTableElements(had) => *had < Budget::LARGE_POLICY.table_elements,
        _ => false,
    };
    let profile = if large { "a policy has more with `policy = \"large\"` in [limits]; " } else { "" };
    format!(
        "; {profile}the key is {key}, of a policy in [limits.policy] and of a connector in [limits.connector], and a host \
         reads it when it starts"
    )
}

/// Number of things that are named of what a component asks for beyond its grant.
const NAMED: usize = 12;

fn listed(excess: &[Excess]) -> String {
    let mut all: Vec<String> = excess.iter().take(NAMED).map(ToString::to_string).collect();
    if let Some(more) = excess.len().checked_sub(NAMED).filter(|more| *more > 0) {
        all.push(format!("and {more} more"));
    }
    all.join(", ")
}

/// Extent of a trial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trial {
    /// Every question answered, and those about known failures rightly.
    #[default]
    Full,
    /// Every question answered. For policies that are to be measured or shown, whatever they answer.
    Waived,
}

/// A compiled component. Compiling takes long, so a connector and the policy that it ships with share one.
#[derive(Clone)]
pub struct Compiled {
    /// Digest of the component.
    pub digest: Digest,
    /// Bytes that it was compiled from, to be kept for the next start.
    pub(crate) bytes: Arc<[u8]>,
    pub(super) component: Component,
}

impl Compiled {
    /// Compiles a component where the sandbox has components compiled, away from the threads that serve. It
    /// is walked through first, so that nothing is compiled that takes memory or time without bound.
    /// Compilations run one at a time: the next one waits, even when no caller wants the first one any more
    /// and it cannot be interrupted.
    ///
    /// # Errors
    ///
    /// When it is too large, or not a component, or cannot be compiled within the limits.
    pub async fn of(sandbox: &Sandbox, bytes: &[u8]) -> Result<Self, ActivationError> {
        if bytes.len() > LARGEST_COMPONENT {
            return Err(ActivationError::TooLarge { size: bytes.len() });
        }
        // The parser would say the same in many more words.
        if !bytes.starts_with(MAGIC) {
            let what = "it does not begin as WebAssembly does (\\0asm)";
            return Err(ActivationError::NotAComponent(what.to_owned()));
        }
        let bytes: Arc<[u8]> = bytes.into();
        let source = Arc::clone(&bytes);
        // Done before its turn: a component that is refused here need not wait until another one is compiled.
        let looked_at = tokio::task::spawn_blocking(move || {
            walk::walk(&source)?;
            Surface::of(&source).map_err(Objection::Malformed)
        });
        let surface = looked_at.await;
        let surface = surface.unwrap_or_else(|error| Err(Objection::Unreadable(error.to_string())))?;
        check_imports(&surface)?;
        check_memory(&surface, sandbox)?;
        Self::compile(sandbox, sandbox.compiler(), bytes).await
    }

    /// Counts how much a component has of everything that is limited. Compiles nothing.
    ///
    /// # Errors
    ///
    /// When it is not a component, or has too much of something.
    pub fn measure(component: &[u8]) -> Result<Tally, ActivationError> {
        Ok(walk::walk(component)?)
    }

    /// Reads what a component imports and exports. Compiles nothing.
    ///
    /// # Errors
    ///
    /// When it is not a component, or has too much of something.
    pub fn surface(component: &[u8]) -> Result<Surface, ActivationError> {
        walk::walk(component)?;
        Ok(Surface::of(component).map_err(Objection::Malformed)?)
    }

    /// Compiles a component that this program carries. It needs no inspection, and no bounds: where no other process
    /// can compile it, this one does.
    ///
    /// # Errors
    ///
    /// When it is not a component.
    pub async fn carried(sandbox: &Sandbox, bytes: &'static [u8]) -> Result<Self, ActivationError> {
        match Self::compile(sandbox, sandbox.compiler(), bytes.into()).await {
            Err(ActivationError::NotCompiled(fault)) => {
                tracing::warn!("compiled in this process, which costs memory for good: {fault}");
                Self::compile(sandbox, &Compiler::in_process(), bytes.into()).await
            }
            compiled => compiled,
        }
    }

    async fn compile(
        sandbox: &Sandbox,
        compiler: &Compiler,
        bytes: Arc<[u8]>,
    ) -> Result<Self, ActivationError> {
        let turn = sandbox.turn_to_compile().await;
        let component = compiler.compile(sandbox.engine(), Arc::clone(&bytes), turn).await?;
        Ok(Self { digest: Digest::of(&bytes), bytes, component })
    }
}

impl From<Objection> for ActivationError {
    fn from(objection: Objection) -> Self {
        match objection {
            Objection::TooMuch(excess) => Self::TooMuch(excess),
            objection => Self::NotAComponent(redact::cut(objection.to_string(), LONGEST_NAME)),
        }
    }
}

impl From<CompilerFault> for ActivationError {
    fn from(fault: CompilerFault) -> Self {
        match fault {
            CompilerFault::Refused(why) => Self::NotAComponent(why),
            fault => Self::NotCompiled(fault),
        }
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// Refuses a component that imports more than its kind is given. A connector has the host's primitives; a
/// policy that ships with one imports them too, though none answers it; a layer imports the policy below it; any
/// other policy imports nothing. All of them may import WASI, which grants nothing.
pub(super) fn check_imports(surface: &Surface) -> Result<(), ActivationError> {
    let allowed: &[&str] = match surface {
        surface if surface.is_connector() => &CONNECTOR_IMPORTS,
        surface if surface.layer().is_some() => &[surface::POLICY],
        _ => &[],
    };
    let is_forbidden = |name: &&String| !allowed.contains(&without_version(name)) && !wasi::provides(name);
    match surface.imports.iter().find(is_forbidden) {
        Some(name) => Err(ActivationError::ForbiddenImport(redact::cut(name.clone(), LONGEST_NAME))),
        None => Ok(()),
    }
}

/// Refuses a component that no call could instantiate, before it is compiled: the trial would end with the same fault.
fn check_memory(surface: &Surface, sandbox: &Sandbox) -> Result<(), ActivationError> {
    let budget = if surface.is_connector() { sandbox.connector_budget() } else { sandbox.policy_budget() };
    if surface.memory > budget.memory as u64 {
        return Err(CallFault::OutOfMemory(budget.memory).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;

    use futures_util::poll;

    use super::*;

    const SMALLEST: &[u8] = b"\0asm\x0d\0\x01\0";

    /// Runs a test where one thread does all blocking work, in the order in which it is asked to.
    fn with_one_thread(test: impl AsyncFnOnce(Sandbox)) {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(test(Sandbox::uninterrupted().unwrap()));
    }

    /// Waits until all blocking work requested before is done.
    async fn nothing_blocks() {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }

    #[test]
    fn a_second_component_waits_for_its_turn() {
        with_one_thread(async |sandbox| {
            let first = sandbox.turn_to_compile().await;
            let other = sandbox.with_budgets(sandbox.policy_budget(), sandbox.connector_budget());
            let mut second = pin!(Compiled::of(&other, SMALLEST));
            assert!(poll!(&mut second).is_pending());
            nothing_blocks().await;
            assert!(poll!(&mut second).is_pending(), "it was looked through, and then did not wait");
            nothing_blocks().await;
            assert!(poll!(&mut second).is_pending(), "it did not wait");
            drop(first);
            second.await.unwrap();
        });
    }

    #[test]
    fn what_nobody_waits_for_has_its_turn_until_it_is_done() {
        with_one_thread(async |sandbox| {
            let (go_on, wait) = mpsc::channel::<()>();
            let busy = {
                let mut abandoned = pin!(Compiled::of(&sandbox, SMALLEST));
                assert!(poll!(&mut abandoned).is_pending());
                // The component is being walked through.
                nothing_blocks().await;
                let busy = tokio::task::spawn_blocking(move || wait.recv());
                assert!(poll!(&mut abandoned).is_pending());
                busy
            };
            let mut turn = pin!(sandbox.turn_to_compile());
            assert!(poll!(&mut turn).is_pending(), "another one compiles beside it");
            go_on.send(()).unwrap();
            busy.await.unwrap().unwrap();
            assert!(turn.await.is_some());
        });
    }
}
