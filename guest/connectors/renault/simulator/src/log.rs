//! What clients sent, without their secrets, and what they did wrong.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exchange::Incoming;
use crate::route::{RouteKind, Service};
use crate::secrets::{SecretKind, Secrets};

/// One request and how it was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Place in the order of arrival at either service, from 1.
    pub seq: u64,
    /// Arrival by the server's clock, milliseconds since 1970.
    pub at: i64,
    /// Which service was asked.
    pub service: Service,
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// What the path was understood as.
    pub route: RouteKind,
    /// All headers, names in lower case, in order of arrival. Here as everywhere in an entry, secrets are
    /// replaced by marks such as `<ID-TOKEN-2>`: the second id token that was given out.
    pub headers: Vec<(String, String)>,
    /// The body: JSON as it is, a form as an object, anything else as text.
    pub body: Value,
    /// The secrets that arrived with it.
    pub secrets: Vec<Arrival>,
    /// HTTP status of the answer; `None` while there is none, and for ever if the connection was dropped.
    pub status: Option<u16>,
    /// Why it was refused, or which fault ended it.
    pub note: Option<String>,
}

/// A secret in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Which.
    pub secret: SecretKind,
    /// Where it stood: `path`, `query.NAME`, `header.NAME`, `cookie.NAME`, `form.NAME` or `body`.
    pub place: String,
}

/// Something that a client must not do, whatever the state of its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The request's number in the log.
    pub seq: u64,
    /// Which service was asked.
    pub service: Service,
    /// Method and path, without secrets.
    pub request: String,
    /// What is wrong with it.
    pub wrong: String,
}

impl LogEntry {
    /// An entry of a request that is not answered yet.
    pub(crate) fn of(seq: u64, at: i64, incoming: &Incoming, secrets: &Secrets) -> Self {
        let masked = |pairs: &[(String, String)]| {
            pairs.iter().map(|(name, value)| (name.clone(), secrets.mask(value))).collect()
        };
        Self {
            seq,
            at,
            service: incoming.call.service,
            method: incoming.method.clone(),
            path: secrets.mask(&incoming.path),
            query: masked(&incoming.query),
            route: incoming.call.kind,
            headers: headers(incoming, secrets),
            body: body(incoming, secrets),
            secrets: secrets.arrivals(incoming),
            status: None,
            note: None,
        }
    }
}

fn headers(incoming: &Incoming, secrets: &Secrets) -> Vec<(String, String)> {
    let all = incoming.headers.iter();
    all.map(|(name, value)| (name.to_string(), secrets.mask(&String::from_utf8_lossy(value.as_bytes()))))
        .collect()
}

fn body(incoming: &Incoming, secrets: &Secrets) -> Value {
    if incoming.body.is_empty() {
        return Value::Null;
    }
    if let Some(form) = incoming.form() {
        let fields = form.into_iter().map(|(name, value)| (name, Value::String(secrets.mask(&value))));
        return Value::Object(fields.collect::<Map<_, _>>());
    }
    let text = secrets.mask(&String::from_utf8_lossy(&incoming.body));
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
