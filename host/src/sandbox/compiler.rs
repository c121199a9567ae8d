//! The compiler of components, in a process of its own or in this one.
//!
//! A compilation cannot be interrupted and has no bound of its own. So the program has it done by a child,
//! another process of the same program, that the system holds to its memory and its time and that can be
//! killed. A program that embeds the host has no such child unless it names one: then only the counts taken
//! beforehand bound a compilation.

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

/// The limits of one compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompilerLimits {
    /// Address space of the child, in bytes.
    pub memory: u64,
    /// Processor time, counted in seconds.
    pub processor: Duration,
    /// Elapsed time, including waiting.
    pub wall: Duration,
    /// Size of the compiled code, in bytes.
    pub code: u64,
}

impl CompilerLimits {
    /// Limits several times as large as a policy from Python needs: `docs/plugins.md` gives the numbers.
    pub const COMPILING: Self = Self {
        memory: 1 << 30,
        processor: Duration::from_secs(120),
        wall: Duration::from_secs(600),
        code: 128 << 20,
    };
}

/// The way in which components are compiled.
#[derive(Debug, Clone, Default)]
pub struct Compiler(Option<Arc<Child>>);

/// A program that compiles when it is started with these arguments.
#[derive(Debug)]
struct Child {
    program: PathBuf,
    arguments: Vec<OsString>,
    allowance: CompilerLimits,
}

/// The command of the program that compiles its input. Not for people.
pub(crate) const COMMAND: &str = "compile-component";

impl Compiler {
    /// Compiles in this process: nothing interrupts a compilation, and its memory is that of this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self(None)
    }

    /// Compiles in a child process of this program, whatever has happened to its file since it was started.
    /// For the program `vehicle-connector` itself, which has the command for it.
    ///
    /// # Errors
    ///
    /// When the system does not say which program this is.
    #[cfg(unix)]
    pub fn in_child_of_this_program() -> std::io::Result<Self> {
        // The link leads to the very file that runs, even when an upgrade has replaced it.
        const RUNNING: &str = "/proc/self/exe";
        let program = match std::fs::symlink_metadata(RUNNING) {
            Ok(_) => PathBuf::from(RUNNING),
            Err(_) => std::env::current_exe()?,
        };
        Ok(Self::in_child(program, CompilerLimits::COMPILING))
    }

    /// Would compile in a child process of this program. Not supported on this system: compiles in this
    /// process.
    ///
    /// # Errors
    ///
    /// None on this system.
    #[cfg(not(unix))]
    pub fn in_child_of_this_program() -> std::io::Result<Self> {
        Ok(Self::in_process())
    }

    /// Compiles in a child process that is `vehicle-connector`, of the version that this library is from. Its
    /// output is executed, so no other user may write to this file.
    #[cfg(unix)]
    #[must_use]
    pub fn in_child(program: impl Into<PathBuf>, allowance: CompilerLimits) -> Self {
        let arguments = Quota::from(allowance).arguments();
        Self(Some(Arc::new(Child { program: program.into(), arguments, allowance })))
    }

    /// Compiles a component, away from the threads that serve. In a child the compilation ends when the
    /// caller no longer waits for it.
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
            // The turn ends here and not with the caller: the compilation continues without it.
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
