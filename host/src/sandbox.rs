//! Where components run: one engine, a fresh store for every call, and a budget for each.
//!
//! A store that trapped, or whose call was dropped half way, can never be entered again, so none is ever
//! used twice. That also means that no state leaks from one call to the next and that a swap has nothing
//! to drain.

use std::time::Duration;

use wasmtime::component::ResourceTable;
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder, Trap, UpdateDeadline};

/// How often the engine looks at the clock. CPU budgets are counted in these.
const TICK: Duration = Duration::from_millis(5);

/// The most bytes that one call may move between host and guest.
const HOSTCALL_BYTES: usize = 4 << 20;

/// The most handles that one call may hold at once.
const HANDLES: usize = 64;

/// What one call may use. Every limit belongs to one call; nothing carries over.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Time on a processor. Time spent waiting in a host import does not count.
    pub cpu: Duration,
    /// Time altogether, waiting included.
    pub wall: Duration,
    /// Linear memory, in bytes.
    pub memory: usize,
}

impl Budget {
    /// For a policy, which computes and does nothing else.
    pub const POLICY: Self =
        Self { cpu: Duration::from_millis(50), wall: Duration::from_secs(1), memory: 8 << 20 };

    /// For a connector, which waits for a vendor's cloud: a forced read may take two minutes.
    pub const CONNECTOR: Self =
        Self { cpu: Duration::from_millis(500), wall: Duration::from_secs(150), memory: 32 << 20 };
}

/// Why a call has no answer. The sandbox's whole vocabulary: whatever a plugin does wrong is one of these.
#[derive(Debug, Clone, thiserror::Error)]
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
}

/// What a store carries: the limits of the call, and what the host's primitives need to know of it.
#[derive(Debug)]
pub struct Cx<T> {
    limits: StoreLimits,
    ticks_left: u32,
    /// The resources that the guest holds. Dropped with the store, which is what frees a lock after a trap.
    pub table: ResourceTable,
    /// The call's own data.
    pub call: T,
}

/// Marks the error with which the epoch callback ends a call.
#[derive(Debug, thiserror::Error)]
#[error("out of processor time")]
struct BudgetSpent;

/// The one engine of the process, with the thread that drives its epochs.
#[derive(Debug, Clone)]
pub struct Sandbox {
    engine: Engine,
}

impl Sandbox {
    /// Makes the engine and starts the thread that interrupts it. The thread ends with the last clone.
    ///
    /// # Errors
    ///
    /// When this machine cannot run compiled WebAssembly, or gives no thread.
    pub fn new() -> wasmtime::Result<Self> {
        let sandbox = Self::uninterrupted()?;
        // An OS thread: a task would wait behind the very guests that it has to interrupt.
        let weak = sandbox.engine.weak();
        std::thread::Builder::new().name("epochs".into()).spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::park_timeout(TICK);
            }
        })?;
        Ok(sandbox)
    }

    /// An engine that nothing interrupts: a guest runs until it waits or ends, however slow the machine is. For
    /// simulations, which must not depend on real time; a guest that never ends hangs its thread.
    ///
    /// # Errors
    ///
    /// When this machine cannot run compiled WebAssembly.
    pub fn uninterrupted() -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        // Decided here and not left to the features that some other crate in the build turns on: the plain
        // fiber path costs half as much per call.
        config.concurrency_support(false);
        Ok(Self { engine: Engine::new(&config)? })
    }

    /// The engine, for compiling and linking.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A store for exactly one call.
    pub fn store<T: Send + 'static>(&self, budget: Budget, call: T) -> Store<Cx<T>> {
        let ticks = budget.cpu.as_millis().div_ceil(TICK.as_millis().max(1));
        let cx = Cx {
            limits: StoreLimitsBuilder::new()
                .memory_size(budget.memory)
                .table_elements(10_000)
                .instances(32)
                .memories(4)
                .tables(16)
                .build(),
            ticks_left: u32::try_from(ticks).unwrap_or(u32::MAX),
            table: ResourceTable::new(),
            call,
        };
        let mut store = Store::new(&self.engine, cx);
        store.limiter(|cx| &mut cx.limits);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut cx| {
            let cx = cx.data_mut();
            match cx.ticks_left.checked_sub(1) {
                None => Err(BudgetSpent.into()),
                Some(left) => {
                    cx.ticks_left = left;
                    // Not `UpdateDeadline::Yield`: wasmtime's own yield starves the other tasks of the runtime.
                    Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
                }
            }
        });
        store
    }
}

/// Waits for a call, at most as long as its budget says, and names what went wrong.
///
/// # Errors
///
/// See [`CallFault`]. The store must not be entered again after any of them.
pub async fn answer<R>(
    budget: Budget,
    call: impl Future<Output = wasmtime::Result<R>>,
) -> Result<R, CallFault> {
    match tokio::time::timeout(budget.wall, call).await {
        Ok(answered) => answered.map_err(|error| CallFault::from_error(&error, budget)),
        Err(_elapsed) => Err(CallFault::TimedOut(budget.wall)),
    }
}

impl CallFault {
    fn from_error(error: &wasmtime::Error, budget: Budget) -> Self {
        if error.downcast_ref::<BudgetSpent>().is_some() {
            return Self::OutOfTime(budget.cpu);
        }
        match error.downcast_ref::<Trap>() {
            Some(trap) => Self::Trapped(trap.to_string()),
            None => Self::Trapped(format!("{error:#}")),
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
        }
    }
}
