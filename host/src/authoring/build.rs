//! From a folder to a component, with the toolchain of its language.
//!
//! What a toolchain says goes to the standard error as it is. Here is only said what is missing, and how to get it.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use guest_builder::{Made, tool_in_words};

use super::Language;

/// A component that was built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Built {
    pub(crate) file: PathBuf,
    pub(crate) size: u64,
    pub(crate) language: Language,
    /// The compiler that was used, for people: where it is, and its version if it says one.
    pub(crate) toolchain: String,
}

/// Reason why there is no component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBuilt {
    /// Nothing to build.
    #[error("{} has none of {files}; `vehicle-connector policy new DIR --lang LANGUAGE` makes a folder to begin with", folder.display())]
    NoPlugin {
        /// The folder.
        folder: PathBuf,
        /// Files by which a language is told.
        files: String,
    },
    /// A toolchain that is missing.
    #[error("{tool} was not found; {way_out}")]
    Missing {
        /// The program.
        tool: &'static str,
        /// What to do.
        way_out: String,
    },
    /// A toolchain that failed; it has said why.
    #[error("{} failed, for the reason that it gave", .0.display())]
    Failed(PathBuf),
    /// The crate, the sources in C, or the component.
    #[error(transparent)]
    Component(#[from] guest_builder::Error),
    /// The system says no.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or program.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Builds the plugin in a folder as `out`, or beside its sources.
///
/// # Errors
///
/// See [`NotBuilt`].
pub(crate) fn build(folder: &Path, out: Option<&Path>) -> Result<Built, NotBuilt> {
    let (language, source) = Language::of(folder)
        .ok_or_else(|| NotBuilt::NoPlugin { folder: folder.to_owned(), files: Language::files() })?;
    let kind = source.split_once('.').map_or("policy", |(stem, _)| stem);
    let (default, made) = match language {
        Language::Rust => {
            let (component, made) = guest_builder::build_elsewhere(folder)?;
            (folder.join(component.file()), Some(made))
        }
        Language::C => (folder.join("policy.wasm"), Some(guest_builder::build_c(folder)?)),
        Language::Python | Language::JavaScript => (folder.join(format!("{kind}.wasm")), None),
    };
    // Where the author stands and not where the toolchain does.
    let file = std::path::absolute(out.unwrap_or(&default)).map_err(failed(&default))?;
    let toolchain = match made {
        Some(Made { bytes, toolchain }) => {
            guest_builder::write(&file, &bytes)?;
            toolchain
        }
        None if language == Language::Python => python(folder, kind, &file)?,
        None => javascript(folder, &file)?,
    };
    let size = std::fs::metadata(&file).map_err(failed(&file))?.len();
    Ok(Built { file: out.map_or(default, Path::to_owned), size, language, toolchain })
}

fn python(folder: &Path, module: &str, out: &Path) -> Result<String, NotBuilt> {
    let own = [folder.join(".venv/bin"), folder.join(".venv/Scripts")];
    let program = guest_builder::find_tool(&["componentize-py"], &own).ok_or_else(|| NotBuilt::Missing {
        tool: "componentize-py",
        way_out: format!(
            "it is a package of Python 3.10 and later: {}python3 -m venv .venv && .venv/bin/pip install -r \
             requirements.txt",
            going_to(folder)
        ),
    })?;
    let arguments = ["--quiet", "--wit-path", "wit", "componentize", module, "--stub-wasi", "--output"];
    run(&program, folder, arguments.iter().map(OsStr::new).chain([out.as_os_str()]))
}

fn javascript(folder: &Path, out: &Path) -> Result<String, NotBuilt> {
    let own = [folder.join("node_modules/.bin")];
    let program = guest_builder::find_tool(&["componentize-qjs"], &own).ok_or_else(|| NotBuilt::Missing {
        tool: "componentize-qjs",
        way_out: format!("it is a package of Node: {}npm install", going_to(folder)),
    })?;
    let arguments =
        ["--wit", "wit", "--js", "policy.js", "--sync", "--stub-wasi", "--opt-size", "--minify", "--output"];
    run(&program, folder, arguments.iter().map(OsStr::new).chain([out.as_os_str()]))
}

/// Returns what a shell needs before a command in this folder: nothing where the author stands in it.
fn going_to(folder: &Path) -> String {
    if folder.components().all(|part| part == Component::CurDir) {
        return String::new();
    }
    format!("cd {} && ", folder.display())
}

/// Runs a program in the folder of a plugin, and names it for people.
fn run<'a>(
    program: &Path,
    folder: &Path,
    arguments: impl IntoIterator<Item = &'a OsStr>,
) -> Result<String, NotBuilt> {
    // A path that begins where the author stands would begin in that folder otherwise.
    let absolute = std::path::absolute(program).map_err(failed(program))?;
    let mut command = Command::new(absolute);
    // What a toolchain reports belongs to the messages: the standard output is for what was asked.
    command.args(arguments).current_dir(folder).stdout(std::io::stderr());
    match command.status().map_err(failed(program))? {
        status if status.success() => Ok(tool_in_words(program)),
        _ => Err(NotBuilt::Failed(program.to_owned())),
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> NotBuilt + use<> {
    let path = path.to_owned();
    move |source| NotBuilt::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_in_the_folder_need_not_go_there() {
        for here in [".", "./", "", "./."] {
            assert_eq!(going_to(Path::new(here)), "", "{here:?}");
        }
        for elsewhere in ["..", "plugin", "./plugin"] {
            assert_eq!(going_to(Path::new(elsewhere)), format!("cd {elsewhere} && "));
        }
    }

    #[test]
    fn a_folder_without_a_plugin_is_told_what_one_has() {
        let folder = tempfile::tempdir().unwrap();
        let refused = build(folder.path(), None).unwrap_err().to_string();
        assert!(refused.contains("policy.py") && refused.contains("policy new"), "{refused}");
    }
}
