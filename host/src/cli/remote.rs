//! Commands for a running host: what is asked over its control socket, and how the answer is shown.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::table::{json_line, plain};
use super::{Configured, USAGE, complain};
use crate::config::{self, Config, Connector};
use crate::output::print;

/// The state directory of a host.
#[derive(Debug, Clone, Args)]
pub(super) struct Located {
    #[command(flatten)]
    configured: Configured,
    /// The host's state directory; no configuration is needed then.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    state: Option<PathBuf>,
}

impl Located {
    /// Returns the state directory; or, having said why, the program's exit code.
    pub(super) fn directory(&self) -> Result<PathBuf, ExitCode> {
        self.find().map(|(directory, _)| directory)
    }

    /// Returns the state directory, whatever else is wrong with the configuration; or, having said why, the program's
    /// exit code.
    fn directory_whatever_is_wrong(&self) -> Result<PathBuf, ExitCode> {
        match &self.state {
            Some(directory) => Ok(directory.clone()),
            None => config::state_dir_of(&self.configured.config)
                .map_err(|error| complain(USAGE, format_args!("{error}"))),
        }
    }

    /// Returns the state directory, with the configuration if that is what names it.
    pub(super) fn find(&self) -> Result<(PathBuf, Option<Config>), ExitCode> {
        match &self.state {
            Some(directory) => Ok((directory.clone(), None)),
            None => Config::load(&self.configured.config)
                .map(|config| (config.state_dir.clone(), Some(config)))
                .map_err(|error| {
                    complain(
                        USAGE,
                        format_args!(
                            "{error}\nonly the state directory is needed of it here: with --state DIR in place of it nothing \
                             else is read"
                        ),
                    )
                }),
        }
    }

    /// Returns the arguments that have named the host, for a command to paste; none if nothing was named.
    pub(super) fn given(&self) -> String {
        let default = std::path::Path::new(super::CONFIGURATION);
        match &self.state {
            Some(directory) => format!(" --state {}", pasted(directory)),
            None if self.configured.config == default => String::new(),
            None => format!(" -c {}", pasted(&self.configured.config)),
        }
    }

    /// Returns the configuration file, if that is what names the host.
    pub(super) fn file(&self) -> Option<&std::path::Path> {
        self.state.is_none().then_some(self.configured.config.as_path())
    }

    /// Says that no host runs on the state directory that was named.
    pub(super) fn nobody(&self) -> String {
        let directory = self.state.clone().unwrap_or_default();
        format!(
            "no host runs on {}: start one with `vehicle-connector run -c FILE`; with -c FILE in place of --state \
             this command needs none",
            directory.display()
        )
    }

    /// Returns the host's name for people, and the command that starts it.
    #[cfg(unix)]
    fn host(&self) -> (String, String) {
        match &self.state {
            Some(directory) => {
                (format!("on {}", directory.display()), "vehicle-connector run -c FILE".to_owned())
            }
            None => {
                let file = self.configured.config.display();
                (format!("with {file}"), format!("vehicle-connector run -c {file}"))
            }
        }
    }
}

/// Returns a path as a shell takes it.
pub(super) fn pasted(path: &std::path::Path) -> String {
    quoted(&path.display().to_string())
}

/// Returns a text as a shell takes it, whatever is in it: as one word that means nothing else.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "/._-+:@%,=".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A host to ask, and the form of its answer.
#[derive(Debug, Clone, Args)]
pub(super) struct Asked {
    #[command(flatten)]
    located: Located,
    /// Print what the host answers as one JSON value.
    #[arg(long)]
    pub json: bool,
}

impl Asked {
    /// Returns where the host is.
    pub(super) const fn located(&self) -> &Located {
        &self.located
    }

    /// Returns the arguments that have named the host, for a command to paste; none if nothing was named.
    pub(super) fn given(&self) -> String {
        self.located.given()
    }

    /// Returns the state directory, with the configuration if that is what names it; or, having said why, the
    /// program's exit code.
    pub(super) fn found(&self) -> Result<(PathBuf, Option<Config>), ExitCode> {
        self.located.find()
    }

    /// Returns the configuration file, unless the state directory is what names the host.
    pub(super) fn configuration(&self) -> Option<PathBuf> {
        self.located.state.is_none().then(|| self.located.configured.config.clone())
    }

    /// Returns what the configuration, or else this program, grants a connector of this name, with the
    /// configuration's file. Secrets need not be there for that, and neither need the file.
    ///
    /// # Errors
    ///
    /// When there is a file, and what it grants cannot be read.
    pub(super) fn connector(&self, name: &str) -> Result<(PathBuf, Option<Connector>), String> {
        let path = &self.located.configured.config;
        let text = match std::fs::read_to_string(path) {
            Ok(text) if self.located.state.is_none() => text,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("{}: cannot be read: {error}", path.display()));
            }
            _ => String::new(),
        };
        let connector = config::connector_of(&text, path, name).map_err(|error| error.to_string())?;
        Ok((path.clone(), connector))
    }

    /// Asks the host and shows its answer. Exit codes: 0 done, 1 not done or no host, 2 no good
    /// configuration.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        verb: &str,
        payload: &Value,
        show: impl FnOnce(&T) -> String,
    ) -> ExitCode {
        self.ask_for(verb, payload, Ok, show)
    }

    /// Asks the host and shows a part of its answer; choosing it may fail, and says why.
    pub(super) fn ask_for<T: DeserializeOwned>(
        &self,
        verb: &str,
        payload: &Value,
        choose: impl FnOnce(Value) -> Result<Value, String>,
        show: impl FnOnce(&T) -> String,
    ) -> ExitCode {
        let data = match self.data(verb, payload) {
            Ok(data) => choose(data),
            Err(code) => return code,
        };
        match data {
            Ok(data) => self.show(verb, data, show),
            Err(error) => complain(1, format_args!("{}", plain(&error))),
        }
    }

    /// Asks the host as [`ask`](Self::ask) does, although the configuration may be wrong.
    pub(super) fn ask_whatever_is_wrong<T: DeserializeOwned>(
        &self,
        verb: &str,
        payload: &Value,
        show: impl FnOnce(&T) -> String,
    ) -> ExitCode {
        let directory = self.located.directory_whatever_is_wrong();
        match directory.and_then(|directory| self.data_at(&directory, verb, payload)) {
            Ok(data) => self.show(verb, data, show),
            Err(code) => code,
        }
    }

    /// Shows what a host has answered.
    pub(in crate::cli) fn show<T: DeserializeOwned>(
        &self,
        verb: &str,
        data: Value,
        show: impl FnOnce(&T) -> String,
    ) -> ExitCode {
        if self.json {
            return match json_line(&data) {
                Ok(line) => print(&line),
                Err(error) => complain(1, format_args!("{verb} is done, but its answer is no JSON: {error}")),
            };
        }
        match serde_json::from_value(data) {
            Ok(answer) => print(&show(&answer)),
            Err(error) => complain(
                1,
                format_args!(
                    "{verb} is done, but the host is of a version whose answer this one does not know ({}); \
                     --json shows it",
                    plain(&error.to_string())
                ),
            ),
        }
    }

    /// Returns the state directory of the host; or, having said why, the program's exit code.
    pub(super) fn directory(&self) -> Result<PathBuf, ExitCode> {
        self.located.directory()
    }

    /// Asks the host and returns what it answers; or, having said why there is no answer, the program's exit code.
    pub(super) fn data(&self, verb: &str, payload: &Value) -> Result<Value, ExitCode> {
        self.data_at(&self.located.directory()?, verb, payload)
    }

    /// Asks the host that runs on a state directory.
    #[cfg(unix)]
    pub(super) fn data_at(
        &self,
        directory: &std::path::Path,
        verb: &str,
        payload: &Value,
    ) -> Result<Value, ExitCode> {
        use crate::control::{AskError, ask};
        ask(directory, verb, payload).map_err(|error| match error {
            AskError::NoHost { .. } => {
                let (which, start) = self.located.host();
                let moved = match self.located.state {
                    Some(_) => "",
                    None => {
                        "; if state.dir was changed since it was started, name the one before with --state"
                    }
                };
                complain(1, format_args!("no host runs {which}: {error}; start one with `{start}`{moved}"))
            }
            AskError::Refused(reason) => {
                complain(1, format_args!("the host refused {verb}: {}", plain(&reason)))
            }
            error => complain(1, format_args!("{}", plain(&error.to_string()))),
        })
    }

    /// Says why no host can be asked.
    #[cfg(not(unix))]
    pub(super) fn data_at(
        &self,
        _directory: &std::path::Path,
        verb: &str,
        _payload: &Value,
    ) -> Result<Value, ExitCode> {
        Err(complain(
            1,
            format_args!(
                "{verb} needs a running host's control socket, which there is on Unix systems only; MQTT has the same requests"
            ),
        ))
    }
}
