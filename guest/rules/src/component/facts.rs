//! The types of the interface as those of this crate.

use alloc::string::String;

use super::bindings::vehicle::connector::policy;
use super::{of, wit};
use crate::account::{Able, Failed};
use crate::action::{Certainty, Decision, Later};
use crate::circuit::Settings;
use crate::evidence::{Answer, Body, Step};
use crate::judged::{Kind, Scope};
use crate::latch::LatchKind;
use crate::refresh::RefreshDecision;

pub(super) fn failed(failed: &wit::FailedAttempt) -> Failed<'_> {
    let failure = &failed.failure;
    Failed {
        answer: answer(failure),
        message: &failure.message,
        retry_after: failure.retry_after.map(|pause| of(pause.into())),
        certainty: match failure.certainty {
            policy::Certainty::NotSent => Certainty::NotSent,
            policy::Certainty::Rejected => Certainty::Rejected,
            policy::Certainty::Ambiguous => Certainty::Ambiguous,
            policy::Certainty::Accepted => Certainty::Accepted,
        },
        is_command: matches!(failure.phase, policy::Phase::Command),
        actuates: matches!(failure.effect, policy::Effect::Actuation)
            && !matches!(failure.phase, policy::Phase::Confirmation),
        kind: kind(&failed.verdict.kind),
        scope: failed.verdict.counts_against.as_ref().map(scope),
        decision: decision(&failed.decision),
        code_refuses: failed.code_refuses,
        able: Able { ask: failed.able.ask, discard: failed.able.discard, sign_in: failed.able.sign_in },
        remaining: of(failed.remaining.into()),
    }
}

fn answer(failure: &policy::Failure) -> Answer<'_> {
    Answer {
        step: match failure.phase {
            policy::Phase::SignIn => Step::SignIn,
            policy::Phase::Refresh => Step::Refresh,
            _ => Step::Other,
        },
        is_missing: failure.transport.is_some(),
        status: failure.http_status,
        code: failure.code.as_deref(),
        oauth_error: failure.oauth_error.as_deref(),
        body: if matches!(failure.body, policy::BodyKind::Html) { Body::Page } else { Body::Document },
        has_words: !failure.message.trim().is_empty(),
        redirects: failure.redirect.is_some(),
    }
}

fn kind(kind: &policy::FailureKind) -> Kind {
    match kind {
        policy::FailureKind::TokenExpired => Kind::TokenExpired,
        policy::FailureKind::TokenRefusedFresh => Kind::TokenRefusedFresh,
        policy::FailureKind::DeviceUnregistered => Kind::DeviceUnregistered,
        policy::FailureKind::ControlTokenExpired => Kind::ControlTokenExpired,
        policy::FailureKind::CredentialsRejected => Kind::CredentialsRejected,
        policy::FailureKind::ChallengeRequired => Kind::ChallengeRequired,
        policy::FailureKind::ClientRefused => Kind::ClientRefused,
        policy::FailureKind::RateLimited => Kind::RateLimited,
        policy::FailureKind::Busy => Kind::Busy,
        policy::FailureKind::BatteryLow => Kind::BatteryLow,
        policy::FailureKind::NoData => Kind::NoData,
        policy::FailureKind::VehicleUnreachable => Kind::VehicleUnreachable,
        policy::FailureKind::Transient => Kind::Transient,
        policy::FailureKind::Unsupported => Kind::Unsupported,
        policy::FailureKind::InvalidRequest => Kind::InvalidRequest,
        policy::FailureKind::Malformed => Kind::Malformed,
        policy::FailureKind::Unknown | policy::FailureKind::Other(_) => Kind::Unknown,
    }
}

fn scope(scope: &policy::CircuitScope) -> Scope {
    match scope {
        policy::CircuitScope::TokenEndpoint => Scope::TokenEndpoint,
        policy::CircuitScope::Cloud => Scope::Cloud,
        policy::CircuitScope::Account => Scope::Account,
        policy::CircuitScope::Vehicle => Scope::Vehicle,
        policy::CircuitScope::Other(_) => Scope::Other,
    }
}

fn decision(decision: &policy::Decision) -> Decision {
    match decision {
        policy::Decision::RefreshAndRetry => Decision::RefreshAndRetry,
        policy::Decision::SignInAgain => Decision::SignInAgain,
        policy::Decision::DiscardAndRetry(cell) => Decision::DiscardAndRetry(cell.clone()),
        policy::Decision::Retry(after) => Decision::Retry(of((*after).into())),
        policy::Decision::Confirm(policy::Confirmation { after, within }) => Decision::Confirm(Later {
            after: of((*after).into()),
            within: within.map(|within| of(within.into())),
        }),
        policy::Decision::GiveUp => Decision::GiveUp,
        policy::Decision::Latch(latch) => Decision::Latch(latch_kind(latch)),
        policy::Decision::Other(_) => Decision::Other,
    }
}

pub(super) fn refresh_decision(decision: policy::RefreshDecision) -> RefreshDecision {
    match decision {
        policy::RefreshDecision::Refresh => RefreshDecision::Refresh,
        policy::RefreshDecision::Adopt => RefreshDecision::Adopt,
        policy::RefreshDecision::Wait(pause) => RefreshDecision::Wait(of(pause.into())),
        policy::RefreshDecision::Stop(latch) => RefreshDecision::Stop(name(latch)),
        policy::RefreshDecision::Other(what) => RefreshDecision::Other(what),
    }
}

fn latch_kind(latch: &policy::Latch) -> LatchKind {
    match latch {
        policy::Latch::OtpRequired => LatchKind::OtpRequired,
        policy::Latch::ConsentRequired => LatchKind::ConsentRequired,
        policy::Latch::ClientRefused => LatchKind::ClientRefused,
        policy::Latch::Blocked => LatchKind::LockedOut,
        policy::Latch::AuthRequired | policy::Latch::Other(_) => LatchKind::AuthRequired,
    }
}

/// A latch, as the interface calls it.
pub(super) fn latch(kind: LatchKind) -> policy::Latch {
    match kind {
        LatchKind::AuthRequired => policy::Latch::AuthRequired,
        LatchKind::OtpRequired => policy::Latch::OtpRequired,
        LatchKind::ConsentRequired => policy::Latch::ConsentRequired,
        LatchKind::ClientRefused => policy::Latch::ClientRefused,
        LatchKind::LockedOut => policy::Latch::Blocked,
    }
}

fn name(latch: policy::Latch) -> String {
    match latch {
        policy::Latch::AuthRequired => "auth-required".into(),
        policy::Latch::OtpRequired => "otp-required".into(),
        policy::Latch::ConsentRequired => "consent-required".into(),
        policy::Latch::Blocked => "blocked".into(),
        policy::Latch::ClientRefused => "client-refused".into(),
        policy::Latch::Other(name) => name,
    }
}

pub(super) fn settings(settings: policy::CircuitSettings) -> Settings {
    Settings::default()
        .consecutive_failures(settings.consecutive_failures)
        .failure_ratio(settings.failure_ratio, settings.minimum_calls, of(settings.window.into()))
        .open_for(of(settings.open_for.into()))
        .probes(settings.probes, of(settings.probe_lease.into()))
}
