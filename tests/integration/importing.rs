//! Sessions of other programs, taken over by the real program: beside a host that runs, and without one.

mod killed;
mod rehearsed;
mod set_of_seven;
mod standing;
mod street;

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use vehicle_connector::store::{Kind, Reader};

use crate::crash::{House, kill};

/// Refresh token that this cloud does not know.
const DEAD: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB2";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl House {
    /// The program, whose owner has configured a refresh token that is dead.
    fn with_a_dead_token(&self, arguments: &[&str]) -> Command {
        let mut program = self.program();
        program.env("REFRESH_TOKEN", DEAD).current_dir(self.folder.path()).args(arguments);
        program.stdin(std::process::Stdio::null());
        program
    }

    /// Runs that program to its end: its exit code, and what it says.
    async fn said(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.with_a_dead_token(arguments).args(["-c", "car.toml"]).output();
        let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code(), said)
    }

    /// Starts a host with that token, and waits until its account is in this state.
    async fn host_that_is(&mut self, state: &str) -> Child {
        let seen = self.published.borrow().len();
        let host = self.with_a_dead_token(&["run", "-c", "car.toml"]).spawn().unwrap();
        self.is(seen, state).await;
        host
    }

    async fn is(&mut self, seen: usize, state: &str) {
        self.wait(seen, |topic, payload| {
            topic == "vehicle-connector/account/home/state"
                && serde_json::from_slice::<Value>(payload).is_ok_and(|it| it["state"] == state)
        })
        .await;
    }

    /// The session as it is stored.
    fn session(&self) -> Value {
        let cells = Reader::open(&self.folder.path().join("car.state")).unwrap().list(Kind::Cell).unwrap();
        let session = cells.into_iter().find(|(key, _)| key == "home/session");
        session.map(|(_, cell)| serde_json::from_slice(&cell).unwrap()).unwrap_or_default()
    }

    /// Writes a session that the cloud takes to a file: that of a host whose owner's token is good.
    async fn writes_a_session(&mut self, name: &str) -> Value {
        let host = self.host().await;
        kill(host).await;
        let mut file = json!({"session": {"family": "legacy"}});
        file["access-token"] = self.session()["secrets"]["access-token"].clone();
        file["refresh-token"] = simulator::Config::default().refresh_token.into();
        self.write(name, &file);
        file
    }

    fn write(&self, name: &str, file: &Value) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, file.to_string()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

const IMPORT: [&str; 6] = ["auth", "import", "home", "session.json", "--from", "json"];

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_nobody_can_sign_in_goes_on_with_a_session_and_is_not_restarted() {
    let mut house = House::start().await;
    let file = house.writes_a_session("session.json").await;
    let host = house.host_that_is("auth_required").await;
    let grants = house.control().counters().grants_asked;

    let (code, said) = house.said(&IMPORT).await;
    assert!(code == Some(2) && said.contains("two programs must not share one session"), "{said}");
    let seen = house.published.borrow().len();
    let (code, said) = house.said(&[&IMPORT[..], &["--yes"]].concat()).await;
    assert!(code == Some(0) && said.contains("the running host goes on with it"), "{said}");
    house.is(seen, "ok").await;
    house.wait(seen, |topic, _| topic.ends_with("/niro/state")).await;
    assert_eq!(
        house.control().counters().grants_asked,
        grants,
        "what was imported is used, and not exchanged"
    );
    let (code, status) = house.said(&["auth", "status", "home"]).await;
    assert!(
        code == Some(0) && status.contains("legacy") && status.contains("to do           nothing"),
        "{status}"
    );
    let (_, status) = house.said(&["auth", "status", "--json"]).await;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status[0]["auth"]["credentials"], json!(["pin", "refresh-token"]), "{status}");
    assert_eq!(status[0]["auth"]["session"]["family"], "legacy");

    // And it is renewed with the refresh token that came with it, not with the dead one.
    house.control().expire_access_token();
    house.unlock("renewed").await;
    house.reached("renewed", vehicle_connector::wire::outcome::State::Succeeded).await;
    assert_eq!(house.control().counters().grants_asked, grants + 1);
    kill(host).await;
    let messages: Vec<String> = {
        let all = house.published.borrow();
        all.iter().map(|(_, payload)| String::from_utf8_lossy(payload).into_owned()).collect()
    };
    for token in ["access-token", "refresh-token"] {
        let token = file[token].as_str().unwrap();
        let told = messages.iter().chain([&said]).find(|text| text.contains(token));
        assert_eq!(told, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_the_state_is_taken_for_a_moment_and_a_kill_leaves_all_or_nothing() {
    let mut house = House::start().await;
    house.writes_a_session("session.json").await;
    let host = house.host_that_is("auth_required").await;
    kill(host).await;
    let before = house.session();
    assert_eq!(before["value"], Value::Null);

    // At any moment of it: there is nothing of the session, or all of it.
    let import = [&IMPORT[..], &["--yes", "-c", "car.toml"]].concat();
    let begun = tokio::time::Instant::now();
    let whole = |session: &Value| {
        session["value"] == r#"{"family":"legacy"}"# && session["secrets"].as_object().unwrap().len() == 2
    };
    let (mut killed, mut kills) = (0, 0_u32);
    while !whole(&house.session()) {
        assert!(begun.elapsed() < PATIENCE, "it is imported at last");
        let mut importing = house.with_a_dead_token(&import).spawn().unwrap();
        let lives = Duration::from_millis(u64::from(kills) * 150 + fastrand::u64(..100));
        match tokio::time::timeout(lives, importing.wait()).await {
            Ok(ended) => assert!(ended.unwrap().success()),
            Err(_) => {
                importing.kill().await.unwrap();
                killed += 1;
            }
        }
        let session = house.session();
        assert!(session == before || whole(&session), "{session}");
        kills += 1;
    }
    assert!(killed > 0, "it was killed at least once");
    let host = house.host_that_is("ok").await;
    kill(host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_session_is_told_by_its_field_and_its_file_and_changes_nothing() {
    let house = House::start().await;
    house
        .write("evcc.json", &json!({"access_token": "ACCESS-OF-MINE", "refresh_token": null, "expiry": "x"}));
    house.write("entries", &json!({"data": {"entries": [{"domain": "mqtt"}]}}));
    house.write("list.json", &json!(["ACCESS-OF-MINE"]));
    house.write("password.json", &json!({"session": {"family": "legacy"}, "password": "PASSWORD-OF-MINE"}));
    house.write("pin.json", &json!({"session": {"family": "legacy"}, "pin": "12345678"}));
    house.write(
        "half.json",
        &json!({"cci-refresh-token": "REFRESH-OF-MINE-1234", "access-token": "ACCESS-OF-MINE-1234"}),
    );
    house.write(
        "other.json",
        &json!({"session": {"family": "OF-MINE"}, "access-token": "ACCESS-OF-MINE-1234"}),
    );
    std::fs::write(house.folder.path().join("broken.json"), "{\"access_token\": \"ACCESS-OF-MINE\",,}")
        .unwrap();
    let large = std::fs::File::create(house.folder.path().join("large.json")).unwrap();
    large.set_len(17 << 20).unwrap();
    for (from, file, code, said) in [
        ("evcc", "evcc.json", 2, "evcc.json: refresh_token is null, cci_access_token is missing"),
        ("kia-uvo", "entries", 2, "entries: it has no entry of the integration kia_uvo"),
        ("json", "list.json", 2, "list.json: it is JSON, but no object"),
        ("json", "broken.json", 2, "broken.json: it is no JSON (line 1, column 35)"),
        ("json", "large.json", 2, "large.json"),
        ("json", "nowhere.json", 2, "nowhere.json"),
        ("json", "password.json", 1, "\"password\" is a secret of the class password"),
        ("json", "pin.json", 1, "\"pin\" is a secret of the class pin-challenge"),
        ("json", "half.json", 1, "a session of the kind cci, signed is renewed with cci-access-token"),
        ("json", "half.json", 1, "without cci-access-token, exchangeable-token, exchangeable-refresh-token"),
        (
            "json",
            "other.json",
            1,
            "session says of no kind that is known; it is one of {\"family\":\"legacy\"}",
        ),
    ] {
        let (found, text) = house.said(&["auth", "import", "home", file, "--from", from, "--yes"]).await;
        assert_eq!(found, Some(code), "{text}");
        assert!(text.contains(said) && text.contains("nothing was imported"), "{text}");
        assert!(!text.contains("OF-MINE") && !text.contains("12345678"), "{text}");
        let is_open = file == "broken.json";
        assert_eq!(text.contains("everybody on this machine can read broken.json"), is_open, "{text}");
    }
    house.write("session.json", &json!({"session": {}, "access-token": "ACCESS-OF-MINE"}));
    let (code, said) =
        house.said(&["auth", "import", "away", "session.json", "--from", "json", "--yes"]).await;
    assert!(code == Some(2) && said.contains("there is no account \"away\"; there are: home"), "{said}");
    assert_eq!(house.session(), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_shows_the_sign_in_and_sends_nothing_that_is_the_owners() {
    let house = House::start().await;
    let (code, said) = house.said(&["auth", "login", "home", "--dry-run"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1  POST http://127.0.0.1:") && said.contains("/oauth2/token"), "{said}");
    assert!(said.contains("refresh_token={secret:refresh-token}"), "{said}");
    assert!(said.contains("not sent: it carries the refresh token"), "{said}");
    assert!(said.contains("nothing was counted, and nothing is kept"), "{said}");
    assert!(!said.contains(DEAD), "{said}");
    assert_eq!(house.control().counters().grants_asked, 0);
    assert!(!house.folder.path().join("car.state").exists(), "nothing is kept");
    let (_, said) = house.said(&["auth", "login", "home", "--dry-run", "--json"]).await;
    let rehearsed: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(rehearsed["requests"][0]["went"]["outcome"], "withheld", "{rehearsed}");
    let (code, said) = house.said(&["auth", "login", "away", "--dry-run"]).await;
    assert!(code == Some(1) && said.contains("there is no account"), "{said}");
}
