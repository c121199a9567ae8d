//! `auth login`: a sign-in that a person begins, with what the configuration has or with what is asked for here.
//!
//! A password is typed on the terminal without being shown, or read from the standard input. It is on no command line
//! and in no environment, goes to the host by its control socket, and is wiped here and there when the sign-in is over.

use std::io::{self, IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::Args;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::super::remote::Asked;
use super::super::table::plain;
use super::super::way::Unanswered;
use super::super::{USAGE, complain};
use super::conversation::{Conversation, Outcome, show_json, unanswered, understood};
use super::terminal::{self, Echo};
use crate::account::Prospect;
use crate::protect::quota::Count;
use crate::redact::wipe;

/// Largest password that is read, in bytes; the host takes less.
const LARGEST: u64 = 8 << 10;

#[derive(Debug, Args)]
pub(in crate::cli) struct LoginOptions {
    /// The account, as the configuration names it.
    #[arg(value_name = "ACCOUNT")]
    pub(super) account: String,
    /// The account's user name at its vendor, such as an e-mail address, where the configuration has none. Asked for
    /// otherwise.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from the standard input, where the configuration has none. For scripts: a person is asked.
    #[arg(long)]
    password_stdin: bool,
    /// Show what a sign-in would send, and stop before the first request that counts.
    #[arg(long, conflicts_with_all = ["username", "password_stdin"])]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) host: Asked,
}

/// What a sign-in by hand takes, and costs.
#[derive(Debug, Deserialize)]
struct Takes {
    vendor: String,
    takes: Vec<String>,
    configured: bool,
    question: bool,
    sign_ins: Count,
    /// Of a host of before there is none.
    prospect: Option<Prospect>,
}

impl Takes {
    fn wants(&self, name: &str) -> bool {
        self.takes.iter().any(|wanted| wanted == name)
    }

    /// Says what a sign-in costs.
    fn in_words(&self, account: &str) -> String {
        let Count { used, limit, .. } = self.sign_ins;
        let vendor = plain(&self.vendor);
        let of_a_day = limit.map(|limit| format!(" of at most {limit} within 24 hours")).unwrap_or_default();
        let were = if used == 1 { "1 was" } else { &format!("{used} were") };
        format!("This signs {account} in to {vendor} once, as one sign-in{of_a_day}; {were} made so far.")
    }
}

/// What is given for a sign-in.
#[derive(Default)]
struct Given {
    username: Option<String>,
    password: Option<SecretString>,
}

impl Given {
    /// The payload that says `about` what it is, with what is given.
    fn payload(&self, mut about: Value) -> Wiped {
        let given = [
            ("username", self.username.as_deref()),
            ("password", self.password.as_ref().map(|password| password.expose_secret())),
        ];
        for (name, value) in given {
            if let (Some(value), Some(fields)) = (value, about.as_object_mut()) {
                fields.insert(name.to_owned(), Value::from(value));
            }
        }
        Wiped(about)
    }
}

/// A document that is wiped when it is dropped.
struct Wiped(Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Signs an account in.
pub(super) async fn login(
    conversation: &Conversation<'_>,
    options: &LoginOptions,
) -> Result<ExitCode, ExitCode> {
    let (account, json) = (conversation.account, conversation.host.json);
    let takes: Takes = understood(conversation.ask("account/credentials", &conversation.about()).await?)?;
    if takes.question && !json {
        said("a sign-in waits for an answer already, and goes on")?;
        return conversation.go_on().await;
    }
    if takes.sign_ins.left == Some(0) && !takes.question {
        let Count { used, .. } = takes.sign_ins;
        return Err(complain(
            1,
            format_args!(
                "{account} is not signed in: {used} sign-ins were made within 24 hours, which is as many as \
                 max_logins_per_day allows; nothing was sent"
            ),
        ));
    }
    if let Some(Prospect::Refused { why, .. }) = &takes.prospect {
        return Err(complain(
            1,
            format_args!("{account} is not signed in: {}; nothing was sent", plain(why)),
        ));
    }
    let given = if takes.question { Given::default() } else { asked_for(options, &takes)? };
    let conversation =
        Conversation { is_forgotten: conversation.way.is_own() && given.password.is_some(), ..*conversation };
    let mut may_try_again = !json && io::stdin().is_terminal();
    loop {
        let payload = given.payload(conversation.about());
        let why = match conversation.way.ask_at_once("account/login", &payload.0).await {
            Ok(data) if json => return show_json(data),
            Ok(data) => return conversation.go_on_from(understood(data)?).await,
            Err(Unanswered::Refused(why)) => why,
            Err(why) => return Err(unanswered("account/login", &why)),
        };
        let counted = counted(&conversation, &takes.sign_ins).await;
        let why = format!("{account} is not signed in: {}{counted}", plain(&why));
        let wants_consent = may_try_again && wants_consent(&conversation).await?;
        if !std::mem::take(&mut may_try_again) || !wants_consent {
            return Err(complain(1, format_args!("{why}")));
        }
        said(&why)?;
        let prompt = "press Enter when that is done, to try once more, which is one more sign-in ";
        if typed(terminal::ask(prompt, Echo::On))?.is_none() {
            return Err(complain(1, format_args!("{account} is not signed in; nothing more was sent")));
        }
    }
}

/// Whether a sign-in was counted since it was told how many there were: then what counts has left this machine. Nothing
/// is said where the host has gone meanwhile, since why the sign-in came to nothing matters more.
async fn counted(conversation: &Conversation<'_>, before: &Count) -> String {
    let now = conversation.way.ask_at_once("account/credentials", &conversation.about()).await;
    let Some(now) = now.ok().and_then(|now| serde_json::from_value::<Takes>(now).ok()) else {
        return String::new();
    };
    let Count { used, limit, .. } = now.sign_ins;
    match limit {
        _ if used <= before.used => "; no sign-in was counted".to_owned(),
        Some(limit) => format!("; a sign-in was counted, {used} of {limit} within 24 hours"),
        None => "; a sign-in was counted".to_owned(),
    }
}

/// Whether the vendor wants its terms to be accepted, so that the same may go well afterwards.
async fn wants_consent(conversation: &Conversation<'_>) -> Result<bool, ExitCode> {
    let outcome = conversation.so_far().await?;
    Ok(matches!(outcome, Outcome::Ended { state, .. } if state == "consent_required"))
}

/// Returns what is given on the command line, read, or typed, as far as the host takes it.
fn asked_for(options: &LoginOptions, takes: &Takes) -> Result<Given, ExitCode> {
    let (of_name, of_password) = (takes.wants("username"), takes.wants("password"));
    let LoginOptions { username, password_stdin, host, .. } = options;
    for (is_given, is_wanted, option) in
        [(username.is_some(), of_name, "--username"), (*password_stdin, of_password, "--password-stdin")]
    {
        if is_given && !is_wanted {
            let why = "the configuration has that, or the account's connector has no use for it";
            return Err(complain(USAGE, format_args!("leave {option} out: {why}; nothing was sent")));
        }
    }
    let is_asked = !host.json && io::stdin().is_terminal() && !password_stdin;
    if is_asked && (of_name || of_password) {
        said(&takes.in_words(&options.account))?;
        return typed_in(username.clone(), takes);
    }
    if of_password && !password_stdin && !takes.configured {
        return Err(complain(
            USAGE,
            format_args!(
                "a password is wanted, and there is no terminal to ask for it: hand it in on the standard input with \
                 --password-stdin, and the user name with --username; nothing was sent"
            ),
        ));
    }
    if of_name && *password_stdin && username.is_none() {
        return Err(complain(
            USAGE,
            format_args!("the configuration has no user name: give it with --username; nothing was sent"),
        ));
    }
    if !host.json {
        said(&takes.in_words(&options.account))?;
    }
    let password = if *password_stdin { Some(read()?) } else { None };
    Ok(Given { username: username.clone().filter(|_| password.is_some() || !of_password), password })
}

/// Asks a person. Where the configuration has something else to sign in with, nothing need be typed.
fn typed_in(username: Option<String>, takes: &Takes) -> Result<Given, ExitCode> {
    said("What is typed here is used for this sign-in and the questions that it asks, and is not stored.")?;
    let else_configured = takes.configured && takes.wants("password");
    let hint = if else_configured { " (Enter alone: with what is configured)" } else { "" };
    let left = || complain(1, format_args!("nothing was sent"));
    let username = match username {
        None if takes.wants("username") => {
            let line = typed(terminal::ask(&format!("e-mail address or user name{hint}: "), Echo::On))?;
            match line.ok_or_else(left)? {
                line if line.is_empty() && else_configured => return Ok(Given::default()),
                line if line.is_empty() => {
                    return Err(complain(1, format_args!("no user name was typed; nothing was sent")));
                }
                line => Some(line),
            }
        }
        given => given,
    };
    if !takes.wants("password") {
        return Ok(Given { username, password: None });
    }
    let password = typed(terminal::ask_password("password: "))?.ok_or_else(left)?;
    if password.expose_secret().is_empty() {
        return Err(complain(1, format_args!("no password was typed; nothing was sent")));
    }
    Ok(Given { username, password: Some(password) })
}

/// Reads a password from the standard input, without the end of its line.
fn read() -> Result<SecretString, ExitCode> {
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(LARGEST).unwrap_or_default()));
    let read = io::stdin().take(LARGEST).read_to_string(&mut text);
    read.map_err(|error| {
        complain(1, format_args!("the password cannot be read: {error}; nothing was sent"))
    })?;
    Ok(text.trim_end_matches(['\n', '\r']).into())
}

fn typed<T>(line: io::Result<T>) -> Result<T, ExitCode> {
    line.map_err(|error| complain(1, format_args!("the terminal: {error}; nothing was sent")))
}

fn said(line: &str) -> Result<(), ExitCode> {
    typed(terminal::say(line))
}
