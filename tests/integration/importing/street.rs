//! A cloud that signs in with a password, and two hosts of its account: one that signs in, and one that has no
//! credentials.

use std::process::Stdio;

use serde_json::{Value, json};
use simulator::{Config, Counters, Simulator};
use tempfile::TempDir;
use testkit::{configuration_text_with, password};
use tokio::process::Command;
use vehicle_connector::store::{Kind, Reader};

use crate::program::{Ran, ended, under_test};

/// A cloud, and two configurations of its account: `signs-in.toml`, and `imports.toml`, which has no credentials.
pub(super) struct Street {
    pub(super) cloud: Simulator,
    pub(super) dir: TempDir,
}

impl Street {
    pub(super) async fn start() -> Self {
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

    /// The program, with what its owner would have in the environment.
    pub(super) fn program(&self, arguments: &[&str]) -> Command {
        let Config { username, password, pin, .. } = Config::default();
        let mut program = under_test(self.dir.path(), arguments);
        program.envs([("USERNAME", username), ("PASSWORD", password), ("PIN", pin)]);
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        program
    }

    /// Runs the program to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.program(arguments).spawn().unwrap()).await
    }

    /// Runs it with one of the configurations; what it says when that goes well.
    pub(super) async fn does(&self, arguments: &[&str], configuration: &str) -> String {
        let Ran { code, out, err } = self.tries(arguments, configuration).await;
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out + &err
    }

    /// Runs it with one of the configurations, however that goes.
    pub(super) async fn tries(&self, arguments: &[&str], configuration: &str) -> Ran {
        let file = format!("{configuration}.toml");
        self.run(&[arguments, &["-c", &file]].concat()).await
    }

    /// The secrets of the stored session.
    pub(super) fn session(&self, configuration: &str) -> Value {
        let state = self.dir.path().join(format!("{configuration}.state"));
        let cells = Reader::open(&state).unwrap().list(Kind::Cell).unwrap();
        let session = cells.into_iter().find(|(key, _)| key == "home/session").unwrap().1;
        serde_json::from_slice(&session).unwrap()
    }

    /// The session of the host that signs in, under the names that other programs have for it.
    pub(super) async fn kept_by_another_program(&self) -> Value {
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

    pub(super) fn device(&self) -> Value {
        let state = self.dir.path().join("signs-in.state");
        let cells = Reader::open(&state).unwrap().list(Kind::Cell).unwrap();
        let cells = cells.into_iter().map(|(_, cell)| serde_json::from_slice::<Value>(&cell).unwrap());
        let values = cells.filter_map(|cell| serde_json::from_str::<Value>(cell["value"].as_str()?).ok());
        values.map(|value| value["device"].clone()).find(Value::is_string).unwrap()
    }

    pub(super) fn write(&self, name: &str, value: &Value) {
        std::fs::write(self.dir.path().join(name), value.to_string()).unwrap();
    }

    pub(super) fn counters(&self) -> Counters {
        self.cloud.control().counters()
    }
}
