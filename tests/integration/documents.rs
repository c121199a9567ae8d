//! What the documents say: links lead somewhere, configurations are accepted, commands exist, samples work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testkit::mqtt::Mosquitto;
use vehicle_connector::config::Config;
use vehicle_connector::wire::topics::{Incoming, Topics};

/// A document: its path, and its text.
struct Document {
    path: PathBuf,
    text: String,
}

/// All documents of the repository.
fn documents() -> Vec<Document> {
    let is_wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        !(name.starts_with('.') || matches!(name.as_ref(), "target" | "node_modules"))
    };
    let entries = walkdir::WalkDir::new(testkit::root()).into_iter();
    let named = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
    let root = testkit::root().canonicalize().unwrap();
    let paths = entries.filter_entry(|entry| entry.depth() == 0 || is_wanted(entry)).map(Result::unwrap);
    let mut all: Vec<Document> = paths
        .filter(|entry| named(entry.path()))
        .map(|entry| Document {
            text: std::fs::read_to_string(entry.path()).unwrap(),
            path: entry.path().canonicalize().unwrap().strip_prefix(&root).unwrap().to_owned(),
        })
        .collect();
    all.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(all.len() > 10, "the documents are found");
    all
}

/// The fenced blocks of a document: the word behind the fence, the line of the fence, and the text, less the
/// fence's own indent.
fn blocks(text: &str) -> Vec<(String, usize, String)> {
    let (mut blocks, mut open) = (Vec::new(), None::<(String, usize, usize, String)>);
    for (number, line) in text.lines().enumerate() {
        let (indent, trimmed) = (line.len() - line.trim_start().len(), line.trim_start());
        match (&mut open, trimmed.strip_prefix("```")) {
            (None, Some(word)) => open = Some((word.trim().to_owned(), number + 1, indent, String::new())),
            (Some(_), Some(_)) => {
                let (word, at, _, text) = open.take().unwrap();
                blocks.push((word, at, text));
            }
            (Some((_, _, indent, text)), None) => {
                text.push_str(line.get(*indent..).unwrap_or_default());
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    blocks
}

/// The text without its blocks: lines of them are empty.
fn prose(text: &str) -> String {
    let mut is_open = false;
    let lines = text.lines().map(|line| {
        let is_fence = line.trim_start().starts_with("```");
        let kept = if is_open || is_fence { "" } else { line };
        is_open ^= is_fence;
        kept
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Text without what stands between backticks.
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// The anchors of a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut anchors, mut seen) = (BTreeSet::new(), BTreeMap::<String, usize>::new());
    for line in prose(text).lines() {
        let Some(heading) = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim()) else {
            continue;
        };
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let before = seen.entry(anchor.clone()).and_modify(|count| *count += 1).or_default();
        anchors.insert(if *before == 0 { anchor } else { format!("{anchor}-{before}") });
    }
    anchors
}

/// The targets of the links in a text.
fn links(text: &str) -> Vec<String> {
    let prose = without_code(&prose(text));
    let targets = prose.split("](").skip(1).filter_map(|after| after.split(')').next());
    targets.map(|target| target.split_whitespace().next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn links_lead_somewhere() {
    let (mut broken, mut followed) = (Vec::new(), 0);
    for Document { path, text } in documents() {
        for link in
            links(&text).into_iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        {
            followed += 1;
            let (file, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let target = testkit::root().join(target);
            if !target.exists() {
                broken.push(format!("{}: {link}: there is no such file", path.display()));
            } else if let Some(anchor) = anchor
                && target.extension().is_some_and(|extension| extension == "md")
                && !anchors(&std::fs::read_to_string(&target).unwrap()).contains(anchor)
            {
                broken.push(format!("{}: {link}: there is no such heading", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(followed > 100, "{followed} links: the others are not found");
}

#[test]
fn links_and_anchors_are_found_as_they_are_written() {
    let text = "# A `b`: c-d\n[x](y.md#z) `[no](no.md)` [w](<u>)\n```sh\n# no\n[no](no)\n```\n## What's *this*?\n## What's *this*?\n";
    assert_eq!(links(text), ["y.md#z", "<u>"]);
    let expected = ["a-b-c-d", "whats-this", "whats-this-1"].map(str::to_owned);
    assert_eq!(anchors(text), BTreeSet::from(expected));
    assert_eq!(blocks("a\n  ```toml\n  b = 1\n  ```\n"), [("toml".to_owned(), 2, "b = 1\n".to_owned())]);
}

/// The whole configurations in a document, with the line where each begins: TOML that has the table `[mqtt]`, alone or
/// within a shell's here-document.
fn configurations(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (word, at, text) in blocks(text) {
        let whole = match word.as_str() {
            "toml" => Some(text),
            "sh" => text
                .split_once("<<'END'\n")
                .and_then(|(_, rest)| rest.split_once("\nEND"))
                .map(|(toml, _)| toml.to_owned()),
            _ => None,
        };
        found.extend(
            whole.filter(|whole| whole.lines().any(|line| line.trim() == "[mqtt]")).map(|whole| (at, whole)),
        );
    }
    found
}

/// A configuration whose files are made up, so that only what the document says is judged.
fn with_files(text: &str, folder: &Path) -> String {
    let made_up = |key: &str| match key {
        "refresh_token_file" => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1",
        "pin_file" => "1234",
        _ => "a secret of some length",
    };
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((key, _))
            if key.trim().trim_start_matches("# ").ends_with("_file") && !line.trim().starts_with('#') =>
        {
            let (key, file) = (key.trim(), folder.join(key.trim()));
            std::fs::write(&file, made_up(key)).unwrap();
            format!("{key} = {:?}", file.to_str().unwrap())
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn configurations_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for Document { path, text } in documents() {
        for (at, configuration) in configurations(&text) {
            count += 1;
            let text = with_files(&configuration, folder.path());
            let secret = |_: &str| Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1".to_owned());
            if let Err(error) = Config::parse(&text, &folder.path().join("car.toml"), &secret) {
                wrong.push(format!("{}:{at}: {error}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 4, "{count} configurations: the others are not found");
}

/// The program that is looked at.
fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
    program.env_remove("RUST_LOG");
    program
}

/// The commands below one of the program, as its help lists them; none if there is no such command.
fn below(path: &[&str]) -> Option<BTreeSet<String>> {
    let shown = program().args(path).arg("--help").output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    let listed = text.split_once("Commands:\n").map_or("", |(_, listed)| listed);
    let names = listed.lines().take_while(|line| line.starts_with("  "));
    let names = names.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    shown
        .status
        .success()
        .then(|| names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// The words behind the program's name wherever a text calls it: in blocks, and between backticks.
fn calls(text: &str) -> Vec<Vec<String>> {
    let mut spans: Vec<String> = blocks(text)
        .into_iter()
        .filter(|(word, ..)| matches!(word.as_str(), "sh" | "console" | "shell" | "bash"))
        .flat_map(|(_, _, text)| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    spans.extend(prose(text).split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")));
    let mut calls = Vec::new();
    for span in spans {
        let mut rest = span.as_str();
        while let Some((before, after)) = rest.split_once("vehicle-connector ") {
            rest = after;
            // A package, a topic or a file of that name is not the program.
            if before.ends_with(['"', '/', '=']) && !before.ends_with("bin/") && !before.ends_with("release/")
                || before.contains("cargo ")
                || before.contains("apt")
                || before.ends_with("--package ")
                || before.ends_with("npx ")
            {
                continue;
            }
            let is_word = |word: &&str| {
                !word.is_empty()
                    && word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '|'))
                    && !word.starts_with('-')
            };
            let words: Vec<String> =
                after.split_whitespace().take_while(is_word).map(str::to_owned).collect();
            if !words.is_empty() {
                calls.push(words);
            }
        }
    }
    calls
}

#[test]
fn commands_exist() {
    let mut known: BTreeMap<Vec<String>, Option<BTreeSet<String>>> = BTreeMap::new();
    let mut list = |path: &[String]| {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        known.entry(path.to_vec()).or_insert_with(|| below(&words)).clone()
    };
    let top = list(&[]).unwrap();
    assert!(top.contains("run") && top.contains("check-config"), "{top:?}");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for Document { path, text } in documents() {
        for call in calls(&text) {
            let mut at: Vec<String> = Vec::new();
            for word in &call {
                let Some(listed) = list(&at).filter(|listed| !listed.is_empty()) else { break };
                // `open|close` are both.
                for one in word.split('|') {
                    count += 1;
                    if !listed.contains(one) {
                        wrong.push(format!(
                            "{}: vehicle-connector {}: there is no {one:?}",
                            path.display(),
                            call.join(" ")
                        ));
                    }
                }
                at.push(word.split('|').next().unwrap_or_default().to_owned());
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "{count} words: the others are not found");
}

#[test]
fn calls_are_found_as_they_are_written() {
    let text = "`vehicle-connector policy swap NEW` and `package vehicle-connector` `x/vehicle-connector run`\n\
                ```sh\ntarget/release/vehicle-connector circuit list|open -c car.toml\n\
                cargo test --package vehicle-connector run\n```\n";
    let expected = [vec!["circuit", "list|open"], vec!["policy", "swap"]];
    assert_eq!(calls(text), expected.map(|call| call.into_iter().map(str::to_owned).collect::<Vec<_>>()));
}

fn sample(name: &str) -> PathBuf {
    testkit::root().join("docs/samples").join(name)
}

#[test]
fn the_flow_for_node_red_speaks_as_this_host_does() {
    let flow: Vec<Value> =
        serde_json::from_slice(&std::fs::read(sample("node-red-flow.json")).unwrap()).unwrap();
    let topics = Topics::below("vehicle-connector");
    let heard = topics.retained_of_vehicle("ev6");
    let ids: BTreeSet<&str> = flow.iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), flow.len(), "no two nodes have one id");
    let (mut commands, mut heard_of) = (0, 0);
    for node in &flow {
        let wires =
            node["wires"].as_array().into_iter().flatten().flat_map(|output| output.as_array().unwrap());
        assert!(wires.clone().all(|wire| ids.contains(wire.as_str().unwrap())), "{node}");
        let topic = node["topic"].as_str().unwrap_or_default();
        match node["type"].as_str().unwrap() {
            "mqtt out" => {
                commands += 1;
                assert!(
                    matches!(
                        topics.parse(topic),
                        Some(Incoming::Command { vehicle: "ev6", operation: "lock" })
                    ),
                    "{topic}"
                );
                assert_eq!(
                    (node["retain"].as_str(), node["qos"].as_str()),
                    (Some("false"), Some("1")),
                    "{node}"
                );
            }
            "mqtt in" => {
                heard_of += 1;
                assert!(heard.contains(topic) || topic == topics.vehicle("ev6", "action/+"), "{topic}");
            }
            "function" => assert!(!node["func"].as_str().unwrap().contains("retain"), "{node}"),
            _ => {}
        }
        let broker = node["broker"].as_str().filter(|_| node["type"] != "mqtt-broker");
        assert!(broker.is_none_or(|broker| ids.contains(broker)), "{node}");
    }
    assert!(commands > 0 && heard_of > 1);
}

/// Tries of the sample of access rights: the user, the topic, and whether a message gets through to the host.
const RIGHTS: [(&str, &str, bool); 10] = [
    ("homeassistant", "vehicle-connector/vehicle/ev6/cmd/lock", true),
    ("homeassistant", "vehicle-connector/vehicle/ev6/cmd/other/honk", true),
    ("homeassistant", "vehicle-connector/account/main/answer/set", true),
    ("homeassistant", "vehicle-connector/bridge/request/policy/swap", true),
    ("homeassistant", "homeassistant/status", true),
    ("homeassistant", "vehicle-connector/vehicle/ev6/state", false),
    ("homeassistant", "vehicle-connector/bridge/state", false),
    ("dashboard", "vehicle-connector/vehicle/ev6/cmd/lock", false),
    ("dashboard", "vehicle-connector/bridge/request/policy/swap", false),
    ("stranger", "vehicle-connector/vehicle/ev6/cmd/lock", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_access_rights_for_mosquitto_are_those_that_the_page_tells_of() {
    let rights = sample("mosquitto.acl").canonicalize().unwrap();
    let Some(broker) =
        Mosquitto::start(&format!("allow_anonymous true\nacl_file {}", rights.display())).await
    else {
        return;
    };
    // What is retained is there afterwards, whoever looks.
    for (number, (user, topic, _)) in RIGHTS.iter().enumerate() {
        let payload = format!("{number}");
        broker.publish(&["-u", user, "-t", topic, "-m", &payload, "-r", "-q", "1"]);
    }
    let seen = broker.seen_by("vehicle-connector");
    for (number, (user, topic, gets)) in RIGHTS.iter().enumerate() {
        let is_there = seen.lines().any(|line| line == format!("{topic} {number}"));
        assert_eq!(is_there, *gets, "{user} to {topic}\n{seen}");
    }
    // Where the car is, a dashboard does not see; whether it runs, it does.
    for what in ["bridge/state", "vehicle/ev6/location"] {
        let topic = format!("vehicle-connector/{what}");
        broker.publish(&["-u", "vehicle-connector", "-t", &topic, "-m", "x", "-r", "-q", "1"]);
    }
    let seen = broker.seen_by("dashboard");
    assert_eq!(seen, "vehicle-connector/bridge/state x\n");
}
