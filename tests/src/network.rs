//! Network between a host and a simulated cloud that share a process: virtual latency, and outages.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use simulator::{Cloud, End};
use tokio_util::sync::CancellationToken;
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::primitives::transport::Response;
use vehicle_connector::primitives::{HttpRequest, Transport};

use crate::trace::{Event, Fate, Request, Trace};

/// Part of the network that cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Nothing: all is well.
    Nothing,
    /// The service that gives tokens refuses connections.
    Tokens,
    /// Everything refuses connections.
    Everything,
}

/// Network from a host to a cloud. Once a request has left, it arrives, whether or not the host still waits.
#[derive(Debug)]
pub struct Network {
    cloud: Cloud,
    trace: Arc<Trace>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: fastrand::Rng,
    outage: Outage,
    /// Whether no request takes longer than a moment.
    calm: bool,
    requests: u64,
    /// The sets of tokens that were offered for others, by their refresh tokens.
    offered: HashMap<String, u64>,
    /// Cancelled when the process ends that has sent what is on its way.
    process: CancellationToken,
}

impl Network {
    /// Makes a network whose latencies follow from the seed.
    pub fn new(cloud: Cloud, trace: Arc<Trace>, seed: u64) -> Self {
        let state = State {
            rng: fastrand::Rng::with_seed(seed),
            outage: Outage::Nothing,
            calm: false,
            requests: 0,
            offered: HashMap::new(),
            process: CancellationToken::new(),
        };
        Self { cloud, trace, state: Mutex::new(state) }
    }

    /// Begins an outage, or ends it.
    pub fn set_outage(&self, outage: Outage) {
        self.state.lock().outage = outage;
    }

    /// Ends outages and long latencies: everything can be reached, and fast.
    pub fn calm_down(&self) {
        let mut state = self.state.lock();
        state.outage = Outage::Nothing;
        state.calm = true;
    }

    /// Lets requests take as long again as they do on a bad day.
    pub fn grow_rough(&self) {
        self.state.lock().calm = false;
    }

    /// Ends the process of the host, and with it every wait for an answer. Later requests are sent by another
    /// process.
    pub fn process_ends(&self) {
        std::mem::take(&mut self.state.lock().process).cancel();
    }

    /// Writes the request down, and draws how long it takes there and back.
    fn departs(&self, request: &HttpRequest, acts: bool) -> (Request, [Duration; 2]) {
        let mut state = self.state.lock();
        let number = state.requests;
        state.requests += 1;
        let latest = if state.calm { Duration::from_millis(80) } else { Duration::MAX };
        let latencies = [latency(&mut state.rng), latency(&mut state.rng)].map(|it| it.min(latest));
        let offers = refresh_token(request).map(|token| {
            let next = state.offered.len() as u64 + 1;
            *state.offered.entry(token).or_insert(next)
        });
        drop(state);
        let (method, path) = (request.method.to_string(), request.url.path().to_owned());
        let request = Request { number, method, path, acts, offers };
        self.trace.write(Event::Departed(request.clone()));
        (request, latencies)
    }

    async fn exchange(
        &self,
        request: HttpRequest,
        Request { number, acts, .. }: Request,
        [there, back]: [Duration; 2],
    ) -> Result<Response, TransportError> {
        tokio::time::sleep(there).await;
        self.trace.write(Event::Arrived(number));
        let request = for_cloud(request);
        let (cloud, trace) = (self.cloud.clone(), Arc::clone(&self.trace));
        // A task of its own: a server does not know that its client has lost patience.
        let answered = tokio::spawn(async move {
            let control = cloud.control();
            let mut exchange = pin!(cloud.exchange(request));
            poll_fn(|context| {
                let before = control.counters().total_actuations();
                let polled = exchange.as_mut().poll(context);
                if acts && control.counters().total_actuations() > before {
                    trace.write(Event::Acted(number));
                }
                polled
            })
            .await
        });
        let end = answered.await.unwrap();
        tokio::time::sleep(back).await;
        if let End::Answered(answer) = &end {
            self.learn_secrets(&answer.body);
        }
        of_cloud(end)
    }

    /// Keeps secret whatever the cloud gives out as a token.
    fn learn_secrets(&self, body: &str) {
        let Ok(document) = serde_json::from_str::<serde_json::Value>(body) else { return };
        for name in SECRET {
            if let Some(secret) = document.get(name).and_then(serde_json::Value::as_str) {
                self.trace.keep_secret(secret);
            }
        }
    }

    fn unreachable(&self, request: &Request) -> bool {
        match self.state.lock().outage {
            Outage::Nothing => false,
            Outage::Tokens => request.is_grant(),
            Outage::Everything => true,
        }
    }
}

/// A request as simulated clouds take it.
pub(crate) fn for_cloud(request: HttpRequest) -> simulator::Request<Vec<u8>> {
    let HttpRequest { method, url, headers, body, .. } = request;
    let mut request = simulator::Request::new(body.unwrap_or_default());
    *request.method_mut() = method;
    *request.uri_mut() = url.as_str().parse().unwrap();
    *request.headers_mut() = headers;
    request
}

/// What a host is told of the end that a simulated cloud gave a request.
pub(crate) fn of_cloud(end: End) -> Result<Response, TransportError> {
    match end {
        End::Answered(answer) => {
            let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
            let headers = answer.headers.into_iter().map(lower).collect();
            Ok(Response { status: answer.status, headers, body: answer.body.into_bytes() })
        }
        End::Dropped => Err(TransportError::Interrupted("the connection ended".to_owned())),
        End::Truncated(..) => Err(TransportError::Interrupted("the answer ended too early".to_owned())),
    }
}

/// Draws a latency: mostly what the internet takes; sometimes longer than any client waits.
fn latency(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(match rng.u8(..100) {
        0..10 => 0,
        10..90 => rng.u64(5..80),
        90..98 => rng.u64(80..2_000),
        98 => rng.u64(2_000..20_000),
        _ => rng.u64(20_000..60_000),
    })
}

impl Transport for Network {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let (patience, acts_on_vehicle) = (request.timeout, request.acts_on_vehicle);
            let (departed, latencies) = self.departs(&request, acts_on_vehicle);
            let mut waiting = Waiting { trace: &self.trace, number: departed.number, fate: Fate::Abandoned };
            if self.unreachable(&departed) {
                tokio::time::sleep(latencies[0].min(patience)).await;
                waiting.fate = Fate::NotSent;
                return Err(TransportError::NotSent("connection refused".to_owned()));
            }
            let process = self.state.lock().process.clone();
            let (is_grant, is_sign_in) = (departed.is_grant(), departed.is_sign_in());
            let exchange = self.exchange(request, departed, latencies);
            let answer = tokio::select! {
                biased;
                () = process.cancelled() => {
                    drop(waiting);
                    return std::future::pending().await;
                }
                answer = tokio::time::timeout(patience, exchange) => answer,
            };
            let answer =
                answer.unwrap_or_else(|_| Err(TransportError::Interrupted("no answer in time".to_owned())));
            if answer.as_ref().is_ok_and(gives_set) {
                self.trace.write(Event::SetGiven(waiting.number));
            }
            waiting.fate = match &answer {
                Ok(response) if is_grant && refuses_grant(response) => Fate::GrantRefused,
                Ok(response) if is_sign_in && leads_to(response, &["/user/authorization"]) => Fate::Asked,
                Ok(response)
                    if is_sign_in && leads_to(response, &["/redirect?error=", "/oauth2/authorize"]) =>
                {
                    Fate::GrantRefused
                }
                Ok(response) => Fate::Answered(response.status, retry_after(response)),
                Err(_) => Fate::Interrupted,
            };
            answer
        })
    }
}

/// Whether the service itself refuses the refresh token, and not something on the way to it.
fn refuses_grant(response: &Response) -> bool {
    let document = serde_json::from_slice::<serde_json::Value>(&response.body).unwrap_or_default();
    let of_provider = response.status == 400 && document["retCode"] == 7501;
    let of_token_service = response.status == 401 && (document["code"] == 4111 || document["code"] == 9013);
    of_provider || of_token_service
}

/// Whether a sign-in is answered with the way to one of these places.
fn leads_to(response: &Response, places: &[&str]) -> bool {
    let location = response.headers.iter().find(|(name, _)| name == "location");
    location.is_some_and(|(_, location)| places.iter().any(|place| location.contains(place)))
}

/// The refresh token with which another set of tokens is asked for.
fn refresh_token(request: &HttpRequest) -> Option<String> {
    let path = request.url.path();
    let document: serde_json::Value =
        serde_json::from_slice(request.body.as_deref().filter(|_| path.ends_with("/token-refresh"))?).ok()?;
    Some(document.get("refreshToken")?.as_str()?.to_owned())
}

/// Whether all of a set of seven tokens are in an answer.
fn gives_set(response: &Response) -> bool {
    let has = |document: &serde_json::Value| SECRET[3..].iter().all(|name| document[name].is_string());
    response.status == 200 && serde_json::from_slice(&response.body).is_ok_and(|document| has(&document))
}

/// Fields of answers that hold tokens, the last seven of them those of a set.
const SECRET: [&str; 10] = [
    "access_token",
    "refresh_token",
    "controlToken",
    "accessToken",
    "refreshToken",
    "exchangeableAccessToken",
    "exchangeableRefreshToken",
    "nonCcsToken",
    "nonCcsRefreshToken",
    "idToken",
];

fn retry_after(response: &Response) -> Option<u64> {
    let header = response.headers.iter().find(|(name, _)| name == "retry-after");
    header.and_then(|(_, value)| value.parse().ok())
}

/// Writes down how a request has ended, however that comes.
struct Waiting<'a> {
    trace: &'a Trace,
    number: u64,
    fate: Fate,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.trace.write(Event::Ended(self.number, self.fate.clone()));
    }
}
