//! `vehicle-connector connector …`: connectors, installed without a host and used by one.

use std::process::ExitCode;

use clap::Subcommand;

use super::author::{self, Build, New};
use super::install;
use super::plugins::{self, PluginCommand};
use crate::plugin::PluginKind;

#[derive(Debug, Subcommand)]
pub(super) enum ConnectorCommand {
    /// Make a folder to begin a connector with: that of the example cloud.
    New(New),
    /// Make a component of a folder, with the toolchain of its language, or say how to get that.
    Build(Build),
    /// Show what a connector asks for, and on a yes grant it that: copy it beside the configuration, and name it there.
    Install(install::Options),
    #[command(flatten)]
    Plugin(PluginCommand),
}

pub(super) async fn run(command: ConnectorCommand) -> ExitCode {
    match command {
        ConnectorCommand::New(options) => author::new_connector(&options),
        ConnectorCommand::Build(options) => author::built(PluginKind::Connector, &options),
        ConnectorCommand::Install(options) => install::run(options).await,
        ConnectorCommand::Plugin(command) => plugins::run(PluginKind::Connector, command).await,
    }
}
