//! The second factor: a code that is sent by mail.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use simulator::kit::Ids;

/// A mail with a code, as it would have been sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The id of the mailbox.
    pub to: String,
    /// Six digits.
    pub code: String,
    /// The language that the client asked for.
    pub lang: Option<String>,
    /// By the server's clock, milliseconds since 1970.
    pub at: i64,
}

/// One demand of a second factor, from the login that was refused to the device that is trusted.
#[derive(Debug)]
struct Challenge {
    reg_token: String,
    /// Of the device that answers.
    gmid: String,
    assertion: Option<String>,
    /// The newest mail: its token, and the code in it.
    sent: Option<(String, String)>,
    provider_assertion: Option<String>,
}

/// What a challenge is given when a step succeeds.
pub(crate) struct Sent {
    pub(crate) phv_token: String,
    pub(crate) code: String,
}

/// The challenges that were not answered yet, and all mails.
#[derive(Debug, Default)]
pub(crate) struct Factor {
    open: Vec<Challenge>,
    drawn: u64,
    pub(crate) mails: Vec<Mail>,
}

impl Factor {
    /// A login is refused; returns the token that its challenge begins with.
    pub(crate) fn demand(&mut self, ids: &mut Ids) -> String {
        let reg_token = self.token("reg", ids);
        self.open.push(Challenge {
            reg_token: reg_token.clone(),
            gmid: String::new(),
            assertion: None,
            sent: None,
            provider_assertion: None,
        });
        reg_token
    }

    /// A device takes the challenge up. Doing it again gives a new assertion, and the old one is over.
    pub(crate) fn begin(&mut self, reg_token: &str, gmid: &str, ids: &mut Ids) -> Option<String> {
        let assertion = self.token("assertion", ids);
        let challenge = self.open.iter_mut().find(|challenge| challenge.reg_token == reg_token)?;
        gmid.clone_into(&mut challenge.gmid);
        challenge.assertion = Some(assertion.clone());
        challenge.sent = None;
        Some(assertion)
    }

    /// Whether there is such a challenge.
    pub(crate) fn knows(&self, assertion: &str) -> bool {
        self.of(assertion).is_some()
    }

    /// Whether a device is the one that took this challenge up.
    pub(crate) fn is_of(&self, assertion: &str, gmid: &str) -> bool {
        self.of(assertion).is_some_and(|challenge| challenge.gmid == gmid)
    }

    /// Sends a code. The one before it is over.
    pub(crate) fn send(
        &mut self,
        assertion: &str,
        (to, lang): (&str, Option<&str>),
        now: Timestamp,
        ids: &mut Ids,
    ) -> Option<Sent> {
        let phv_token = self.token("phv", ids);
        let code = digits(&ids.uuid());
        let challenge = self.of_mut(assertion)?;
        challenge.sent = Some((phv_token.clone(), code.clone()));
        self.mails.push(Mail {
            to: to.to_owned(),
            code: code.clone(),
            lang: lang.map(str::to_owned),
            at: now.as_millisecond(),
        });
        Some(Sent { phv_token, code })
    }

    /// Compares a code. A wrong one leaves everything as it was: the same challenge may be tried again.
    pub(crate) fn complete(
        &mut self,
        assertion: &str,
        phv_token: &str,
        code: &str,
        ids: &mut Ids,
    ) -> Option<String> {
        let provider = self.token("provider", ids);
        let challenge = self.of_mut(assertion)?;
        let (sent, right) = challenge.sent.as_ref()?;
        if sent != phv_token || right != code {
            return None;
        }
        challenge.provider_assertion = Some(provider.clone());
        Some(provider)
    }

    /// Ends a challenge; returns the device that may sign in now.
    pub(crate) fn finalize(&mut self, assertion: &str, provider: &str, reg_token: &str) -> Option<String> {
        let place = self.open.iter().position(|challenge| {
            challenge.assertion.as_deref() == Some(assertion)
                && challenge.provider_assertion.as_deref() == Some(provider)
                && challenge.reg_token == reg_token
        })?;
        Some(self.open.remove(place).gmid)
    }

    fn of(&self, assertion: &str) -> Option<&Challenge> {
        self.open.iter().find(|challenge| challenge.assertion.as_deref() == Some(assertion))
    }

    fn of_mut(&mut self, assertion: &str) -> Option<&mut Challenge> {
        self.open.iter_mut().find(|challenge| challenge.assertion.as_deref() == Some(assertion))
    }

    fn token(&mut self, label: &str, ids: &mut Ids) -> String {
        self.drawn += 1;
        ids.token(label, self.drawn)
    }
}

/// Six digits out of an identifier, the first of them no zero.
fn digits(id: &str) -> String {
    let number = id.bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 900_000);
    (100_000 + number).to_string()
}
