//! Finding the program that makes a component of a language.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Returns the first of these programs that is in one of the folders, or in the folders of `PATH`.
#[must_use]
pub fn find_tool(names: &[&str], folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(names, folders, &path)
}

fn find_in(names: &[&str], folders: &[PathBuf], path: &OsStr) -> Option<PathBuf> {
    let of_path: Vec<PathBuf> = std::env::split_paths(path).collect();
    let folders = || folders.iter().chain(&of_path);
    names.iter().find_map(|name| folders().map(|folder| program(folder, name)).find(|path| path.is_file()))
}

fn program(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

/// Names a program for people: where it is, and which version it says that it is, if it says one.
#[must_use]
pub fn tool_in_words(program: &Path) -> String {
    match answer(program, &["--version"]) {
        Some(version) => format!("{} ({version})", program.display()),
        None => program.display().to_string(),
    }
}

/// Returns the first line that a program prints; none if it fails or prints nothing.
pub(crate) fn answer(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let line = printed.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_program_is_named_with_its_version_if_it_has_one() {
        let shell = Path::new("/bin/sh");
        assert_eq!(answer(shell, &["-c", "echo one; echo two"]).as_deref(), Some("one"));
        assert_eq!(answer(shell, &["-c", "echo one; exit 1"]), None);
        assert_eq!(answer(shell, &["-c", "echo"]), None);
        assert_eq!(tool_in_words(Path::new("/nowhere/tool")), "/nowhere/tool");
    }

    #[test]
    fn the_folder_of_the_author_comes_before_the_path_and_the_first_name_before_the_second() {
        let (own, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = system.path().as_os_str();
        let folders = [own.path().to_owned()];
        let found = |names: &[&str]| find_in(names, &folders, path);
        assert_eq!(found(&["tool"]), None);
        let (in_system, in_own) = (program(system.path(), "tool"), program(own.path(), "tool"));
        std::fs::write(&in_system, "").unwrap();
        assert_eq!(found(&["tool"]), Some(in_system.clone()));
        std::fs::write(&in_own, "").unwrap();
        assert_eq!(found(&["tool"]), Some(in_own));
        assert_eq!(found(&["better", "tool"]), found(&["tool"]));
        std::fs::write(program(system.path(), "better"), "").unwrap();
        assert_eq!(found(&["better", "tool"]), Some(program(system.path(), "better")));
    }
}
