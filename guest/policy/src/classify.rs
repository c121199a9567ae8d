//! What kind of failure is it?
//!
//! Facts before words: how far the request came, the status, the vendor's code, the standard's code, the step
//! that failed, and only then what the message says. Vendor codes come before 5xx because several clouds put
//! wrong passwords and spent quotas behind a 502.

use alloc::borrow::ToOwned;

use crate::rules::{CODES, DENIALS, OAUTH, REMARKS, SESSION_ENDED, SESSION_WORDS, WordRule};
use crate::text::Words;
use crate::types::{BodyKind, CircuitScope, Failure, Fault, Phase, Transport, Verdict};

/// A token that is refused without a reason at this age in milliseconds did not expire; a new one would be
/// refused as well.
const FRESH: u64 = 60_000;

/// What kind of failure `failure` is, by which rule, and whose health it tells about.
///
/// Total: what no rule knows is [`Fault::Unknown`]. Never [`Fault::TokenExpired`] for a sign-in, a refresh or a
/// registration: refreshing because of those would be a loop.
#[must_use]
pub fn classify(failure: &Failure) -> Verdict {
    let words = Words::of(&failure.message);
    let (fault, rule) = by_transport(failure)
        .or_else(|| by_pin(failure, &words))
        .or_else(|| by_code(failure, &words))
        .or_else(|| by_load(failure))
        .or_else(|| by_words(DENIALS, &words))
        .or_else(|| by_oauth(failure))
        .or_else(|| by_session_words(failure, &words))
        .or_else(|| by_body(failure))
        .or_else(|| by_words(REMARKS, &words))
        .or_else(|| by_status(failure))
        .unwrap_or((Fault::Unknown, "none"));
    let counts_against = counts_against(&fault, failure);
    Verdict { fault, rule: rule.to_owned(), counts_against }
}

type Ruling = Option<(Fault, &'static str)>;

/// No answer at all.
fn by_transport(failure: &Failure) -> Ruling {
    match failure.transport? {
        // Our own host said no, which is nobody's ill health.
        Transport::Denied => Some((Fault::InvalidRequest, "transport-denied")),
        Transport::NotSent | Transport::Interrupted | Transport::Other => {
            Some((Fault::Transient, "transport"))
        }
    }
}

/// A PIN is never offered twice, so whatever is not clearly something else is a wrong PIN. Clearly something
/// else is an access token that the gateway refuses before the PIN is looked at: it says so in words, or with a
/// 401 (RFC 9110 §15.5.2) without the code that the account service has for a wrong PIN.
fn by_pin(failure: &Failure, words: &Words) -> Ruling {
    if failure.phase != Phase::Pin || overloaded(failure) {
        return None;
    }
    if words.have("device id") {
        return Some((Fault::DeviceUnregistered, "pin-device"));
    }
    match by_words(DENIALS, words) {
        None if words.say_expired(SESSION_WORDS) => Some((Fault::TokenExpired, "expired")),
        None if failure.http_status == Some(401) && failure.code.is_none() && !is_fresh(failure) => {
            Some((Fault::TokenExpired, "bare-401"))
        }
        None => Some((Fault::CredentialsRejected, "pin")),
        denied => denied,
    }
}

/// Whether the token that was refused is too young to have expired.
fn is_fresh(failure: &Failure) -> bool {
    failure.token_age.is_some_and(|age| age < FRESH)
}

fn by_code(failure: &Failure, words: &Words) -> Ruling {
    let codes = [failure.sub_code.as_deref(), failure.code.as_deref()];
    let known = |rule: &&crate::rules::CodeRule| {
        codes.contains(&Some(rule.code))
            && (rule.clouds.is_empty() || rule.clouds.contains(&failure.cloud.as_str()))
            && (rule.words.is_empty() || words.have_any(rule.words))
    };
    let rule = CODES.iter().find(known)?;
    match rule.fault {
        Fault::TokenExpired if !may_expire(failure) => Some((Fault::CredentialsRejected, rule.id)),
        ref fault => Some((fault.clone(), rule.id)),
    }
}

/// Too much asked, or the cloud unwell: the status says all, and no word in the body can say more.
fn by_load(failure: &Failure) -> Ruling {
    match failure.http_status? {
        429 | 509 => Some((Fault::RateLimited, "http-429")),
        501 => Some((Fault::Unsupported, "http-501")),
        500..=599 => Some((Fault::Transient, "http-5xx")),
        _ => None,
    }
}

fn overloaded(failure: &Failure) -> bool {
    by_load(failure).is_some()
}

fn by_words(rules: &'static [WordRule], words: &Words) -> Ruling {
    let rule = rules.iter().find(|rule| words.have_any(rule.phrases))?;
    Some((rule.fault.clone(), rule.id))
}

fn by_oauth(failure: &Failure) -> Ruling {
    let error = failure.oauth_error.as_deref()?;
    match error {
        "invalid_token" if may_expire(failure) => Some((Fault::TokenExpired, "oauth-invalid-token")),
        "invalid_token" => Some((Fault::CredentialsRejected, "oauth-invalid-token")),
        // Some token endpoints answer a dead refresh token with it.
        "invalid_request" if is_session(failure.phase) => {
            Some((Fault::CredentialsRejected, "oauth-invalid-request"))
        }
        "invalid_request" => Some((Fault::InvalidRequest, "oauth-invalid-request")),
        _ => OAUTH.iter().find(|(name, _)| *name == error).map(|(_, fault)| (fault.clone(), "oauth")),
    }
}

/// What the message says about the session. Of a sign-in or a refresh it means that the credentials are no
/// longer good.
fn by_session_words(failure: &Failure, words: &Words) -> Ruling {
    // Nowhere to be found, or out of time: nothing that a token has to do with.
    if matches!(failure.http_status, Some(404 | 408 | 410)) {
        return None;
    }
    let (fault, rule) = if words.say_expired(SESSION_WORDS) {
        (Fault::TokenExpired, "expired")
    } else {
        by_words(SESSION_ENDED, words)?
    };
    match fault {
        Fault::TokenExpired if !may_expire(failure) => Some((Fault::CredentialsRejected, rule)),
        fault => Some((fault, rule)),
    }
}

/// A page where a document should be: a portal or a firewall answers in the cloud's place.
fn by_body(failure: &Failure) -> Ruling {
    match failure.body {
        BodyKind::Html => Some((Fault::Malformed, "html")),
        BodyKind::None | BodyKind::Json | BodyKind::Other => None,
    }
}

fn by_status(failure: &Failure) -> Ruling {
    let status = failure.http_status?;
    match (status, failure.phase) {
        (400 | 401 | 403, Phase::SignIn | Phase::Refresh) => {
            Some((Fault::CredentialsRejected, "session-refused"))
        }
        (401, Phase::Registration) => Some((Fault::InvalidRequest, "http-4xx")),
        (401, _) if is_fresh(failure) => {
            Some((Fault::Other("fresh-token-refused".to_owned()), "bare-401-fresh"))
        }
        (401, _) => Some((Fault::TokenExpired, "bare-401")),
        (408, _) => Some((Fault::Transient, "http-408")),
        (405 | 406 | 415, _) => Some((Fault::InvalidRequest, "http-4xx")),
        (400..=499, _) => Some((Fault::InvalidRequest, "http-4xx")),
        (200..=399, _) => Some((Fault::Malformed, "http-unexpected")),
        _ => None,
    }
}

fn is_session(phase: Phase) -> bool {
    matches!(phase, Phase::SignIn | Phase::Refresh)
}

/// Whether the step used an access token that can have expired.
fn may_expire(failure: &Failure) -> bool {
    !matches!(failure.phase, Phase::SignIn | Phase::Refresh | Phase::Registration)
}

/// Whose ill health the failure shows. A cloud that answers sensibly is well, whatever it says.
fn counts_against(fault: &Fault, failure: &Failure) -> Option<CircuitScope> {
    match fault {
        Fault::Transient | Fault::Malformed if is_session(failure.phase) => Some(CircuitScope::TokenEndpoint),
        Fault::Transient | Fault::Malformed => Some(CircuitScope::Cloud),
        Fault::VehicleUnreachable => Some(CircuitScope::Vehicle),
        // Going on as before would use up what is left for this account alone.
        Fault::RateLimited | Fault::Unknown | Fault::Other(_) => Some(CircuitScope::Account),
        Fault::TokenExpired
        | Fault::DeviceUnregistered
        | Fault::ControlTokenExpired
        | Fault::CredentialsRejected
        | Fault::Busy
        | Fault::Unsupported
        | Fault::InvalidRequest => None,
    }
}

#[cfg(test)]
mod tests;
