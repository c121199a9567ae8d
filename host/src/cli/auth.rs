//! `vehicle-connector auth`: sign-ins in which a person has something to do, and the end of what they have brought.
//!
//! The running host signs in, and this program only asks and hands on: it keeps no credential, and when it is left in
//! the middle the question stays open, for `auth answer` or the broker. Where no host runs, this program is one for as
//! long as it takes.

mod conversation;
mod import;
mod login;
mod logout;
mod question;
mod rehearse;
mod remembered;
mod status;
pub(super) mod terminal;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::Subcommand;

use self::conversation::Conversation;
use self::login::LoginOptions;
use super::remote::Asked;
use super::way::Way;

#[derive(Debug, Subcommand)]
pub(super) enum AuthCommand {
    /// Sign an account in now, and answer what its vendor asks.
    ///
    /// It costs one of the sign-ins of the day (max_logins_per_day), whatever session there is. What the configuration has
    /// is used as it stands there; a user name and a password that it has not are asked for here, used for this sign-in
    /// and its questions, and not stored. If the vendor asks a question, the answer is typed here, a code without being
    /// shown. Ctrl-C leaves the question open. Ends with 0 when the account is signed in, and with 1 when it is not; with
    /// --json nothing is asked here, and an open question is 0.
    ///
    /// With --dry-run nothing is counted or kept: it is said what a sign-in would come to now, and its requests are printed
    /// with placeholders for what is secret. Those are sent that carry nothing of yours, up to the first one that counts;
    /// none is while the vendor is to be left alone. Ends with 1 when a sign-in would be refused now.
    Login(LoginOptions),
    /// Answer the question of an account, asked by whatever has begun a sign-in.
    ///
    /// Without CODE the question is shown and asked on a terminal, else the answer is read from the standard input, where
    /// other users of this machine do not see it. Ends with 0 when the answer was taken: the account is signed in, or the
    /// next question is shown. Ends with 1 when it was not, and the question is open still or the sign-in is over.
    #[command(visible_alias = "otp")]
    Answer {
        /// The account, as the configuration names it.
        #[arg(value_name = "ACCOUNT")]
        account: String,
        /// The code; or the choice, the address that the browser ended at, `confirmed`, or `again` for another code.
        #[arg(value_name = "CODE")]
        answer: Option<String>,
        #[command(flatten)]
        host: Asked,
    },
    /// Forget the session of an account, and everything else that its vendor has given out.
    ///
    /// Nothing is sent, so what was given out stays good at the vendor until it ends. From then on the account is not
    /// signed in by itself, over restarts too, until `auth login` does it or its credentials in the configuration are
    /// others. Ends with 0 when it is signed out.
    Logout {
        /// The account, as the configuration names it.
        #[arg(value_name = "ACCOUNT")]
        account: String,
        #[command(flatten)]
        host: Asked,
    },
    /// Take over the session of another program, without a password.
    ///
    /// Programs that sign in keep the tokens that they got, and the vendor has not to be asked for others. Only one program
    /// may go on with them: each renewal ends the tokens of before, so stop the other one for good first. Goes to the
    /// host that runs, or else into the state of the one that does not. Nothing is sent to the vendor; the next
    /// read finds out whether it still takes them.
    Import(import::ImportOptions),
    /// Show how accounts are signed in: with what, until when, and what a person has to do.
    ///
    /// The running host tells it. Where none runs it is told of what is stored, and that is said; nothing is sent and
    /// nothing changes.
    Status {
        /// The account, as the configuration names it; all of them without it.
        #[arg(value_name = "ACCOUNT")]
        account: Option<String>,
        #[command(flatten)]
        host: Asked,
    },
}

pub(super) async fn run(command: &AuthCommand) -> ExitCode {
    let (account, host) = match command {
        AuthCommand::Import(options) => return import::run(options).await,
        AuthCommand::Status { account, host } => return status::run(account.as_deref(), host).await,
        AuthCommand::Login(LoginOptions { account, dry_run: true, host, .. }) => {
            return rehearse::run(account, host).await;
        }
        AuthCommand::Login(LoginOptions { account, host, .. })
        | AuthCommand::Answer { account, host, .. }
        | AuthCommand::Logout { account, host } => (account, host),
    };
    let way = match Way::find(host.located()).await {
        Ok(way) => way,
        Err(code) => return code,
    };
    let conversation = Conversation { host, way: &way, account, is_forgotten: false };
    let done = match command {
        AuthCommand::Login(options) => login::login(&conversation, options).await,
        AuthCommand::Answer { answer: None, .. } if !host.json && io::stdin().is_terminal() => {
            conversation.go_on().await
        }
        AuthCommand::Answer { answer, .. } => conversation.answer(answer.as_deref()).await,
        _ => logout::logout(&conversation).await,
    };
    way.leave().await;
    done.unwrap_or_else(|code| code)
}
