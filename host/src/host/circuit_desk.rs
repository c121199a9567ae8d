//! Requests about circuits: an operator can hold one open, and close one.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::fleet::{Fleet, Members};
use super::requests::parsed;
use crate::deployment::Deployments;
use crate::events::{AboutCircuit, Event};
use crate::plugin::ConnectorSlot;
use crate::protect::circuit::{Cause, Circuits, Transition};
use crate::services::Services;
use crate::store::{Kind, StoreError, Write};

/// Seconds for which a circuit is opened by an operator who does not say for how long.
const OPEN_FOR: u64 = 60;

/// Most seconds for which a circuit is opened; for longer there is `circuit/isolate`.
const LONGEST_OPEN: u64 = 3_600;

/// Circuit that a request names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    circuit: String,
    /// Seconds for `circuit/open`.
    seconds: Option<u64>,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// Payload of a request that needs no more than its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// Opens, isolates and closes circuits for operators, and publishes when one opens or closes.
#[derive(Debug)]
pub(super) struct CircuitDesk {
    pub(super) services: Arc<Services>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) deployments: Arc<Deployments>,
    /// The circuits of the clouds.
    pub(super) clouds: Arc<Circuits>,
}

impl CircuitDesk {
    /// The circuits: those of the clouds, then those of each account. No name is used twice. A subscriber to
    /// the changes of the first is told of the changes of all.
    pub(super) fn circuits(&self) -> impl Iterator<Item = Arc<Circuits>> + use<> {
        let members = self.fleet.now();
        let accounts: Vec<_> =
            members.accounts.values().map(|account| Arc::clone(&account.circuits)).collect();
        std::iter::once(Arc::clone(&self.clouds)).chain(accounts)
    }

    /// Does what a request asks for; none if there is no such request.
    pub(super) async fn about(&self, what: &str, payload: &[u8]) -> Option<Result<Value, String>> {
        Some(match what {
            "list" => {
                parsed::<Nothing>(payload, "circuit/list takes {}").map(|_| self.circuits_as_they_are())
            }
            "open" => self.open(payload),
            "isolate" => match which("isolate", payload) {
                Ok(Which { circuit, .. }) => self.isolate(&circuit).await,
                Err(error) => Err(error),
            },
            "close" => match which("close", payload) {
                Ok(Which { circuit, .. }) => self.close(&circuit).await,
                Err(error) => Err(error),
            },
            _ => return None,
        })
    }

    fn open(&self, payload: &[u8]) -> Result<Value, String> {
        let Which { circuit, seconds, .. } = which("open", payload)?;
        let seconds = seconds.unwrap_or(OPEN_FOR).min(LONGEST_OPEN);
        let open_for = Duration::from_secs(seconds);
        let circuits = self.circuits_with(&circuit)?;
        let now = self.services.clock.monotonic();
        circuits.trip(&circuit, now, open_for).map_err(|error| error.to_string())?;
        Ok(json!({"circuit": circuit, "state": "open", "seconds": seconds}))
    }

    fn circuits_as_they_are(&self) -> Value {
        let clock = self.services.clock.as_ref();
        let all = self.circuits().flat_map(|circuits| circuits.statuses(clock));
        all.map(|status| json!(status)).collect()
    }

    async fn isolate(&self, name: &str) -> Result<Value, String> {
        let circuits = self.circuits_with(name)?;
        let write = Write { kind: Kind::Isolated, key: name.to_owned(), value: Some(Vec::new()) };
        self.services.store.commit(vec![write]).await.map_err(|error| error.to_string())?;
        circuits.isolate(name).map_err(|error| error.to_string())?;
        Ok(json!({"circuit": name, "state": "isolated"}))
    }

    async fn close(&self, name: &str) -> Result<Value, String> {
        let circuits = self.circuits_with(name)?;
        let write = Write::remove(Kind::Isolated, name);
        self.services.store.commit(vec![write]).await.map_err(|error| error.to_string())?;
        circuits.close(name).map_err(|error| error.to_string())?;
        let account = name.strip_prefix("account ").and_then(|slug| self.fleet.account(slug));
        if let Some(account) = account {
            account.lift_throttle();
        }
        Ok(json!({"circuit": name, "state": "closed"}))
    }

    /// The circuits among which the one of this name belongs, whether or not anything has passed it yet.
    fn circuits_with(&self, name: &str) -> Result<Arc<Circuits>, String> {
        self.circuits_of(&self.fleet.now(), name)
    }

    fn circuits_of(&self, members: &Members, name: &str) -> Result<Arc<Circuits>, String> {
        let account = |slug: &str| members.accounts.get(slug).map(|account| Arc::clone(&account.circuits));
        let circuits = match name.split_once(' ') {
            Some(("account" | "token-endpoint", slug)) => account(slug),
            Some(("vehicle", slug)) => {
                members.vehicles.get(slug).map(|vehicle| Arc::clone(&vehicle.account.circuits))
            }
            Some(_) => None,
            None => {
                let is_cloud = |connector: &Arc<ConnectorSlot>| connector.active().manifest().name == name;
                self.deployments.connectors().values().any(is_cloud).then(|| Arc::clone(&self.clouds))
            }
        };
        let circuits = circuits.ok_or_else(|| {
            let clouds = self
                .deployments
                .connectors()
                .values()
                .map(|connector| connector.active().manifest().name.clone());
            let accounts = members
                .accounts
                .keys()
                .flat_map(|slug| [format!("account {slug}"), format!("token-endpoint {slug}")]);
            let vehicles = members.vehicles.keys().map(|slug| format!("vehicle {slug}"));
            let known: Vec<String> = clouds.chain(accounts).chain(vehicles).collect();
            format!("there is no circuit {name:?}; there are: {}", known.join(", "))
        })?;
        circuits.ensure(name);
        Ok(circuits)
    }

    /// The circuits that an operator isolated and has not closed, be it before a restart.
    pub(super) async fn isolated(&self) -> Result<Vec<String>, StoreError> {
        let isolated = self.services.store.list(Kind::Isolated).await?;
        Ok(isolated.into_iter().map(|(name, _)| name).collect())
    }

    /// Isolates circuits of accounts that are served, or are about to be.
    pub(super) fn isolate_again(&self, members: &Members, names: &[String]) {
        for name in names {
            if let Ok(circuits) = self.circuits_of(members, name) {
                // The name was made a line above.
                let _known = circuits.isolate(name);
            }
        }
    }

    /// Publishes an event when a circuit opens and when one closes.
    pub(super) fn watch(self: &Arc<Self>) {
        let mut changes = self.clouds.changes();
        let desk = Arc::downgrade(self);
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
                let Some(desk) = desk.upgrade() else { return };
                let about = |reason: String| AboutCircuit { circuit: change.circuit.clone(), reason };
                let event = match change.transition {
                    // It was open before its probes failed, and that was told.
                    Transition::Opened { cause: Cause::Probes(_), .. } => continue,
                    Transition::Opened { open_for, cause } => {
                        Event::BreakerOpened(about(format!("{cause}; for {} s", open_for.as_secs())))
                    }
                    Transition::Isolated => Event::BreakerOpened(about("an operator isolated it".to_owned())),
                    Transition::Closed => {
                        Event::BreakerClosed(about("it admits every call again".to_owned()))
                    }
                    Transition::HalfOpened => continue,
                };
                desk.services.events.say(&event);
            }
        });
    }
}

fn which(what: &str, payload: &[u8]) -> Result<Which, String> {
    parsed(payload, &format!("circuit/{what} takes {{\"circuit\":\"…\"}}; circuit/list names them"))
}
