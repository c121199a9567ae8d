//! Answers of people: read, and fitted to the question that is open. What an answer holds is a secret until it is
//! known to be none, so no error quotes any of it.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Pending;
use super::challenge::{Back, Challenge};
use crate::bindings::connector::Reply;
use crate::cell::Secrets;

/// Largest answer, in bytes: an address with a code in it.
const LARGEST: usize = 16 << 10;

/// Longest code that a person enters, in characters.
const LONGEST_CODE: usize = 64;

/// Words for "it is done".
const DONE: [&str; 6] = ["confirmed", "done", "ok", "on", "press", "yes"];

/// Words for "send another one".
const AGAIN: [&str; 3] = ["again", "resend", "send again"];

/// What answers look like.
const TAKES: &str = "an answer is the code, the address or the choice itself, or one of {\"code\":\"…\"}, {\"choice\":\"…\"}, \
                     {\"redirect\":\"…\"}, {\"confirmed\":true}, {\"again\":true}";

/// Answer of a person.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A text, which means what the question asks for.
    Plain(SecretString),
    /// A code.
    Code(SecretString),
    /// Name or label of a choice.
    Choice(String),
    /// Address that a browser ended at.
    Redirect(SecretString),
    /// It is done.
    Confirmed,
    /// Another code is wanted.
    Again,
}

/// Reason why an answer is none to the question that is open. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(pub(crate) String);

fn not_understood(why: impl Into<String>) -> NotUnderstood {
    NotUnderstood(why.into())
}

/// Answer as an object. One of the fields.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    code: Option<Value>,
    choice: Option<String>,
    redirect: Option<String>,
    confirmed: bool,
    again: bool,
}

impl Answer {
    /// Reads an answer: a JSON object, or a text.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn parse(payload: &[u8]) -> Result<Self, NotUnderstood> {
        if payload.len() > LARGEST {
            return Err(not_understood(format!("an answer has at most {LARGEST} bytes")));
        }
        let text = std::str::from_utf8(payload).map_err(|_| not_understood("the answer is no text"))?.trim();
        if text.is_empty() {
            return Err(not_understood(format!("the answer is empty; {TAKES}")));
        }
        if !text.starts_with('{') {
            return Ok(Self::Plain(text.into()));
        }
        if serde_json::from_str::<Value>(text).is_ok_and(|it| it.get("password").is_some()) {
            return Err(not_understood(
                "a password is not taken here, where others may read it; write it into the configuration",
            ));
        }
        // Why serde does not take it is not told: it would quote what it found.
        let fields: Fields = serde_json::from_str(text).map_err(|_| not_understood(TAKES))?;
        fields.answer().ok_or_else(|| not_understood(TAKES))
    }
}

impl Fields {
    /// The one answer that the fields hold; none if they hold none, or more than one.
    fn answer(self) -> Option<Answer> {
        let code = match self.code {
            Some(Value::String(code)) => Some(code),
            Some(Value::Number(code)) => Some(code.to_string()),
            Some(_) => return None,
            None => None,
        };
        let mut all = [
            code.map(|code| Answer::Code(code.trim().into())),
            self.choice.map(Answer::Choice),
            self.redirect.map(|address| Answer::Redirect(address.into())),
            self.confirmed.then_some(Answer::Confirmed),
            self.again.then_some(Answer::Again),
        ]
        .into_iter()
        .flatten();
        let first = all.next();
        first.filter(|_| all.next().is_none())
    }
}

/// An answer that fits the question: what the connector is told, and the secrets that come with it.
#[derive(Debug)]
pub(crate) struct Fitting {
    pub(crate) reply: Reply,
    pub(crate) handed: Secrets,
}

impl Fitting {
    /// A reply without secrets.
    pub(crate) fn bare(reply: Reply) -> Self {
        Self { reply, handed: Secrets::new() }
    }
}

impl Pending {
    /// Fits an answer to the question. `secret` looks up what the sign-in has captured; `passwords` are what is never
    /// taken for a code.
    ///
    /// # Errors
    ///
    /// When the answer is none to this question.
    pub(crate) fn fit<'s>(
        &self,
        answer: &Answer,
        secret: impl FnOnce(&str) -> Option<&'s SecretString>,
        passwords: &[&SecretString],
    ) -> Result<Fitting, NotUnderstood> {
        match (&self.challenge, answer) {
            (Challenge::Code { resend, .. }, answer) if is_again(answer, *resend) => {
                if *resend {
                    Ok(Fitting::bare(Reply::Again))
                } else {
                    Err(not_understood("no other code can be sent"))
                }
            }
            (Challenge::Code { secret, digits, .. }, Answer::Plain(code) | Answer::Code(code)) => {
                let code = self.code(code, *digits, passwords)?;
                Ok(Fitting { reply: Reply::Code, handed: Secrets::from([(secret.clone(), code)]) })
            }
            (Challenge::Choice { .. }, Answer::Plain(text)) => self.choose(text.expose_secret()),
            (Challenge::Choice { .. }, Answer::Choice(text)) => self.choose(text),
            (
                Challenge::Visit { back: Back::Redirect { prefix, state, code }, .. },
                Answer::Plain(address) | Answer::Redirect(address),
            ) => {
                let state = match state {
                    Some(name) => Some(secret(name).ok_or_else(|| not_understood("this sign-in is over"))?),
                    None => None,
                };
                let found = came_back(address.expose_secret(), prefix, state)?;
                Ok(Fitting { reply: Reply::Redirected, handed: Secrets::from([(code.clone(), found)]) })
            }
            (Challenge::Consent { .. }, Answer::Confirmed) => Ok(Fitting::bare(Reply::Confirmed)),
            (Challenge::Consent { .. }, Answer::Plain(text)) if is_word(text, &DONE) => {
                Ok(Fitting::bare(Reply::Confirmed))
            }
            (challenge, _) => Err(not_understood(wanted(challenge))),
        }
    }

    /// Takes a code as people write it, in groups.
    fn code(
        &self,
        given: &SecretString,
        digits: Option<u8>,
        passwords: &[&SecretString],
    ) -> Result<SecretString, NotUnderstood> {
        let text = given.expose_secret();
        if passwords.iter().any(|password| equal(password.expose_secret(), text)) {
            return Err(not_understood(
                "that is the password, which is not taken here; the code is asked for",
            ));
        }
        let code: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if code.is_empty()
            || code.chars().count() > LONGEST_CODE
            || code.contains(|c: char| !c.is_ascii_graphic())
        {
            return Err(not_understood(format!("a code has 1 to {LONGEST_CODE} letters and digits")));
        }
        if let Some(digits) = digits
            && (code.len() != usize::from(digits) || !code.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err(not_understood(format!("the code has {digits} digits; nothing was sent")));
        }
        if self.tried.iter().any(|tried| equal(tried.expose_secret(), &code)) {
            return Err(not_understood("this code was refused already; nothing was sent"));
        }
        Ok(code.into())
    }

    fn choose(&self, text: &str) -> Result<Fitting, NotUnderstood> {
        let Challenge::Choice { choices } = &self.challenge else { return Err(not_understood(TAKES)) };
        let by_id = choices.iter().find(|choice| choice.id == text);
        let mut by_label = choices.iter().filter(|choice| choice.label == text);
        let only = by_label.next().filter(|_| by_label.next().is_none());
        match by_id.or(only) {
            Some(choice) => Ok(Fitting::bare(Reply::Chosen(choice.id.clone()))),
            None => Err(not_understood(wanted(&self.challenge))),
        }
    }
}

fn is_again(answer: &Answer, resend: bool) -> bool {
    match answer {
        Answer::Again => true,
        Answer::Plain(text) => resend && is_word(text, &AGAIN),
        _ => false,
    }
}

fn is_word(text: &SecretString, words: &[&str]) -> bool {
    words.iter().any(|word| text.expose_secret().eq_ignore_ascii_case(word))
}

/// Returns what the question asks for, in words.
fn wanted(challenge: &Challenge) -> String {
    match challenge {
        Challenge::Code { resend: true, .. } => {
            "the code is asked for, or `again` for another one".to_owned()
        }
        Challenge::Code { resend: false, .. } => "the code is asked for".to_owned(),
        Challenge::Choice { choices } => {
            let ids: Vec<&str> = choices.iter().map(|choice| choice.id.as_str()).collect();
            format!("one of these is asked for: {}", ids.join(", "))
        }
        Challenge::Visit { back: Back::Redirect { prefix, .. }, .. } => {
            format!("the address is asked for that the browser ends at; it begins with {prefix}")
        }
        Challenge::Visit { back: Back::Poll(_), .. } => {
            "nothing is asked for but the visit; it is noticed when that is done".to_owned()
        }
        Challenge::Consent { .. } => "`confirmed` is asked for, once the terms are accepted".to_owned(),
    }
}

/// Takes the code out of an address that a browser ended at (RFC 6749 §4.1.2). Everything else in it is dropped.
///
/// # Errors
///
/// When it is another address, or that of another sign-in.
fn came_back(
    address: &str,
    prefix: &str,
    state: Option<&SecretString>,
) -> Result<SecretString, NotUnderstood> {
    let other = || {
        not_understood(format!("this is not the address that the browser ends at; it begins with {prefix}"))
    };
    if !address.starts_with(prefix) {
        return Err(other());
    }
    let url = Url::parse(address).map_err(|_| other())?;
    let parameter = |name: &str| {
        let fragment = url.fragment().unwrap_or_default().as_bytes();
        let mut all = url.query_pairs().chain(url::form_urlencoded::parse(fragment));
        all.find_map(|(key, value)| (key == name && !value.is_empty()).then(|| value.into_owned()))
    };
    if let Some(state) = state
        && !parameter("state").is_some_and(|given| equal(&given, state.expose_secret()))
    {
        return Err(not_understood("this address is that of another sign-in; open the one of this question"));
    }
    match parameter("code") {
        Some(code) => Ok(code.into()),
        None if parameter("error").is_some() => Err(not_understood(
            "the address says that the sign-in was refused in the browser; open it once more",
        )),
        None => Err(not_understood("the address has no code in it; copy all of it")),
    }
}

/// Whether two texts are the same, found out in a time that depends on their lengths only.
fn equal(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |differing, (a, b)| differing | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests;
