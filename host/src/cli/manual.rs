//! Shell completions and manual pages, for packages and for people.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, complain};
use crate::output::print;

/// Name of the program as it is installed.
const PROGRAM: &str = "vehicle-connector";

/// Completions of one shell.
#[derive(Debug, Args)]
pub(super) struct CompletionOptions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Where manual pages go.
#[derive(Debug, Args)]
pub(super) struct ManOptions {
    /// Directory for a page of each command; without it the program's page is printed.
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Prints what a shell reads to complete the commands.
pub(super) fn completions(options: &CompletionOptions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), PROGRAM, &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Prints the program's page, or writes all pages into a directory. Exit codes: 0 done, 1 they could not be written.
pub(super) fn man(options: &ManOptions) -> ExitCode {
    match &options.directory {
        None => {
            let mut page = Vec::new();
            match clap_mangen::Man::new(Cli::command()).render(&mut page) {
                Ok(()) => print(&String::from_utf8_lossy(&page)),
                Err(error) => complain(1, format_args!("the page cannot be made: {error}")),
            }
        }
        Some(directory) => match pages(directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(1, format_args!("{}: the pages cannot be written: {error}", directory.display()))
            }
        },
    }
}

fn pages(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }
}
