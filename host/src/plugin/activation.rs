//! What a component goes through before it may answer: size, compilation, imports, and a trial.

use std::sync::Arc;

use wasmtime::component::Component;

use crate::redact;
use crate::sandbox::{self, CallFault, Sandbox, wasi};
use crate::slot::Digest;

/// The largest component that is loaded, in bytes. Policies from Python come with their interpreter.
pub(crate) const LARGEST_COMPONENT: usize = 32 << 20;

/// How much of an import's name is told, in bytes.
const LONGEST_NAME: usize = 256;

/// How a module and a component begin (WebAssembly core specification, binary format of modules).
const MAGIC: &[u8] = b"\0asm";

/// The interfaces that a connector may import, without their versions.
const CONNECTOR_IMPORTS: [&str; 6] = [
    "vehicle:connector/types",
    "vehicle:connector/http",
    "vehicle:connector/clock",
    "vehicle:connector/mqtt",
    "vehicle:connector/lock",
    "vehicle:connector/log",
];

/// Why a component was not activated. Nothing has changed when one of these is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// It is too large to be looked at.
    #[error("the component has {size} bytes; at most {LARGEST_COMPONENT} are loaded")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// It is no WebAssembly component.
    #[error("this is no WebAssembly component: {0}")]
    NotAComponent(String),
    /// It wants something that the host does not give.
    #[error("the component imports {0}, which the host does not give to it")]
    ForbiddenImport(String),
    /// It does not export what it is loaded for.
    #[error("the component does not export {interface} as this host knows it: {why}")]
    WrongInterface {
        /// The interface.
        interface: &'static str,
        /// What is wrong.
        why: String,
    },
    /// It did not answer a call of the trial.
    #[error("the trial failed: {0}")]
    TrialFault(#[from] CallFault),
    /// It answered a call of the trial wrongly.
    #[error("the trial failed: {0}")]
    TrialAnswer(String),
    /// It is for something else than what has this place.
    #[error("{0}")]
    Stranger(String),
}

/// How much a candidate has to show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trial {
    /// That it answers every question, and those about known failures rightly.
    #[default]
    Full,
    /// That it answers every question. For policies that are to be measured or shown, whatever they answer.
    Waived,
}

/// A compiled component. Compiling is what takes long, so a connector and the policy that it ships with share it.
#[derive(Clone)]
pub struct Compiled {
    /// What it is.
    pub digest: Digest,
    /// What it was compiled from, to be kept for the next start.
    pub(crate) bytes: Arc<[u8]>,
    pub(super) component: Component,
}

impl Compiled {
    /// Compiles a component, away from the threads that serve. One at a time: the next one waits, also when nobody
    /// wants the first one any more.
    ///
    /// # Errors
    ///
    /// When it is too large, or no component.
    pub async fn of(sandbox: &Sandbox, bytes: &[u8]) -> Result<Self, ActivationError> {
        if bytes.len() > LARGEST_COMPONENT {
            return Err(ActivationError::TooLarge { size: bytes.len() });
        }
        // The parser would say the same in many more words, and after a turn of the compiler.
        if !bytes.starts_with(MAGIC) {
            let what = "it does not begin as WebAssembly does (\\0asm)";
            return Err(ActivationError::NotAComponent(what.to_owned()));
        }
        let digest = Digest::of(bytes);
        let engine = sandbox.engine().clone();
        let bytes: Arc<[u8]> = bytes.into();
        let source = Arc::clone(&bytes);
        let turn = sandbox.turn_to_compile().await;
        let compile = move || {
            let compiled = Component::from_binary(&engine, &source);
            drop(turn);
            compiled
        };
        match tokio::task::spawn_blocking(compile).await {
            Ok(Ok(component)) => Ok(Self { digest, bytes, component }),
            Ok(Err(error)) => Err(ActivationError::NotAComponent(sandbox::cause(&error))),
            Err(error) => Err(ActivationError::NotAComponent(format!("the compiler gave up: {error}"))),
        }
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// Refuses a component that wants more than its kind is given. A connector has the host's primitives; a policy
/// that ships with one imports them too, though none answers it; any other policy imports nothing. Either may import
/// WASI, which grants nothing.
pub(super) fn check_imports(sandbox: &Sandbox, component: &Component) -> Result<(), ActivationError> {
    let engine = sandbox.engine();
    let ty = component.component_type();
    let is_connector =
        ty.exports(engine).any(|(name, _)| without_version(name) == "vehicle:connector/connector");
    let allowed: &[&str] = if is_connector { &CONNECTOR_IMPORTS } else { &[] };
    let forbidden = ty
        .imports(engine)
        .map(|(name, _)| name)
        .find(|name| !allowed.contains(&without_version(name)) && !wasi::provides(name));
    match forbidden {
        Some(name) => Err(ActivationError::ForbiddenImport(redact::cut(name.to_owned(), LONGEST_NAME))),
        None => Ok(()),
    }
}

fn without_version(interface: &str) -> &str {
    interface.split_once('@').map_or(interface, |(name, _version)| name)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;

    use futures_util::poll;

    use super::*;

    const SMALLEST: &[u8] = b"\0asm\x0d\0\x01\0";

    /// Runs this where one thread blocks for all, in the order in which it is asked to.
    fn with_one_thread(test: impl AsyncFnOnce(Sandbox)) {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(test(Sandbox::uninterrupted().unwrap()));
    }

    /// Waits until everything is over that was to block before.
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
            assert!(poll!(&mut second).is_pending(), "it did not wait");
            drop(first);
            second.await.unwrap();
        });
    }

    #[test]
    fn what_nobody_waits_for_has_its_turn_until_it_is_done() {
        with_one_thread(async |sandbox| {
            let (go_on, wait) = mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || wait.recv());
            {
                let mut abandoned = pin!(Compiled::of(&sandbox, SMALLEST));
                assert!(poll!(&mut abandoned).is_pending());
            }
            let mut turn = pin!(sandbox.turn_to_compile());
            assert!(poll!(&mut turn).is_pending(), "another one compiles beside it");
            go_on.send(()).unwrap();
            busy.await.unwrap().unwrap();
            assert!(turn.await.is_some());
        });
    }
}
