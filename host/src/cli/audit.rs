//! `vehicle-connector audit`: the decisions that were taken.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::complain;
use super::remote::Located;
use super::table::{json_line, plain, short};
use crate::audit::{Record, records};
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
    let directory = match options.located.directory() {
        Ok(directory) => directory,
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
    found.retain(|record| options.wants(record));
    let skipped = options.last.map_or(0, |last| found.len().saturating_sub(last));
    let mut out = io::stdout().lock();
    for record in found.iter().skip(skipped) {
        let written = match options.json {
            true => json_line(record).map_err(Into::into).and_then(|line| out.write_all(line.as_bytes())),
            false => writeln!(out, "{}", line(record)),
        };
        if written.is_err() {
            // Whoever read it has seen enough.
            break;
        }
    }
    if found.is_empty() && !options.json {
        let _closed = writeln!(io::stderr(), "no decisions: nothing of the kind has failed");
    }
    ExitCode::SUCCESS
}

impl Options {
    fn wants(&self, record: &Record) -> bool {
        let entry = &record.entry;
        let is = |wanted: &Option<String>, it: Option<&str>| wanted.is_none() || wanted.as_deref() == it;
        is(&self.vehicle, entry.vehicle.as_deref())
            && is(&self.account, Some(&entry.account))
            && is(&self.operation, Some(&entry.operation))
    }
}

/// One record for people, in one line.
pub(super) fn line(record: &Record) -> String {
    let entry = &record.entry;
    let about = entry.vehicle.as_deref().unwrap_or(&entry.account);
    let answer = record.answer();
    let taken_for = match (&answer.fault, &answer.rule) {
        (Some(fault), Some(rule)) => format!(" is {fault} ({rule})"),
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
