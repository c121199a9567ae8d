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

    /// The commands below this one, each with those that it stands below.
    fn below(command: &clap::Command, above: &[&str]) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for command in command.get_subcommands() {
            let path = [above, &[command.get_name()]].concat();
            all.push(path.iter().map(|name| (*name).to_owned()).collect());
            all.extend(below(command, &path));
        }
        all
    }

    #[test]
    fn shells_and_pages_have_every_command_and_none_that_is_nobodys() {
        let commands = below(&Cli::command(), &[]);
        assert!(commands.len() > 60, "{}", commands.len());
        let folder = tempfile::tempdir().unwrap();
        pages(folder.path()).unwrap();
        for command in &commands {
            let page = folder.path().join(format!("{PROGRAM}-{}.1", command.join("-")));
            assert!(page.exists(), "{}", page.display());
        }
        let internal = crate::sandbox::COMPILE;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in &commands {
                assert!(script.contains(command.last().unwrap()), "{shell}: {command:?}");
            }
            assert!(!script.contains(internal), "{shell}");
        }
        let pages: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|page| page.unwrap().file_name()).collect();
        assert_eq!(pages.len(), commands.len() + 1, "{pages:?}");
        let help = Cli::command().render_help().to_string();
        assert!(help.starts_with("Bridges vehicle clouds to MQTT and Home Assistant"), "{help}");
        assert!(!help.contains(internal), "{help}");
    }
}
