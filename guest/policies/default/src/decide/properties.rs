//! What holds for every attempt.

use super::*;
use crate::testing::any_failure;

fn any_kind() -> impl Strategy<Value = FailureKind> {
    let known = prop::sample::select(vec![
        FailureKind::TokenExpired,
        FailureKind::DeviceUnregistered,
        FailureKind::ControlTokenExpired,
        FailureKind::CredentialsRejected,
        FailureKind::ChallengeRequired,
        FailureKind::ClientRefused,
        FailureKind::BatteryLow,
        FailureKind::NoData,
        FailureKind::RateLimited,
        FailureKind::Busy,
        FailureKind::VehicleUnreachable,
        FailureKind::Transient,
        FailureKind::Unsupported,
        FailureKind::InvalidRequest,
        FailureKind::Malformed,
        FailureKind::Unknown,
    ]);
    prop_oneof![4 => known, 1 => Just(FailureKind::TokenRefusedFresh), 1 => ".{0,8}".prop_map(FailureKind::Other)]
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let rule =
        prop::sample::select(vec!["none", "blocked-client", EXPIRED_FRESH, "bare-401", "ca-7403-expired"]);
    let limits = (1..10_u32, any::<bool>(), any::<bool>(), 0..6_u32);
    let times = (any::<u32>(), prop_oneof![0..200_000_u32, any::<u32>()], any::<u32>());
    (any_failure(), any_kind(), rule, limits, times).prop_map(|(failure, kind, rule, limits, times)| {
        Attempt {
            failure,
            verdict: Verdict { kind, rule: rule.into(), counts_against: None },
            number: limits.0,
            refreshed: limits.1,
            superseded: limits.2,
            elapsed: times.0,
            remaining: times.1,
            retry_budget: limits.3,
            random: times.2,
        }
    })
}

/// Whether the decision leads to another request that does the same.
fn sends_again(decision: &Decision) -> bool {
    matches!(decision, Decision::RefreshAndRetry | Decision::DiscardAndRetry(_) | Decision::Retry(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_actuation_that_may_have_happened_is_never_sent_again(mut attempt in any_attempt()) {
        attempt.failure.effect = Effect::Actuation;
        attempt.failure.transport = None;
        attempt.failure.certainty = Certainty::Ambiguous;
        let decision = decide(&attempt);
        prop_assert!(!sends_again(&decision), "{:?}", decision);
    }

    #[test]
    fn a_command_that_was_taken_is_only_asked_about(mut attempt in any_attempt()) {
        attempt.failure.certainty = Certainty::Accepted;
        match decide(&attempt) {
            // A poll is what is repeated, never the command.
            Decision::RefreshAndRetry => prop_assert_eq!(attempt.failure.phase, Phase::Confirmation),
            decision => prop_assert!(!sends_again(&decision), "{:?}", decision),
        }
    }

    #[test]
    fn one_refresh_for_each_step_and_none_for_a_session(attempt in any_attempt()) {
        if decide(&attempt) == Decision::RefreshAndRetry {
            prop_assert!(!attempt.refreshed);
            prop_assert!(attempt.failure.phase == Phase::Confirmation || attempt.failure.effect != Effect::Session);
        }
    }

    #[test]
    fn a_pause_ends_before_the_deadline_and_within_the_budget(attempt in any_attempt()) {
        match decide(&attempt) {
            Decision::Retry(wait) => {
                prop_assert!(wait < attempt.remaining && attempt.retry_budget > 0);
                let told = attempt.failure.retry_after.unwrap_or(0);
                prop_assert!(wait <= told.saturating_add(told / 10).max(LONGEST), "{}", wait);
            }
            Decision::Confirm(asked) => {
                prop_assert!(asked.after < attempt.remaining && asked.after >= CONFIRM);
                prop_assert!(asked.within.is_none_or(|within| within > asked.after));
            }
            _ => {}
        }
    }

    #[test]
    fn the_bound_of_a_pause_grows_with_the_tries(random in any::<u32>()) {
        // The longest pause that chance can give after so many tries.
        let bound = |number: u32| {
            let mut attempt = command(Certainty::NotSent, FailureKind::Transient);
            attempt.number = number;
            attempt.remaining = u32::MAX;
            let pause = |random| {
                attempt.random = random;
                match decide(&attempt) { Decision::Retry(wait) => wait, other => unreachable!("{other:?}") }
            };
            let bounds = (0..16).map(|power| FIRST << power).filter(|bound| *bound <= LONGEST).chain([LONGEST]);
            bounds.chain([random]).map(pause).max().unwrap()
        };
        let bounds: Vec<u32> = (1..TRIES).map(bound).collect();
        prop_assert!(bounds.is_sorted() && bounds.iter().all(|bound| *bound <= LONGEST), "{:?}", bounds);
    }
}
