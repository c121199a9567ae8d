//! `auth logout`: what a vendor has given out is forgotten.

use std::process::ExitCode;

use serde::Deserialize;

use super::super::table::plain;
use super::conversation::{Conversation, show_json, understood};
use crate::output::print;

/// What was forgotten.
#[derive(Debug, Deserialize)]
struct SignedOut {
    account: String,
    vendor: String,
    forgotten: Vec<String>,
}

/// Signs an account out.
pub(super) async fn logout(conversation: &Conversation<'_>) -> Result<ExitCode, ExitCode> {
    let data = conversation.ask("account/logout", &conversation.about()).await?;
    if conversation.host.json {
        return show_json(data);
    }
    Ok(print(&in_words(&understood(data)?, &conversation.host.given())))
}

fn in_words(done: &SignedOut, given: &str) -> String {
    let SignedOut { account, vendor, forgotten } = done;
    let vendor = plain(vendor);
    let what = if forgotten.is_empty() {
        "there was nothing to forget".to_owned()
    } else {
        format!("its session is forgotten, and with it {}", plain(&forgotten.join(", ")))
    };
    format!(
        "{account} is signed out: {what}.\n\
         {vendor} was not told, so what it has given out stays good there until it ends or the password is changed.\n\
         Nothing is sent for the account until `vehicle-connector auth login {account}{given}`, or until its credentials \
         in the configuration are others.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_and_what_is_not_are_said() {
        let done = |forgotten: &[&str]| {
            let forgotten = forgotten.iter().map(|name| (*name).to_owned()).collect();
            in_words(
                &SignedOut { account: "main".to_owned(), vendor: "Kia".to_owned(), forgotten },
                " -c a.toml",
            )
        };
        let words = done(&["access-token", "refresh-token"]);
        for part in ["with it access-token, refresh-token", "Kia was not told", "auth login main -c a.toml`"]
        {
            assert!(words.contains(part), "{words}");
        }
        assert!(done(&[]).contains("nothing to forget"));
    }
}
