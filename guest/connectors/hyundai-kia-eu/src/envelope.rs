//! Answers as values, or as the facts of a failure.
//!
//! The cloud has four envelopes: the vehicle service's (`retCode`, `resCode`, `resMsg`), the gateway's
//! (`error`), the account service's (`errCode`, `errMsg`) and the identity provider's (a numeric `retCode`,
//! `retMsg`, `retSubMsg`). Which one an answer comes in depends on how far the request got, not on what was
//! asked.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};

use serde_json::Value;

use crate::bindings::vehicle::connector::types::{BodyKind, Certainty, Failure, Phase, Transport};
use crate::cloud::Proof;
use crate::port::{Response, TransportError};
use crate::time;

/// How much of an answer that is no document goes into the message, in bytes.
const EXCERPT: usize = 300;

/// Our own code for a command whose permission the cloud refused; the vendor has none.
pub(crate) const PERMISSION_REFUSED: &str = "control-token";

/// Our own code for a PIN that the cloud refused by saying how many tries are left; the vendor has none.
const PIN_REFUSED: &str = "pin-refused";

/// The codes of refusals that come before the vehicle is told.
static REFUSALS: &[&str] = &[
    // A parameter, or a device that is not known.
    "4002", "4003", // The vehicle is busy, does not have this, or its 12 V battery is low.
    "4004", "4005", "4007", // The sign-in, the stamp, the account.
    "4010", "4017", "5153",
    "7501", // Remote control is unavailable, the quota is used up, there is no data.
    "5031", "5091", "5921", // The gate before the services.
    "9035", "9036", "9037",
];

/// The codes of a vehicle that was told and did not answer in time.
static UNANSWERED: &[&str] = &["4081", "9999"];

/// What was being done when the answer came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// The step.
    pub phase: Phase,
    /// Which token was used.
    pub proof: Proof,
    /// Whether the vehicle may act because of the request.
    pub acts: bool,
}

/// The document in an answer that says that all went well. `now` is asked when the answer names a time to wait
/// for.
///
/// # Errors
///
/// Any other answer, as facts.
pub(crate) fn open(response: &Response, step: Step, now: impl Fn() -> u64) -> Result<Value, Failure> {
    let document = serde_json::from_slice::<Value>(&response.body).ok();
    match document {
        Some(document) if (200..300).contains(&response.status) && good(&document, step.proof) => {
            Ok(document)
        }
        document => Err(refused(response, document.as_ref(), step, now)),
    }
}

/// Whether the document is a success of the service that `proof` is for.
fn good(document: &Value, proof: Proof) -> bool {
    let has = |key: &str| document.get(key).is_some_and(Value::is_string);
    match proof {
        Proof::Access { .. } | Proof::Control { .. } | Proof::Registration => {
            document.get("retCode").and_then(Value::as_str) == Some("S")
        }
        Proof::Pin => has("controlToken"),
        Proof::Grant => has("access_token"),
    }
}

/// The facts of a request without an answer.
pub(crate) fn no_answer(error: TransportError, step: Step) -> Failure {
    let (transport, message) = match error {
        TransportError::NotSent(message) => (Transport::NotSent, message),
        TransportError::Interrupted(message) => (Transport::Interrupted, message),
        TransportError::Denied(message) => (Transport::Denied, message),
        TransportError::Other(message) => (Transport::Other, message),
    };
    let certainty = match transport {
        _ if step.phase == Phase::Confirmation => Certainty::Accepted,
        Transport::NotSent | Transport::Denied => Certainty::NotSent,
        Transport::Interrupted | Transport::Other if step.acts => Certainty::Ambiguous,
        Transport::Interrupted | Transport::Other => Certainty::Rejected,
    };
    Failure {
        phase: step.phase,
        certainty,
        transport: Some(transport),
        http_status: None,
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message,
        body: BodyKind::None,
    }
}

/// The facts of a read that was answered with a success which lacks what was asked for.
pub(crate) fn without(what: String) -> Failure {
    Failure {
        phase: Phase::Status,
        certainty: Certainty::Rejected,
        transport: None,
        http_status: Some(200),
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message: format!("the answer has {what}"),
        body: BodyKind::Json,
    }
}

fn refused(response: &Response, document: Option<&Value>, step: Step, now: impl Fn() -> u64) -> Failure {
    let header = |name: &str| {
        let found = response.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let code = document.and_then(code);
    let retry_after = header("retry-after").and_then(|value| time::retry_after(value, &now));
    let certainty = certainty(response.status, document, code.as_deref(), retry_after, step);
    let code = if control_token_refused(response.status, document, code.as_deref(), step) {
        Some(PERMISSION_REFUSED.to_owned())
    } else if step.proof == Proof::Pin && document.is_some_and(counts_tries) {
        Some(PIN_REFUSED.to_owned())
    } else {
        code
    };
    Failure {
        phase: step.phase,
        certainty,
        transport: None,
        http_status: Some(response.status),
        code,
        sub_code: None,
        oauth_error: oauth_error(document, header("www-authenticate"), step.proof),
        retry_after,
        message: document.and_then(words).unwrap_or_else(|| excerpt(response, header("location"))),
        body: body_kind(response, document),
    }
}

/// The vendor's code: whichever of the envelopes' fields is there.
fn code(document: &Value) -> Option<String> {
    ["resCode", "errCode", "retCode"].into_iter().find_map(|key| match document.get(key)? {
        Value::String(code) if key != "retCode" => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    })
}

/// The vendor's words: whichever of the envelopes' fields is there.
fn words(document: &Value) -> Option<String> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let words = ["resMsg", "error", "errMsg", "retMsg", "message"].into_iter().find_map(text)?;
    let more = text("error_description").or_else(|| text("retSubMsg"));
    Some(more.map_or_else(|| words.to_owned(), |more| format!("{words}: {more}")))
}

/// What an answer without words shows: where it redirects to, how a refusal begins, or what it is. Nothing of an answer
/// that should have been a document: where the car is may stand in it.
fn excerpt(response: &Response, location: Option<&str>) -> String {
    if let Some(location) = location {
        // What it says about the error is wanted; anything else behind the path may be a code or a token.
        let (place, rest) = location.split_once(['?', '#']).unwrap_or((location, ""));
        let told = rest.split(['&', '#', '?']).filter(|pair| pair.starts_with("error"));
        let told = told.fold(String::new(), |told, pair| {
            let mark = if told.is_empty() { '?' } else { '&' };
            format!("{told}{mark}{pair}")
        });
        return format!("redirected to {place}{told}");
    }
    let text = String::from_utf8_lossy(&response.body);
    if response.status < 400 || text.trim().is_empty() {
        return description(response);
    }
    let end = text.floor_char_boundary(EXCERPT);
    text.get(..end).unwrap_or_default().trim().to_owned()
}

/// What an answer is: status, media type and length.
fn description(response: &Response) -> String {
    let Response { status, headers, body } = response;
    let header = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media_type = header.and_then(|(_, value)| value.split(';').next()).map_or("", str::trim);
    let what = match body_kind(response, serde_json::from_slice::<Value>(body).ok().as_ref()) {
        BodyKind::None => return format!("the answer is empty (HTTP {status})"),
        BodyKind::Json => "says neither what was asked nor why not",
        BodyKind::Html | BodyKind::Other => "is not JSON",
    };
    let media_type = if media_type.is_empty() { String::new() } else { format!(" {media_type},") };
    format!("the answer {what} (HTTP {status},{media_type} {} bytes)", body.len())
}

/// RFC 6749 §5.2 at the identity provider, RFC 6750 §3 elsewhere.
fn oauth_error(document: Option<&Value>, challenge: Option<&str>, proof: Proof) -> Option<String> {
    if proof == Proof::Grant
        && let Some(error) = document.and_then(|document| document.get("error")).and_then(Value::as_str)
    {
        return Some(error.to_owned());
    }
    let (_, rest) = challenge?.split_once("error=")?;
    let value = rest.trim_start_matches('"').split(['"', ',', ' ']).next()?;
    Some(value.to_owned())
}

/// Requests with the PIN's permission do not carry the access token, so a refusal of "the token" is about the
/// permission. A code says that something else was the matter, for instance the stamp.
fn control_token_refused(status: u16, document: Option<&Value>, code: Option<&str>, step: Step) -> bool {
    let gateway = document.is_none_or(|document| document.get("error").is_some() || document.is_null());
    matches!(step.proof, Proof::Control { .. }) && matches!(status, 401 | 403) && code.is_none() && gateway
}

/// Whether an answer to a PIN says how many tries are left, which is said of a wrong one only.
fn counts_tries(document: &Value) -> bool {
    let counts = |value: &Value| value.get("remainCount").is_some_and(Value::is_number);
    counts(document) || ["errBody", "resMsg", "data"].iter().filter_map(|key| document.get(key)).any(counts)
}

/// Only a code or a status tells that the vehicle was not told; words do not. The host holds the same rule itself.
fn certainty(
    status: u16,
    document: Option<&Value>,
    code: Option<&str>,
    retry_after: Option<u64>,
    step: Step,
) -> Certainty {
    if step.phase == Phase::Confirmation {
        return Certainty::Accepted;
    }
    if !step.acts {
        return Certainty::Rejected;
    }
    let is = |known: &[&str]| code.is_some_and(|code| known.contains(&code));
    let done = document.and_then(|document| document.get("retCode")).is_some_and(|code| code == "S");
    let refused = match status {
        _ if done || is(UNANSWERED) => false,
        _ if is(REFUSALS) => true,
        // RFC 9110 §15.5.2, RFC 6585 §4.
        401 | 429 => true,
        // Any proxy may write it after the request went on, unless it says when to come again.
        503 => retry_after.is_some(),
        _ => false,
    };
    if refused { Certainty::Rejected } else { Certainty::Ambiguous }
}

fn body_kind(response: &Response, document: Option<&Value>) -> BodyKind {
    let start = response.body.trim_ascii_start();
    match (start.first(), document) {
        (None, _) => BodyKind::None,
        (Some(_), Some(_)) => BodyKind::Json,
        (Some(b'<'), None) => BodyKind::Html,
        (Some(_), None) => BodyKind::Other,
    }
}

#[cfg(test)]
mod tests;
