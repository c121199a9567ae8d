//! A cloud with a person's account in it, a configuration that has no password, and the program that is run there.

use std::process::Stdio;

use renault_simulator::{Config, Control, Simulator};
use serde_json::Value;
use tempfile::TempDir;
use testkit::mqtt::{options, up};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use vehicle_connector::demo::Broker;
use vehicle_connector::mqtt::{Event, Publisher, connect};

use crate::program::{PATIENCE, serving, under_test};
pub(super) use crate::program::{Ran, ended};

/// Grants of the connectors that the program carries.
const GRANTS: &str = include_str!("../../../host/src/config/presets.toml");

/// The person's password, and one that is none.
pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const WRONG: &str = "incorrect donkey capacitor";

/// The person's name at the vendor.
pub(super) const NAME: &str = "owner@example.org";

/// A cloud, a broker, a state directory, and what was published.
pub(super) struct House {
    pub(super) cloud: Simulator,
    pub(super) dir: TempDir,
    pub(super) publisher: Publisher,
    published: watch::Receiver<Vec<(String, Vec<u8>)>>,
}

/// The grant of the connector, where a password may be configured, and need not be.
fn grant() -> String {
    let section = GRANTS.split("\n[renault]\n").nth(1).unwrap();
    let (_aliases, tables) = section.split_once("\n[renault.").unwrap();
    let optional = |line: &str| {
        let is_persons = line.starts_with("password = ") || line.starts_with("username = ");
        if is_persons { line.replace("\"required\"", "\"optional\"") } else { line.to_owned() }
    };
    let lines = format!("[renault.{tables}");
    let lines = lines.lines().take_while(|line| !line.starts_with('[') || line.starts_with("[renault."));
    lines.map(|line| optional(line).replace("[renault.", "[connector.renault.") + "\n").collect()
}

impl House {
    /// A house without a session and without a password.
    pub(super) async fn start() -> Self {
        Self::with(Config::default(), "").await
    }

    /// A house with another cloud, and further lines for its account.
    pub(super) async fn with(cloud: Config, account: &str) -> Self {
        let keys = (cloud.gigya_key.clone(), cloud.kamereon_key.clone());
        let cloud = Simulator::start(cloud).await.unwrap();
        let broker = Broker::start().unwrap();
        broker.ready().await.unwrap();
        let (gigya, kamereon) = (cloud.gigya_url(), cloud.kamereon_url());
        let text = format!(
            r#"
            [mqtt]
            url = "mqtt://127.0.0.1:{}"
            [account.home]
            connector = "renault"
            brand = "renault"
            region = "eu"
            gigya_key = "{}"
            kamereon_key = "{}"
            settings = {{ locale = "fr_FR" }}
            endpoints = {{ gigya = "{gigya}", kamereon = "{kamereon}" }}
            {account}
            [vehicle.five]
            account = "home"
            id = "r5e1ve"
            polling = "off"
            "#,
            broker.port(),
            keys.0,
            keys.1
        );
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("car.toml");
        std::fs::write(&file, format!("{text}\n{}", grant())).unwrap();
        private(&file);

        let mut options = options(broker.port());
        options.client_id = "watcher".into();
        let (publisher, mut events) = connect(options).unwrap();
        up(&mut events).await;
        publisher.subscribe(&["vehicle-connector/#"]).await.unwrap();
        let (seen, published) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let _broker = broker;
            while let Some(event) = events.next().await {
                if let Event::Message(message) = event {
                    seen.send_modify(|all| all.push((message.topic, message.payload.to_vec())));
                }
            }
        });
        Self { cloud, dir, publisher, published }
    }

    pub(super) fn control(&self) -> Control {
        self.cloud.control()
    }

    /// Lines of the configuration.
    pub(super) fn configure(&self, change: impl FnOnce(String) -> String) {
        let file = self.dir.path().join("car.toml");
        let text = change(std::fs::read_to_string(&file).unwrap());
        std::fs::write(file, text).unwrap();
    }

    /// The program with these arguments and the configuration.
    pub(super) fn program(&self, arguments: &[&str]) -> Command {
        let mut program = under_test(self.dir.path(), arguments);
        program.args(["-c", "car.toml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        program
    }

    /// Runs the program to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.program(arguments).spawn().unwrap()).await
    }

    /// Runs the program to its end, with this on its standard input.
    pub(super) async fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut program = self.program(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = program.stdin.take().unwrap();
        // Who wants none has ended by then.
        let _read = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        ended(program).await
    }

    /// Signs in with this password.
    pub(super) async fn login(&self, password: &str) -> Ran {
        self.run_with(&["auth", "login", "home", "--username", NAME, "--password-stdin"], password).await
    }

    /// Starts a host, and waits until it can be asked; with the lines of its log from then on.
    pub(super) async fn host(&self) -> (Child, UnboundedReceiver<String>) {
        serving(self.program(&["run"]).env("RUST_LOG", "trace").stdout(Stdio::null()).spawn().unwrap()).await
    }

    /// Waits until a host takes what is sent to it by the broker: what is said before is said without a subscription.
    pub(super) async fn is_online(&self) {
        let is_so = |all: &Vec<(String, Vec<u8>)>| {
            all.iter()
                .any(|(topic, payload)| topic == "vehicle-connector/bridge/state" && payload == b"online")
        };
        let mut published = self.published.clone();
        tokio::time::timeout(PATIENCE, published.wait_for(is_so)).await.expect("online in time").unwrap();
    }

    /// Waits until the account says that it is in this state, and returns what it says.
    pub(super) async fn account_is(&self, wanted: &str) -> Value {
        self.account_says(wanted, |it| it["state"] == wanted).await
    }

    /// Waits until what the account says is so, and returns that.
    pub(super) async fn account_says(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut published = self.published.clone();
        let said = published.wait_for(|all| state(all).is_some_and(|it| is_so(&it)));
        let found = tokio::time::timeout(PATIENCE, said).await;
        let all = found.unwrap_or_else(|_| panic!("{what}: {:?}", state(&self.published.borrow())));
        state(&all.unwrap()).unwrap()
    }

    /// Waits for what was published last on a topic below the base, and returns it.
    pub(super) async fn last(&self, topic: &str) -> Value {
        let topic = format!("vehicle-connector/{topic}");
        let mut published = self.published.clone();
        let last = |all: &Vec<(String, Vec<u8>)>| all.iter().rfind(|(it, _)| *it == topic).cloned();
        let all = tokio::time::timeout(PATIENCE, published.wait_for(|all| last(all).is_some())).await;
        let (_, payload) = last(&all.expect("published in time").unwrap()).unwrap();
        serde_json::from_slice(&payload).unwrap()
    }

    /// Everything that was published.
    pub(super) fn messages(&self) -> Vec<(String, Vec<u8>)> {
        self.published.borrow().clone()
    }

    /// Number of passwords that the cloud was sent.
    pub(super) fn passwords(&self) -> u64 {
        self.control().counters().of(renault_simulator::RouteKind::Login)
    }
}

fn state(all: &[(String, Vec<u8>)]) -> Option<Value> {
    let last = all.iter().rfind(|(topic, _)| topic == "vehicle-connector/account/home/state")?;
    serde_json::from_slice(&last.1).ok()
}

/// Gives a file the mode of one that has secrets in it.
pub(super) fn private(file: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
