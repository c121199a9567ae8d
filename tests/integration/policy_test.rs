//! `vehicle-connector policy test`, as people type it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use testkit::handmade;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn policy_test(cases: &Path, more: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
    program.env_remove("RUST_LOG").args(["policy", "test"]).arg(cases).args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn case(id: &str, message: &str, label: &str) -> String {
    format!(
        r#"{{"id":"{id}","text":"{message}","http_status":null,"body_json":null,"cloud":"mazda","operation":"status","label":"{label}"}}"#
    )
}

fn three_cases() -> String {
    [
        case("a", "token has expired", "token-expired"),
        case("b", "Token is expired", "token-expired"),
        case("c", "Duplicate request", "rate-limited"),
    ]
    .join("\n")
}

#[test]
fn the_default_policy_and_the_baseline() {
    let folder = Folder::new();
    let cases = folder.file("cases.jsonl", three_cases());
    let output = policy_test(&cases, &["--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert_eq!(printed.trim_end().lines().count(), 1);
    let scores: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(scores["all"]["rows"], 3);
    assert_eq!((&scores["all"]["precision"], &scores["all"]["recall"]), (&1.0.into(), &1.0.into()));
    assert_eq!(scores["clouds"]["mazda"], scores["all"]);
    let miss = &scores["misses"][0];
    assert_eq!(
        (&miss["id"], &miss["label"], &miss["verdict"]),
        (&"c".into(), &"rate-limited".into(), &"busy".into())
    );
    assert_eq!(miss["rule"], "in-progress");

    let baseline = testkit::root().join("guest/dist/four-phrases.wasm");
    let output = policy_test(&cases, &["--json", "--policy", baseline.to_str().unwrap()]);
    let scores: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&scores["all"]["recall"], &scores["misses"][0]["verdict"]), (&0.5.into(), &"unknown".into()));

    let output = policy_test(&cases, &[]);
    let printed = text(&output.stdout);
    for part in
        ["3 cases", "label (down)", "mazda", "1 misses", "c: rate-limited, not busy (rule in-progress)"]
    {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

fn of_family(id: &str, message: &str, label: &str, family: &str) -> String {
    case(id, message, label).replace('}', &format!(r#","family":"{family}"}}"#))
}

#[test]
fn each_rule_is_shown_with_what_its_mistakes_cost() {
    let folder = Folder::new();
    let cases = [
        of_family("a", "token has expired", "token-expired", "one"),
        of_family("b", "token has expired", "credentials-rejected", "two"),
        of_family("c", "Duplicate request", "busy", "three"),
    ];
    let cases = folder.file("cases.jsonl", cases.join("\n"));
    let output = policy_test(&cases, &["--rules", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expired = &found["rules"]["expired"];
    assert_eq!((&expired["right"], &expired["wrong"], &expired["damage"]), (&1.into(), &1.into(), &5.into()));
    assert_eq!(expired["families"], serde_json::json!(["one", "two"]));
    assert_eq!((&found["costs"]["refused-refreshed"], &found["costs"]["total"]), (&1.into(), &5.into()));
    assert_eq!(found.get("folds"), None);

    let printed = text(&policy_test(&cases, &["--rules"]).stdout);
    let rules = printed.split("\nrules ").nth(1).unwrap();
    let names: Vec<_> = rules.lines().skip(1).take(2).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["expired", "in-progress"], "{printed}");
    assert!(printed.contains("refused-refreshed"), "{printed}");
    assert!(!text(&policy_test(&cases, &[]).stdout).contains("\nrules "));
}

#[test]
fn a_rule_counts_on_a_family_that_others_bear_out() {
    let folder = Folder::new();
    let seen = folder.file("seen.jsonl", of_family("a", "Duplicate request", "busy", "one"));
    let expired = [
        of_family("b", "token has expired", "token-expired", "two"),
        of_family("c", "Token is expired", "token-expired", "three"),
    ];
    let unseen = folder.file("unseen.jsonl", expired.join("\n"));
    let output = policy_test(&seen, &[unseen.to_str().unwrap(), "--folds", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["all"]["accuracy"], &found["folds"]["all"]["rows"]), (&1.0.into(), &3.into()));
    let accuracy = |file: &str| found["folds"]["files"][file]["clear"]["accuracy"].clone();
    // One family alone bears nothing out; two bear out each other.
    assert_eq!((accuracy("seen.jsonl"), accuracy("unseen.jsonl")), (0.0.into(), 1.0.into()));
    assert_eq!(found["folds"]["misses"][0]["verdict"], "unknown");

    let printed = text(&policy_test(&seen, &[unseen.to_str().unwrap(), "--folds"]).stdout);
    for part in ["by families", "unseen.jsonl, clear"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn input_that_is_wrong_is_named_with_its_line() {
    let folder = Folder::new();
    let good = case("a", "x", "busy");
    for (content, words) in [
        (format!("{good}\nnot JSON\n"), ":2: "),
        (format!("{good}\n[]"), ":2: "),
        (good.replace(r#","label":"busy""#, ""), ":1: the label is missing; it is one of token-expired, "),
        (good.replace(r#""busy""#, "null"), ":1: the label is missing"),
        (good.replace("busy", "bussy"), ":1: the label \"bussy\" is unknown; it is one of"),
        (
            good.replace("\"status\"", "\"sing\""),
            ":1: the operation \"sing\" is unknown; it is one of status",
        ),
        (String::new(), "there are no cases"),
        ("\n\n".to_owned(), "there are no cases"),
    ] {
        let output = policy_test(&folder.file("cases.jsonl", &content), &["--json"]);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("cases.jsonl") && message.contains(words), "{words}: {message}");
        assert!(output.stdout.is_empty());
    }
    let output = policy_test(&folder.file("cases.jsonl", b"{\xff}"), &[]);
    assert_eq!(output.status.code(), Some(2));
    for arguments in [&["--policy", "/nowhere.wasm"][..], &["--nonsense"]] {
        let output = policy_test(&folder.file("cases.jsonl", &good), arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    }
    assert_eq!(policy_test(Path::new("/nowhere.jsonl"), &[]).status.code(), Some(2));
}

#[test]
fn a_policy_that_is_refused_says_why() {
    let folder = Folder::new();
    let cases = folder.file("cases.jsonl", three_cases());
    let (resolve, world) = handmade::world("policy-module");
    let trapping = folder.file("trapping.wasm", handmade::trapping(&resolve, world));
    let nonsense = folder.file("nonsense.wasm", "nonsense");
    for (policy, words) in [(trapping, "the trial failed"), (nonsense, "no WebAssembly component")] {
        let output = policy_test(&cases, &["--policy", policy.to_str().unwrap()]);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("is refused") && message.contains(words), "{message}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_long_file_is_streamed() {
    let folder = Folder::new();
    let mut lines = String::new();
    for number in 0..2_000 {
        writeln!(lines, "{}", case(&number.to_string(), "token expired", "token-expired")).unwrap();
    }
    let output = policy_test(&folder.file("cases.jsonl", lines), &["--json"]);
    let scores: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&scores["all"]["rows"], &scores["all"]["accuracy"]), (&2_000.into(), &1.0.into()));
}
