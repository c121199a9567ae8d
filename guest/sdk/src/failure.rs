//! Failures, as facts.

use alloc::borrow::ToOwned;
use alloc::format;

use crate::certainty::{Doing, End, Told, certainty};
use crate::connector::{BodyKind, Certainty, Failure, Phase, Transport};
use crate::http::TransportError;
use crate::lock::LockError;
use crate::random::RandomError;

/// The code of [`no_refresh`].
pub const NO_REFRESH: &str = "no-refresh";

/// Facts of something that failed before a request was made: an endpoint that is missing, a credential that
/// the owner has not given. Nothing was sent, and repeating it changes nothing.
#[must_use]
pub fn not_sent(phase: Phase, message: &str) -> Failure {
    no_answer(phase, Certainty::NotSent, Some(Transport::Denied), message)
}

/// Facts of a session that nothing can refresh: a policy that knows the code [`NO_REFRESH`] signs in again.
#[must_use]
pub fn no_refresh() -> Failure {
    let message = "this cloud has no refresh; only a sign-in brings another session";
    let code = Some(NO_REFRESH.to_owned());
    Failure { code, ..no_answer(Phase::Refresh, Certainty::NotSent, None, message) }
}

/// Facts of a request without an answer.
#[must_use]
pub fn of_transport(doing: Doing, error: &TransportError) -> Failure {
    let (transport, message) = match error {
        TransportError::NotSent(message) => (Transport::NotSent, message),
        TransportError::Interrupted(message) => (Transport::Interrupted, message),
        TransportError::Denied(message) => (Transport::Denied, message),
        TransportError::Other(message) => (Transport::Other, message),
    };
    let certainty = certainty(doing, End::NoAnswer(transport));
    no_answer(doing.phase, certainty, Some(transport), message)
}

/// Facts of a cell that could not be acquired or committed. Later may be better, unless the host does not
/// know the cell or the value is too large.
#[must_use]
pub fn of_lock(phase: Phase, name: &str, error: &LockError) -> Failure {
    let (transport, why) = match error {
        LockError::TimedOut => (Transport::NotSent, "somebody else held it too long"),
        LockError::NotStored(_) | LockError::Other(_) => (Transport::NotSent, "it could not be stored"),
        LockError::UnknownName => (Transport::Denied, "the host does not know it"),
        LockError::TooLarge(_) => (Transport::Denied, "the value is too large"),
    };
    no_answer(phase, Certainty::NotSent, Some(transport), &format!("cell `{name}`: {why}"))
}

/// Facts of a secret that could not be made.
#[must_use]
pub fn of_random(phase: Phase, error: &RandomError) -> Failure {
    let (RandomError::Denied(message) | RandomError::Other(message)) = error;
    not_sent(phase, message)
}

/// Facts of an answer that was a success and lacks what was asked for: `the answer has no …`.
#[must_use]
pub fn without(phase: Phase, status: u16, what: &str) -> Failure {
    let doing = Doing { phase, acts: phase == Phase::Command };
    let certainty = certainty(doing, End::Answer { status, comes_back: false, told: Told::Unsaid });
    Failure {
        http_status: Some(status),
        body: BodyKind::Json,
        ..no_answer(phase, certainty, None, &format!("the answer has no {what}"))
    }
}

fn no_answer(phase: Phase, certainty: Certainty, transport: Option<Transport>, message: &str) -> Failure {
    Failure {
        phase,
        certainty,
        transport,
        http_status: None,
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message: message.to_owned(),
        body: BodyKind::None,
    }
}
