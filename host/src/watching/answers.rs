//! What is answered, and to whom.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use secrecy::ExposeSecret as _;

use crate::config;
use crate::digest::Digest;
use crate::host::Host;

/// Media type of the metrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

type Answer = Response<Full<Bytes>>;

/// Answers for one host.
#[derive(Debug)]
pub(super) struct Answers {
    host: Arc<Host>,
    config: config::Http,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    NoHost,
    AnotherHost,
    NoToken,
    Method,
    Body,
    Path,
}

impl Answers {
    pub(super) fn new(host: Arc<Host>, config: config::Http) -> Self {
        Self { host, config }
    }

    /// Returns the answer to a request.
    pub(super) fn to(&self, request: &Request<Incoming>) -> Answer {
        self.of(request).unwrap_or_else(Refusal::answer)
    }

    fn of(&self, request: &Request<Incoming>) -> Result<Answer, Refusal> {
        self.check_host(request)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Refusal::Method);
        }
        if !request.body().is_end_stream() {
            return Err(Refusal::Body);
        }
        match request.uri().path() {
            // Without a token: who only asks whether the process is there learns nothing else.
            "/healthz" => Ok(answer(StatusCode::OK, TEXT, "ok\n".to_owned())),
            "/readyz" => {
                self.check_token(request)?;
                let readiness = self.host.readiness(self.config.good_for);
                let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                Ok(answer(status, JSON, serde_json::json!(readiness).to_string() + "\n"))
            }
            "/metrics" => {
                self.check_token(request)?;
                Ok(answer(StatusCode::OK, OPEN_METRICS, self.host.metrics()))
            }
            _ => Err(Refusal::Path),
        }
    }

    /// Checks that the request names this machine: by an address, as `localhost`, or by a configured name.
    fn check_host(&self, request: &Request<Incoming>) -> Result<(), Refusal> {
        let mut named = request.headers().get_all(HOST).iter();
        let (Some(named), None) = (named.next(), named.next()) else { return Err(Refusal::NoHost) };
        let authority = Authority::try_from(named.as_bytes()).map_err(|_| Refusal::NoHost)?;
        let host = authority.host().to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let is_ours =
            host == "localhost" || address.parse::<IpAddr>().is_ok() || self.config.hosts.contains(&host);
        if is_ours { Ok(()) } else { Err(Refusal::AnotherHost) }
    }

    /// Checks the token, if one is wanted. Digests are compared, so the time that it takes tells nothing.
    fn check_token(&self, request: &Request<Incoming>) -> Result<(), Refusal> {
        let Some(wanted) = &self.config.auth_token else { return Ok(()) };
        let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' '));
        let token = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
        let is_right =
            |token: &str| Digest::of(token.as_bytes()) == Digest::of(wanted.expose_secret().as_bytes());
        if token.is_some_and(is_right) { Ok(()) } else { Err(Refusal::NoToken) }
    }
}

impl Refusal {
    fn answer(self) -> Answer {
        let (status, why) = match self {
            Self::NoHost => (StatusCode::BAD_REQUEST, "the request names no host, or several"),
            Self::AnotherHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "this is another host; ask by its address, or add the name to `hosts` in [http]",
            ),
            Self::NoToken => {
                (StatusCode::UNAUTHORIZED, "the token of [http] is needed: Authorization: Bearer TOKEN")
            }
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered"),
            Self::Body => (StatusCode::PAYLOAD_TOO_LARGE, "a request has no body here"),
            Self::Path => (StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics"),
        };
        let mut answer = answer(status, TEXT, format!("{why}\n"));
        let header = match self {
            Self::NoToken => Some((WWW_AUTHENTICATE, "Bearer")),
            Self::Method => Some((ALLOW, "GET, HEAD")),
            _ => None,
        };
        if let Some((name, value)) = header {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    }
}

fn answer(status: StatusCode, media_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
