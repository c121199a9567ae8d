//! Answers, as documents or as the facts of a failure.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde_json::Value;

use super::{Envelope, Response, excerpt};
use crate::certainty::{Doing, End, certainty};
use crate::connector::{BodyKind, Failure, Milliseconds, Phase};
use crate::{clock, failure, time};

/// How much of a refusal that is no document goes into the message, in bytes.
pub const EXCERPT: usize = 300;

/// An answer, and what was being done when it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    doing: Doing,
    response: Response,
    document: Option<Value>,
}

impl Answer {
    /// An answer that came when this was being done.
    #[must_use]
    pub fn new(response: Response, doing: Doing) -> Self {
        let document = serde_json::from_slice(&response.body).ok();
        Self { doing, response, document }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// Whether the status is that of a success (2xx).
    #[must_use]
    pub fn is_2xx(&self) -> bool {
        (200..300).contains(&self.response.status)
    }

    /// The first value of the header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.response.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.response.body
    }

    /// The JSON document. None if it is none.
    #[must_use]
    pub fn document(&self) -> Option<&Value> {
        self.document.as_ref()
    }

    /// What stands at a place of the document (RFC 6901).
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.document.as_ref()?.pointer(pointer)
    }

    /// The text at a place of the document.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str()
    }

    /// The whole number at a place of the document, also one that is written as a text.
    #[must_use]
    pub fn integer(&self, pointer: &str) -> Option<i64> {
        match self.at(pointer)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// What stands at a place of the document, without which the answer is none.
    ///
    /// # Errors
    ///
    /// Nothing stands there, or `null`.
    pub fn part(&self, pointer: &str) -> Result<&Value, Failure> {
        let found = self.at(pointer).filter(|value| !value.is_null());
        found.ok_or_else(|| self.lacks(&format!("value at {pointer}")))
    }

    /// The facts when this answer, a success, lacks what was asked for.
    #[must_use]
    pub fn lacks(&self, what: &str) -> Failure {
        failure::without(self.doing.phase, self.status(), what)
    }

    /// The answer, if it is a success: by its status, and by what its envelope says.
    ///
    /// # Errors
    ///
    /// Any other answer, as facts.
    pub fn success(self, envelope: &Envelope) -> Result<Self, Failure> {
        if self.is_2xx() && envelope.is_success(self.document()) {
            Ok(self)
        } else {
            Err(self.refusal(envelope))
        }
    }

    /// The facts of an answer that is no success.
    #[must_use]
    pub fn refusal(&self, envelope: &Envelope) -> Failure {
        let document = self.document();
        let (code, sub_code) = (envelope.code(document), envelope.sub_code(document));
        let retry_after = self.retry_after();
        let end = End::Answer {
            status: self.status(),
            comes_back: retry_after.is_some(),
            told: envelope.told(document, [code.as_deref(), sub_code.as_deref()]),
        };
        Failure {
            phase: self.doing.phase,
            certainty: certainty(self.doing, end),
            transport: None,
            http_status: Some(self.status()),
            code,
            sub_code,
            oauth_error: self.oauth_error(),
            retry_after,
            message: envelope.words(document).unwrap_or_else(|| self.description()),
            body: self.body_kind(),
        }
    }

    /// How long the server asks to wait (RFC 9110 §10.2.3), in milliseconds from now.
    #[must_use]
    pub fn retry_after(&self) -> Option<Milliseconds> {
        time::retry_after(self.header("retry-after")?, clock::seconds)
    }

    /// The error of OAuth: RFC 6749 §5.2 from the body in a sign-in or a refresh, RFC 6750 §3 from
    /// `WWW-Authenticate` elsewhere.
    #[must_use]
    pub fn oauth_error(&self) -> Option<String> {
        let session = matches!(self.doing.phase, Phase::SignIn | Phase::Refresh);
        if let Some(error) = self.text("/error").filter(|_| session) {
            return Some(error.to_owned());
        }
        let (_, rest) = self.header("www-authenticate")?.split_once("error=")?;
        let value = rest.trim_start_matches('"').split(['"', ',', ' ']).next()?;
        Some(value.to_owned())
    }

    /// What kind of document it is.
    #[must_use]
    pub fn body_kind(&self) -> BodyKind {
        match (self.response.body.trim_ascii_start().first(), &self.document) {
            (None, _) => BodyKind::None,
            (Some(_), Some(_)) => BodyKind::Json,
            (Some(b'<'), None) => BodyKind::Html,
            (Some(_), None) => BodyKind::Other,
        }
    }

    /// What an answer without words shows: where it redirects to, how a refusal begins, or what it is.
    /// Nothing of an answer that should have been a document: where the car is may stand in it.
    #[must_use]
    pub fn description(&self) -> String {
        if let Some(location) = self.header("location") {
            return redirection(location);
        }
        let text = String::from_utf8_lossy(&self.response.body);
        if self.status() >= 400 && !text.trim().is_empty() {
            return excerpt(&text, EXCERPT).to_owned();
        }
        let status = self.status();
        let what = match self.body_kind() {
            BodyKind::None => return format!("the answer is empty (HTTP {status})"),
            BodyKind::Json => "says neither what was asked nor why not",
            BodyKind::Html | BodyKind::Other => "is not JSON",
        };
        let media_type = self.header("content-type").and_then(|value| value.split(';').next());
        let media_type = media_type.map_or_else(String::new, |name| format!(" {},", name.trim()));
        format!("the answer {what} (HTTP {status},{media_type} {} bytes)", self.response.body.len())
    }
}

/// Where an answer leads, and what it says about the error there. Anything else behind the path may be a code
/// or a token.
fn redirection(location: &str) -> String {
    let (place, rest) = location.split_once(['?', '#']).unwrap_or((location, ""));
    let told = rest.split(['&', '#', '?']).filter(|pair| pair.starts_with("error"));
    let told = told.fold(String::new(), |told, pair| {
        let mark = if told.is_empty() { '?' } else { '&' };
        format!("{told}{mark}{pair}")
    });
    format!("redirected to {place}{told}")
}

#[cfg(test)]
mod tests;
