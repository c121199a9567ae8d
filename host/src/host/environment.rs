//! Environment of a host: what the program that embeds it provides.

use std::sync::Arc;

use super::config_desk::Configured;
use crate::entropy::{Entropy, SystemEntropy};
use crate::primitives::{Tap, Transport};
use crate::program_log::ProgramLog;
use crate::sandbox::Compiler;
use crate::store::Store;
use crate::time::Clock;
use crate::wire::publish::Publish;

/// Environment of a host: its store, its clock, and its ways out.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Store of the state.
    pub store: Arc<dyn Store>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The way to the broker.
    pub publisher: Arc<dyn Publish>,
    /// The way to the clouds; none means the network.
    pub transport: Option<Arc<dyn Transport>>,
    /// Tap that is told what guests are given; usually there is none.
    pub tap: Option<Arc<dyn Tap>>,
    /// Compiler of components.
    pub compiler: Compiler,
    /// Where the configuration is read again; none means that it is not.
    pub configured: Option<Arc<dyn Configured>>,
    /// The log of the program; none means that it is not the host's to change.
    pub program_log: Option<Arc<dyn ProgramLog>>,
}

impl Environment {
    /// Makes an environment in which clouds are reached over the network and components are compiled in this
    /// process.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, publisher: Arc<dyn Publish>) -> Self {
        Self {
            store,
            clock,
            entropy: Arc::new(SystemEntropy),
            publisher,
            transport: None,
            tap: None,
            compiler: Compiler::in_process(),
            configured: None,
            program_log: None,
        }
    }

    /// Takes randomness from `entropy` in place of the operating system.
    #[must_use]
    pub fn with_entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
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

    /// Reads the configuration again from `configured` when an operator wants that.
    #[must_use]
    pub fn with_configuration(self, configured: Arc<dyn Configured>) -> Self {
        Self { configured: Some(configured), ..self }
    }

    /// Lets operators change the level of the program's log.
    #[must_use]
    pub fn with_program_log(self, program_log: Arc<dyn ProgramLog>) -> Self {
        Self { program_log: Some(program_log), ..self }
    }

    /// Tells `tap` what guests are given.
    #[must_use]
    pub fn with_tap(self, tap: Arc<dyn Tap>) -> Self {
        Self { tap: Some(tap), ..self }
    }
}
