//! `vehicle-connector account`: the accounts of a running host.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::remote::Asked;
use super::render;

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Have refused credentials tried once more as they are: what the vendor refused it may have unlocked
    /// meanwhile.
    ///
    /// Lifts what keeps the account's sign-in, PIN and registration from being sent; the next command or read
    /// that needs them makes the try. What is refused again latches again. A few times a day at most, and on
    /// record.
    Retry {
        /// The account, as the configuration names it.
        #[arg(value_name = "ACCOUNT")]
        account: String,
        #[command(flatten)]
        host: Asked,
    },
    /// Show who had what tried once more, newest last.
    Retries {
        /// The account, as the configuration names it.
        #[arg(value_name = "ACCOUNT")]
        account: String,
        #[command(flatten)]
        host: Asked,
    },
}

pub(super) fn run(command: &AccountCommand) -> ExitCode {
    match command {
        AccountCommand::Retry { account, host } => {
            host.ask("account/retry", &json!({"account": account}), render::retried)
        }
        AccountCommand::Retries { account, host } => {
            host.ask("account/retries", &json!({"account": account}), render::retries)
        }
    }
}
