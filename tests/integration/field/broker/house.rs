//! A house with everything in it that is real: mosquitto, the program as a process, and a cloud.

use std::collections::{HashMap, HashSet};
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::BoxFuture;
use simulator::Simulator;
use testkit::configuration_text;
use testkit::mqtt::{Mosquitto, options, up};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use vehicle_connector::mqtt::{Event, Publisher, connect};
use vehicle_connector::store::{Kind, MemoryStore, Record, Store, StoreError, Write};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::State;
use vehicle_connector::wire::report::Report;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// What was published so far.
#[derive(Debug, Default)]
struct Seen {
    /// Commands that were accepted, or are over.
    begun: HashSet<String>,
    finals: HashMap<String, Vec<Report>>,
    /// How often the older car's state was published.
    states: usize,
}

/// Everything in it.
pub struct House {
    pub broker: Mosquitto,
    pub cloud: Simulator,
    folder: tempfile::TempDir,
    publisher: Publisher,
    seen: watch::Receiver<Seen>,
    process: Option<u32>,
}

impl House {
    /// None, with a message, where there is no mosquitto.
    pub async fn start(extra: &str) -> Option<Self> {
        let broker = Mosquitto::start(&format!("allow_anonymous true\n{extra}")).await?;
        let cloud = Simulator::start(simulator::Config::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("mqtt://127.0.0.1:{}", broker.port);
        let text = configuration_text(&cloud.base_url(), &url);
        std::fs::write(folder.path().join("car.toml"), text).unwrap();
        let mut options = options(broker.port);
        options.client_id = "watcher".into();
        let (publisher, mut events) = connect(options).unwrap();
        up(&mut events).await;
        publisher
            .subscribe(&["vehicle-connector/vehicle/+/action/+", "vehicle-connector/vehicle/+/state"])
            .await
            .unwrap();
        let (change, seen) = watch::channel(Seen::default());
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let Event::Message(message) = event {
                    change.send_modify(|seen| seen.see(&message.topic, &message.payload));
                }
            }
        });
        Some(Self { broker, cloud, folder, publisher, seen, process: None })
    }

    /// Starts the host and waits until it serves.
    pub async fn host(&mut self) -> Child {
        let states = self.seen.borrow().states;
        let host = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"))
            .env_remove("RUST_LOG")
            .env("REFRESH_TOKEN", simulator::Config::default().refresh_token)
            .env("PIN", "1234")
            .args(["run", "-c"])
            .arg(self.folder.path().join("car.toml"))
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.process = host.id();
        self.until(|seen| seen.states > states).await;
        host
    }

    async fn until(&mut self, wanted: impl FnMut(&Seen) -> bool) {
        timeout(PATIENCE, self.seen.wait_for(wanted)).await.expect("published in time").unwrap();
    }

    /// Sends a command for the older car.
    pub async fn lock(&self, id: &str) {
        let topic = "vehicle-connector/vehicle/niro/cmd/lock";
        self.publisher.publish(Outgoing::new(topic, format!(r#"{{"id":"{id}"}}"#))).await.unwrap();
    }

    /// Waits until a command was accepted, or is over.
    pub async fn begun(&mut self, id: &str) {
        self.until(|seen| seen.begun.contains(id)).await;
    }

    /// Waits for a final result.
    pub async fn ended(&mut self, id: &str) -> Report {
        self.until(|seen| seen.finals.contains_key(id)).await;
        self.seen.borrow().finals[id][0].clone()
    }

    /// Waits for a final result of all of these, and says which there are of each.
    pub async fn finals_of(&mut self, ids: &[String]) -> HashMap<String, Vec<Report>> {
        let all = self.seen.wait_for(|seen| ids.iter().all(|id| seen.finals.contains_key(id)));
        let complete = timeout(PATIENCE, all).await.is_ok();
        let seen = self.seen.borrow();
        let missing: Vec<_> = ids.iter().filter(|id| !seen.finals.contains_key(*id)).collect();
        assert!(complete, "no final result of {} of {}: {missing:?}", missing.len(), ids.len());
        seen.finals.clone()
    }

    /// Reads the other car when this command is over, and says how long that took.
    pub async fn other_car_after(&self, id: &str) -> Duration {
        let mut seen = self.seen.clone();
        timeout(PATIENCE, seen.wait_for(|seen| seen.finals.contains_key(id))).await.unwrap().unwrap();
        let sent = Instant::now();
        let message = Outgoing::new("vehicle-connector/vehicle/ev6/cmd/refresh_cached", r#"{"id":"other"}"#);
        self.publisher.publish(message).await.unwrap();
        timeout(PATIENCE, seen.wait_for(|seen| seen.finals.contains_key("other"))).await.unwrap().unwrap();
        let report = seen.borrow().finals["other"][0].clone();
        assert_eq!(report.state, State::Succeeded, "{report:?}");
        sent.elapsed()
    }

    /// How much memory the host has.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Seen {
    fn see(&mut self, topic: &str, payload: &[u8]) {
        if topic.ends_with("/niro/state") {
            self.states += 1;
        }
        let Some((_, id)) = topic.split_once("/action/").filter(|(_, id)| *id != "last") else { return };
        let report: Report = serde_json::from_slice(payload).unwrap();
        self.begun.insert(id.to_owned());
        if report.state.is_final() {
            self.finals.entry(id.to_owned()).or_default().push(report);
        }
    }
}

/// Publishes a read for each identifier, as fast as the broker takes them.
pub async fn sent_at_once(port: u16, vehicle: &str, ids: Vec<String>) {
    let mut options = options(port);
    options.client_id = "sender".into();
    let (publisher, mut events) = connect(options).unwrap();
    up(&mut events).await;
    let topic = format!("vehicle-connector/vehicle/{vehicle}/cmd/refresh_cached");
    for id in ids {
        publisher.publish(Outgoing::new(&topic, format!(r#"{{"id":"{id}"}}"#))).await.unwrap();
    }
    publisher.ready().await;
    // What is queued still leaves: the client lives until it has.
    tokio::spawn(async move {
        let _publisher = publisher;
        while events.next().await.is_some() {}
    });
}

/// A store whose changes wait while it is closed.
#[derive(Debug)]
pub struct Gate {
    store: MemoryStore,
    open: watch::Sender<bool>,
    waiting: Notify,
}

impl Gate {
    pub fn over(store: MemoryStore) -> Self {
        Self { store, open: watch::Sender::new(true), waiting: Notify::new() }
    }

    pub fn close(&self) {
        self.open.send_replace(false);
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Returns when a change waits.
    pub async fn waits(&self) {
        timeout(PATIENCE, self.waiting.notified()).await.expect("a change in time");
    }
}

impl Store for Gate {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.store.load(kind, key)
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.store.list(kind)
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        let (store, mut open) = (self.store.clone(), self.open.subscribe());
        let about_commands = writes.iter().any(|write| write.kind == Kind::Result);
        if about_commands && !*open.borrow() {
            self.waiting.notify_one();
        }
        Box::pin(async move {
            if about_commands {
                open.wait_for(|open| *open).await.unwrap();
            }
            store.commit(writes).await
        })
    }
}
