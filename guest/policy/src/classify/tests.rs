use proptest::prelude::*;

use super::*;
use crate::types::{Certainty, Effect};

fn failure(phase: Phase, status: Option<u16>, code: Option<&str>, message: &str) -> Failure {
    Failure {
        cloud: "hyundai-kia-eu".into(),
        operation: "lock".into(),
        effect: Effect::Actuation,
        phase,
        certainty: Certainty::Rejected,
        transport: None,
        http_status: status,
        code: code.map(Into::into),
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message: message.into(),
        body: BodyKind::Json,
        token_age: None,
    }
}

fn fault(phase: Phase, status: u16, code: Option<&str>, message: &str) -> Fault {
    classify(&failure(phase, Some(status), code, message)).fault
}

#[test]
fn the_codes_of_the_eu_cloud() {
    for (status, code, message, expected) in [
        (400, "4002", "Invalid request body - Invalid deviceId.", Fault::DeviceUnregistered),
        (400, "4002", "Invalid request body - Invalid parameter.", Fault::InvalidRequest),
        (400, "4004", "Duplicate request - Duplicate request", Fault::Busy),
        (400, "4005", "Unsupported control request", Fault::Unsupported),
        (400, "4007", "Remote control unavailable(low battery)", Fault::VehicleUnreachable),
        (401, "4017", "Invalid request value - Invalid Application Id.", Fault::InvalidRequest),
        (408, "4081", "Request timeout", Fault::VehicleUnreachable),
        (503, "5031", "Unavailable remote control - Service Temporary Unavailable", Fault::Transient),
        (509, "5091", "Exceeds number of requests", Fault::RateLimited),
        (592, "5921", "No Data Found v2", Fault::InvalidRequest),
        (500, "9999", "Response timeout", Fault::VehicleUnreachable),
    ] {
        assert_eq!(fault(Phase::Command, status, Some(code), message), expected, "{code} {message}");
    }
}

#[test]
fn an_expired_token_in_any_words() {
    for message in [
        "Key not authorized: Token is expired",
        "key not authorized: token has EXPIRED",
        "{'error': 'Key not authorized: Token was expired'}",
        "TokenExpiredError",
        r#"Bearer error="invalid_token""#,
        "User not authenticated",
    ] {
        for phase in [Phase::Status, Phase::Command, Phase::Confirmation, Phase::Unknown] {
            assert_eq!(fault(phase, 401, None, message), Fault::TokenExpired, "{message}");
        }
        for phase in [Phase::SignIn, Phase::Refresh] {
            assert_eq!(fault(phase, 401, None, message), Fault::CredentialsRejected, "{message}");
        }
    }
    assert_eq!(fault(Phase::Pin, 401, None, "Key not authorized: Token is expired"), Fault::TokenExpired);
}

#[test]
fn expired_things_that_are_no_session() {
    for message in [
        "Your subscription has expired",
        "Session expired for charging plan",
        "certificate has expired",
        "The command expired before the vehicle woke up",
        "token is expired by 116h25m26s (LV0)",
        "The refresh token has expired",
    ] {
        let verdict = classify(&failure(Phase::Status, Some(403), None, message));
        assert_ne!(verdict.fault, Fault::TokenExpired, "{message}");
    }
}

#[test]
fn load_before_words() {
    assert_eq!(fault(Phase::Status, 429, None, "Unauthorized: token expired"), Fault::RateLimited);
    assert_eq!(fault(Phase::Refresh, 502, None, "Authentication failed"), Fault::Transient);
}

#[test]
fn a_bare_401_is_expiry_only_for_a_token_of_some_age() {
    let mut bare = failure(Phase::Status, Some(401), None, "Unauthorized");
    assert_eq!(classify(&bare).fault, Fault::TokenExpired);
    bare.token_age = Some(3_600_000);
    assert_eq!(classify(&bare).fault, Fault::TokenExpired);
    bare.token_age = Some(2_000);
    assert_eq!(classify(&bare).fault, Fault::Other("fresh-token-refused".into()));
    assert_eq!(fault(Phase::Refresh, 401, None, "Unauthorized"), Fault::CredentialsRejected);
}

#[test]
fn a_pin_that_fails_is_a_matter_for_a_person() {
    assert_eq!(fault(Phase::Pin, 400, Some("4003"), "Invalid values"), Fault::CredentialsRejected);
    assert_eq!(fault(Phase::Pin, 401, Some("4003"), "Invalid values"), Fault::CredentialsRejected);
    assert_eq!(fault(Phase::Pin, 403, None, ""), Fault::CredentialsRejected);
    assert_eq!(fault(Phase::Pin, 401, None, ""), Fault::TokenExpired);
    let mut fresh = failure(Phase::Pin, Some(401), None, "");
    fresh.token_age = Some(2_000);
    assert_eq!(classify(&fresh).fault, Fault::CredentialsRejected);
    assert_eq!(fault(Phase::Pin, 503, None, ""), Fault::Transient);
}

#[test]
fn the_oauth_vocabulary() {
    for (phase, error, expected) in [
        (Phase::Refresh, "invalid_grant", Fault::CredentialsRejected),
        (Phase::Refresh, "invalid_request", Fault::CredentialsRejected),
        (Phase::Status, "invalid_request", Fault::InvalidRequest),
        (Phase::Status, "invalid_token", Fault::TokenExpired),
        (Phase::Refresh, "invalid_token", Fault::CredentialsRejected),
        (Phase::Status, "insufficient_scope", Fault::InvalidRequest),
        (Phase::Refresh, "temporarily_unavailable", Fault::Transient),
        (Phase::SignIn, "authorization_pending", Fault::Busy),
    ] {
        let mut failure = failure(phase, Some(400), None, "");
        failure.oauth_error = Some(error.into());
        assert_eq!(classify(&failure).fault, expected, "{error}");
    }
}

#[test]
fn circuits_count_ill_health_and_nothing_else() {
    let scope =
        |phase, status, code, message| classify(&failure(phase, status, code, message)).counts_against;
    assert_eq!(scope(Phase::Refresh, Some(503), None, ""), Some(CircuitScope::TokenEndpoint));
    assert_eq!(scope(Phase::Command, Some(503), None, ""), Some(CircuitScope::Cloud));
    assert_eq!(scope(Phase::Command, Some(408), Some("4081"), ""), Some(CircuitScope::Vehicle));
    assert_eq!(scope(Phase::Command, Some(400), Some("4004"), ""), None);
    assert_eq!(scope(Phase::Status, Some(401), None, "token expired"), None);
    assert_eq!(scope(Phase::Refresh, Some(400), Some("7501"), ""), None);
    let mut unsent = failure(Phase::Command, None, None, "connection refused");
    unsent.transport = Some(Transport::NotSent);
    assert_eq!(classify(&unsent).counts_against, Some(CircuitScope::Cloud));
}

#[test]
fn rule_ids_are_unique_and_speakable() {
    let codes = CODES.iter().map(|rule| rule.id);
    let words = [DENIALS, SESSION_ENDED, REMARKS].into_iter().flatten().map(|rule| rule.id);
    let mut ids: Vec<_> = codes.chain(words).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(
        ids.iter()
            .all(|id| { id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') })
    );
}

#[test]
fn phrases_are_in_the_form_that_messages_are_brought_to() {
    for rule in [DENIALS, SESSION_ENDED, REMARKS].into_iter().flatten() {
        for phrase in rule.phrases {
            assert!(Words::of(phrase).have(phrase), "{phrase}");
        }
    }
}

fn any_phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![
        Phase::SignIn,
        Phase::Refresh,
        Phase::Registration,
        Phase::Pin,
        Phase::Status,
        Phase::Command,
        Phase::Confirmation,
        Phase::Unknown,
    ])
}

proptest! {
    #[test]
    fn every_input_gets_an_answer(
        phase in any_phase(),
        status in prop::option::of(any::<u16>()),
        code in prop::option::of("[0-9]{1,5}|\\PC{0,8}"),
        oauth in prop::option::of("[a-z_]{0,20}"),
        age in prop::option::of(any::<u64>()),
        message in "\\PC{0,200}|(token|expired|is|not|refresh| ){0,12}",
    ) {
        let mut failure = failure(phase, status, code.as_deref(), &message);
        failure.oauth_error = oauth;
        failure.token_age = age;
        let verdict = classify(&failure);
        prop_assert!(!verdict.rule.is_empty());
        prop_assert_eq!(&verdict, &classify(&failure));
        if !may_expire(&failure) {
            prop_assert_ne!(verdict.fault, Fault::TokenExpired);
        }
    }
}
