use super::*;
use crate::bindings::policy::{BodyKind, Effect, Phase};

fn failure() -> Failure {
    Failure {
        http_status: Some(401),
        body: BodyKind::Json,
        ..Failure::refused("hyundai-kia-eu", "lock", Phase::Command, Effect::Actuation)
    }
}

#[test]
fn a_policy_with_a_rule_that_is_called_like_no_answer_has_answered() {
    let verdict = Verdict {
        kind: FailureKind::TokenExpired,
        counts_against: Some(CircuitScope::Cloud),
        ..unanswered::verdict()
    };
    let judged = Judged { failure: failure(), verdict: Ok(verdict.clone()) };
    assert!(judged.is_answered());
    assert_eq!(judged.kind(), &FailureKind::TokenExpired);
    assert_eq!(judged.counts_against(), Some(&CircuitScope::Cloud));
    assert_eq!(judged.shown(), verdict);
}

#[test]
fn a_policy_without_an_answer_knows_nothing_and_is_on_record_as_such() {
    let judged = Judged { failure: failure(), verdict: Err(CallFault::Exited(1)) };
    assert!(!judged.is_answered());
    assert_eq!((judged.kind(), judged.counts_against()), (&FailureKind::Unknown, None));
    let shown = Circumstances::ONCE.attempt(&judged).verdict;
    assert_eq!((shown.kind, shown.rule.as_str()), (FailureKind::Unknown, "host.policy-fault"));
}

#[test]
fn a_token_that_is_refused_is_one_at_any_age() {
    let judged = |kind| {
        let verdict = Verdict { kind, rule: "r".to_owned(), counts_against: None };
        Judged { failure: failure(), verdict: Ok(verdict) }
    };
    assert!(judged(FailureKind::TokenExpired).is_about_the_token());
    assert!(judged(FailureKind::TokenRefusedFresh).is_about_the_token());
    assert!(!judged(FailureKind::Other("token-refused-fresh".to_owned())).is_about_the_token());
}
