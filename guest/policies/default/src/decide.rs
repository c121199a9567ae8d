//! What next for this operation?

use crate::classify::{EXPIRED_FRESH, SESSION_REFUSED};
use crate::rules::{BLOCKED_CLIENT, CONSENT, TERMS, TERMS_PAGE, UPSTREAM, ends_session, is_code};
use crate::types::{
    Attempt, Certainty, Confirmation, Decision, Effect, FailureKind, Latch, Milliseconds, Phase, Transport,
};

/// The cell of the device registration, as connectors name it.
const REGISTRATION: &str = "device-registration";

/// How often one step is tried, refreshes and new registrations apart.
const TRIES: u32 = 4;

/// The longest pause before the second try in milliseconds; it doubles with each further one.
const FIRST: Milliseconds = 1_000;

/// The longest pause before any try, in milliseconds.
const LONGEST: Milliseconds = 20_000;

/// How long a vehicle may be busy with one command, in milliseconds, as far as anybody knows.
const BUSY: Milliseconds = 10_000;

/// When to ask what became of a command, in milliseconds. A vehicle that is awake answers in a few seconds.
const CONFIRM: Milliseconds = 5_000;

/// For how long to ask after a vehicle that did not answer the cloud, in milliseconds. The cloud has waited
/// for it before it said so: what it does not know after a few questions more it will not learn before the
/// vehicle wakes up, and until then the actuator would be blocked for the rest of the operation's time.
const CONFIRM_SILENT: Milliseconds = 30_000;

/// When to ask a token service again whose back end is unwell for one account, in milliseconds. It is for hours, and
/// whoever comes back at once only adds to it.
const UNWELL_FOR_LONG: Milliseconds = 3_600_000;

/// What next for the operation that `attempt` belongs to.
///
/// What decides is whether the vehicle may have acted and what acting twice would do; the kind of failure
/// only says what could help. An actuation that may have happened is never sent again.
#[must_use]
pub fn decide(attempt: &Attempt) -> Decision {
    let failure = &attempt.failure;
    if failure.transport == Some(Transport::Denied) {
        return Decision::GiveUp;
    }
    match attempt.verdict.kind {
        _ if attempt.verdict.rule == BLOCKED_CLIENT => return Decision::Latch(Latch::Blocked),
        FailureKind::CredentialsRejected => return credentials(attempt),
        FailureKind::ChallengeRequired => return challenge(attempt),
        // Words alone are no reason to send nothing any more until another connector comes.
        FailureKind::ClientRefused if is_session(attempt) && is_code(&attempt.verdict.rule) => {
            return Decision::Latch(Latch::ClientRefused);
        }
        _ if attempt.verdict.rule == UPSTREAM && is_session(attempt) => {
            return Decision::Retry(UNWELL_FOR_LONG);
        }
        _ => {}
    }
    if failure.phase == Phase::Pin {
        return pin(attempt);
    }
    match failure.certainty {
        Certainty::Accepted => accepted(attempt),
        Certainty::Ambiguous => ambiguous(attempt),
        Certainty::NotSent => not_sent(attempt),
        Certainty::Rejected => rejected(attempt),
    }
}

/// A person must act. Whether everything else has to stop as well depends on what was refused.
fn credentials(attempt: &Attempt) -> Decision {
    match attempt.failure.phase {
        // Only the session is over; the credentials for another one may be as good as before.
        Phase::Refresh if ends_session(&attempt.verdict.rule) => Decision::SignInAgain,
        Phase::SignIn | Phase::Refresh if attempt.verdict.rule == SESSION_REFUSED => Decision::GiveUp,
        Phase::SignIn | Phase::Refresh => Decision::Latch(Latch::AuthRequired),
        // A wrong PIN, or something that this account may not: the session is as good as before.
        _ => Decision::GiveUp,
    }
}

/// A person must do something more than to be known: type a code, accept terms.
fn challenge(attempt: &Attempt) -> Decision {
    let consent = [CONSENT, TERMS, TERMS_PAGE].contains(&attempt.verdict.rule.as_str())
        || attempt.failure.oauth_error.as_deref() == Some("consent_required");
    match (is_session(attempt), consent) {
        (true, true) => Decision::Latch(Latch::ConsentRequired),
        (true, false) => Decision::Latch(Latch::OtpRequired),
        (false, _) => Decision::GiveUp,
    }
}

fn is_session(attempt: &Attempt) -> bool {
    matches!(attempt.failure.phase, Phase::SignIn | Phase::Refresh)
}

/// A PIN is offered again only if nobody has seen it: clouds lock it after a few wrong ones, and count in
/// ways that they do not tell.
fn pin(attempt: &Attempt) -> Decision {
    match (&attempt.verdict.kind, attempt.failure.certainty) {
        (_, Certainty::NotSent | Certainty::Rejected) if ended_early(attempt) => remedy(attempt),
        (
            FailureKind::TokenExpired | FailureKind::DeviceUnregistered,
            Certainty::NotSent | Certainty::Rejected,
        ) => remedy(attempt),
        (_, Certainty::NotSent) => again(attempt),
        _ => Decision::GiveUp,
    }
}

/// The cloud has the command; what failed is the question what became of it. Asking again is safe, sending
/// again is not.
fn accepted(attempt: &Attempt) -> Decision {
    match attempt.verdict.kind {
        _ if attempt.failure.phase == Phase::Confirmation && is_token(attempt) && !attempt.refreshed => {
            Decision::RefreshAndRetry
        }
        FailureKind::Transient
        | FailureKind::Busy
        | FailureKind::Malformed
        | FailureKind::VehicleUnreachable => confirm(attempt),
        FailureKind::RateLimited => {
            let wait = attempt.failure.retry_after.unwrap_or(CONFIRM).max(CONFIRM);
            if wait < attempt.remaining { asked_after(wait, None) } else { Decision::GiveUp }
        }
        _ => Decision::GiveUp,
    }
}

/// The vehicle may have acted.
fn ambiguous(attempt: &Attempt) -> Decision {
    match (attempt.failure.effect, &attempt.verdict.kind) {
        (Effect::Actuation, _) | (Effect::Set, FailureKind::VehicleUnreachable) => confirm(attempt),
        // To ask a sleeping vehicle again costs its battery and the quota.
        (Effect::Read, FailureKind::VehicleUnreachable) => Decision::GiveUp,
        (Effect::Read | Effect::Set, _) => again(attempt),
        // The grant may have been used up. Whoever refreshes next reads the session first.
        (Effect::Session, _) => Decision::GiveUp,
    }
}

fn not_sent(attempt: &Attempt) -> Decision {
    match attempt.verdict.kind {
        // Answers to something earlier in the same step, for instance to the registration before a command.
        FailureKind::TokenExpired | FailureKind::DeviceUnregistered | FailureKind::ControlTokenExpired => {
            remedy(attempt)
        }
        FailureKind::TokenRefusedFresh if ended_early(attempt) => remedy(attempt),
        FailureKind::Transient | FailureKind::Unknown => again(attempt),
        FailureKind::RateLimited => throttled(attempt),
        _ => Decision::GiveUp,
    }
}

/// The cloud said no, and nothing happened.
fn rejected(attempt: &Attempt) -> Decision {
    match attempt.verdict.kind {
        FailureKind::TokenExpired | FailureKind::DeviceUnregistered | FailureKind::ControlTokenExpired => {
            remedy(attempt)
        }
        FailureKind::TokenRefusedFresh if ended_early(attempt) => remedy(attempt),
        FailureKind::RateLimited => throttled(attempt),
        FailureKind::Transient => again(attempt),
        FailureKind::Busy => queued(attempt),
        _ => Decision::GiveUp,
    }
}

/// The vehicle is at somebody else's command. The cloud has taken nothing, so it may be sent when that has
/// ended.
fn queued(attempt: &Attempt) -> Decision {
    let repeat = may_repeat(attempt) && attempt.number < TRIES && BUSY < attempt.remaining;
    if repeat { Decision::Retry(BUSY) } else { Decision::GiveUp }
}

/// What replaces the thing that the cloud refused. Each remedy helps at most once: a second refusal means
/// that it was not that. A host sees to it that none is tried twice; a session and a registration that ended
/// in the same night need one each.
fn remedy(attempt: &Attempt) -> Decision {
    if superseded(attempt) || attempt.failure.effect == Effect::Session {
        return Decision::GiveUp;
    }
    match attempt.verdict.kind {
        _ if is_token(attempt) && !attempt.refreshed => Decision::RefreshAndRetry,
        FailureKind::DeviceUnregistered if attempt.number < TRIES => {
            Decision::DiscardAndRetry(REGISTRATION.into())
        }
        // The connector has replaced the permission, or dropped it. If the next one is refused too, it was
        // not that.
        FailureKind::ControlTokenExpired if attempt.number == 1 && may_repeat(attempt) => Decision::Retry(0),
        _ => Decision::GiveUp,
    }
}

fn is_token(attempt: &Attempt) -> bool {
    attempt.verdict.kind == FailureKind::TokenExpired || ended_early(attempt)
}

/// Whether the cloud called a token expired that was moments old. It is worth one more: somebody else may
/// have ended the session right after it was refreshed, and no window of time may fail an operation for that.
fn ended_early(attempt: &Attempt) -> bool {
    let verdict = &attempt.verdict;
    verdict.rule == EXPIRED_FRESH && verdict.kind == FailureKind::TokenRefusedFresh
}

/// Waits as told, or stops: without a time it is a quota, and a quota comes back at its own hour.
fn throttled(attempt: &Attempt) -> Decision {
    match attempt.failure.retry_after {
        Some(told) if may_repeat(attempt) => {
            let wait = told.saturating_add(attempt.random % (told / 10 + 1));
            if wait < attempt.remaining { Decision::Retry(wait) } else { Decision::GiveUp }
        }
        _ => Decision::GiveUp,
    }
}

/// Repeats after a pause between nothing and a bound that doubles, evenly by chance, so that callers that
/// failed together spread out.
fn again(attempt: &Attempt) -> Decision {
    let tries = if attempt.failure.effect == Effect::Session { 2 } else { TRIES };
    let for_long = attempt.verdict.rule == UPSTREAM;
    if for_long || !may_repeat(attempt) || attempt.number >= tries {
        return Decision::GiveUp;
    }
    let bound = FIRST.saturating_mul(1 << attempt.number.saturating_sub(1).min(16)).min(LONGEST);
    let wait = (attempt.random % (bound + 1)).max(attempt.failure.retry_after.unwrap_or(0));
    if wait < attempt.remaining { Decision::Retry(wait) } else { Decision::GiveUp }
}

fn confirm(attempt: &Attempt) -> Decision {
    let silent = attempt.verdict.kind == FailureKind::VehicleUnreachable;
    let within = silent.then_some(CONFIRM_SILENT);
    if CONFIRM < attempt.remaining { asked_after(CONFIRM, within) } else { Decision::GiveUp }
}

fn asked_after(after: Milliseconds, within: Option<Milliseconds>) -> Decision {
    Decision::Confirm(Confirmation { after, within })
}

fn may_repeat(attempt: &Attempt) -> bool {
    attempt.retry_budget > 0 && !superseded(attempt)
}

/// Whether repeating would undo what somebody wanted later.
fn superseded(attempt: &Attempt) -> bool {
    attempt.superseded && matches!(attempt.failure.effect, Effect::Actuation | Effect::Set)
}

#[cfg(test)]
mod tests;
