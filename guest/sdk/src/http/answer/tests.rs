#![allow(clippy::unwrap_used, reason = "a test may fail")]

use serde_json::json;

use super::*;
use crate::connector::Certainty;
use crate::http::Says;

const ENVELOPE: Envelope = Envelope {
    success: &[("/ok", Says::Text("yes"))],
    codes_at: &["/code", "/error/code"],
    before_execution: &["1"],
    undecided: &["2"],
    ..Envelope::PLAIN
};

fn answer(status: u16, headers: &[(&str, &str)], body: &str, phase: Phase) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let response = Response { status, headers, body: body.as_bytes().to_vec() };
    Answer::new(response, Doing { phase, acts: phase == Phase::Command })
}

#[test]
fn a_success_is_one_by_status_and_envelope() {
    for (status, body, good) in [
        (200, r#"{"ok":"yes"}"#, true),
        (204, r#"{"ok":"yes"}"#, true),
        (200, r#"{"ok":"no"}"#, false),
        (200, "", false),
        (302, r#"{"ok":"yes"}"#, false),
    ] {
        assert_eq!(answer(status, &[], body, Phase::Status).success(&ENVELOPE).is_ok(), good, "{body}");
    }
    assert!(answer(204, &[], "", Phase::Command).success(&Envelope::PLAIN).is_ok());
}

#[test]
fn codes_decide_whether_the_vehicle_was_told() {
    for (status, body, certainty) in [
        (400, json!({ "code": 1 }), Certainty::Rejected),
        (500, json!({ "code": "1" }), Certainty::Rejected),
        (401, json!({ "error": { "code": "2" } }), Certainty::Ambiguous),
        // It says yes, with a status that says no.
        (401, json!({ "ok": "yes", "code": "1" }), Certainty::Ambiguous),
        (400, json!({ "code": "3" }), Certainty::Ambiguous),
        (401, json!({}), Certainty::Rejected),
    ] {
        let refusal = answer(status, &[], &body.to_string(), Phase::Command).refusal(&ENVELOPE);
        assert_eq!(refusal.certainty, certainty, "{status} {body}");
    }
}

#[test]
fn facts_of_headers_and_pages() {
    let headers = [("WWW-Authenticate", r#"Bearer realm="x", error="invalid_token""#), ("Retry-After", "7")];
    let facts = answer(401, &headers, "", Phase::Status).refusal(&ENVELOPE);
    assert_eq!((facts.oauth_error.as_deref(), facts.retry_after), (Some("invalid_token"), Some(7_000)));
    assert_eq!(facts.body, BodyKind::None);

    let body = r#"{"error":"invalid_grant","error_description":"gone"}"#;
    let facts = answer(400, &[], body, Phase::Refresh).refusal(&Envelope::PLAIN);
    assert_eq!((facts.oauth_error.as_deref(), facts.message.as_str()), (Some("invalid_grant"), "gone"));
    // Elsewhere the same member is the vendor's.
    assert_eq!(answer(400, &[], body, Phase::Status).refusal(&Envelope::PLAIN).oauth_error, None);

    let location = [("location", "/error?code=c&error_description=abusing+request")];
    let facts = answer(302, &location, "", Phase::SignIn).refusal(&ENVELOPE);
    assert_eq!(facts.message, "redirected to /error?error_description=abusing+request");

    let page = format!("<html>{}", "ü".repeat(1_000));
    let facts = answer(502, &[], &page, Phase::Status).refusal(&ENVELOPE);
    assert_eq!(facts.body, BodyKind::Html);
    assert!(facts.message.len() <= EXCERPT);
}

#[test]
fn what_should_have_been_a_document_is_described_and_not_quoted() {
    let position = r#"{"coord":{"lat":52.520008,"lon":13.404954}}"#;
    let json = [("Content-Type", "application/json; charset=utf-8")];
    for (status, body, message) in [
        (
            200,
            position.to_owned(),
            "the answer says neither what was asked nor why not (HTTP 200, application/json, 43 bytes)",
        ),
        (200, format!("{position}}}"), "the answer is not JSON (HTTP 200, application/json, 44 bytes)"),
        (302, "<html>".to_owned(), "the answer is not JSON (HTTP 302, application/json, 6 bytes)"),
        (204, String::new(), "the answer is empty (HTTP 204)"),
        (401, " ".to_owned(), "the answer is empty (HTTP 401)"),
        (502, "Bad gateway".to_owned(), "Bad gateway"),
    ] {
        assert_eq!(answer(status, &json, &body, Phase::Status).refusal(&ENVELOPE).message, message);
    }
}

#[test]
fn a_part_that_is_missing_is_a_failure_of_the_step() {
    let answer = answer(200, &[], r#"{"a":null,"b":"12"}"#, Phase::Status);
    assert_eq!(answer.part("/a").unwrap_err().message, "the answer has no value at /a");
    assert_eq!((answer.part("/b").is_ok(), answer.integer("/b")), (true, Some(12)));
}
