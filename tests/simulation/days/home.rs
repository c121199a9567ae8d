//! A home that signs in with a password, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use simulator::{Control, Counters};
use testkit::network::Network;
use testkit::trace::{Entry, Event, Trace};
use testkit::{Home, Recording, password};
use tokio::time::Instant;
use vehicle_connector::config::Config;
use vehicle_connector::host::{Environment, Host};
use vehicle_connector::plugin::Plugins;
use vehicle_connector::wire::report::Report;

use super::schedule::{AFTERWARDS, DAY, Ordinary, Schedule};
use super::weather::Happening;
use crate::policies::{Choice, Policies};
use crate::schedule::CARS;
use crate::surroundings::{Surroundings, in_virtual_time};

/// Longer than any read takes.
const AT_LAST: Duration = Duration::from_secs(4 * 3_600);

/// Longer than any pause that the host makes by itself, the silence after a block among them, and longer than sign-ins
/// count.
const CALM: Duration = Duration::from_secs(25 * 3_600);

/// Time between questions and answers of a person.
const MOMENT: Duration = Duration::from_secs(5);

/// What came of some days.
#[derive(Debug)]
pub struct Run {
    /// Everything that happened.
    pub trace: Vec<Entry>,
    /// What must not be published.
    pub secrets: Vec<String>,
    /// Number of sets that were lost on the ordinary day.
    pub losses: u64,
    /// What the cloud had counted by the end of the ordinary day, before the session ended.
    pub day: Counters,
    /// What it had counted some hours after the end of the session.
    pub afterwards: Counters,
    /// What it has counted in the end.
    pub all: Counters,
    /// The reads of the ordinary day and the hours after it; none for one that has no end.
    pub reads: Vec<Option<Report>>,
    /// The account when the weather was good again, and a day later.
    pub account: Value,
    /// Its reads then.
    pub last_reads: Vec<Option<Report>>,
    /// What the person was told who has signed in after that.
    pub signed_in: Value,
    /// The reads after that.
    pub reads_after_login: Vec<Option<Report>>,
}

/// Runs some days to their end, on this thread.
pub fn run(schedule: &Schedule, policies: &Policies) -> Run {
    let plugins = policies.starting_with(Choice::Default);
    in_virtual_time(schedule.seed, PasswordHome::live(schedule, plugins))
}

struct PasswordHome {
    surroundings: Surroundings,
    plugins: Plugins,
    config: Config,
    host: Arc<Host>,
    next: u64,
}

impl PasswordHome {
    async fn live(schedule: &Schedule, plugins: Plugins) -> Run {
        let mut home = Self::start(schedule, plugins).await;
        let mut reads = home.ordinary(&schedule.day, DAY).await;
        let day = home.control().counters();
        home.note("the session is over".to_owned());
        home.control().end_sessions();
        if schedule.ends_at_once {
            home.control().expire_access_token();
        }
        reads.extend(home.ordinary(&schedule.afterwards, AFTERWARDS).await);
        let afterwards = home.control().counters();
        home.network().grow_rough();
        for (pause, happening) in &schedule.weather {
            tokio::time::sleep(*pause).await;
            home.happens(happening).await;
        }
        home.weather_clears().await;
        let last_reads = home.reads().await;
        let account = home.account();
        let signed_in = home.login_at_last().await;
        let reads_after_login = home.reads().await;
        home.stop().await;
        let trace = home.trace();
        let secrets = home.control().secrets().into_iter().chain(trace.secrets());
        let secrets = secrets.filter(|secret| secret.len() > 8).collect();
        Run {
            trace: std::mem::take(&mut *trace.entries()),
            secrets,
            losses: schedule.losses,
            day,
            afterwards,
            all: home.control().counters(),
            reads,
            account,
            last_reads,
            signed_in,
            reads_after_login,
        }
    }

    async fn start(schedule: &Schedule, plugins: Plugins) -> Self {
        let cloud = simulator::Config {
            seed: schedule.seed,
            exchangeable_in_cookie: schedule.in_cookie,
            authorize_redirects: schedule.redirects,
            gate_keys: ["FIRST-OF-THE-KEYS", "SECOND-OF-THE-KEYS", "THIRD-OF-THE-KEYS"].map(str::to_owned),
            ..simulator::Config::default()
        };
        let mut config = testkit::configuration("http://127.0.0.1:1", &cloud.refresh_token, &cloud.pin);
        password::signs_in(&cloud)(&mut config);
        let surroundings = Surroundings::of(cloud, true);
        surroundings.network.calm_down();
        let host = start_host(&config, &surroundings.environment, &plugins).await;
        surroundings.trace.write(Event::Started);
        Self { surroundings, plugins, config, host, next: 0 }
    }

    /// Lets happen what happens in any home, for this time, and returns how the reads in it have ended.
    async fn ordinary(&mut self, day: &[(Duration, Ordinary)], time: Duration) -> Vec<Option<Report>> {
        let begin = Instant::now();
        let (mut open, mut reports) = (Vec::new(), Vec::new());
        for (at, it) in day {
            tokio::time::sleep_until(begin + *at).await;
            match it {
                Ordinary::Read(car) => open.push(self.begin_read(car).await),
                Ordinary::AccessEnds => self.control().expire_access_token(),
                Ordinary::DeviceForgotten => self.control().invalidate_device(None),
                Ordinary::Fault(fault) => self.control().inject(fault.clone()),
                Ordinary::Restart => {
                    reports.extend(self.all_ended(&mut open).await);
                    self.restart().await;
                }
            }
            if !matches!(it, Ordinary::Read(_)) {
                self.note(format!("{it:?}"));
            }
        }
        tokio::time::sleep_until(begin + time).await;
        reports.extend(self.all_ended(&mut open).await);
        reports
    }

    async fn happens(&mut self, happening: &Happening) {
        if !matches!(happening, Happening::Read(_)) {
            self.note(format!("{happening:?}"));
        }
        let control = self.control();
        match happening {
            Happening::Read(car) => _ = self.begin_read(car).await,
            Happening::SessionEnds => control.end_sessions(),
            Happening::AccessEnds => control.expire_access_token(),
            Happening::SignInsEnd(outcome) => control.set_sign_in_outcome(*outcome),
            Happening::Firewall(firewall) => control.set_firewall(*firewall),
            Happening::OtherKeys => {
                control.set_gate_keys(["NEW-KEYS", "OF-THE-APP", "OF-TODAY"].map(str::to_owned));
            }
            Happening::UnsignedRoute(open) => control.open_unsigned_route(*open),
            Happening::ClockAhead(seconds) => control.set_clock_ahead(*seconds),
            Happening::Fault(fault) => control.inject(fault.clone()),
            Happening::Mend => control.restore(),
            Happening::Outage(outage) => self.network().set_outage(*outage),
            Happening::Restart => self.restart().await,
            Happening::Login => _ = self.login().await,
            Happening::Confirm => {
                self.trace().write(Event::PersonActs);
                self.deliver("account/home/answer/set", "confirmed").await;
            }
            Happening::Retry => {
                self.trace().write(Event::PersonActs);
                self.host.request("account/retry", br#"{"account":"home"}"#, "simulation").await;
            }
        }
    }

    async fn login(&self) -> Value {
        self.trace().write(Event::PersonActs);
        self.host.request("account/login", br#"{"account":"home"}"#, "simulation").await
    }

    /// Everything works again, and nothing is asked for longer than anything counts.
    async fn weather_clears(&self) {
        self.note("the weather clears".to_owned());
        self.control().restore();
        self.network().calm_down();
        tokio::time::sleep(CALM).await;
    }

    /// A person signs in, and accepts what there is to accept.
    async fn login_at_last(&self) -> Value {
        let mut done = self.login().await;
        if done["data"]["outcome"] == "asked" {
            tokio::time::sleep(MOMENT).await;
            let answer = br#"{"account":"home","answer":"confirmed"}"#;
            done = self.host.request("account/answer", answer, "simulation").await;
        }
        done
    }

    async fn begin_read(&mut self, car: &'static str) -> (&'static str, String) {
        let id = format!("r{}", self.next);
        self.next += 1;
        self.trace().write(Event::Commanded { vehicle: car, id: id.clone() });
        self.send(car, "refresh_cached", format!(r#"{{"id":"{id}"}}"#)).await;
        (car, id)
    }

    async fn all_ended(&self, open: &mut Vec<(&'static str, String)>) -> Vec<Option<Report>> {
        let mut reports = Vec::new();
        for (car, id) in open.drain(..) {
            reports.push(self.published().within(AT_LAST, || self.finals(car, &id).pop()).await);
        }
        reports
    }

    /// Reads one car after the other: whether a circuit may be closed again is tried with one read.
    async fn reads(&mut self) -> Vec<Option<Report>> {
        let mut reports = Vec::new();
        for (car, _) in CARS {
            let mut open = vec![self.begin_read(car).await];
            reports.extend(self.all_ended(&mut open).await);
        }
        reports
    }

    async fn restart(&mut self) {
        self.stop().await;
        self.host = start_host(&self.config, &self.surroundings.environment, &self.plugins).await;
        self.trace().write(Event::Started);
    }

    async fn stop(&self) {
        self.host.stop().await;
        self.network().process_ends();
        self.trace().write(Event::Stopped);
    }

    fn note(&self, what: String) {
        self.trace().write(Event::Note(what));
    }

    fn network(&self) -> &Network {
        &self.surroundings.network
    }

    fn trace(&self) -> &Arc<Trace> {
        &self.surroundings.trace
    }
}

impl Home for PasswordHome {
    fn host(&self) -> &Arc<Host> {
        &self.host
    }

    fn control(&self) -> Control {
        self.surroundings.control.clone()
    }

    fn published(&self) -> &Recording {
        &self.surroundings.published
    }
}

async fn start_host(config: &Config, environment: &Environment, plugins: &Plugins) -> Arc<Host> {
    Host::start_with(config, environment.clone(), plugins).await.unwrap()
}
