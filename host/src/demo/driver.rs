//! A client of the broker that sends commands and waits for their results, as any automation would.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::config;
use crate::mqtt::{self, Event, Events, Message, Options, Publisher, Will};
use crate::vehicle::state::Published;
use crate::wire::message::Outgoing;
use crate::wire::report::Report;
use crate::wire::topics::Topics;

/// Longest wait; longer than any command of the story may take.
const PATIENCE: Duration = Duration::from_secs(30);

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Report>>>>;

/// The client.
#[derive(Debug, Clone)]
pub(super) struct Driver {
    publisher: Publisher,
    topics: Topics,
    waiting: Waiting,
    states: watch::Receiver<HashMap<String, Published>>,
}

impl Driver {
    pub(super) async fn connect(config: &config::Mqtt) -> anyhow::Result<Self> {
        let will = Will { topic: "demo/driver".to_owned(), payload: Vec::new(), retain: false };
        let options = Options { client_id: "demo-driver".to_owned(), ..config.options(will) };
        let (publisher, mut events) = mqtt::connect(options)?;
        let topics = Topics::below(&config.base_topic);
        loop {
            match events.next().await.context("the MQTT client has ended")? {
                Event::Connected { .. } => break,
                _ => continue,
            }
        }
        let (actions, state) = (topics.vehicle("+", "action/+"), topics.vehicle("+", "state"));
        publisher.subscribe(&[&actions, &state]).await?;
        let waiting = Waiting::default();
        let (announce, states) = watch::channel(HashMap::new());
        tokio::spawn(listen(events, topics.clone(), Arc::clone(&waiting), announce));
        Ok(Self { publisher, topics, waiting, states })
    }

    /// Sends a command and waits for its final result.
    pub(super) async fn command(
        &self,
        vehicle: &str,
        operation: &str,
        action: Option<&str>,
    ) -> anyhow::Result<Report> {
        let id = uuid::Uuid::now_v7().to_string();
        let (tell, result) = oneshot::channel();
        self.waiting.lock().insert(id.clone(), tell);
        let mut payload = serde_json::json!({"id": id});
        if let (Some(action), Some(fields)) = (action, payload.as_object_mut()) {
            fields.insert("action".to_owned(), action.into());
        }
        let topic = self.topics.vehicle(vehicle, &format!("cmd/{operation}"));
        self.publisher.publish(Outgoing::new(topic, payload.to_string())).await?;
        let report = tokio::time::timeout(PATIENCE, result).await;
        report.context("no result within 30 s")?.context("the connection to the broker has ended")
    }

    /// Waits until a vehicle's retained state is as wanted.
    pub(super) async fn state(
        &self,
        vehicle: &str,
        wanted: impl Fn(&Published) -> bool,
    ) -> anyhow::Result<Published> {
        let mut states = self.states.clone();
        let seen = states.wait_for(|states| states.get(vehicle).is_some_and(&wanted));
        let seen =
            tokio::time::timeout(PATIENCE, seen).await.context("the state did not come within 30 s")??;
        seen.get(vehicle).cloned().context("the state is gone")
    }
}

async fn listen(
    mut events: Events,
    topics: Topics,
    waiting: Waiting,
    states: watch::Sender<HashMap<String, Published>>,
) {
    while let Some(event) = events.next().await {
        let Event::Message(Message { topic, payload, .. }) = event else { continue };
        if topic.ends_with("/action/last") {
            continue;
        }
        if let Ok(report) = serde_json::from_slice::<Report>(&payload) {
            if report.state.is_final() {
                let waits = waiting.lock().remove(&report.id);
                if let Some(tell) = waits {
                    // The receiver is gone if the story has ended.
                    let _ended = tell.send(report);
                }
            }
        } else if let Ok(published) = serde_json::from_slice::<Published>(&payload)
            && let Some(slug) = topic.strip_suffix("/state").and_then(|below| below.rsplit('/').next())
            && topic == topics.vehicle(slug, "state")
        {
            states.send_modify(|states| {
                states.insert(slug.to_owned(), published);
            });
        }
    }
}
