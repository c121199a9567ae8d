//! The plan of the house: which module of the host stands on which.
//!
//! A module uses what is on lower floors, never what is on its own or above. So there is no circle, each
//! module can be read and tested with nothing but what is below it, and a folder can become a crate whenever
//! that is worth it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The modules of `host/src`, from the ground up.
const FLOORS: [&[&str]; 19] = [
    // The ground: values, clocks, randomness, and what must not be said.
    &["digest", "entropy", "program_log", "redact", "time"],
    // Where state is kept, where components run, what the owner says of a vendor's clouds.
    &["descriptor", "sandbox", "store"],
    // Values under a lock, by generation.
    &["cell"],
    // The WIT interfaces as Rust types.
    &["bindings"],
    // Guards against too many attempts. What is on the broker, as types.
    &["protect"],
    &["wire"],
    // What is counted.
    &["metrics"],
    // What a connector works with. The connection to the broker. Files that may be anything.
    &["component_file", "mqtt", "primitives"],
    // How a component becomes a generation, and how it is called.
    &["plugin"],
    // What the owner wants. What happened, on record and as events.
    &["audit", "config", "events"],
    // What all parts of a host use. What a failure is, and what should follow from it.
    &["services", "judge"],
    // What one account consists of.
    &["account"],
    // How a component becomes the active one. Attempts and their limits, from the first one to the final result.
    &["deployment", "operation"],
    // One vehicle, what can be commanded, what Home Assistant is told, and where components are dropped.
    &["command", "folder", "homeassistant", "vehicle"],
    // What happens to a command.
    &["host"],
    // The ways in. What programs use that embed a host.
    &["bridge", "control", "deployments", "environment", "policies", "scoring", "watching"],
    // The program: what it shows, what authors begin with, the whole product on loopback, and its command line.
    &["authoring", "output"],
    &["demo"],
    &["cli"],
];

/// What one module names of others: `crate::other`, alone or in a list.
type Uses = BTreeMap<String, BTreeMap<String, PathBuf>>;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src")
}

#[test]
fn a_module_stands_on_lower_floors_only() {
    let floor = |module: &str| FLOORS.iter().position(|floor| floor.contains(&module));
    let uses = uses(&source());
    for (module, others) in &uses {
        let Some(at) = floor(module) else { panic!("{module} has no floor: give it one") };
        for (other, file) in others {
            let Some(below) = floor(other) else { panic!("{other} has no floor: give it one") };
            assert!(
                below < at,
                "{module} (floor {at}) uses {other} (floor {below}) in {}: move what both need down, or hand it in",
                file.display()
            );
        }
    }
    let listed: BTreeSet<&str> = FLOORS.concat().into_iter().collect();
    let there: BTreeSet<&str> = uses.keys().map(String::as_str).collect();
    assert_eq!(listed, there, "a module that is gone keeps no floor");
}

#[test]
fn uses_are_found_however_they_are_written() {
    let text = "use crate::a::{B, C};\nuse crate::{d, e::F};\n//! [`crate::g`]\nfn f() { crate::h::i(crate::j) }\n\
                #[cfg(test)]\nmod tests { use crate::k; }";
    assert_eq!(named(text), BTreeSet::from(["a", "d", "e", "h", "j"].map(str::to_owned)));
}

/// Of every module what it uses, and one file where it does. Tests may use anything.
fn uses(source: &Path) -> Uses {
    let mut uses = Uses::new();
    for entry in walkdir::WalkDir::new(source).into_iter().map(Result::unwrap) {
        let path = entry.path().strip_prefix(source).unwrap();
        let is_test = path.components().any(|part| {
            let part = part.as_os_str().to_string_lossy();
            part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs")
        });
        let is_root = ["lib.rs", "main.rs"].iter().any(|root| path == Path::new(root));
        if is_test || is_root || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let module = path.components().next().unwrap().as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs").to_owned();
        let others = uses.entry(module.clone()).or_default();
        for other in named(&std::fs::read_to_string(entry.path()).unwrap()) {
            if other != module {
                others.entry(other).or_insert_with(|| path.to_owned());
            }
        }
    }
    uses
}

/// The modules that follow `crate::` in the code of a file, up to its tests, which come last.
fn named(text: &str) -> BTreeSet<String> {
    let code: String = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default()
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => found.extend(first_names(list)),
            None => found.extend(name(after)),
        }
    }
    found
}

/// The first name of each item of a list, up to the list's end.
fn first_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut begins) = (Vec::new(), 1_u32, true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => begins = true,
            c if begins && !c.is_whitespace() => {
                names.extend(name(&list[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let name = &text[..end];
    name.starts_with(char::is_lowercase).then(|| name.to_owned())
}
