//! The folders that authors begin with.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Language, kit};

/// What a folder is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A policy.
    Policy,
    /// A policy over that of the host.
    Layer,
    /// A connector.
    Connector,
}

/// A file of a folder.
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) bytes: &'static [u8],
}

/// The name that a plugin has in the templates.
const NAME: &str = "my-policy";

/// The name that a connector has there, in quotes: it also stands in names of hosts.
const CONNECTOR: &str = "\"example\"";

/// Where the kit is, seen from the templates.
const KIT: &str = "../../sdk";

macro_rules! files {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(File {
            path: $path,
            bytes: include_bytes!(concat!("../../../guest/examples/", $folder, "/", $path)),
        }),*]
    };
}

/// Returns the files of a beginning; none if there is none in this language.
fn files(kind: Kind, language: Language) -> Option<&'static [File]> {
    Some(match (kind, language) {
        (Kind::Policy, Language::Rust) => {
            files!("rust": ".gitignore", "Cargo.toml", "README.md", "src/lib.rs")
        }
        (Kind::Layer, Language::Rust) => {
            files!("rust-layer": ".gitignore", "Cargo.toml", "README.md", "src/lib.rs")
        }
        (Kind::Policy, Language::Python) => {
            files!("python": ".gitignore", "README.md", "policy.py", "requirements.txt", "wit/policy.wit", "wit/world.wit")
        }
        (Kind::Layer, Language::Python) => {
            files!("python-layer": ".gitignore", "README.md", "policy.py", "requirements.txt", "wit/policy.wit", "wit/world.wit")
        }
        (Kind::Policy, Language::JavaScript) => {
            files!("javascript": ".gitignore", "README.md", "policy.js", "package.json", "wit/policy.wit", "wit/world.wit")
        }
        (Kind::Layer, Language::JavaScript) => {
            files!("javascript-layer": ".gitignore", "README.md", "policy.js", "package.json", "wit/policy.wit", "wit/world.wit")
        }
        (Kind::Policy, Language::C) => files!("c": "README.md", "policy.c", "libc/libc.c", "libc/stdlib.h",
            "libc/string.h", "bindings/bindings.c", "bindings/bindings.h", "bindings/bindings_component_type.o",
            "wit/policy.wit", "wit/world.wit"),
        (Kind::Layer, Language::C) => {
            files!("c-layer": "README.md", "policy.c", "libc/libc.c", "libc/stdlib.h",
            "libc/string.h", "bindings/bindings.c", "bindings/bindings.h", "bindings/bindings_component_type.o",
            "wit/policy.wit", "wit/world.wit")
        }
        (Kind::Connector, Language::Rust) => {
            files!("connector-rust": ".gitignore", "Cargo.toml", "README.md", "src/lib.rs", "src/tests.rs")
        }
        (Kind::Connector, Language::Python) => {
            files!("connector-python": ".gitignore", "README.md", "connector.py",
            "requirements.txt", "wit/clock.wit", "wit/connector.wit", "wit/http.wit", "wit/lock.wit", "wit/log.wit",
            "wit/mqtt.wit", "wit/random.wit", "wit/types.wit", "wit/world.wit")
        }
        (Kind::Connector, _) => return None,
    })
}

/// Recorded failures to score a policy on, to begin a collection with.
const CASES: File =
    File { path: "cases.jsonl", bytes: include_bytes!("../../../guest/examples/cases.jsonl") };

/// What an author asks for.
#[derive(Debug)]
pub(crate) struct Beginning<'b> {
    /// The folder, which is made.
    pub(crate) folder: &'b Path,
    pub(crate) kind: Kind,
    pub(crate) language: Language,
    /// Name of the plugin: 1 to 64 of a-z, 0-9 and `-`.
    pub(crate) name: &'b str,
    /// Where the kit is, for a crate; without it the crate has a copy of its own.
    pub(crate) kit: Option<&'b Path>,
}

/// Reason why there is nothing to begin with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBegun {
    /// The folder has something in it.
    #[error("{} is not empty; name a folder that does not exist yet", .0.display())]
    NotEmpty(PathBuf),
    /// The kit is not where it should be.
    #[error(
        "{} is neither the kit, guest/sdk, nor a copy of this project with it; leave --kit away for a copy that the program \
         carries", .0.display()
    )]
    NoKit(PathBuf),
    /// There is no such template.
    #[error("there is no beginning of a connector in this language; there is one in rust, and one in python")]
    NoSuch,
    /// The system says no.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Writes the folder that an author begins with. Returns its files, those of the kit left out.
///
/// # Errors
///
/// See [`NotBegun`].
pub(crate) fn begin(beginning: &Beginning<'_>) -> Result<Vec<&'static str>, NotBegun> {
    let Beginning { folder, kind, language, name, kit } = *beginning;
    let files = files(kind, language).ok_or(NotBegun::NoSuch)?;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(NotBegun::NotEmpty(folder.to_owned()));
    }
    let kit_place = match kit {
        Some(named) => kit::named(named)?,
        None => PathBuf::from(kit::FOLDER),
    };
    let cases = (kind != Kind::Connector).then_some(&CASES);
    let mut written = Vec::new();
    for file in files.iter().chain(cases) {
        write(&folder.join(file.path), &filled(file, name, &kit_place))?;
        written.push(file.path);
    }
    if language == Language::Rust && kit.is_none() {
        for file in kit::files() {
            write(&folder.join(kit::FOLDER).join(file.path), file.bytes)?;
        }
        written.push(kit::FOLDER);
    }
    Ok(written)
}

/// Writes a file, and the folders that it is in.
fn write(path: &Path, bytes: &[u8]) -> Result<(), NotBegun> {
    let failed = |source| NotBegun::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, bytes).map_err(failed)
}

/// Returns a file with the author's own name and place of the kit.
fn filled(file: &File, name: &str, kit: &Path) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(file.bytes) else { return file.bytes.to_owned() };
    let text = text.replace(NAME, name).replace(CONNECTOR, &format!("\"{name}\""));
    let text = text.replace("example.wasm", &format!("{name}.wasm"));
    let text = if file.path == "Cargo.toml" { text.replace(KIT, &kit.display().to_string()) } else { text };
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning<'b>(folder: &'b Path, kind: Kind, language: Language) -> Beginning<'b> {
        Beginning { folder, kind, language, name: "access-card", kit: None }
    }

    #[test]
    fn every_beginning_has_the_name_of_its_author_and_no_other() {
        for kind in [Kind::Policy, Kind::Layer, Kind::Connector] {
            for language in [Language::Rust, Language::Python, Language::JavaScript, Language::C] {
                let folder = tempfile::tempdir().unwrap();
                let Ok(written) = begin(&beginning(folder.path(), kind, language)) else {
                    let others = [Language::JavaScript, Language::C];
                    assert!(kind == Kind::Connector && others.contains(&language));
                    continue;
                };
                let texts =
                    written.iter().filter_map(|path| fs::read_to_string(folder.path().join(path)).ok());
                let texts: String = texts.collect();
                assert!(texts.contains("access-card"), "{kind:?} {language:?}");
                assert!(!texts.contains(NAME) && !texts.contains(CONNECTOR), "{kind:?} {language:?}");
                assert_eq!(Language::of(folder.path()).unwrap().0, language);
            }
        }
    }

    #[test]
    fn what_is_there_already_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.py"), "mine").unwrap();
        let refused = begin(&beginning(folder.path(), Kind::Policy, Language::Python)).unwrap_err();
        assert!(matches!(refused, NotBegun::NotEmpty(_)), "{refused}");
        assert_eq!(fs::read_to_string(folder.path().join("policy.py")).unwrap(), "mine");
    }

    #[test]
    fn a_crate_has_its_kit_with_it_unless_another_is_named() {
        let kit_in = |folder: &Path| {
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            let kit =
                manifest.split_once("sdk = { path = \"").unwrap().1.split_once('"').unwrap().0.to_owned();
            assert!(folder.join(&kit).join("src/lib.rs").is_file(), "{manifest}");
            assert!(folder.join(&kit).join("wit/policy.wit").is_file(), "{manifest}");
            kit
        };
        for kind in [Kind::Policy, Kind::Layer, Kind::Connector] {
            let folder = tempfile::tempdir().unwrap();
            begin(&beginning(folder.path(), kind, Language::Rust)).unwrap();
            assert_eq!(kit_in(folder.path()), "kit", "{kind:?}");

            let folder = tempfile::tempdir().unwrap();
            let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest/sdk");
            let with = Beginning { kit: Some(&kit), ..beginning(folder.path(), kind, Language::Rust) };
            begin(&with).unwrap();
            assert_eq!(kit_in(folder.path()), kit.canonicalize().unwrap().to_str().unwrap(), "{kind:?}");
            assert!(!folder.path().join("kit").exists(), "{kind:?}");
        }
    }

    #[test]
    fn nothing_is_written_for_a_kit_that_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let with =
            Beginning { kit: Some(folder.path()), ..beginning(folder.path(), Kind::Policy, Language::Rust) };
        assert!(matches!(begin(&with), Err(NotBegun::NoKit(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
