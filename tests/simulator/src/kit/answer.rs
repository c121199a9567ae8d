//! An answer before it is put on the wire.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

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

impl Answer {
    /// Any answer; `Content-Type` follows from the body unless the headers have one.
    pub fn raw(status: u16, body: String, mut headers: Vec<(String, String)>) -> Self {
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

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, body.to_string(), Vec::new())
    }

    /// The response's head, for a body that is added by the caller. A status or header that HTTP cannot carry
    /// came in through a fault; it becomes 500, or is left out.
    pub fn head(&self) -> Response<()> {
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

    /// The whole response.
    pub fn into_response(self) -> Response<Body> {
        self.head().map(|()| Body::from(self.body))
    }

    /// A head that promises the whole body; the caller sends less.
    pub fn promise(&self) -> Response<()> {
        let mut head = self.head();
        head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
