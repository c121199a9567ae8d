//! A cloud, a configuration with two cars, and the program that is run there.

use std::process::Stdio;

use simulator::{Control, Simulator};
use tempfile::TempDir;
use testkit::{CCS2, LEGACY};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub(super) use crate::program::{PATIENCE, Ran, ended};
use crate::program::{serving, under_test};

/// A cloud, a state directory, and the program.
pub(super) struct House {
    pub(super) cloud: Simulator,
    pub(super) dir: TempDir,
}

impl House {
    /// A house where the legacy car may be commanded to do everything, and the other one what it may unless somebody
    /// says otherwise.
    pub(super) async fn start() -> Self {
        Self::with(simulator::Config::default(), "").await
    }

    /// A house with another cloud, and further lines for its account.
    pub(super) async fn with(cloud: simulator::Config, account: &str) -> Self {
        let cloud = Simulator::start(cloud).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let url = cloud.base_url();
        let text = format!(
            r#"
            [mqtt]
            url = "mqtt://127.0.0.1:1"
            [account.home]
            connector = "hyundai-kia-eu"
            brand = "kia"
            region = "eu"
            refresh_token = "${{REFRESH_TOKEN}}"
            pin = "${{PIN}}"
            endpoints = {{ ccapi = "{url}", idp = "{url}", cci = "{url}" }}
            {account}
            [vehicle.niro]
            account = "home"
            id = "{}"
            allow = ["refresh", "lock", "unlock", "climate", "windows", "charge_port", "charging", "charge_limits", "signal"]
            [vehicle.ev6]
            account = "home"
            id = "{}"
            allow = ["refresh", "lock", "charging_current"]
            "#,
            LEGACY.1, CCS2.1
        );
        std::fs::write(dir.path().join("car.toml"), text).unwrap();
        Self { cloud, dir }
    }

    pub(super) fn control(&self) -> Control {
        self.cloud.control()
    }

    /// The program with these arguments and the configuration.
    pub(super) fn program(&self, arguments: &[&str]) -> Command {
        let mut program = under_test(self.dir.path(), arguments);
        program.env("REFRESH_TOKEN", simulator::Config::default().refresh_token).env("PIN", "1234");
        program.args(["-c", "car.toml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        program
    }

    /// Runs the program to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.program(arguments).spawn().unwrap()).await
    }

    /// Starts a host, and waits until it can be asked.
    pub(super) async fn host(&self) -> Child {
        serving(self.program(&["run"]).stdout(Stdio::null()).spawn().unwrap()).await.0
    }
}

/// Sends a signal to a run of the program.
pub(super) async fn signal(program: &Child, signal: &str) {
    let id = program.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
}

/// Reads from the standard error output of a program until a line has this.
pub(super) async fn until_it_says(program: &mut Child, wanted: &str) {
    let mut lines = BufReader::new(program.stderr.as_mut().unwrap()).lines();
    let said = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(wanted) {
                return;
            }
        }
        panic!("it ended without {wanted:?}");
    };
    tokio::time::timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("{wanted:?} was not said in time"));
}
