//! Requests for guests.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use url::Url;

use super::capture::Incoming;
use super::placeholder::{Encoding, fill};
use super::{Call, ConnectorCx, Endpoint, transport};
use crate::bindings::http::{Body, Host, Method, Request, Response, TransportError};

/// The largest request body, in bytes.
const LARGEST_REQUEST: usize = 64 << 10;

/// The most headers, and the most captures, of one request.
const MOST_HEADERS: usize = 64;

/// How long a request may take if it does not say.
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a request may take at most: a legacy forced read waits for the car that long.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);

/// The secret that the host stops sending for good once it was refused.
pub(crate) const PIN: &str = "pin";

/// A request with its secrets in place, ready to be sent.
struct Prepared {
    request: reqwest::Request,
    /// The names of the secrets that it carries.
    carries: Vec<String>,
}

fn denied(why: impl Into<String>) -> TransportError {
    TransportError::Denied(why.into())
}

impl Host for ConnectorCx {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, TransportError>> {
        Ok(self.call.send(request).await)
    }
}

impl Call {
    async fn send(&mut self, request: Request) -> Result<Response, TransportError> {
        let Prepared { request: prepared, carries } = self.prepare(&request)?;
        if request.acts_on_vehicle && !self.allowance.may_act() {
            return Err(denied("an earlier request of this operation may have moved the vehicle"));
        }
        self.allowance.take_send().map_err(denied)?;
        if request.acts_on_vehicle
            && let Err(error) = self.allowance.write_down().await
        {
            return Err(denied(format!("it could not be written down that the command is sent: {error}")));
        }
        let answer = match request.acts_on_vehicle {
            true => self.send_acting(prepared).await,
            false => self.surroundings.transport.send(prepared, false).await,
        };
        let transport::Response { status, headers, body } = answer?;
        let captured_before = self.captured.len();
        let Incoming { headers, body } =
            self.receive(Incoming { headers, body }, &request.captures, &carries);
        if carries.iter().any(|name| name == PIN) {
            self.surroundings.pin.answered(status, self.captured.len() > captured_before);
        }
        Ok(Response { status, headers, body })
    }

    /// Sends a request on which the vehicle may act. Until it is back nobody knows whether it did: the caller's time may
    /// be over, or the host may stop, while it is under way, and then nothing here is reached any more.
    async fn send_acting(
        &mut self,
        request: reqwest::Request,
    ) -> Result<transport::Response, TransportError> {
        let acted_before = std::mem::replace(&mut self.acted, true);
        let operation_before = self.allowance.begin_act();
        let answer = self.surroundings.transport.send(request, true).await;
        match &answer {
            Ok(_) => self.allowance.answered(operation_before),
            Err(TransportError::NotSent(_) | TransportError::Denied(_)) => {
                self.acted = acted_before;
                self.allowance.take_back_act(operation_before);
            }
            Err(_) => {}
        }
        answer
    }

    /// Checks a request against everything that the host does not allow, and puts the secrets in.
    fn prepare(&self, request: &Request) -> Result<Prepared, TransportError> {
        if request.headers.len() > MOST_HEADERS || request.captures.len() > MOST_HEADERS {
            return Err(denied(format!("more than {MOST_HEADERS} headers or captures")));
        }
        // Found before secrets are put in: no secret may decide where a request goes.
        let endpoints = self.endpoints(&request.url)?;
        let mut carries = Vec::new();
        let mut fill = |template: &str, encoding| {
            fill(template, encoding, |name| {
                let value = self.bound_secret(name, &endpoints)?;
                carries.push(name.to_owned());
                Ok(value)
            })
        };

        let url = fill(&request.url, Encoding::Url)?;
        let url = Url::parse(&url).map_err(|error| denied(format!("the URL is not valid: {error}")))?;
        let mut headers = HeaderMap::with_capacity(request.headers.len());
        for (name, value) in &request.headers {
            let parsed =
                HeaderName::try_from(name).map_err(|_| denied(format!("no header name: {name:?}")))?;
            if matches!(parsed.as_str(), "host" | "content-length" | "connection" | "transfer-encoding") {
                return Err(denied(format!("the header {name} is the host's")));
            }
            let value = HeaderValue::try_from(fill(value, Encoding::Plain)?).map_err(|_| {
                denied(format!("the value of the header {name} has characters that do not fit"))
            })?;
            headers.append(parsed, value);
        }
        let (body, content_type) = match &request.body {
            Body::Empty => (None, None),
            Body::Json(json) => (Some(fill(json, Encoding::Json)?), Some("application/json")),
            Body::Text(text) => (Some(fill(text, Encoding::Plain)?), Some("text/plain; charset=utf-8")),
            Body::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(name, &fill(value, Encoding::Plain)?);
                }
                (Some(form.finish()), Some("application/x-www-form-urlencoded"))
            }
        };
        if body.as_ref().is_some_and(|body| body.len() > LARGEST_REQUEST) {
            return Err(denied(format!("the body is larger than {LARGEST_REQUEST} bytes")));
        }
        if let Some(content_type) = content_type {
            headers.entry("content-type").or_insert(HeaderValue::from_static(content_type));
        }

        let mut prepared = reqwest::Request::new(request.method.into(), url);
        *prepared.headers_mut() = headers;
        *prepared.body_mut() = body.map(Into::into);
        let timeout = request.timeout.map_or(USUAL_TIMEOUT, Duration::from_millis).min(LONGEST_TIMEOUT);
        *prepared.timeout_mut() = Some(timeout);
        Ok(Prepared { request: prepared, carries })
    }

    /// The endpoints that a URL belongs to: same scheme, host and port, and below its path. There are several when
    /// one server stands in for several services.
    fn endpoints(&self, url: &str) -> Result<Vec<&Endpoint>, TransportError> {
        let url = Url::parse(url).map_err(|error| denied(format!("the URL is not valid: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(denied("the URL names a user"));
        }
        let below = |endpoint: &&Endpoint| {
            let base = endpoint.url.path().trim_end_matches('/');
            let rest = url.path().strip_prefix(base);
            endpoint.url.origin() == url.origin()
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found: Vec<_> = self.surroundings.endpoints.iter().filter(below).collect();
        if found.is_empty() {
            let host = url.host_str().unwrap_or_default();
            return Err(denied(format!("{}://{host} is no endpoint of this account", url.scheme())));
        }
        Ok(found)
    }

    /// The value of a secret that may be sent to one of these endpoints.
    fn bound_secret(&self, name: &str, endpoints: &[&Endpoint]) -> Result<&str, TransportError> {
        let bound = self.surroundings.bindings.get(name);
        if !bound.is_some_and(|bound| endpoints.iter().any(|endpoint| bound.contains(&endpoint.name))) {
            let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
            return Err(denied(format!(
                "the secret {name} may not be sent to the endpoint {}",
                names.join(" or ")
            )));
        }
        if name == PIN && self.surroundings.pin.is_refused() {
            return Err(denied(
                "this PIN was refused, or sent three times without success; it is not sent again",
            ));
        }
        let secret = self.secret(name).ok_or_else(|| denied(format!("this account has no {name}")))?;
        Ok(secret.expose_secret())
    }
}

impl From<Method> for reqwest::Method {
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use super::*;
    use crate::cell::{Cells, Secrets};
    use crate::outbox::{Outbox, Outgoing};
    use crate::primitives::{Allowance, HttpClient, PinGuard, Surroundings};
    use crate::slot::Digest;
    use crate::store::{MemoryStore, Store};
    use crate::time::{Clock, SystemClock};

    #[derive(Debug)]
    struct Nobody;

    impl Outbox for Nobody {
        fn publish(&self, _message: Outgoing) {}
    }

    async fn call() -> Call {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let endpoint =
            |name: &str, url: &str| Endpoint { name: name.to_owned(), url: Url::parse(url).unwrap() };
        let bound = |endpoint: &str| BTreeSet::from([endpoint.to_owned()]);
        let surroundings = Surroundings {
            account: "home".to_owned(),
            endpoints: vec![
                endpoint("ccapi", "https://cars.example:8080/base"),
                endpoint("idp", "https://idp.example"),
            ],
            secrets: Secrets::from([
                ("pin".to_owned(), "1234".into()),
                ("refresh-token".to_owned(), "R/\r\n\"x\"".into()),
            ]),
            bindings: BTreeMap::from([
                ("pin".to_owned(), bound("ccapi")),
                ("refresh-token".to_owned(), bound("idp")),
                ("access-token".to_owned(), bound("ccapi")),
            ]),
            cells: Cells::open("home", [], &store, &clock).await.unwrap(),
            transport: Arc::new(HttpClient::new().unwrap()),
            clock,
            outbox: Arc::new(Nobody),
            topic_prefix: "b/account/home/connector/".to_owned(),
            pin: PinGuard::open("home", Digest::of(b""), &store).await.unwrap(),
        };
        Call::new(
            Arc::new(surroundings),
            Arc::new(Allowance::new(1)),
            "test".to_owned(),
            crate::cell::Snapshot::default(),
        )
    }

    fn get(url: &str) -> Request {
        Request {
            method: Method::Get,
            url: url.to_owned(),
            headers: Vec::new(),
            body: Body::Empty,
            captures: Vec::new(),
            timeout: None,
            acts_on_vehicle: false,
        }
    }

    fn why_denied(call: &Call, request: &Request) -> String {
        match call.prepare(request) {
            Err(TransportError::Denied(why)) => why,
            Err(other) => unreachable!("{other:?}"),
            Ok(prepared) => unreachable!("allowed: {:?}", prepared.request),
        }
    }

    #[tokio::test]
    async fn only_the_endpoints_of_the_account_are_reached() {
        let call = call().await;
        for url in
            ["https://cars.example:8080/base", "https://cars.example:8080/base/x", "https://idp.example/"]
        {
            assert!(call.prepare(&get(url)).is_ok(), "{url}");
        }
        for url in [
            "https://cars.example/base",
            "http://cars.example:8080/base",
            "https://cars.example:8080/",
            "https://cars.example:8080/base/../admin",
            "https://cars.example:8080/baseball",
            "https://evil.example/base",
            "https://idp.example@evil.example/",
            "https://user:word@idp.example/",
            "https://idp.example.evil.example/",
            "file:///etc/passwd",
            "idp.example",
            "",
        ] {
            assert!(!why_denied(&call, &get(url)).is_empty(), "{url}");
        }
        // A secret decides nothing about where a request goes.
        why_denied(&call, &get("https://{secret:pin}.example/"));
    }

    #[tokio::test]
    async fn a_secret_goes_only_to_the_endpoint_that_it_is_bound_to() {
        let call = call().await;
        let with_body = |url: &str, body: &str| Request { body: Body::Json(body.to_owned()), ..get(url) };
        let pin = r#"{"pin":"{secret:pin}"}"#;
        let prepared = call.prepare(&with_body("https://cars.example:8080/base/pin", pin)).unwrap();
        let body = prepared.request.body().and_then(reqwest::Body::as_bytes).unwrap();
        assert_eq!(body, br#"{"pin":"1234"}"#);
        assert_eq!(prepared.carries, ["pin"]);

        let why = why_denied(&call, &with_body("https://idp.example/pin", pin));
        assert_eq!(why, "the secret pin may not be sent to the endpoint idp");
        assert!(why_denied(&call, &get("https://idp.example/?t={secret:nothing}")).contains("nothing"));
        assert!(
            why_denied(&call, &get("https://cars.example:8080/base?t={secret:access-token}"))
                .contains("no access-token")
        );
    }

    #[tokio::test]
    async fn a_secret_stays_one_value_wherever_it_is_put() {
        let call = call().await;
        let prepared = call.prepare(&get("https://idp.example/{secret:refresh-token}?a=b")).unwrap();
        assert_eq!(prepared.request.url().as_str(), "https://idp.example/R%2F%0D%0A%22x%22?a=b");
        let in_header = Request {
            headers: vec![("authorization".to_owned(), "Bearer {secret:refresh-token}".to_owned())],
            ..get("https://idp.example/")
        };
        let why = why_denied(&call, &in_header);
        assert!(why.contains("authorization") && !why.contains("R/"), "{why}");
        for name in ["Host", "content-length", "Connection", "bad name"] {
            let headers = vec![(name.to_owned(), "x".to_owned())];
            why_denied(&call, &Request { headers, ..get("https://idp.example/") });
        }
    }

    #[tokio::test]
    async fn a_refused_pin_is_not_put_into_any_request() {
        let call = call().await;
        call.surroundings.pin.refuse(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        let why = why_denied(&call, &get("https://cars.example:8080/base?pin={secret:pin}"));
        assert!(why.contains("refused"), "{why}");
    }
}
