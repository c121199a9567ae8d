//! From sources to a core module.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::toolchain::TARGET;
use crate::{Component, Error, Toolchain, read};

/// The profile of this workspace's manifest that guests are built with.
const PROFILE: &str = "guest";

/// What that profile says, for crates elsewhere: their own manifests need not repeat it.
const LIKE_PROFILE: [&str; 5] = [
    "profile.release.opt-level=\"s\"",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=true",
];

/// Where a crate is that becomes a component.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// In this workspace, at this root.
    Here(&'a Path),
    /// In a folder of its own.
    Elsewhere(&'a Path),
}

impl<'a> Place<'a> {
    fn path(self) -> &'a Path {
        match self {
            Self::Here(path) | Self::Elsewhere(path) => path,
        }
    }
}

/// Compiles `component` and returns its core module. Compiler messages go to this process's standard error.
pub(crate) fn module(
    place: Place<'_>,
    toolchain: &Toolchain,
    component: &Component,
) -> Result<Vec<u8>, Error> {
    let root = place.path();
    let target_dir = target_dir(root);
    let mut command = toolchain.cargo(root, "rustc");
    command.arg("--target-dir").arg(&target_dir);
    let profile = match place {
        Place::Here(_) => {
            command.args(["--locked", "--profile", PROFILE]);
            PROFILE
        }
        Place::Elsewhere(_) => {
            command.args(LIKE_PROFILE.iter().flat_map(|line| ["--config", line])).arg("--release");
            "release"
        }
    };
    if !component.features.is_empty() {
        command.args(["--features", &component.features.join(",")]);
    }
    command
        // Only a `cdylib` alone gets link-time optimisation.
        .args(["--package", &component.package, "--lib", "--crate-type", "cdylib"])
        .arg("--")
        .arg(format!("-Clink-arg=-zstack-size={}", component.stack))
        .env("CARGO_ENCODED_RUSTFLAGS", remaps(root, toolchain, &target_dir));
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(_) => return Err(Error::Compile(component.package.clone())),
        Err(source) => {
            return Err(Error::File { path: command.get_program().into(), source });
        }
    }
    let artifact = format!("{}.wasm", component.package.replace('-', "_"));
    read(&target_dir.join(TARGET).join(profile).join(artifact))
}

/// One folder for all guests, so that what they share is compiled once, and apart from the folder of the
/// build that may be running this code.
fn target_dir(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => root.join(path).join("guests"),
        None => root.join("target/guests"),
    }
}

/// The compiler flags that give every path a name that is the same on all machines: panics carry the names
/// of source files, and a component should tell nothing about who built it.
fn remaps(root: &Path, toolchain: &Toolchain, target_dir: &Path) -> OsString {
    let library = toolchain.sysroot().join("lib/rustlib/src/rust");
    let mut paths = vec![
        (root.to_owned(), "/vehicle-connector"),
        (target_dir.to_owned(), "/target"),
        (toolchain.sysroot().to_owned(), "/sysroot"),
        (library.canonicalize().unwrap_or_default(), "/rustc"),
        (library, "/rustc"),
    ];
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    paths.extend(cargo_home.map(|home| (home, "/cargo")));

    let mut flags = OsString::new();
    for (path, name) in paths.into_iter().filter(|(path, _)| !path.as_os_str().is_empty()) {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(path);
        flags.push("=");
        flags.push(name);
    }
    flags
}
