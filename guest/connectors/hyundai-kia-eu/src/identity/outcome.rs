//! How a sign-in by password can end.

use vehicle_connector_sdk::connector::BodyKind;
use vehicle_connector_sdk::prelude::*;

use crate::address;

/// Our own code for a sign-in that ended where it began: the identity provider says nothing more of a wrong
/// password, and its firewall does the same with clients that it does not like.
const ENDED_AT_SIGN_IN: &str = "ended-at-sign-in";

/// Our own code for a sign-in that the identity provider refused in its redirect (RFC 6749 §4.1.2.1).
const REFUSED: &str = "sign-in-refused";

/// Our own code for an answer of the firewall in front of the identity provider.
const BLOCKED: &str = "sign-in-blocked";

/// Errors of a redirect that say that the service is unwell, and nothing of who signs in.
const UNWELL: [&str; 2] = ["server_error", "temporarily_unavailable"];

/// The page on which terms are accepted.
const CONSENT: &str = "/web/v1/user/authorization";

/// A sign-in that has not failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The code is captured.
    Code,
    /// Terms have to be accepted first, on the page at this address.
    Consent(String),
}

impl Outcome {
    /// The end that an answer to the form at `form` is, whose code goes to `redirect_uri`.
    ///
    /// # Errors
    ///
    /// Any other end, as facts.
    pub(crate) fn of(answer: &Answer, form: &str, redirect_uri: &str) -> Result<Self, Failure> {
        if let Some(blocked) = blocked(answer) {
            return Err(blocked);
        }
        let location = answer.header("location").filter(|_| (300..400).contains(&answer.status()));
        let Some(location) = location.and_then(|location| address::resolve(form, location)) else {
            return Err(answer.refusal(&Envelope::PLAIN));
        };
        let place = address::place(&location);
        if place == redirect_uri && address::parameter(&location, "code").is_some() {
            return Ok(Self::Code);
        }
        if place.ends_with(CONSENT) {
            return Ok(Self::Consent(place.to_owned()));
        }
        if let Some(error) = address::parameter(&location, "error") {
            return Err(refused(answer, &location, error));
        }
        if ["authorize", "login", "signin"].iter().any(|word| place.contains(word)) {
            return Err(ended_at_sign_in(answer));
        }
        Err(answer.refusal(&Envelope::PLAIN))
    }
}

/// The facts of an answer by which the firewall, and not the identity provider, says no. None of another one.
pub(crate) fn blocked(answer: &Answer) -> Option<Failure> {
    let location = answer.header("location").unwrap_or_default();
    let is_error_page = address::place(location).ends_with("/error");
    let said = address::parameter(location, "error_description");
    let at_error_page = is_error_page && address::parameter(location, "status").as_deref() == Some("400");
    let told = |text: &str| text.to_ascii_lowercase().contains("abusing");
    let page = String::from_utf8_lossy(answer.body());
    let refuses = answer.status() == 403 && answer.body_kind() != BodyKind::Json;
    if !(at_error_page || refuses || said.as_deref().is_some_and(told) || told(&page)) {
        return None;
    }
    let words = said.unwrap_or_else(|| answer.description());
    let message =
        format!("blocked by the firewall of the identity provider, and not for a credential: {words}");
    Some(failure(answer, BLOCKED, message))
}

fn refused(answer: &Answer, location: &str, error: String) -> Failure {
    let words = address::parameter(location, "error_description").unwrap_or_else(|| error.clone());
    if UNWELL.contains(&error.as_str()) {
        return Failure { oauth_error: Some(error), message: words, ..answer.refusal(&Envelope::PLAIN) };
    }
    let message = format!("the identity provider refused the sign-in: {words}");
    Failure { oauth_error: Some(error), ..failure(answer, REFUSED, message) }
}

fn ended_at_sign_in(answer: &Answer) -> Failure {
    let message = "the sign-in ended at the page where it began. Either user name or password are wrong, or the \
                   vendor's firewall kept this client out; the answer is the same, so sign in with the vendor's \
                   app to see which it is";
    failure(answer, ENDED_AT_SIGN_IN, message.to_owned())
}

fn failure(answer: &Answer, code: &str, message: String) -> Failure {
    Failure { code: Some(code.to_owned()), message, ..answer.refusal(&Envelope::PLAIN) }
}
