use proptest::prelude::*;

use super::*;
use crate::testing::plain;
use crate::types::{Failure, Verdict};

fn attempt(effect: Effect, phase: Phase, certainty: Certainty, fault: Fault) -> Attempt {
    Attempt {
        failure: Failure { effect, certainty, ..plain(phase) },
        verdict: Verdict { fault, rule: "test".into(), counts_against: None },
        number: 1,
        refreshed: false,
        superseded: false,
        elapsed: 0,
        remaining: 60_000,
        retry_budget: 10,
        random: 7,
    }
}

fn command(certainty: Certainty, fault: Fault) -> Attempt {
    attempt(Effect::Actuation, Phase::Command, certainty, fault)
}

#[test]
fn the_matrix() {
    use Certainty::*;
    let retry = Decision::Retry(7);
    for (effect, certainty, fault, expected) in [
        (Effect::Read, NotSent, Fault::Transient, retry.clone()),
        (Effect::Set, NotSent, Fault::Transient, retry.clone()),
        (Effect::Actuation, NotSent, Fault::Transient, retry.clone()),
        (Effect::Read, Rejected, Fault::TokenExpired, Decision::RefreshAndRetry),
        (Effect::Set, Rejected, Fault::TokenExpired, Decision::RefreshAndRetry),
        (Effect::Actuation, Rejected, Fault::TokenExpired, Decision::RefreshAndRetry),
        (Effect::Read, Rejected, Fault::InvalidRequest, Decision::GiveUp),
        (Effect::Actuation, Rejected, Fault::Busy, Decision::Retry(BUSY)),
        (Effect::Actuation, Rejected, Fault::Transient, retry.clone()),
        (Effect::Read, Ambiguous, Fault::Transient, retry.clone()),
        (Effect::Set, Ambiguous, Fault::Transient, retry),
        (Effect::Actuation, Ambiguous, Fault::Transient, Decision::Confirm(CONFIRM)),
        (Effect::Actuation, Ambiguous, Fault::TokenExpired, Decision::Confirm(CONFIRM)),
        (Effect::Actuation, Ambiguous, Fault::VehicleUnreachable, Decision::Confirm(CONFIRM)),
    ] {
        let phase = if effect == Effect::Read { Phase::Status } else { Phase::Command };
        assert_eq!(
            decide(&attempt(effect, phase, certainty, fault.clone())),
            expected,
            "{effect:?} {fault:?}"
        );
    }
}

#[test]
fn a_refresh_is_tried_once() {
    let mut attempt = command(Certainty::Rejected, Fault::TokenExpired);
    attempt.refreshed = true;
    assert_eq!(decide(&attempt), Decision::GiveUp);
}

#[test]
fn a_poll_that_is_refused_never_resends_the_command() {
    let poll = attempt(Effect::Actuation, Phase::Confirmation, Certainty::Accepted, Fault::TokenExpired);
    assert_eq!(decide(&poll), Decision::RefreshAndRetry);
    let poll = attempt(Effect::Actuation, Phase::Confirmation, Certainty::Accepted, Fault::Transient);
    assert_eq!(decide(&poll), Decision::Confirm(CONFIRM));
}

#[test]
fn stale_identities_are_discarded() {
    let mut attempt = command(Certainty::Rejected, Fault::DeviceUnregistered);
    assert_eq!(decide(&attempt), Decision::DiscardAndRetry(REGISTRATION.into()));
    // The session had ended too, and was renewed first.
    attempt.number = 2;
    attempt.refreshed = true;
    assert_eq!(decide(&attempt), Decision::DiscardAndRetry(REGISTRATION.into()));
    attempt.number = TRIES;
    assert_eq!(decide(&attempt), Decision::GiveUp);
}

#[test]
fn a_permission_that_the_connector_replaced_is_tried_once() {
    let mut attempt = command(Certainty::Rejected, Fault::ControlTokenExpired);
    assert_eq!(decide(&attempt), Decision::Retry(0));
    attempt.number = 2;
    assert_eq!(decide(&attempt), Decision::GiveUp);
}

#[test]
fn a_refused_grant_latches() {
    let mut refused =
        attempt(Effect::Session, Phase::Refresh, Certainty::Rejected, Fault::CredentialsRejected);
    assert_eq!(decide(&refused), Decision::Latch(Latch::AuthRequired));
    refused.failure.message = "OTP required".into();
    assert_eq!(decide(&refused), Decision::Latch(Latch::OtpRequired));
    refused.verdict.rule = "blocked-client".into();
    assert_eq!(decide(&refused), Decision::Latch(Latch::Blocked));
}

#[test]
fn a_pin_is_never_offered_again() {
    for certainty in [Certainty::Rejected, Certainty::Ambiguous] {
        for fault in [Fault::CredentialsRejected, Fault::Transient, Fault::Unknown] {
            let attempt = attempt(Effect::Actuation, Phase::Pin, certainty, fault);
            assert_eq!(decide(&attempt), Decision::GiveUp);
        }
    }
    let unsent = attempt(Effect::Actuation, Phase::Pin, Certainty::NotSent, Fault::Transient);
    assert_eq!(decide(&unsent), Decision::Retry(7));
    let expired = attempt(Effect::Actuation, Phase::Pin, Certainty::Rejected, Fault::TokenExpired);
    assert_eq!(decide(&expired), Decision::RefreshAndRetry);
}

#[test]
fn throttling_waits_as_told_or_stops() {
    let mut attempt = command(Certainty::Rejected, Fault::RateLimited);
    assert_eq!(decide(&attempt), Decision::GiveUp);
    attempt.failure.retry_after = Some(10_000);
    assert_eq!(decide(&attempt), Decision::Retry(10_007));
    attempt.remaining = 10_000;
    assert_eq!(decide(&attempt), Decision::GiveUp);
}

#[test]
fn budget_deadline_and_newer_commands_stop_repeats() {
    let base = command(Certainty::NotSent, Fault::Transient);
    let spent = Attempt { retry_budget: 0, ..base.clone() };
    let late = Attempt { remaining: 0, ..base.clone() };
    let older = Attempt { superseded: true, ..base.clone() };
    let tired = Attempt { number: TRIES, ..base };
    for attempt in [spent, late, older, tired] {
        assert_eq!(decide(&attempt), Decision::GiveUp);
    }
}

#[test]
fn a_session_that_somebody_else_ended_at_once_is_renewed_once() {
    let ended = |phase, certainty, rule: &str| {
        let mut attempt = attempt(Effect::Actuation, phase, certainty, Fault::Other(FRESH_REFUSED.into()));
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
