//! `vehicle-connector dump`: what somebody else needs to know to help, and nothing that is private.
//!
//! One JSON document with the configuration, what is wrong with it, what a running host says of itself, and the last
//! of what the state has on record. Everything in it goes through one [redaction](redaction), by key and by value.

mod facts;
mod redaction;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
#[cfg(unix)]
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value, json};

use self::redaction::Redaction;
use super::backup::private;
use super::{Configured, check, complain};
use crate::audit;
use crate::config::Config;
use crate::output::print;
use crate::store::{Kind, Reader, Record};

/// What a dump is made of.
#[derive(Debug, Args)]
pub(super) struct DumpOptions {
    #[command(flatten)]
    configured: Configured,
    /// Write to this file, which must not exist, in place of the standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Latest decisions, results and attempts that are shown.
const DECISIONS: usize = 200;
const RESULTS: usize = 50;
const ATTEMPTS: usize = 50;

/// What a running host is asked.
const QUESTIONS: [(&str, &str); 6] = [
    ("policies", "policy/list"),
    ("connectors", "connector/list"),
    ("circuits", "circuit/list"),
    ("accounts", "account/list"),
    ("quotas", "account/quota"),
    ("log", "log/recent"),
];

/// Exit codes: 0 done, 1 it could not be written. What is wrong with the configuration is in the dump.
pub(super) async fn run(options: &DumpOptions) -> ExitCode {
    let document = document(&options.configured.config).await;
    let mut text = match serde_json::to_string_pretty(&document) {
        Ok(text) => text,
        Err(error) => return complain(1, format_args!("the dump is no JSON: {error}")),
    };
    text.push('\n');
    let Some(file) = &options.output else { return print(&text) };
    match write(file, &text) {
        Ok(()) => print(&format!("{}: look at it before you give it away\n", file.display())),
        Err(error) => complain(1, format_args!("{error:#}")),
    }
}

/// Writes the file, all of it or none.
fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut to = private(file)?;
    to.write_all(text.as_bytes())
        .and_then(|()| to.sync_all())
        .inspect_err(|_| {
            let _left = std::fs::remove_file(file);
        })
        .with_context(|| format!("{} cannot be written", file.display()))
}

/// Collects and redacts.
async fn document(path: &Path) -> Value {
    let loaded = Config::load(path);
    let directory = match &loaded {
        Ok(config) => config.state_dir.clone(),
        Err(_) => path.with_extension("state"),
    };
    let reader = Reader::open(&directory);
    let mut redaction = Redaction::default();
    if let Ok(config) = &loaded {
        redaction.know_configuration(config);
    }
    if let Ok(reader) = &reader {
        redaction.know_state(reader);
    }
    // A file that is no configuration may hold secrets of which nothing is known.
    let configuration = match &loaded {
        Ok(_) => facts::configuration(path),
        Err(_) => Value::Null,
    };
    let looked = check::looked(path).await;
    let document = json!({
        "dump_of": "vehicle-connector",
        "version": env!("CARGO_PKG_VERSION"),
        "created_at": jiff::Timestamp::now(),
        "environment": facts::environment(path, &directory),
        "configuration": configuration,
        "check_config": {"exit_code": looked.code, "said": looked.lines()},
        "host": host(&directory).await,
        "state": match &reader {
            Ok(reader) => state(reader),
            Err(error) => json!({"error": error.to_string()}),
        },
    });
    redaction.redact(&document)
}

/// Longest wait for all answers of a running host.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks a running host. What it has not answered in time is in the dump with that reason.
#[cfg(unix)]
async fn host(directory: &Path) -> Value {
    use crate::control::{AskError, ask};
    let mut answers = Map::new();
    let asking = async {
        for (name, verb) in QUESTIONS {
            let directory = directory.to_owned();
            let asked = tokio::task::spawn_blocking(move || ask(&directory, verb, &json!({})));
            let answer = match asked.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error @ AskError::NoHost { .. })) => return Some(json!({"error": error.to_string()})),
                Ok(Err(error)) => json!({"error": error.to_string()}),
                Err(error) => json!({"error": error.to_string()}),
            };
            answers.insert(name.to_owned(), answer);
        }
        None
    };
    if let Ok(Some(nobody)) = tokio::time::timeout(PATIENCE, asking).await {
        return nobody;
    }
    for (name, _) in QUESTIONS {
        let late = || json!({"error": format!("no answer within {} s", PATIENCE.as_secs())});
        answers.entry(name).or_insert_with(late);
    }
    Value::Object(answers)
}

/// A running host cannot be asked on this system.
#[cfg(not(unix))]
async fn host(_directory: &Path) -> Value {
    Value::Null
}

/// The latest of what is on record. Sessions, questions and what is known of vehicles are left out altogether.
fn state(reader: &Reader) -> Value {
    let list = |kind| reader.list(kind).unwrap_or_default();
    let mut decisions: Vec<Value> =
        audit::records(list(Kind::Audit)).iter().map(|record| json!(record)).collect();
    let mut results = documents(list(Kind::Result));
    results.sort_by_key(|result| requested_at(result).unwrap_or_default());
    let mut attempts = documents(list(Kind::Deployment));
    for (all, most) in [(&mut decisions, DECISIONS), (&mut results, RESULTS), (&mut attempts, ATTEMPTS)] {
        all.drain(..all.len().saturating_sub(most));
    }
    json!({
        "decisions": decisions,
        "results": results,
        "attempts": attempts,
        "latches": documents(list(Kind::Latch)),
        "throttles": documents(list(Kind::Throttle)),
        "doubts": documents(list(Kind::Doubt)),
        "damaged": list(Kind::Damaged).into_iter().map(|(key, _)| key).collect::<Vec<_>>(),
    })
}

/// Records that are JSON documents, each with its key.
fn documents(records: Vec<Record>) -> Vec<Value> {
    let document = |(key, value): Record| {
        let value: Value = serde_json::from_slice(&value).unwrap_or(Value::Null);
        json!({"key": key, "record": value})
    };
    records.into_iter().map(document).collect()
}

fn requested_at(document: &Value) -> Option<String> {
    let places = ["/record/requested_at", "/record/report/requested_at"];
    places.iter().find_map(|place| document.pointer(place)?.as_str().map(str::to_owned))
}
