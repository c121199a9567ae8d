//! Conformance, CLS-01 to CLS-05: what codes and wordings mean, and what follows from it.
//!
//! The rows are data, `tests/fixtures/conformance/cls.json`. Where our judgement is not the one of the table that they
//! come from, `why` says why.

use serde_json::Value;
use testkit::{attempt, both_forms};
use vehicle_connector::bindings::policy::{
    BodyKind, Certainty, Decision, Effect, Failure, FailureKind, Latch, Phase, Verdict,
};

const ROWS: &str = include_str!("../../fixtures/conformance/cls.json");

fn failure(row: &Value, status: Option<u16>) -> Failure {
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    let phase = match row["phase"].as_str().unwrap() {
        "sign-in" => Phase::SignIn,
        "refresh" => Phase::Refresh,
        "status" => Phase::Status,
        "command" => Phase::Command,
        other => panic!("{other}"),
    };
    let effect = match phase {
        Phase::SignIn | Phase::Refresh => Effect::Session,
        Phase::Command => Effect::Actuation,
        _ => Effect::Read,
    };
    Failure {
        cloud: text("cloud").unwrap(),
        operation: "any".into(),
        effect,
        phase,
        certainty: match row["certainty"].as_str() {
            None => Certainty::Rejected,
            Some("ambiguous") => Certainty::Ambiguous,
            Some(other) => panic!("{other}"),
        },
        http_status: status,
        code: text("code"),
        sub_code: text("sub_code"),
        oauth_error: text("oauth_error"),
        message: text("message").unwrap().repeat(row["times"].as_u64().unwrap_or(1).try_into().unwrap()),
        body: match row["body"].as_str() {
            None => BodyKind::Json,
            Some("html") => BodyKind::Html,
            Some("other") => BodyKind::Other,
            Some(other) => panic!("{other}"),
        },
        token_age: Some(3_600_000),
        ..testkit::failure()
    }
}

fn name(decision: &Decision) -> String {
    match decision {
        Decision::RefreshAndRetry => "refresh-and-retry".to_owned(),
        Decision::DiscardAndRetry(cell) => format!("discard-and-retry {cell}"),
        Decision::Retry(_) => "retry".to_owned(),
        Decision::Confirm(_) => "confirm".to_owned(),
        Decision::GiveUp => "give-up".to_owned(),
        Decision::Latch(Latch::AuthRequired) => "latch auth-required".to_owned(),
        Decision::Latch(Latch::OtpRequired) => "latch otp-required".to_owned(),
        Decision::Latch(Latch::Blocked) => "latch blocked".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The name of a kind in the interface.
fn kind(verdict: &Verdict) -> String {
    if let FailureKind::Other(name) = &verdict.kind {
        return name.clone();
    }
    let mut name = String::new();
    for letter in format!("{:?}", verdict.kind).trim_start_matches("FailureKind::").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_means_what_it_should_and_leads_where_it_should() {
    let policy = both_forms::component().await;
    let rows: Vec<Value> = serde_json::from_str(ROWS).unwrap();
    let mut wrong = Vec::new();
    for row in &rows {
        let none = vec![Value::Null];
        for status in row["status"].as_array().unwrap_or(&none) {
            let status = status.as_u64().map(|status| u16::try_from(status).unwrap());
            let failure = failure(row, status);
            let verdict = both_forms::classify(&policy, &failure).await;
            let decision = both_forms::decide(&policy, &attempt(failure, verdict.clone())).await;
            let found = [kind(&verdict), verdict.rule, name(&decision)];
            let expected = ["kind", "rule", "decision"].map(|key| row[key].as_str().unwrap().to_owned());
            if found != expected {
                wrong.push(format!("{} {status:?}: {found:?}, not {expected:?}", row["message"]));
            }
        }
    }
    wrong.iter_mut().for_each(|line| line.truncate(400));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for id in ["CLS-01", "CLS-02", "CLS-03", "CLS-04", "CLS-05"] {
        assert!(rows.iter().any(|row| row["id"] == id), "{id} is missing");
    }
}
