//! The conversation of a sign-in: a person is asked for as long as the host has questions.

use std::io::{self, Read as _};
use std::process::ExitCode;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::complain;
use super::super::remote::Asked;
use super::super::table::{json_line, plain};
use super::super::way::{Unanswered, Way};
use super::question::{Question, Typed};
use crate::output::print;

/// Pause before it is looked again whether a visit is done.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Largest answer that is read, in bytes.
const LARGEST: u64 = 16 << 10;

/// What a host answers about a sign-in.
#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    SignedIn,
    Asked {
        question: Question,
    },
    Ended {
        reason: String,
        #[serde(default)]
        state: String,
    },
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

/// A person at this terminal, and the host that signs their account in.
#[derive(Clone, Copy)]
pub(super) struct Conversation<'c> {
    /// The host, as it was named.
    pub(super) host: &'c Asked,
    /// The way to it.
    pub(super) way: &'c Way,
    /// The account that it is about.
    pub(super) account: &'c str,
    /// Whether what was typed for the sign-in goes with this program, since no host runs that would keep it.
    pub(super) is_forgotten: bool,
}

impl Conversation<'_> {
    /// A payload that has the account only.
    pub(super) fn about(&self) -> Value {
        json!({"account": self.account})
    }

    /// Asks the host; or says why there is no answer, and returns the program's exit code.
    pub(super) async fn ask(&self, verb: &'static str, payload: &Value) -> Result<Value, ExitCode> {
        self.way.ask_at_once(verb, payload).await.map_err(|why| unanswered(verb, &why))
    }

    /// Asks the host where the sign-in has got to.
    pub(super) async fn so_far(&self) -> Result<Outcome, ExitCode> {
        understood(self.ask("account/question", &self.about()).await?)
    }

    /// Asks a person what the host wants to know now, and so on.
    pub(super) async fn go_on(&self) -> Result<ExitCode, ExitCode> {
        let outcome = self.so_far().await?;
        self.go_on_from(outcome).await
    }

    /// Asks a person for as long as there are questions, beginning with this one.
    pub(super) async fn go_on_from(&self, mut outcome: Outcome) -> Result<ExitCode, ExitCode> {
        loop {
            let question = match outcome {
                Outcome::SignedIn => return Ok(self.signed_in()),
                Outcome::Ended { reason, .. } => return Err(complain(1, format_args!("{}", plain(&reason)))),
                Outcome::Asked { question } => question,
            };
            if !question.is_known() {
                return Err(complain(
                    1,
                    format_args!(
                        "{}: this program does not know how a question of the kind {:?} is answered, and the host does: \
                         update the program to the host's version; the question stays open",
                        plain(&question.text),
                        plain(&question.kind)
                    ),
                ));
            }
            let typed = question.put().map_err(|error| complain(1, format_args!("the terminal: {error}")))?;
            outcome = match typed {
                Typed::Left => return Err(self.left_open()),
                Typed::Nothing => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                    self.so_far().await?
                }
                // What was wrong with it is said, and the question asked again if it is open still.
                Typed::Answer(answer) => match self.hand_in(&answer).await {
                    Ok(data) => understood(data)?,
                    Err(_told) => self.so_far().await?,
                },
            };
        }
    }

    /// Hands in an answer that was given or is read, and shows what has come of it.
    pub(super) async fn answer(&self, given: Option<&str>) -> Result<ExitCode, ExitCode> {
        let unreadable = |error: io::Error| complain(1, format_args!("the answer cannot be read: {error}"));
        let answer = match given {
            Some(answer) => answer.to_owned(),
            None => {
                let mut answer = String::new();
                io::stdin().take(LARGEST).read_to_string(&mut answer).map_err(unreadable)?;
                answer
            }
        };
        let data = self.hand_in(answer.trim()).await?;
        if self.host.json {
            return show_json(data);
        }
        Ok(match understood(data)? {
            Outcome::SignedIn => self.signed_in(),
            Outcome::Asked { question } => match &question.problem {
                Some(problem) => complain(1, format_args!("{}; {}", plain(problem), plain(&question.text))),
                None => print(&format!("{}\n", plain(&question.text))),
            },
            Outcome::Ended { reason, .. } => complain(1, format_args!("{}", plain(&reason))),
        })
    }

    async fn hand_in(&self, answer: &str) -> Result<Value, ExitCode> {
        self.ask("account/answer", &json!({"account": self.account, "answer": answer})).await
    }

    fn signed_in(&self) -> ExitCode {
        print(&format!("{} is signed in\n", self.account))
    }

    fn left_open(&self) -> ExitCode {
        let (account, given) = (self.account, self.host.given());
        let but = if self.is_forgotten {
            "; no host runs that would keep what was typed, so the sign-in may end there and have to begin anew"
        } else {
            ""
        };
        complain(
            1,
            format_args!(
                "the question stays open: answer it with `vehicle-connector auth answer {account}{given}`{but}"
            ),
        )
    }
}

/// Says why a host has not answered as it was wanted to.
pub(super) fn unanswered(verb: &str, why: &Unanswered) -> ExitCode {
    match why {
        Unanswered::Refused(reason) => {
            complain(1, format_args!("the host refused {verb}: {}", plain(reason)))
        }
        Unanswered::NotReached(why) | Unanswered::NoAnswer(why) => {
            complain(1, format_args!("{}", plain(why)))
        }
    }
}

/// Shows what a host answers, and ends as it would in words.
pub(super) fn show_json(data: Value) -> Result<ExitCode, ExitCode> {
    let line =
        json_line(&data).map_err(|error| complain(1, format_args!("the answer is no JSON: {error}")))?;
    let shown = print(&line);
    Ok(match serde_json::from_value(data) {
        Ok(outcome) if shown == ExitCode::SUCCESS && !Outcome::is_taken(&outcome) => ExitCode::FAILURE,
        _ => shown,
    })
}

/// Reads what a host answers about a sign-in.
pub(super) fn understood<T: serde::de::DeserializeOwned>(data: Value) -> Result<T, ExitCode> {
    serde_json::from_value(data).map_err(|_| {
        complain(
            1,
            format_args!("the host is of a version whose answer this one does not know; --json shows it"),
        )
    })
}
