//! The operator's tools, with the real program: backups, dumps, the doctor, the log, a first configuration.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::LEGACY;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use vehicle_connector::store::{Kind, Reader, SqliteStore, Store, Write};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::State;

use crate::crash::House;
use crate::grants::desk::Desk;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl House {
    /// Runs the program to its end; the exit code and what it says.
    async fn says(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.program().current_dir(self.folder.path()).args(arguments).output();
        let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code().unwrap(), said)
    }

    async fn does(&self, arguments: &[&str]) -> String {
        let (code, said) = self.says(arguments).await;
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The port of its broker.
    fn port(&self) -> u16 {
        let text = std::fs::read_to_string(self.config()).unwrap();
        text.split("mqtt://127.0.0.1:").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    }
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn results(directory: &Path) -> usize {
    Reader::open(directory).unwrap().list(Kind::Result).unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_host_is_restored_and_knows_what_was_done() {
    let mut house = House::start().await;
    let mut host = house.host().await;
    house.unlock("before").await;
    house.reached("before", State::Succeeded).await;
    house.does(&["backup", "car.backup", "-c", "car.toml"]).await;
    assert_eq!(std::fs::metadata(house.path("car.backup")).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = house.says(&["backup", "car.backup", "-c", "car.toml"]).await;
    assert!(code == 1 && said.contains("exists already"), "{said}");
    assert!(house.does(&["restore", "car.backup", "-c", "car.toml", "--check"]).await.contains("is whole"));
    let (code, said) = house.says(&["restore", "car.backup", "-c", "car.toml"]).await;
    assert!(code == 1 && said.contains("is in use by process"), "{said}");
    house.unlock("after").await;
    house.reached("after", State::Succeeded).await;
    host.kill().await.unwrap();
    assert_eq!(results(&house.path("car.state")), 2);

    let said = house.does(&["restore", "car.backup", "-c", "car.toml", "--files", "files"]).await;
    assert!(
        said.contains("what was there before is in") && said.contains("two hosts that share sessions"),
        "{said}"
    );
    assert_eq!(results(&house.path("car.state")), 1);
    assert_eq!(names(&house.path("files")), ["configuration.toml"]);
    let aside = names(&house.path("car.state")).into_iter().find(|name| name.starts_with("state.db.before-"));
    std::fs::create_dir(house.path("aside")).unwrap();
    std::fs::copy(house.path("car.state").join(aside.unwrap()), house.path("aside/state.db")).unwrap();
    assert_eq!(results(&house.path("aside")), 2, "what was there is kept as it was");

    // The next host goes on from the backup: it knows the command of before, and does it no more.
    let unlocks = house.unlocks();
    let host = house.host().await;
    let seen = house.published.borrow().len();
    house.unlock("before").await;
    house.wait(seen, |topic, _| topic.ends_with("/action/before")).await;
    assert_eq!(house.unlocks(), unlocks);
    drop(host);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_is_no_backup_is_not_restored_and_changes_nothing() {
    let house = House::start().await;
    let store = SqliteStore::open(&house.path("car.state")).unwrap();
    let write =
        |kind, key: &str, value: &[u8]| Write { kind, key: key.to_owned(), value: Some(value.to_vec()) };
    store.commit(vec![write(Kind::Result, "niro/one", b"{}")]).await.unwrap();
    drop(store);
    house.does(&["backup", "good", "--state", "car.state"]).await;
    let good = std::fs::read(house.path("good")).unwrap();
    let before = std::fs::read(house.path("car.state/state.db")).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    let diary = b"this is a diary ".repeat(100);
    let cases: [(&str, &[u8]); 5] = [
        ("flipped", &flipped),
        ("cut", &good[..good.len() * 2 / 3]),
        ("empty", b""),
        ("diary", &diary),
        ("gzip", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
    ];
    for (name, bytes) in cases {
        std::fs::write(house.path(name), bytes).unwrap();
        let (code, said) = house.says(&["restore", name, "--state", "car.state", "--files", "files"]).await;
        assert!(code == 1 && said.contains("not restored"), "{name}: {said}");
        assert!(!house.path("files").exists(), "{name}");
        assert_eq!(std::fs::read(house.path("car.state/state.db")).unwrap(), before, "{name}");
        let left = names(&house.path("car.state"))
            .into_iter()
            .filter(|it| it.contains('.') && !it.starts_with("state.db-"));
        assert_eq!(left.collect::<Vec<_>>(), ["state.db"], "{name}");
    }
    let (code, said) = house.says(&["restore", "nowhere", "--state", "car.state"]).await;
    assert!(code == 1 && said.contains("nowhere cannot be read"), "{said}");
    house.does(&["restore", "good", "--state", "car.state"]).await;
    // What was there before is kept each time, also of restores within one second.
    for _ in 0..3 {
        house.does(&["restore", "good", "--state", "another.state"]).await;
    }
    assert_eq!(results(&house.path("another.state")), 1);
    let aside = names(&house.path("another.state"));
    assert_eq!(aside.iter().filter(|name| name.starts_with("state.db.before-")).count(), 2, "{aside:?}");
}

/// Waits until something is there, and kills the program at that moment.
async fn killed_at(mut program: Child, is_there: impl Fn() -> bool) -> bool {
    loop {
        if is_there() {
            program.kill().await.unwrap();
            return true;
        }
        if program.try_wait().unwrap().is_some() {
            return false;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_leaves_no_half() {
    let house = House::start().await;
    let store = SqliteStore::open(&house.path("car.state")).unwrap();
    // Of a size that takes a while, and that nothing makes small.
    let noise = || (0..1 << 20).map(|_| fastrand::u8(..)).collect::<Vec<u8>>();
    let writes =
        (0..24).map(|number| Write { kind: Kind::Component, key: format!("{number}"), value: Some(noise()) });
    store.commit(writes.collect()).await.unwrap();
    drop(store);
    let spawn = |arguments: &[&str]| {
        let mut program = house.program();
        program.current_dir(house.folder.path()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        program.spawn().unwrap()
    };
    let unfinished = || names(house.folder.path()).into_iter().find(|name| name.contains("unfinished"));
    let backup = spawn(&["backup", "killed", "--state", "car.state"]);
    let in_the_middle = || unfinished().is_some_and(|name| house.path(&name).join("state.db").exists());
    assert!(killed_at(backup, in_the_middle).await, "it was caught in the middle");
    assert!(!house.path("killed").exists());
    // What it has left has tokens in it: the doctor tells of it, and the next one removes it.
    let (code, said) = house.says(&["doctor", "--offline", "-c", "car.toml"]).await;
    let left = unfinished().unwrap();
    assert!(
        code == 1 && said.contains("is left of a backup") && said.contains(&format!("rm -r ./{left}")),
        "{said}"
    );
    house.does(&["backup", "killed", "--state", "car.state"]).await;
    assert_eq!(unfinished(), None);
    house.does(&["restore", "killed", "--state", "car.state", "--check"]).await;

    let before = std::fs::read(house.path("car.state/state.db")).unwrap();
    let restore = spawn(&["restore", "killed", "--state", "car.state"]);
    let in_the_middle = || house.path("car.state/state.db.unfinished").exists();
    assert!(killed_at(restore, in_the_middle).await, "it was caught in the middle");
    let said = house.says(&["doctor", "--offline", "-c", "car.toml"]).await.1;
    assert!(said.contains("car.state/state.db.unfinished is left of a backup or a restore"), "{said}");
    assert_eq!(std::fs::read(house.path("car.state/state.db")).unwrap(), before);
    house.does(&["restore", "killed", "--state", "car.state"]).await;
    assert!(!names(&house.path("car.state")).iter().any(|name| name.contains("unfinished")));
    assert_eq!(Reader::open(&house.path("car.state")).unwrap().list(Kind::Component).unwrap().len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_asked_writes_a_backup_and_a_message_does_not() {
    let mut house = House::start().await;
    let _host = house.host().await;
    let state = house.path("car.state");
    let asked = house.path("asked");
    let ask = move |payload: Value| vehicle_connector::control::ask(&state, "state/backup", &payload);
    let relative = ask(json!({"file": "asked"})).unwrap_err().to_string();
    assert!(relative.contains("must be absolute"), "{relative}");
    let written = ask(json!({"file": asked})).unwrap();
    assert_eq!(written["files"][0]["name"], "state.db", "{written}");
    let message = Outgoing::new(
        "vehicle-connector/bridge/request/state/backup",
        format!("{{\"file\":{:?}}}", house.path("m")),
    );
    house.publisher.publish(message).await.unwrap();
    house
        .wait(0, |topic, payload| {
            topic.ends_with("response/state/backup")
                && String::from_utf8_lossy(payload).contains("control socket only")
        })
        .await;
    assert!(!house.path("m").exists());
}

/// A VIN that is in names of files too.
const VIN: &str = "KNATESTDMP0000042";

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_has_no_secret_in_any_form() {
    let mut house = House::start().await;
    let text = std::fs::read_to_string(house.config()).unwrap();
    let private = format!("{VIN}-pin");
    std::fs::write(house.path(&private), "1234\n").unwrap();
    let text = text.replace("pin = \"${PIN}\"", &format!("pin_file = \"{private}\""));
    let text = format!(
        "{text}\n[state]\ndir = \"{VIN}.state\"\n[vehicle.other]\naccount = \"home\"\nvin = \"{VIN}\"\n"
    );
    std::fs::write(house.config(), text).unwrap();
    let _host = house.host().await;
    house.unlock("one").await;
    house.reached("one", State::Succeeded).await;

    let dump = house.does(&["dump", "-c", "car.toml"]).await;
    let parsed: Value = serde_json::from_str(&dump).unwrap();
    assert_eq!(parsed["check_config"]["exit_code"], 0, "{dump}");
    assert_eq!(parsed["host"]["accounts"][0]["account"], "home", "{dump}");
    let lines = parsed["host"]["log"]["lines"].as_array().unwrap();
    let of_the_command = |line: &Value| line["text"].as_str().unwrap().starts_with("op{operation=one}: ");
    assert!(lines.len() > 1 && lines.iter().any(of_the_command), "{dump}");
    let one = |result: &Value| result["key"] == "niro/one";
    assert!(parsed["state"]["results"].as_array().unwrap().iter().any(one), "{dump}");
    assert!(parsed["configuration"]["vehicle"]["niro"]["allow"].is_array(), "{dump}");

    // Whatever the state has is known, so nothing is missed that the test does not know of.
    let cells = Reader::open(&house.path(&format!("{VIN}.state"))).unwrap().list(Kind::Cell).unwrap();
    let mut secrets: Vec<String> = Vec::new();
    for (_, cell) in cells {
        let cell: Value = serde_json::from_slice(&cell).unwrap();
        secrets
            .extend(cell["secrets"].as_object().unwrap().values().map(|it| it.as_str().unwrap().to_owned()));
    }
    assert!(secrets.len() >= 2, "an access token, a device: {secrets:?}");
    let cloud = simulator::Config::default();
    secrets.extend([cloud.refresh_token.clone(), "\"1234\"".to_owned(), VIN.to_owned(), LEGACY.1.to_owned()]);
    secrets.extend(cloud.vehicles.iter().map(|vehicle| vehicle.vin.clone()));
    for secret in &secrets {
        let base64 = STANDARD.encode(secret);
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for form in [secret.as_str(), &secret.to_lowercase(), base64.trim_end_matches('='), &percent] {
            assert_eq!(dump.matches(form).count(), 0, "{form}");
        }
    }

    // To a file, and not over one that is there.
    house.does(&["dump", "-c", "car.toml", "-o", "dump.json"]).await;
    assert_eq!(std::fs::metadata(house.path("dump.json")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(house.says(&["dump", "-c", "car.toml", "-o", "dump.json"]).await.0, 1);
    // What is wrong is in it, and no text of which nothing is known.
    std::fs::write(house.config(), "[mqtt\npassword = \"hunter2-hunter2\"\n").unwrap();
    let dump = house.does(&["dump", "-c", "car.toml"]).await;
    assert!(dump.contains("not valid TOML") && !dump.contains("hunter2"), "{dump}");
}

fn finding<'f>(findings: &'f Value, check: &str, part: &str) -> &'f Value {
    let all = findings["findings"].as_array().unwrap();
    let is_it = |it: &&Value| it["check"] == check && it["found"].as_str().unwrap().contains(part);
    all.iter().find(is_it).unwrap_or_else(|| panic!("{check} {part}: {findings:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_wrong_and_disturbs_nobody() {
    let mut house = House::start().await;
    let _host = house.host().await;
    let seen = house.published.borrow().len();
    let (code, said) = house.says(&["doctor", "-c", "car.toml", "--json"]).await;
    let well: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &well["worst"]), (0, &json!("ok")), "{well:#}");
    for (check, part) in [
        ("configuration", "is good"),
        ("state", "it is whole"),
        ("host", "a host runs"),
        ("clock", "this machine's clock"),
        ("broker", "lets the host in"),
        ("broker", "arrives"),
        ("retained", "nothing"),
        ("homeassistant", "status"),
    ] {
        assert_eq!(finding(&well, check, part)["level"], "ok");
    }
    assert!(!said.contains(&simulator::Config::default().refresh_token));
    let offline =
        |(topic, payload): &(String, Vec<u8>)| topic.ends_with("bridge/state") && payload == b"offline";
    assert!(!house.published.borrow().iter().skip(seen).any(offline), "the host stays connected");

    let old = "vehicle-connector/vehicle/old/state";
    house.publisher.publish(Outgoing::new(old, "{}").retained()).await.unwrap();
    house.wait(seen, |topic, _| topic == old).await;
    let (code, said) = house.says(&["doctor", "-c", "car.toml"]).await;
    assert!(code == 1 && said.contains("WARN  retained"), "{said}");
    // The command that is said can be pasted, and clears it.
    let command = format!("--host 127.0.0.1 --port {} --retain --null-message --topic {old};", house.port());
    assert!(said.contains(&command), "{command}: {said}");

    let text = std::fs::read_to_string(house.config()).unwrap();
    let port = house.port();
    std::fs::write(house.config(), text.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:1")).unwrap();
    let begun = Instant::now();
    let (code, said) = house.says(&["doctor", "-c", "car.toml"]).await;
    assert!(code == 2 && said.contains("FAIL  broker: 127.0.0.1:1 does not let the host in"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(9), "nobody listens, so nothing is waited for: {said}");
    let (code, said) = house.says(&["doctor", "-c", "car.toml", "--offline"]).await;
    assert!(code == 0 && !said.contains("broker:"), "{said}");
    std::fs::write(house.config(), "[mqtt]\nurl = 7\ntypo = 1\n").unwrap();
    let (code, said) = house.says(&["doctor", "-c", "car.toml"]).await;
    assert!(code == 2 && said.matches("FAIL  configuration").count() >= 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_stopped_keeps_neither_the_doctor_nor_a_dump() {
    let mut house = House::start().await;
    let host = house.host().await;
    let signal = |signal: &str| {
        let id = host.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    };
    signal("-STOP");
    let doctor = house.says(&["doctor", "-c", "car.toml", "--json"]);
    let dump = house.does(&["dump", "-c", "car.toml"]);
    let ((code, findings), dump) = tokio::join!(doctor, dump);
    signal("-CONT");
    let findings: Value = serde_json::from_str(&findings).unwrap();
    assert_eq!((code, &finding(&findings, "host", "and does not answer")["level"]), (2, &json!("fail")));
    assert_eq!(finding(&findings, "broker", "arrives")["level"], "ok", "the rest is looked at all the same");
    let dump: Value = serde_json::from_str(&dump).unwrap();
    for (_, answer) in dump["host"].as_object().unwrap() {
        assert_eq!(answer["error"], "no answer within 10 s", "{dump:#}");
    }
    assert_eq!(dump["host"].as_object().unwrap().len(), 6);
    assert!(dump["state"]["results"].is_array() && dump["configuration"]["mqtt"].is_object(), "{dump:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_shown_followed_and_made_more_talkative() {
    let mut house = House::start().await;
    let mut host = house.host().await;
    let shown = house.does(&["logs", "--state", "car.state"]).await;
    assert!(shown.contains("control socket open") && !shown.contains(" DEBUG "), "{shown}");
    let last = house.does(&["logs", "--state", "car.state", "--last", "1", "--json"]).await;
    let line: Value = serde_json::from_str(&last).unwrap();
    assert!(line["seq"].as_u64().unwrap() > 3 && line["text"].is_string(), "{line}");

    // A reader who has seen enough ends it without having to wait for a line, which may never come.
    let mut waiting = house.program();
    waiting.current_dir(house.folder.path()).args(["logs", "-f", "--level", "error", "--state", "car.state"]);
    let mut waiting = waiting.spawn().unwrap();
    drop(waiting.stdout.take());
    let ended = tokio::time::timeout(PATIENCE, waiting.wait()).await.expect("an end without a line").unwrap();
    assert!(ended.success(), "{ended:?}");

    // What follows comes by itself, also while the configuration is edited and wrong for a moment.
    let good = std::fs::read_to_string(house.config()).unwrap();
    let mut follower = house
        .program()
        .current_dir(house.folder.path())
        .args(["logs", "--follow", "--last", "1", "-c", "car.toml"])
        .spawn()
        .unwrap();
    let mut out = follower.stdout.take().unwrap();
    let mut lines = BufReader::new(&mut out).lines();
    let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
    assert!(first.is_some());
    std::fs::write(house.config(), "[mqtt\n").unwrap();
    for level in ["debug", "info"] {
        let told = house.does(&["logs", "--set-level", level, "--state", "car.state"]).await;
        assert!(told.contains(&format!("logs at {level}")), "{told}");
        let changed = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains("level of the log is another one") && line.contains(&format!("\"{level}\""))
                {
                    return;
                }
            }
            panic!("it ended");
        };
        tokio::time::timeout(PATIENCE, changed).await.unwrap();
    }
    std::fs::write(house.config(), good).unwrap();
    drop(out);
    let ended = tokio::time::timeout(PATIENCE, follower.wait_with_output()).await.unwrap().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");

    // A level that was asked for ends with the next reload, also of a file that says what it said.
    house.does(&["logs", "--set-level", "error", "--state", "car.state"]).await;
    house.does(&["reload", "--state", "car.state"]).await;
    let last = house.does(&["logs", "--state", "car.state", "--last", "1"]).await;
    assert!(last.contains("configuration reloaded"), "{last}");
    host.kill().await.unwrap();
    let (code, said) = house.says(&["logs", "--state", "car.state"]).await;
    assert!(code == 1 && said.contains("no host runs"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_file_is_right_is_for_the_host_to_say_when_it_reloads() {
    let mut house = House::start().await;
    let _host = house.host().await;
    let good = std::fs::read_to_string(house.config()).unwrap();
    for (wrong, why) in [
        (format!("{good}\n[log]\nlevel = \"loud\"\n"), "log.level: \"loud\" is unknown"),
        (format!("{good}\n[mqtt\n"), "not valid TOML"),
    ] {
        std::fs::write(house.config(), wrong).unwrap();
        let (code, said) = house.says(&["reload", "-c", "car.toml"]).await;
        assert!(code == 1 && said.contains("the host refused config/reload") && said.contains(why), "{said}");
        assert!(!said.contains("--state"), "{said}");
    }
    // A warning says where it is.
    std::fs::write(house.config(), &good).unwrap();
    std::fs::set_permissions(house.config(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let said = house.does(&["reload", "-c", "car.toml"]).await;
    assert!(said.starts_with("warning: ") && said.contains("/car.toml:1: "), "{said}");
    std::fs::set_permissions(house.config(), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(house.config(), format!("{good}\n[state]\ndir = \"moved.state\"\n")).unwrap();
    let (code, said) = house.says(&["reload", "-c", "car.toml"]).await;
    assert!(code == 1 && said.contains("if state.dir was changed since it was started"), "{said}");
    let said = house.does(&["reload", "--state", "car.state"]).await;
    assert!(said.contains("after a restart: state.dir"), "{said}");
    std::fs::remove_file(house.config()).unwrap();
    let (code, said) = house.says(&["reload", "-c", "car.toml"]).await;
    assert!(code == 2 && said.contains("car.toml"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_quotas_of_a_running_host_are_listed() {
    let mut house = House::start().await;
    let _host = house.host().await;
    let listed = house.does(&["account", "list", "--state", "car.state"]).await;
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("home") && line.contains("ev6, niro") && line.contains(" ok")),
        "{listed}"
    );
    let quota = house.does(&["quota", "home", "--json", "--state", "car.state"]).await;
    let quota: Value = serde_json::from_str(&quota).unwrap();
    assert!(
        quota[0]["requests"]["used"].as_u64().unwrap() > 0 && quota[0]["requests"]["limit"].is_null(),
        "{quota}"
    );
    assert_eq!(quota[0]["forced_reads"]["niro"], json!({"used": 0, "limit": 24, "left": 24}));
    let (code, said) = house.says(&["quota", "nobody", "--state", "car.state"]).await;
    assert!(code == 1 && said.contains("there are: home"), "{said}");
}

#[test]
fn a_first_configuration_is_good_or_is_not_written() {
    let desk = Desk::new();
    desk.write("token", format!("{}\n", "A".repeat(48)).as_bytes());
    desk.write("short", b"AAAA\n");
    let init = |more: &[&str]| {
        let usual =
            ["init", "--yes", "-c", "new.toml", "--brand", "kia", "--vehicle", "ev6", "--named", "My EV6"];
        desk.run(&[&usual[..], more].concat())
    };
    let (code, said) = init(&[]);
    assert!(code == 2 && said.contains("--secret refresh_token=FILE is missing"), "{said}");
    for (more, why) in [
        (&["--secret", "refresh_token=short"][..], "48"),
        (&["--secret", "refresh_token=token", "--secret", "typo=token"], "unknown key \"typo_file\""),
        (&["--secret", "refresh_token=token", "--allow", "lock,fly"], "\"fly\" is unknown"),
        (&["--secret", "refresh_token=token", "--broker", "amqp://x"], "amqp"),
        (&["--secret", "refresh_token=token", "--account", "a b"], "a b"),
    ] {
        let (code, said) = init(more);
        assert!(code == 2 && said.contains(why) && said.contains("nothing was written"), "{more:?}: {said}");
        assert!(!desk.path("new.toml").exists());
    }
    let (code, said) = init(&["--secret", "refresh_token=token", "--allow", "refresh,lock,unlock"]);
    assert!(code == 0 && said.contains("vehicle-connector run -c new.toml"), "{said}");
    assert_eq!(std::fs::metadata(desk.path("new.toml")).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = desk.run(&["check-config", "-c", "new.toml"]);
    assert!(code == 0 && said.contains("good; 1 account(s), 1 vehicle(s)"), "{said}");
    let before = desk.read("new.toml");
    let (code, said) = init(&["--secret", "refresh_token=token"]);
    assert!(code == 2 && said.contains("exists already"), "{said}");
    assert_eq!(desk.read("new.toml"), before);
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_anything_else() {
    let desk = Desk::new();
    // Before what is missing, which is asked for.
    let (code, said) = desk.run(&["init", "--yes", "-c", "nowhere/car.toml"]);
    assert!(code == 1 && said.contains("nowhere/car.toml cannot be written: nowhere: "), "{said}");
    desk.write("file", b"");
    let (code, said) = desk.run(&["init", "--yes", "-c", "file/car.toml"]);
    assert!(code == 1 && said.contains("name a folder that you may write to"), "{said}");
}

#[test]
fn shells_and_manuals_know_every_command() {
    let desk = Desk::new();
    // Whether all are there, the tests of these two commands say.
    for shell in ["bash", "zsh", "fish"] {
        let (code, script) = desk.run(&["completions", shell]);
        assert!(code == 0 && script.contains("check-config") && script.contains("restore"), "{shell}");
        assert!(!script.contains("compile-component"), "{shell}");
    }
    let (code, page) = desk.run(&["man"]);
    assert!(code == 0 && page.contains(".TH vehicle") && page.contains("doctor"), "{page}");
    let (code, said) = desk.run(&["man", "pages"]);
    assert!(code == 0, "{said}");
    let pages = names(&desk.path("pages"));
    for page in ["vehicle-connector.1", "vehicle-connector-backup.1", "vehicle-connector-policy-swap.1"] {
        assert!(pages.iter().any(|it| it == page), "{page}: {pages:?}");
    }
    assert!(!pages.iter().any(|page| page.contains("compile")), "what is hidden has no page: {pages:?}");
    desk.write("in-the-way", b"");
    assert_eq!(desk.run(&["man", "in-the-way"]).0, 1);
}
