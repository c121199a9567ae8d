//! The control socket: requests that come by it, attempts that cannot do harm, and the commands that use it.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::handmade::variant;
use testkit::virtual_home::VirtualHome;
use testkit::{Home, RealHome};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use vehicle_connector::control::{AskError, CONNECTIONS, Control, ControlError, LONGEST_LINE, SOCKET, ask};
use vehicle_connector::digest::Digest;

use crate::program::{PATIENCE, Program, text};

/// A host with a control socket in a directory of its own.
struct Controlled {
    home: RealHome,
    control: Control,
    dir: TempDir,
}

impl Controlled {
    async fn start() -> Self {
        let (home, dir) = (RealHome::start().await, tempfile::tempdir().unwrap());
        let control = Control::open(dir.path(), &home.host).unwrap();
        Self { home, control, dir }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join(SOCKET)
    }

    fn connect(&self) -> Connection {
        Connection(BufReader::new(connect(&self.socket())))
    }

    fn ask(&self, verb: &str, payload: Value) -> Result<Value, AskError> {
        ask(self.dir.path(), verb, &payload)
    }
}

fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection that sends whatever it is given.
struct Connection(BufReader<UnixStream>);

impl Connection {
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.get_mut().write_all(bytes.as_ref())
    }

    /// The next line, or none at the end.
    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).unwrap();
        (read > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    fn error(&mut self) -> String {
        let answer = self.line().expect("an answer");
        assert_eq!((&answer["status"], &answer["data"]), (&json!("error"), &Value::Null), "{answer}");
        answer["error"].as_str().unwrap().to_owned()
    }
}

const LIST: &[u8] = b"{\"verb\":\"circuit/list\",\"payload\":{}}\n";

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_in_order_on_one_connection_as_on_several() {
    let controlled = Controlled::start().await;
    let mut connection = controlled.connect();
    let isolate = r#"{"verb":"circuit/isolate","payload":{"circuit":"account home","transaction":7}}"#;
    connection.send(format!("{isolate}\n\n  \n")).unwrap();
    connection.send(LIST).unwrap();
    let answer = connection.line().unwrap();
    let data = json!({"circuit": "account home", "state": "isolated"});
    assert_eq!(answer, json!({"status": "ok", "data": data, "error": null, "transaction": 7}));
    let listed = connection.line().unwrap();
    assert_eq!(listed["data"][0]["state"], "isolated", "{listed}");

    controlled.ask("circuit/close", json!({"circuit": "account home"})).unwrap();
    connection.send(LIST).unwrap();
    assert_eq!(connection.line().unwrap()["data"][0]["state"], "closed");
    let refused = controlled.ask("circuit/close", json!({"circuit": "nobody"})).unwrap_err();
    assert!(matches!(&refused, AskError::Refused(why) if why.contains("account home")), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_and_harms_nobody() {
    let controlled = Controlled::start().await;
    let mut connection = controlled.connect();
    let deep = "[".repeat(100_000);
    let nonsense: [&[u8]; 7] = [
        b"hello",
        b"\xff\xfe\x00",
        b"{\"verb\":\"circuit/list\"",
        b"{\"verb\":7}",
        b"{\"verb\":\"circuit/list\",\"paylod\":{}}",
        deep.as_bytes(),
        b"[]",
    ];
    for line in nonsense {
        connection.send(line).unwrap();
        connection.send("\n").unwrap();
        let error = connection.error();
        assert!(error.contains(r#"a line is {"verb":"circuit/list","payload":{}}"#), "{error}");
    }
    connection.send("{\"verb\":\"make/coffee\"}\n").unwrap();
    assert!(connection.error().contains("make/coffee"));

    // Half a question, and gone.
    let mut half = controlled.connect();
    half.send(r#"{"verb":"circuit/isolate","payload":{"circuit":"account ho"#).unwrap();
    drop(half);
    // A whole one, and gone before the answer.
    let mut gone = controlled.connect();
    gone.send(LIST).unwrap();
    drop(gone);

    connection.send(LIST).unwrap();
    assert_eq!(connection.line().unwrap()["status"], "ok");
    assert_eq!(controlled.ask("circuit/list", json!({})).unwrap(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_has_a_longest_length_and_the_largest_component_fits() {
    let controlled = Controlled::start().await;
    let component = "A".repeat((32_usize << 20).div_ceil(3) * 4);
    let payload = json!({"file": "policy.wasm", "component": component, "signature": "s".repeat(1000)});
    let refused = controlled.ask("make/coffee", payload).unwrap_err();
    assert!(refused.to_string().contains("make/coffee"), "read as a whole: {refused}");

    let mut connection = controlled.connect();
    // The host hangs up while it is written to.
    let _cut_off = connection.send(vec![b'x'; LONGEST_LINE + (1 << 20)]);
    let error = connection.error();
    assert!(error.contains("too long") && error.contains(&LONGEST_LINE.to_string()), "{error}");
    assert_eq!(controlled.ask("circuit/list", json!({})).unwrap(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so_and_a_place_that_is_left_is_free() {
    let controlled = Controlled::start().await;
    let mut connections: Vec<Connection> = (0..CONNECTIONS).map(|_| controlled.connect()).collect();
    for connection in &mut connections {
        connection.send(LIST).unwrap();
        assert_eq!(connection.line().unwrap()["status"], "ok");
    }
    let mut late = controlled.connect();
    assert!(late.error().contains("16 connections are open"));
    assert!(late.line().is_none());

    connections.pop();
    // The host learns of it in its own time.
    while controlled.ask("circuit/list", json!({})).is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_its_answers_holds_up_nobody_else() {
    let controlled = Controlled::start().await;
    let stream = connect(&controlled.socket());
    stream.set_nonblocking(true).unwrap();
    // Until nothing fits any more: the host waits for this one to read.
    let mut stuffed = 0;
    while stuffed < 100 {
        match (&stream).write(LIST) {
            Ok(_) => stuffed = 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                stuffed += 1;
                controlled.ask("circuit/list", json!({})).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    let report = controlled.home.command("niro", "refresh_cached", "").await;
    assert_eq!(report.state, vehicle_connector::wire::outcome::State::Succeeded);
    // Stopping waits for it only for a moment.
    let socket = controlled.socket();
    controlled.control.close().await;
    assert!(!socket.exists());
}

#[tokio::test(start_paused = true)]
async fn who_stands_still_is_disconnected() {
    let home = VirtualHome::start().await;
    let dir = tempfile::tempdir().unwrap();
    let control = Control::open(dir.path(), &home.host).unwrap();
    for said in ["", "{\"verb\":"] {
        let mut stream = tokio::net::UnixStream::connect(dir.path().join(SOCKET)).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, said.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // Time passes when nothing else happens.
        let ended = tokio::time::timeout(60 * PATIENCE, stream.read_to_end(&mut rest)).await;
        ended.expect("disconnected").unwrap();
        assert_eq!(rest, b"");
    }
    control.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owners_and_goes_with_the_host() {
    let controlled = Controlled::start().await;
    let socket = controlled.socket();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let mut open = controlled.connect();
    open.send(LIST).unwrap();
    open.line().unwrap();
    let dir = controlled.dir;
    controlled.control.close().await;
    assert!(!socket.exists());
    assert!(open.line().is_none());
    let nobody = ask(dir.path(), "circuit/list", &json!({})).unwrap_err();
    assert!(matches!(&nobody, AskError::NoHost { path, .. } if *path == socket), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_was_left_behind_is_replaced_and_anything_else_is_not() {
    let (home, dir) = (RealHome::start().await, tempfile::tempdir().unwrap());
    let socket = dir.path().join(SOCKET);
    drop(UnixListener::bind(&socket).unwrap());
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
    let control = Control::open(dir.path(), &home.host).unwrap();
    assert_eq!(ask(dir.path(), "circuit/list", &json!({})).unwrap(), json!([]));
    control.close().await;

    std::fs::write(&socket, "precious").unwrap();
    let refused = Control::open(dir.path(), &home.host).unwrap_err();
    assert!(matches!(refused, ControlError::InTheWay { .. }), "{refused}");
    assert_eq!(std::fs::read(&socket).unwrap(), b"precious");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_may_have_a_longer_path_than_an_address_takes() {
    let (home, dir) = (RealHome::start().await, tempfile::tempdir().unwrap());
    let long = dir.path().join("a".repeat(100)).join("b".repeat(100));
    std::fs::create_dir_all(&long).unwrap();
    let control = Control::open(&long, &home.host).unwrap();
    assert_eq!(ask(&long, "circuit/list", &json!({})).unwrap(), json!([]));
    control.close().await;
    assert!(!long.join(SOCKET).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_reach_a_running_host_and_say_so_when_there_is_none() {
    let program = Program::new();
    let nobody = program.complains(&["circuit", "list"], 1).await;
    for part in
        ["no host runs with car.toml", "car.state/control.sock", "`vehicle-connector run -c car.toml`"]
    {
        assert!(nobody.contains(part), "{nobody}");
    }

    let mut host = program.host().await;
    assert_eq!(program.prints(&["circuit", "isolate", "account", "home"]).await, "account home: isolated\n");
    let listed = program.prints(&["circuit", "list"]).await;
    let isolated = |line: &str| line.starts_with("account home ") && line.contains(" isolated ");
    assert!(listed.lines().any(isolated), "{listed}");
    let json: Value = serde_json::from_str(&program.prints(&["circuit", "list", "--json"]).await).unwrap();
    let isolated = |circuit: &Value| circuit["circuit"] == "account home" && circuit["state"] == "isolated";
    assert!(json.as_array().unwrap().iter().any(isolated), "{json}");
    let refused = program.complains(&["circuit", "close", "account nobody"], 1).await;
    assert!(refused.contains("refused") && refused.contains("account home"), "{refused}");
    program.complains(&["circuit", "close"], 2).await;

    // Killed: the socket is left behind, and the next host takes its place.
    host.kill().await.unwrap();
    assert!(program.dir.path().join("car.state/control.sock").exists());
    let nobody = program.complains(&["circuit", "list"], 1).await;
    assert!(nobody.contains("no host runs"), "{nobody}");
    let mut host = program.host().await;
    assert_eq!(program.prints(&["circuit", "close", "account home"]).await, "account home: closed\n");

    // Asked to stop, it takes its socket along.
    let pid = host.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    assert!(host.wait().await.unwrap().success());
    assert!(!program.dir.path().join("car.state/control.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_swapped_tried_and_gone_back_from_by_command() {
    use vehicle_connector::plugin::embedded;
    let program = Program::new();
    let file = |name: &str, bytes: &[u8]| std::fs::write(program.dir.path().join(name), bytes).unwrap();
    let other = variant(embedded::POLICY, 1);
    file("other.wasm", &other);
    file("third.wasm", &variant(embedded::POLICY, 2));
    file("phrases.wasm", embedded::FOUR_PHRASES);
    file("connector.wasm", &variant(embedded::HYUNDAI_KIA, 1));
    let (digest, host) = (Digest::of(&other).to_string(), program.host().await);
    let active = async || {
        let slots = program.prints(&["policy", "list", "--json"]).await;
        let slots: Value = serde_json::from_str(&slots).unwrap();
        slots[0]["digest"].as_str().unwrap().to_owned()
    };
    let first = active().await;

    let verified = program.prints(&["policy", "verify", "other.wasm"]).await;
    assert!(verified.contains(&digest[..12]) && verified.contains("would be taken"), "{verified}");
    assert_eq!(active().await, first);
    let swapped = program.prints(&["policy", "swap", "other.wasm"]).await;
    assert!(swapped.contains(&digest[..12]) && swapped.contains(&first[..12]), "{swapped}");
    assert_eq!(active().await, digest);
    let shown = program.prints(&["policy", "inspect"]).await;
    assert!(shown.contains(&format!("digest      {digest}")), "{shown}");
    // What the baseline misses is named by the host as it is without one.
    let refused = program.complains(&["policy", "swap", "phrases.wasm"], 1).await;
    let offline = program.complains(&["policy", "verify", "--offline", "phrases.wasm"], 1).await;
    for complaint in [&refused, &offline] {
        assert!(complaint.contains("refused") && complaint.contains("the trial failed"), "{complaint}");
    }
    assert_eq!(active().await, digest);
    let back = program.prints(&["policy", "rollback"]).await;
    assert!(back.contains(&first[..12]), "{back}");
    assert_eq!(active().await, first);

    let trial = program.prints(&["policy", "shadow", "third.wasm"]).await;
    assert!(trial.starts_with("shadow: "), "{trial}");
    assert!(program.prints(&["policy", "diff"]).await.contains("no disagreement so far"));
    let trial = program.prints(&["policy", "canary", "--share", "100", "--promote-after", "50"]).await;
    assert!(trial.starts_with("canary: ") && trial.contains("for 100 % of the accounts (home)"), "{trial}");
    assert!(program.prints(&["policy", "list"]).await.contains("  canary: "));
    assert!(program.prints(&["policy", "stop"]).await.starts_with("ended: "));
    assert!(program.prints(&["policy", "diff"]).await.contains("no policy is being tried out"));
    program.complains(&["policy", "promote"], 1).await;

    let history = program.prints(&["policy", "history"]).await;
    let by = history.lines().filter(|line| line.contains(" control (uid ")).count();
    assert!(by >= 6 && history.contains(" refused ") && history.contains("the trial failed"), "{history}");
    let line = |part: &str| history.lines().find(|line| line.contains(part)).unwrap_or_default();
    assert!(line(" swap ").contains(" other.wasm"), "{history}");
    assert!(line(" refused ").contains(" phrases.wasm"), "{history}");
    let latest = program.prints(&["policy", "history", "--last", "1", "--json"]).await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&latest).unwrap().len(), 1);

    let swapped = program.prints(&["connector", "swap", "connector.wasm"]).await;
    assert!(swapped.starts_with("hyundai-kia-eu: "), "{swapped}");
    let wrong = program.complains(&["connector", "rollback", "--slot", "nobody"], 1).await;
    assert!(wrong.contains("hyundai-kia-eu"), "{wrong}");
    program.prints(&["connector", "rollback"]).await;
    drop(host);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_inspected_without_a_host() {
    use vehicle_connector::plugin::embedded;
    let program = Program::new();
    let file = |name: &str, bytes: &[u8]| std::fs::write(program.dir.path().join(name), bytes).unwrap();
    file("policy.wasm", embedded::POLICY);
    file("connector.wasm", embedded::HYUNDAI_KIA);
    file("nothing.wasm", b"nothing");
    file("policy.wasm.minisig", b"signed");

    let shown = program.prints(&["policy", "inspect", "policy.wasm"]).await;
    for part in
        ["is         policy\n", "imports    nothing\n", "accepted   yes", "signature  policy.wasm.minisig"]
    {
        assert!(shown.contains(part), "{shown}");
    }
    let json = program.prints(&["connector", "inspect", "connector.wasm", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["accepted"], &json["reason"]), (&json!(true), &Value::Null), "{json}");
    assert_eq!(json["kinds"], json!(["policy", "connector"]));
    assert_eq!(json["size"], embedded::HYUNDAI_KIA.len());
    let imports = json["imports"].as_array().unwrap();
    assert!(
        imports.iter().any(|name| name.as_str().unwrap().starts_with("vehicle:connector/http@")),
        "{json}"
    );

    // A policy is no connector, but it says who it is.
    let shown = program.prints(&["connector", "inspect", "policy.wasm"]).await;
    assert!(shown.contains("accepted   no: ") && shown.contains("is         policy\n"), "{shown}");
    assert!(!shown.contains("unknown"), "{shown}");
    let shown = program.prints(&["policy", "inspect", "nothing.wasm"]).await;
    assert!(shown.contains("is         no plugin") && shown.contains("accepted   no: "), "{shown}");

    let verified = program.prints(&["policy", "verify", "--offline", "policy.wasm"]).await;
    assert!(verified.contains("would be taken"), "{verified}");
    let refused = program.complains(&["connector", "verify", "--offline", "policy.wasm"], 1).await;
    assert!(refused.contains("policy.wasm would be refused: "), "{refused}");
    let missing = program.complains(&["policy", "verify", "--offline", "missing.wasm"], 2).await;
    assert!(missing.contains("missing.wasm"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_shown_makes_a_terminal_do_something() {
    use vehicle_connector::store::{Kind, SqliteStore, Store as _, Write};
    let hostile = "a\u{1b}[2J\r\u{9b}\u{202e}\u{2028}b";
    let shown = r"a\u{1b}[2J\r\u{9b}\u{202e}\u{2028}b";
    let home = RealHome::start().await;
    home.settle().await;
    home.control().expire_access_token();
    home.command("niro", "refresh_cached", "").await;
    let program = Program::new();
    let store = SqliteStore::open(&program.dir.path().join("car.state")).unwrap();
    for (key, value) in home.environment.store.list(Kind::Audit).await.unwrap() {
        // What comes from a policy and from a cloud may be anything.
        let mut record: Value = serde_json::from_slice(&value).unwrap();
        record["policy"]["name"] = hostile.into();
        if let Some(verdict) = record.pointer_mut("/attempt/verdict") {
            verdict["kind"] = hostile.into();
            verdict["rule"] = hostile.into();
        }
        let value = Some(serde_json::to_vec(&record).unwrap());
        store.commit(vec![Write { kind: Kind::Audit, key, value }]).await.unwrap();
    }
    drop(store);
    let case = json!({"id": hostile, "text": "Token is expired", "http_status": null, "body_json": null,
                      "cloud": hostile, "operation": "status", "label": "rate-limited", "ambiguous": false});
    std::fs::write(program.dir.path().join("cases.jsonl"), case.to_string()).unwrap();
    let decisions = program.prints(&["audit", "--json"]).await;
    assert!(decisions.lines().count() >= 2, "{decisions}");
    std::fs::write(program.dir.path().join("decisions.jsonl"), &decisions).unwrap();
    let run = async |arguments: &[&str]| {
        let Output { stdout, stderr, .. } = program.command(arguments).output().await.unwrap();
        (text(&stdout), text(&stderr))
    };
    let (test, _) = run(&["policy", "test", "cases.jsonl"]).await;
    let (replay, _) = run(&["policy", "replay", "decisions.jsonl"]).await;
    let audit = program.prints(&["audit"]).await;
    for printed in [test, audit, replay] {
        assert!(printed.contains(shown), "{printed:?}");
        assert!(!printed.contains(['\u{1b}', '\r', '\u{9b}', '\u{202e}', '\u{2028}']), "{printed:?}");
    }
    let (test, _) = run(&["policy", "test", "cases.jsonl", "--json"]).await;
    let (replay, _) = run(&["policy", "replay", "decisions.jsonl", "--json"]).await;
    for printed in [test, replay, decisions] {
        assert!(printed.contains(r"a\u001b[2J\r\u009b\u202e\u2028b"), "{printed:?}");
        assert!(!printed.contains(['\u{1b}', '\r', '\u{9b}', '\u{202e}', '\u{2028}']), "{printed:?}");
    }
}
