//! The package of the interfaces, as other tools read it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::path::Path;

use wit_component::DecodedWasm;

#[test]
fn it_has_the_worlds_and_their_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bytes = guest_builder::interfaces(&root).unwrap();
    let DecodedWasm::WitPackage(resolve, package) = wit_component::decode(&bytes).unwrap() else {
        panic!("it is no package");
    };
    let package = &resolve.packages[package];
    assert_eq!(package.name.to_string(), "vehicle:connector@0.2.0");
    let worlds: Vec<&str> = package.worlds.keys().map(String::as_str).collect();
    assert!(worlds.contains(&"policy-module") && worlds.contains(&"vehicle-connector"), "{worlds:?}");
    let policy = &resolve.interfaces[package.interfaces["policy"]];
    for (name, function) in &policy.functions {
        assert!(function.docs.contents.is_some(), "{name} says nothing of itself");
    }
    assert_eq!(policy.functions.len(), 5);
}
