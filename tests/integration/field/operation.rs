//! Field cases: what a person does with the program: configuring, looking, counting.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::json;
use simulator::{Effect, Fault, RouteKind};
use tempfile::TempDir;
use testkit::virtual_home::VirtualHome;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::store::{Kind, SqliteStore, Store as _, Write};
use vehicle_connector::wire::outcome::{Reason, State};

use super::in_virtual_time;

const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1";

/// A few recorded failures.
const CASES: &str = include_str!("../../fixtures/failures.jsonl");

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
    program.env_remove("RUST_LOG").stdin(Stdio::null());
    program
}

/// A configuration with files beside it.
struct Desk {
    dir: TempDir,
}

impl Desk {
    /// With a token and a PIN that are good.
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        desk.write("token", TOKEN);
        desk.write("pin", "0123");
        desk
    }

    /// With decisions in its state directory, of another home's car.
    async fn with_records() -> Self {
        let desk = Self::new();
        desk.checked("", "");
        let home = RealHome::start().await;
        home.settle().await;
        home.control().inject(Fault::new(RouteKind::Status, Effect::unavailable()).times(2));
        home.command(LEGACY.0, "refresh_cached", "").await;
        let store = SqliteStore::open(&desk.path("car.state")).unwrap();
        let records = home.environment.store.list(Kind::Audit).await.unwrap();
        assert!(!records.is_empty());
        let writes =
            records.into_iter().map(|(key, value)| Write { kind: Kind::Audit, key, value: Some(value) });
        store.commit(writes.collect()).await.unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// For its owner alone, as it should be.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
        self.mode(name, 0o600);
    }

    fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    /// What `check-config` says of a configuration with this in its account and after it.
    fn checked(&self, account: &str, rest: &str) -> (Option<i32>, String) {
        let secrets = if account.contains("refresh_token") { "" } else { "refresh_token_file = \"token\"\n" };
        self.checked_whole(format!(
            "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n[account.main]\nconnector = \"kia-eu\"\n{secrets}{account}\n\
             [vehicle.ev6]\naccount = \"main\"\nid = \"1\"\n{rest}\n"
        ))
    }

    fn checked_whole(&self, text: impl AsRef<[u8]>) -> (Option<i32>, String) {
        self.write("car.toml", text);
        self.check()
    }

    fn check(&self) -> (Option<i32>, String) {
        let output = program().args(["check-config", "-c"]).arg(self.path("car.toml")).output().unwrap();
        (output.status.code(), said(&output))
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command with its output at a disk that is full.
fn on_a_full_disk(command: &mut Command) -> Output {
    command
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

/// Runs a command whose reader has gone before it says anything.
fn without_a_reader(command: &mut Command) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped()).output().unwrap()
}

/// Output that cannot be written is an error that says so; a reader who has seen enough is none, and ends it with this code.
fn loses_no_output_without_a_word(arguments: &[&str], closed_code: i32) {
    let full = on_a_full_disk(program().args(arguments));
    let words = String::from_utf8_lossy(&full.stderr).into_owned();
    assert_eq!(full.status.code(), Some(1), "{arguments:?}: {words}");
    assert!(words.contains("the output cannot be written: No space left"), "{arguments:?}: {words}");
    let closed = without_a_reader(program().args(arguments));
    let words = String::from_utf8_lossy(&closed.stderr).into_owned();
    assert_eq!((closed.status.code(), words.as_str()), (Some(closed_code), ""), "{arguments:?}");
}

cases! {
    /// No refresh begins once a host is stopping: its token might be stored by nobody.
    ["F6"] no_refresh_begins_while_the_host_stops {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            assert_eq!(home.read().await.state, State::Succeeded);
            let before = home.token_calls().len();
            home.control.expire_access_token();
            home.control.inject(Fault::new(RouteKind::Token, Effect::answer(503, "x")).forever());
            let id = home.begin(LEGACY.0, "refresh_cached", "").await;
            home.advance(Duration::from_millis(300)).await;
            assert_eq!(home.token_calls().len(), before + 1, "refused, and due again within the time of a stop");
            home.host.stop().await;
            assert_eq!(home.token_calls().len(), before + 1);
            let finals = home.finals(LEGACY.0, &id);
            assert_eq!(finals.iter().map(|report| report.reason).collect::<Vec<_>>(), [Some(Reason::HostStopping)]);
        });
    }

    /// A PIN is four digits 0-9; what cannot be one is told before it costs an attempt, and a mark or blanks around it
    /// are left out, with a word.
    ["FC-49", "K24", "F15"] a_pin_that_cannot_be_right_is_told {
        let desk = Desk::new();
        for good in ["0123", "0123\n", "0123\r\n", "\u{feff}0123\n"] {
            desk.write("pin", good);
            let (code, said) = desk.checked("pin_file = \"pin\"", "");
            assert!(code == Some(0) && said.contains("good; "), "{good:?}: {said}");
        }
        for blank in [" 0123", "0123 \n", "\u{feff} 0123"] {
            desk.write("pin", blank);
            let (code, said) = desk.checked("pin_file = \"pin\"", "");
            assert!(code == Some(0) && said.contains("blanks around the secret; they are left out"), "{said}");
        }
        for wrong in ["12 34", "12a4", "12345", "123", "\u{661}\u{662}\u{663}\u{664}", "１２３４", "\"0123\"", "\u{a0}12", "0123.0"] {
            desk.write("pin", wrong);
            let (code, said) = desk.checked("pin_file = \"pin\"", "");
            assert_eq!(code, Some(2), "{wrong:?}: {said}");
            assert!(said.contains("a PIN has 4 digits (0-9)") && !said.contains(wrong), "{wrong:?}: {said}");
        }
    }

    /// A refresh token has 48 characters; of another length, in quotes, with its label, as an access token or as the name of a
    /// variable it is told as what it is.
    ["FC-50", "K24", "F15"] a_refresh_token_that_cannot_be_right_is_told {
        let desk = Desk::new();
        for (token, about) in [
            ("A".repeat(47), "and this has 47"),
            ("A".repeat(87), "and this has 87"),
            ("A".repeat(130), "and this has 130"),
            ("abc".to_owned(), "and this has 3"),
            ("a".repeat(48), "others among them"),
            (format!("\"{TOKEN}\""), "remove the quotes"),
            (format!("Refresh token: {TOKEN}"), "without what stands before it"),
            ("eyJhbGciOiJub25lIn0.eyJhIjoxfQ.".to_owned(), "JSON Web Token"),
        ] {
            desk.write("token", &token);
            let (code, said) = desk.checked("", "");
            assert_eq!(code, Some(2), "{token}: {said}");
            assert!(said.contains("a refresh token has 48 characters (A-Z, 0-9)"), "{said}");
            assert!(said.contains(about) && !said.contains(&token), "{token}: {said}");
        }
        let (code, said) = desk.checked("refresh_token = \"$KIA\"", "");
        assert!(code == Some(2) && said.contains("write \"${KIA}\""), "{said}");
        desk.write("token", format!("\u{feff}{TOKEN}\r\n"));
        let (code, said) = desk.checked("", "");
        assert!(code == Some(0) && said.contains("good; "), "{said}");
    }

    /// `run` refuses what `check-config` refuses, with the same words.
    ["F15"] run_starts_nothing_that_check_config_refuses {
        let desk = Desk::new();
        let (_, checked) = desk.checked("pin = \"12a4\"", "");
        let output = program().args(["run", "-c"]).arg(desk.path("car.toml")).output().unwrap();
        assert_eq!((output.status.code(), said(&output)), (Some(2), checked));
    }

    /// What cannot be loaded, kept or told apart is an error with its line.
    ["F15"] what_a_host_could_not_start_with_is_an_error {
        let desk = Desk::new();
        desk.write("no.wasm", "not at all");
        desk.write("module.wasm", b"\0asm\x01\0\0\0");
        desk.write("policy.wasm", b"\0asm\x0d\0\x01\0");
        let zeros = "0".repeat(64);
        for (rest, words) in [
            ("[policy]\nfile = \"no.wasm\"".to_owned(), "car.toml:11: policy.file: "),
            ("[policy]\nfile = \"no.wasm\"".to_owned(), "this is no WebAssembly"),
            ("[policy]\nfile = \"module.wasm\"".to_owned(), "a WebAssembly module and no component"),
            ("[policy]\nfile = \"car.toml.d\"".to_owned(), "no such file"),
            (format!("[policy]\nfile = \"policy.wasm\"\nsha256 = \"{zeros}\""), "policy.wasm has sha256 "),
            (format!("[policy]\nsha256 = \"{zeros}\""), "is pinned to sha256 000"),
            ("[state]\ndir = \"token\"".to_owned(), "car.toml:11: state.dir: "),
            ("[vehicle.EV6]\naccount = \"main\"\nid = \"2\"".to_owned(), "the same entities in Home Assistant"),
            ("[vehicle.a-b]\naccount = \"main\"\nid = \"2\"\n[vehicle.a_b]\naccount = \"main\"\nid = \"3\"".to_owned(), "rename one"),
        ] {
            let (code, said) = desk.checked("", &rest);
            assert!(code == Some(2) && said.contains(words), "{rest}: {said}");
        }
        let (code, said) = desk.checked("", "[policy]\nfile = \"policy.wasm\"");
        assert_eq!(code, Some(0), "{said}");
    }

    /// What is possible and hardly meant is a warning with its line; it does not say plain "good".
    ["F15", "S13"] what_is_hardly_meant_is_a_warning {
        let desk = Desk::new();
        std::fs::create_dir(desk.path("plugins")).unwrap();
        desk.mode("plugins", 0o777);
        desk.write("readable", TOKEN);
        desk.mode("readable", 0o644);
        desk.write("writable", TOKEN);
        desk.mode("writable", 0o666);
        desk.write("password", "p");
        for (account, rest, words) in [
            ("refresh_token_file = \"readable\"", "", "car.toml:5: warning: account.main.refresh_token_file: everybody on this machine can read "),
            ("refresh_token_file = \"writable\"", "", "everybody on this machine can write to "),
            ("", "[plugins]\ndir = \"plugins\"", "car.toml:11: warning: plugins.dir: everybody"),
        ] {
            let (code, said) = desk.checked(account, rest);
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains(words) && said.contains("can be run, with ") && !said.contains(": good;"), "{said}");
        }
        let broker = |url: &str| {
            desk.checked_whole(format!("[mqtt]\nurl = \"{url}\"\nusername = \"u\"\npassword_file = \"password\"\n"))
        };
        let (_, said) = broker("mqtt://broker.example");
        assert!(said.contains("mqtt.password goes to broker.example without TLS"), "{said}");
        for quiet in ["mqtts://broker.example", "mqtt://127.0.0.1", "mqtt://localhost"] {
            let (_, said) = broker(quiet);
            assert!(!said.contains("without TLS"), "{quiet}: {said}");
        }
        let (_, said) = broker("mqtt://127.0.0.1");
        assert!(said.contains("there is no account, so nothing is bridged"), "{said}");
        let (code, _) = desk.checked("", "");
        desk.mode("car.toml", 0o666);
        let (open, said) = desk.check();
        assert_eq!((code, open), (Some(0), Some(0)));
        assert!(said.contains("everybody on this machine can write to "), "{said}");
    }

    /// A file in another encoding is told as that, with the way out; a pipe without a writer is not waited for.
    ["F15"] files_that_are_no_text_are_told_as_what_they_are {
        let desk = Desk::new();
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        for (bytes, words) in [
            (utf16("\u{feff}[mqtt]\n"), "car.toml: line 1 is not in UTF-8 but in UTF-16; save the file as UTF-8"),
            (b"[mqtt]\n# K\xfcche\n".to_vec(), "car.toml: line 2 is not in UTF-8 but in Latin-1"),
        ] {
            let (code, said) = desk.checked_whole(bytes);
            assert!(code == Some(2) && said.contains(words) && !said.contains("with -c FILE"), "{said}");
        }
        desk.write("pin", utf16("\u{feff}0123"));
        let (code, said) = desk.checked("pin_file = \"pin\"", "");
        assert!(code == Some(2) && said.contains("but in UTF-16; save the file as UTF-8"), "{said}");
        std::fs::remove_file(desk.path("pin")).unwrap();
        assert!(Command::new("mkfifo").arg(desk.path("pin")).status().unwrap().success());
        let (code, said) = desk.checked("pin_file = \"pin\"", "");
        assert!(code == Some(2) && said.contains("it is a pipe, a socket or a device; name a regular file"), "{said}");
        std::fs::remove_file(desk.path("car.toml")).unwrap();
        assert!(Command::new("mkfifo").arg(desk.path("car.toml")).status().unwrap().success());
        let (code, said) = desk.check();
        assert!(code == Some(2) && said.contains("it is a pipe"), "{said}");
    }

    /// What could not be shown is an error; a reader who has seen enough is none. In every command alike.
    ["F16"] output_that_is_lost_is_an_error_and_a_closed_pipe_is_none {
        let desk = Desk::new();
        desk.checked("", "");
        desk.write("cases.jsonl", CASES);
        let component = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/dist/policy.wasm");
        let (config, cases) = (desk.path("car.toml"), desk.path("cases.jsonl"));
        let (config, cases) = (config.to_str().unwrap(), cases.to_str().unwrap());
        for arguments in [
            &["check-config", "-c", config][..],
            &["policy", "inspect", component],
            &["policy", "inspect", component, "--json"],
            &["policy", "verify", "--offline", component],
            &["policy", "test", cases],
            &["policy", "test", cases, "--json"],
            &["help"],
            &["--version"],
        ] {
            loses_no_output_without_a_word(arguments, 0);
        }
    }

    /// The same of what is on record, also where the exit code is a finding.
    ["F16"] records_that_cannot_be_shown_are_an_error {
        let desk = Desk::with_records().await;
        let config = desk.path("car.toml");
        let config = config.to_str().unwrap();
        let records = program().args(["audit", "--json", "-c", config]).output().unwrap();
        assert!(records.status.success() && !records.stdout.is_empty());
        desk.write("decisions.jsonl", &records.stdout);
        let decisions = desk.path("decisions.jsonl");
        let decisions = decisions.to_str().unwrap();
        let outdated = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/dist/four-phrases.wasm");
        // Whoever closes the output of a comparison has it end without its finding, as a shell shows that.
        for (arguments, closed_code) in [
            (&["audit", "-c", config][..], 0),
            (&["audit", "--json", "-c", config], 0),
            (&["policy", "replay", decisions, "--policy", outdated], 141),
            (&["policy", "replay", decisions, "--policy", outdated, "--json"], 141),
        ] {
            loses_no_output_without_a_word(arguments, closed_code);
        }
    }

    /// A mistyped name does not look like a car that never had a failure.
    ["F18"] records_of_a_car_that_there_is_not_are_refused {
        let desk = Desk::with_records().await;
        let of = |what: &str, name: &str| {
            let output = program().args(["audit", "-c"]).arg(desk.path("car.toml")).args([what, name]).output().unwrap();
            (output.status.code(), said(&output))
        };
        let (code, words) = of("--vehicle", "nope");
        assert!(code == Some(2) && words.contains("there is no vehicle \"nope\"") && words.contains("configured: ev6"), "{words}");
        let (code, words) = of("--account", "nope");
        assert!(code == Some(2) && words.contains("there is no account \"nope\""), "{words}");
        let (code, words) = of("--vehicle", "ev6");
        assert!(code == Some(0) && words.contains("no decisions"), "{words}");
        // It is configured no more, but on record.
        let (code, words) = of("--vehicle", "niro");
        assert!(code == Some(0) && words.contains(" niro "), "{words}");
    }

    /// An operator is told for how long a circuit is really open.
    ["F18"] a_circuit_that_is_to_be_open_for_a_day_says_that_it_is_for_an_hour {
        let home = RealHome::start().await;
        let answer = home.request("circuit/open", json!({"circuit": "account home", "seconds": 99_999})).await;
        assert_eq!(answer["data"], json!({"circuit": "account home", "state": "open", "seconds": 3_600}));
    }

    /// A request is what it is documented to be, also one that needs nothing.
    ["F18"] a_list_of_circuits_is_asked_for_with_json {
        let home = RealHome::start().await;
        let asked = |payload: &'static str| home.host.request("circuit/list", payload.as_bytes(), "test");
        assert_eq!(asked("{}").await["status"], "ok");
        for wrong in ["PRESS", "[1]", "{\"circuits\":1}", "{"] {
            let answer = asked(wrong).await;
            assert_eq!(answer["status"], "error", "{wrong}");
            assert!(answer["error"].as_str().unwrap().contains("circuit/list takes {}"), "{answer}");
        }
    }

    /// What an isolated account refuses is counted.
    ["F18"] what_an_isolated_account_refuses_is_counted {
        let home = RealHome::start().await;
        home.settle().await;
        home.request("circuit/isolate", json!({"circuit": "account home"})).await;
        for _ in 0..3 {
            home.command(LEGACY.0, "refresh_cached", "").await;
        }
        let circuits = home.request("circuit/list", json!({})).await;
        let circuits = circuits["data"].as_array().unwrap().clone();
        let account = circuits.iter().find(|circuit| circuit["circuit"] == "account home").unwrap();
        assert!(account["refused"].as_u64().unwrap() >= 3, "{account}");
    }

    /// Two builds of one version are told apart, so that a candidate is an update to Home Assistant.
    ["F18"] two_builds_of_one_version_are_told_apart {
        let home = RealHome::start().await;
        let policy = testkit::handmade::variant(vehicle_connector::plugin::embedded::POLICY, 7);
        let before = home.host.deployments().list(vehicle_connector::plugin::PluginKind::Policy).await.unwrap();
        home.swap_policy(policy).await.unwrap();
        home.host.announce("5");
        let versions = home
            .published
            .find(|messages| {
                let of = |message: &vehicle_connector::wire::message::Outgoing| {
                    let document: serde_json::Value = serde_json::from_slice(&message.payload).ok()?;
                    document["installed_version"].as_str().map(str::to_owned)
                };
                let all: Vec<String> =
                    messages.iter().filter(|m| m.topic.ends_with("/bridge/policy/policy")).filter_map(of).collect();
                (!all.is_empty()).then_some(all)
            })
            .await;
        let last = versions.last().unwrap();
        let digest = before[0].active.digest.to_string();
        assert!(last.contains(" (") && !last.contains(&digest[..12]), "{versions:?}");
    }

    /// The count of requests that is stored is the one that was counted last.
    ["F19"] what_was_counted_is_counted_after_a_restart {
        let mut home = RealHome::start().await;
        home.settle().await;
        let read = |_: usize| async { home.command(LEGACY.0, "refresh_cached", "").await };
        futures_util::future::join_all((0..16).map(read)).await;
        let counted = requests_today(&home).await;
        home.restart_configured(|_| {}).await.unwrap();
        home.host.announce("5");
        assert_eq!(requests_today(&home).await, counted);
    }
}

/// The newest count of the account's requests that was published.
async fn requests_today(home: &RealHome) -> u64 {
    let topic = "vehicle-connector/account/home/state";
    home.published
        .find(|messages| {
            let newest = messages.iter().rev().find(|message| message.topic == topic)?;
            serde_json::from_slice::<serde_json::Value>(&newest.payload).ok()?["requests_today"].as_u64()
        })
        .await
}
