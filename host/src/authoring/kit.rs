//! The kit that plugins in Rust stand on: `guest/sdk` of this project, which the program carries, so that an author needs no
//! copy of the project.

use std::path::{Path, PathBuf};

use super::template::{File, NotBegun};

macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        &[$(File { path: $path, bytes: include_bytes!(concat!("../../../guest/sdk/", $path)) }),*]
    };
}

macro_rules! interfaces {
    ($($path:literal),* $(,)?) => {
        &[$(File { path: concat!("wit/", $path), bytes: include_bytes!(concat!("../../../wit/", $path)) }),*]
    };
}

/// Name of the folder that the kit has in an author's.
pub(super) const FOLDER: &str = "kit";

/// Name of its crate.
const CRATE: &str = "vehicle-connector-sdk";

/// Where it is in a copy of this project.
const IN_PROJECT: &str = "guest/sdk";

const SOURCES: &[File] = sources![
    "Cargo.toml",
    "src/arena.rs",
    "src/bindings.rs",
    "src/cell.rs",
    "src/certainty.rs",
    "src/connector.rs",
    "src/export.rs",
    "src/failure.rs",
    "src/host.rs",
    "src/http.rs",
    "src/http/answer.rs",
    "src/http/answer/tests.rs",
    "src/http/envelope.rs",
    "src/http/request.rs",
    "src/lib.rs",
    "src/manifest.rs",
    "src/oauth.rs",
    "src/policy.rs",
    "src/policy/base.rs",
    "src/policy/layer.rs",
    "src/policy/plain.rs",
    "src/runtime.rs",
    "src/state.rs",
    "src/testing.rs",
    "src/testing/captures.rs",
    "src/testing/grants.rs",
    "src/testing/plain.rs",
    "src/testing/primitives.rs",
    "src/testing/tests.rs",
    "src/time.rs",
];

/// What it is compiled against: in the project a link, which not every system has.
const INTERFACES: &[File] = interfaces![
    "clock.wit",
    "connector.wit",
    "http.wit",
    "lock.wit",
    "log.wit",
    "mqtt.wit",
    "policy.wit",
    "random.wit",
    "types.wit",
    "worlds.wit",
];

/// The files of the kit, as they are in its folder.
pub(super) fn files() -> impl Iterator<Item = &'static File> {
    SOURCES.iter().chain(INTERFACES)
}

/// Returns where the kit is that an author named: its folder, or a copy of this project that has it.
pub(super) fn named(folder: &Path) -> Result<PathBuf, NotBegun> {
    let is_kit = |folder: &PathBuf| {
        std::fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line == format!("name = \"{CRATE}\"")))
    };
    let found = [folder.to_owned(), folder.join(IN_PROJECT)].into_iter().find(is_kit);
    // Where it is, whatever folder the author builds from.
    found.and_then(|found| found.canonicalize().ok()).ok_or_else(|| NotBegun::NoKit(folder.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Returns the files below a folder whose names end so, by their paths from `root`.
    fn below(root: &Path, folder: &Path, ending: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(root, &path, ending, found);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn the_program_carries_the_whole_kit() {
        let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest/sdk");
        let mut expected = BTreeSet::from(["Cargo.toml".to_owned()]);
        below(&kit, &kit.join("src"), ".rs", &mut expected);
        for entry in std::fs::read_dir(kit.join("wit")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".wit") {
                expected.insert(format!("wit/{name}"));
            }
        }
        let carried: BTreeSet<_> = files().map(|file| file.path.to_owned()).collect();
        assert_eq!(carried, expected, "the lists in {} are those of guest/sdk and wit", file!());
    }

    #[test]
    fn a_copy_of_the_project_is_taken_for_the_kit_in_it_and_nothing_else_is() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let kit = project.join(IN_PROJECT).canonicalize().unwrap();
        assert_eq!(named(&project).unwrap(), kit);
        assert_eq!(named(&kit).unwrap(), kit);
        let refused = named(&project.join("wit")).unwrap_err().to_string();
        assert!(refused.contains("wit") && refused.contains("leave --kit away"), "{refused}");
    }
}
