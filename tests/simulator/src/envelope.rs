//! The shapes that answers have.

use serde_json::{Value, json};

pub(crate) use crate::kit::Answer;

/// A request that a check turned down.
#[derive(Debug)]
pub(crate) struct Refused {
    /// For the log; never sent.
    pub(crate) reason: String,
    pub(crate) by: By,
    pub(crate) answer: Answer,
}

impl Refused {
    /// Turned down by a check of something that is neither a token of the account nor the gate's business.
    pub(crate) fn by_check(reason: impl Into<String>, answer: Answer) -> Self {
        Self { reason: reason.into(), by: By::Check, answer }
    }
}

/// What turned a request down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A check of something else.
    Check,
    /// The check of its access or control token.
    Token,
    /// The gate before the token service.
    Gate,
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

/// Failure in the token service's envelope, with the HTTP status that goes with the code.
pub(crate) fn cci_failure(code: u16, message: &str) -> Answer {
    let status = match code {
        // The session is over, and tokens that are dead. Of 4111 no status was reported.
        4111 | 9013 => 401,
        // What is behind the service does not answer.
        9001 => 502,
        9009 => 500,
        _ => 400,
    };
    Answer::json(status, &json!({ "code": code, "message": message }))
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
}
