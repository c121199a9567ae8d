//! Requests about plugins as they come in by message: in order, not too many, not too large, and each on
//! record.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use testkit::handmade::variant;
use testkit::{Home, RealHome};
use vehicle_connector::deployment::{Action, Outcome, Record};
use vehicle_connector::digest::Digest;
use vehicle_connector::host::Request;
use vehicle_connector::plugin::{PluginKind, embedded};
use vehicle_connector::wire::message::Outgoing;

/// How many requests may wait.
const WAITING: usize = 8;

fn request(verb: &str, payload: impl Into<Vec<u8>>) -> Request {
    let topic = format!("vehicle-connector/bridge/request/{verb}");
    Request { topic, payload: payload.into(), ..Request::default() }
}

/// Sends a request and waits for nothing.
async fn send(home: &RealHome, verb: &str, payload: impl Into<Vec<u8>>) {
    home.host.handle(request(verb, payload)).await;
}

fn swap(number: u32, transaction: usize) -> String {
    let component = BASE64_STANDARD.encode(variant(embedded::POLICY, number));
    json!({"component": component, "transaction": transaction}).to_string()
}

/// The answers about plugins so far, in the order in which they were given.
fn answers(messages: &[Outgoing]) -> Vec<Value> {
    let answers = messages.iter().filter(|message| message.topic.contains("/bridge/response/"));
    answers.map(|answer| serde_json::from_slice(&answer.payload).unwrap()).collect()
}

async fn so_many_answers(home: &RealHome, count: usize) -> Vec<Value> {
    let enough = |messages: &[Outgoing]| Some(answers(messages)).filter(|answers| answers.len() >= count);
    home.published.find(enough).await
}

fn transactions(answers: &[Value]) -> Vec<u64> {
    answers.iter().map(|answer| answer["transaction"].as_u64().unwrap()).collect()
}

/// The attempts of a kind, but for what the host did at its start.
async fn attempts(home: &RealHome, kind: PluginKind) -> Vec<Record> {
    home.host.deployments().history(kind, None, 100).await.unwrap()
}

/// Waits for so many attempts; the record of one is made before its answer, but by the folder there is none.
async fn until_attempted(home: &RealHome, kind: PluginKind, count: usize) -> Vec<Record> {
    let wait = async {
        loop {
            let records = attempts(home, kind).await;
            if records.len() >= count {
                return records;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), wait).await.expect("on record in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_sent_right_after_a_swap_takes_effect_after_it() {
    let home = RealHome::start().await;
    let carried = home.host.policy().active().generation().digest;
    for round in 1..=2 {
        send(&home, "policy/swap", swap(round, 1)).await;
        send(&home, "policy/rollback", br#"{"transaction":2}"#).await;
        send(&home, "policy/list", br#"{"transaction":3}"#).await;
    }
    let answers = so_many_answers(&home, 6).await;
    assert_eq!(transactions(&answers), [1, 2, 3, 1, 2, 3]);
    for (round, answers) in (1..).zip(answers.chunks(3)) {
        let swapped = Digest::of(&variant(embedded::POLICY, round)).to_string();
        assert_eq!(answers[0]["data"]["digest"], swapped, "{answers:?}");
        assert_eq!(answers[1]["data"]["before"]["digest"], swapped, "{answers:?}");
        assert_eq!(answers[2]["data"][0]["digest"], carried.to_string(), "{answers:?}");
    }
}

// One thread: what arrives in one batch finds the queue as the one before has left it.
#[tokio::test]
async fn of_too_many_requests_the_last_ones_are_refused_and_the_others_done_in_order() {
    let home = RealHome::start().await;
    let total = WAITING + 4;
    let swaps = (0..total).map(|number| swap(u32::try_from(number).unwrap(), number));
    home.host.handle_all(swaps.map(|swap| request("policy/swap", swap)).collect()).await;
    let answers = so_many_answers(&home, total).await;
    let (done, refused): (Vec<Value>, Vec<Value>) =
        answers.into_iter().partition(|answer| answer["status"] == "ok");
    let expected: Vec<u64> = (0..total as u64).collect();
    assert_eq!([transactions(&done), transactions(&refused)].concat(), expected);
    assert_eq!(done.len(), WAITING);
    for answer in refused {
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains("busy") && error.contains("8 requests about plugins"), "{error}");
    }
    // Requests about circuits never wait behind them, and there is room again.
    let answer = home.request("circuit/list", json!({})).await;
    assert_eq!(answer["status"], "ok", "{answer}");
    let answer = home.request("policy/list", json!({})).await;
    let last = Digest::of(&variant(embedded::POLICY, u32::try_from(WAITING - 1).unwrap()));
    assert_eq!(answer["data"][0]["digest"], last.to_string(), "{answer}");
}

#[tokio::test]
async fn what_waits_when_the_host_stops_is_answered_and_not_done() {
    let home = RealHome::start().await;
    let before = home.host.policy().active().generation().digest;
    for number in 1..=3 {
        send(&home, "policy/swap", swap(number, 1)).await;
    }
    home.host.stop().await;
    send(&home, "policy/swap", swap(4, 1)).await;
    let answers = so_many_answers(&home, 4).await;
    let stopping = |answer: &&Value| answer["error"] == "the host is stopping";
    let done = answers.iter().filter(|answer| answer["status"] == "ok").count();
    // At most the one that was in hand.
    assert_eq!(done + answers.iter().filter(stopping).count(), 4, "{answers:?}");
    assert!(done <= 1, "{answers:?}");
    let active = home.host.policy().active().generation().digest;
    assert_eq!(active == before, done == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_answered_and_on_record() {
    let home = RealHome::start().await;
    let component = "A".repeat(1 << 20);
    for (verb, on_record) in [("policy/swap", 1), ("policy/verify", 1), ("circuit/close", 1)] {
        send(&home, verb, json!({"component": component}).to_string()).await;
        let topic = format!("vehicle-connector/bridge/response/{verb}");
        let answer = |message: &Outgoing| {
            (message.topic == topic).then(|| serde_json::from_slice::<Value>(&message.payload).unwrap())
        };
        let answer = home.published.find(|messages| messages.iter().find_map(answer)).await;
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains("at most 1048576 are read") && error.contains("control socket"), "{error}");
        assert_eq!(attempts(&home, PluginKind::Policy).await.len(), on_record, "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_comes_to_no_component_is_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("plugins");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("new.wasm"), "new").unwrap();
    let home = RealHome::configured(simulator::Config::default(), |config| {
        config.plugins.folder = Some(folder.clone());
    })
    .await;
    let cases = [
        ("policy/swap", "{", Action::Swap, "policy", "EOF"),
        ("policy/swap", r#"{"componnent":"AA=="}"#, Action::Swap, "policy", "componnent"),
        ("policy/swap", r#"{"component":"%"}"#, Action::Swap, "policy", "no base64"),
        ("policy/swap", r#"{"file":"missing.wasm"}"#, Action::Swap, "policy", "missing.wasm"),
        ("policy/shadow", r#"{"file":"../new.wasm"}"#, Action::Shadow, "policy", "no name of a file"),
        ("policy/canary", "{}", Action::Canary, "policy", "share"),
        ("policy/swap", r#"{"slot":"other","file":"new.wasm"}"#, Action::Swap, "other", "no policy slot"),
        ("policy/promote", "{}", Action::Promote, "policy", "tried out"),
        // What comes to the deployments is not there twice.
        ("policy/rollback", "{}", Action::Rollback, "policy", "to go back to"),
        ("policy/shadow", r#"{"file":"new.wasm"}"#, Action::Shadow, "policy", ""),
    ];
    for (count, (verb, payload, action, slot, why)) in (1..).zip(cases) {
        send(&home, verb, payload).await;
        so_many_answers(&home, count).await;
        let records = attempts(&home, PluginKind::Policy).await;
        assert_eq!(records.len(), count, "{verb} {payload}");
        let record = records.last().unwrap();
        let reason = record.reason.as_deref().unwrap();
        assert_eq!((record.action, record.slot.as_str(), record.by.as_str()), (action, slot, "mqtt"));
        assert!(record.result == Outcome::Refused && reason.contains(why), "{record:?}");
    }
    // What changes nothing leaves nothing.
    let before = attempts(&home, PluginKind::Policy).await.len();
    for (verb, payload) in
        [("policy/verify", r#"{"component":"%"}"#), ("policy/list", "{"), ("policy/diff", "{}")]
    {
        send(&home, verb, payload).await;
    }
    so_many_answers(&home, cases.len() + 3).await;
    assert_eq!(attempts(&home, PluginKind::Policy).await.len(), before);

    home.request("connector/swap", json!({"file": "missing.wasm"})).await;
    home.request("connector/rollback", json!({"slot": "nobody"})).await;
    home.request("connector/rollback", json!({"slot": "x".repeat(100_000)})).await;
    let records = attempts(&home, PluginKind::Connector).await;
    let slots: Vec<&str> = records.iter().map(|record| record.slot.as_str()).collect();
    assert_eq!(slots[..2], ["hyundai-kia-eu", "nobody"]);
    assert!(slots[2].starts_with("xxx") && slots[2].len() <= 128, "{slots:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_the_folder_refuses_is_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("plugins");
    std::fs::create_dir(&folder).unwrap();
    let home = RealHome::configured(simulator::Config::default(), |config| {
        config.plugins.folder = Some(folder.clone());
    })
    .await;
    let _watching = home.host.watch_folder().unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
    std::fs::rename(dir.path().join("link"), folder.join("hyundai-kia-eu.wasm")).unwrap();
    std::fs::write(folder.join("policy.wasm"), "in place").unwrap();
    for (kind, slot, why) in [
        (PluginKind::Connector, "hyundai-kia-eu", "a symbolic link"),
        (PluginKind::Policy, "policy", "written in place"),
    ] {
        let record = until_attempted(&home, kind, 1).await.remove(0);
        assert_eq!((record.action, record.slot.as_str(), record.by.as_str()), (Action::Swap, slot, "folder"));
        assert!(record.result == Outcome::Refused && record.reason.unwrap().contains(why), "{kind}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_may_name_a_link_and_no_pipe() {
    use vehicle_connector::host::StartError;
    use vehicle_connector::plugin::POLICY_SLOT;
    let dir = tempfile::tempdir().unwrap();
    let (file, link, pipe) =
        (dir.path().join("a.wasm"), dir.path().join("b.wasm"), dir.path().join("c.wasm"));
    let policy = variant(embedded::POLICY, 1);
    std::fs::write(&file, &policy).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut home = RealHome::configured(simulator::Config::default(), |config| {
        config.plugins.files.insert(POLICY_SLOT.to_owned(), link);
    })
    .await;
    assert_eq!(home.host.policy().active().generation().digest, Digest::of(&policy));
    let sparse = dir.path().join("d.wasm");
    std::fs::File::create(&sparse).unwrap().set_len((32 << 20) + 1).unwrap();
    for (path, why) in [(pipe, "a pipe"), (sparse, "at most 33554432 are read")] {
        let configured = |config: &mut vehicle_connector::config::Config| {
            config.plugins.files.insert(POLICY_SLOT.to_owned(), path);
        };
        match home.restart_configured(configured).await {
            Err(error @ StartError::ComponentFile { .. }) => {
                assert!(error.to_string().contains(why), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}
