//! The real program with an account of the simulated cloud that signs in by password, and a broker that keeps what is
//! retained.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use simulator::{Config as Cloud, Control, Counters, Simulator};
use tempfile::TempDir;
use testkit::mqtt::{options, up};
use testkit::{configuration_text_with, password};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;
use vehicle_connector::demo::Broker;
use vehicle_connector::mqtt::{Event, connect};

use crate::program::{PATIENCE, Ran, ended, serving, under_test};

/// The lines of an account whose password is given once, and never configured.
pub(super) const GIVEN_ONCE: &str = r#"gate_keys_file = "gate-keys""#;

/// A cloud, a state directory, and perhaps a broker.
pub(super) struct House {
    pub(super) cloud: Simulator,
    pub(super) dir: TempDir,
    broker: Option<Broker>,
}

impl House {
    /// A house without a broker, whose account has these lines in its configuration.
    pub(super) async fn start(cloud: Cloud, credentials: &str) -> Self {
        Self::with(cloud, credentials, None).await
    }

    /// The same with a broker.
    pub(super) async fn with_broker(cloud: Cloud, credentials: &str) -> Self {
        let broker = Broker::start().unwrap();
        broker.ready().await.unwrap();
        Self::with(cloud, credentials, Some(broker)).await
    }

    async fn with(cloud: Cloud, credentials: &str, broker: Option<Broker>) -> Self {
        let keys = password::gate_keys(&cloud);
        let cloud = Simulator::start(cloud).await.unwrap();
        let port = broker.as_ref().map_or(1, Broker::port);
        let text =
            configuration_text_with(&cloud.base_url(), &format!("mqtt://127.0.0.1:{port}"), credentials);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("car.toml"), text).unwrap();
        let file = dir.path().join("gate-keys");
        std::fs::write(&file, keys).unwrap();
        private(&file);
        Self { cloud, dir, broker }
    }

    pub(super) fn control(&self) -> Control {
        self.cloud.control()
    }

    pub(super) fn counters(&self) -> Counters {
        self.control().counters()
    }

    pub(super) fn state(&self) -> PathBuf {
        self.dir.path().join("car.state")
    }

    /// The program with these arguments and the configuration.
    pub(super) fn program(&self, arguments: &[&str]) -> Command {
        let Cloud { username, password, pin, .. } = Cloud::default();
        let mut program = under_test(self.dir.path(), arguments);
        program
            .envs([("USERNAME", username), ("PASSWORD", password), ("PIN", pin)])
            .args(["-c", "car.toml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        program
    }

    /// Runs the program to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.program(arguments).spawn().unwrap()).await
    }

    /// Begins a sign-in with this password, given on the standard input.
    pub(super) async fn begin_login(&self, password: &str) -> Child {
        let username = Cloud::default().username;
        let arguments = ["auth", "login", "home", "--username", &username, "--password-stdin"];
        let mut program = self.program(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = program.stdin.take().unwrap();
        // Who wants none has ended by then.
        let _read = stdin.write_all(password.as_bytes()).await;
        program
    }

    /// Signs in with this password, to the end.
    pub(super) async fn login(&self, password: &str) -> Ran {
        ended(self.begin_login(password).await).await
    }

    /// Starts a host that logs everything, and waits until it can be asked; with the lines of its log from then on.
    pub(super) async fn host(&self) -> (Child, UnboundedReceiver<String>) {
        serving(self.program(&["run"]).env("RUST_LOG", "trace").stdout(Stdio::null()).spawn().unwrap()).await
    }

    /// What the running host says of its account.
    pub(super) async fn account(&self) -> Value {
        let ran = self.run(&["auth", "status", "home", "--json"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()[0]["state"].take()
    }

    /// What the broker has retained of the account, as somebody is told who asks now.
    pub(super) async fn retained(&self) -> Value {
        let mut options = options(self.broker.as_ref().unwrap().port());
        options.client_id = format!("reader-{}", fastrand::u64(..));
        let (publisher, mut events) = connect(options).unwrap();
        up(&mut events).await;
        publisher.subscribe(&["vehicle-connector/account/home/state"]).await.unwrap();
        let told = async {
            loop {
                if let Some(Event::Message(message)) = events.next().await {
                    return serde_json::from_slice(&message.payload).unwrap();
                }
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("retained")
    }

    /// Waits until the running host says that its account is in one of these states, and returns what it says. Hosts are
    /// asked again and again: what they say is read over the control socket.
    pub(super) async fn account_is(&self, wanted: &[&str]) -> Value {
        let asking = async {
            loop {
                let account = self.account().await;
                if wanted.iter().any(|state| account["state"] == *state) {
                    return account;
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never {wanted:?}"))
    }
}

/// Gives a file the mode of one that has secrets in it.
fn private(file: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
