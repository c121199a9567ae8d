//! What a connector asks for, beside what it is granted.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::super::remote::Asked;
use super::super::table::plain;
use super::super::{USAGE, asking, complain, limited};
use super::{carried, other_kind, read};
use crate::config;
use crate::descriptor::{Excess, Grant, excess};
use crate::output::print;
use crate::plugin::{ActivationError, Asking, Compiled, PluginKind};

/// What a connector asks for, and whether it is granted that.
#[derive(Debug, Serialize)]
pub(super) struct Asks {
    /// A sentence for people.
    description: String,
    /// Everything, for programs.
    asks_for: serde_json::Value,
    /// What it asks for beyond what it is granted, a sentence each; none if it is granted nothing yet.
    not_granted: Option<Vec<String>>,
    #[serde(skip)]
    wanted: Grant,
    #[serde(skip)]
    excess: Vec<Excess>,
    /// Who grants it what, for people.
    #[serde(skip)]
    granted_by: Option<String>,
    /// Reason why it cannot be said what it is granted.
    #[serde(skip)]
    unreadable: Option<String>,
}

impl Asks {
    /// Compares what a connector asks for with what it is granted. Returns its name and version beside that.
    pub(super) fn of(asking: Asking, host: &Asked) -> ((String, String), Self) {
        let Asking { name, version, description, wanted } = asking;
        let (granted, unreadable) = match granted(&name, host) {
            Ok(granted) => (granted, None),
            Err(why) => (None, Some(why)),
        };
        let excess = granted.as_ref().map(|(_, grant)| excess(&wanted, grant));
        let asks = Self {
            description,
            asks_for: asking::for_programs(&wanted),
            not_granted: excess.as_ref().map(|excess| excess.iter().map(ToString::to_string).collect()),
            wanted,
            excess: excess.unwrap_or_default(),
            granted_by: granted.map(|(by, _)| by),
            unreadable,
        };
        ((name, version), asks)
    }

    /// Returns why a host would not take it, if it asks for more than it is granted.
    pub(super) fn refused(&self, name: &str) -> Option<String> {
        let excess = self.excess.clone();
        let error = ActivationError::NotGranted { connector: name.to_owned(), excess };
        (!self.excess.is_empty()).then(|| error.to_string())
    }

    /// The line about the connector.
    pub(super) fn about(&self) -> String {
        format!("about      {}\n", plain(&self.description))
    }

    /// The tables about what it asks for.
    pub(super) fn for_people(&self, file: &Path) -> String {
        let granted = match (&self.granted_by, &self.unreadable) {
            (Some(by), _) if self.excess.is_empty() => format!("All of it is granted by {by}.\n"),
            (Some(by), _) => format!("Not all of it is granted by {by}:\n{}", asking::more(&self.excess)),
            (None, Some(why)) => {
                format!("What of it is granted cannot be said: {}\n", plain(why))
            }
            (None, None) => format!(
                "Nothing of it is granted yet; `vehicle-connector connector install {}` shows it and asks.\n",
                file.display()
            ),
        };
        format!("\n{}\n{granted}", asking::for_people(&self.wanted))
    }
}

/// Shows the section that a configuration would have for a connector. Exit codes: 0 shown, 1 it is no connector
/// that a host would take, 2 the file cannot be read.
pub(in crate::cli) async fn toml(kind: PluginKind, file: &Path, host: &Asked) -> ExitCode {
    if kind == PluginKind::Policy {
        return complain(USAGE, format_args!("a policy asks for nothing; --toml is for connectors"));
    }
    let component = match read(file) {
        Ok(component) => component,
        Err(code) => return code,
    };
    let asking = async {
        let sandbox = limited::as_configured(&host.configuration().unwrap_or_default())?;
        let compiled = Compiled::of(&sandbox, &component).await?;
        let asking = Asking::of(&sandbox, &compiled).await;
        let asking = asking.map_err(|error| anyhow::anyhow!("{error}{}", other_kind(&compiled)))?;
        Ok::<_, anyhow::Error>((asking, compiled.digest))
    };
    match asking.await {
        Ok((Asking { name, wanted, .. }, digest)) => {
            let block = config::block(&name, &format!("{name}.wasm"), digest, &wanted);
            print(&commented(&block, &name, carried(file).is_some()))
        }
        Err(error) => {
            let why = plain(&format!("{error:#}"));
            complain(1, format_args!("{} would be refused: {why}", file.display()))
        }
    }
}

/// Puts a comment before each part of a section: what its owner does with it. Of a connector that the program
/// carries no file is named.
fn commented(block: &str, name: &str, is_carried: bool) -> String {
    let mut text = String::new();
    let head = format!("[connector.{name}]");
    let of_a_file = |line: &str| line.starts_with("file = ") || line.starts_with("sha256 = ");
    for line in block.lines().filter(|line| !is_carried || !of_a_file(line)) {
        let part = line.strip_prefix('[').and_then(|line| line.strip_suffix(']'));
        let comment = match part.and_then(|part| part.rsplit('.').next()) {
            _ if line == head && is_carried => {
                "# The program carries this connector and its grant. With this in the configuration what stands here is\n\
                 # granted in place of that, all of it; with a sha256 only that component is taken.\n"
            }
            _ if line == head => {
                "# Put the component beside the configuration under the name of `file`, and this into the configuration;\n\
                 # `vehicle-connector connector install FILE.wasm` does both. What stands here is granted, so read it.\n"
            }
            Some("endpoints") => {
                "# Where it may send requests. Compare the hosts with those of the vendor.\n"
            }
            Some("secrets") => {
                "# What is \"required\" goes into [account.NAME], with _ for -, as KEY_file = \"PATH\" or KEY = \"${VARIABLE}\";\n\
                 # what is \"never\" there comes from answers. A class may be made stricter, such as password for identifier.\n"
            }
            Some("settings") => {
                "# Go into `settings` of [account.NAME], with _ for -. What is required must be there.\n"
            }
            Some("operations") => {
                "# Commanded as other/NAME, if `allow` of [vehicle.NAME] has \"other/NAME\". An effect may be made stricter.\n"
            }
            Some("refusals") => {
                "# Answers after which a credential is not sent again. Leave them as they are, unless its cloud says otherwise.\n"
            }
            Some("answers") => {
                "# How answers to commands are read: which may be sent again. Leave them as they are.\n"
            }
            _ => "",
        };
        text.push_str(comment);
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Returns what a connector is granted, and by whom: the configuration, or this program.
fn granted(name: &str, host: &Asked) -> Result<Option<(String, Grant)>, String> {
    let (path, connector) = host.connector(name)?;
    Ok(connector.map(|connector| {
        let by = connector.line.map(|line| format!("{}:{line}", path.display()));
        (by.unwrap_or_else(|| "this program".to_owned()), connector.grant.as_ref().clone())
    }))
}
