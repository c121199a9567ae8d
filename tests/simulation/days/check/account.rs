//! The account: who is told to act, and that there is a reason for it.

use serde_json::Value;
use testkit::trace::{Event, Fate};

use crate::days::home::Run;

/// Topic of the account's state.
const STATE: &str = "vehicle-connector/account/home/state";

/// Whether the account waits for a person.
pub fn is_for_a_person(account: &Value) -> bool {
    ["auth_required", "consent_required", "otp_required", "client_refused"]
        .iter()
        .any(|state| account["state"] == *state)
}

/// Whether it says why.
pub fn has_sentence(account: &Value) -> bool {
    account["reason"].as_str().is_some_and(|reason| reason.len() > 20)
}

/// What the cloud has said since a person acted last, or since there was a session.
#[derive(Debug, Default)]
struct Said {
    /// The credentials were refused, or the way back to the page.
    refused: bool,
    /// The session was said to be over, or its tokens to be none.
    over: bool,
    /// A password was sent.
    signed_in: bool,
    /// A person was asked for something.
    asked: bool,
    /// A request was turned away as one of a client that is not known.
    turned_away: bool,
}

pub fn check(run: &Run, found: &mut Vec<String>) {
    let mut said = Said::default();
    let (mut sign_in, mut refresh, mut last) = (None, None, None);
    for entry in &run.trace {
        if let Event::Departed(request) = &entry.event {
            last = request.is_of_session().then_some(request.number).or(last);
        }
        if let Event::Ended(number, Fate::Answered(400, _)) = &entry.event {
            said.turned_away |= last == Some(*number);
        }
        match &entry.event {
            Event::Departed(request) if request.is_sign_in() => {
                sign_in = Some(request.number);
                said.signed_in = true;
            }
            Event::Departed(request) if request.offers.is_some() => refresh = Some(request.number),
            Event::Ended(number, fate) if sign_in == Some(*number) => match fate {
                Fate::GrantRefused => said.refused = true,
                Fate::Asked => said.asked = true,
                _ => {}
            },
            Event::Ended(number, fate) if refresh == Some(*number) => {
                said.over |= matches!(fate, Fate::GrantRefused | Fate::Answered(401 | 403, _));
            }
            Event::SetGiven(_) => said = Said::default(),
            Event::Published(message) if message.topic == STATE => {
                let account: Value = serde_json::from_slice(&message.payload).unwrap();
                latched(&account, &said, entry.at.as_secs_f64(), found);
            }
            _ => {}
        }
    }
}

/// Keys, clocks, firewalls and services that are unwell say nothing of the credentials: who is told to look at them has
/// heard of them.
fn latched(account: &Value, said: &Said, at: f64, found: &mut Vec<String>) {
    let reason = account["reason"].as_str().unwrap_or_default();
    let has_reason = match account["state"].as_str().unwrap_or_default() {
        // A session that is over is followed by a sign-in, and a person is called once what signs in has left.
        "auth_required" => said.refused || said.over && said.signed_in,
        "consent_required" => said.asked,
        "client_refused" => said.turned_away,
        "otp_required" => false,
        _ => return,
    };
    if !has_reason {
        found.push(format!("a person is called at {at:.3} for nothing: {account}"));
    }
    if !has_sentence(account) {
        found.push(format!("a person is called at {at:.3} and not told why: {account}"));
    }
    // Nobody knows whether it is, so nobody says so.
    if reason.to_lowercase().contains("wrong password") && !reason.contains("nobody can tell") {
        found.push(format!("a password is said to be wrong at {at:.3}: {account}"));
    }
}
