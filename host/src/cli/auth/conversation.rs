//! The conversation of a sign-in: a person is asked for as long as the host has questions.

use std::io::{self, Read as _};
use std::process::ExitCode;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::complain;
use super::super::remote::Asked;
use super::super::table::{json_line, plain};
use super::question::{Question, Typed};
use crate::output::print;

/// Pause before it is looked again whether a visit is done.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Largest answer that is read, in bytes.
const LARGEST: u64 = 16 << 10;

/// What a host answers about a sign-in.
#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    SignedIn,
    Asked { question: Question },
    Ended { reason: String },
}

pub(super) fn about(account: &str) -> Value {
    json!({"account": account})
}

/// Shows what a host answers, and ends as it would in words.
pub(super) fn show_json(data: Result<Value, ExitCode>) -> Result<ExitCode, ExitCode> {
    let data = data?;
    let line =
        json_line(&data).map_err(|error| complain(1, format_args!("the answer is no JSON: {error}")))?;
    let shown = print(&line);
    Ok(match serde_json::from_value(data) {
        Ok(outcome) if shown == ExitCode::SUCCESS && !Outcome::is_taken(&outcome) => ExitCode::FAILURE,
        _ => shown,
    })
}

impl Outcome {
    /// Whether what was sent was taken: of a question that is asked again a problem is told.
    fn is_taken(&self) -> bool {
        match self {
            Self::SignedIn => true,
            Self::Asked { question } => question.problem.is_none(),
            Self::Ended { .. } => false,
        }
    }
}

fn understood(data: Value) -> Result<Outcome, ExitCode> {
    serde_json::from_value(data).map_err(|_| {
        complain(
            1,
            format_args!("the host is of a version whose answer this one does not know; --json shows it"),
        )
    })
}

/// Asks a person for as long as there are questions. `begin` is what the host is asked for the first one.
pub(super) fn converse(host: &Asked, account: &str, begin: &str) -> Result<ExitCode, ExitCode> {
    let mut outcome = understood(host.data(begin, &about(account))?)?;
    loop {
        let question = match outcome {
            Outcome::SignedIn => return Ok(print(&format!("{account} is signed in\n"))),
            Outcome::Ended { reason } => return Err(complain(1, format_args!("{}", plain(&reason)))),
            Outcome::Asked { question } => question,
        };
        let left = || {
            let open = "the question stays open";
            let given = host.given();
            complain(
                1,
                format_args!("{open}: answer it with `vehicle-connector auth answer {account}{given}`"),
            )
        };
        if !question.is_known() {
            return Err(complain(
                1,
                format_args!(
                    "{}: this program does not know how a question of the kind {:?} is answered, and the host does: update \
                     the program to the host's version; the question stays open",
                    plain(&question.text),
                    plain(&question.kind)
                ),
            ));
        }
        let answer = question.put().map_err(|error| complain(1, format_args!("the terminal: {error}")))?;
        outcome = match answer {
            Typed::Left => return Err(left()),
            Typed::Nothing => {
                pause();
                understood(host.data("account/question", &about(account))?)?
            }
            Typed::Answer(answer) => {
                // What was wrong with it is said here, and the question asked again if it is open still.
                let payload = json!({"account": account, "answer": answer});
                match host.data("account/answer", &payload) {
                    Ok(data) => understood(data)?,
                    Err(_told) => understood(host.data("account/question", &about(account))?)?,
                }
            }
        };
    }
}

pub(super) fn answered(host: &Asked, account: &str, given: Option<&str>) -> Result<ExitCode, ExitCode> {
    let unreadable = |error: io::Error| complain(1, format_args!("the answer cannot be read: {error}"));
    let answer = match given {
        Some(answer) => answer.to_owned(),
        None => {
            let mut answer = String::new();
            io::stdin().take(LARGEST).read_to_string(&mut answer).map_err(unreadable)?;
            answer
        }
    };
    let data = host.data("account/answer", &json!({"account": account, "answer": answer.trim()}));
    if host.json {
        return show_json(data);
    }
    Ok(match understood(data?)? {
        Outcome::SignedIn => print(&format!("{account} is signed in\n")),
        Outcome::Asked { question } => match &question.problem {
            Some(problem) => complain(1, format_args!("{}; {}", plain(problem), plain(&question.text))),
            None => print(&format!("{}\n", plain(&question.text))),
        },
        Outcome::Ended { reason } => complain(1, format_args!("{}", plain(&reason))),
    })
}

/// Waits a moment.
#[expect(clippy::disallowed_methods, reason = "this program serves nobody and has nothing else to do")]
fn pause() {
    std::thread::sleep(LOOK_AGAIN);
}
