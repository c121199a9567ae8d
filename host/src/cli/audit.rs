//! `vehicle-connector audit`: the decisions that were taken.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::remote::Located;
use super::table::{json_line, plain, short};
use super::{USAGE, complain};
use crate::audit::{Record, records};
use crate::config::{Config, Slug};
use crate::output::Output;
use crate::store::{Kind, Reader};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    located: Located,
    /// Only what is about this vehicle.
    #[arg(long, value_name = "SLUG")]
    vehicle: Option<String>,
    /// Only what is about this account.
    #[arg(long, value_name = "SLUG")]
    account: Option<String>,
    /// Only what belongs to this command.
    #[arg(long, value_name = "ID")]
    operation: Option<String>,
    /// Only the latest so many.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// One JSON object a line, with everything that was asked: what `policy replay` reads.
    #[arg(long)]
    json: bool,
}

pub(super) fn show(options: &Options) -> ExitCode {
    let (directory, config) = match options.located.find() {
        Ok(found) => found,
        Err(code) => return code,
    };
    let stored = match Reader::open(&directory) {
        Ok(reader) => reader.list(Kind::Audit),
        Err(error) => return complain(1, format_args!("{error}")),
    };
    let mut found = match stored {
        Ok(stored) => records(stored),
        Err(error) => return complain(1, format_args!("{error}")),
    };
    if let Some(unknown) = config.and_then(|config| options.unknown_to(&config, &found)) {
        return complain(USAGE, format_args!("{unknown}"));
    }
    found.retain(|record| options.wants(record));
    let skipped = options.last.map_or(0, |last| found.len().saturating_sub(last));
    let mut out = Output::lock();
    for record in found.iter().skip(skipped) {
        let written = if options.json {
            match json_line(record) {
                Ok(line) => out.write(&line),
                Err(error) => return complain(1, format_args!("record {} is no JSON: {error}", record.seq)),
            }
        } else {
            out.line(&line(record))
        };
        if let Err(stopped) = written {
            return stopped.code();
        }
    }
    if found.is_empty() && !options.json {
        let _closed = writeln!(io::stderr(), "no decisions: nothing of the kind has failed");
    }
    ExitCode::SUCCESS
}

impl Options {
    /// Describes the mistake if a name is neither configured nor on record: a mistyped one must not look like
    /// a car that never had a failure.
    fn unknown_to(&self, config: &Config, found: &[Record]) -> Option<String> {
        let vehicles = config.vehicles.keys().map(Slug::as_str);
        let accounts = config.accounts.keys().map(Slug::as_str);
        let of_vehicle = |record: &Record, name: &str| record.entry.vehicle.as_deref() == Some(name);
        let of_account = |record: &Record, name: &str| record.entry.account == name;
        unknown("vehicle", self.vehicle.as_deref(), vehicles.collect(), |name| {
            found.iter().any(|record| of_vehicle(record, name))
        })
        .or_else(|| {
            unknown("account", self.account.as_deref(), accounts.collect(), |name| {
                found.iter().any(|record| of_account(record, name))
            })
        })
    }

    fn wants(&self, record: &Record) -> bool {
        let entry = &record.entry;
        let is = |wanted: &Option<String>, it: Option<&str>| wanted.is_none() || wanted.as_deref() == it;
        is(&self.vehicle, entry.vehicle.as_deref())
            && is(&self.account, Some(&entry.account))
            && is(&self.operation, Some(&entry.operation))
    }
}

fn unknown(
    what: &str,
    wanted: Option<&str>,
    configured: Vec<&str>,
    is_on_record: impl FnOnce(&str) -> bool,
) -> Option<String> {
    let wanted = wanted.filter(|wanted| !configured.contains(wanted) && !is_on_record(wanted))?;
    let known = if configured.is_empty() { "none".to_owned() } else { configured.join(", ") };
    Some(format!("there is no {what} {wanted:?}, and no decision is about one; configured: {known}"))
}

/// Formats a record for people, in one line.
pub(super) fn line(record: &Record) -> String {
    let entry = &record.entry;
    let about = entry.vehicle.as_deref().unwrap_or(&entry.account);
    let answer = record.answer();
    let taken_for = match (&answer.kind, &answer.rule) {
        (Some(kind), Some(rule)) => format!(" is {kind} ({rule})"),
        _ => String::new(),
    };
    let what = format!("{}{taken_for}", record.summary());
    plain(&format!(
        "{:.3} {about} {what}: {} -> {}; {} {} {}",
        record.at,
        answer.decision,
        entry.done,
        entry.policy.name,
        entry.policy.version,
        short(&entry.policy.digest),
    ))
}
