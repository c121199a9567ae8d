//! The shapes that answers have.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// An answer before it is put on the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The headers that are not about the connection.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: String,
}

/// A request that a check turned down.
#[derive(Debug)]
pub(crate) struct Refused {
    /// For the log; never sent.
    pub(crate) reason: String,
    /// Whether its access or control token was the reason.
    pub(crate) by_token: bool,
    pub(crate) answer: Answer,
}

impl Answer {
    /// Any answer; `Content-Type` follows from the body unless the headers have one.
    pub(crate) fn raw(status: u16, body: String, mut headers: Vec<(String, String)>) -> Self {
        if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            let kind = match body.trim_start().bytes().next() {
                Some(b'{' | b'[') => "application/json",
                Some(b'<') => "text/html",
                _ => "text/plain",
            };
            headers.push(("Content-Type".to_owned(), kind.to_owned()));
        }
        Self { status, headers, body }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, body.to_string(), Vec::new())
    }

    /// The response's head, for a body that is added by the caller. A status or header that HTTP cannot carry
    /// came in through a fault; it becomes 500, or is left out.
    pub(crate) fn head(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        self.head().map(|()| Body::from(self.body))
    }

    /// The head promises the whole body; the caller sends less.
    pub(crate) fn promise(&self) -> Response<()> {
        let mut head = self.head();
        head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        head
    }
}

/// Success in the vehicle service's envelope.
pub(crate) fn spa_success(message: Option<Value>, message_id: &str) -> Answer {
    let mut body = json!({ "retCode": "S", "resCode": "0000", "msgId": message_id });
    if let (Some(message), Some(fields)) = (message, body.as_object_mut()) {
        fields.insert("resMsg".to_owned(), message);
    }
    Answer::json(200, &body)
}

/// Failure in the vehicle service's envelope, with the HTTP status that goes with the code.
pub(crate) fn spa_failure(code: &str, message: &str, message_id: &str) -> Answer {
    let body = json!({ "retCode": "F", "resCode": code, "resMsg": message, "msgId": message_id });
    Answer::json(status_of(code), &body)
}

/// Failure in the account service's envelope.
pub(crate) fn account_failure(status: u16, code: &str, message: &str, id: &str) -> Answer {
    Answer::json(status, &json!({ "errId": id, "errCode": code, "errMsg": message }))
}

/// A refused grant in the sign-in service's envelope: the code is a number and the detail JSON in a string.
pub(crate) fn grant_refused(id: &str) -> Answer {
    let detail = json!({ "errId": id, "errCode": "4002", "errMsg": "Invalid parameters", "errBody": null });
    let body = json!({
        "retId": id,
        "retCode": 7501,
        "retMsg": "Received unexpected statusCode",
        "retSubMsg": detail.to_string(),
        "retValue": null,
    });
    Answer::json(400, &body)
}

/// The first three digits of a code look like its HTTP status, and are it for all pairs that were reported
/// (4002 → 400, 4017 → 401, 5091 → 509). Codes that would give no HTTP status give 500.
fn status_of(code: &str) -> u16 {
    match code.get(..3).map(str::parse::<u16>) {
        Some(Ok(status)) if (400..600).contains(&status) => status,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_follow_the_reported_pairs() {
        assert_eq!(
            ["4002", "4017", "4081", "5091", "5031", "9999", "x"].map(status_of),
            [400, 401, 408, 509, 503, 500, 500]
        );
    }

    #[test]
    fn content_type_follows_the_body_unless_given() {
        let kind = |body: &str, headers| {
            let answer = Answer::raw(200, body.to_owned(), headers);
            answer.headers.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        assert_eq!(kind("{}", vec![]), ["application/json"]);
        assert_eq!(kind("<html>", vec![]), ["text/html"]);
        assert_eq!(kind("{}", vec![("content-type".into(), "text/x".into())]), ["text/x"]);
        assert!(kind("", vec![]).is_empty());
    }
}
