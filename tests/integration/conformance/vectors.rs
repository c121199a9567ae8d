//! The vectors that hosts in other languages are held to: they are the default policy's, and complete.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use testkit::handmade::world;
use testkit::{root, vectors};
use wit_parser::{Resolve, TypeDefKind};

/// With this variable what is committed is written anew.
const WRITE: &str = "WRITE_VECTORS";

fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

/// Compares what is committed with what should be.
fn compare(name: &str, made: &[u8]) {
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(fixture(name), made).unwrap();
    }
    let committed = std::fs::read(fixture(name)).unwrap_or_default();
    let mut lines = committed.split(|byte| *byte == b'\n').zip(made.split(|byte| *byte == b'\n'));
    let difference = lines.find(|(one, other)| one != other);
    let words = difference.map(|(one, other)| (String::from_utf8_lossy(one), String::from_utf8_lossy(other)));
    assert!(
        committed == made,
        "tests/fixtures/{name} is not the default policy's any more; {WRITE}=1 writes it anew: {words:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_committed_vectors_are_the_default_policy_s() {
    compare("conformance/decisions.jsonl", vectors::decisions().await.as_bytes());
    compare("conformance/policy.json", vectors::rest().await.as_bytes());
}

#[test]
fn the_committed_policies_are_those_of_this_interface() {
    for (name, component) in vectors::policies() {
        compare(&format!("policies/{name}.wasm"), &component);
    }
}

fn replay(vectors: &Path, more: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
    program.env_remove("RUST_LOG").args(["policy", "replay"]).arg(vectors).args(more).output().unwrap()
}

#[test]
fn a_replay_checks_them_and_tells_another_policy() {
    let vectors = fixture("conformance/decisions.jsonl");
    let same = replay(&vectors, &[]);
    assert!(same.status.success(), "{same:?}");
    let other = root().join("guest/dist/four-phrases.wasm");
    let differs = replay(&vectors, &["--policy", other.to_str().unwrap(), "--json"]);
    assert_eq!(differs.status.code(), Some(1));
    assert!(differs.stdout.split(|byte| *byte == b'\n').count() > 100);
}

fn lines() -> Vec<Value> {
    let text = std::fs::read_to_string(fixture("conformance/decisions.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What the interface has: for each enum and variant of `policy` its cases.
fn cases(resolve: &Resolve, name: &str) -> BTreeSet<String> {
    let (_, ty) = resolve.types.iter().find(|(_, ty)| is_of_policy(resolve, ty) && named(ty, name)).unwrap();
    match &ty.kind {
        TypeDefKind::Enum(cases) => cases.cases.iter().map(|case| case.name.clone()).collect(),
        TypeDefKind::Variant(cases) => cases.cases.iter().map(|case| case.name.clone()).collect(),
        other => panic!("{name} is a {}", other.as_str()),
    }
}

fn named(ty: &wit_parser::TypeDef, name: &str) -> bool {
    ty.name.as_deref() == Some(name)
}

fn is_of_policy(resolve: &Resolve, ty: &wit_parser::TypeDef) -> bool {
    let wit_parser::TypeOwner::Interface(owner) = ty.owner else { return false };
    resolve.interfaces[owner].name.as_deref() == Some("policy")
}

/// The names that stand at a place in the vectors: a text, or the only member of an object.
fn names(values: &[Value], pointer: &str) -> BTreeSet<String> {
    let names = values.iter().filter_map(|value| match value.pointer(pointer)? {
        Value::String(name) => Some(name.clone()),
        Value::Object(case) => case.keys().next().cloned(),
        _ => None,
    });
    names.collect()
}

#[test]
fn every_case_and_option_of_the_interface_is_in_them() {
    let (resolve, _) = world("policy-module");
    let lines = lines();
    assert!(lines.len() >= 300, "{}", lines.len());
    for (name, pointer) in [
        ("effect", "/attempt/failure/effect"),
        ("phase", "/attempt/failure/phase"),
        ("certainty", "/attempt/failure/certainty"),
        ("transport", "/attempt/failure/transport"),
        ("body-kind", "/attempt/failure/body"),
        ("failure-kind", "/attempt/verdict/kind"),
        ("circuit-scope", "/attempt/verdict/counts_against"),
        ("decision", "/decision"),
        ("refresh-reason", "/session/reason"),
    ] {
        let mut missing = cases(&resolve, name);
        for found in names(&lines, pointer) {
            missing.remove(&found);
        }
        // The default policy has a name for everything.
        missing.remove("other");
        assert_eq!(missing, BTreeSet::new(), "{name}");
    }
    for place in ["/attempt/failure", "/attempt/verdict", "/session"] {
        let Value::Object(members) = lines.iter().find_map(|line| line.pointer(place)).unwrap() else {
            panic!("{place}");
        };
        for member in members.keys() {
            let values = || lines.iter().filter_map(|line| line.pointer(&format!("{place}/{member}")));
            assert!(values().any(|value| !value.is_null()), "{place}/{member} is never there");
        }
    }
    let document: Value =
        serde_json::from_slice(&std::fs::read(fixture("conformance/policy.json")).unwrap()).unwrap();
    let shapes = document["decisions"].as_array().unwrap();
    let mut missing = cases(&resolve, "failure-kind");
    names(shapes, "/attempt/verdict/kind").iter().for_each(|found| {
        missing.remove(found);
    });
    assert_eq!(missing, BTreeSet::from(["other".to_owned()]), "`sunspots` stands for it");
    assert!(names(shapes, "/attempt/verdict/kind").contains("sunspots"));
    assert!(names(shapes, "/attempt/verdict/counts_against").contains("satellite"));
}
