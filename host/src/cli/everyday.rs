//! Everyday commands: to look at vehicles, to read them, and to have them do something.
//!
//! A command is waited for until its one final result, unless its caller wants otherwise. The standard output has the
//! result and nothing else; how far it is goes to the standard error output.

mod exit;
mod following;
mod options;
mod progress;
mod sending;
mod shown;
mod words;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::exit::{EXIT_CODES, NOT_DONE, NOT_KNOWN};
use self::following::send;
use self::sending::Sending;
use super::answers::{Listed, Outcome, Status};
use super::remote::Located;
use super::table::{json_line, plain};
use super::way::{Unanswered, Way};
use super::{USAGE, complain};
use crate::config;
use crate::output::print;

/// Exit codes, for the help of the whole program.
pub(super) const HELP: &str = EXIT_CODES;

/// A host, by its configuration or its state, and the form of what is shown.
#[derive(Debug, Args)]
pub(super) struct Reached {
    #[command(flatten)]
    located: Located,
    /// Print JSON: what the host answers, or the final report of a command.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Everyday {
    /// List the vehicles, and how they are.
    #[command(after_help = EXIT_CODES)]
    Vehicles {
        #[command(flatten)]
        host: Reached,
    },
    /// Show what is known of a vehicle, or of all. Nothing is read for it; `refresh` does that.
    #[command(after_help = EXIT_CODES)]
    Status {
        /// The vehicle, as the configuration names it.
        #[arg(value_name = "VEHICLE")]
        vehicle: Option<String>,
        /// Show where it is, too.
        #[arg(long)]
        location: bool,
        #[command(flatten)]
        host: Reached,
    },
    #[command(flatten)]
    Send(Sending),
    /// Show what became of a command.
    #[command(after_help = EXIT_CODES)]
    Action {
        /// The command's identifier; or `last`, the latest one of the vehicle, or of all.
        #[arg(value_name = "ID")]
        id: String,
        /// The vehicle, as the configuration names it; identifiers of the program's own are of one only.
        #[arg(long, value_name = "VEHICLE")]
        vehicle: Option<String>,
        /// Wait for its result.
        #[arg(long)]
        wait: bool,
        /// Wait for so long at most.
        #[arg(long, value_name = "SECONDS", requires = "wait", value_parser = options::seconds())]
        timeout: Option<u64>,
        #[command(flatten)]
        host: Reached,
    },
}

pub(super) async fn run(command: &Everyday) -> ExitCode {
    match command {
        Everyday::Vehicles { host } => vehicles(host).await,
        Everyday::Status { vehicle, location, host } => status(host, vehicle.as_deref(), *location).await,
        Everyday::Action { id, vehicle, wait, timeout, host } => {
            action(host, id, vehicle.as_deref(), wait.then_some(*timeout)).await
        }
        Everyday::Send(command) => match command.wanted() {
            Ok((sent, wanted)) => send(sent, &wanted).await,
            Err(code) => code,
        },
    }
}

async fn vehicles(host: &Reached) -> ExitCode {
    let listed = match ask(host, "vehicle/list", &json!({})).await {
        Ok(listed) => listed,
        Err(code) => return code,
    };
    show(host, listed, |listed: &Vec<Listed>| shown::listed(listed))
}

async fn status(host: &Reached, vehicle: Option<&str>, location: bool) -> ExitCode {
    let all = match ask(host, "vehicle/status", &json!({"location": location})).await {
        Ok(Value::Array(all)) => all,
        Ok(_) => {
            return complain(
                NOT_DONE,
                format_args!("the host answers in a form that this version does not know"),
            );
        }
        Err(code) => return code,
    };
    let Some(slug) = vehicle else {
        return show(host, Value::Array(all), |all: &Vec<Status>| {
            all.iter().map(shown::status).collect::<Vec<_>>().join("\n")
        });
    };
    let names: Vec<String> =
        all.iter().filter_map(|one| one.get("vehicle")?.as_str().map(str::to_owned)).collect();
    match all.into_iter().find(|one| one.get("vehicle").is_some_and(|name| name == slug)) {
        Some(one) => show(host, one, shown::status),
        None => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            complain(USAGE, format_args!("{}", plain(&config::no_vehicle(slug, &names))))
        }
    }
}

/// Shows what became of a command, or waits for that for so long.
async fn action(host: &Reached, id: &str, vehicle: Option<&str>, wait: Option<Option<u64>>) -> ExitCode {
    let way = match Way::find(&host.located).await {
        Ok(way) => way,
        Err(code) => return code,
    };
    let payload = options::present([("id", json!(id)), ("vehicle", json!(vehicle))]);
    let report = match way.ask_at_once("command/show", &payload).await {
        Ok(report) => report,
        Err(why) => {
            way.leave().await;
            return unanswered(why);
        }
    };
    let outcome: Outcome = serde_json::from_value(report.clone()).unwrap_or_default();
    if let Some(timeout) = wait.filter(|_| !outcome.is_final()) {
        // By the identifier that it has: `last` may be another one by now.
        return following::wait(host, timeout, &way, (&outcome.vehicle, &outcome.id)).await;
    }
    let (code, _) = host.show(&report);
    way.leave().await;
    code
}

/// Asks a host for what it has at once; or says why there is no answer, and returns the program's exit code.
async fn ask(host: &Reached, verb: &'static str, payload: &Value) -> Result<Value, ExitCode> {
    let way = Way::find(&host.located).await?;
    let answer = way.ask_at_once(verb, payload).await;
    way.leave().await;
    let mut answer = answer.map_err(unanswered)?;
    if way.is_own() {
        answer.as_array_mut().into_iter().flatten().for_each(forget_unreached);
    }
    Ok(answer)
}

/// Leaves out that an account's cloud was not reached, where nobody has tried to: a host of this program's own knows
/// of accounts what is on record, such as that somebody has to sign in.
fn forget_unreached(vehicle: &mut Value) {
    let account = vehicle.get_mut("account").and_then(Value::as_object_mut);
    let unreached =
        account.filter(|account| account.get("state").is_some_and(|state| state == "upstream_down"));
    if let Some(account) = unreached {
        account.insert("state".to_owned(), Value::Null);
        account.insert("reason".to_owned(), Value::Null);
    }
}

fn unanswered(why: Unanswered) -> ExitCode {
    let code = if matches!(why, Unanswered::NoAnswer(_)) { NOT_KNOWN } else { NOT_DONE };
    complain(code, format_args!("{}", plain(&why.to_string())))
}

fn show<T: DeserializeOwned>(host: &Reached, answer: Value, words: impl FnOnce(&T) -> String) -> ExitCode {
    if host.json {
        return match json_line(&answer) {
            Ok(line) => print(&line),
            Err(error) => complain(NOT_DONE, format_args!("the answer is no JSON: {error}")),
        };
    }
    match serde_json::from_value(answer) {
        Ok(answer) => print(&words(&answer)),
        Err(error) => complain(
            NOT_DONE,
            format_args!(
                "the host is of a version whose answer this one does not know ({}); --json shows it",
                plain(&error.to_string())
            ),
        ),
    }
}
