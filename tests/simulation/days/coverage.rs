//! What the days came to.

use testkit::trace::{self, Event, Fate};
use vehicle_connector::wire::outcome::State;

use super::home::Run;
use crate::check::coverage::Coverage;

/// What must happen now and then, or the checks check nothing.
pub const WANTED: &[&str] = &[
    "reads that succeeded",
    "reads of an account with no sign-in left",
    "passwords that were sent",
    "passwords that were refused",
    "sign-ins that asked for consent",
    "sets that were given",
    "sets that were refused",
    "sets whose successor was lost on the way",
    "exchanges that failed",
    "requests that the gate turned away",
    "requests without a signature",
    "accounts that waited for a person",
    "accounts that were blocked",
    "accounts that worked by themselves in the end",
];

/// Adds what happened in a run.
pub fn add(coverage: &mut Coverage, run: &Run) {
    let (mut password, mut set, mut exchange, mut lost) = (None, None, None, None);
    for entry in &run.trace {
        match &entry.event {
            Event::Departed(request) if request.is_sign_in() => {
                coverage.count("passwords that were sent");
                password = Some(request.number);
            }
            Event::Departed(request) if request.offers.is_some() => {
                (set, lost) = (Some(request.number), None);
            }
            Event::Departed(request) if request.path.ends_with("/token-exchange") => {
                exchange = Some(request.number);
            }
            Event::Arrived(number) if set == Some(*number) => lost = Some(*number),
            Event::SetGiven(_) => coverage.count("sets that were given"),
            Event::Ended(number, Fate::GrantRefused) if password == Some(*number) => {
                coverage.count("passwords that were refused");
            }
            Event::Ended(number, Fate::Asked) if password == Some(*number) => {
                coverage.count("sign-ins that asked for consent");
            }
            Event::Ended(number, Fate::GrantRefused) if set == Some(*number) => {
                coverage.count("sets that were refused");
            }
            Event::Ended(number, Fate::Interrupted) if lost == Some(*number) => {
                coverage.count("sets whose successor was lost on the way");
            }
            Event::Ended(number, Fate::Answered(400.., _)) if exchange == Some(*number) => {
                coverage.count("exchanges that failed");
            }
            Event::Published(message) => published(coverage, message),
            _ => {}
        }
    }
    if run.all.gate_refusals > 0 {
        coverage.count("requests that the gate turned away");
    }
    if run.all.unsigned > 0 {
        coverage.count("requests without a signature");
    }
    if run.account["state"] == "ok" {
        coverage.count("accounts that worked by themselves in the end");
    }
}

fn published(coverage: &mut Coverage, message: &vehicle_connector::wire::message::Outgoing) {
    if let Some((_, report)) = trace::report(message) {
        if report.state == State::Succeeded {
            coverage.count("reads that succeeded");
        }
        if report.message.is_some_and(|message| message.contains("sign-ins within a day")) {
            coverage.count("reads of an account with no sign-in left");
        }
    } else if message.topic.ends_with("/account/home/state") {
        let account: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
        if super::check::is_for_a_person(&account) {
            coverage.count("accounts that waited for a person");
        }
        if account["state"] == "locked_out" {
            coverage.count("accounts that were blocked");
        }
    }
}
