//! A request that has arrived whole.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use percent_encoding::percent_decode_str;

/// No known request comes near this.
const BODY_LIMIT: usize = 64 * 1024;

/// A request that has arrived whole, and what it was understood as.
#[derive(Debug)]
pub struct Received<C> {
    /// HTTP method, as it was written.
    pub method: String,
    /// Host and port that were asked, by the header or, without one, by the URI; empty if neither says.
    pub host: String,
    /// Path, without the query, not decoded.
    pub path: String,
    /// Query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// What method and path mean.
    pub call: C,
}

impl<C> Received<C> {
    /// Waits for the whole body.
    ///
    /// # Errors
    ///
    /// The client went away, or the body is larger than 64 KiB.
    pub async fn read(request: Request, parse: impl FnOnce(&str, &str) -> C) -> Result<Self, axum::Error> {
        let (head, body) = request.into_parts();
        Ok(Self::new(head, to_bytes(body, BODY_LIMIT).await?, parse))
    }

    /// Of a head and a body that are there; `parse` says what method and path mean.
    pub fn new(head: Parts, body: Bytes, parse: impl FnOnce(&str, &str) -> C) -> Self {
        let method = head.method.as_str().to_owned();
        let path = head.uri.path().to_owned();
        let asked = head.headers.get(HOST).and_then(|value| value.to_str().ok());
        let host = asked.or(head.uri.authority().map(Authority::as_str)).unwrap_or("").to_owned();
        let call = parse(&method, &path);
        let query = pairs(head.uri.query().unwrap_or(""));
        Self { method, host, path, query, headers: head.headers, body, call }
    }

    /// A header's text; empty if it is absent or no text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The token in a header of the form `Bearer <token>`.
    pub fn bearer(&self, name: &str) -> Option<&str> {
        self.header(name).strip_prefix("Bearer ")
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.header("cookie").split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(given, _)| *given == name).map(|(_, value)| value).next()
    }

    /// The fields of a form, if this is one.
    pub fn form(&self) -> Option<Vec<(String, String)>> {
        let is_form = self.header("content-type").starts_with("application/x-www-form-urlencoded");
        is_form.then(|| pairs(&String::from_utf8_lossy(&self.body)))
    }
}

/// Decodes `a=b&c=d`, in order; a name without `=` has an empty value.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}
