//! `vehicle-connector policy shadow`, `canary` and what follows: a policy that is tried out beside the one
//! that decides.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Map, json};

use super::plugins::{ComponentFile, InSlot};
use super::remote::Asked;
use super::render;

#[derive(Debug, Subcommand)]
pub(super) enum RolloutCommand {
    /// Ask a policy too whenever something fails, and only write down what it says.
    Shadow {
        #[command(flatten)]
        component: ComponentFile,
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
    /// Let a policy decide for a share of the accounts, and for all when it has proved itself.
    Canary {
        /// The component; without it the one that runs in shadow.
        #[arg(value_name = "FILE.wasm")]
        file: Option<PathBuf>,
        /// The share of the accounts that it decides for.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
        share: u8,
        /// After so many decisions that agree or are approved it decides for all.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        promote_after: Option<u32>,
        #[command(flatten)]
        slot: InSlot,
        #[command(flatten)]
        host: Asked,
    },
    /// Show where the policy that is tried out disagrees with the one that decides.
    Diff {
        #[command(flatten)]
        host: Asked,
    },
    /// Say that the policy that is tried out is right where it disagrees.
    Approve {
        /// The numbers of the disagreements, as `policy diff` shows them.
        #[arg(value_name = "SEQ", required_unless_present = "all")]
        seq: Vec<u64>,
        /// All that there are.
        #[arg(long, conflicts_with = "seq")]
        all: bool,
        #[command(flatten)]
        host: Asked,
    },
    /// Let the policy that is tried out decide, for all.
    Promote {
        #[command(flatten)]
        host: Asked,
    },
    /// End the trying out.
    Stop {
        #[command(flatten)]
        host: Asked,
    },
}

pub(super) fn run(command: RolloutCommand) -> ExitCode {
    match command {
        RolloutCommand::Shadow { component, slot, host } => match component.payload() {
            Ok(payload) => host.ask("policy/shadow", &slot.within(payload), render::rollout),
            Err(code) => code,
        },
        RolloutCommand::Canary { file, share, promote_after, slot, host } => {
            let payload = file.map_or_else(|| Ok(Map::new()), |file| ComponentFile { file }.payload());
            let mut payload = match payload {
                Ok(payload) => payload,
                Err(code) => return code,
            };
            payload.insert("share".to_owned(), json!(share));
            payload.extend(promote_after.map(|after| ("promote_after".to_owned(), json!(after))));
            host.ask("policy/canary", &slot.within(payload), render::rollout)
        }
        RolloutCommand::Diff { host } => host.ask("policy/diff", &json!({}), render::diff),
        RolloutCommand::Approve { all: true, host, .. } => {
            host.ask("policy/approve", &json!({"all": true}), render::rollout)
        }
        RolloutCommand::Approve { seq, host, .. } => {
            host.ask("policy/approve", &json!({"seq": seq}), render::rollout)
        }
        RolloutCommand::Promote { host } => host.ask("policy/promote", &json!({}), render::swapped),
        RolloutCommand::Stop { host } => host.ask("policy/stop", &json!({}), render::ended),
    }
}
