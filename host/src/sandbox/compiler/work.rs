//! The child: its limits, and its work.
//!
//! It reads the length of a component (8 bytes, little-endian) and the component, and writes the code. It
//! then ends with 0, or with [`REFUSED`] and the reason as text when the component cannot be compiled. Its
//! input stays open for as long as its parent waits for it, and ends with the parent, however that ends.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, nice, setrlimit};

use super::{COMMAND, CompilerLimits};
use crate::sandbox;
use crate::sandbox::LARGEST_COMPONENT;

/// Exit code of the child when the component is the reason that there is no code.
pub(super) const REFUSED: u8 = 3;

/// Exit code when the child cannot do its work.
const FAILED: u8 = 4;

/// Exit code when the parent no longer waits for the child.
const ABANDONED: i32 = 5;

/// Niceness of the child: serving processes go first, but on a machine that is never idle it comes to an end
/// too.
const STEPS_DOWN: i32 = 10;

/// Descriptors that it may have open: input, outputs, and those that the runtime of the language opens for a
/// moment.
const DESCRIPTORS: u64 = 16;

/// The limits that the child puts itself under before it reads anything.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Quota {
    /// Address space, in bytes.
    #[arg(long)]
    memory: u64,
    /// Processor time, in seconds.
    #[arg(long)]
    processor: u64,
}

impl From<CompilerLimits> for Quota {
    fn from(CompilerLimits { memory, processor, .. }: CompilerLimits) -> Self {
        Self { memory, processor: processor.as_secs() }
    }
}

impl Quota {
    pub(super) fn arguments(self) -> Vec<OsString> {
        let Self { memory, processor } = self;
        [COMMAND, "--memory", &memory.to_string(), "--processor", &processor.to_string()]
            .map(Into::into)
            .into()
    }

    /// Applies the limits to this process, for good.
    fn take(self) -> io::Result<()> {
        let most = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
        // Beyond the first limit the system ends the process with SIGXCPU, beyond the second with SIGKILL
        // (setrlimit(2)).
        let seconds =
            Rlimit { current: Some(self.processor), maximum: Some(self.processor.saturating_add(1)) };
        setrlimit(Resource::As, most(self.memory))?;
        setrlimit(Resource::Cpu, seconds)?;
        setrlimit(Resource::Core, most(0))?;
        setrlimit(Resource::Fsize, most(0))?;
        setrlimit(Resource::Nofile, most(DESCRIPTORS))?;
        let _a_courtesy = nice(STEPS_DOWN);
        Ok(())
    }
}

/// Compiles the component that comes in. This is all that the child does.
pub(crate) fn work(quota: Quota) -> ExitCode {
    close_what_was_inherited();
    let component = match quota.take().and_then(|()| read()) {
        Ok(component) => component,
        Err(error) => return end(FAILED, &error.to_string()),
    };
    if let Err(error) = leave_with_the_parent() {
        return end(FAILED, &error.to_string());
    }
    let compiled = sandbox::engine().and_then(|engine| engine.precompile_component(&component));
    match compiled {
        Ok(code) => match io::stdout().write_all(&code).and_then(|()| io::stdout().flush()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => end(FAILED, &error.to_string()),
        },
        Err(error) => end(REFUSED, &sandbox::cause(&error)),
    }
}

/// Closes all descriptors but input and outputs. The host opens none that a child would inherit, but the
/// process that started the host may have.
fn close_what_was_inherited() {
    const OPEN: &str = "/dev/fd";
    let Ok(listed) = std::fs::read_dir(OPEN) else { return };
    let names = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // Lists all of them first: the directory itself is open meanwhile.
    let descriptors: Vec<libc::c_int> =
        names.filter(|descriptor| *descriptor > libc::STDERR_FILENO).collect();
    for descriptor in descriptors {
        // SAFETY: This is the first thing that the process does, with one thread and nothing open of its own,
        // so that nothing in it has a descriptor that this takes away. The directory's descriptor is closed
        // already.
        #[expect(unsafe_code, reason = "there is no owner of a descriptor that was inherited")]
        unsafe {
            libc::close(descriptor);
        }
    }
}

fn read() -> io::Result<Vec<u8>> {
    let mut input = io::stdin().lock();
    let mut length = [0; size_of::<u64>()];
    input.read_exact(&mut length)?;
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > LARGEST_COMPONENT {
        return Err(io::Error::other("the component is too large"));
    }
    let mut component = vec![0; length];
    input.read_exact(&mut component)?;
    Ok(component)
}

/// Ends the process when its input ends, which happens when the parent ends or no longer waits. A signal at
/// the parent's death would be simpler, but comes when the *thread* ends that has started the child.
fn leave_with_the_parent() -> io::Result<()> {
    std::thread::Builder::new().name("parent".into()).spawn(|| {
        let _anything = io::stdin().lock().read(&mut [0]);
        std::process::exit(ABANDONED);
    })?;
    Ok(())
}

fn end(code: u8, why: &str) -> ExitCode {
    let _nobody_reads = io::stderr().write_all(why.as_bytes());
    ExitCode::from(code)
}
