//! Trace of what happened, in one order: what was asked of the host, what it published, what it sent and what
//! came back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use vehicle_connector::time::Clock;
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::report::Report;

use crate::paused::PausedClock;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A note that concerns the reader only.
    Note(String),
    /// A command was given to the host.
    Commanded {
        /// The vehicle's slug.
        vehicle: &'static str,
        /// The caller's identifier.
        id: String,
    },
    /// The host published something.
    Published(Outgoing),
    /// A request left the host.
    Departed(Request),
    /// A request has arrived at the cloud, which counts it now.
    Arrived(u64),
    /// A car was made to do something because of this request.
    Acted(u64),
    /// The answer to this request had a whole set of seven tokens, and the host has it.
    SetGiven(u64),
    /// A request came to its end, as far as the host is concerned.
    Ended(u64, Fate),
    /// A host runs.
    Started,
    /// The host has stopped.
    Stopped,
    /// The host has other credentials from here on.
    NewCredentials,
    /// A person does what only a person does: signs in, or answers a question.
    PersonActs,
}

/// A request as it left.
#[derive(Debug, Clone)]
pub struct Request {
    /// Number of the request, from 0.
    pub number: u64,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Whether the host was told that it acts on a vehicle.
    pub acts: bool,
    /// The set of seven tokens that it offers for the next one: a number for each, in the order in which they were offered
    /// first.
    pub offers: Option<u64>,
}

impl Request {
    /// Whether it asks for new tokens with a refresh token, of either family.
    pub fn is_grant(&self) -> bool {
        self.path.ends_with("/oauth2/token") || self.path.ends_with("/token-refresh")
    }

    /// Whether it sends the password.
    pub fn is_sign_in(&self) -> bool {
        self.path.ends_with("/account/signin")
    }

    /// Whether it asks for tokens with something that is good only once, or is the password.
    pub fn is_of_session(&self) -> bool {
        self.is_grant()
            || self.is_sign_in()
            || self.path.ends_with("/auth/token")
            || self.path.ends_with("/auth/v1/token")
            || self.path.ends_with("/token-exchange")
    }
}

/// End of a request for the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// With an answer of this status, and the time to wait that it names, in seconds.
    Answered(u16, Option<u64>),
    /// With an answer that says that the credentials are refused, and not just one of a status that could
    /// mean it. Of a sign-in that includes the way back to its page, which says so as well as anything does.
    GrantRefused,
    /// With an answer that wants something of a person first.
    Asked,
    /// Without having been sent.
    NotSent,
    /// Without an answer.
    Interrupted,
    /// Without the host, which stopped waiting for it.
    Abandoned,
}

/// Something that happened, and when, since the beginning.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Time since the beginning.
    pub at: Duration,
    /// Event that happened.
    pub event: Event,
}

/// A trace of everything.
#[derive(Debug)]
pub struct Trace {
    clock: PausedClock,
    entries: Mutex<Vec<Entry>>,
    secrets: Mutex<Vec<String>>,
}

impl Trace {
    /// Makes an empty trace.
    pub fn new(clock: PausedClock) -> Arc<Self> {
        Arc::new(Self { clock, entries: Mutex::default(), secrets: Mutex::default() })
    }

    /// Records that something happened, now.
    pub fn write(&self, event: Event) {
        let at = self.clock.monotonic();
        self.entries.lock().push(Entry { at, event });
    }

    /// Keeps something secret, which must never be published.
    pub fn keep_secret(&self, secret: &str) {
        self.secrets.lock().push(secret.to_owned());
    }

    /// Everything so far.
    pub fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock()
    }

    /// Returns what must never be published.
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.lock().clone()
    }
}

/// The report in a message, if it is one on a command's own topic, and the vehicle that it is about.
pub fn report(message: &Outgoing) -> Option<(&str, Report)> {
    let rest = message.topic.strip_prefix("vehicle-connector/vehicle/")?;
    let (vehicle, id) = rest.split_once("/action/")?;
    (id != "last").then(|| (vehicle, serde_json::from_slice(&message.payload).unwrap()))
}

impl fmt::Display for Entry {
    /// Leaves out what differs between two runs of the same schedule: identifiers that the host gives, and
    /// when a policy was loaded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.3} s  ", self.at.as_secs_f64())?;
        match &self.event {
            Event::Note(note) => write!(f, "* {note}"),
            Event::Commanded { vehicle, id } => write!(f, "  {vehicle} {id}: commanded"),
            Event::Published(message) => match report(message) {
                Some((vehicle, report)) => {
                    let id = if report.id.len() > 30 { "(the host's)" } else { &report.id };
                    write!(f, "  {vehicle} {id}: {} {:?}", report.op, report.state)?;
                    if let Some(reason) = report.reason {
                        write!(f, " {reason:?} {:?}", report.message.unwrap_or_default())?;
                    }
                    let (attempts, calls) = (report.attempts, report.upstream_calls);
                    write!(f, " [{attempts} attempts, {calls} calls, refreshed: {}]", report.token_refreshed)
                }
                None if message.topic.contains("/action/") || message.topic.contains("/bridge/") => {
                    write!(f, "  {}", message.topic)
                }
                None => write!(f, "  {} {}", message.topic, String::from_utf8_lossy(&message.payload)),
            },
            Event::Departed(Request { number, method, path, acts, offers }) => {
                let offers = offers.map(|set| format!(" (offers set {set})")).unwrap_or_default();
                write!(f, "    #{number} {method} {path}{}{offers}", if *acts { " (acts)" } else { "" })
            }
            Event::Arrived(number) => write!(f, "    #{number} arrives"),
            Event::Acted(number) => write!(f, "    #{number} a car acts"),
            Event::SetGiven(number) => write!(f, "    #{number} gives a set of seven tokens"),
            Event::Ended(number, fate) => write!(f, "    #{number} {fate:?}"),
            Event::Started => write!(f, "* the host has started"),
            Event::Stopped => write!(f, "* the host has stopped"),
            Event::NewCredentials => write!(f, "* the credentials are new"),
            Event::PersonActs => write!(f, "* a person acts"),
        }
    }
}
