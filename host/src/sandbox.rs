//! The sandbox: one engine, a fresh store for every call, and a budget for each.
//!
//! A store that trapped, or whose call was dropped half way, can never be entered again, so none is ever used
//! twice. So no state leaks from one call to the next, and a swap has nothing to drain.

mod budget;
mod compiler;
mod fault;
mod limiter;
mod lines;
mod output;
mod processor;
pub(crate) mod wasi;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{Config, Engine, Store, UpdateDeadline};

pub use self::budget::Budget;
pub(crate) use self::compiler::COMMAND as COMPILE;
pub use self::compiler::{Compiler, CompilerFault, CompilerLimits};
#[cfg(unix)]
pub(crate) use self::compiler::{Quota, work};
pub use self::fault::CallFault;
pub(crate) use self::fault::cause;
use self::limiter::Limiter;
pub use self::lines::Caller;
pub(crate) use self::lines::{Lines, line};
use self::processor::Meter;
use self::wasi::Wasi;

/// Size of the largest component that is loaded, in bytes. Policies from Python come with their interpreter.
pub(crate) const LARGEST_COMPONENT: usize = 32 << 20;

/// Interval at which a running guest is interrupted, to see how much of its processor time it has used.
const TICK: Duration = Duration::from_millis(5);

/// Context of a store: the limits of the call, and the data that the host's primitives need of it.
#[derive(Debug)]
pub struct Cx<T> {
    limiter: Limiter,
    processor: Meter,
    budget: Budget,
    paused: Duration,
    waited_for_locks: Duration,
    messages: u32,
    wasi: Wasi,
    pub(crate) lines: Arc<Lines>,
    /// Resources that the guest holds. Dropped with the store, which frees a lock after a trap.
    pub table: ResourceTable,
    /// Data of the call itself.
    pub call: T,
}

impl<T> Cx<T> {
    /// Counts a pause that is about to begin.
    ///
    /// # Errors
    ///
    /// When the call's budget does not allow a pause of this length; the call ends with this.
    pub(crate) fn pause(&mut self, pause: Duration) -> Result<(), CallFault> {
        self.paused = self.paused.saturating_add(pause);
        if self.paused > self.budget.pause {
            return Err(CallFault::PausedTooLong(self.budget.pause));
        }
        Ok(())
    }

    /// Waits for a lock, as long as wished and as the budget allows. `None` when the lock did not come in
    /// time.
    ///
    /// # Errors
    ///
    /// When the lock did not come and the budget allowed less than was wished; the call ends with this.
    pub(crate) async fn wait_for_lock<G>(
        &mut self,
        wish: Duration,
        lock: impl Future<Output = G>,
    ) -> Result<Option<G>, CallFault> {
        let left = self.budget.lock_wait.saturating_sub(self.waited_for_locks);
        let began = Instant::now();
        let acquired = tokio::time::timeout(wish.min(left), lock).await.ok();
        self.waited_for_locks = self.waited_for_locks.saturating_add(began.elapsed());
        match acquired {
            None if left < wish => Err(CallFault::WaitedForLocksTooLong(self.budget.lock_wait)),
            acquired => Ok(acquired),
        }
    }

    /// Counts one message. The error is the number of messages allowed.
    pub(crate) fn take_message(&mut self) -> Result<(), u32> {
        let taken = self.messages.checked_add(1).filter(|taken| *taken <= self.budget.messages);
        self.messages = taken.ok_or(self.budget.messages)?;
        Ok(())
    }
}

/// Failure of this machine to run compiled WebAssembly.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the WebAssembly engine does not start: {0}")]
pub struct NoSandbox(String);

/// The one engine of the process, with the thread that drives its epochs, and the budgets of calls.
#[derive(Debug, Clone)]
pub struct Sandbox {
    engine: Engine,
    policy: Budget,
    connector: Budget,
    compiler: Compiler,
    /// Semaphore with one permit, for all clones.
    turns: Arc<Semaphore>,
}

impl Sandbox {
    /// Makes the engine and starts the thread that interrupts it. The thread ends with the last clone.
    ///
    /// # Errors
    ///
    /// When this machine cannot run compiled WebAssembly, or gives no thread.
    pub fn new() -> Result<Self, NoSandbox> {
        let sandbox = Self::uninterrupted()?;
        // An OS thread: a task would wait behind the very guests that it has to interrupt.
        let weak = sandbox.engine.weak();
        let started = std::thread::Builder::new().name("epochs".into()).spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::park_timeout(TICK);
            }
        });
        started.map_err(|error| NoSandbox(error.to_string()))?;
        Ok(sandbox)
    }

    /// Makes an engine that is never interrupted: a guest runs until it waits or ends, however slow the
    /// machine is. For simulations, which must not depend on real time; a guest that never ends hangs its
    /// thread.
    ///
    /// # Errors
    ///
    /// When this machine cannot run compiled WebAssembly.
    pub fn uninterrupted() -> Result<Self, NoSandbox> {
        Ok(Self {
            engine: engine().map_err(|error| NoSandbox(format!("{error:#}")))?,
            policy: Budget::POLICY,
            connector: Budget::CONNECTOR,
            compiler: Compiler::in_process(),
            turns: Arc::new(Semaphore::new(1)),
        })
    }

    /// Uses `compiler` to compile components.
    #[must_use]
    pub fn with_compiler(&self, compiler: Compiler) -> Self {
        Self { compiler, ..self.clone() }
    }

    /// Uses other budgets for a policy's and a connector's calls.
    #[must_use]
    pub fn with_budgets(&self, policy: Budget, connector: Budget) -> Self {
        Self { policy, connector, ..self.clone() }
    }

    /// Waits for the turn to compile, of which there is one: two compilations would take twice the memory.
    /// The compilation holds it, and not the caller that waits for the result.
    pub(crate) async fn turn_to_compile(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// The compiler of this sandbox.
    pub(crate) fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// Budget of one call of a policy.
    #[must_use]
    pub fn policy_budget(&self) -> Budget {
        self.policy
    }

    /// Budget of one call of a connector.
    #[must_use]
    pub fn connector_budget(&self) -> Budget {
        self.connector
    }

    /// The engine, for compiling and linking.
    #[must_use]
    #[doc(hidden)]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A store for exactly one call.
    #[doc(hidden)]
    pub fn store<T: Caller + Send + 'static>(&self, budget: Budget, call: T) -> Store<Cx<T>> {
        let mut table = ResourceTable::new();
        // The store counts the handles themselves. A handle may stand for more than one entry.
        table.set_max_capacity(budget.handles.saturating_mul(4));
        let cx = Cx {
            limiter: Limiter::new(&budget),
            processor: Meter::start(budget.cpu, TICK),
            budget,
            paused: Duration::ZERO,
            waited_for_locks: Duration::ZERO,
            messages: 0,
            wasi: Wasi::default(),
            lines: Arc::new(Lines::of(&call, budget.log_lines)),
            table,
            call,
        };
        let mut store = Store::new(&self.engine, cx);
        store.limiter(|cx| &mut cx.limiter);
        store.set_hostcall_fuel(budget.transfer);
        store.set_max_component_handles(budget.handles);
        store.set_epoch_deadline(1);
        // The work of an import for the guest is charged as well, with the next instruction that checks: at
        // the latest at the head of the loop that calls it. An import that waits costs nothing.
        store.epoch_deadline_callback(|mut cx| {
            let cx = cx.data_mut();
            if cx.processor.charge() {
                // Not `UpdateDeadline::Yield`: wasmtime's own yield starves the other tasks of the runtime.
                Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
            } else {
                Err(CallFault::OutOfTime(cx.budget.cpu).into())
            }
        });
        store
    }
}

/// Makes the engine of this program, the same in the process that compiles and in the one that runs the
/// compiled code.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // Decided here and not left to the features that another crate in the build turns on: the plain fiber
    // path costs half as much per call.
    config.concurrency_support(false);
    Engine::new(&config)
}

/// Waits for a call, at most as long as its budget allows, and names the fault if there is one.
///
/// # Errors
///
/// See [`CallFault`]. The store must not be entered again after any of them.
pub async fn answer<R>(
    budget: Budget,
    call: impl Future<Output = wasmtime::Result<R>>,
) -> Result<R, CallFault> {
    match tokio::time::timeout(budget.wall, call).await {
        Ok(answered) => answered.map_err(|error| CallFault::from_error(&error, &budget)),
        Err(_elapsed) => Err(CallFault::TimedOut(budget.wall)),
    }
}
