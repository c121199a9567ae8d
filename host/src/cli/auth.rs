//! `vehicle-connector auth`: sign-ins in which a person has something to do.
//!
//! The running host signs in, and this program only asks and hands on: it holds no credential, and when it is left in
//! the middle the question stays open, for `auth answer` or the broker.

pub(super) mod terminal;

use std::io::{self, IsTerminal as _, Read as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use self::terminal::{Echo, ask};
use super::complain;
use super::remote::Asked;
use super::table::{json_line, plain};
use crate::output::print;

/// Pause before it is looked again whether a visit is done.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Largest answer that is read, in bytes.
const LARGEST: u64 = 16 << 10;

#[derive(Debug, Subcommand)]
pub(super) enum AuthCommand {
    /// Sign an account in now, and answer what its vendor asks.
    ///
    /// The running host does it, with the credentials of its configuration, whatever session there is. It costs one of
    /// the sign-ins of the day (max_logins_per_day). If it asks a question, the answer is typed here, a code without
    /// being shown. Ctrl-C leaves the question open. Ends with 0 when the account is signed in, and with 1 when it is not;
    /// with --json nothing is asked here, and an open question is 0.
    Login {
        /// The account, as the configuration names it.
        #[arg(value_name = "ACCOUNT")]
        account: String,
        #[command(flatten)]
        host: Asked,
    },
    /// Answer the question of an account, asked by whatever has begun a sign-in.
    ///
    /// Without CODE the question is shown and asked on a terminal, else the answer is read from the standard input, where
    /// other users of this machine do not see it. Ends with 0 when the answer was taken: the account is signed in, or the
    /// next question is shown. Ends with 1 when it was not, and the question is open still or the sign-in is over.
    Answer {
        /// The account, as the configuration names it.
        #[arg(value_name = "ACCOUNT")]
        account: String,
        /// The code; or the choice, the address that the browser ended at, `confirmed`, or `again` for another code.
        #[arg(value_name = "CODE")]
        answer: Option<String>,
        #[command(flatten)]
        host: Asked,
    },
}

/// What a host answers about a sign-in.
#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    SignedIn,
    Asked { question: Question },
    Ended { reason: String },
}

/// A question, as far as it is shown here.
#[derive(Debug, Deserialize)]
struct Question {
    kind: String,
    text: String,
    #[serde(default)]
    choices: Vec<Choice>,
    url: Option<String>,
    user_code: Option<String>,
    #[serde(default)]
    redirect: bool,
    #[serde(default)]
    resend: bool,
    problem: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    id: String,
    label: String,
}

pub(super) fn run(command: &AuthCommand) -> ExitCode {
    let done = match command {
        AuthCommand::Login { account, host } if host.json => {
            show_json(host.data("account/login", &about(account)))
        }
        AuthCommand::Login { account, host } => converse(host, account, "account/login"),
        AuthCommand::Answer { account, answer: None, host } if !host.json && io::stdin().is_terminal() => {
            converse(host, account, "account/question")
        }
        AuthCommand::Answer { account, answer, host } => answered(host, account, answer.as_deref()),
    };
    done.unwrap_or_else(|code| code)
}

fn about(account: &str) -> Value {
    json!({"account": account})
}

/// Shows what a host answers, and ends as it would in words.
fn show_json(data: Result<Value, ExitCode>) -> Result<ExitCode, ExitCode> {
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
fn converse(host: &Asked, account: &str, begin: &str) -> Result<ExitCode, ExitCode> {
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

fn answered(host: &Asked, account: &str, given: Option<&str>) -> Result<ExitCode, ExitCode> {
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

/// What a person has typed.
enum Typed {
    Answer(String),
    /// Nothing, since there is nothing to type.
    Nothing,
    /// The question is left open.
    Left,
}

impl Question {
    /// Whether this program knows how it is answered.
    fn is_known(&self) -> bool {
        ["code", "choice", "visit", "consent"].contains(&self.kind.as_str())
    }

    /// Shows the question, and waits for the answer.
    fn put(&self) -> io::Result<Typed> {
        if let Some(problem) = &self.problem {
            terminal::say(&plain(problem))?;
        }
        terminal::say(&plain(&self.text))?;
        if let Some(url) = &self.url {
            terminal::say(&format!("  open {}", plain(url)))?;
        }
        if let Some(code) = &self.user_code {
            terminal::say(&format!("  and type {} there", plain(code)))?;
        }
        let typed = match self.kind.as_str() {
            "code" if self.resend => ask("code, or `again` for another one: ", Echo::Off)?,
            "code" => ask("code: ", Echo::Off)?,
            "choice" => self.choose()?,
            // The address has the code in it.
            "visit" if self.redirect => ask("address that the browser ended at: ", Echo::Off)?,
            "visit" => return Ok(Typed::Nothing),
            _ => ask("press Enter when that is done ", Echo::On)?.map(|_| "confirmed".to_owned()),
        };
        Ok(typed.map_or(Typed::Left, Typed::Answer))
    }

    fn choose(&self) -> io::Result<Option<String>> {
        for (number, choice) in self.choices.iter().enumerate() {
            terminal::say(&format!("  {}  {}", number + 1, plain(&choice.label)))?;
        }
        let typed = ask("number: ", Echo::On)?;
        Ok(typed.map(|typed| {
            let number = typed.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let choice = number.and_then(|number| self.choices.get(number));
            choice.map_or(typed, |choice| choice.id.clone())
        }))
    }
}
