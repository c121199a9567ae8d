//! Requests for guests.

use std::collections::BTreeSet;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use url::Url;

use super::allowance::Before;
use super::capture::Incoming;
use super::placeholder::{Encoding, Misplaced, fill, fill_json, fill_url, has_placeholder};
use super::{AccountContext, Call, ConnectorCx, Endpoint, HttpRequest, answer_time, transport};
use crate::bindings::http::{Body, Capture, CaptureTarget, Host, Method, Request, Response, TransportError};
use crate::descriptor::Told;
use crate::time::Clock;

/// The largest request body, in bytes.
const LARGEST_REQUEST: usize = 64 << 10;

/// The longest URL, in bytes. Servers take about as much.
const LONGEST_URL: usize = 8 << 10;

/// The largest headers, names and values of all together, in bytes. Servers take 8 to 16 KiB.
const LARGEST_HEADERS: usize = 16 << 10;

/// Most headers, and most captures, of one request.
const MOST_HEADERS: usize = 64;

/// The most secrets that are put into one request.
const MOST_SECRETS: usize = 16;

/// Headers that decide how a message is framed or encoded. With another encoding, or a part of the answer
/// only, a secret in it would not be found.
const OURS: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "if-range",
    "keep-alive",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Timeout of a request that names none.
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest timeout of a request: a legacy forced read waits for the car that long.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Most requests of one call that carry the same secret of the configuration. Signing in may need it two or
/// three times; vendors lock an account after about five refusals.
const MOST_OFFERS: u32 = 4;

/// The secret that the host stops sending for good once it was refused.
pub(crate) const PIN: &str = "pin";

/// A request with its secrets in place, ready to be sent.
struct Prepared {
    request: HttpRequest,
    /// The names of the secrets that it carries.
    carries: Vec<String>,
}

/// State of a call before a request left on which the vehicle may act.
#[derive(Clone, Copy)]
struct BeforeAct {
    acted: bool,
    operation: Before,
}

impl From<Misplaced> for TransportError {
    fn from(Misplaced(why): Misplaced) -> Self {
        Self::Denied(why)
    }
}

fn denied(why: impl Into<String>) -> TransportError {
    TransportError::Denied(why.into())
}

impl Host for ConnectorCx {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, TransportError>> {
        let answer = self.call.send(request).await;
        self.call.given("an answer", &answer);
        Ok(answer)
    }
}

impl Call {
    async fn send(&mut self, request: Request) -> Result<Response, TransportError> {
        let Prepared { request: prepared, carries } = self.prepare(&request)?;
        let carries_pin = carries.iter().any(|name| name == PIN);
        self.admit(request.acts_on_vehicle, carries_pin).await?;
        let offers_before = self.offers.clone();
        self.count_offers(&carries);
        // Until it is back, whether the vehicle acts is unknown: the caller's time may be over, or the host
        // may stop, while it is under way, and then nothing below is reached any more.
        let acting = request.acts_on_vehicle.then(|| self.begin_act());
        self.allowance.leaves();
        let answer = self.context.transport.send(prepared).await;
        self.left |= !matches!(answer, Err(TransportError::NotSent(_) | TransportError::Denied(_)));
        if let Err(TransportError::NotSent(_) | TransportError::Denied(_)) = answer {
            self.offers = offers_before;
            self.allowance.not_sent();
            if let Some(before) = acting {
                self.take_back_act(before);
            }
        }
        if carries_pin && answer.is_err() {
            self.context.pin.unanswered().await;
            self.pin_turn = None;
        }
        let transport::Response { status, headers, body } = answer?;
        self.note_times(status, &headers);
        let captured_before = self.captured.len();
        let received = self.receive(Incoming { status, headers, body }, &request.captures, &carries);
        if carries_pin {
            let success = self.captured.len() > captured_before;
            let refused = self.context.pin.answered(status, success, self.clock()).await;
            // What was refused is known when the failure has been judged.
            self.pin_turn.take_if(|_| !refused);
        }
        self.store_captured().await;
        if let Some(before) = acting {
            let told = match &received {
                Ok(it) => self.context.command_answers.told(status, &it.headers, &it.body),
                // The request was answered, and the answer cannot be read.
                Err(_) => Told::Nothing,
            };
            self.told = self.told.filter(|before| *before != Told::Refused).or(Some(told));
            self.allowance.answered(before.operation, told);
        }
        let Incoming { headers, body, .. } = received?;
        Ok(Response { status, headers, body })
    }

    /// Admits a request that may be sent now. What has to be known after a crash is written down.
    async fn admit(&mut self, acts_on_vehicle: bool, carries_pin: bool) -> Result<(), TransportError> {
        if carries_pin && self.pin_turn.is_none() {
            self.pin_turn = Some(self.context.pin.turn().await);
        }
        if carries_pin && let Err(why) = self.context.pin.may_offer(self.clock()) {
            return Err(denied(why.to_string()));
        }
        if acts_on_vehicle && !self.allowance.may_act() {
            return Err(denied("an earlier request of this operation may have moved the vehicle"));
        }
        self.allowance.take_send().map_err(denied)?;
        if acts_on_vehicle && let Err(error) = self.allowance.write_down().await {
            return Err(denied(format!("it could not be written down that the command is sent: {error}")));
        }
        if carries_pin && let Err(error) = self.context.pin.offering(self.clock()).await {
            return Err(denied(format!("it could not be written down that the PIN is sent: {error}")));
        }
        Ok(())
    }

    /// Notes what an answer says of time. Of a success `Retry-After` says nothing (RFC 9110 §10.2.3).
    fn note_times(&mut self, status: u16, headers: &[(String, String)]) {
        let AccountContext { account, clock, skew, .. } = self.context.as_ref();
        let now = clock.now();
        let names_a_time = status >= 300 && headers.iter().any(|(name, _)| name == "retry-after");
        self.told_to_wait = names_a_time.then(|| answer_time::retry_after(headers, now).unwrap_or_default());
        self.patience = self.patience.max(self.told_to_wait.filter(|told| !told.is_zero()));
        if let Some(skewed) = skew.observe(headers, now) {
            tracing::warn!(account, "{}", answer_time::in_words(skewed));
        }
    }

    fn clock(&self) -> &dyn Clock {
        self.context.clock.as_ref()
    }

    /// Stores what was captured for a session that is being refreshed before the connector goes on: the cloud
    /// may have ended the token before it, and there may be no next moment.
    async fn store_captured(&self) {
        if let Some(session) = self.refreshing.as_ref().filter(|_| !self.captured.is_empty())
            && let Err(error) = session.add_secrets(self.captured.clone()).await
        {
            tracing::warn!(
                account = self.context.account,
                operation = self.operation,
                "a new token could not be stored yet: {error}"
            );
        }
    }

    /// Counts a request as an offer of every secret of the configuration that it carries, however often. By
    /// name: a session's rotated token takes the place of the configured one, and a vendor counts refusals of
    /// either.
    fn count_offers(&mut self, carries: &[String]) {
        let secrets: BTreeSet<&String> =
            carries.iter().filter(|name| self.context.secrets.contains_key(*name)).collect();
        for name in secrets {
            let offers = self.offers.entry(name.clone()).or_default();
            *offers = offers.saturating_add(1);
        }
    }

    /// Records that a request is about to leave on which the vehicle may act.
    fn begin_act(&mut self) -> BeforeAct {
        BeforeAct { acted: std::mem::replace(&mut self.acted, true), operation: self.allowance.begin_act() }
    }

    /// Records that the request has not left.
    fn take_back_act(&mut self, before: BeforeAct) {
        self.acted = before.acted;
        self.allowance.take_back_act(before.operation);
    }

    /// Checks what can be seen of a request before secrets are put in: whether it fits must not tell how long
    /// they are.
    fn check(&self, request: &Request) -> Result<(), TransportError> {
        if request.headers.len() > MOST_HEADERS || request.captures.len() > MOST_HEADERS {
            return Err(denied(format!("more than {MOST_HEADERS} headers or captures")));
        }
        if request.url.len() > LONGEST_URL {
            return Err(denied(format!("the URL is longer than {LONGEST_URL} bytes")));
        }
        if pairs_size(&request.headers) > LARGEST_HEADERS {
            return Err(denied(format!("the headers are larger than {LARGEST_HEADERS} bytes together")));
        }
        if size(&request.body) > LARGEST_REQUEST {
            return Err(denied(format!("the body is larger than {LARGEST_REQUEST} bytes")));
        }
        for Capture { target, .. } in &request.captures {
            if let CaptureTarget::Secret(name) = target
                && !self.context.capturable.contains(name.as_str())
            {
                return Err(denied(format!("the secret {name} is not taken from answers")));
            }
        }
        Ok(())
    }

    /// Checks a request against everything that the host does not allow, and puts the secrets in.
    fn prepare(&self, request: &Request) -> Result<Prepared, TransportError> {
        self.check(request)?;
        // Found before secrets are put in: no secret may decide where a request goes.
        let template = Url::parse(&request.url);
        let template = template.map_err(|error| denied(format!("the URL is not valid: {error}")))?;
        let endpoints = self.endpoints(&template)?;
        let mut carries = Vec::new();
        let mut secret = |name: &str| {
            if carries.len() == MOST_SECRETS {
                return Err(denied(format!("more than {MOST_SECRETS} secrets")));
            }
            let value = self.bound_secret(name, &endpoints)?;
            carries.push(name.to_owned());
            Ok(value)
        };

        let url = fill_url(&request.url, &mut secret)?;
        let names = |endpoints: &[&Endpoint]| endpoints.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        if names(&self.endpoints(&url)?) != names(&endpoints) {
            return Err(denied("with its secrets the URL leads to another endpoint"));
        }
        let mut headers = HeaderMap::with_capacity(request.headers.len());
        for (name, value) in &request.headers {
            let parsed =
                HeaderName::try_from(name).map_err(|_| denied(format!("no header name: {name:?}")))?;
            if OURS.contains(&parsed.as_str()) {
                return Err(denied(format!("the header {name} is the host's")));
            }
            let value = HeaderValue::try_from(fill(value, Encoding::Plain, &mut secret)?).map_err(|_| {
                denied(format!("the value of the header {name} has characters that do not fit"))
            })?;
            headers.append(parsed, value);
        }
        let (body, content_type) = fill_body(&request.body, &mut secret)?;
        if let Some(content_type) = content_type {
            headers.entry("content-type").or_insert(HeaderValue::from_static(content_type));
        }

        let prepared = HttpRequest {
            method: request.method.into(),
            url,
            headers,
            body: body.map(String::into_bytes),
            timeout: request.timeout.map_or(USUAL_TIMEOUT, Duration::from_millis).min(LONGEST_TIMEOUT),
            acts_on_vehicle: request.acts_on_vehicle,
        };
        Ok(Prepared { request: prepared, carries })
    }

    /// The endpoints that a URL belongs to: same scheme, host and port, and below its path. There are several
    /// when one server stands in for several services.
    fn endpoints(&self, url: &Url) -> Result<Vec<&Endpoint>, TransportError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(denied("the URL names a user"));
        }
        let below = |endpoint: &&Endpoint| {
            let base = endpoint.url.path().trim_end_matches('/');
            let rest = url.path().strip_prefix(base);
            endpoint.url.origin() == url.origin()
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found: Vec<_> = self.context.endpoints.iter().filter(below).collect();
        if found.is_empty() {
            let host = url.host_str().unwrap_or_default();
            return Err(denied(format!("{}://{host} is no endpoint of this account", url.scheme())));
        }
        Ok(found)
    }

    /// The value of a secret that may be sent to one of these endpoints.
    fn bound_secret(&self, name: &str, endpoints: &[&Endpoint]) -> Result<&str, TransportError> {
        let bound = self.context.bindings.get(name);
        if !bound.is_some_and(|bound| endpoints.iter().any(|endpoint| bound.contains(&endpoint.name))) {
            let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
            return Err(denied(format!(
                "the secret {name} may not be sent to the endpoint {}",
                names.join(" or ")
            )));
        }
        if name == PIN
            && let Err(why) = self.context.pin.may_offer(self.clock())
        {
            return Err(denied(why.to_string()));
        }
        if self.offers.get(name).is_some_and(|offers| *offers >= MOST_OFFERS) {
            return Err(denied(format!(
                "the secret {name} was sent with {MOST_OFFERS} requests of this call; it is not sent again"
            )));
        }
        let secret = self.secret(name).ok_or_else(|| denied(format!("this account has no {name}")))?;
        Ok(secret.expose_secret())
    }
}

/// Returns the size of a body as the guest wrote it, in bytes.
fn size(body: &Body) -> usize {
    match body {
        Body::Empty => 0,
        Body::Json(text) | Body::Text(text) => text.len(),
        Body::Form(fields) => pairs_size(fields),
    }
}

/// Returns the size of names and values with two characters between them, in bytes.
fn pairs_size(pairs: &[(String, String)]) -> usize {
    pairs.iter().map(|(name, value)| name.len() + value.len() + 2).sum()
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
    }
}

/// Returns a body with its secrets, and its media type.
fn fill_body<'s>(
    body: &Body,
    secret: &mut impl FnMut(&str) -> Result<&'s str, TransportError>,
) -> Result<(Option<String>, Option<&'static str>), TransportError> {
    Ok(match body {
        Body::Empty => (None, None),
        Body::Json(json) => (Some(fill_json(json, &mut *secret)?), Some("application/json")),
        Body::Text(text) if has_placeholder(text) => {
            return Err(denied("plain text has no place for a secret; use a form or JSON"));
        }
        Body::Text(text) => (Some(text.clone()), Some("text/plain; charset=utf-8")),
        Body::Form(fields) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in fields {
                if has_placeholder(name) {
                    return Err(denied("a placeholder stands in the name of a form's field"));
                }
                form.append_pair(name, &fill(value, Encoding::Plain, &mut *secret)?);
            }
            (Some(form.finish()), Some("application/x-www-form-urlencoded"))
        }
    })
}

#[cfg(test)]
mod tests;
