//! Requests to the host itself, on `bridge/request/…`, and their answers.
//!
//! For now about circuits: an operator can hold one open, and close one.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::{Host, Request};
use crate::circuit::{Circuits, Transition};
use crate::events::{AboutCircuit, Event};
use crate::outbox::Outgoing;
use crate::store::{Kind, StoreError, Write};

/// What can be asked for.
const VERBS: &str = "circuit/list, circuit/open, circuit/isolate, circuit/close";

/// How long a circuit is opened for that an operator opens without saying so.
const OPEN_FOR: u64 = 60;

/// The longest; for longer there is `circuit/isolate`.
const LONGEST_OPEN: u64 = 3_600;

/// Which circuit, as requests say it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    circuit: String,
    /// For `circuit/open`.
    seconds: Option<u64>,
    /// Only for the answer.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// How a request went, with the transaction that it came with.
fn answer(done: Result<Value, String>, payload: &[u8]) -> Value {
    let asked: Value = serde_json::from_slice(payload).unwrap_or_default();
    let transaction = asked.get("transaction").cloned().unwrap_or_default();
    match done {
        Ok(data) => json!({"status": "ok", "data": data, "error": null, "transaction": transaction}),
        Err(error) => json!({"status": "error", "data": null, "error": error, "transaction": transaction}),
    }
}

impl Host {
    /// Does what a message asks for and says how that went, on the response topic of the verb and wherever else the
    /// caller wants the answer.
    pub(super) async fn answer(&self, verb: &str, request: &Request) {
        let answer = if request.retained {
            self.clear_retained(&request.topic);
            let refused = "requests must not be retained; this one was cleared and not done".to_owned();
            answer(Err(refused), &request.payload)
        } else {
            self.request(verb, &request.payload, "mqtt").await
        };
        let payload = answer.to_string();
        self.ground.outbox.publish(Outgoing::new(self.topics.bridge_response(verb), payload.clone()));
        if let Some(super::RespondTo { topic, correlation }) = &request.respond_to {
            let answer = Outgoing::new(topic.clone(), payload);
            self.ground.outbox.publish(Outgoing { correlation: correlation.clone(), ..answer });
        }
    }

    /// Does what is asked for, whichever way it came in, and says how that went:
    /// `{"status":"ok"|"error","data":…,"error":…,"transaction":…}`. `by` is whose wish it is, for the record.
    pub async fn request(&self, verb: &str, payload: &[u8], by: &str) -> Value {
        answer(self.act_on(verb, payload, by).await, payload)
    }

    async fn act_on(&self, verb: &str, payload: &[u8], _by: &str) -> Result<Value, String> {
        let which = || {
            let takes = format!("{verb} takes {{\"circuit\":\"…\"}}; circuit/list names them");
            serde_json::from_slice::<Which>(payload).map_err(|error| format!("{error}; {takes}"))
        };
        match verb {
            "circuit/list" => Ok(self.circuits_as_they_are()),
            "circuit/open" => {
                let Which { circuit, seconds, .. } = which()?;
                let open_for = Duration::from_secs(seconds.unwrap_or(OPEN_FOR).min(LONGEST_OPEN));
                let circuits = self.circuits_with(&circuit)?;
                let now = self.ground.clock.monotonic();
                circuits.trip(&circuit, now, open_for).map_err(|error| error.to_string())?;
                Ok(json!({"circuit": circuit, "state": "open"}))
            }
            "circuit/isolate" => self.isolate(&which()?.circuit).await,
            "circuit/close" => self.close(&which()?.circuit).await,
            _ => Err(format!("there is no request {verb:?}; there are {VERBS}")),
        }
    }

    fn circuits_as_they_are(&self) -> Value {
        let clock = self.ground.clock.as_ref();
        let all = self.circuits().flat_map(|circuits| circuits.statuses(clock));
        all.map(|status| json!(status)).collect()
    }

    async fn isolate(&self, name: &str) -> Result<Value, String> {
        let circuits = self.circuits_with(name)?;
        let write = Write { kind: Kind::Isolated, key: name.to_owned(), value: Some(Vec::new()) };
        self.ground.store.commit(vec![write]).await.map_err(|error| error.to_string())?;
        circuits.isolate(name).map_err(|error| error.to_string())?;
        Ok(json!({"circuit": name, "state": "isolated"}))
    }

    async fn close(&self, name: &str) -> Result<Value, String> {
        let circuits = self.circuits_with(name)?;
        let write = Write::remove(Kind::Isolated, name);
        self.ground.store.commit(vec![write]).await.map_err(|error| error.to_string())?;
        circuits.close(name).map_err(|error| error.to_string())?;
        Ok(json!({"circuit": name, "state": "closed"}))
    }

    /// The circuits among which the one of this name belongs, whether or not anything has passed it yet.
    fn circuits_with(&self, name: &str) -> Result<&Circuits, String> {
        let account = |slug: &str| self.accounts.get(slug).map(|account| &account.circuits);
        let circuits = match name.split_once(' ') {
            Some(("account" | "token-endpoint", slug)) => account(slug),
            Some(("vehicle", slug)) => self.vehicles.get(slug).map(|vehicle| &vehicle.account.circuits),
            Some(_) => None,
            None => {
                let is_cloud = |connector: &Arc<_>| {
                    let connector: &crate::plugin::ConnectorSlot = connector;
                    connector.active().manifest().cloud == name
                };
                self.connectors.values().any(is_cloud).then_some(self.clouds.as_ref())
            }
        };
        let circuits = circuits.ok_or_else(|| {
            let clouds =
                self.connectors.values().map(|connector| connector.active().manifest().cloud.clone());
            let accounts = self
                .accounts
                .keys()
                .flat_map(|slug| [format!("account {slug}"), format!("token-endpoint {slug}")]);
            let vehicles = self.vehicles.keys().map(|slug| format!("vehicle {slug}"));
            let known: Vec<String> = clouds.chain(accounts).chain(vehicles).collect();
            format!("there is no circuit {name:?}; there are: {}", known.join(", "))
        })?;
        circuits.ensure(name);
        Ok(circuits)
    }

    /// What an operator isolated stays isolated over a restart.
    pub(super) async fn isolate_again(&self) -> Result<(), StoreError> {
        for (name, _) in self.ground.store.list(Kind::Isolated).await? {
            if let Ok(circuits) = self.circuits_with(&name) {
                // It was made a line above.
                let _known = circuits.isolate(&name);
            }
        }
        Ok(())
    }

    /// Says when a circuit opens and closes.
    pub(super) fn watch_circuits(self: &Arc<Self>) {
        let mut changes = self.clouds.changes();
        let host = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let change = match changes.recv().await {
                    Ok(change) => change,
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "changes of circuits were not told");
                        continue;
                    }
                    Err(RecvError::Closed) => return,
                };
                let Some(host) = host.upgrade() else { return };
                let about = |reason: String| AboutCircuit { circuit: change.circuit.clone(), reason };
                let event = match change.transition {
                    Transition::Opened { open_for, cause } => {
                        Event::BreakerOpened(about(format!("{cause}; for {} s", open_for.as_secs())))
                    }
                    Transition::Isolated => Event::BreakerOpened(about("an operator isolated it".to_owned())),
                    Transition::Closed => {
                        Event::BreakerClosed(about("it admits every call again".to_owned()))
                    }
                    Transition::HalfOpened => continue,
                };
                host.events.say(&event);
            }
        });
    }
}
