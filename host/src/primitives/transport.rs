//! The way to vendors' clouds: the one place where a request leaves the host.
//!
//! A transport protects nothing. What a request may and may not do was decided before it comes here; see
//! `http`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Method;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect;
use url::Url;

pub use super::resolver::{Lookup, SystemLookup};
use super::resolver::{Refused, Resolver};
use crate::bindings::http::TransportError;
use crate::descriptor::Network;

/// The largest response body, in bytes.
pub const LARGEST_RESPONSE: usize = 1 << 20;

/// Longest time that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A request as it leaves, with secrets and private values in it.
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Target of the request.
    pub url: Url,
    /// The headers in order.
    pub headers: HeaderMap,
    /// The body, if it has one.
    pub body: Option<Vec<u8>>,
    /// Longest time that the whole exchange may take.
    pub timeout: Duration,
    /// Whether the vehicle may act on it.
    pub acts_on_vehicle: bool,
}

impl fmt::Debug for HttpRequest {
    /// URL, headers and body may hold secrets and are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, acts_on_vehicle, .. } = self;
        let mut shown = f.debug_struct("HttpRequest");
        shown.field("method", method).field("acts_on_vehicle", acts_on_vehicle).finish_non_exhaustive()
    }
}

impl From<HttpRequest> for reqwest::Request {
    fn from(HttpRequest { method, url, headers, body, timeout, acts_on_vehicle: _ }: HttpRequest) -> Self {
        let mut request = Self::new(method, url);
        *request.headers_mut() = headers;
        *request.body_mut() = body.map(Into::into);
        *request.timeout_mut() = Some(timeout);
        request
    }
}

/// An answer as it came, with secrets and private values in it.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body in its content coding, at most [`LARGEST_RESPONSE`] bytes.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    /// Headers and body may hold tokens and are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Transport of requests. The seam where a simulated cloud can take the place of the network.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request and waits for its whole answer, for as long as its timeout says. Follows no
    /// redirect and repeats nothing.
    ///
    /// A request that acts on a vehicle must not go over a connection that was used before: when such a
    /// connection is reset, whether the server has seen the request is unknown.
    ///
    /// The caller may drop the future; the request may have its effect all the same.
    ///
    /// # Errors
    ///
    /// [`TransportError::NotSent`] only when the server certainly has not seen the request;
    /// [`TransportError::Interrupted`] otherwise, and for an answer that is too large.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>>;
}

/// This system cannot verify servers.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NoClient(String);

/// Transport over the network.
#[derive(Debug, Clone)]
pub struct HttpClient {
    ordinary: reqwest::Client,
    /// Client for requests that act on a vehicle: a new connection each. On a connection that waited in a
    /// pool, a reset may only mean that the server was tired of waiting, and the host could not tell whether
    /// it acted.
    unpooled: reqwest::Client,
}

impl HttpClient {
    /// Makes the clients. They connect to no name that leads to a private network or to this machine, unless
    /// the configuration says that it may.
    ///
    /// # Errors
    ///
    /// When this system has no certificates to verify servers with.
    pub fn new(network: &Network) -> Result<Self, NoClient> {
        Self::with_lookup(network, Arc::new(SystemLookup))
    }

    /// Makes the clients with `lookup` in place of the system's resolver.
    ///
    /// # Errors
    ///
    /// When this system has no certificates to verify servers with.
    pub fn with_lookup(network: &Network, lookup: Arc<dyn Lookup>) -> Result<Self, NoClient> {
        let resolver = Arc::new(Resolver::new(lookup, network.private_hosts.clone()));
        // Fails only if another part of the process has already chosen a provider, which is as good.
        let _already_chosen = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .dns_resolver(Arc::clone(&resolver))
                .connect_timeout(CONNECT_TIMEOUT)
                // The only coding that the host undoes, see `content`.
                .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]))
                // Secrets go to the configured endpoints and nowhere else, whatever the environment says.
                .no_proxy()
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .http1_only()
        };
        let no_client = |error: reqwest::Error| NoClient(error.to_string());
        let ordinary = builder().build().map_err(no_client)?;
        let unpooled = builder().pool_max_idle_per_host(0).build().map_err(no_client)?;
        Ok(Self { ordinary, unpooled })
    }

    async fn exchange(
        client: &reqwest::Client,
        request: reqwest::Request,
    ) -> Result<Response, TransportError> {
        let mut response = client.execute(request).await.map_err(|error| transport_error(&error))?;
        let status = response.status().as_u16();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_RESPONSE => {
                    body.extend_from_slice(&chunk)
                }
                Ok(Some(_)) => {
                    let why = format!("the answer is larger than {LARGEST_RESPONSE} bytes");
                    return Err(TransportError::Interrupted(why));
                }
                Ok(None) => return Ok(Response { status, headers, body }),
                Err(error) => return Err(transport_error(&error)),
            }
        }
    }
}

impl Transport for HttpClient {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        let client = if request.acts_on_vehicle { &self.unpooled } else { &self.ordinary };
        Box::pin(Self::exchange(client, request.into()))
    }
}

/// Returns what became of a request that has no answer. Only a connection that was never made is certainly
/// not sent.
fn transport_error(error: &reqwest::Error) -> TransportError {
    let mut why = String::new();
    // The outermost text of reqwest's errors names the URL, which may carry a secret.
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            // Not denied: what a name resolves to may change, as when a portal stands before the internet or
            // a machine comes home. A policy may ask again, within what it may spend, and a circuit counts
            // it.
            return TransportError::NotSent(refused.to_string());
        }
        if !why.is_empty() {
            why.push_str(": ");
        }
        why.push_str(&error.to_string());
        cause = error.source();
    }
    if error.is_builder() {
        TransportError::Denied(why)
    } else if error.is_connect() {
        TransportError::NotSent(if why.is_empty() { "no connection".into() } else { why })
    } else if error.is_timeout() {
        TransportError::Interrupted("no answer in time".into())
    } else {
        TransportError::Interrupted(if why.is_empty() { "the connection ended".into() } else { why })
    }
}

#[cfg(test)]
mod tests;
