//! The author's loop, as people type it: begin, build, inspect, test, replay, bench.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testkit::handmade::policy::Policy;
use testkit::root;
use vehicle_connector::sandbox::Budget;

/// Size of a page of linear memory, in bytes.
const PAGE: usize = 64 << 10;

/// A folder in which an author works.
struct Author(tempfile::TempDir);

impl Author {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    /// Runs the program here, with these folders on the path. Returns its exit code, and what it printed and said.
    fn run_on(&self, path: &Path, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"))
            .current_dir(self.0.path())
            .env_remove("RUST_LOG")
            .env("PATH", path)
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run_on(Path::new("/usr/bin:/bin"), arguments)
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let (code, printed, said) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        printed
    }
}

const CASE: &str = r#"{"id":"a","text":"Token is expired","http_status":401,"body_json":true,"cloud":"mazda","operation":"status","label":"token-expired","ambiguous":false}"#;

const CARD: &str = r#"{"id":"b","text":"Access card no longer honoured","http_status":400,"body_json":true,"cloud":"mazda","operation":"status","label":"token-expired","ambiguous":false}"#;

/// A policy that begins with one page more than a policy may have by default.
fn roomy() -> Vec<u8> {
    Policy { pages: Budget::POLICY.memory / PAGE + 1, ..Policy::default() }.component()
}

#[test]
fn what_needs_more_is_refused_with_the_key_and_taken_with_the_profile() {
    let author = Author::new();
    author.file("roomy.wasm", roomy());
    author.file("cases.jsonl", CASE);
    author.file("large.toml", "[limits]\npolicy = \"large\"\n");
    let refused = author.succeeds(&["policy", "inspect", "roomy.wasm"]);
    for part in ["accepted   no", "8192 KiB", "`policy = \"large\"` in [limits]", "memory_mb"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let test = ["policy", "test", "cases.jsonl", "--policy", "roomy.wasm"];
    let (code, _, said) = author.run(&test);
    assert_eq!((code, said.contains("memory_mb")), (1, true), "{said}");

    for limits in [&["--limits", "large"][..], &["-c", "large.toml"]] {
        let with = |arguments: &[&'static str]| [arguments, limits].concat();
        let shown = author.succeeds(&with(&["policy", "inspect", "roomy.wasm"]));
        assert!(shown.contains("accepted   yes"), "{limits:?}: {shown}");
        author.succeeds(&with(&test));
        author.succeeds(&with(&["policy", "bench", "roomy.wasm", "--rounds", "1"]));
    }
    // The configuration that is there without being named.
    author.file("vehicle-connector.toml", "[limits]\npolicy = \"large\"\n");
    author.succeeds(&test);
}

#[test]
fn limits_that_are_wrong_or_not_there_are_named() {
    let author = Author::new();
    author.file("cases.jsonl", CASE);
    author.file("wrong.toml", "[limits]\npolicy = \"larg\"\n");
    let (code, _, said) = author.run(&["policy", "test", "cases.jsonl", "-c", "wrong.toml"]);
    assert_eq!((code, said.contains("wrong.toml:2: limits.policy: \"larg\"")), (2, true), "{said}");
    let (code, _, said) = author.run(&["policy", "bench", "-c", "nowhere.toml"]);
    assert_eq!((code, said.contains("nowhere.toml: cannot be read")), (2, true), "{said}");
    let (code, _, _) = author.run(&["policy", "bench", "-c", "wrong.toml", "--limits", "large"]);
    assert_eq!(code, 2, "two sources at once");
}

#[test]
fn a_layer_is_inspected_scored_and_replayed_as_any_policy() {
    let author = Author::new();
    let layer = root().join("guest/examples/dist/c-layer.wasm");
    let layer = layer.to_str().unwrap();
    let shown = author.succeeds(&["policy", "inspect", layer]);
    assert!(shown.contains("policy, as a layer over that of the host"), "{shown}");
    assert!(shown.contains("accepted   yes"), "{shown}");
    let (_, refused, _) = author.run(&["connector", "inspect", layer]);
    assert!(refused.contains("accepted   no"), "{refused}");

    author.file("cases.jsonl", format!("{CASE}\n{CARD}\n"));
    let recall = |arguments: &[&str]| {
        let scores: Value = serde_json::from_str(&author.succeeds(arguments)).unwrap();
        scores["all"]["recall"].as_f64().unwrap()
    };
    assert_eq!(recall(&["policy", "test", "cases.jsonl", "--json"]), 0.5);
    assert_eq!(recall(&["policy", "test", "cases.jsonl", "--json", "--policy", layer]), 1.0);
    // Decisions about other wordings are those of the policy below.
    let decisions = root().join("tests/fixtures/conformance/decisions.jsonl");
    author.succeeds(&["policy", "replay", decisions.to_str().unwrap(), "--policy", layer]);
}

#[test]
fn a_policy_of_another_language_decides_as_it_does_elsewhere() {
    let author = Author::new();
    let policy = root().join("guest/examples/dist/c.wasm");
    author.file("cases.jsonl", format!("{CASE}\n{CARD}\n"));
    let arguments = ["policy", "test", "cases.jsonl", "--json", "--policy", policy.to_str().unwrap()];
    let scores: Value = serde_json::from_str(&author.succeeds(&arguments)).unwrap();
    assert_eq!((&scores["all"]["recall"], &scores["misses"][0]["id"]), (&0.5.into(), &"b".into()));
    let measured = author.succeeds(&["policy", "bench", policy.to_str().unwrap(), "--rounds", "2", "--json"]);
    let measured: Value = serde_json::from_str(&measured).unwrap();
    assert_eq!(measured["size"], std::fs::metadata(&policy).unwrap().len());
    assert!(measured["classify_us"].as_u64().unwrap() > 0, "{measured}");
}

#[test]
fn who_has_no_toolchain_is_told_how_to_get_one() {
    let author = Author::new();
    let nothing: PathBuf = author.0.path().join("nothing");
    for (language, tool, way) in [
        ("python", "componentize-py", "pip install -r requirements.txt"),
        ("javascript", "componentize-qjs", "npm install"),
        ("c", "clang", "apt-get install clang lld"),
    ] {
        let printed = author.succeeds(&["policy", "new", language, "--lang", language]);
        assert!(printed.contains(&format!("next: vehicle-connector policy build {language}\n")), "{printed}");
        let (code, _, said) = author.run_on(&nothing, &["policy", "build", language]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(&format!("{tool} was not found")) && said.contains(way), "{language}: {said}");
    }
}

/// A program of the author's that is a script.
#[cfg(unix)]
fn script(author: &Author, name: &str, lines: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    author.file(name, format!("#!/bin/sh\n{lines}\n"));
    let path = author.0.path().join(name);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_linker_that_is_missing_is_not_taken_for_the_compiler() {
    let author = Author::new();
    author.succeeds(&["policy", "new", "c", "--lang", "c"]);
    std::fs::create_dir(author.0.path().join("bin")).unwrap();
    // What clang answers where there is no wasm-ld.
    script(&author, "bin/clang-19", "[ \"$2\" = -print-prog-name=wasm-ld ] && echo wasm-ld || exit 1");
    let (code, _, said) = author.run_on(&author.0.path().join("bin"), &["policy", "build", "c"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("its linker wasm-ld was not found") && !said.contains("clang was not found"),
        "{said}"
    );
    assert!(said.contains("bin/clang-19 is there") && said.contains("apt-get install lld-19,"), "{said}");
}

#[cfg(unix)]
#[test]
fn what_was_built_names_what_built_it() {
    let author = Author::new();
    author.succeeds(&["policy", "new", "here", "--lang", "python"]);
    let tools = author.0.path().join("here/.venv/bin");
    std::fs::create_dir_all(&tools).unwrap();
    let tool =
        "[ \"$1\" = --version ] && echo componentize-py 0.0.7 && exit\nfor out; do :; done; echo >\"$out\"";
    script(&author, "here/.venv/bin/componentize-py", tool);
    let printed = author.succeeds(&["policy", "build", "here"]);
    let built = "\nbuilt with here/.venv/bin/componentize-py (componentize-py 0.0.7)\n";
    assert!(printed.contains(built), "{printed}");
}

#[test]
fn what_cannot_begin_or_be_built_says_why() {
    let author = Author::new();
    let said = |arguments: &[&str]| {
        let (code, _, said) = author.run(arguments);
        (code, said)
    };
    let (code, why) = said(&["policy", "new", "My_Policy", "--lang", "c"]);
    assert!(code == 2 && why.contains("--name"), "{why}");
    author.succeeds(&["policy", "new", "My_Policy", "--lang", "c", "--name", "my-policy"]);
    let (code, why) = said(&["policy", "new", "My_Policy", "--lang", "c", "--name", "my-policy"]);
    assert!(code == 1 && why.contains("is not empty"), "{why}");
    let (code, why) = said(&["connector", "new", "acme", "--lang", "c"]);
    assert!(code == 1 && why.contains("there is one in rust"), "{why}");
    std::fs::create_dir(author.0.path().join("empty")).unwrap();
    let (code, why) = said(&["policy", "build", "empty"]);
    assert!(code == 1 && why.contains("policy.py"), "{why}");
    let (code, why) = said(&["policy", "new", "crate", "--lang", "rust", "--kit", "empty"]);
    assert!(
        code == 1 && why.contains("empty is neither the kit") && why.contains("leave --kit away"),
        "{why}"
    );
    assert!(!author.0.path().join("crate").exists());
}

#[test]
fn the_layer_that_the_documentation_shows_is_the_one_that_is_made() {
    let author = Author::new();
    author.succeeds(&["policy", "new", "access-card", "--lang", "python", "--layer"]);
    let made = std::fs::read_to_string(author.0.path().join("access-card/policy.py")).unwrap();
    let page = std::fs::read_to_string(root().join("docs/writing-a-policy.md")).unwrap();
    let shown = page.split_once("```python\n").unwrap().1.split_once("```").unwrap().0;
    assert!(made.contains(shown), "shown: {shown}\nmade: {made}");
}
