//! A home in virtual time, and what happens to it.

use std::sync::Arc;
use std::time::Duration;

use simulator::Control;
use testkit::network::Network;
use testkit::trace::{self, Entry, Event, Trace};
use testkit::{Home, Recording};
use vehicle_connector::config::Config;
use vehicle_connector::deployment::Offer;
use vehicle_connector::host::{Environment, Host};
use vehicle_connector::plugin::Plugins;
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::outcome::State;
use vehicle_connector::wire::report::Report;

use crate::policies::{Choice, Policies};
use crate::schedule::{CARS, Command, Happening, Schedule};
use crate::surroundings::{Surroundings, in_virtual_time};

/// Longer than any queue of commands takes.
const AT_LAST: Duration = Duration::from_secs(4 * 3_600);

/// Longer than any pause that the host makes by itself.
const CALM: Duration = Duration::from_secs(3_600 + 120);

const DAY: Duration = Duration::from_secs(86_400);

/// What came of a schedule.
#[derive(Debug)]
pub struct Run {
    /// Everything that happened.
    pub trace: Vec<Entry>,
    /// What must not be published.
    pub secrets: Vec<String>,
    /// How long an access token lives.
    pub token_lifetime: Duration,
    /// The reads in the end, when nothing was wrong any more; none for one that has no end.
    pub last_reads: Vec<Option<Report>>,
    /// The same with new credentials.
    pub refreshed_reads: Vec<Option<Report>>,
}

/// Runs a schedule to its end, on this thread.
pub fn run(schedule: &Schedule, policies: &Policies) -> Run {
    in_virtual_time(schedule.seed, SimulatedHome::live(schedule, policies))
}

struct SimulatedHome<'a> {
    policies: &'a Policies,
    control: Control,
    network: Arc<Network>,
    trace: Arc<Trace>,
    published: Arc<Recording>,
    environment: Environment,
    refresh_token: String,
    policy: Choice,
    /// Whether the cloud refuses every grant.
    grants_dead: bool,
    host: Arc<Host>,
}

impl<'a> SimulatedHome<'a> {
    async fn live(schedule: &Schedule, policies: &'a Policies) -> Run {
        let mut home = Self::start(schedule, policies).await;
        for (pause, happening) in &schedule.events {
            tokio::time::sleep(*pause).await;
            home.happens(happening).await;
        }
        home.weather_clears().await;
        let last_reads = home.last_reads("final").await;
        home.happens(&Happening::NewCredentials).await;
        let refreshed_reads = home.last_reads("refreshed").await;
        home.stop().await;
        Run {
            trace: std::mem::take(&mut *home.trace.entries()),
            secrets: home.trace.secrets(),
            token_lifetime: schedule.token_lifetime,
            last_reads,
            refreshed_reads,
        }
    }

    async fn start(schedule: &Schedule, policies: &'a Policies) -> Self {
        let mut config = simulator::Config {
            seed: schedule.seed,
            access_token_lifetime: schedule.token_lifetime,
            rotate_refresh_token: schedule.rotates,
            ..simulator::Config::default()
        };
        config.strict.refuse_while_pending = schedule.refuses_while_pending;
        let refresh_token = config.refresh_token.clone();
        let Surroundings { control, network, trace, published, environment } =
            Surroundings::of(config, false);
        trace.keep_secret(&refresh_token);
        let policy = schedule.policy;
        let host = start_host(&refresh_token, &environment, policies.starting_with(policy)).await;
        trace.write(Event::Started);
        Self {
            policies,
            control,
            network,
            trace,
            published,
            environment,
            refresh_token,
            policy,
            grants_dead: false,
            host,
        }
    }

    async fn happens(&mut self, happening: &Happening) {
        if !matches!(happening, Happening::Command(_)) {
            self.trace.write(Event::Note(format!("{happening:?}")));
        }
        let control = &self.control;
        match happening {
            Happening::Command(command) => self.give(command).await,
            Happening::ExpireToken => control.expire_access_token(),
            Happening::Kick(refusal) => {
                control.expire_access_token_with(refusal.clone());
                control.invalidate_control_tokens();
            }
            Happening::ExpireInFlight(requests) => control.expire_when_in_flight(*requests),
            Happening::RefuseTokens(on) => control.refuse_tokens(*on),
            Happening::RefuseGrants => {
                control.refuse_grants(true);
                self.grants_dead = true;
            }
            Happening::EndPermissions => control.invalidate_control_tokens(),
            Happening::ForgetDevice => control.invalidate_device(None),
            Happening::Fault(fault) => control.inject(fault.clone()),
            Happening::Mend => {
                control.clear_faults();
                control.release();
            }
            Happening::Outage(outage) => self.network.set_outage(*outage),
            Happening::Outcome(outcome) => control.queue_outcome(outcome.clone()),
            Happening::Reachable(vehicle, reachable) => {
                control.set_reachable(vehicle, *reachable);
            }
            Happening::Policy(choice) => self.decide_with(*choice).await,
            Happening::Restart => self.restart().await,
            Happening::NewCredentials => {
                self.grants_dead = false;
                self.refresh_token = format!("NEW{:045}", self.trace.entries().len());
                self.trace.keep_secret(&self.refresh_token);
                control.set_refresh_token(self.refresh_token.clone());
                // To sign in is another login.
                control.expire_access_token();
                self.stop().await;
                self.trace.write(Event::NewCredentials);
                self.start_again().await;
            }
        }
    }

    async fn give(&self, command: &Command) {
        let Command { vehicle, id, topic, .. } = command;
        if *topic != "action_status" {
            self.trace.write(Event::Commanded { vehicle, id: id.clone() });
        }
        self.send(vehicle, topic, command.payload()).await;
    }

    async fn decide_with(&mut self, choice: Choice) {
        let offer = Offer::compiled(self.policies.choose(choice).clone(), "simulation").without_trial();
        // Refused when the store fails, or when this policy was rolled back before.
        if self.offer_policy(&offer).await.is_ok() {
            self.policy = choice;
        }
    }

    async fn stop(&self) {
        self.host.stop().await;
        self.network.process_ends();
        self.trace.write(Event::Stopped);
    }

    async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    async fn start_again(&mut self) {
        self.host =
            start_host(&self.refresh_token, &self.environment, self.policies.starting_with(self.policy))
                .await;
        self.trace.write(Event::Started);
    }

    /// Everything works again, everybody gets a result, and then nothing happens for longer than the host ever waits.
    async fn weather_clears(&mut self) {
        self.trace.write(Event::Note("the weather clears".to_owned()));
        self.control.restore();
        // What a person has to do is not done by the weather.
        self.control.refuse_grants(self.grants_dead);
        self.network.calm_down();
        self.decide_with(Choice::Default).await;
        let wait = async {
            while self.anything_open() {
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        };
        let _for_ever = tokio::time::timeout(AT_LAST, wait).await;
        tokio::time::sleep(CALM).await;
    }

    fn anything_open(&self) -> bool {
        let entries = self.trace.entries();
        let mut open = std::collections::BTreeSet::new();
        for entry in entries.iter() {
            let Event::Published(message) = &entry.event else { continue };
            let Some((_, report)) = trace::report(message) else { continue };
            match report.state {
                State::Accepted => open.insert(message.topic.clone()),
                state if state.is_final() => open.remove(&message.topic),
                _ => false,
            };
        }
        !open.is_empty()
    }

    /// Reads both cars; once more a day later if it was the number of sign-ins that forbade it.
    async fn last_reads(&self, name: &str) -> Vec<Option<Report>> {
        let mut reads = Vec::new();
        for (vehicle, _) in CARS {
            let mut report = self.read(vehicle, name.to_owned()).await;
            let message = report.as_ref().and_then(|report| report.message.as_ref());
            if message.is_some_and(|message| message.contains("sign-ins within a day")) {
                tokio::time::sleep(DAY).await;
                report = self.read(vehicle, format!("{name}-next-day")).await;
            }
            reads.push(report);
        }
        reads
    }

    async fn read(&self, vehicle: &'static str, id: String) -> Option<Report> {
        self.give(&Command { vehicle, id: id.clone(), topic: "refresh_cached", fields: "" }).await;
        self.published.within(AT_LAST, || self.finals(vehicle, &id).pop()).await
    }
}

impl Home for SimulatedHome<'_> {
    fn host(&self) -> &Arc<Host> {
        &self.host
    }

    fn control(&self) -> Control {
        self.control.clone()
    }

    fn published(&self) -> &Recording {
        &self.published
    }
}

async fn start_host(refresh_token: &str, environment: &Environment, plugins: Plugins) -> Arc<Host> {
    let mut config: Config = testkit::configuration("http://127.0.0.1:1", refresh_token, "1234");
    for vehicle in config.vehicles.values_mut() {
        vehicle.allow.extend(OperationName::COMMANDABLE);
    }
    Host::start_with(&config, environment.clone(), &plugins).await.unwrap()
}
