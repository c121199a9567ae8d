//! Preparation of a request: checked against everything that the host does not allow, and its secrets put in.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use url::Url;

use super::denied;
use crate::bindings::http::{Body, Capture, CaptureTarget, Method, Request, TransportError};
use crate::descriptor::{SecretClass, SecretRules};
use crate::primitives::placeholder::{Encoding, Misplaced, fill, fill_json, fill_url, has_placeholder};
use crate::primitives::{Call, Endpoint, HttpRequest};
use crate::time::of_milliseconds;

/// The largest request body, in bytes.
pub(super) const LARGEST_REQUEST: usize = 64 << 10;

/// The longest URL, in bytes. Servers take about as much.
pub(in crate::primitives) const LONGEST_URL: usize = 8 << 10;

/// The largest headers, names and values of all together, in bytes. Servers take 8 to 16 KiB.
pub(super) const LARGEST_HEADERS: usize = 16 << 10;

/// Most headers, and most captures, of one request.
const MOST_HEADERS: usize = 64;

/// The most secrets that are put into one request.
pub(super) const MOST_SECRETS: usize = 16;

/// Headers that decide how a message is framed or encoded. With another encoding, or a part of the answer
/// only, a secret in it would not be found.
pub(super) const OURS: [&str; 13] = [
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

/// A request with its secrets in place, ready to be sent.
pub(super) struct Prepared {
    pub(super) request: HttpRequest,
    /// The names of the secrets that it carries.
    pub(super) carries: Vec<String>,
    /// Name of the endpoint that it goes to.
    pub(super) endpoint: String,
}

impl From<Misplaced> for TransportError {
    fn from(Misplaced(why): Misplaced) -> Self {
        Self::Denied(why)
    }
}

/// Checks a request against everything that the host does not allow, and puts the secrets in.
pub(super) fn prepare(call: &Call, request: &Request) -> Result<Prepared, TransportError> {
    check(request, &call.context.rules)?;
    // Found before secrets are put in: no secret may decide where a request goes.
    let template = Url::parse(&request.url);
    let template = template.map_err(|error| denied(format!("the URL is not valid: {error}")))?;
    let known = &call.context.endpoints;
    let endpoints = endpoints_of(&template, known)?;
    let mut carries = Vec::new();
    let mut secret = |name: &str| {
        if carries.len() == MOST_SECRETS {
            return Err(denied(format!("more than {MOST_SECRETS} secrets")));
        }
        let value = bound_secret(call, name, &endpoints)?;
        carries.push(name.to_owned());
        Ok(value)
    };

    let url = fill_url(&request.url, &mut secret)?;
    let names = |endpoints: &[&Endpoint]| endpoints.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    if names(&endpoints_of(&url, known)?) != names(&endpoints) {
        return Err(denied("with its secrets the URL leads to another endpoint"));
    }
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let parsed = HeaderName::try_from(name).map_err(|_| denied(format!("no header name: {name:?}")))?;
        if OURS.contains(&parsed.as_str()) {
            return Err(denied(format!("the header {name} is the host's")));
        }
        let value = HeaderValue::try_from(fill(value, Encoding::Plain, &mut secret)?)
            .map_err(|_| denied(format!("the value of the header {name} has characters that do not fit")))?;
        headers.append(parsed, value);
    }
    let (body, content_type) = fill_body(&request.body, &mut secret)?;
    if let Some(content_type) = content_type {
        headers.entry("content-type").or_insert(content_type);
    }

    let prepared = HttpRequest {
        method: request.method.into(),
        url,
        headers,
        body,
        timeout: request.timeout.map_or(USUAL_TIMEOUT, of_milliseconds).min(LONGEST_TIMEOUT),
        acts_on_vehicle: request.acts_on_vehicle,
    };
    let endpoint = endpoints.first().map(|endpoint| endpoint.name.clone()).unwrap_or_default();
    Ok(Prepared { request: prepared, carries, endpoint })
}

/// Checks what can be seen of a request before secrets are put in: whether it fits must not tell how long
/// they are.
fn check(request: &Request, rules: &SecretRules) -> Result<(), TransportError> {
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
            && rules.get(name).is_none_or(|rule| rule.capturable.is_none())
        {
            return Err(denied(format!("the secret {name} is not taken from answers")));
        }
    }
    Ok(())
}

/// The endpoints that a URL belongs to: same scheme, host and port, and below its path. There are several
/// when one server stands in for several services.
pub(in crate::primitives) fn endpoints_of<'k>(
    url: &Url,
    known: &'k [Endpoint],
) -> Result<Vec<&'k Endpoint>, TransportError> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(denied("the URL names a user"));
    }
    let below = |endpoint: &&Endpoint| {
        let base = endpoint.url.path().trim_end_matches('/');
        let rest = url.path().strip_prefix(base);
        endpoint.url.origin() == url.origin()
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let found: Vec<_> = known.iter().filter(below).collect();
    if found.is_empty() {
        let host = url.host_str().unwrap_or_default();
        return Err(denied(format!("{}://{host} is no endpoint of this account", url.scheme())));
    }
    Ok(found)
}

/// The value of a secret that may be sent to one of these endpoints.
fn bound_secret<'c>(call: &'c Call, name: &str, endpoints: &[&Endpoint]) -> Result<&'c str, TransportError> {
    let rule = call.context.rules.get(name);
    let is_bound = |endpoint: &&Endpoint| rule.is_some_and(|rule| rule.endpoints.contains(&endpoint.name));
    let Some(rule) = rule.filter(|_| endpoints.iter().any(is_bound)) else {
        let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
        return Err(denied(format!(
            "the secret {name} may not be sent to the endpoint {}",
            names.join(" or ")
        )));
    };
    match rule.class {
        SecretClass::Key => {
            return Err(denied(format!("the secret {name} is a key, which stands in derivations only")));
        }
        SecretClass::Pin(_) => {
            call.context.pin.may_offer(call.clock()).map_err(|why| denied(why.to_string()))?;
        }
        SecretClass::Identifier | SecretClass::Password | SecretClass::OneTimeCode | SecretClass::Token => {}
    }
    if let Some(most) = call.offers.used_up(name, &call.context) {
        return Err(denied(format!(
            "the secret {name} was sent with {most} requests of this call; it is not sent again"
        )));
    }
    let secret = call.secret(name).ok_or_else(|| denied(format!("this account has no {name}")))?;
    Ok(secret.expose_secret())
}

/// Returns the size of a body as the guest wrote it, in bytes.
fn size(body: &Body) -> usize {
    match body {
        Body::Empty => 0,
        Body::Json(text) | Body::Text(text) => text.len(),
        Body::Form(fields) => pairs_size(fields),
        Body::Bytes((_, bytes)) => bytes.len(),
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
) -> Result<(Option<Vec<u8>>, Option<HeaderValue>), TransportError> {
    let text = HeaderValue::from_static;
    Ok(match body {
        Body::Empty => (None, None),
        Body::Json(json) => {
            (Some(fill_json(json, &mut *secret)?.into_bytes()), Some(text("application/json")))
        }
        Body::Text(text) if has_placeholder(text) => {
            return Err(denied("plain text has no place for a secret; use a form or JSON"));
        }
        Body::Text(body) => (Some(body.clone().into_bytes()), Some(text("text/plain; charset=utf-8"))),
        Body::Bytes((media_type, bytes)) => {
            let media_type = HeaderValue::try_from(media_type)
                .map_err(|_| denied("the media type of the body has characters that do not fit"))?;
            (Some(bytes.clone()), Some(media_type))
        }
        Body::Form(fields) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in fields {
                if has_placeholder(name) {
                    return Err(denied("a placeholder stands in the name of a form's field"));
                }
                form.append_pair(name, &fill(value, Encoding::Plain, &mut *secret)?);
            }
            (Some(form.finish().into_bytes()), Some(text("application/x-www-form-urlencoded")))
        }
    })
}
