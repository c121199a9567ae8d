//! The shapes that answers have.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use simulator::kit::Answer;

use crate::model::Absence;
use crate::route::{RouteKind, Service};

/// A request that a check or the state of the cloud turned down.
#[derive(Debug)]
pub(crate) struct Refused {
    /// For the log; never sent.
    pub(crate) reason: String,
    /// Whether its id token was the reason.
    pub(crate) by_token: bool,
    pub(crate) answer: Answer,
}

impl Refused {
    pub(crate) fn new(reason: impl Into<String>, answer: Answer) -> Self {
        Self { reason: reason.into(), by_token: false, answer }
    }
}

/// Success at Gigya: HTTP 200, code 0, and these fields.
pub(crate) fn gigya_success(fields: Value, id: &str, now: Timestamp) -> Answer {
    let mut body = json!({
        "callId": id, "errorCode": 0, "apiVersion": 2, "statusCode": 200, "statusReason": "OK",
        "time": now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    });
    merge(&mut body, fields);
    Answer::json(200, &body)
}

/// Failure at Gigya, which is HTTP 200 too: the status is in the body, and is the beginning of the code.
pub(crate) fn gigya_failure(code: u32, details: &str, fields: Value, id: &str, now: Timestamp) -> Answer {
    let status = code / 1000;
    let reason = match status {
        403 => "Forbidden",
        500.. => "Internal Server Error",
        _ => "Bad Request",
    };
    let mut body = json!({
        "callId": id, "errorCode": code, "errorDetails": details, "errorMessage": details, "apiVersion": 2,
        "statusCode": status, "statusReason": reason,
        "time": now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    });
    merge(&mut body, fields);
    Answer::json(200, &body)
}

/// Failure at Kamereon, with the HTTP status that goes with the code.
pub(crate) fn kamereon_failure(code: &str, message: &str) -> Answer {
    let status = status_of(code);
    let class = if status >= 500 { "TECHNICAL" } else { "FUNCTIONAL" };
    let body = json!({
        "type": class,
        "messages": [{ "code": code, "message": message }],
        "errors": [{ "errorCode": code, "errorMessage": message }],
        "error_reference": class,
    });
    Answer::json(status, &body)
}

/// A value in a command that is not taken: a message that is JSON in a string.
pub(crate) fn invalid(pointer: &str, detail: &str) -> Answer {
    let inner = json!({ "errors": [
        { "status": "400", "code": "Invalid", "detail": detail, "source": { "pointer": pointer } },
    ] });
    kamereon_failure("err.func.400", &inner.to_string())
}

/// The gateway in front of Kamereon does not know the application key.
pub(crate) fn no_application() -> Answer {
    Answer::json(403, &json!({ "error": "access_denied", "error_description": "Unauthorized" }))
}

/// The car does not have it.
pub(crate) fn absent(absence: Absence) -> Answer {
    match absence {
        Absence::Forbidden => forbidden(),
        Absence::NoData => {
            kamereon_failure("err.func.wired.notFound", "There is no data for this vin and uid")
        }
        Absence::NoAddress => not_found(),
        Absence::NotSupported => {
            let detail = "This feature is not technically supported by this gateway";
            let inner =
                json!({ "errors": [{ "status": "501", "code": "error.internal", "detail": detail }] });
            kamereon_failure("err.tech.501", &inner.to_string())
        }
        Absence::WrongNetwork => {
            let (title, detail) = ("Operation not supported", "Operation not supported for this can (C1A)");
            let inner = json!({ "errors": [
                { "status": "403", "code": "403011", "title": title, "detail": detail },
            ] });
            kamereon_failure("err.func.403", &inner.to_string())
        }
        Absence::InvalidBodyFormat => {
            kamereon_failure("err.func.wired.invalid-body-format", "The body format is invalid")
        }
        Absence::MethodNotAllowed => {
            kamereon_failure("err.func.wired.methodNotAllowed", "The method is not allowed")
        }
        Absence::HvacSettingsError => {
            kamereon_failure("err.tech.vcps.ev.hvac-settings.error", "Unable to get the climate settings")
        }
        Absence::UpstreamError => kamereon_failure("502000", "Technical error"),
        Absence::ChargeModeError => {
            kamereon_failure("err.func.vcps.ev.charge-mode.error", "Unable to get the charge mode")
        }
    }
}

/// The person, the account or the car is not the token's.
pub(crate) fn forbidden() -> Answer {
    kamereon_failure("err.func.wired.forbidden", "The access is forbidden")
}

/// There is no such address.
pub(crate) fn not_found() -> Answer {
    kamereon_failure("err.func.wired.not-found", "The resource does not exist")
}

/// An injected failure, in the envelope of the service that was asked. At Gigya a code that is no number is
/// 500001.
pub(crate) fn injected(service: Service, code: &str, message: &str, id: &str, now: Timestamp) -> Answer {
    match service {
        Service::Gigya => {
            let code = code.parse().unwrap_or(500_001);
            gigya_failure(code, message, Value::Object(Map::new()), id, now)
        }
        Service::Kamereon => kamereon_failure(code, message),
    }
}

/// What a command is answered: its own words, and an id that nothing can be asked about.
pub(crate) fn accepted(kind: RouteKind, data: &Value, id: &str) -> Answer {
    let body = match kind {
        RouteKind::SetSocLevels => {
            json!({ "commandId": id, "type": "SOC_SYNCH", "status": "CREATED" })
        }
        RouteKind::SetEvSettings => data.clone(),
        _ => {
            let mut data = data.get("data").cloned().unwrap_or_default();
            merge(&mut data, json!({ "id": id }));
            json!({ "data": data })
        }
    };
    Answer::json(200, &body)
}

/// Published pairs are 401, 403, 404, 501 and 502; the others follow from the name.
fn status_of(code: &str) -> u16 {
    match code {
        "err.func.wired.unauthorized" => 401,
        "err.func.wired.forbidden" | "err.func.403" | "err.func.privacy.on" => 403,
        "err.func.wired.notFound" | "err.func.wired.not-found" => 404,
        "err.func.wired.methodNotAllowed" => 405,
        "409001" => 409,
        "err.func.wired.overloaded" => 429,
        "err.tech.501" => 501,
        "err.tech.wired.kamereon-proxy" | "502000" => 502,
        code if code.starts_with("err.tech") => 500,
        _ => 400,
    }
}

fn merge(body: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (body.as_object_mut(), more) {
        fields.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gigya_says_no_with_http_200() {
        let answer = gigya_failure(403_005, "Unauthorized user", json!({}), "id", Timestamp::UNIX_EPOCH);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, body["statusCode"].as_u64()), (200, Some(403)));
        assert_eq!(body["errorCode"], 403_005);
    }

    #[test]
    fn kamereon_says_no_twice_in_one_body() {
        let answer = kamereon_failure("err.func.wired.unauthorized", "The access is unauthorized");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.status, 401);
        assert_eq!(body["messages"][0]["code"], body["errors"][0]["errorCode"]);
    }

    #[test]
    fn statuses_follow_the_codes() {
        let codes = ["err.tech.500", "err.tech.501", "err.func.wired.overloaded", "err.func.400", "409001"];
        assert_eq!(codes.map(status_of), [500, 501, 429, 400, 409]);
    }
}
