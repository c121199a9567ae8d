//! `vehicle-connector auth import`: a session that another program has obtained is taken over.
//!
//! The host stores it: the one that runs, or one that this program starts for a moment, which holds the lock of the
//! state meanwhile. Nothing is sent to the vendor here, and no value of the file is shown anywhere.

mod evcc;
mod kept;
mod kia_uvo;
mod own;

use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use self::kept::{Kept, Unusable};
use super::super::remote::Asked;
use super::super::table::{json_line, plain};
use super::super::way::Way;
use super::super::{USAGE, complain};
use super::terminal::{self, Echo};
use crate::component_file::{self, Links};
use crate::config::{self, Config};
use crate::output::print;

/// Largest file that is read, in bytes: Home Assistant keeps the entries of all integrations in one.
const LARGEST: usize = 16 << 20;

/// The name of the standard input.
const STANDARD_INPUT: &str = "-";

/// A program that keeps sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    /// Home Assistant's integration kia_uvo: its config entry, or the whole file .storage/core.config_entries.
    KiaUvo,
    /// evcc: the value of the setting bluelink-cci.BRAND.USER, which is JSON.
    Evcc,
    /// A JSON object of this program's names: {"session": {…}, "access-token": "…", …}.
    Json,
}

/// What is imported, and where to.
#[derive(Debug, Args)]
pub(in crate::cli) struct ImportOptions {
    /// The account, as the configuration names it.
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// The program whose session it is.
    #[arg(long, value_enum, value_name = "PROGRAM")]
    from: Program,
    /// The file that has the session; `-` for the standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The entry of Home Assistant, by its entry_id, if there are several.
    #[arg(long, value_name = "ENTRY_ID")]
    entry: Option<String>,
    /// Say that the other program was stopped for good, in place of being asked.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    host: Asked,
}

/// What a host answers.
#[derive(Deserialize)]
struct Imported {
    account: String,
    tokens: Vec<String>,
    still: Option<String>,
}

/// Imports. Exit codes: 0 imported, 1 not imported, 2 the arguments, the file or the configuration are wrong.
pub(super) async fn run(options: &ImportOptions) -> ExitCode {
    match import(options).await {
        Ok(code) | Err(code) => code,
    }
}

async fn import(options: &ImportOptions) -> Result<ExitCode, ExitCode> {
    let kept = read(options).map_err(|why| {
        complain(
            USAGE,
            format_args!("{}: {}; nothing was imported", shown(&options.file), plain(&why.to_string())),
        )
    })?;
    if let (_, Some(config)) = options.host.found()? {
        fits(&config, &options.account, &kept).map_err(|why| complain(USAGE, format_args!("{why}")))?;
    }
    confirm(options)?;
    let way = Way::find(options.host.located()).await?;
    let Kept { tokens, session, .. } = kept;
    let payload = json!({"account": options.account, "tokens": tokens, "session": session});
    let answer = way.ask_at_once("account/import", &payload).await;
    let goes_on = if way.is_own() {
        "a host goes on with it when it starts"
    } else {
        "the running host goes on with it"
    };
    way.leave().await;
    let data = answer.map_err(|why| complain(1, format_args!("{}", plain(&why.to_string()))))?;
    Ok(told(options, &data, goes_on))
}

fn told(options: &ImportOptions, data: &Value, goes_on: &str) -> ExitCode {
    if options.host.json {
        return match json_line(data) {
            Ok(line) => print(&line),
            Err(error) => complain(1, format_args!("it is imported, but the answer is no JSON: {error}")),
        };
    }
    match Imported::deserialize(data) {
        Ok(Imported { account, tokens, still }) => {
            let still = still.map(|still| format!("; but {still}")).unwrap_or_default();
            let done =
                format!("{account}: a session of {} tokens was imported, and {goes_on}{still}", tokens.len());
            print(&format!("{}\n", plain(&done)))
        }
        Err(_) => print(&format!("{}: imported\n", options.account)),
    }
}

/// Reads the session from the file.
fn read(options: &ImportOptions) -> Result<Kept, Unusable> {
    let bytes = if is_standard_input(&options.file) {
        let mut bytes = Vec::new();
        let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
        let read = io::stdin().take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| Unusable(format!("it cannot be read: {error}")))?;
        if bytes.len() > LARGEST {
            return Err(Unusable(format!("it has more than {LARGEST} bytes")));
        }
        bytes
    } else {
        if let Some(open) = config::too_open(&options.file, true) {
            let _told = complain(0, format_args!("warning: {open}"));
        }
        component_file::read_bytes(&options.file, Links::Followed, LARGEST)
            .map_err(|refused| Unusable(refused.to_string()))?
    };
    let root = kept::object(&bytes)?;
    if options.entry.is_some() && options.from != Program::KiaUvo {
        return Err(Unusable("--entry is for entries of Home Assistant; leave it out".to_owned()));
    }
    match options.from {
        Program::KiaUvo => kia_uvo::read(&root, options.entry.as_deref()),
        Program::Evcc => evcc::read(&root),
        Program::Json => own::read(&root),
    }
}

/// Checks that the account is there, and that the session is one of its brand.
fn fits(config: &Config, account: &str, kept: &Kept) -> Result<(), String> {
    let Some(known) = config.accounts.get(account) else {
        let names: Vec<&str> = config.accounts.keys().map(|name| name.as_str()).collect();
        return Err(format!("there is no account {account:?}; there are: {}", names.join(", ")));
    };
    match kept.brand {
        Some(brand) if !known.brand.is_empty() && brand != known.brand => Err(format!(
            "this is a session of {brand}, and the account {account} is one of {}; nothing was imported",
            known.brand
        )),
        _ => Ok(()),
    }
}

/// Asks whether the other program was stopped, unless that was said.
fn confirm(options: &ImportOptions) -> Result<(), ExitCode> {
    let warning = "two programs must not share one session: each renewal gives new tokens and ends the old ones, so the \
                   other program and this one would end each other's";
    if options.yes {
        return Ok(());
    }
    if is_standard_input(&options.file) || !io::stdin().is_terminal() {
        return Err(complain(
            USAGE,
            format_args!(
                "{warning}; nothing was imported. Stop the other program for good, then say so with --yes: nobody is here to \
                 be asked"
            ),
        ));
    }
    let told = terminal::say(&format!("{warning}. What stops it: {}.", options.from.stopped_by()));
    let typed = told.and_then(|()| terminal::ask("was it stopped for good? Type yes: ", Echo::On));
    match typed {
        Ok(Some(typed)) if typed.eq_ignore_ascii_case("yes") => Ok(()),
        Ok(_) => Err(complain(1, format_args!("nothing was imported"))),
        Err(error) => Err(complain(1, format_args!("the terminal: {error}; nothing was imported"))),
    }
}

impl Program {
    /// How a person stops the program.
    const fn stopped_by(self) -> &'static str {
        match self {
            Self::KiaUvo => "in Home Assistant remove the entry of kia_uvo, or disable it",
            Self::Evcc => "in evcc remove the vehicle, or stop evcc",
            Self::Json => "whatever the session comes from must not use it any more",
        }
    }
}

fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == STANDARD_INPUT
}

fn shown(file: &Path) -> String {
    if is_standard_input(file) { "the standard input".to_owned() } else { file.display().to_string() }
}
