//! Vectors: questions to a policy with the answers of the default one, for hosts in any language.
//!
//! [`decisions`] are records in the form of the audit trail, so that `vehicle-connector policy replay` checks
//! them as well. [`rest`] is what records do not hold: the trial, the substitutes for answers that a policy
//! did not give, decisions about verdicts that the default policy never gives, and circuits. [`policies`] are
//! components that misbehave.
//!
//! No number is beyond 2^53 - 1: readers of JSON that know only doubles would read another one.

mod failures;
mod sessions;

use serde_json::{Value, json};
use vehicle_connector::audit::{Decided, Entry, PolicyIdentity, Record};
use vehicle_connector::bindings::names::Named as _;
use vehicle_connector::bindings::policy::{
    Attempt, CircuitScope, CircuitSettings, Decision, FailureKind, Verdict,
};
use vehicle_connector::plugin::{Demands, Policy, known_failures, unanswered};
use vehicle_connector::sandbox::Budget;

use crate::handmade::policy::{ANSWER, Policy as Handmade, case};
use crate::{attempt, both_forms, failure};

/// Makes the records, one a line.
pub async fn decisions() -> String {
    let policy = both_forms::component().await;
    let mut decided = Vec::new();
    for asked in failures::attempts() {
        let verdict = policy.classify(&asked.failure).await.unwrap();
        let attempt = Attempt { verdict, ..asked };
        let decision = policy.decide(&attempt).await.unwrap();
        decided.push(Decided::Failure { attempt, decision });
    }
    for session in sessions::sessions() {
        let decision = policy.admit_refresh(&session).await.unwrap();
        decided.push(Decided::Refresh { session, decision });
    }
    let records = (1..).zip(decided).map(|(seq, decided)| record(seq, decided, &policy));
    records.map(|record| serde_json::to_string(&record).unwrap() + "\n").collect()
}

/// A record without what differs from build to build.
fn record(seq: u64, decided: Decided, policy: &Policy) -> Record {
    let vehicle = matches!(decided, Decided::Failure { .. }).then(|| "car".to_owned());
    let session_generation = match &decided {
        Decided::Failure { .. } => 1,
        Decided::Refresh { session, .. } => session.generation,
    };
    let name = policy.generation().name.clone();
    Record {
        seq,
        at: jiff::Timestamp::UNIX_EPOCH,
        entry: Entry {
            account: "home".to_owned(),
            vehicle,
            operation: format!("vector-{seq}"),
            session_generation,
            policy: PolicyIdentity { name, version: String::new(), digest: String::new(), generation: 1 },
            decided,
            done: String::new(),
        },
    }
}

/// Makes the one document of everything else.
pub async fn rest() -> String {
    let policy = both_forms::component().await;
    let document = json!({
        "trial": trial(&policy).await,
        "unanswered": substitutes(),
        "decisions": shapes(&policy).await,
        "circuits": circuits(&policy).await,
    });
    serde_json::to_string_pretty(&document).unwrap() + "\n"
}

/// The questions of the trial: `kind` and `decision` say what the answers have to be, `not_kind` and
/// `not_decision` what they must not be.
async fn trial(policy: &Policy) -> Vec<Value> {
    let mut trial = Vec::new();
    for known in known_failures() {
        let verdict = policy.classify(&known.failure).await.unwrap();
        let attempt = known.attempt(&verdict);
        let decision = policy.decide(&attempt).await.unwrap();
        let mut question =
            json!({ "case": known.case, "attempt": of_attempt(&attempt, decision)["attempt"] });
        let demands = match known.demands {
            Demands::Refresh => json!({ "kind": "token-expired", "decision": "refresh-and-retry" }),
            Demands::NoRefresh => json!({
                "not_kind": ["token-expired"], "not_decision": ["refresh-and-retry"],
            }),
            Demands::NoRepeat => json!({
                "not_kind": [], "not_decision": ["refresh-and-retry", "retry", "discard-and-retry"],
            }),
        };
        question["demands"] = demands;
        trial.push(question);
    }
    trial
}

fn of_attempt(attempt: &Attempt, decision: Decision) -> Value {
    serde_json::to_value(Decided::Failure { attempt: attempt.clone(), decision }).unwrap()
}

/// What holds where a policy gives no answer.
fn substitutes() -> Value {
    let asked = attempt(failure(), unanswered::verdict());
    let refresh = Decided::Refresh { session: sessions::plain(), decision: unanswered::REFRESH };
    let refresh = serde_json::to_value(refresh).unwrap();
    let failure = of_attempt(&asked, unanswered::DECISION);
    json!({
        "classify": failure["attempt"]["verdict"],
        "decide": failure["decision"],
        "admit_refresh": refresh["decision"],
        "circuit": settings(&unanswered::CIRCUIT),
    })
}

/// Kinds that the default policy never answers are asked about all the same: another policy may answer them.
async fn shapes(policy: &Policy) -> Vec<Value> {
    let kinds = failures::KINDS.map(|name| FailureKind::named(name).unwrap());
    let scopes = failures::SCOPES.map(|name| CircuitScope::named(name).unwrap());
    let scopes = scopes.into_iter().map(Some).chain([None]);
    let plain = |kind, counts_against| Verdict { kind, rule: "a-rule".to_owned(), counts_against };
    let by_kind = kinds.into_iter().map(|kind| plain(kind, None));
    let by_scope = scopes.map(|scope| plain(FailureKind::Transient, scope));
    let mut shapes = Vec::new();
    for verdict in by_kind.chain(by_scope) {
        let asked = attempt(failure(), verdict);
        let decision = policy.decide(&asked).await.unwrap();
        shapes.push(of_attempt(&asked, decision));
    }
    shapes
}

async fn circuits(policy: &Policy) -> Vec<Value> {
    let mut circuits = Vec::new();
    for name in failures::SCOPES {
        let scope = CircuitScope::named(name).unwrap();
        circuits.push(json!({ "scope": scope.name(), "settings": settings(&policy.circuit(&scope).await) }));
    }
    circuits
}

fn settings(settings: &CircuitSettings) -> Value {
    json!({
        "consecutive_failures": settings.consecutive_failures,
        "failure_ratio": settings.failure_ratio,
        "minimum_calls": settings.minimum_calls,
        "window": settings.window,
        "open_for": settings.open_for,
        "probes": settings.probes,
        "probe_lease": settings.probe_lease,
    })
}

/// Policies that pass the trial and misbehave afterwards, and one that does not pass it, by their names.
pub fn policies() -> Vec<(&'static str, Vec<u8>)> {
    let classifying = |name, classify: &str| (name, Handmade { name, classify, ..wild() }.component());
    // Takes all memory that it can have, and has an answer only if that is more than it may have: 128 pages, 8 MiB.
    let hoards = format!(
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
         (if (i32.le_u (memory.size) (i32.const {})) (then unreachable))
         {ANSWER}",
        Budget::POLICY.memory >> 16
    );
    // Knows whether it was asked before.
    let remembers = format!(
        "(global.set $asked (i32.add (global.get $asked) (i32.const 1)))
         (<store policy.verdict.kind> {ANSWER}
           (select (i32.const <case policy.failure-kind.busy>) (i32.const <case policy.failure-kind.unknown>)
             (i32.gt_u (global.get $asked) (i32.const 1))))
         {ANSWER}"
    );
    let counter = "(global $asked (mut i32) (i32.const 0))";
    let remembering = Handmade { name: "remembering", classify: &remembers, more: counter, ..wild() };
    let text =
        |place: &str, text: &str| format!("(call $put (call $at (i32.const <offset {place}>)) `{text}`)");
    let kind = "(<store policy.verdict.kind> (i32.const 1024) (i32.const <case policy.failure-kind.other>))";
    let named = format!(
        "{kind} {} {} {ANSWER}",
        text("policy.verdict.kind.other", "sunspots"),
        text("policy.verdict.rule", &"r".repeat(200)),
    );
    let decided =
        format!("{} {} {ANSWER}", case("other"), text("policy.decision.other", "ask-the-neighbours"));
    let admitted = format!(
        "(<store policy.refresh-decision> {ANSWER} (i32.const <case policy.refresh-decision.other>)) {} {ANSWER}",
        text("policy.refresh-decision.other", "toss-a-coin")
    );
    let other =
        Handmade { name: "other", classify: &named, decide: &decided, admit_refresh: &admitted, ..wild() };
    let repeats = format!("{} {ANSWER}", case("retry"));
    let refused = Handmade { name: "repeating", from_the_start: true, decide: &repeats, ..wild() };
    vec![
        classifying("trapping", "unreachable"),
        classifying("spinning", "(loop $again (br $again)) unreachable"),
        classifying("hoarding", &hoards),
        ("other", other.component()),
        ("remembering", remembering.component()),
        ("repeating", refused.component()),
        ("behaving", Handmade { name: "behaving", ..wild() }.component()),
    ]
}

fn wild() -> Handmade<'static> {
    Handmade::default()
}
