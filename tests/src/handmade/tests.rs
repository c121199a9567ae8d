//! What is made by hand is what it says: each function is asked once, without a host.

use std::sync::Arc;

use vehicle_connector::bindings::connector::{
    Accepted, Challenge, ChargeLimits, Choice, Command, Grant, Outcome, Pending, Question, ReadMode, Reply,
    Report, Step, VehicleRef,
};
use vehicle_connector::bindings::names::Named as _;
use vehicle_connector::bindings::policy::{
    CircuitScope, Decision, Effect, Failure, FailureKind, Latch, Phase, RefreshDecision, RefreshReason,
    SessionView, Verdict,
};
use vehicle_connector::bindings::types;
use vehicle_connector::plugin::question::{
    ContinueSignIn, Execute, ListVehicles, RefreshSession, Resume, SignIn,
};
use vehicle_connector::plugin::{Compiled, PolicySlot, Trial};
use vehicle_connector::sandbox::{Budget, Sandbox};

use super::alone::Alone;
use super::connector::Connector;
use super::layout::layout;
use super::policy::{Policy, always};
use crate::{CCS2, LEGACY, attempt, failure, provenance};

/// Opens a slot with a policy.
async fn deciding(component: &[u8]) -> Arc<PolicySlot> {
    let sandbox = Sandbox::new().unwrap();
    let compiled = Compiled::of(&sandbox, component).await.unwrap();
    let slot = PolicySlot::open(&sandbox, &compiled, provenance()).await.unwrap();
    // It would be let in as a candidate, too.
    slot.verify(&compiled, Trial::Full).await.unwrap();
    Arc::new(slot)
}

fn refused(status: u16, phase: Phase) -> Failure {
    let known = Failure::refused("a-cloud", "refresh_cached", phase, Effect::Read);
    // Every field that may be there is, so that one in the wrong place is seen.
    Failure {
        http_status: Some(status),
        code: Some("a code".to_owned()),
        sub_code: Some("a sub-code".to_owned()),
        oauth_error: Some("an error".to_owned()),
        retry_after: Some(7),
        message: "words".to_owned(),
        token_age: Some(1_000),
        token_last_worked: Some(2_000),
        endpoint: Some("idp".to_owned()),
        content_type: Some("text/html".to_owned()),
        ..known
    }
}

fn session() -> SessionView {
    SessionView {
        cloud: "a-cloud".to_owned(),
        reason: RefreshReason::Refused,
        generation: 2,
        age: Some(1_000),
        expires_in: Some(-1),
        refresh_expires_in: None,
        failures: 0,
        since_failure: None,
        retry_after: None,
        refreshes_last_hour: 1,
        random: 7,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_behaves_answers_each_question() {
    let slot = deciding(&Policy::default().component()).await;
    let policy = slot.active();
    assert_eq!(policy.generation().name, "wild");
    for (status, phase, kind) in [
        (401, Phase::Status, FailureKind::TokenExpired),
        (401, Phase::Refresh, FailureKind::Unknown),
        (400, Phase::Status, FailureKind::Unknown),
    ] {
        let failure = refused(status, phase);
        let verdict = policy.classify(&failure).await.unwrap();
        assert_eq!(verdict, Verdict { kind, rule: verdict.rule.clone(), counts_against: None });
        let expected = match verdict.kind {
            FailureKind::TokenExpired => Decision::RefreshAndRetry,
            _ => Decision::GiveUp,
        };
        assert_eq!(policy.decide(&attempt(failure, verdict)).await.unwrap(), expected);
    }
    assert_eq!(policy.admit_refresh(&session()).await.unwrap(), RefreshDecision::Refresh);
    let settings = policy.circuit(&CircuitScope::Cloud).await;
    assert_eq!((settings.consecutive_failures, settings.minimum_calls), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_decides_by_the_case_that_it_is_told_to() {
    for name in layout().cases("policy.decision") {
        let slot = deciding(&Policy { decide: &always(name), ..Policy::default() }.component()).await;
        let verdict = Verdict { kind: FailureKind::Busy, rule: String::new(), counts_against: None };
        let decision = slot.active().decide(&attempt(failure(), verdict)).await.unwrap();
        let said = match decision {
            Decision::RefreshAndRetry => "refresh-and-retry",
            Decision::SignInAgain => "sign-in-again",
            Decision::DiscardAndRetry(cell) if cell.is_empty() => "discard-and-retry",
            Decision::Retry(0) => "retry",
            Decision::Confirm(how) if (how.after, how.within) == (0, None) => "confirm",
            Decision::GiveUp => "give-up",
            Decision::Latch(Latch::AuthRequired) => "latch",
            Decision::Other(words) if words.is_empty() => "other",
            other => panic!("{other:?}"),
        };
        assert_eq!(said, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_failure_has_the_name_that_a_policy_gives_it() {
    for name in layout().cases("policy.failure-kind") {
        let classify = format!(
            "(<store policy.verdict.kind> (i32.const 1024) (i32.const <case policy.failure-kind.{name}>))
             (call $put (call $at (i32.const <offset policy.verdict.rule>)) `a rule`)
             (i32.const 1024)"
        );
        let slot = deciding(&Policy { classify: &classify, ..Policy::default() }.component()).await;
        let verdict = slot.active().classify(&failure()).await.unwrap();
        let said = if let FailureKind::Other(_) = verdict.kind { "other" } else { verdict.kind.name() };
        assert_eq!((said, verdict.rule.as_str()), (name, "a rule"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_behaves_answers_each_question() {
    let component = Connector::default().component();
    let alone = Alone::open(Budget::CONNECTOR, &component).await;
    let granted = |step: &Step| matches!(step, Step::Granted(Grant { value, .. }) if value == "session");
    let reply = Reply::Chosen("one".to_owned());
    let go_on = ContinueSignIn { continuation: "later", reply: &reply };
    assert!(granted(&alone.ask(&SignIn).await.answer.unwrap().unwrap()));
    assert!(granted(&alone.ask(&go_on).await.answer.unwrap().unwrap()));
    assert!(granted(&alone.ask(&RefreshSession).await.answer.unwrap().unwrap()));
    let asked = alone.sent.requests();
    assert_eq!(asked.len(), 3);
    let token = "POST http://127.0.0.1:1/auth/api/v2/user/oauth2/token \
                 grant_type=refresh_token&refresh_token=a-refresh-token";
    assert!(asked.iter().all(|request| request.starts_with(token)), "{asked:?}");

    let cars = alone.ask(&ListVehicles).await.answer.unwrap().unwrap();
    let found: Vec<_> = cars.iter().map(|car| (car.id.as_str(), car.name.as_str())).collect();
    assert_eq!(found, [(LEGACY.1, "Niro"), (CCS2.1, "EV6")]);
    assert_eq!(cars[1].operations[2..4], ["lock", "unlock"]);

    let vehicle = &VehicleRef { id: LEGACY.1.to_owned(), traits: "traits".to_owned() };
    let done = Outcome::Done(Report { state: None, action_id: None });
    let limits = Command::SetChargeLimits(ChargeLimits { ac: Some(80), dc: None });
    for command in &[Command::Read(ReadMode::Forced), Command::Lock, Command::Unlock, limits] {
        assert_eq!(alone.ask(&Execute { vehicle, command }).await.answer.unwrap().unwrap(), done);
    }
    let resume = Resume { vehicle, command: &Command::Lock, continuation: "later" };
    assert_eq!(alone.ask(&resume).await.answer.unwrap().unwrap(), done);

    // Its own policy refreshes whatever it is, and would not pass as a candidate.
    let sandbox = Sandbox::new().unwrap();
    let compiled = Compiled::of(&sandbox, &component).await.unwrap();
    let policy = Arc::new(PolicySlot::open(&sandbox, &compiled, provenance()).await.unwrap()).active();
    for (phase, kind) in [(Phase::Status, FailureKind::TokenExpired), (Phase::Refresh, FailureKind::Unknown)]
    {
        let verdict = policy.classify(&refused(500, phase)).await.unwrap();
        assert_eq!(verdict.kind, kind);
        let decision = policy.decide(&attempt(failure(), verdict)).await.unwrap();
        assert_eq!(decision, Decision::RefreshAndRetry);
    }
    assert_eq!(policy.admit_refresh(&session()).await.unwrap(), RefreshDecision::Refresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_ends_a_command_in_the_way_that_it_is_told_to() {
    let words = || "words".to_owned();
    let report = |state: Option<&str>, action: Option<&str>| {
        Outcome::Done(Report { state: state.map(str::to_owned), action_id: action.map(str::to_owned) })
    };
    let ended = |case: &str| format!("(call $ended (i32.const <case connector.outcome.{case}>) `words`)");
    let accepted = Accepted {
        action_id: None,
        expected: vec![("/locked".to_owned(), "true".to_owned())],
        read_after: 5_000,
    };
    let pending = Pending { continuation: words(), poll_after: 1_000, action_id: None };
    for (lock, outcome) in [
        ("(call $done_with `{}`)".to_owned(), report(Some("{}"), None)),
        ("(call $done_as `words`)".to_owned(), report(None, Some("words"))),
        ("(call $pending `words` (i32.const 1000))".to_owned(), Outcome::Pending(pending)),
        ("(call $accepted_once `/locked` `true` (i32.const 5000))".to_owned(), Outcome::Accepted(accepted)),
        (ended("refused"), Outcome::Refused(words())),
        (ended("unanswered"), Outcome::Unanswered(words())),
        (ended("invalid"), Outcome::Invalid(words())),
        (ended("unsupported"), Outcome::Unsupported(words())),
        (ended("other"), Outcome::Other(words())),
    ] {
        assert_eq!(locked(&lock).await.unwrap(), outcome, "{lock}");
    }
    let failed = locked("(call $failed `words`)").await.unwrap_err();
    assert_eq!(failed, said_no());
}

async fn locked(lock: &str) -> Result<Outcome, types::Failure> {
    let alone = Alone::open(Budget::CONNECTOR, &Connector::that_locks(lock).component()).await;
    let vehicle = &VehicleRef { id: LEGACY.1.to_owned(), traits: String::new() };
    alone.ask(&Execute { vehicle, command: &Command::Lock }).await.answer.unwrap()
}

/// The failure that a connector reports with words and nothing else.
fn said_no() -> types::Failure {
    types::Failure {
        phase: types::Phase::Unknown,
        certainty: types::Certainty::Rejected,
        transport: None,
        http_status: None,
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message: "words".to_owned(),
        body: types::BodyKind::None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_signs_in_in_the_way_that_it_is_told_to() {
    let chosen = |choices: Vec<Choice>| {
        let challenge = Challenge::Choice(choices);
        Step::Asked(Question { challenge, continuation: "chosen".to_owned(), expires_in: None })
    };
    let two = [("1", "by text"), ("2", "by mail")]
        .map(|(id, label)| Choice { id: id.to_owned(), label: label.to_owned() })
        .to_vec();
    let choices = "
        (call $pair (i32.const 2048) `1` `by text`)
        (call $pair (i32.add (i32.const 2048) (i32.const <size connector.choice>)) `2` `by mail`)
        (call $choice (i32.const 2048) (i32.const 2))";
    for (sign_in, answer) in [
        (choices, Ok(chosen(two))),
        ("(call $step_other `words`)", Ok(Step::Other("words".to_owned()))),
        ("(call $not_signed_in `words`)", Err(said_no())),
    ] {
        let connector = Connector { sign_in, ..Connector::default() };
        let alone = Alone::open(Budget::CONNECTOR, &connector.component()).await;
        assert_eq!(alone.ask(&SignIn).await.answer.unwrap(), answer, "{sign_in}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_has_the_primitives() {
    let lock = "
        (call $log `a line`)
        (call $now)
        (drop (call $clock.sleep (i32.const 1)))
        (local.set $at (call $acquire `device` (i32.const 0)))
        (call $assert (i32.eqz (call $commit (local.get $at) `a value`)))
        (call $guard.drop (local.get $at))
        (call $assert (i32.eqz (call $publish `status` `fine`)))
        (call $assert
          (i32.eq (call $publish `` `x`) (i32.const <error mqtt.publish-error.outside-prefix>)))
        (call $assert (i32.eq
          (call $try_acquire `nothing` (i32.const 0)) (i32.const <error lock.lock-error.unknown-name>)))
        (call $assert (call $denied (call $get `https://elsewhere.example/`)))
        (call $ok (call $get_with (call $cloud `/x`) `x-header` `value`))
        (call $ok (call $act (call $cloud `/y`)))
        (call $random.bytes (i32.const 16) (i32.const 1280))
        (call $assert (i32.eq (i32.load offset=4 (i32.const 1280)) (i32.const 16)))
        (call $random.secret
          `access-token` (i32.const <case random.alphabet.hex>) (i32.const 32) (i32.const 1280))
        (call $assert (i32.eqz (<load random#secret> (i32.const 1280))))
        (call $done)";
    let alone = Alone::open(Budget::CONNECTOR, &Connector::that_locks(lock).component()).await;
    let vehicle = &VehicleRef { id: LEGACY.1.to_owned(), traits: String::new() };
    let answer = alone.ask(&Execute { vehicle, command: &Command::Lock }).await.answer;
    assert!(matches!(answer, Ok(Ok(Outcome::Done(_)))), "{answer:?}");
    let sent = ["GET http://127.0.0.1:1/x ", "POST http://127.0.0.1:1/y "];
    assert_eq!(alone.sent.requests(), sent);
    let messages = alone.published.messages();
    assert_eq!((messages.len(), messages[0].topic.as_str()), (1, "b/status"));
}
