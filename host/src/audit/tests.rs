use jiff::Timestamp;

use super::*;
use crate::bindings::policy::{
    Attempt, BodyKind, Certainty, CircuitScope, Confirmation, Decision, Effect, Failure, FailureKind, Latch,
    Phase, RefreshDecision, RefreshReason, SessionView, Transport, Verdict,
};
use crate::store::MemoryStore;
use crate::time::SystemClock;

fn attempt() -> Attempt {
    let failure = Failure {
        cloud: "hyundai-kia-eu".to_owned(),
        operation: "lock".to_owned(),
        effect: Effect::Actuation,
        phase: Phase::Command,
        certainty: Certainty::Rejected,
        transport: Some(Transport::Interrupted),
        http_status: Some(401),
        code: None,
        sub_code: Some("s".to_owned()),
        oauth_error: None,
        retry_after: Some(7),
        message: "Key not authorized: token has expired".to_owned(),
        body: BodyKind::Json,
        token_age: Some(3_600_000),
        token_last_worked: Some(5),
        endpoint: Some("ccapi".to_owned()),
        redirect: Some("https://idp.example/sign-in".to_owned()),
        content_type: Some("application/json".to_owned()),
    };
    let kind = FailureKind::TokenRefusedFresh;
    let verdict =
        Verdict { kind, rule: "expired-fresh".to_owned(), counts_against: Some(CircuitScope::Account) };
    Attempt {
        failure,
        verdict,
        number: 2,
        refreshed: true,
        superseded: false,
        elapsed: 12,
        remaining: 59_988,
        retry_budget: 2,
        random: u32::MAX,
    }
}

fn entry(decided: Decided) -> Entry {
    let policy = PolicyIdentity {
        name: "default".to_owned(),
        version: "0.1.0".to_owned(),
        digest: "ab".to_owned(),
        generation: 3,
    };
    Entry {
        account: "home".to_owned(),
        vehicle: Some("ev6".to_owned()),
        operation: "1".to_owned(),
        session_generation: 9,
        policy,
        decided,
        done: "give-up".to_owned(),
    }
}

#[test]
fn every_decision_survives_being_written_down() {
    let decisions = [
        Decision::RefreshAndRetry,
        Decision::DiscardAndRetry("device-registration".to_owned()),
        Decision::Retry(u32::MAX),
        Decision::SignInAgain,
        Decision::Confirm(Confirmation { after: 5_000, within: None }),
        Decision::Confirm(Confirmation { after: 5_000, within: Some(9_000) }),
        Decision::GiveUp,
        Decision::Latch(Latch::Other("what".to_owned())),
        Decision::Other("ever".to_owned()),
    ];
    let session = SessionView {
        cloud: "hyundai-kia-eu".to_owned(),
        reason: RefreshReason::Expiring,
        generation: 9,
        age: Some(1),
        expires_in: Some(-1),
        refresh_expires_in: Some(8),
        failures: 2,
        since_failure: None,
        retry_after: None,
        refreshes_last_hour: 3,
        random: u32::MAX - 1,
    };
    let refreshes = [RefreshDecision::Wait(3), RefreshDecision::Stop(Latch::Blocked), RefreshDecision::Adopt];
    let failures = decisions.into_iter().map(|decision| Decided::Failure { attempt: attempt(), decision });
    let refreshes =
        refreshes.into_iter().map(|decision| Decided::Refresh { session: session.clone(), decision });
    for decided in failures.chain(refreshes) {
        let record = Record { seq: 1, at: Timestamp::UNIX_EPOCH, entry: entry(decided) };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
    }
}

#[test]
fn records_speak_the_language_of_the_interface() {
    let decided = Decided::Failure { attempt: attempt(), decision: Decision::Retry(1_500) };
    let record = Record { seq: 1, at: Timestamp::UNIX_EPOCH, entry: entry(decided) };
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(json["about"], "failure");
    assert_eq!(json["decision"], serde_json::json!({"retry": 1500}));
    assert_eq!(json["attempt"]["failure"]["phase"], "command");
    assert_eq!(json["attempt"]["verdict"]["kind"], "token-refused-fresh");
    assert_eq!(json["attempt"]["random"], u32::MAX);
}

#[tokio::test]
async fn the_latest_are_kept_and_numbers_go_on_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let decided = || Decided::Failure { attempt: attempt(), decision: Decision::GiveUp };
    let audit = Audit::open(Arc::clone(&store), Arc::clone(&clock)).await.unwrap();
    for _ in 0..KEPT + 3 {
        audit.record(entry(decided())).await;
    }
    let audit = Audit::open(Arc::clone(&store), clock).await.unwrap();
    audit.record(entry(decided())).await;
    let kept = records(store.list(Kind::Audit).await.unwrap());
    assert_eq!(u64::try_from(kept.len()).unwrap(), KEPT);
    assert_eq!((kept[0].seq, kept.last().unwrap().seq), (5, KEPT + 4));
}
