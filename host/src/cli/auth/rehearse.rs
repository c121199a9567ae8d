//! `vehicle-connector auth login --dry-run`: what a sign-in would send, and none of it that counts.
//!
//! A host of this program's own asks the connector, on a copy of what the state has of accounts, which is forgotten.
//! Nothing is counted or kept. A host that runs is asked what it would say to a sign-in now, and is not disturbed.

use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

use super::super::remote::Asked;
use super::super::table::{json_line, plain};
use super::super::way::{Unanswered, Way};
use super::super::{USAGE, complain, logging};
use super::remembered;
use crate::account::{Prospect, Rehearsed};
use crate::config::{Config, LogFormat};
use crate::output::print;
use crate::primitives::{RehearsedRequest, Went};

/// Rehearses. Exit codes: 0 a sign-in would be begun, and all went well up to the request that counts; 1 not so; 2 no
/// good configuration.
pub(super) async fn run(account: &str, host: &Asked) -> ExitCode {
    let Some(file) = host.configuration() else {
        let why = "a rehearsal needs the configuration: give -c FILE in place of --state";
        return complain(USAGE, format_args!("{why}"));
    };
    let config = match Config::load(&file) {
        Ok(config) => config,
        Err(error) => return complain(USAGE, format_args!("{error}")),
    };
    let rehearsed = match rehearse(&config, &config.state_dir, account).await {
        Ok(rehearsed) => rehearsed,
        Err(error) => return complain(1, format_args!("{}", plain(&format!("{error:#}")))),
    };
    let shown = if host.json {
        match json_line(&rehearsed) {
            Ok(line) => print(&line),
            Err(error) => return complain(1, format_args!("the answer is no JSON: {error}")),
        }
    } else {
        print(&in_words(&rehearsed))
    };
    if rehearsed.went_well { shown } else { ExitCode::FAILURE }
}

async fn rehearse(config: &Config, directory: &Path, account: &str) -> anyhow::Result<Rehearsed> {
    let _log = logging::to_stderr("error", LogFormat::Text);
    let told = told_by_running(directory, account).await?;
    let host = remembered::host(config, directory).await?;
    let rehearsed = host.rehearse_sign_in(account, told).await.map_err(anyhow::Error::msg);
    host.stop().await;
    rehearsed
}

/// What a host says that is asked what a sign-in takes.
#[derive(Deserialize)]
struct Takes {
    /// Of a host of before there is none.
    prospect: Option<Prospect>,
}

/// Asks the host that runs, if one does, what would become of a sign-in now.
async fn told_by_running(directory: &Path, account: &str) -> anyhow::Result<Option<Prospect>> {
    let Some(way) = Way::running(directory)? else { return Ok(None) };
    match way.ask_at_once("account/credentials", &json!({"account": account})).await {
        Ok(data) => Ok(Takes::deserialize(data).ok().and_then(|takes| takes.prospect)),
        Err(Unanswered::Refused(why)) => {
            let why = format!("the host that runs refused it: {why}");
            Ok(Some(Prospect::Refused { why, leave_alone: false }))
        }
        Err(why) => Err(anyhow::Error::msg(why.to_string())),
    }
}

fn in_words(rehearsed: &Rehearsed) -> String {
    let Rehearsed { account, end, prospect, requests, .. } = rehearsed;
    let mut text = String::new();
    if let Some(now) = of_now(prospect) {
        text.push_str(&format!("{account}: {}\n\n", plain(&now)));
    }
    for (number, request) in (1..).zip(requests) {
        push(&mut text, number, request);
    }
    text.push_str(&format!("{account}: {}; nothing was counted, and nothing is kept\n", plain(end)));
    text
}

/// Says what a sign-in that is no rehearsal would come to now, where that is not what follows.
fn of_now(prospect: &Prospect) -> Option<String> {
    match prospect {
        Prospect::Begins { lifts: None } => None,
        Prospect::Begins { lifts: Some(lifts) } => {
            Some(format!("`auth login` would sign in now, in spite of this: {lifts}"))
        }
        Prospect::GoesOn { question } => Some(format!(
            "`auth login` would begin no other sign-in now, and go on with the one that waits for an answer: {question}"
        )),
        Prospect::Refused { why, leave_alone } => {
            let here = if *leave_alone { ", so nothing is sent here either" } else { "" };
            Some(format!("`auth login` would send nothing now{here}: {why}"))
        }
    }
}

fn push(text: &mut String, number: usize, request: &RehearsedRequest) {
    let RehearsedRequest { method, url, headers, body, derived, went } = request;
    text.push_str(&format!("{number}  {method} {}\n", plain(url)));
    for (name, value) in headers {
        text.push_str(&format!("   {}: {}\n", plain(name), plain(value)));
    }
    for line in body.lines() {
        text.push_str(&format!("   | {}\n", plain(line)));
    }
    for (name, how) in derived {
        text.push_str(&format!("   {{derived:{name}}} is {}\n", plain(how)));
    }
    let went = match went {
        Went::Answered { status } => format!("sent; answered with HTTP {status}"),
        Went::Unanswered { why } => format!("no answer: {}", plain(why)),
        Went::Denied { why } => format!("not sent, because the host does not allow it: {}", plain(why)),
        Went::Withheld { why } => format!("not sent: {}", plain(why)),
    };
    text.push_str(&format!("   => {went}\n\n"));
}
