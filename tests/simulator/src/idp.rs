//! What the identity provider knows: its key, who is signing in, and how that ends.
//!
//! * `rsa`: the key that passwords are encrypted with on their way
//! * `chain`: the cookies that hold one sign-in together
//! * `outcome`: how a sign-in ends, and what the firewall does

mod chain;
mod outcome;
mod rsa;

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

pub(crate) use self::chain::{Chain, Chains};
pub use self::outcome::{Firewall, SignInOutcome};
pub(crate) use self::rsa::{KEY_ID, decrypt, key};
use crate::kit::Ids;

/// The firewall's page.
pub(crate) const BLOCKED: &str =
    "<html><h1>Bad Request</h1><p>It was classified as an abusing request and blocked.</p></html>";

/// What the provider has given out, and what it was told to do.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    pub(crate) chains: Chains,
    /// How sign-ins end unless something is queued for them.
    pub(crate) outcome: SignInOutcome,
    /// How the next sign-ins end, one each.
    pub(crate) next_outcomes: VecDeque<SignInOutcome>,
    pub(crate) firewall: Option<Firewall>,
    codes: HashMap<String, Code>,
}

/// A code, which is good once.
#[derive(Debug)]
struct Code {
    number: usize,
    expires: Timestamp,
    used: bool,
}

impl Provider {
    /// How the sign-in that is asked for now ends, if its credentials are right.
    pub(crate) fn next_outcome(&mut self) -> SignInOutcome {
        self.next_outcomes.pop_front().unwrap_or(self.outcome)
    }

    /// A code for the token service.
    pub(crate) fn give_code(&mut self, expires: Timestamp, ids: &mut Ids) -> String {
        let number = self.codes.len() + 1;
        let code = ids.token("code", number as u64);
        self.codes.insert(code.clone(), Code { number, expires, used: false });
        code
    }

    /// Uses a code up.
    pub(crate) fn take_code(&mut self, code: &str, now: Timestamp) -> Result<(), &'static str> {
        let code = self.codes.get_mut(code).ok_or("unknown code")?;
        if code.used {
            Err("code was used before")
        } else if code.expires <= now {
            Err("expired code")
        } else {
            code.used = true;
            Ok(())
        }
    }

    /// Every code, and every value of a cookie.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.codes.keys().map(String::as_str).chain(self.chains.all())
    }

    /// The name under which a code appears in the log.
    pub(crate) fn label(&self, code: &str) -> String {
        self.codes.get(code).map_or_else(|| "<UNKNOWN>".to_owned(), |code| format!("CODE-{}", code.number))
    }

    /// What was made to go wrong goes right again. What was given out stays.
    pub(crate) fn restore(&mut self) {
        self.outcome = SignInOutcome::default();
        self.next_outcomes.clear();
        self.firewall = None;
    }
}
