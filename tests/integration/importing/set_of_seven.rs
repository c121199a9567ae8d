//! Sessions of the token service since 2026, as kia_uvo and evcc keep them: one host signs in by password, and another
//! one, which has none, goes on with what a program would have kept of that.

use std::process::Output;

use serde_json::{Value, json};
use simulator::{Config, Counters, Simulator};
use tempfile::TempDir;
use testkit::{configuration_text_with, password};
use vehicle_connector::store::{Kind, Reader};

use crate::program::under_test;

/// A cloud, and two configurations of its account: `signs-in.toml`, and `imports.toml`, which has no credentials.
struct Street {
    cloud: Simulator,
    dir: TempDir,
}

impl Street {
    async fn start() -> Self {
        let cloud = Simulator::start(Config::default()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("gate-keys"), password::gate_keys(&Config::default())).unwrap();
        for (name, lines) in [("signs-in", password::LINES), ("imports", "gate_keys_file = \"gate-keys\"")] {
            let text = configuration_text_with(&cloud.base_url(), "mqtt://127.0.0.1:1", lines);
            let text = format!("{text}\n[state]\ndir = \"{name}.state\"\n");
            std::fs::write(dir.path().join(format!("{name}.toml")), text).unwrap();
        }
        Self { cloud, dir }
    }

    /// Runs the program to its end.
    async fn run(&self, arguments: &[&str]) -> Output {
        let Config { username, password, pin, .. } = Config::default();
        let mut program = under_test(self.dir.path(), arguments);
        program.envs([("USERNAME", username), ("PASSWORD", password), ("PIN", pin)]);
        program.output().await.unwrap()
    }

    /// Runs it with one of the configurations; what it says when that goes well.
    async fn does(&self, arguments: &[&str], configuration: &str) -> String {
        let file = format!("{configuration}.toml");
        let Output { status, stdout, stderr } = self.run(&[arguments, &["-c", &file]].concat()).await;
        let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(status.success(), "{arguments:?}: {said}");
        said
    }

    /// The secrets of the stored session.
    fn session(&self, configuration: &str) -> Value {
        let state = self.dir.path().join(format!("{configuration}.state"));
        let cells = Reader::open(&state).unwrap().list(Kind::Cell).unwrap();
        let session = cells.into_iter().find(|(key, _)| key == "home/session").unwrap().1;
        serde_json::from_slice(&session).unwrap()
    }

    /// The session of the host that signs in, under the names that other programs have for it.
    async fn kept_by_another_program(&self) -> Value {
        self.does(&["refresh", "niro"], "signs-in").await;
        let session = self.session("signs-in");
        let of = |name: &str| session["secrets"][name].clone();
        assert_eq!(self.counters().registrations, 1, "the device is one that the cloud knows");
        json!({
            "access_token": of("access-token"), "refresh_token": of("cci-refresh-token"),
            "device_id": self.device(), "cci_access_token": of("cci-access-token"),
            "exchangeable_token": of("exchangeable-token"),
            "exchangeable_refresh_token": of("exchangeable-refresh-token"),
            "non_ccs_token": of("non-ccs-token"), "non_ccs_refresh_token": of("non-ccs-refresh-token"),
            "id_token": of("id-token"),
        })
    }

    fn device(&self) -> Value {
        let state = self.dir.path().join("signs-in.state");
        let cells = Reader::open(&state).unwrap().list(Kind::Cell).unwrap();
        let cells = cells.into_iter().map(|(_, cell)| serde_json::from_slice::<Value>(&cell).unwrap());
        cells.map(|cell| cell["secrets"]["device-id"].clone()).find(Value::is_string).unwrap()
    }

    fn write(&self, name: &str, value: &Value) {
        std::fs::write(self.dir.path().join(name), value.to_string()).unwrap();
    }

    fn counters(&self) -> Counters {
        self.cloud.control().counters()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_program_is_used_and_renewed_without_a_password() {
    for from in ["evcc", "kia-uvo"] {
        let street = Street::start().await;
        let kept = street.kept_by_another_program().await;
        let file = match from {
            "evcc" => kept.clone(),
            _ => json!({"data": {"entries": [
                {"entry_id": "a", "domain": "kia_uvo", "data": {"brand": 1, "region": 1, "token": kept}},
            ]}}),
        };
        street.write("kept.json", &file);
        street.cloud.control().reset_counters();
        let said =
            street.does(&["auth", "import", "home", "kept.json", "--from", from, "--yes"], "imports").await;
        assert!(said.contains("a session of 9 tokens was imported"), "{said}");
        let sent = street.counters();
        assert_eq!((sent.sign_ins_asked, sent.refreshes_asked, sent.token_exchanges_asked), (0, 0, 0));
        let session = street.session("imports");
        assert_eq!(session["value"], r#"{"family":"cci","route":"signed"}"#);

        // It reads with the token that came with it, and as the device that it came with.
        street.does(&["refresh", "niro"], "imports").await;
        let read = street.counters();
        assert_eq!((read.sign_ins_asked, read.refreshes_asked), (0, 0), "{read:?}");
        assert_eq!(read.registrations, 0, "{read:?}");
        // And when that token is over, it is renewed by the set.
        street.cloud.control().expire_access_token();
        street.does(&["refresh", "niro"], "imports").await;
        let renewed = street.counters();
        assert_eq!((renewed.sign_ins_asked, renewed.gate_refusals), (0, 0), "{renewed:?}");
        assert!(renewed.refreshes > 0 && renewed.token_exchanges > 0, "{renewed:?}");
        assert_ne!(street.session("imports")["secrets"]["cci-refresh-token"], kept["refresh_token"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_brand_is_not_taken() {
    let street = Street::start().await;
    let kept = street.kept_by_another_program().await;
    street.write("entry.json", &json!({"entry_id": "a", "data": {"brand": 2, "token": kept}}));
    let arguments =
        ["auth", "import", "home", "entry.json", "--from", "kia-uvo", "--yes", "-c", "imports.toml"];
    let Output { status, stderr, .. } = street.run(&arguments).await;
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("this is a session of hyundai, and the account home is one of kia"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_goes_as_far_as_the_password_and_leaves_nothing() {
    let street = Street::start().await;
    for configuration in ["signs-in", "imports"] {
        street.cloud.control().reset_counters();
        let said = street.does(&["auth", "login", "home", "--dry-run"], configuration).await;
        let end = said.split("POST").last().unwrap();
        assert!(
            end.contains("/auth/account/signin") && end.contains("not sent: it carries the password"),
            "{said}"
        );
        assert!(end.contains("{derived:") && end.contains("RSA encryption"), "{said}");
        assert!(
            said.contains("/auth/api/v2/user/oauth2/authorize") && said.contains("sent; answered with HTTP"),
            "{said}"
        );
        assert!(end.contains("={cookie}"), "of cookies the names only: {said}");
        for secret in [Config::default().password, Config::default().username, "SECRETPIECESUFFIX".to_owned()]
        {
            assert!(!said.contains(&secret), "{said}");
        }
        let sent = street.counters();
        assert_eq!((sent.sign_ins_asked, sent.code_exchanges_asked), (0, 0), "{sent:?}");
        assert!(sent.requests > 1, "the requests before it are sent: {sent:?}");
        assert!(!street.dir.path().join(format!("{configuration}.state")).exists(), "nothing is kept");
    }
}
