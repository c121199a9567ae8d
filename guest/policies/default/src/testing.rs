//! Failures for tests: a plain one to change, and any by chance for properties.

use proptest::prelude::*;
use vehicle_connector_sdk::testing::plain;

use crate::types::{BodyKind, Certainty, Effect, Failure, Phase, Transport};

/// Clouds that rules know, and one that none does.
const CLOUDS: [&str; 8] =
    ["hyundai-kia-eu", "hyundai-kia-ca", "kia-us", "hyundai-us", "renault", "subaru", "tesla", "nowhere"];

/// What vendors build their messages from.
const WORDS: &str = "(token|Token|session|expired|EXPIRED|is|has|not|invalid|refresh|access|authorized|\
                     unauthorized|failed|login|password|quota|duplicate request|abusing request|device id|\
                     vehicle|offline|timeout|certificate|\\{|\\}|\"|'|: |_|%20| ){0,14}";

pub(crate) fn any_phase() -> impl Strategy<Value = Phase> {
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

fn any_code() -> impl Strategy<Value = Option<String>> {
    let known = prop::sample::select(
        crate::rules::CODES.iter().map(|rule| rule.code.replace('*', "1")).collect::<Vec<_>>(),
    );
    prop::option::of(prop_oneof![known, "[0-9]{1,5}|\\PC{0,8}"])
}

fn any_message() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    let bytes = bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    prop_oneof![2 => WORDS, 1 => "\\PC{0,200}", 1 => bytes]
}

/// A command that the EU cloud refused before anything happened, without saying why.
pub(crate) fn plain(phase: Phase) -> Failure {
    Failure { cloud: "hyundai-kia-eu".into(), phase, ..plain::failure() }
}

/// Any failure that a host could describe, and many that it could not.
pub(crate) fn any_failure() -> impl Strategy<Value = Failure> {
    let steps = (
        any_phase(),
        prop::sample::select(vec![Effect::Read, Effect::Set, Effect::Actuation, Effect::Session]),
        prop::sample::select(vec![
            Certainty::NotSent,
            Certainty::Rejected,
            Certainty::Ambiguous,
            Certainty::Accepted,
        ]),
        prop::option::weighted(
            0.1,
            prop::sample::select(vec![
                Transport::NotSent,
                Transport::Interrupted,
                Transport::Denied,
                Transport::Other,
            ]),
        ),
    );
    let oauth = prop::option::of(prop_oneof![
        prop::sample::select(vec!["invalid_token", "invalid_grant", "invalid_request"])
            .prop_map(str::to_owned),
        "[a-z_]{0,20}",
    ]);
    let answer = (
        prop::option::of(prop_oneof![Just(401), 100..600_u16, any::<u16>()]),
        any_code(),
        any_code(),
        oauth,
        any_message(),
        prop::sample::select(vec![BodyKind::None, BodyKind::Json, BodyKind::Html, BodyKind::Other]),
    );
    let times = (
        prop::option::of(any::<u32>()),
        prop::option::of(prop_oneof![0..2_000_u32, 0..70_000_u32, any::<u32>()]),
        prop::option::of(any::<u32>()),
    );
    let redirects = ["https://id.example/login", "https://id.example/web/v1/user/authorization", "app://x"];
    let seen = (
        prop::option::weighted(0.1, prop::sample::select(redirects.map(str::to_owned).to_vec())),
        prop::option::of(prop::sample::select(vec!["text/html".to_owned(), "application/json".to_owned()])),
    );
    let cloud = prop::sample::select(CLOUDS.to_vec());
    (cloud, steps, answer, times, seen).prop_map(|(cloud, steps, answer, times, seen)| Failure {
        cloud: cloud.into(),
        operation: "lock".into(),
        phase: steps.0,
        effect: steps.1,
        certainty: steps.2,
        transport: steps.3,
        http_status: answer.0,
        code: answer.1,
        sub_code: answer.2,
        oauth_error: answer.3,
        message: answer.4,
        body: answer.5,
        retry_after: times.0,
        token_age: times.1,
        token_last_worked: times.2,
        endpoint: None,
        redirect: seen.0,
        content_type: seen.1,
    })
}
