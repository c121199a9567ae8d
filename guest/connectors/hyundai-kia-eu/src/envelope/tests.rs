#![allow(clippy::unwrap_used, reason = "a test may fail")]

use vehicle_connector_sdk::certainty::Doing;
use vehicle_connector_sdk::http::Response;

use super::*;

/// A step, and the proof that its request carries.
type Asked = (Phase, Proof);

const COMMAND: Asked = (Phase::Command, Proof::Access { protocol: 0 });
const READ: Asked = (Phase::Status, Proof::Access { protocol: 0 });
const POLL: Asked = (Phase::Confirmation, Proof::Access { protocol: 0 });
const GRANT: Asked = (Phase::Refresh, Proof::Grant);

fn opened(status: u16, body: &str, (phase, proof): Asked) -> Result<Answer, Failure> {
    let response = Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
    open(Answer::new(response, Doing { phase, acts: phase == Phase::Command }), proof)
}

fn failure(status: u16, body: &str, asked: Asked) -> Failure {
    opened(status, body, asked).unwrap_err()
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
        let failure = failure(status, &body, step);
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
        assert_eq!(failure(status, &body, COMMAND).certainty, expected, "{status} {body}");
        assert_eq!(failure(status, &body, READ).certainty, Rejected);
        assert_eq!(failure(status, &body, POLL).certainty, Accepted);
    }
}

#[test]
fn success_is_what_the_service_calls_so() {
    let opened = |body: &str, asked| opened(200, body, asked).is_ok();
    assert!(opened(r#"{"retCode":"S"}"#, READ));
    assert!(!opened(r#"{"retCode":"F"}"#, READ));
    assert!(opened(r#"{"access_token":"{secret:access-token}"}"#, GRANT));
    assert!(!opened(r#"{"retCode":"S"}"#, GRANT));
    assert!(!opened("", GRANT));
}
