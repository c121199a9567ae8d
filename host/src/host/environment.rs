//! What a program that embeds a host gives it.

use std::sync::Arc;

use crate::primitives::{Tap, Transport};
use crate::sandbox::Compiler;
use crate::store::Store;
use crate::time::Clock;
use crate::wire::publish::Publish;

/// The world of a host: where it keeps its state, what time it is, and its ways out.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Where state is kept.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The way to the broker.
    pub publisher: Arc<dyn Publish>,
    /// The way to the clouds; none means the network.
    pub transport: Option<Arc<dyn Transport>>,
    /// Told what guests are given; usually there is none.
    pub tap: Option<Arc<dyn Tap>>,
    /// Where components are compiled that this program does not carry.
    pub compiler: Compiler,
}

impl Environment {
    /// An environment in which clouds are reached over the network and components are compiled in this process.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, publisher: Arc<dyn Publish>) -> Self {
        Self { store, clock, publisher, transport: None, tap: None, compiler: Compiler::in_process() }
    }

    /// Uses `transport` to reach clouds.
    #[must_use]
    pub fn with_transport(self, transport: Arc<dyn Transport>) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// Compiles components with `compiler`.
    #[must_use]
    pub fn with_compiler(self, compiler: Compiler) -> Self {
        Self { compiler, ..self }
    }

    /// Tells `tap` what guests are given.
    #[must_use]
    pub fn with_tap(self, tap: Arc<dyn Tap>) -> Self {
        Self { tap: Some(tap), ..self }
    }
}
