//! From sources in C to a core module.

use std::path::Path;
use std::process::Command;

use crate::{Error, Made, componentize, file_error, read, tool};

/// Flags for a core module without a C library: small, and with a shadow stack as small as a policy needs. A page that
/// is touched has to be paid for in every call.
const CLANG: [&str; 11] = [
    "--target=wasm32-unknown-unknown",
    "-std=c17",
    "-Os",
    "-nostdlib",
    "-ffreestanding",
    "-fno-builtin",
    "-fno-strict-aliasing",
    "-isystem",
    "libc",
    "-Wl,--no-entry,--strip-debug",
    "-Wl,-z,stack-size=32768",
];

/// The files that a policy in C consists of.
const FILES: [&str; 4] =
    ["policy.c", "bindings/bindings.c", "bindings/bindings_component_type.o", "libc/libc.c"];

/// Names of the compiler. One without a number may be an old one.
const CLANGS: [&str; 8] =
    ["clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang"];

/// The core module, in the folder while it is wanted.
const MODULE: &str = "policy.core.wasm";

/// Name of the linker that the compiler calls.
const LINKER: &str = "wasm-ld";

/// Builds the policy in C that is in `folder`, and returns its component. What the compiler says goes to the standard
/// error.
///
/// # Errors
///
/// No compiler or no linker, a failed compilation, or a module that does not fit its description.
pub fn build_c(folder: &Path) -> Result<Made, Error> {
    let clang = tool::find_tool(&CLANGS, &[]).ok_or_else(|| {
        Error::NoToolchain(
            "clang was not found; a policy in C is built with LLVM, 16 or later: apt-get install clang lld, or brew \
             install llvm lld"
                .to_owned(),
        )
    })?;
    // A path that begins where the author stands would begin in that folder otherwise.
    let clang = std::path::absolute(&clang).map_err(file_error(&clang))?;
    has_linker(&clang)?;
    let mut command = Command::new(&clang);
    command.args(CLANG).args(FILES).args(["-o", MODULE]).current_dir(folder).stdout(std::io::stderr());
    if !command.status().map_err(file_error(&clang))?.success() {
        return Err(Error::Compile(folder.display().to_string()));
    }
    let module = folder.join(MODULE);
    let bytes = read(&module)?;
    // The component is what is wanted of it.
    std::fs::remove_file(&module).map_err(file_error(&module))?;
    Ok(Made { bytes: componentize::encode("policy.c", &bytes)?, toolchain: tool::tool_in_words(&clang) })
}

/// Checks that the compiler finds its linker. One that does not say has the last word when it links.
fn has_linker(clang: &Path) -> Result<(), Error> {
    let target = CLANG.first().copied().unwrap_or_default();
    let Some(linker) = tool::answer(clang, &[target, &format!("-print-prog-name={LINKER}")]) else {
        return Ok(());
    };
    // What it does not find it names as it was asked for.
    if linker != LINKER {
        return Ok(());
    }
    let name = clang.file_stem().unwrap_or_default().to_string_lossy();
    let version = name.strip_prefix("clang").unwrap_or_default();
    Err(Error::NoToolchain(format!(
        "the compiler {} is there, and its linker {LINKER} was not found; it comes with lld: apt-get install \
         lld{version}, or brew install lld",
        clang.display()
    )))
}
