//! Faults: the reasons why a call has no answer.

use std::time::Duration;

use wasmtime::component::ResourceTableError;
use wasmtime::{Error, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::Budget;
use super::limiter::{MEMORIES, TABLES};
use crate::redact;

/// Longest cause of a fault, in bytes.
const LONGEST_CAUSE: usize = 512;

/// Reason why a call has no answer. The sandbox's whole vocabulary: every fault of a plugin is one of these.
/// A call that ended at a limit names the limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallFault {
    /// The guest trapped.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// The guest computed for longer than its budget.
    #[error("the plugin used up its {} ms of processor time", .0.as_millis())]
    OutOfTime(Duration),
    /// The call took longer than it may, waiting included.
    #[error("the plugin did not answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The component could not be instantiated.
    #[error("the plugin could not be instantiated: {0}")]
    NotInstantiated(String),
    /// The guest wanted more memory than this number of bytes.
    #[error("the plugin wanted more than its {} KiB of memory", .0 >> 10)]
    OutOfMemory(usize),
    /// The component's tables were to have more elements than this.
    #[error("the plugin's tables were to have more than {0} elements")]
    TooManyTableElements(usize),
    /// The component consists of more core instances than this.
    #[error("the plugin consists of more than {0} core instances")]
    TooManyInstances(usize),
    /// The component has more memories than this, each of which takes address space however small it is.
    #[error("the plugin has more than {0} memories")]
    TooManyMemories(usize),
    /// The component has more tables than this.
    #[error("the plugin has more than {0} tables")]
    TooManyTables(usize),
    /// The guest handed more than this number of bytes to the host at once.
    #[error("the plugin handed more than {} KiB to the host at once", .0 >> 10)]
    TooMuchData(usize),
    /// The guest held more handles than this at once.
    #[error("the plugin held more than {0} handles at once")]
    TooManyHandles(usize),
    /// The guest wanted to pause for longer than this altogether.
    #[error("the plugin wanted to pause for more than {} s altogether", .0.as_secs_f32())]
    PausedTooLong(Duration),
    /// The guest waited for locks for longer than this altogether.
    #[error("the plugin waited for locks for {} s altogether", .0.as_secs_f32())]
    WaitedForLocksTooLong(Duration),
    /// The guest wanted to end the program (`wasi:cli/exit`), of which it is a part only for this call.
    #[error("the plugin exited with status {0} in place of an answer")]
    Exited(i32),
}

/// Recognises the limits for which wasmtime has words but no type. A test that wants the fault fails when the
/// words change; until then such a call still ends, as trapped.
fn in_words(cause: &str, budget: &Budget) -> Option<CallFault> {
    let faults = [
        ("fuel allocated for hostcalls has been exhausted", CallFault::TooMuchData(budget.transfer)),
        ("store handle limit exceeded", CallFault::TooManyHandles(budget.handles)),
        ("resource limit exceeded: instance count", CallFault::TooManyInstances(budget.instances)),
        ("resource limit exceeded: memory count", CallFault::TooManyMemories(MEMORIES)),
        ("resource limit exceeded: table count", CallFault::TooManyTables(TABLES)),
    ];
    faults.into_iter().find(|(words, _)| cause.contains(words)).map(|(_, fault)| fault)
}

/// Returns the cause in one line that a record can hold. The backtrace is left out: it consists of names that
/// the plugin has given to its functions, and says nothing that its author cannot see in a run of their own.
pub(crate) fn cause(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    let causes = error.chain().map(ToString::to_string).filter(|cause| Some(cause) != backtrace.as_ref());
    let causes: Vec<String> = causes.collect();
    redact::cut(redact::one_line(&causes.join(": ")).into_owned(), LONGEST_CAUSE)
}

impl CallFault {
    /// Every word that [`Self::kind`] returns.
    pub const KINDS: [&str; 14] = [
        "trap",
        "cpu",
        "timeout",
        "instantiate",
        "memory",
        "table-elements",
        "instances",
        "memories",
        "tables",
        "transfer",
        "handles",
        "pause",
        "lock-wait",
        "exit",
    ];

    pub(super) fn from_error(error: &Error, budget: &Budget) -> Self {
        if let Some(fault) = error.downcast_ref::<Self>() {
            return fault.clone();
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Self::Trapped(trap.to_string());
        }
        if let Some(I32Exit(status)) = error.downcast_ref() {
            return Self::Exited(*status);
        }
        if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
            return Self::TooManyHandles(budget.handles);
        }
        // Only the root cause is read: the words around it may quote the guest's own.
        in_words(&error.root_cause().to_string(), budget).unwrap_or_else(|| Self::Trapped(cause(error)))
    }

    /// The fault of a component that wasmtime does not instantiate, for this reason.
    pub(crate) fn not_instantiated(error: &Error) -> Self {
        Self::NotInstantiated(cause(error))
    }

    /// The key of a plugin's limits in the configuration that allows more of what this call ran out of; none if
    /// nothing does.
    #[must_use]
    pub fn key(&self) -> Option<&'static str> {
        match self {
            Self::OutOfTime(_) => Some("cpu_ms"),
            Self::TimedOut(_) => Some("wall_ms"),
            Self::OutOfMemory(_) => Some("memory_mb"),
            Self::TooManyTableElements(_) => Some("table_elements"),
            Self::TooManyInstances(_) => Some("instances"),
            Self::TooMuchData(_) => Some("transfer_kb"),
            Self::TooManyHandles(_) => Some("handles"),
            Self::PausedTooLong(_) => Some("pause_ms"),
            Self::WaitedForLocksTooLong(_) => Some("lock_wait_s"),
            Self::Trapped(_)
            | Self::NotInstantiated(_)
            | Self::TooManyMemories(_)
            | Self::TooManyTables(_)
            | Self::Exited(_) => None,
        }
    }

    /// A word for metrics and records.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Trapped(_) => "trap",
            Self::OutOfTime(_) => "cpu",
            Self::TimedOut(_) => "timeout",
            Self::NotInstantiated(_) => "instantiate",
            Self::OutOfMemory(_) => "memory",
            Self::TooManyTableElements(_) => "table-elements",
            Self::TooManyInstances(_) => "instances",
            Self::TooManyMemories(_) => "memories",
            Self::TooManyTables(_) => "tables",
            Self::TooMuchData(_) => "transfer",
            Self::TooManyHandles(_) => "handles",
            Self::PausedTooLong(_) => "pause",
            Self::WaitedForLocksTooLong(_) => "lock-wait",
            Self::Exited(_) => "exit",
        }
    }
}
