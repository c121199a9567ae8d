//! Which compiler builds for `wasm32-unknown-unknown` on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// The target of all guests: a core module without WASI.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Where Debian's packages put the compiler for the web.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";
const SYSTEM_CARGO: &str = "/usr/bin/cargo";

/// A compiler for `wasm32-unknown-unknown`.
#[derive(Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The toolchain in use has the target's standard library.
    Installed {
        /// Its root.
        sysroot: PathBuf,
    },
    /// A compiler of the system and the source of its standard library, which is built on the way.
    FromSource {
        /// The compiler's root.
        sysroot: PathBuf,
        /// `rust-lld` of the toolchain in use: the system's compiler comes without a linker for the target.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds one for the workspace or package at `root`.
    ///
    /// # Errors
    ///
    /// [`Error::NoToolchain`] with what to install when there is none.
    pub fn detect(root: &Path) -> Result<Self, Error> {
        let current = Compiler::ask("rustc", root);
        if let Some(compiler) = &current
            && compiler.library(TARGET).is_dir()
        {
            return Ok(Self::Installed { sysroot: compiler.sysroot.clone() });
        }
        let system = Compiler::ask(SYSTEM_RUSTC, root)
            .filter(|compiler| compiler.source().is_dir() && Path::new(SYSTEM_CARGO).exists());
        let linker = [&current, &system]
            .into_iter()
            .flatten()
            .map(|compiler| compiler.sysroot.join("lib/rustlib").join(&compiler.host).join("bin/rust-lld"))
            .find(|path| path.exists());
        match (system, linker) {
            (Some(system), Some(linker)) => Ok(Self::FromSource { sysroot: system.sysroot, linker }),
            (Some(_), None) => Err(Error::NoToolchain(format!(
                "the compiler {SYSTEM_RUSTC} builds for {TARGET}, and its linker rust-lld was not found; it comes with \
                 a toolchain of rustup: rustup toolchain install stable, or with one of its own for the target: rustup \
                 target add {TARGET}"
            ))),
            (None, _) => Err(Error::NoToolchain(format!(
                "no compiler for {TARGET} was found. Install one of:\n  \
                 rustup target add {TARGET}\n  \
                 apt-get install --no-install-recommends rustc-web cargo-web rust-web-src   \
                 (Debian; the linker rust-lld comes from the rustup toolchain)"
            ))),
        }
    }

    /// A `cargo` command in the workspace or package at `root` that builds for [`TARGET`], up to the
    /// subcommand's own arguments. What the caller's environment says about builds does not reach it.
    pub(crate) fn cargo(&self, root: &Path, subcommand: &str) -> Command {
        let mut command = match self {
            Self::Installed { .. } => Command::new("cargo"),
            Self::FromSource { .. } => Command::new(SYSTEM_CARGO),
        };
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let about_builds = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"];
            if about_builds.iter().any(|prefix| text.starts_with(prefix))
                || ["RUSTC", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"].contains(&&*text)
            {
                command.env_remove(&name);
            }
        }
        command.current_dir(root).args([subcommand, "--target", TARGET]);
        if let Self::FromSource { linker, .. } = self {
            command
                .args(["-Z", "build-std=core,alloc"])
                .env("RUSTC", SYSTEM_RUSTC)
                // `-Z` outside a nightly compiler.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }

    /// The compiler itself.
    pub(crate) fn rustc(&self) -> PathBuf {
        match self {
            Self::Installed { sysroot } => {
                sysroot.join("bin/rustc").with_extension(std::env::consts::EXE_EXTENSION)
            }
            Self::FromSource { .. } => SYSTEM_RUSTC.into(),
        }
    }

    /// Where the compiler lives; paths below it must not end up in a component.
    pub(crate) fn sysroot(&self) -> &Path {
        match self {
            Self::Installed { sysroot } | Self::FromSource { sysroot, .. } => sysroot,
        }
    }
}

/// What a compiler says about itself.
struct Compiler {
    sysroot: PathBuf,
    host: String,
}

impl Compiler {
    fn ask(program: &str, root: &Path) -> Option<Self> {
        let answer = |arguments: &[&str]| {
            let output = Command::new(program).current_dir(root).args(arguments).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let version = answer(&["--version", "--verbose"])?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "))?.to_owned();
        Some(Self { sysroot: answer(&["--print", "sysroot"])?.into(), host })
    }

    fn library(&self, target: &str) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(target).join("lib")
    }

    fn source(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library/core")
    }
}
