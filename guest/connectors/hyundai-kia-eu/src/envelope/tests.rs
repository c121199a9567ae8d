#![allow(clippy::unwrap_used, reason = "a test may fail")]

use serde_json::json;

use super::*;

const COMMAND: Step = Step { phase: Phase::Command, proof: Proof::Access { protocol: 0 }, acts: true };
const READ: Step = Step { phase: Phase::Status, proof: Proof::Access { protocol: 0 }, acts: false };
const POLL: Step = Step { phase: Phase::Confirmation, proof: Proof::Access { protocol: 0 }, acts: false };
const GRANT: Step = Step { phase: Phase::Refresh, proof: Proof::Grant, acts: false };

fn failure(status: u16, body: &str, headers: &[(&str, &str)], step: Step) -> Failure {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let response = Response { status, headers, body: body.as_bytes().to_vec() };
    open(&response, step, || 1_780_000_000).unwrap_err()
}

fn refusal(code: &str) -> String {
    json!({ "retCode": "F", "resCode": code, "resMsg": "words", "msgId": "1" }).to_string()
}

#[test]
fn the_four_envelopes() {
    let idp = json!({ "retCode": 7501, "retMsg": "Received unexpected statusCode", "retSubMsg": "{\"errCode\":\"4002\"}" });
    for (status, body, step, code, message) in [
        (400, refusal("4004"), COMMAND, Some("4004"), "words"),
        (
            401,
            r#"{"error":"Key not authorized: Token is expired"}"#.to_owned(),
            READ,
            None,
            "Key not authorized: Token is expired",
        ),
        (
            400,
            r#"{"errId":"1","errCode":"4003","errMsg":"Invalid values"}"#.to_owned(),
            READ,
            Some("4003"),
            "Invalid values",
        ),
        (400, idp.to_string(), GRANT, Some("7501"), r#"Received unexpected statusCode: {"errCode":"4002"}"#),
    ] {
        let failure = failure(status, &body, &[], step);
        assert_eq!((failure.code.as_deref(), failure.message.as_str()), (code, message));
        assert_eq!((failure.http_status, failure.body), (Some(status), BodyKind::Json));
    }
}

#[test]
fn whether_the_vehicle_may_have_acted() {
    use Certainty::*;
    for (status, body, expected) in [
        (400, refusal("4004"), Rejected),
        (401, "{}".to_owned(), Rejected),
        (408, refusal("4081"), Ambiguous),
        (200, refusal("9999"), Ambiguous),
        (503, refusal("5031"), Rejected),
        (503, String::new(), Ambiguous),
        (503, refusal("5039"), Ambiguous),
        (400, refusal("5999"), Ambiguous),
        (403, r#"{"error":"Key not authorized"}"#.to_owned(), Ambiguous),
        (401, r#"{"retCode":"S"}"#.to_owned(), Ambiguous),
        (401, refusal("4081"), Ambiguous),
        (429, String::new(), Rejected),
        (509, refusal("5091"), Rejected),
        (504, String::new(), Ambiguous),
        (500, "{}".to_owned(), Ambiguous),
        (502, "<html>".to_owned(), Ambiguous),
        (200, "<html>".to_owned(), Ambiguous),
        (200, "{}".to_owned(), Ambiguous),
        (200, refusal("4005"), Rejected),
        (302, String::new(), Ambiguous),
    ] {
        assert_eq!(failure(status, &body, &[], COMMAND).certainty, expected, "{status} {body}");
        assert_eq!(failure(status, &body, &[], READ).certainty, Rejected);
        assert_eq!(failure(status, &body, &[], POLL).certainty, Accepted);
    }
}

#[test]
fn a_503_that_says_when_to_come_again_is_a_refusal() {
    for (value, expected) in [("7", Certainty::Rejected), ("soon", Certainty::Ambiguous)] {
        assert_eq!(failure(503, "", &[("retry-after", value)], COMMAND).certainty, expected, "{value}");
    }
}

#[test]
fn without_an_answer() {
    let of = |error, step| {
        let failure = no_answer(error, step);
        (failure.transport.unwrap(), failure.certainty)
    };
    let text = String::new;
    assert_eq!(of(TransportError::NotSent(text()), COMMAND), (Transport::NotSent, Certainty::NotSent));
    assert_eq!(
        of(TransportError::Interrupted(text()), COMMAND),
        (Transport::Interrupted, Certainty::Ambiguous)
    );
    assert_eq!(of(TransportError::Interrupted(text()), READ), (Transport::Interrupted, Certainty::Rejected));
    assert_eq!(of(TransportError::Interrupted(text()), POLL), (Transport::Interrupted, Certainty::Accepted));
    assert_eq!(of(TransportError::Denied(text()), COMMAND), (Transport::Denied, Certainty::NotSent));
    assert_eq!(of(TransportError::Other(text()), COMMAND), (Transport::Other, Certainty::Ambiguous));
}

#[test]
fn headers_and_pages() {
    let challenge =
        [("www-authenticate", r#"Bearer realm="x", error="invalid_token""#), ("retry-after", "7")];
    let answer = failure(401, "", &challenge, READ);
    assert_eq!((answer.oauth_error.as_deref(), answer.retry_after), (Some("invalid_token"), Some(7_000)));
    assert_eq!(answer.body, BodyKind::None);

    let answer = failure(400, r#"{"error":"invalid_grant","error_description":"gone"}"#, &[], GRANT);
    assert_eq!(answer.oauth_error.as_deref(), Some("invalid_grant"));
    assert_eq!(answer.message, "invalid_grant: gone");

    let answer = failure(302, "", &[("location", "/error?error_description=abusing+request")], GRANT);
    assert_eq!(answer.message, "redirected to /error?error_description=abusing+request");

    let page = format!("<html>{}", "ü".repeat(1_000));
    let answer = failure(502, &page, &[], READ);
    assert_eq!(answer.body, BodyKind::Html);
    assert!(answer.message.len() <= EXCERPT);
}

#[test]
fn success_is_what_the_service_calls_so() {
    let opened = |body: &str, step| {
        open(&Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() }, step, || 0)
            .is_ok()
    };
    assert!(opened(r#"{"retCode":"S"}"#, READ));
    assert!(!opened(r#"{"retCode":"F"}"#, READ));
    assert!(opened(r#"{"access_token":"{secret:access-token}"}"#, GRANT));
    assert!(!opened(r#"{"retCode":"S"}"#, GRANT));
    assert!(!opened("", GRANT));
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
        assert_eq!(failure(status, &body, &json, READ).message, message);
    }
    assert_eq!(failure(200, "OK", &[], READ).message, "the answer is not JSON (HTTP 200, 2 bytes)");
}
