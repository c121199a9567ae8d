//! What a person must do, checked and cleaned: a connector's words go to a broker and to terminals.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::bindings::connector::{self, ReturnPath};
use crate::descriptor::SecretClass;
use crate::primitives::Call;
use crate::redact;
use crate::time::of_milliseconds;

/// Most choices of one question.
const MOST_CHOICES: usize = 16;

/// Longest name of a choice, in bytes; a longer one would mean something else when cut.
const LONGEST_ID: usize = 256;

/// Longest label, destination and code to type, in bytes. They are cut.
const LONGEST_LABEL: usize = 128;

/// Longest text about terms, in bytes. It is cut.
const LONGEST_TEXT: usize = 1_024;

/// Longest beginning of an address that a browser ends at, in bytes.
const LONGEST_PREFIX: usize = 512;

/// Most digits of a code.
const MOST_DIGITS: u8 = 32;

/// Shortest time between two polls (RFC 8628 §3.2), and the time by which it grows when the cloud asks for that
/// (§3.5).
pub(in crate::account) const POLL_STEP: Duration = Duration::from_secs(5);

/// Longest time between two polls: as long as a question is open.
const LONGEST_POLL: Duration = super::LONGEST;

/// What a person must do before a sign-in can go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Challenge {
    /// Enter a code.
    Code {
        /// Name of the secret that it becomes.
        secret: String,
        /// Destination of the code, masked; none when an authenticator shows it.
        sent_to: Option<String>,
        /// Number of its digits, if known.
        digits: Option<u8>,
        /// Whether another one can be sent.
        resend: bool,
    },
    /// Choose one.
    Choice {
        /// The choices, at least one.
        choices: Vec<Choice>,
    },
    /// Open an address.
    Visit {
        /// The address, with everything in it that belongs there.
        url: String,
        /// Code to type there.
        user_code: Option<String>,
        /// The way back.
        back: Back,
    },
    /// Accept terms, then say so.
    Consent {
        /// Which terms, and where, in the connector's words.
        text: String,
    },
}

/// One of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// What the connector calls it.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) label: String,
}

/// The way back from a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Back {
    /// There is none: the host asks whether it is done, with so much time in between.
    Poll(Duration),
    /// The browser ends at an address.
    Redirect {
        /// What it begins with.
        prefix: String,
        /// Name of the secret that its parameter `state` must be equal to.
        state: Option<String>,
        /// Name of the secret that its parameter `code` becomes.
        code: String,
    },
}

/// Reason why there is no such question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotAsked {
    /// A challenge that this version has no name for.
    Unknown(String),
    /// The connector asked for something that makes no sense, or that it may not ask for.
    Nonsense(String),
    /// Every code that may be tried was refused.
    NoCodesLeft,
}

fn nonsense(why: impl Into<String>) -> NotAsked {
    NotAsked::Nonsense(why.into())
}

impl Challenge {
    /// Takes a connector's challenge. `call` is the one that it ended.
    ///
    /// # Errors
    ///
    /// When it cannot be put to a person.
    pub(super) fn of(challenge: connector::Challenge, call: &Call) -> Result<Self, NotAsked> {
        match challenge {
            connector::Challenge::Code(code) => {
                of_a_person(&code.secret, call)?;
                Ok(Self::Code {
                    secret: code.secret,
                    sent_to: code.sent_to.map(label).filter(|to| !to.is_empty()),
                    digits: code.digits.filter(|digits| (1..=MOST_DIGITS).contains(digits)),
                    resend: code.resend,
                })
            }
            connector::Challenge::Choice(choices) => Self::one_of(choices),
            connector::Challenge::Visit(visit) => Self::visit(visit, call),
            connector::Challenge::Consent(text) => Ok(Self::Consent { text: clean(text, LONGEST_TEXT) }),
            connector::Challenge::Other(what) => Err(NotAsked::Unknown(clean(what, LONGEST_TEXT))),
        }
    }

    fn one_of(choices: Vec<connector::Choice>) -> Result<Self, NotAsked> {
        if !(1..=MOST_CHOICES).contains(&choices.len()) {
            return Err(nonsense(format!("a question with {} choices", choices.len())));
        }
        let mut taken: Vec<Choice> = Vec::with_capacity(choices.len());
        for connector::Choice { id, label: text } in choices {
            let is_new = taken.iter().all(|before| before.id != id);
            if id.is_empty() || id.len() > LONGEST_ID || id.contains(redact::breaks_out) || !is_new {
                return Err(nonsense(
                    "a choice whose name is empty, too long or taken, or has control characters",
                ));
            }
            let named = label(text);
            let label = if named.is_empty() { label(id.clone()) } else { named };
            taken.push(Choice { id, label });
        }
        Ok(Self::Choice { choices: taken })
    }

    fn visit(visit: connector::Visit, call: &Call) -> Result<Self, NotAsked> {
        let url = call.address_to_visit(&visit.url, &visit.derivations).map_err(nonsense)?;
        let back = match visit.back {
            ReturnPath::Poll(every) => Back::Poll(of_milliseconds(every).clamp(POLL_STEP, LONGEST_POLL)),
            ReturnPath::Redirect(connector::Redirect { prefix, state, code }) => {
                of_a_person(&code, call)?;
                let is_plain = !prefix.contains(|c: char| c.is_whitespace() || redact::breaks_out(c));
                let is_address = is_plain && Url::parse(&prefix).is_ok() && prefix.contains("://");
                if prefix.len() > LONGEST_PREFIX || !is_address {
                    return Err(nonsense("an address to come back by that is none"));
                }
                if let Some(state) = state.as_deref().filter(|state| call.secret(state).is_none()) {
                    return Err(nonsense(format!(
                        "a state that is to equal the secret {state}, which is not there"
                    )));
                }
                Back::Redirect { prefix, state, code }
            }
        };
        Ok(Self::Visit { url: url.into(), user_code: visit.user_code.map(label), back })
    }

    /// Whether a person has the same to do, however often it is looked whether that is done.
    pub(crate) fn is_as_before(&self, other: &Self) -> bool {
        self == other || self.is_same_visit(other)
    }

    /// Whether this is the same visit, asked about again.
    pub(super) fn is_same_visit(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Visit { url, user_code, back: Back::Poll(_) },
                Self::Visit { url: u, user_code: c, back: Back::Poll(_) },
            ) => url == u && user_code == c,
            _ => false,
        }
    }

    /// Returns the time between two polls; none if nothing is polled.
    pub(crate) fn polled_every(&self) -> Option<Duration> {
        match self {
            Self::Visit { back: Back::Poll(every), .. } => Some(*every),
            _ => None,
        }
    }

    /// The same, polled more rarely: `slower` says by how much.
    pub(crate) fn polled_slower(self, slower: impl FnOnce(Duration) -> Duration) -> Self {
        match self {
            Self::Visit { url, user_code, back: Back::Poll(every) } => {
                Self::Visit { url, user_code, back: Back::Poll(slower(every).min(LONGEST_POLL)) }
            }
            other => other,
        }
    }
}

/// Checks that a secret is one that a person hands in.
fn of_a_person(secret: &str, call: &Call) -> Result<(), NotAsked> {
    if call.context.class(secret) == Some(SecretClass::OneTimeCode) {
        Ok(())
    } else {
        let secret = label(secret.to_owned());
        Err(nonsense(format!("a code as the secret {secret}, which is none that a person hands in")))
    }
}

fn label(text: String) -> String {
    clean(text, LONGEST_LABEL)
}

/// Returns a text in one line, without anything that a terminal or a page would take for more than text.
fn clean(text: String, bytes: usize) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String = spaced.filter(|c| !redact::breaks_out(*c)).collect();
    redact::cut(kept.trim().to_owned(), bytes)
}
