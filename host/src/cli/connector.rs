//! `vehicle-connector connector …`: connectors, installed without a host and used by one.

use std::process::ExitCode;

use clap::Subcommand;

use super::install;
use super::plugins::{self, PluginCommand};
use crate::plugin::PluginKind;

#[derive(Debug, Subcommand)]
pub(super) enum ConnectorCommand {
    /// Show what a connector asks for, and on a yes grant it that: copy it beside the configuration, and name it there.
    Install(install::Options),
    #[command(flatten)]
    Plugin(PluginCommand),
}

pub(super) async fn run(command: ConnectorCommand) -> ExitCode {
    match command {
        ConnectorCommand::Install(options) => install::run(options).await,
        ConnectorCommand::Plugin(command) => plugins::run(PluginKind::Connector, command).await,
    }
}
