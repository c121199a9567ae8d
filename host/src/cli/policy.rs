//! `vehicle-connector policy`: policies, tried without a host and used by one.

use std::fmt::Write;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};

use super::author::{self, Build, NewPolicy};
use super::bench;
use super::limited::Limited;
use super::plugins::{self, PluginCommand};
use super::rollout::{self, RolloutCommand};
use super::table::{json_line, plain};
use super::{USAGE, complain};
use crate::component_file::{self, Links};
use crate::output::{Output, Stopped};
use crate::plugin::slot::Provenance;
use crate::plugin::{ActivationError, Compiled, PluginKind, Policy, PolicySlot, embedded, unanswered};
use crate::sandbox::Sandbox;
use crate::scoring::{Case, Label, Score, Scores};
use crate::time::{Clock as _, SystemClock};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Make a folder to begin a policy with: its source, what it is compiled against, a few recorded failures.
    New(NewPolicy),
    /// Make a component of a folder, with the toolchain of its language, or say how to get that.
    Build(Build),
    /// Score a policy on recorded failures.
    Test(Test),
    /// Measure a policy: its size, and the times to compile it, to make an instance and to answer.
    Bench(Bench),
    /// Ask a policy what was asked when something failed, and show what it would have decided otherwise.
    Replay(Replay),
    #[command(flatten)]
    Plugin(PluginCommand),
    #[command(flatten)]
    Rollout(RolloutCommand),
}

#[derive(Debug, Args)]
pub(super) struct Test {
    /// The recorded failures, one JSON object a line: id, text, http_status, body_json, cloud, operation,
    /// label and ambiguous.
    #[arg(value_name = "CASES.jsonl")]
    cases: PathBuf,
    /// The policy component; without it the one that this program carries.
    #[arg(long, value_name = "FILE.wasm")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    limited: Limited,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Decisions as `audit --json` prints them, one JSON object a line; `-` is the standard input.
    #[arg(value_name = "AUDIT")]
    audit: PathBuf,
    /// The policy component; without it the one that this program carries.
    #[arg(long, value_name = "FILE.wasm")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    limited: Limited,
    /// Print the differences as JSON objects, one a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Bench {
    /// The policy component; without it the one that this program carries.
    #[arg(value_name = "FILE.wasm")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    limited: Limited,
    /// How often each of the trial's seven failures is put to it.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: PolicyCommand) -> ExitCode {
    match command {
        PolicyCommand::New(options) => author::new_policy(&options),
        PolicyCommand::Build(options) => author::built(PluginKind::Policy, &options),
        PolicyCommand::Test(test) => match opened(test.policy.as_deref(), &test.limited).await {
            Ok(opened) => self::test(&test, &opened.name, &opened.policy).await,
            Err(code) => code,
        },
        PolicyCommand::Replay(replay) => match opened(replay.policy.as_deref(), &replay.limited).await {
            Ok(opened) => super::replay::run(&replay.audit, replay.json, &opened.policy).await,
            Err(code) => code,
        },
        PolicyCommand::Bench(it) => match opened(it.policy.as_deref(), &it.limited).await {
            Ok(opened) => bench::run(&opened.policy, opened.cost, it.rounds, it.json).await,
            Err(code) => code,
        },
        PolicyCommand::Plugin(command) => plugins::run(PluginKind::Policy, command).await,
        PolicyCommand::Rollout(command) => rollout::run(command),
    }
}

/// A policy without a host.
struct Opened {
    /// Name of its file, or what it is.
    name: String,
    policy: Policy,
    /// Its size in bytes, and how long it took to compile.
    cost: (usize, Duration),
}

/// Opens the policy in a file, or the one that this program carries; or, having said why, returns the program's exit
/// code.
async fn opened(file: Option<&Path>, limited: &Limited) -> Result<Opened, ExitCode> {
    let (name, component) = match file {
        None => ("the default policy".to_owned(), embedded::POLICY.to_vec()),
        Some(file) => match component_file::read_component(file, Links::Followed) {
            Ok(component) => (file.display().to_string(), component),
            Err(refused) => return Err(complain(USAGE, format_args!("{}: {refused}", file.display()))),
        },
    };
    let sandbox = limited.sandbox()?;
    match open(&sandbox, &component).await {
        Ok((policy, compiled)) => Ok(Opened { name, policy, cost: (component.len(), compiled) }),
        Err(error) => Err(complain(1, format_args!("{name} is refused: {}", plain(&error.to_string())))),
    }
}

/// Scores a policy. Exit codes: 0 scored, 1 the policy was refused or did not answer, 2 the arguments or the
/// cases are wrong.
async fn test(test: &Test, name: &str, policy: &Policy) -> ExitCode {
    let (scores, unanswered) = match score(&test.cases, policy).await {
        Ok(scores) => scores,
        Err(what) => return complain(USAGE, format_args!("{}", plain(&what))),
    };
    let text = if test.json {
        json_line(&scores).map_err(|error| error.to_string())
    } else {
        for_people(policy, &scores).map_err(|error| error.to_string())
    };
    let printed = match text {
        Ok(text) => Output::lock().write(&text),
        Err(error) => return complain(1, format_args!("the report cannot be written: {error}")),
    };
    // A reader who has seen enough of the report is told the finding all the same: it was there before.
    if let Err(stopped @ Stopped::Failed(_)) = printed {
        return stopped.code();
    }
    if unanswered > 0 {
        return complain(1, format_args!("{name} did not answer {unanswered} of {} cases", scores.all.rows));
    }
    ExitCode::SUCCESS
}

/// Opens a component, and returns with it how long it took to compile.
async fn open(sandbox: &Sandbox, component: &[u8]) -> Result<(Policy, Duration), ActivationError> {
    let begun = Instant::now();
    let compiled = Compiled::of(sandbox, component).await?;
    let taken = begun.elapsed();
    let provenance = Provenance::new(SystemClock::start().now(), "command line");
    Ok((Arc::new(PolicySlot::alone(sandbox, &compiled, provenance).await?).active(), taken))
}

/// Returns the scores, and the number of cases without an answer. One line is in memory at a time.
async fn score(file: &Path, policy: &Policy) -> Result<(Scores, u64), String> {
    let place = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let mut lines = BufReader::new(std::fs::File::open(file).map_err(|error| place(&error))?);
    let (mut scores, mut silent) = (Scores::default(), 0);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let place = |error: &dyn std::fmt::Display| format!("{}:{number}: {error}", file.display());
        if lines.read_until(b'\n', &mut line).map_err(|error| place(&error))? == 0 {
            break;
        }
        let line = std::str::from_utf8(&line).map_err(|error| place(&error))?;
        if line.trim().is_empty() {
            continue;
        }
        let case = Case::parse(line).map_err(|error| place(&error))?;
        let verdict = policy.classify(&case.failure()).await;
        silent += u64::from(verdict.is_err());
        scores.add(&case, &verdict.unwrap_or_else(|_| unanswered::verdict()));
    }
    if scores.all.rows == 0 {
        return Err(place(&"there are no cases in it; each line is one JSON object"));
    }
    Ok((scores, silent))
}

fn for_people(policy: &Policy, scores: &Scores) -> Result<String, std::fmt::Error> {
    let generation = policy.generation();
    let (name, version) = (plain(&generation.name), plain(&generation.version));
    let mut text = format!("policy {name} {version}, {} cases\n", scores.all.rows);
    report(&mut text, scores)?;
    Ok(text)
}

fn report(out: &mut impl Write, scores: &Scores) -> std::fmt::Result {
    write!(out, "\nlabel (down) and verdict (across)\n{:24}", "")?;
    for column in 1..=Label::ALL.len() {
        write!(out, "{column:>6}")?;
    }
    writeln!(out, "{:>7}", "other")?;
    for ((number, label), row) in (1..).zip(Label::ALL).zip(&scores.matrix) {
        write!(out, "{number} {:22}", label.name())?;
        for count in row {
            write!(out, "{count:>6}")?;
        }
        writeln!(out)?;
    }

    writeln!(
        out,
        "\n{:22}{:>6}{:>11}{:>11}{:>11}",
        "token-expired", "cases", "precision", "recall", "accuracy"
    )?;
    line(out, "all", &scores.all)?;
    line(out, "clear", &scores.clear)?;
    for (cloud, score) in &scores.clouds {
        line(out, &plain(cloud), score)?;
    }

    writeln!(out, "\n{} misses", scores.misses.len())?;
    for miss in &scores.misses {
        let (id, rule) = (plain(&miss.id), plain(&miss.rule));
        writeln!(out, "{id}: {}, not {} (rule {rule})", miss.label, miss.verdict)?;
    }
    Ok(())
}

fn line(out: &mut impl Write, name: &str, score: &Score) -> std::fmt::Result {
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
    let (precision, recall) = (share(score.precision()), share(score.recall()));
    writeln!(out, "{name:22}{:>6}{precision:>11}{recall:>11}{:>11}", score.rows, share(score.accuracy()))
}
