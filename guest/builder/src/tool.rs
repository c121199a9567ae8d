//! Finding the program that makes a component of a language.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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

#[cfg(test)]
mod tests {
    use super::*;

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
