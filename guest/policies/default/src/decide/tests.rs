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
        (Effect::Actuation, Ambiguous, FailureKind::Transient, asked_after(CONFIRM, None)),
        (Effect::Actuation, Ambiguous, FailureKind::TokenExpired, asked_after(CONFIRM, None)),
        (
            Effect::Actuation,
            Ambiguous,
            FailureKind::VehicleUnreachable,
            asked_after(CONFIRM, Some(CONFIRM_SILENT)),
        ),
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
    assert_eq!(decide(&poll), asked_after(CONFIRM, None));
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
    refused.verdict.rule = "blocked-client".into();
    assert_eq!(decide(&refused), Decision::Latch(Latch::Blocked));
}

#[test]
fn what_a_person_must_do_more_latches_by_its_kind() {
    let latched = |kind, rule: &str, oauth_error: Option<&str>| {
        let mut refused = attempt(Effect::Session, Phase::SignIn, Certainty::Rejected, kind);
        refused.verdict.rule = rule.into();
        // Words are for `classify`.
        refused.failure.message = "OTP".into();
        refused.failure.oauth_error = oauth_error.map(Into::into);
        decide(&refused)
    };
    let challenge = || FailureKind::ChallengeRequired;
    for (kind, rule, oauth_error, latch) in [
        (challenge(), "ca-7110-otp", None, Latch::OtpRequired),
        (challenge(), TERMS, None, Latch::ConsentRequired),
        (challenge(), CONSENT, None, Latch::ConsentRequired),
        (challenge(), TERMS_PAGE, None, Latch::ConsentRequired),
        (challenge(), "oauth", Some("consent_required"), Latch::ConsentRequired),
        (FailureKind::ClientRefused, "ccsp-9035-gate", None, Latch::ClientRefused),
        (FailureKind::CredentialsRejected, "credentials-wrong", None, Latch::AuthRequired),
    ] {
        assert_eq!(latched(kind, rule, oauth_error), Decision::Latch(latch), "{rule}");
    }
    // No verdict, and words about the program.
    for (kind, rule) in [
        (FailureKind::CredentialsRejected, SESSION_REFUSED),
        (FailureKind::ClientRefused, "app-outdated"),
        (FailureKind::InvalidRequest, "bare-refusal"),
    ] {
        assert_eq!(latched(kind, rule, None), Decision::GiveUp, "{rule}");
    }
    let outside = attempt(Effect::Actuation, Phase::Command, Certainty::Rejected, challenge());
    assert_eq!(decide(&outside), Decision::GiveUp);
}

#[test]
fn a_session_that_is_over_is_signed_in_again_from_a_refresh_alone() {
    for (cloud, code) in [
        ("hyundai-kia-eu", "4111"),
        ("renault", "403005"),
        ("renault", "403013"),
        ("hyundai-kia-ca", "7403"),
        ("anywhere", "no-refresh"),
    ] {
        for (phase, expected) in
            [(Phase::Refresh, Decision::SignInAgain), (Phase::SignIn, Decision::Latch(Latch::AuthRequired))]
        {
            let failure = Failure {
                cloud: cloud.into(),
                code: Some(code.into()),
                effect: Effect::Session,
                http_status: Some(200),
                ..plain(phase)
            };
            let verdict = crate::classify(&failure);
            let base = attempt(Effect::Session, phase, Certainty::Rejected, FailureKind::Unknown);
            assert_eq!(decide(&Attempt { failure, verdict, ..base }), expected, "{cloud} {code} {phase:?}");
        }
    }
    // Of a grant that is dead, and of wrong credentials, these say the same.
    for rule in
        ["ccsp-7501-sign-in", "ccsp-4010-sign-in", "apollo-unauthenticated", "gigya-403042-password-or-key"]
    {
        assert!(!ends_session(rule), "{rule}");
    }
}

#[test]
fn an_application_key_that_was_replaced_latches_no_harder_than_a_password() {
    for (code, phase, effect, expected) in [
        // Gigya does not tell it from a wrong password.
        ("403042", Phase::SignIn, Effect::Session, Decision::Latch(Latch::AuthRequired)),
        ("access_denied", Phase::Status, Effect::Read, Decision::GiveUp),
        ("access_denied", Phase::Command, Effect::Actuation, Decision::GiveUp),
        ("no-id-token", Phase::Unknown, Effect::Read, Decision::RefreshAndRetry),
    ] {
        let failure = Failure { cloud: "renault".into(), code: Some(code.into()), effect, ..plain(phase) };
        let verdict = crate::classify(&failure);
        let base = attempt(effect, phase, Certainty::Rejected, FailureKind::Unknown);
        assert_eq!(decide(&Attempt { failure, verdict, ..base }), expected, "{code} {phase:?}");
    }
}

#[test]
fn a_back_end_that_is_unwell_for_hours_is_left_alone() {
    let mut unwell = attempt(Effect::Session, Phase::Refresh, Certainty::Rejected, FailureKind::Transient);
    assert_eq!(decide(&unwell), Decision::Retry(7));
    unwell.verdict.rule = UPSTREAM.into();
    for certainty in [Certainty::Rejected, Certainty::Ambiguous] {
        unwell.failure.certainty = certainty;
        assert_eq!(decide(&unwell), Decision::Retry(3_600_000), "{certainty:?}");
    }
    let mut read = attempt(Effect::Read, Phase::Status, Certainty::Rejected, FailureKind::Transient);
    read.verdict.rule = UPSTREAM.into();
    assert_eq!(decide(&read), Decision::GiveUp);
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
