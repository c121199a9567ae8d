//! `vehicle-connector policy`: policies, tried without a host and used by one.

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
use super::table::plain;
use super::{USAGE, complain};
use crate::component_file::{self, Links};
use crate::plugin::slot::Provenance;
use crate::plugin::{ActivationError, Compiled, PluginKind, Policy, PolicySlot, embedded};
use crate::sandbox::Sandbox;
use crate::time::{Clock as _, SystemClock};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Make a folder to begin a policy with: its source, what it is compiled against, a few recorded failures.
    New(NewPolicy),
    /// Make a component of a folder, with the toolchain of its language, or say how to get that.
    Build(Build),
    /// Score a policy on recorded failures.
    Test(super::scores::Test),
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
        PolicyCommand::Test(test) => match opened(test.policy(), test.limited()).await {
            Ok(opened) => super::scores::run(&test, &opened.name, &opened.policy).await,
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

/// Opens a component, and returns with it how long it took to compile.
async fn open(sandbox: &Sandbox, component: &[u8]) -> Result<(Policy, Duration), ActivationError> {
    let begun = Instant::now();
    let compiled = Compiled::of(sandbox, component).await?;
    let taken = begun.elapsed();
    let provenance = Provenance::new(SystemClock::start().now(), "command line");
    Ok((Arc::new(PolicySlot::alone(sandbox, &compiled, provenance).await?).active(), taken))
}
