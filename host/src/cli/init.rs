//! `vehicle-connector init`: a first configuration, by asking.
//!
//! What is written is what `check-config` accepts, or nothing is. Nothing that exists is overwritten. A secret is
//! typed without being shown, or comes from a file that is named; never from the command line, which other users of
//! the machine can read.

mod answers;
mod gathering;
mod place;
mod text;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::gathering::{Gathering, NoAnswers, Person};
use super::auth::terminal::{self, Echo};
use super::remote::pasted;
use super::{Configured, USAGE, complain};
use crate::output::print;

/// What is known beforehand; what is missing is asked for.
#[derive(Debug, Args)]
pub(super) struct InitOptions {
    #[command(flatten)]
    configured: Configured,
    /// The broker: mqtt://host:1883, or mqtts://host:8883 for TLS.
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// User name for the broker.
    #[arg(long, value_name = "NAME")]
    broker_user: Option<String>,
    /// File with the password for the broker.
    #[arg(long, value_name = "FILE")]
    broker_password_file: Option<PathBuf>,
    /// Brand of the car, which says which connector speaks to its cloud.
    #[arg(long, value_name = "BRAND")]
    brand: Option<String>,
    /// Region of the account, where there are several.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Name of the account in the configuration.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// A secret of the account and the file that it is in, such as pin=/run/secrets/pin.
    #[arg(long = "secret", value_name = "SECRET=FILE", value_parser = pair)]
    secrets: Vec<(String, String)>,
    /// A setting of the connector, such as locale=fr_FR.
    #[arg(long = "setting", value_name = "SETTING=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
    /// Name of the car in the configuration and in topics.
    #[arg(long, value_name = "NAME")]
    vehicle: Option<String>,
    /// The car by its vehicle identification number.
    #[arg(long, value_name = "VIN", conflicts_with = "named")]
    vin: Option<String>,
    /// The car by the name that it has in the vendor's app.
    #[arg(long, value_name = "NAME")]
    named: Option<String>,
    /// What may be commanded, by the words of `allow`.
    #[arg(long, value_name = "WORD,…", value_delimiter = ',')]
    allow: Vec<String>,
    /// Ask nothing: take what is usual for what is not said, and fail where nothing is usual.
    #[arg(short, long)]
    yes: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.replace('-', "_"), value.to_owned()))
        }
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// The person at the terminal.
struct Terminal;

impl Person for Terminal {
    fn ask(&mut self, prompt: &str, echo: Echo) -> std::io::Result<Option<String>> {
        terminal::ask(prompt, echo)
    }

    fn say(&mut self, line: &str) -> std::io::Result<()> {
        terminal::say(line)
    }
}

/// Exit codes: 0 written, 1 it could not be written, or asking was ended, 2 something is missing or wrong, or the
/// file exists. The place is looked at before anything is asked.
pub(super) fn run(options: &InitOptions) -> ExitCode {
    let path = &options.configured.config;
    let asks = !options.yes && std::io::stdin().is_terminal();
    match place::look(path, asks) {
        Ok(()) => {}
        Err(place::InTheWay::Exists(what)) => return complain(USAGE, format_args!("{what}")),
        Err(place::InTheWay::Unusable(what)) => return complain(1, format_args!("{what}")),
    }
    let mut terminal = Terminal;
    let person = asks.then_some(&mut terminal as &mut dyn Person);
    let answers = match Gathering::new(options, person).gather() {
        Ok(answers) => answers,
        Err(NoAnswers::Ended) => return complain(1, format_args!("ended; nothing was written")),
        Err(NoAnswers::Wrong(why)) => {
            return complain(USAGE, format_args!("{why}; nothing was written"));
        }
        Err(NoAnswers::Failed(error)) => {
            return complain(1, format_args!("{error}; nothing was written"));
        }
    };
    match place::write(path, &answers) {
        Ok(()) => {
            let shown = pasted(path);
            print(&format!(
                "{}: written; it is good\nnext:\n  vehicle-connector doctor -c {shown}\n  vehicle-connector run -c {shown}\n",
                path.display()
            ))
        }
        Err(error) => complain(1, format_args!("{error:#}")),
    }
}
