//! Where components are compiled: in a process of their own, or in this one.
//!
//! A compilation cannot be interrupted and has no bound of its own. So the program has it done by a child, the same
//! program once more, that the system holds to its memory and its time and that can be killed. A program that embeds the
//! host has no such child unless it names one: then only what was counted beforehand bounds a compilation.

#[cfg(unix)]
mod child;
mod fault;
#[cfg(unix)]
mod work;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

pub use self::fault::CompilerFault;
#[cfg(unix)]
pub(crate) use self::work::{Quota, work};

/// What one compilation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The address space of the child, in bytes.
    pub memory: u64,
    /// Processor time, counted in seconds.
    pub processor: Duration,
    /// Time, whatever it is spent with.
    pub wall: Duration,
    /// The compiled code, in bytes.
    pub code: u64,
}

impl Allowance {
    /// What is needed for a policy from Python, a few times over: `docs/plugins.md` says how much that is.
    pub const COMPILING: Self = Self {
        memory: 1 << 30,
        processor: Duration::from_secs(120),
        wall: Duration::from_secs(600),
        code: 128 << 20,
    };
}

/// How components are compiled.
#[derive(Debug, Clone, Default)]
pub struct Compiler(Option<Arc<Child>>);

/// A program that compiles when it is started like this.
#[derive(Debug)]
struct Child {
    program: PathBuf,
    arguments: Vec<OsString>,
    allowance: Allowance,
}

/// The command of the program that compiles what it reads. Not for people.
pub(crate) const COMMAND: &str = "compile-component";

impl Compiler {
    /// In this process: nothing interrupts a compilation, and its memory is that of this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self(None)
    }

    /// In a child process of this program, whatever has become of its file since it was started. For the program
    /// `vehicle-connector` itself, which has the command for it.
    ///
    /// # Errors
    ///
    /// When the system does not say which program this is.
    #[cfg(unix)]
    pub fn in_child_of_this_program() -> std::io::Result<Self> {
        // The link leads to the very file that runs, also when an upgrade has put another one in its place.
        const RUNNING: &str = "/proc/self/exe";
        let program = match std::fs::symlink_metadata(RUNNING) {
            Ok(_) => PathBuf::from(RUNNING),
            Err(_) => std::env::current_exe()?,
        };
        Ok(Self::in_child(program, Allowance::COMPILING))
    }

    /// In a child process of this program. Not on this system: it is done in this process.
    ///
    /// # Errors
    ///
    /// None here.
    #[cfg(not(unix))]
    pub fn in_child_of_this_program() -> std::io::Result<Self> {
        Ok(Self::in_process())
    }

    /// In a child process that is `vehicle-connector`, of the version that this library is from. What it answers is
    /// executed, so nobody else may write to this file.
    #[cfg(unix)]
    #[must_use]
    pub fn in_child(program: impl Into<PathBuf>, allowance: Allowance) -> Self {
        let arguments = Quota::from(allowance).arguments();
        Self(Some(Arc::new(Child { program: program.into(), arguments, allowance })))
    }

    /// Compiles a component, away from the threads that serve. In a child it ends when nobody waits for it any more.
    pub(crate) async fn compile(
        &self,
        engine: &Engine,
        component: Arc<[u8]>,
        turn: impl Send + 'static,
    ) -> Result<Component, CompilerFault> {
        #[cfg(unix)]
        if let Some(child) = &self.0 {
            let code = child.compile(&component).await?;
            drop(turn);
            return apart(engine, move |engine| child::load(engine, &code)).await;
        }
        apart(engine, move |engine| {
            let compiled = Component::from_binary(engine, &component);
            // Not with whoever waits for it: it goes on without them.
            drop(turn);
            compiled.map_err(|error| CompilerFault::Refused(super::cause(&error)))
        })
        .await
    }
}

async fn apart(
    engine: &Engine,
    work: impl FnOnce(&Engine) -> Result<Component, CompilerFault> + Send + 'static,
) -> Result<Component, CompilerFault> {
    let engine = engine.clone();
    let done = tokio::task::spawn_blocking(move || work(&engine)).await;
    done.unwrap_or_else(|error| Err(CompilerFault::Died(error.to_string())))
}
