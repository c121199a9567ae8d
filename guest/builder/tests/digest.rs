//! The digest of a component's sources: what it depends on, and what not.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};

use guest_builder::{Component, components, source_digest, stale};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A copy of everything that a digest can depend on, in another place.
fn copied() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for part in ["Cargo.toml", "Cargo.lock", "wit", "guest"] {
        copy_all(&workspace().join(part), &copy.path().join(part));
    }
    copy
}

/// Links stay links: what several folders share is one source, in a copy too.
fn copy_all(from: &Path, to: &Path) {
    if from.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from).unwrap(), to).unwrap();
        return;
    }
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy_all(&from.join(&name), &to.join(&name));
    }
}

fn all() -> Vec<Component> {
    components(&workspace()).unwrap()
}

/// The names of the components whose digest `change` changes.
fn changed_by(file: &str, change: impl Fn(String) -> String) -> Vec<String> {
    let copy = copied();
    let path = copy.path().join(file);
    let before = fs::read_to_string(&path).unwrap();
    let after = change(before.clone());
    assert_ne!(before, after, "the change changes nothing");
    fs::write(&path, after).unwrap();
    let digest = |root: &Path, component: &Component| source_digest(root, component).unwrap();
    let all = all().into_iter();
    all.filter(|component| digest(&workspace(), component) != digest(copy.path(), component))
        .map(|component| component.name)
        .collect()
}

#[test]
fn neither_place_nor_file_times_matter() {
    let copy = copied();
    for component in &all() {
        let digest = source_digest(copy.path(), component).unwrap();
        assert_eq!(digest, source_digest(&workspace(), component).unwrap());
        assert_eq!(digest.len(), 64);
    }
}

#[test]
fn a_source_matters_to_those_that_link_it() {
    let comment = |text: String| format!("{text}// changed\n");
    assert_eq!(
        changed_by("guest/policies/default/src/rules.rs", comment),
        ["hyundai-kia-eu", "policy", "renault"]
    );
    assert_eq!(changed_by("guest/connectors/hyundai-kia-eu/src/brand.rs", comment), ["hyundai-kia-eu"]);
    assert_eq!(changed_by("guest/policies/four-phrases/src/lib.rs", comment), ["four-phrases"]);
    assert_eq!(changed_by("guest/connectors/example/src/lib.rs", comment), ["example"]);
    // A stub of its cloud is not a part of it.
    assert!(changed_by("guest/connectors/example/cloud/src/lib.rs", comment).is_empty());
    assert_eq!(changed_by("guest/sdk/src/arena.rs", comment).len(), all().len());
    assert_eq!(changed_by("wit/policy.wit", comment).len(), all().len());
}

#[test]
fn the_profile_and_locked_dependencies_matter() {
    let count = all().len();
    assert_eq!(
        changed_by("Cargo.toml", |text| text.replace("opt-level = \"s\"", "opt-level = 3")).len(),
        count
    );
    let checksum_of = |name: &'static str| {
        move |text: String| {
            let package = text.find(&format!("name = \"{name}\"")).expect("the package is locked");
            let (before, after) = text.split_at(package);
            format!("{before}{}", after.replacen("checksum = \"", "checksum = \"0", 1))
        }
    };
    assert_eq!(changed_by("Cargo.lock", checksum_of("wit-bindgen")).len(), count);
    // The generator of the bindings needs it as well.
    assert_eq!(changed_by("Cargo.lock", checksum_of("serde_json")).len(), count);
    // What only the host or the tests need.
    assert!(changed_by("Cargo.lock", checksum_of("tokio")).is_empty());
    assert!(changed_by("Cargo.lock", checksum_of("proptest")).is_empty());
}

#[test]
fn an_example_of_other_sources_or_other_bytes_is_named_and_what_is_said_about_it_is_no_source() {
    let copy = copied();
    let append = |file: &str| {
        let path = copy.path().join("guest/examples").join(file);
        let mut content = fs::read(&path).unwrap();
        content.push(b'\n');
        fs::write(&path, content).unwrap();
        stale(copy.path()).unwrap()
    };
    assert_eq!(append("c/README.md"), Vec::<String>::new());
    let layer = "guest/examples/dist/c-layer.wasm was built from other sources";
    assert_eq!(append("c-layer/bindings/bindings.h"), [layer]);
    let bytes = "guest/examples/dist/c.wasm is not the file that was recorded";
    assert_eq!(append("dist/c.wasm"), [bytes, layer]);
    // What it is compiled against, it shares with all others.
    let of_wit = append("c/wit/policy.wit");
    for file in ["guest/examples/dist/c.wasm", "guest/dist/policy.wasm"] {
        assert!(of_wit.contains(&format!("{file} was built from other sources")), "{of_wit:?}");
    }
}
