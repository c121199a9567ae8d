use proptest::prelude::*;

use super::*;
use crate::testing::plain;
use crate::types::{Failure, Verdict};

fn attempt(effect: Effect, phase: Phase, certainty: Certainty, kind: FailureKind) -> Attempt {
    Attempt {
        failure: Failure { effect, certainty, ..plain(phase) },
        verdict: Verdict { kind, rule: "test".into(), counts_against: None },
        number: 1,
        refreshed: false,
        superseded: false,
        elapsed: 0,
        remaining: 60_000,
        retry_budget: 10,
        random: 7,
    }
}

fn command(certainty: Certainty, kind: FailureKind) -> Attempt {
    attempt(Effect::Actuation, Phase::Command, certainty, kind)
}

#[test]
fn the_matrix() {
    use Certainty::*;
    let retry = Decision::Retry(7);
    for (effect, certainty, kind, expected) in [
        (Effect::Read, NotSent, FailureKind::Transient, retry.clone()),
        (Effect::Set, NotSent, FailureKind::Transient, retry.clone()),
        (Effect::Actuation, NotSent, FailureKind::Transient, retry.clone()),
        (Effect::Read, Rejected, FailureKind::TokenExpired, Decision::RefreshAndRetry),
        (Effect::Set, Rejected, FailureKind::TokenExpired, Decision::RefreshAndRetry),
        (Effect::Actuation, Rejected, FailureKind::TokenExpired, Decision::RefreshAndRetry),
        (Effect::Read, Rejected, FailureKind::InvalidRequest, Decision::GiveUp),
        (Effect::Actuation, Rejected, FailureKind::Busy, Decision::Retry(BUSY)),
        (Effect::Actuation, Rejected, FailureKind::Transient, retry.clone()),
        (Effect::Read, Ambiguous, FailureKind::Transient, retry.clone()),
        (Effect::Set, Ambiguous, FailureKind::Transient, retry),
        (Effect::Actuation, Ambiguous, FailureKind::Transient, Decision::Confirm(CONFIRM)),
        (Effect::Actuation, Ambiguous, FailureKind::TokenExpired, Decision::Confirm(CONFIRM)),
        (Effect::Actuation, Ambiguous, FailureKind::VehicleUnreachable, Decision::Confirm(CONFIRM)),
    ] {
        let phase = if effect == Effect::Read { Phase::Status } else { Phase::Command };
        assert_eq!(decide(&attempt(effect, phase, certainty, kind.clone())), expected, "{effect:?} {kind:?}");
    }
}

#[test]
fn a_refresh_is_tried_once() {
    let mut attempt = command(Certainty::Rejected, FailureKind::TokenExpired);
    attempt.refreshed = true;
    assert_eq!(decide(&attempt), Decision::GiveUp);
}

#[test]
fn a_poll_that_is_refused_never_resends_the_command() {
    let poll =
        attempt(Effect::Actuation, Phase::Confirmation, Certainty::Accepted, FailureKind::TokenExpired);
    assert_eq!(decide(&poll), Decision::RefreshAndRetry);
    let poll = attempt(Effect::Actuation, Phase::Confirmation, Certainty::Accepted, FailureKind::Transient);
    assert_eq!(decide(&poll), Decision::Confirm(CONFIRM));
}

#[test]
fn stale_identities_are_discarded() {
    let mut attempt = command(Certainty::Rejected, FailureKind::DeviceUnregistered);
    assert_eq!(decide(&attempt), Decision::DiscardAndRetry(REGISTRATION.into()));
    // The session had ended too, and was refreshed first.
    attempt.number = 2;
    attempt.refreshed = true;
    assert_eq!(decide(&attempt), Decision::DiscardAndRetry(REGISTRATION.into()));
    attempt.number = TRIES;
    assert_eq!(decide(&attempt), Decision::GiveUp);
}

#[test]
fn a_permission_that_the_connector_replaced_is_tried_once() {
    let mut attempt = command(Certainty::Rejected, FailureKind::ControlTokenExpired);
    assert_eq!(decide(&attempt), Decision::Retry(0));
    attempt.number = 2;
    assert_eq!(decide(&attempt), Decision::GiveUp);
}

#[test]
fn a_refused_grant_latches() {
    let mut refused =
        attempt(Effect::Session, Phase::Refresh, Certainty::Rejected, FailureKind::CredentialsRejected);
    assert_eq!(decide(&refused), Decision::Latch(Latch::AuthRequired));
    refused.failure.message = "OTP required".into();
    assert_eq!(decide(&refused), Decision::Latch(Latch::OtpRequired));
    refused.verdict.rule = "blocked-client".into();
    assert_eq!(decide(&refused), Decision::Latch(Latch::Blocked));
}

#[test]
fn a_pin_is_never_offered_again() {
    for certainty in [Certainty::Rejected, Certainty::Ambiguous] {
        for kind in [FailureKind::CredentialsRejected, FailureKind::Transient, FailureKind::Unknown] {
            let attempt = attempt(Effect::Actuation, Phase::Pin, certainty, kind);
            assert_eq!(decide(&attempt), Decision::GiveUp);
        }
    }
    let unsent = attempt(Effect::Actuation, Phase::Pin, Certainty::NotSent, FailureKind::Transient);
    assert_eq!(decide(&unsent), Decision::Retry(7));
    let expired = attempt(Effect::Actuation, Phase::Pin, Certainty::Rejected, FailureKind::TokenExpired);
    assert_eq!(decide(&expired), Decision::RefreshAndRetry);
}

#[test]
fn throttling_waits_as_told_or_stops() {
    let mut attempt = command(Certainty::Rejected, FailureKind::RateLimited);
    assert_eq!(decide(&attempt), Decision::GiveUp);
    attempt.failure.retry_after = Some(10_000);
    assert_eq!(decide(&attempt), Decision::Retry(10_007));
    attempt.remaining = 10_000;
    assert_eq!(decide(&attempt), Decision::GiveUp);
}

#[test]
fn budget_deadline_and_newer_commands_stop_repeats() {
    let base = command(Certainty::NotSent, FailureKind::Transient);
    let spent = Attempt { retry_budget: 0, ..base.clone() };
    let late = Attempt { remaining: 0, ..base.clone() };
    let older = Attempt { superseded: true, ..base.clone() };
    let tired = Attempt { number: TRIES, ..base };
    for attempt in [spent, late, older, tired] {
        assert_eq!(decide(&attempt), Decision::GiveUp);
    }
}

#[test]
fn a_session_that_somebody_else_ended_at_once_is_refreshed_once() {
    let ended = |phase, certainty, rule: &str| {
        let mut attempt = attempt(Effect::Actuation, phase, certainty, FailureKind::TokenRefusedFresh);
        attempt.verdict.rule = rule.into();
        attempt
    };
    for (phase, certainty) in [
        (Phase::Command, Certainty::Rejected),
        (Phase::Command, Certainty::NotSent),
        (Phase::Pin, Certainty::Rejected),
        (Phase::Confirmation, Certainty::Accepted),
    ] {
        let mut attempt = ended(phase, certainty, EXPIRED_FRESH);
        assert_eq!(decide(&attempt), Decision::RefreshAndRetry, "{phase:?}");
        attempt.refreshed = true;
        assert_eq!(decide(&attempt), Decision::GiveUp, "{phase:?}");
        attempt.refreshed = false;
        attempt.failure.effect = Effect::Session;
        if certainty != Certainty::Accepted {
            assert_eq!(decide(&attempt), Decision::GiveUp, "{phase:?}");
        }
        assert_eq!(decide(&ended(phase, certainty, "bare-401-fresh")), Decision::GiveUp, "{phase:?}");
    }
}

#[path = "properties.rs"]
mod properties;
