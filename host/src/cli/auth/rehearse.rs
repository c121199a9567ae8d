//! `vehicle-connector auth login --dry-run`: what a sign-in would send, and none of it that counts.
//!
//! A host of this program's own asks the connector, on a store that forgets. Nothing is counted or kept, and a host that
//! runs is not disturbed.

use std::process::ExitCode;
use std::sync::Arc;

use super::super::remote::Asked;
use super::super::table::{json_line, plain};
use super::super::{USAGE, complain, logging};
use crate::account::Rehearsed;
use crate::config::{Config, LogFormat};
use crate::host::{Environment, Host};
use crate::output::print;
use crate::primitives::{RehearsedRequest, Went};
use crate::sandbox::Compiler;
use crate::store::MemoryStore;
use crate::time::SystemClock;
use crate::wire::publish::Discard;

/// Rehearses. Exit codes: 0 all went well up to the request that counts, 1 it did not, 2 no good configuration.
pub(super) async fn run(account: &str, host: &Asked) -> ExitCode {
    let config = match host.found() {
        Ok((_, Some(config))) => config,
        Ok((_, None)) => {
            let why = "a rehearsal needs the configuration: give -c FILE in place of --state";
            return complain(USAGE, format_args!("{why}"));
        }
        Err(code) => return code,
    };
    let rehearsed = match rehearse(&config, account).await {
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

async fn rehearse(config: &Config, account: &str) -> anyhow::Result<Rehearsed> {
    let _log = logging::to_stderr("error", LogFormat::Text);
    let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(SystemClock::start()));
    let environment = Environment::new(store, clock, Arc::new(Discard));
    let environment = environment.with_compiler(Compiler::in_child_of_this_program()?);
    let host = Host::start_briefly(config, environment).await?;
    let rehearsed = host.rehearse_sign_in(account).await.map_err(anyhow::Error::msg);
    host.stop().await;
    rehearsed
}

fn in_words(rehearsed: &Rehearsed) -> String {
    let mut text = String::new();
    for (number, request) in (1..).zip(&rehearsed.requests) {
        push(&mut text, number, request);
    }
    let Rehearsed { account, end, .. } = rehearsed;
    text.push_str(&format!("{account}: {}; nothing was counted, and nothing is kept\n", plain(end)));
    text
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
