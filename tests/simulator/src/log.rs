//! What clients sent, without their secrets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cci::{Seven, TokenSets};
use crate::exchange::Incoming;
use crate::idp::Provider;
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
    /// Query, decoded, in order. Codes are replaced by `CODE-<number>`.
    pub query: Vec<(String, String)>,
    /// What the path was understood as.
    pub route: RouteKind,
    /// All headers, names in lower case, in order of arrival. Tokens are replaced by `ACCESS-TOKEN-<generation>`,
    /// `CONTROL-TOKEN-<number>` or, of the seven of a set, names like `ID-TOKEN-<number>`, unknown ones by `<UNKNOWN>`;
    /// stamps by `<STAMP>`, signatures by `<FINGERPRINT>`, the values of cookies by `<COOKIE>`.
    pub headers: Vec<(String, String)>,
    /// The body: JSON as it is, a form as an object, anything else as text. PINs, passwords, refresh tokens and the
    /// random values of a registration are replaced by `<PIN>` and the like, the seven of a set as in headers.
    pub body: Value,
    /// HTTP status of the answer; `None` while there is none, and for ever if the connection was dropped.
    pub status: Option<u16>,
    /// Why it was refused, or which fault ended it.
    pub note: Option<String>,
}

impl LogEntry {
    /// An entry of a request that is not answered yet.
    pub(crate) fn of(seq: u64, incoming: &Incoming, labels: &Labels<'_>, now: Timestamp) -> Self {
        Self {
            seq,
            at: now.as_millisecond(),
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            query: query(incoming, labels),
            route: incoming.call.kind(),
            headers: headers(incoming, labels),
            body: body(incoming, labels),
            status: None,
            note: None,
        }
    }
}

/// Who knows the names of what was given out.
pub(crate) struct Labels<'a> {
    pub(crate) session: &'a Session,
    pub(crate) tokens: &'a TokenSets,
    pub(crate) provider: &'a Provider,
}

impl Labels<'_> {
    fn token(&self, token: &str) -> String {
        let of_set = || self.tokens.label(token).map(str::to_owned);
        self.session.label(token).or_else(of_set).unwrap_or_else(|| "<UNKNOWN>".to_owned())
    }
}

fn query(incoming: &Incoming, labels: &Labels<'_>) -> Vec<(String, String)> {
    let shown = |name: &str, value: &str| match name {
        "code" => labels.provider.label(value),
        _ => value.to_owned(),
    };
    incoming.query.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
}

fn headers(incoming: &Incoming, labels: &Labels<'_>) -> Vec<(String, String)> {
    let shown = |name: &str, value: &str| match name {
        "authorization" | "authorizationccsp" => match value.split_once(' ') {
            Some((scheme, token)) => format!("{scheme} {}", labels.token(token)),
            None => labels.token(value),
        },
        "authentication" | "exchangeable-token" | "non-ccs-token" => labels.token(value),
        "stamp" => "<STAMP>".to_owned(),
        "x-fingerprint" => "<FINGERPRINT>".to_owned(),
        "cookie" => {
            let names = value.split(';').map(|pair| pair.split('=').next().unwrap_or("").trim());
            names.map(|name| format!("{name}=<COOKIE>")).collect::<Vec<_>>().join("; ")
        }
        _ => value.to_owned(),
    };
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    incoming
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), shown(name.as_str(), &text(value))))
        .collect()
}

fn body(incoming: &Incoming, labels: &Labels<'_>) -> Value {
    if incoming.body.is_empty() {
        return Value::Null;
    }
    if let Some(form) = incoming.form() {
        let fields = form.into_iter().map(|(name, value)| (name, Value::String(value)));
        return hide(Value::Object(fields.collect::<Map<_, _>>()), labels);
    }
    match serde_json::from_slice(&incoming.body) {
        Ok(json) => hide(json, labels),
        Err(_) => Value::String(String::from_utf8_lossy(&incoming.body).into_owned()),
    }
}

/// Replaces secret and random fields. All known bodies are flat in these fields.
fn hide(mut body: Value, labels: &Labels<'_>) -> Value {
    const HIDDEN: [(&str, &str); 7] = [
        ("pin", "<PIN>"),
        ("email", "<USERNAME>"),
        ("password", "<PASSWORD>"),
        ("username", "<USERNAME>"),
        ("refresh_token", "<REFRESH-TOKEN>"),
        ("pushRegId", "<HEX64>"),
        ("uuid", "<UUID4>"),
    ];
    for (field, mark) in HIDDEN {
        if let Some(value) = body.get_mut(field) {
            *value = Value::String(mark.to_owned());
        }
    }
    if let Some(Value::String(code)) = body.get_mut("code") {
        *code = labels.provider.label(code);
    }
    for (field, _) in Seven::NAMES {
        if let Some(Value::String(token)) = body.get_mut(field) {
            *token = labels.token(token);
        }
    }
    body
}
