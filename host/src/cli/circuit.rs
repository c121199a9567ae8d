//! `vehicle-connector circuit`: the circuits of a running host.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::remote::Asked;
use super::render;

#[derive(Debug, Subcommand)]
pub(super) enum CircuitCommand {
    /// Show every circuit and its state.
    List {
        #[command(flatten)]
        host: Asked,
    },
    /// Refuse calls for a while, at most an hour.
    Open {
        #[command(flatten)]
        circuit: Named,
        /// For so long; the host opens it for a minute unless told otherwise.
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
        #[command(flatten)]
        host: Asked,
    },
    /// Refuse calls until it is closed, over restarts too.
    Isolate {
        #[command(flatten)]
        circuit: Named,
        #[command(flatten)]
        host: Asked,
    },
    /// Admit calls again.
    Close {
        #[command(flatten)]
        circuit: Named,
        #[command(flatten)]
        host: Asked,
    },
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// The circuit as `circuit list` names it, such as `hyundai-kia-eu` or `account main`.
    #[arg(value_name = "CIRCUIT", required = true)]
    words: Vec<String>,
}

impl Named {
    fn name(&self) -> String {
        self.words.join(" ")
    }
}

pub(super) fn run(command: &CircuitCommand) -> ExitCode {
    match command {
        CircuitCommand::List { host } => host.ask("circuit/list", &json!({}), render::circuits),
        CircuitCommand::Open { circuit, seconds, host } => {
            let payload = match seconds {
                Some(seconds) => json!({"circuit": circuit.name(), "seconds": seconds}),
                None => json!({"circuit": circuit.name()}),
            };
            host.ask("circuit/open", &payload, |circuit| render::opened(circuit, *seconds))
        }
        CircuitCommand::Isolate { circuit, host } => {
            host.ask("circuit/isolate", &json!({"circuit": circuit.name()}), render::circuit)
        }
        CircuitCommand::Close { circuit, host } => {
            host.ask("circuit/close", &json!({"circuit": circuit.name()}), render::circuit)
        }
    }
}
