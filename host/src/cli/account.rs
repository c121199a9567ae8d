//! `vehicle-connector account`: the accounts of a running host.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth;
use super::remote::Asked;
use super::render;
use super::table::Table;

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Show the accounts and how they are.
    List {
        #[command(flatten)]
        host: Asked,
    },
    #[command(flatten)]
    Auth(auth::AuthCommand),
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

pub(super) async fn run(command: &AccountCommand) -> ExitCode {
    match command {
        AccountCommand::List { host } => host.ask("account/list", &json!({}), |all: &Vec<Listed>| shown(all)),
        AccountCommand::Auth(command) => auth::run(command).await,
        AccountCommand::Retry { account, host } => {
            host.ask("account/retry", &json!({"account": account}), render::retried)
        }
        AccountCommand::Retries { account, host } => {
            host.ask("account/retries", &json!({"account": account}), render::retries)
        }
    }
}

/// An account as a host lists it.
#[derive(Deserialize)]
struct Listed {
    account: String,
    connector: String,
    vehicles: Vec<String>,
    state: Value,
}

fn shown(accounts: &[Listed]) -> String {
    let mut table = Table::new(["ACCOUNT", "CONNECTOR", "VEHICLES", "STATE", "WHY"]);
    for Listed { account, connector, vehicles, state } in accounts {
        let text = |key: &str| state.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        table.row([account.clone(), connector.clone(), vehicles.join(", "), text("state"), text("reason")]);
    }
    if accounts.is_empty() { "the host serves no account\n".to_owned() } else { table.to_string() }
}
