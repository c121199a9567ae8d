//! A storm of swaps: a home whose plugins are swapped again and again while its cars are commanded without a
//! pause and its cloud is unwell. In real time, over TCP.
//!
//! A test looks at what must hold, a bench at what it costs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use parking_lot::Mutex;
use serde_json::{Value, json};
use simulator::{Control, Counters, Effect, Fault, RouteKind, Simulator};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use vehicle_connector::deployment::Offer;
use vehicle_connector::digest::Digest;
use vehicle_connector::host::{Environment, Host, Request};
use vehicle_connector::plugin::{Compiled, PluginKind, embedded};
use vehicle_connector::store::{Kind, Store};
use vehicle_connector::time::Clock;
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::publish::Publish;
use vehicle_connector::wire::report::Report;

use crate::handmade::variant;
use crate::{CCS2, LEGACY, PATIENCE, Shifted, configuration};

/// Number of times that the session is ended meanwhile. A host slows down when more of them are ended in a
/// short time.
const ENDED_SESSIONS: usize = 15;

/// Commands that end before the next swap.
const COMMANDS_EACH: usize = 3;

/// Intervals of swaps: one in this many is of a connector, is gone back from, is of something that must be
/// refused, or meets a cloud that is unwell.
const CONNECTOR: usize = 5;
const ROLLBACK: usize = 11;
const REFUSED: usize = 7;
const UNWELL: usize = 10;

/// The final reports by command, each as often as it was published.
#[derive(Debug, Default)]
struct Ends {
    waiting: Mutex<BTreeMap<String, oneshot::Sender<Report>>>,
    seen: Mutex<BTreeMap<String, usize>>,
    accounts: watch::Sender<Value>,
}

impl Publish for Ends {
    fn publish(&self, message: Outgoing) {
        if message.topic.contains("/account/") && message.topic.ends_with("/state") {
            self.accounts.send_replace(serde_json::from_slice(&message.payload).unwrap());
        }
        let Some((_, id)) = message.topic.rsplit_once("/action/") else { return };
        if id == "last" {
            return;
        }
        let report: Report = serde_json::from_slice(&message.payload).unwrap();
        if !report.state.is_final() {
            return;
        }
        *self.seen.lock().entry(id.to_owned()).or_default() += 1;
        if let Some(waiting) = self.waiting.lock().remove(id) {
            let _gave_up = waiting.send(report);
        }
    }
}

/// A command that has ended, in little memory: what grows here is not the host's.
#[derive(Debug)]
pub struct Ended {
    /// Whether it was about the doors.
    pub moves: bool,
    /// State in which it ended.
    pub state: State,
    /// Reason why it did not end well.
    pub reason: Option<Reason>,
    /// Number of tries.
    pub attempts: u32,
    /// Whether it was done with a newer token than it began with.
    pub token_refreshed: bool,
    /// Number of requests that it cost.
    pub upstream_calls: u32,
    /// Time that it took.
    pub took: Duration,
    /// Whether a plugin was swapped meanwhile.
    pub met_a_swap: bool,
}

/// Result of a storm.
#[derive(Debug)]
pub struct Aftermath {
    /// All commands that were sent.
    pub commands: Vec<Ended>,
    /// Commands without a final result.
    pub lost: Vec<String>,
    /// Commands with more than one final result.
    pub doubled: Vec<String>,
    /// Swaps of policies and connectors that were made.
    pub swaps: usize,
    /// Time that each swap took, from compiled component to active.
    pub took: Vec<Duration>,
    /// Offers that were refused, as they had to be.
    pub refused: usize,
    /// Counts of the cloud.
    pub cloud: Counters,
    /// Number of generations of sessions that there were.
    pub sessions: u64,
    /// Requests of the account, as the host counted them.
    pub requests_today: u64,
    /// Generations of policies and of connectors that are still there.
    pub alive: (usize, usize),
    /// Number of components in the store.
    pub components: usize,
    /// Resident memory in KiB after a tenth of the swaps and after the last, where the system tells.
    pub resident: (Option<u64>, Option<u64>),
}

/// A home in a storm.
#[derive(Debug)]
pub struct Storm {
    cloud: Simulator,
    ends: Arc<Ends>,
    store: Arc<dyn Store>,
    clock: Arc<Shifted>,
    host: Arc<Host>,
    /// Number of commands that have ended.
    ended: watch::Sender<usize>,
    swaps: AtomicU64,
    next: AtomicU64,
    over: AtomicBool,
}

impl Storm {
    /// Makes a home with two cars that have been found, and its state in this store.
    pub async fn gather(store: Arc<dyn Store>) -> Arc<Self> {
        let config = simulator::Config::default();
        let (pin, refresh_token) = (config.pin.clone(), config.refresh_token.clone());
        let cloud = Simulator::start(config).await.unwrap();
        let ends = Arc::new(Ends::default());
        let publisher = Arc::clone(&ends) as Arc<dyn Publish>;
        let clock = Arc::new(Shifted::start());
        // The hours of a storm are those of one day, or what is counted by the day begins anew.
        clock.advance(until_midnight(&clock));
        let ahead = clock.ahead().as_secs();
        cloud.control().set_clock_ahead(i64::try_from(ahead).unwrap());
        let time = Arc::clone(&clock) as Arc<dyn Clock>;
        let environment = Environment::new(Arc::clone(&store), time, publisher);
        let config = configuration(&cloud.base_url(), &refresh_token, &pin);
        let host = Host::start(&config, environment).await.unwrap();
        assert!(host.find_vehicles().await);
        Arc::new(Self {
            cloud,
            ends,
            store,
            clock,
            host,
            swaps: AtomicU64::new(0),
            ended: watch::Sender::new(0),
            next: AtomicU64::new(0),
            over: AtomicBool::new(false),
        })
    }

    /// The host.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The cloud's controls.
    pub fn control(&self) -> Control {
        self.cloud.control()
    }

    /// Sends a command and waits for its end.
    pub async fn command(&self, vehicle: &str, topic: &str, fields: &str) -> Ended {
        let id = format!("storm-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let (ended, end) = oneshot::channel();
        self.ends.waiting.lock().insert(id.clone(), ended);
        let (before, started) = (self.swaps.load(Ordering::SeqCst), Instant::now());
        let topic = format!("vehicle-connector/vehicle/{vehicle}/cmd/{topic}");
        let payload = format!(r#"{{"id":"{id}"{fields}}}"#).into_bytes();
        self.host.handle(Request { topic, payload, ..Request::default() }).await;
        let report = end.await.unwrap();
        self.ended.send_modify(|ended| *ended += 1);
        let met_a_swap = self.swaps.load(Ordering::SeqCst) > before;
        let Report { op, state, reason, attempts, token_refreshed, upstream_calls, .. } = report;
        Ended {
            moves: op == "lock",
            state,
            reason,
            attempts,
            token_refreshed,
            upstream_calls,
            took: started.elapsed(),
            met_a_swap,
        }
    }

    /// Commands one car until the storm is over: reads, and with every fifth command its doors.
    async fn command_on(self: Arc<Self>, vehicle: &'static str) -> Vec<Ended> {
        let mut ended = Vec::new();
        while !self.over.load(Ordering::Relaxed) {
            let command = match ended.len() % 5 {
                4 if vehicle == LEGACY.0 => self.command(vehicle, "lock", r#","action":"lock""#).await,
                _ => self.command(vehicle, "refresh_cached", "").await,
            };
            ended.push(command);
        }
        ended
    }

    /// Swaps `swaps` times, while four callers command the cars. A few components take turns, compiled
    /// beforehand; or every one is another, which is compiled, stored, mapped and freed like any that comes
    /// in.
    pub async fn rage(self: &Arc<Self>, swaps: usize, every_one_another: bool) -> Aftermath {
        let sandbox = self.host.deployments().sandbox();
        let mut policies = Vec::new();
        let mut connectors = Vec::new();
        for number in 0..4 {
            policies.push(Compiled::of(sandbox, &variant(embedded::POLICY, number)).await.unwrap());
            connectors.push(Compiled::of(sandbox, &variant(embedded::HYUNDAI_KIA, number)).await.unwrap());
        }
        let before = self.control().counters();
        let mut callers = JoinSet::new();
        for vehicle in [LEGACY.0, LEGACY.0, CCS2.0, CCS2.0] {
            callers.spawn(Arc::clone(self).command_on(vehicle));
        }
        let mut weak = (Vec::new(), Vec::new());
        let (mut took, mut refused, mut first) = (Vec::new(), 0, None);
        for n in 0..swaps {
            // Hours of a home in moments: what is old and what is rare is judged by the clock.
            if n % (swaps / ENDED_SESSIONS).max(1) == 0 {
                self.let_a_minute_pass();
                self.control().expire_access_token();
            }
            if n % UNWELL == 3 {
                self.let_a_minute_pass();
                self.control().inject(Fault::new(RouteKind::Status, Effect::unavailable()));
            }
            if n % REFUSED == 2 {
                self.offer_what_must_be_refused().await;
                refused += 1;
            }
            let (kind, all) = match n % CONNECTOR {
                0 => (PluginKind::Connector, &connectors),
                _ => (PluginKind::Policy, &policies),
            };
            let offer = if every_one_another {
                Offer::new(another(kind, n), "storm")
            } else {
                Offer::compiled(all[n % all.len()].clone(), "storm")
            };
            let started = Instant::now();
            let deployed = self.host.deployments().swap(kind, None, &offer).await.unwrap();
            took.push(started.elapsed());
            self.swaps.fetch_add(1, Ordering::SeqCst);
            assert_ne!(deployed.active.digest, deployed.before.digest);
            match kind {
                PluginKind::Policy => weak.0.push(self.host.policy().active().weak()),
                PluginKind::Connector => {
                    let connectors = self.host.deployments().connectors().values();
                    weak.1.extend(connectors.map(|connector| connector.active().weak()));
                }
            }
            if n % ROLLBACK == 5 {
                self.host.deployments().rollback(kind, None, "storm").await.unwrap();
            }
            if n == swaps / 10 {
                first = resident_kib();
            }
            // So that every generation has something to do.
            let enough = *self.ended.borrow() + COMMANDS_EACH;
            self.ended.subscribe().wait_for(|ended| *ended >= enough).await.unwrap();
        }
        self.over.store(true, Ordering::Relaxed);
        let mut commands = Vec::new();
        while let Some(ended) = callers.join_next().await {
            commands.extend(ended.unwrap());
        }
        let last = resident_kib();
        let (after, requests_today) = self.counted_by_both().await;
        let seen = self.ends.seen.lock().clone();
        let sent = (0..self.next.load(Ordering::Relaxed)).map(|n| format!("storm-{n}"));
        let lost = sent.filter(|id| !seen.contains_key(id)).collect();
        let doubled = seen.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.clone()).collect();
        Aftermath {
            commands,
            lost,
            doubled,
            swaps,
            took,
            refused,
            sessions: after.generation - before.generation,
            cloud: after,
            requests_today,
            alive: (
                weak.0.iter().filter(|generation| generation.strong_count() > 0).count(),
                weak.1.iter().filter(|generation| generation.strong_count() > 0).count(),
            ),
            components: self.store.list(Kind::Component).await.unwrap().len(),
            resident: (first, last),
        }
    }

    /// Lets a minute pass for the host and for the cloud, which compares the two.
    fn let_a_minute_pass(&self) {
        self.clock.advance(60);
        let ahead = self.clock.ahead().as_secs();
        self.control().set_clock_ahead(i64::try_from(ahead).unwrap());
    }

    /// Returns what the cloud and the host have counted. After the last command the host still reads cars of
    /// its own accord, and says with each what it has counted: until both say the same, or until the test's
    /// patience ends.
    async fn counted_by_both(&self) -> (Counters, u64) {
        let mut accounts = self.ends.accounts.subscribe();
        let agreed = async {
            loop {
                let counted = accounts.borrow_and_update()["requests_today"].as_u64().unwrap();
                let cloud = self.control().counters();
                if counted == cloud.requests {
                    return (cloud, counted);
                }
                accounts.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, agreed).await {
            Ok(agreed) => agreed,
            Err(_) => {
                let counted = self.ends.accounts.borrow()["requests_today"].as_u64().unwrap();
                (self.control().counters(), counted)
            }
        }
    }

    /// Swaps `swaps` times while nothing else happens, each time to another component. Returns the resident
    /// memory in KiB after a tenth of the swaps and after the last.
    pub async fn swap_in_silence(&self, swaps: usize) -> (Option<u64>, Option<u64>) {
        let mut first = None;
        for n in 0..swaps {
            let offer = Offer::new(another(PluginKind::Policy, n + 1_000_000), "storm");
            self.host.deployments().swap(PluginKind::Policy, None, &offer).await.unwrap();
            if n == swaps / 10 {
                first = resident_kib();
            }
        }
        (first, resident_kib())
    }

    async fn offer_what_must_be_refused(&self) {
        let before = self.host.policy().active().generation().digest;
        let offer = Offer::new(embedded::FOUR_PHRASES, "storm");
        self.host.deployments().swap(PluginKind::Policy, None, &offer).await.unwrap_err();
        assert_eq!(self.host.policy().active().generation().digest, before);
        assert_ne!(before, Digest::of(embedded::FOUR_PHRASES));
    }

    /// Asks the host for something.
    pub async fn request(&self, verb: &str, payload: Value) -> Value {
        self.host.request(verb, payload.to_string().as_bytes(), "storm").await
    }

    /// Whether an isolated circuit stays that over swaps of both kinds.
    pub async fn circuits_survive(&self) -> bool {
        let circuit = json!({"circuit": format!("vehicle {}", CCS2.0)});
        self.request("circuit/isolate", circuit.clone()).await;
        let sandbox = self.host.deployments().sandbox();
        for (kind, component) in
            [(PluginKind::Policy, embedded::POLICY), (PluginKind::Connector, embedded::HYUNDAI_KIA)]
        {
            let compiled = Compiled::of(sandbox, &variant(component, 99)).await.unwrap();
            self.host.deployments().swap(kind, None, &Offer::compiled(compiled, "storm")).await.unwrap();
        }
        let refused = self.command(CCS2.0, "refresh_cached", "").await;
        self.request("circuit/close", circuit).await;
        let done = self.command(CCS2.0, "refresh_cached", "").await;
        refused.state != State::Succeeded && refused.upstream_calls == 0 && done.state == State::Succeeded
    }
}

/// Makes a component as there was none before.
fn another(kind: PluginKind, number: usize) -> Vec<u8> {
    let component = match kind {
        PluginKind::Policy => embedded::POLICY,
        PluginKind::Connector => embedded::HYUNDAI_KIA,
    };
    variant(component, u32::try_from(number).unwrap() + 1_000)
}

/// The resident memory of this process.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
}

/// Seconds until it is midnight on this machine.
fn until_midnight(clock: &Shifted) -> u64 {
    let now = clock.now().to_zoned(TimeZone::system());
    let midnight = now.tomorrow().and_then(|tomorrow| tomorrow.start_of_day()).unwrap();
    u64::try_from(now.duration_until(&midnight).as_secs()).unwrap() + 1
}
