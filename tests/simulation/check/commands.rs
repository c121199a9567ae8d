//! Commands: one result each, in time, true, and no act twice.

use std::collections::BTreeMap;
use std::time::Duration;

use testkit::trace::{self, Event, Fate};
use vehicle_connector::bindings::policy::Effect;
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use crate::home::Run;
use crate::schedule::CARS;

/// How often a command is sent at most.
const MOST_ATTEMPTS: u32 = 4;

/// How many requests are made for a command at most.
const MOST_CALLS: u32 = 64;

/// Timers tick in milliseconds.
const TICK: Duration = Duration::from_millis(2);

/// How long the next host still asks about a command, at least.
const LAST_QUESTION: Duration = Duration::from_secs(10);

/// What is known of one command of one vehicle.
#[derive(Debug, Default)]
struct Command {
    accepted: u32,
    last: Option<Report>,
    /// Its requests that act on the vehicle.
    sent: Vec<u64>,
    acted: u32,
    /// Whether one of them may have been carried out.
    perhaps_done: bool,
    /// Whether a host has left it to the next one.
    was_left: bool,
}

type Name = (String, String);

pub fn check(run: &Run, found: &mut Vec<String>) {
    let mut commands: BTreeMap<Name, Command> = BTreeMap::new();
    // Who is being done for a vehicle: commands that act on it are done one at a time.
    let mut current: BTreeMap<String, Name> = BTreeMap::new();
    let mut owners: BTreeMap<u64, Name> = BTreeMap::new();
    // A request that left for a command of which it is told in the same moment.
    let mut ahead: BTreeMap<String, (Duration, u64)> = BTreeMap::new();
    for entry in &run.trace {
        match &entry.event {
            Event::Commanded { vehicle, id } => {
                commands.entry(((*vehicle).to_owned(), id.clone())).or_default();
            }
            Event::Published(message) => {
                let Some((vehicle, report)) = trace::report(message) else { continue };
                let name = (vehicle.to_owned(), report.id.clone());
                let begins = report.state == State::Sent && effect(&report) != Some(Effect::Read);
                let command = commands.entry(name.clone()).or_default();
                command.reported(&name, report, found);
                if begins {
                    if let Some((_, number)) = ahead.remove(vehicle).filter(|(at, _)| *at == entry.at) {
                        command.departs(&name, number, found);
                        owners.insert(number, name.clone());
                    }
                    current.insert(vehicle.to_owned(), name);
                }
            }
            Event::Departed(request) if request.acts => {
                let car = CARS.iter().find(|(_, id)| request.path.contains(id)).unwrap().0;
                let command = current.get(car).and_then(|name| Some((name, commands.get_mut(name)?)));
                match command.filter(|(_, command)| !command.is_over()) {
                    Some((name, command)) => {
                        owners.insert(request.number, name.clone());
                        command.departs(name, request.number, found);
                    }
                    None => {
                        if let Some((_, earlier)) = ahead.insert(car.to_owned(), (entry.at, request.number)) {
                            found.push(format!("#{earlier} acts on {car} for no command"));
                        }
                    }
                }
            }
            Event::Acted(number) => {
                let Some(command) = owners.get(number).and_then(|name| commands.get_mut(name)) else {
                    continue;
                };
                command.acted += 1;
            }
            Event::Ended(number, fate) => {
                let Some(command) = owners.get(number).and_then(|name| commands.get_mut(name)) else {
                    continue;
                };
                command.perhaps_done |= may_have_acted(fate);
            }
            Event::Stopped => {
                for ((vehicle, id), command) in &mut commands {
                    // What was sent has its result from the next host.
                    if command.last.as_ref().is_some_and(|last| last.state == State::Accepted) {
                        found.push(format!("{vehicle} {id} was open when its host had stopped"));
                    }
                    command.was_left |= command.last.as_ref().is_some_and(|last| !last.state.is_final());
                }
            }
            _ => {}
        }
    }
    for (car, (_, number)) in ahead {
        found.push(format!("#{number} acts on {car} for no command"));
    }
    for (name, command) in &commands {
        command.over(name, found);
    }
}

/// Whether the car may have done it. That includes answers of servers in between, which may have passed the request on
/// before they failed.
fn may_have_acted(fate: &Fate) -> bool {
    match fate {
        Fate::Answered(200..=299 | 408 | 500 | 502 | 504, _) | Fate::Interrupted | Fate::Abandoned => true,
        Fate::Answered(..) | Fate::GrantRefused | Fate::Asked | Fate::NotSent => false,
    }
}

fn effect(report: &Report) -> Option<Effect> {
    operation(report).map(OperationName::effect)
}

fn operation(report: &Report) -> Option<OperationName> {
    OperationName::COMMANDABLE.into_iter().find(|name| name.as_str() == report.op)
}

impl Command {
    fn reported(&mut self, (vehicle, id): &Name, report: Report, found: &mut Vec<String>) {
        // Not taken, so it is no command yet; the same identifier may come again.
        if self.accepted == 0 && report.state == State::Rejected {
            return;
        }
        match &self.last {
            Some(last) if last.state.is_final() && last != &report => {
                found.push(format!("{vehicle} {id} ended twice: {last:?} and {report:?}"));
            }
            _ => {}
        }
        self.accepted += u32::from(report.state == State::Accepted);
        self.last = Some(report);
    }

    fn is_over(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.state.is_final())
    }

    fn departs(&mut self, (vehicle, id): &Name, number: u64, found: &mut Vec<String>) {
        if (self.perhaps_done || self.acted > 0)
            && self.last.as_ref().and_then(effect) == Some(Effect::Actuation)
        {
            found.push(format!("{vehicle} {id}: #{number} repeats what may have been done"));
        }
        self.sent.push(number);
    }

    fn over(&self, (vehicle, id): &Name, found: &mut Vec<String>) {
        let Some(last) = &self.last else { return };
        let mut wrong = |what: &str| found.push(format!("{vehicle} {id} {what}: {last:?}; {self:?}"));
        if self.accepted != 1 {
            wrong("was not accepted once");
        }
        if !last.state.is_final() {
            return wrong("never ended");
        }
        if self.acted > 1 && effect(last) == Some(Effect::Actuation) {
            wrong("acted twice");
        }
        if last.attempts > MOST_ATTEMPTS || self.sent.len() > MOST_ATTEMPTS as usize {
            wrong("was sent too often");
        }
        if last.upstream_calls > MOST_CALLS {
            wrong("made too many requests");
        }
        let refused = last.state == State::Failed && last.reason == Some(Reason::VehicleRefused);
        let honest = matches!(last.state, State::Succeeded | State::Timeout | State::Unknown) || refused;
        if self.acted > 0 && !honest {
            wrong("was done, but is said not to be");
        }
        let took: Option<Duration> =
            last.finished_at.and_then(|at| at.duration_since(last.requested_at).try_into().ok());
        let allowed = operation(last).map(OperationName::deadline);
        let longer = if self.was_left { TICK + LAST_QUESTION } else { TICK };
        if took.zip(allowed).is_none_or(|(took, allowed)| took > allowed + longer) {
            wrong("took too long");
        }
    }
}
