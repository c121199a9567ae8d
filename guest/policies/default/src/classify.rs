//! What kind of failure is it?
//!
//! Facts before words: how far the request came, the vendor's code, the status, the standard's code, the step
//! that failed, and only then what the message says. Vendor codes come before 5xx because several clouds put
//! wrong passwords and spent quotas behind a 502.

use alloc::borrow::ToOwned;

use crate::rules::{
    ANSWERS_WITHOUT, BLOCKED, BUSY, CCSP, CODES, CodeRule, DENIALS, EXPIRED, NO_SESSION, OAUTH, ODD,
    PIN_REFUSALS, REASONS, REFUSALS, REMARKS, SESSION_ENDED, SESSION_REFUSALS, STATIC_TOKENS, STATUSES,
    VENDOR_WORDS, WANTS_SIGN_IN, WordRule, by_step, is_said_by, redirected,
};
use crate::text::Words;
use crate::types::{BodyKind, CircuitScope, Failure, FailureKind, Milliseconds, Phase, Transport, Verdict};

/// A token that is refused without a reason at this age in milliseconds, and was never taken, did not expire;
/// a new one would be refused as well.
const FRESH: Milliseconds = 60_000;

/// A token that is called expired at this age in milliseconds was ended by somebody else, or is for another
/// account: no cloud's tokens live so short a time.
const NEWBORN: Milliseconds = 2_000;

/// The rule of a sign-in or a refresh that is refused without a reason. It is no verdict: nothing latches.
pub(crate) const SESSION_REFUSED: &str = "session-refused";

/// The rule that finds it by the cloud's own words.
pub(crate) const EXPIRED_FRESH: &str = "expired-fresh";

/// What kind of failure `failure` is, by which rule, and whose health it tells about.
///
/// Total: what no rule knows is [`FailureKind::Unknown`]. Never [`FailureKind::TokenExpired`] for a sign-in,
/// a refresh or a registration: refreshing because of those would be a loop. Nor for a token that is moments
/// old.
#[must_use]
pub fn classify(failure: &Failure) -> Verdict {
    let words = Words::of(&failure.message);
    let (kind, rule) = by_transport(failure)
        .or_else(|| by_words(BLOCKED, failure, &words))
        .or_else(|| by_pin(failure, &words))
        .or_else(|| by_code(failure, &words))
        .or_else(|| by_words(VENDOR_WORDS, failure, &words))
        .or_else(|| by_load(failure, &words))
        .or_else(|| redirected(failure))
        .or_else(|| by_key(failure))
        .or_else(|| by_oauth(failure, &words))
        .or_else(|| by_words(BUSY, failure, &words))
        .or_else(|| by_answer(failure, &words))
        .or_else(|| by_words(NO_SESSION, failure, &words))
        .or_else(|| by_expiry(failure, &words))
        .or_else(|| by_words(DENIALS, failure, &words))
        .or_else(|| by_body(failure, &words))
        .or_else(|| by_session(failure, &words))
        .or_else(|| by_words(REMARKS, failure, &words))
        .or_else(|| by_refusal(failure, &words))
        .or_else(|| by_status(failure, &words))
        .or_else(|| by_words(ODD, failure, &words))
        .unwrap_or((FailureKind::Unknown, "none"));
    let newborn = kind == FailureKind::TokenExpired && is_younger(failure, NEWBORN);
    let (kind, rule) = if newborn { (FailureKind::TokenRefusedFresh, EXPIRED_FRESH) } else { (kind, rule) };
    let counts_against = counts_against(&kind, rule, failure);
    Verdict { kind, rule: rule.to_owned(), counts_against }
}

type Ruling = Option<(FailureKind, &'static str)>;

/// No answer at all.
fn by_transport(failure: &Failure) -> Ruling {
    match failure.transport? {
        // Our own host said no, which is nobody's ill health.
        Transport::Denied => Some((FailureKind::InvalidRequest, "transport-denied")),
        Transport::NotSent | Transport::Interrupted | Transport::Other => {
            Some((FailureKind::Transient, "transport"))
        }
    }
}

/// A PIN is refused by a code that says so, in a document and with a status that refuses. An access token
/// that the gateway refuses before the PIN is looked at says so in words, or with a 401 (RFC 9110 §15.5.2)
/// without the code that the account service has for a wrong PIN. Whatever else is answered may have been
/// written by something in front of the service, and tells nothing about the PIN.
fn by_pin(failure: &Failure, words: &Words) -> Ruling {
    if failure.phase != Phase::Pin || by_load(failure, words).is_some() {
        return None;
    }
    if words.say("device id") {
        return Some((FailureKind::DeviceUnregistered, "pin-device"));
    }
    let bare = failure.http_status == Some(401) && failure.code.is_none() && !is_untried(failure);
    by_words(BUSY, failure, words)
        .or_else(|| is_refused_pin(failure, words).then_some((FailureKind::CredentialsRejected, "pin")))
        .or_else(|| by_words(NO_SESSION, failure, words))
        .or_else(|| by_words(EXPIRED, failure, words))
        .or_else(|| by_words(DENIALS, failure, words))
        .or_else(|| bare.then_some((FailureKind::TokenExpired, "bare-401")))
        .or_else(|| by_code(failure, words).filter(|(kind, _)| *kind != FailureKind::InvalidRequest))
        .or(Some((FailureKind::Transient, "pin-in-doubt")))
}

/// Whether the answer to a PIN has the shape that only a refused one has.
fn is_refused_pin(failure: &Failure, words: &Words) -> bool {
    PIN_REFUSALS.iter().any(|rule| rule.is_about(failure, words))
        && failure.http_status.is_none_or(|status| (400..500).contains(&status))
        && failure.body != BodyKind::Html
}

fn is_younger(failure: &Failure, than: Milliseconds) -> bool {
    failure.token_age.is_some_and(|age| age < than)
}

/// Whether the token is young, and the cloud has never taken it: it cannot have ended, as one can that has
/// worked.
fn is_untried(failure: &Failure) -> bool {
    is_younger(failure, FRESH) && failure.token_last_worked.is_none()
}

fn by_code(failure: &Failure, words: &Words) -> Ruling {
    // A code that means several things does not get a command repeated for the words beside it.
    let is_passing_by_words =
        |rule: &CodeRule| rule.kind == FailureKind::Transient && !rule.patterns.is_empty();
    let asked = |rule: &&CodeRule| failure.phase != Phase::Command || !is_passing_by_words(rule);
    let rule = CODES.iter().filter(asked).find(|rule| rule.is_about(failure, words))?;
    let kind = match (of_session(rule.kind.clone(), failure), failure.phase) {
        // A refusal of the token without a reason, by a code: a new one helps, unless it is new already.
        (FailureKind::TokenExpired, Phase::Status | Phase::Command | Phase::Confirmation | Phase::Pin)
            if rule.id.ends_with(WANTS_SIGN_IN) && is_untried(failure) =>
        {
            FailureKind::TokenRefusedFresh
        }
        (FailureKind::TokenExpired, Phase::Unknown) if rule.id.ends_with(WANTS_SIGN_IN) => {
            FailureKind::CredentialsRejected
        }
        (kind, _) => kind,
    };
    Some((kind, rule.id))
}

/// Too much asked, or the cloud unwell: the status says all, and no word in the body can say more, unless it
/// is that too much is asked because something is under way.
fn by_load(failure: &Failure, words: &Words) -> Ruling {
    let status = failure.http_status?;
    let is = |cloud: &str, wanted: u16| cloud == failure.cloud && wanted == status;
    if let Some((.., kind, id)) = STATUSES.iter().find(|(cloud, wanted, ..)| is(cloud, *wanted)) {
        return Some((kind.clone(), id));
    }
    match status {
        // A proxy of this network's.
        407 => Some((FailureKind::InvalidRequest, "http-407")),
        429 => by_words(BUSY, failure, words).or(Some((FailureKind::RateLimited, "http-429"))),
        509 => Some((FailureKind::RateLimited, "http-509")),
        501 => Some((FailureKind::Unsupported, "http-501")),
        500..=599 => Some((FailureKind::Transient, "http-5xx")),
        _ => None,
    }
}

/// Python prints a key that it looked up in vain as the key in quotes and nothing else, other languages
/// without the quotes: a program expected another answer.
fn by_key(failure: &Failure) -> Ruling {
    if failure.http_status.is_some_and(|status| status >= 400) {
        return None;
    }
    let message = failure.message.split(" - traceback").next()?.trim();
    let letters = |key: &str| key.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let is_key = match quoted(message).and_then(|message| message.rsplit_once('\'')) {
        Some((before, key)) => {
            let alone =
                before.trim_end().is_empty() || before.ends_with([' ', '}', '(']) && !before.contains('{');
            alone && !key.is_empty() && letters(key) && is_neutral(key)
        }
        None => {
            let inner = message.chars().skip(1).any(|letter| letter.is_ascii_uppercase());
            let small = message.starts_with(|letter: char| letter.is_ascii_lowercase());
            inner && small && letters(message) && is_neutral(message)
        }
    };
    is_key.then_some((FailureKind::Malformed, "missing-key"))
}

/// What stands before the last quote, if nothing but the end of what was put around it comes behind.
fn quoted(message: &str) -> Option<&str> {
    let (before, behind) = message.rsplit_once('\'')?;
    (behind.is_empty() || behind.starts_with([')', '.']) || behind.starts_with(" (")).then_some(before)
}

/// Whether a name says nothing about a failure, as the names of errors do.
fn is_neutral(name: &str) -> bool {
    let telling = "fail*|invalid*|expired|unauth*|denied|required|missing|forbidden|not|no|locked|warning|unavailable|timeout";
    !Words::of(name).say(telling) && !name.to_ascii_lowercase().ends_with("error")
}

fn by_words(rules: &'static [WordRule], failure: &Failure, words: &Words) -> Ruling {
    let rule = rules.iter().find(|rule| rule.is_about(failure, words))?;
    Some((of_session(rule.kind.clone(), failure), rule.id))
}

fn by_oauth(failure: &Failure, words: &Words) -> Ruling {
    let Some(error) = failure.oauth_error.as_deref() else {
        let (_, kind, _) = OAUTH.iter().find(|(name, _, telling)| *telling && words.say(name))?;
        return Some((kind.clone(), "oauth-words"));
    };
    if let Some(ruling) = by_step(error, failure.phase, failure.http_status) {
        return Some(ruling);
    }
    match error {
        // RFC 6749 §4.1.2.1: what a sign-in is refused with by a redirect, under names of the vendor's too.
        _ if failure.phase == Phase::SignIn && is_redirect(failure) => {
            let known = OAUTH.iter().find(|(name, ..)| *name == error && *name != "access_denied");
            let refused = (FailureKind::CredentialsRejected, "oauth-redirect");
            Some(known.map_or(refused, |(_, kind, _)| (kind.clone(), "oauth")))
        }
        _ => OAUTH.iter().find(|(name, ..)| *name == error).map(|(_, kind, _)| (kind.clone(), "oauth")),
    }
}

fn is_redirect(failure: &Failure) -> bool {
    matches!(failure.http_status, Some(300..=399))
}

/// An answer to a sign-in or a refresh that has not in it what it should.
fn by_answer(failure: &Failure, words: &Words) -> Ruling {
    if is_session(failure.phase) { by_words(ANSWERS_WITHOUT, failure, words) } else { None }
}

/// Whether the status says that nothing was found, or not in time: a token has nothing to do with that.
fn is_elsewhere(failure: &Failure) -> bool {
    matches!(failure.http_status, Some(404 | 408 | 410))
}

/// What says in so many words that the session has ended.
fn by_expiry(failure: &Failure, words: &Words) -> Ruling {
    if is_elsewhere(failure) || is_page(failure) { None } else { by_words(EXPIRED, failure, words) }
}

/// What the message says about the session.
fn by_session(failure: &Failure, words: &Words) -> Ruling {
    if is_elsewhere(failure) {
        return None;
    }
    match by_words(SESSION_ENDED, failure, words) {
        // Of a sign-in it is about a token that the sign-in uses, and not about what somebody typed.
        Some((_, "token-invalid" | "token-missing")) if failure.phase == Phase::SignIn => None,
        Some((kind, "token-invalid" | "token-missing")) if failure.phase == Phase::Refresh => {
            Some((kind, "grant-refused"))
        }
        ruling => ruling,
    }
}

/// A page where a document should be: a portal or a firewall answers in the cloud's place. A status that
/// refuses says more than that.
fn by_body(failure: &Failure, words: &Words) -> Ruling {
    match failure.http_status {
        _ if !is_page(failure) => None,
        Some(400..=499) => by_status(failure, words),
        _ => Some((FailureKind::Malformed, "html")),
    }
}

fn is_page(failure: &Failure) -> bool {
    let is_called_page = failure.content_type.as_deref() == Some("text/html");
    match failure.body {
        BodyKind::Html => true,
        // It begins with something else than a tag.
        BodyKind::Other => is_called_page,
        BodyKind::None | BodyKind::Json => false,
    }
}

/// Refused, and no reason is given.
fn by_refusal(failure: &Failure, words: &Words) -> Ruling {
    if is_session(failure.phase) && words.say_any(SESSION_REFUSALS) {
        return Some((FailureKind::CredentialsRejected, SESSION_REFUSED));
    }
    // The gateway of the CCSP clouds answers 403 as well as 401, in the same envelope and with the same
    // words.
    let gateway = CCSP.contains(&failure.cloud.as_str())
        && failure.http_status == Some(403)
        && failure.code.is_none()
        && words.say("key not authorized");
    let silent = gateway || matches!(failure.http_status, None | Some(401));
    (silent && words.say_any(REFUSALS)).then(|| refused(failure, words))
}

/// A refusal without a reason: of a token it is an expiry unless the token is too young, of a refresh it is
/// most likely about the grant (RFC 6749 §5.2 answers a refused one with 400 or 401), of a sign-in it tells
/// nothing.
fn refused(failure: &Failure, words: &Words) -> (FailureKind, &'static str) {
    let is_static = |(clouds, pattern): &(&[&str], &str)| is_said_by(clouds, failure) && words.say(pattern);
    match failure.phase {
        Phase::Refresh => (FailureKind::CredentialsRejected, SESSION_REFUSED),
        Phase::SignIn => (FailureKind::InvalidRequest, "bare-refusal"),
        Phase::Registration => (FailureKind::InvalidRequest, "http-4xx"),
        _ if STATIC_TOKENS.iter().any(is_static) => (FailureKind::CredentialsRejected, "static-token"),
        _ if is_untried(failure) => (FailureKind::TokenRefusedFresh, "bare-401-fresh"),
        _ => (FailureKind::TokenExpired, "bare-401"),
    }
}

fn by_status(failure: &Failure, words: &Words) -> Ruling {
    let reason = || REASONS.iter().find(|(phrase, _)| words.say(phrase)).map(|(_, status)| *status);
    match failure.http_status.or_else(reason)? {
        401 => Some(refused(failure, words)),
        400 | 403 if failure.phase == Phase::Refresh => Some(refused(failure, words)),
        400 | 403 if is_session(failure.phase) => Some((FailureKind::InvalidRequest, "bare-refusal")),
        408 => Some((FailureKind::Transient, "http-408")),
        400..=499 => Some((FailureKind::InvalidRequest, "http-4xx")),
        200..=399 => Some((FailureKind::Malformed, "http-unexpected")),
        _ => None,
    }
}

fn is_session(phase: Phase) -> bool {
    matches!(phase, Phase::SignIn | Phase::Refresh)
}

/// What an expired token means in the step that failed. Of a sign-in, a refresh or a registration it means
/// that the credentials are no longer good.
fn of_session(kind: FailureKind, failure: &Failure) -> FailureKind {
    match (kind, failure.phase) {
        (FailureKind::TokenExpired, Phase::SignIn | Phase::Refresh | Phase::Registration) => {
            FailureKind::CredentialsRejected
        }
        (kind, _) => kind,
    }
}

/// Whose ill health the failure shows. A cloud that answers sensibly is well, whatever it says.
fn counts_against(kind: &FailureKind, rule: &str, failure: &Failure) -> Option<CircuitScope> {
    match kind {
        FailureKind::Transient | FailureKind::Malformed if is_session(failure.phase) => {
            Some(CircuitScope::TokenEndpoint)
        }
        FailureKind::Transient | FailureKind::Malformed => Some(CircuitScope::Cloud),
        FailureKind::VehicleUnreachable => Some(CircuitScope::Vehicle),
        // Somebody else may have ended it, and that is no ill health of anything.
        FailureKind::TokenRefusedFresh if rule == EXPIRED_FRESH => None,
        // Going on as before would use up what is left for this account alone.
        FailureKind::RateLimited
        | FailureKind::TokenRefusedFresh
        | FailureKind::Unknown
        | FailureKind::Other(_) => Some(CircuitScope::Account),
        FailureKind::TokenExpired
        | FailureKind::DeviceUnregistered
        | FailureKind::ControlTokenExpired
        | FailureKind::CredentialsRejected
        | FailureKind::ChallengeRequired
        | FailureKind::ClientRefused
        | FailureKind::Busy
        | FailureKind::BatteryLow
        | FailureKind::NoData
        | FailureKind::Unsupported
        | FailureKind::InvalidRequest => None,
    }
}

#[cfg(test)]
mod tests;
