//! Preparation of a request: checked against everything that the host does not allow, and its secrets put in.

use std::time::Duration;

use http::header::HeaderMap;
use url::Url;

use super::filling::Filling;
use super::{MOST_JARS, denied, derivations};
use crate::bindings::http::{Body, Capture, CaptureTarget, Method, Request, TransportError};
use crate::cell::Secrets;
use crate::descriptor::{SecretRules, is_name};
use crate::primitives::derivation::{DerivationError, Derived, Plan};
use crate::primitives::placeholder::Misplaced;
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

/// The largest size of all secret derived values of one call, in bytes and at worst. Every answer is searched for each
/// of them, which takes a hundred times as much memory.
pub(super) const MOST_DERIVED: u64 = 1 << 20;

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
    /// Derived values with secrets in them, by name.
    pub(super) derived: Secrets,
    /// Their size at worst, in bytes.
    pub(super) derived_size: u64,
    /// Names of the endpoints that it goes to: several when one server stands in for several services.
    pub(super) endpoints: Vec<String>,
}

impl From<DerivationError> for TransportError {
    fn from(error: DerivationError) -> Self {
        Self::Denied(error.to_string())
    }
}

impl From<Misplaced> for TransportError {
    fn from(Misplaced(why): Misplaced) -> Self {
        Self::Denied(why)
    }
}

/// Checks a request against everything that the host does not allow, and puts the values in.
pub(super) fn prepare(call: &Call, request: &Request) -> Result<Prepared, TransportError> {
    check(request, &call.context.rules)?;
    if request.jar.as_ref().is_some_and(|jar| !call.jars.contains_key(jar)) && call.jars.len() >= MOST_JARS {
        return Err(denied(format!("more than {MOST_JARS} cookie jars in one call")));
    }
    // Found before secrets are put in: no secret may decide where a request goes.
    let template = Url::parse(&request.url);
    let template = template.map_err(|error| denied(format!("the URL is not valid: {error}")))?;
    let known = &call.context.endpoints;
    let endpoints = endpoints_of(&template, known)?;
    let now = call.clock().now();
    let jar = request.jar.as_ref().and_then(|name| call.jars.get(name));
    let cookies = jar.and_then(|jar| jar.cookie_header(&template, now));
    let mut filling = Filling { call, request, endpoints, cookies };

    let derivations = derivations::of(&request.derivations);
    let outline = filling.outline();
    let plan = Plan::new(&derivations, &outline)?;
    check_seals(call, &plan)?;
    let derived_size = plan.secret_size();
    if call.derived_size.saturating_add(derived_size) > MOST_DERIVED {
        return Err(denied(format!(
            "what this call derives from secrets may become larger than {MOST_DERIVED} bytes"
        )));
    }
    let carries = filling.carries(&plan)?;
    let entropy = &call.context.entropy;
    let Derived { values, body } = plan.evaluate(&mut filling, now, &mut |bytes| entropy.fill(bytes))?;

    let url = filling.url(&values)?;
    let names = |endpoints: &[&Endpoint]| endpoints.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let endpoints = names(&filling.endpoints);
    if names(&endpoints_of(&url, known)?) != endpoints {
        return Err(denied("with its values the URL leads to another endpoint"));
    }
    let body = match body {
        Some(body) => Some(body.to_vec()).filter(|_| request.body != Body::Empty),
        None => filling.filled_body(&values)?,
    };
    let headers = filling.headers(&values)?.into_iter();
    let mut all = HeaderMap::with_capacity(headers.len());
    headers.for_each(|(name, value)| {
        all.append(name, value);
    });
    let request = HttpRequest {
        method: request.method.into(),
        url,
        headers: all,
        body,
        timeout: request.timeout.map_or(USUAL_TIMEOUT, of_milliseconds).min(LONGEST_TIMEOUT),
        acts_on_vehicle: request.acts_on_vehicle,
    };
    let is_secret = |name: &str| plan.ingredients(name).is_some_and(|made_of| !made_of.is_public());
    let derived = values.iter().filter(|(name, _)| is_secret(name));
    let derived = derived.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    Ok(Prepared { request, carries, derived, derived_size, endpoints })
}

/// Checks that what is sealed goes to where its key has come from. Else a connector could have a server of its
/// own hand out the key, and read what was sealed with it.
fn check_seals(call: &Call, plan: &Plan<'_>) -> Result<(), TransportError> {
    for (key, made_of) in plan.sealed() {
        let Some(captured) = call.public_keys.get(key) else { continue };
        for name in made_of.keys.union(&made_of.secrets) {
            let bound = call.context.rules.get(name).map(|rule| &rule.endpoints);
            if !bound.is_some_and(|bound| bound.iter().any(|it| captured.endpoints.contains(it))) {
                return Err(denied(format!(
                    "the secret {name} is not sealed with the public key {key}, which has come from elsewhere"
                )));
            }
        }
    }
    Ok(())
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
    if request.jar.is_some() && request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
        return Err(denied("the cookies of a request with a jar are the host's"));
    }
    if request.jar.as_ref().is_some_and(|name| !is_name(name)) {
        return Err(denied("the name of a jar consists of 1 to 64 of a-z, 0-9 and \"-\""));
    }
    if size(&request.body) > LARGEST_REQUEST {
        return Err(denied(format!("the body is larger than {LARGEST_REQUEST} bytes")));
    }
    for Capture { target, .. } in &request.captures {
        if let CaptureTarget::Secret(name) = target
            && rules.get(name).is_none_or(|rule| !rule.is_capturable())
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
