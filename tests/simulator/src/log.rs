//! What clients sent, without their secrets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exchange::Incoming;
use crate::route::RouteKind;
use crate::session::Session;

/// One request and how it was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Place in the order of arrival, from 1.
    pub seq: u64,
    /// Arrival by the server's clock, milliseconds since 1970.
    pub at: i64,
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// What the path was understood as.
    pub route: RouteKind,
    /// All headers, names in lower case, in order of arrival. Tokens are replaced by `ACCESS-TOKEN-<generation>`
    /// or `CONTROL-TOKEN-<number>`, unknown ones by `<UNKNOWN>`, stamps by `<STAMP>`.
    pub headers: Vec<(String, String)>,
    /// The body: JSON as it is, a form as an object, anything else as text. PINs, refresh tokens and the random
    /// values of a registration are replaced by `<PIN>` and the like.
    pub body: Value,
    /// HTTP status of the answer; `None` while there is none, and for ever if the connection was dropped.
    pub status: Option<u16>,
    /// Why it was refused, or which fault ended it.
    pub note: Option<String>,
}

impl LogEntry {
    /// An entry of a request that is not answered yet.
    pub(crate) fn of(seq: u64, incoming: &Incoming, session: &Session, now: Timestamp) -> Self {
        Self {
            seq,
            at: now.as_millisecond(),
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            query: incoming.query.clone(),
            route: incoming.call.kind(),
            headers: headers(incoming, session),
            body: body(incoming),
            status: None,
            note: None,
        }
    }
}

fn headers(incoming: &Incoming, session: &Session) -> Vec<(String, String)> {
    let shown = |name: &str, value: &str| match name {
        "authorization" | "authorizationccsp" => match value.split_once(' ') {
            Some((scheme, token)) => format!("{scheme} {}", session.label(token)),
            None => session.label(value),
        },
        "stamp" => "<STAMP>".to_owned(),
        _ => value.to_owned(),
    };
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    incoming
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), shown(name.as_str(), &text(value))))
        .collect()
}

fn body(incoming: &Incoming) -> Value {
    if incoming.body.is_empty() {
        return Value::Null;
    }
    if let Some(form) = incoming.form() {
        let fields = form.into_iter().map(|(name, value)| (name, Value::String(value)));
        return hide(Value::Object(fields.collect::<Map<_, _>>()));
    }
    match serde_json::from_slice(&incoming.body) {
        Ok(json) => hide(json),
        Err(_) => Value::String(String::from_utf8_lossy(&incoming.body).into_owned()),
    }
}

/// Replaces secret and random fields. All known bodies are flat in these fields.
fn hide(mut body: Value) -> Value {
    const HIDDEN: [(&str, &str); 4] = [
        ("pin", "<PIN>"),
        ("refresh_token", "<REFRESH-TOKEN>"),
        ("pushRegId", "<HEX64>"),
        ("uuid", "<UUID4>"),
    ];
    for (field, mark) in HIDDEN {
        if let Some(value) = body.get_mut(field) {
            *value = Value::String(mark.to_owned());
        }
    }
    body
}
