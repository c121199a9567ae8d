#![allow(clippy::unwrap_used, reason = "a test may fail")]

use alloc::string::ToString as _;

use super::*;
use crate::action::{Action, Certainty, Decision};
use crate::evidence::{Answer, Step};
use crate::judged::{Kind, Scope};
use crate::refresh::RefreshDecision;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn admission() -> Admission {
    Admission { reads: true, remaining: at(60), ..Admission::default() }
}

fn go(account: &mut Account, before: Option<Attempt>, now: Duration) -> Attempt {
    match account.admit(Admission { before, ..admission() }, now) {
        Admitted::Go(attempt, _) => attempt,
        other => panic!("{other:?}"),
    }
}

fn refused(account: &mut Account, now: Duration) -> Refusal {
    match account.admit(admission(), now) {
        Admitted::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A read that was refused for its token.
fn expired() -> Failed<'static> {
    Failed {
        answer: Answer { status: Some(401), has_words: true, ..Answer::default() },
        message: "Token is expired",
        retry_after: None,
        certainty: Certainty::Rejected,
        is_command: false,
        actuates: false,
        kind: Kind::TokenExpired,
        scope: None,
        decision: Decision::RefreshAndRetry,
        code_refuses: false,
        able: Able::default(),
        remaining: at(60),
    }
}

/// A read that a cloud could not serve.
fn unwell() -> Failed<'static> {
    Failed {
        answer: Answer { status: Some(503), ..Answer::default() },
        message: "unwell",
        kind: Kind::Transient,
        scope: Some(Scope::Cloud),
        decision: Decision::Retry(at(1)),
        ..expired()
    }
}

/// A refresh that was refused.
fn refused_grant() -> Failed<'static> {
    Failed {
        answer: Answer {
            step: Step::Refresh,
            status: Some(400),
            oauth_error: Some("invalid_grant"),
            has_words: true,
            ..Answer::default()
        },
        message: "revoked",
        kind: Kind::CredentialsRejected,
        decision: Decision::Latch(LatchKind::AuthRequired),
        ..expired()
    }
}

fn session(generation: u64, age: u64) -> Session {
    Session { generation, refused: true, unhurried: false, age: Some(at(age)), life: Some(at(3_600)) }
}

fn renewal(account: &mut Account, session: Session, now: Duration) -> Renewal {
    account.consider(now).unwrap();
    account.admit_renewal(session, &RefreshDecision::Refresh, now).unwrap().unwrap()
}

#[test]
fn a_step_is_repeated_once_after_a_refresh_and_four_times_in_all() {
    let mut account = Account::new(at(0));
    let first = go(&mut account, None, at(0));
    let followed = account.failed(first, &expired(), at(0));
    assert_eq!((followed.action, followed.done.as_str()), (Action::Refresh, "refresh"));
    let second = go(&mut account, Some(followed.attempt), at(1));
    assert!(second.refreshed() && second.number() == 2);
    assert_eq!(account.failed(second, &expired(), at(1)).action, Action::GiveUp);

    let mut attempt = None;
    for number in 1..=4 {
        let made = go(&mut account, attempt, at(2));
        let failed = account.failed(made, &unwell(), at(2));
        let action = if number < 4 { Action::Pause(at(1)) } else { Action::GiveUp };
        assert_eq!(failed.action, action, "{number}");
        attempt = Some(failed.attempt);
    }
}

#[test]
fn an_actuation_that_may_have_happened_is_not_sent_again() {
    let mut account = Account::new(at(0));
    for decision in [Decision::Retry(at(0)), Decision::RefreshAndRetry, Decision::SignInAgain] {
        let failed = Failed {
            certainty: Certainty::Ambiguous,
            is_command: true,
            actuates: true,
            decision,
            able: Able { ask: true, discard: true, sign_in: true },
            ..unwell()
        };
        let attempt = go(&mut account, None, at(0));
        assert_eq!(account.failed(attempt, &failed, at(0)).action, Action::GiveUp);
    }
}

#[test]
fn a_refused_grant_latches_until_a_person_acts() {
    let mut account = Account::new(at(0));
    let renewal = renewal(&mut account, session(1, 3_000), at(0));
    let Outcome::Refused(refusal) = account.not_renewed(&renewal, &refused_grant(), at(0)) else { panic!() };
    assert_eq!((refusal.latch, refusal.retry_in), (Some(LatchKind::AuthRequired), None));
    assert_eq!(refused(&mut account, at(1_000_000)).latch, Some(LatchKind::AuthRequired));
    assert_eq!(account.consider(at(1_000_000)).unwrap_err().why, "revoked");
    account.lift();
    go(&mut account, None, at(1_000_001));
}

#[test]
fn a_grant_that_is_not_refused_by_evidence_is_tried_later_whatever_the_policy_wants() {
    let mut account = Account::new(at(0));
    let renewal = renewal(&mut account, session(1, 3_000), at(0));
    let page = Failed {
        answer: Answer { step: Step::Refresh, status: Some(403), ..Answer::default() },
        ..refused_grant()
    };
    let Outcome::Refused(refusal) = account.not_renewed(&renewal, &page, at(0)) else { panic!() };
    assert_eq!((refusal.latch, refusal.retry_in), (None, Some(at(1))));
    assert_eq!(account.consider(at(0)).unwrap_err().retry_in, Some(at(1)));
    assert_eq!(account.consider(at(1)).unwrap().failures, 1);
}

#[test]
fn a_session_that_is_over_is_followed_by_one_sign_in() {
    let mut account = Account::new(at(0));
    let able = Able { sign_in: true, ..Able::default() };
    let over = Failed { decision: Decision::SignInAgain, able, ..refused_grant() };
    let refresh = renewal(&mut account, session(7, 3_000), at(0));
    let Outcome::SignIn(sign_in) = account.not_renewed(&refresh, &over, at(0)) else { panic!() };
    let Outcome::Refused(refusal) = account.not_renewed(&sign_in, &over, at(0)) else { panic!() };
    assert_eq!(refusal.latch, Some(LatchKind::AuthRequired));
}

#[test]
fn sessions_that_something_else_ends_are_refreshed_once_a_minute_in_the_end() {
    let mut account = Account::new(at(0));
    let mut refreshed = 0;
    for generation in 1..=100 {
        let now = at(generation);
        account.consider(now).unwrap();
        if let Ok(renewal) = account.admit_renewal(session(generation, 1), &RefreshDecision::Refresh, now) {
            account.renewed(&renewal.unwrap(), now);
            refreshed += 1;
        }
    }
    assert_eq!(refreshed, 21, "the stock, and what came back within a hundred seconds");
}

#[test]
fn what_a_server_asks_for_is_waited_for_where_there_is_time() {
    let mut account = Account::new(at(0));
    let attempt = go(&mut account, None, at(0));
    let told = Failed { retry_after: Some(at(30)), decision: Decision::GiveUp, ..unwell() };
    assert_eq!(account.failed(attempt, &told, at(0)).action, Action::GiveUp);
    let patient = account.admit(admission(), at(10));
    assert!(matches!(patient, Admitted::Wait(left) if left == at(20)), "{patient:?}");
    let hasty = account.admit(Admission { remaining: at(5), ..admission() }, at(10));
    assert!(matches!(hasty, Admitted::Refused(Refusal { retry_in: Some(_), .. })), "{hasty:?}");
    go(&mut account, None, at(30));
}

#[test]
fn a_cloud_that_fails_is_left_alone_and_probed_by_a_read() {
    let mut account = Account::new(at(0));
    for _ in 0..5 {
        let attempt = go(&mut account, None, at(0));
        account.failed(attempt, &Failed { decision: Decision::GiveUp, ..unwell() }, at(0));
    }
    assert_eq!(refused(&mut account, at(1)).retry_in, Some(at(59)));
    let probe = go(&mut account, None, at(60));
    let other = refused(&mut account, at(60));
    assert_eq!(other.why, "the circuit of the cloud is open");
    account.succeeded(probe, at(61));
    go(&mut account, None, at(61));
}

#[test]
fn a_state_goes_through_text_unchanged_and_through_a_clock_that_was_set_back() {
    let mut account = Account::new(at(1_000_000));
    let attempt = go(&mut account, None, at(1_000_000));
    account.failed(attempt, &unwell(), at(1_000_000));
    let renewal = renewal(&mut account, session(1, 60), at(1_000_000));
    account.renewed(&renewal, at(1_000_001));
    let text = serde_json::to_string(&account).unwrap();
    let mut read: Account = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    read.set_latch(LatchKind::LockedOut, "blocked", at(1_000_001));
    let twelve_hours = 12 * 3_600;
    assert_eq!(refused(&mut read, at(10)).retry_in, Some(at(twelve_hours)), "it was set back");
    assert_eq!(refused(&mut read, at(11)).retry_in, Some(at(twelve_hours - 1)), "and goes on");
    assert_eq!(refused(&mut read, at(11)).why, "blocked".to_string());
    go(&mut read, None, at(10 + twelve_hours));
}

/// The text of the state of a new account. If it has to be another one, the number of its form has to be as well:
/// what older rules have written is refused then, and read as something else otherwise.
const NEW: &str = include_str!("new.json");

#[test]
fn a_state_says_what_form_it_has_and_is_not_read_in_another() {
    let text = serde_json::to_string(&Account::new(at(0))).unwrap();
    assert_eq!(text, NEW.trim_end());
    let other = text.replace(r#"{"format":1,"#, r#"{"format":2,"new":true,"#);
    let refused = |text: &str| serde_json::from_str::<Account>(text).unwrap_err().to_string();
    assert!(
        refused(&other).starts_with("it has format 2, and these rules read format 1"),
        "{}",
        refused(&other)
    );
    assert!(refused(&text.replace(r#""format":1,"#, "")).starts_with("missing field `format`"));
}

#[test]
fn an_account_of_which_nothing_can_be_read_is_left_alone_until_a_person_acts() {
    let mut account = Account::unreadable(at(0));
    let refusal = refused(&mut account, at(1_000_000));
    assert_eq!((refusal.latch, refusal.retry_in), (Some(LatchKind::AuthRequired), None));
    account.lift();
    go(&mut account, None, at(1_000_000));
}
