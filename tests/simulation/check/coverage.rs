//! What the schedules came to, so that nobody mistakes a calm sea for a tight ship.

use std::collections::BTreeMap;

use testkit::trace::{self, Event, Fate};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use crate::home::Run;

/// How often each of these happened.
#[derive(Debug)]
pub struct Coverage {
    wanted: &'static [&'static str],
    counts: BTreeMap<&'static str, u64>,
}

/// What must happen now and then, or the checks check nothing.
pub const WANTED: &[&str] = &[
    "commands that succeeded",
    "commands of unknown outcome",
    "commands with a newer token",
    "commands that were superseded",
    "commands that ended with their host",
    "commands of a latched account",
    "commands refused by an open circuit",
    "acting requests without an answer",
    "acting requests that were refused",
    "grants that were given",
    "grants that were refused",
    "grants that failed",
];

impl Coverage {
    /// Nothing yet, of what must happen.
    pub fn of(wanted: &'static [&'static str]) -> Self {
        Self { wanted, counts: BTreeMap::new() }
    }

    /// Adds a run.
    pub fn add(&mut self, run: &Run) {
        let mut acting = std::collections::BTreeSet::new();
        let mut grants = std::collections::BTreeSet::new();
        for entry in &run.trace {
            match &entry.event {
                Event::Published(message) => {
                    let Some((_, report)) = trace::report(message) else { continue };
                    self.command(&report);
                }
                Event::Departed(request) if request.acts => _ = acting.insert(request.number),
                Event::Departed(request) if request.is_grant() => _ = grants.insert(request.number),
                Event::Ended(number, fate) if acting.contains(number) => match fate {
                    Fate::Interrupted | Fate::Abandoned => self.count("acting requests without an answer"),
                    Fate::Answered(400.., _) => self.count("acting requests that were refused"),
                    _ => {}
                },
                Event::Ended(number, fate) if grants.contains(number) => match fate {
                    Fate::Answered(..=299, _) => self.count("grants that were given"),
                    Fate::Answered(400 | 401, _) => self.count("grants that were refused"),
                    _ => self.count("grants that failed"),
                },
                _ => {}
            }
        }
    }

    fn command(&mut self, report: &Report) {
        match (report.state, report.reason) {
            (State::Succeeded, _) => self.count("commands that succeeded"),
            (_, Some(Reason::HostStopping)) => self.count("commands that ended with their host"),
            (State::Unknown, _) => self.count("commands of unknown outcome"),
            (_, Some(Reason::Superseded)) => self.count("commands that were superseded"),
            (_, Some(Reason::AuthRequired)) => self.count("commands of a latched account"),
            (_, Some(Reason::BreakerOpen)) => self.count("commands refused by an open circuit"),
            _ => {}
        }
        if report.state.is_final() && report.token_refreshed {
            self.count("commands with a newer token");
        }
    }

    /// Counts something that has happened.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// What never happened although it should.
    pub fn missing(&self) -> Vec<&'static str> {
        self.wanted.iter().copied().filter(|what| !self.counts.contains_key(what)).collect()
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.counts.iter().try_for_each(|(what, times)| writeln!(f, "{times:>8} {what}"))
    }
}
