//! `vehicle-connector policy replay`: what another policy would have decided.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use super::audit::line;
use super::table::{json_line, plain};
use super::{USAGE, complain};
use crate::audit::{Answer, Record, replay};
use crate::output::Output;
use crate::plugin::Policy;

/// Replays decisions. Exit codes: 0 the same decisions throughout, 1 some are different, 2 the records are
/// wrong.
pub(super) async fn run(file: &Path, json: bool, policy: &Policy) -> ExitCode {
    let records = match read(file) {
        Ok(records) => records,
        Err(what) => return complain(USAGE, format_args!("{}", plain(&what))),
    };
    let mut different = 0_usize;
    let mut out = Output::lock();
    for record in &records {
        let Some(difference) = replay(record, policy).await else { continue };
        different += 1;
        let written = if json {
            match json_line(&difference) {
                Ok(line) => out.write(&line),
                Err(error) => return complain(1, format_args!("a difference is no JSON: {error}")),
            }
        } else {
            out.line(&format!("{}\n    would be {}", line(record), plain(&in_words(&difference.candidate))))
        };
        if let Err(stopped) = written {
            return stopped.code_without_finding();
        }
    }
    let generation = policy.generation();
    let summary = format!(
        "{} {}: {different} of {} decisions would be different",
        plain(&generation.name),
        plain(&generation.version),
        records.len()
    );
    let _closed = writeln!(io::stderr(), "{summary}");
    if different == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_words(answer: &Answer) -> String {
    match (&answer.kind, &answer.rule) {
        (Some(kind), Some(rule)) => format!("{kind} ({rule}): {}", answer.decision),
        _ => answer.decision.clone(),
    }
}

fn read(file: &Path) -> Result<Vec<Record>, String> {
    let at = |what: &dyn std::fmt::Display| format!("{}: {what}", file.display());
    let lines: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(std::fs::File::open(file).map_err(|error| at(&error))?))
    };
    let mut records = Vec::new();
    for (number, line) in (1_u64..).zip(lines.lines()) {
        let line = line.map_err(|error| at(&error))?;
        if line.trim().is_empty() {
            continue;
        }
        let record = serde_json::from_str(&line).map_err(|error| {
            format!(
                "{}:{number}: {error}; each line is one object as `vehicle-connector audit --json` prints it",
                file.display()
            )
        })?;
        records.push(record);
    }
    if records.is_empty() {
        return Err(at(&"there are no decisions in it; `vehicle-connector audit --json` prints them"));
    }
    Ok(records)
}
