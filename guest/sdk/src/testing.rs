//! A host in memory, for tests that run as ordinary programs.
//!
//! ```
//! use vehicle_connector_sdk::prelude::*;
//! use vehicle_connector_sdk::testing::FakeHost;
//!
//! let host = FakeHost::new();
//! host.answers(200, &json!({ "access_token": "abc", "expires_in": 3600 }));
//!
//! let answer = oauth::refresh("http://cloud/token").send(Phase::Refresh).unwrap();
//! let grant = oauth::grant(answer, "").unwrap();
//! assert_eq!(grant.expires_in, Some(3600));
//! assert_eq!(host.sent(), ["POST http://cloud/token grant_type=refresh_token&refresh_token={secret:refresh-token}"]);
//! assert_eq!(host.secret("access-token").as_deref(), Some("abc"));
//! ```
//!
//! It does with captures what the real one does: the connector sees `{secret:access-token}` and
//! `{private:0}`, so a capture that is forgotten shows. Once it has made an account it denies what the
//! manifest does not want: a secret that is sent elsewhere, a capture of one that the cloud does not give
//! out. It enforces no limits, puts no secrets into requests and computes no derived values: requests are
//! recorded as the connector wrote them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::connector::{Account, Configured, Endpoint, Manifest};
use crate::http::{Body, Request, Response, TransportError};
use crate::lock::{Cell, LockError};
use grants::Grants;

mod captures;
mod grants;
pub mod plain;
pub(crate) mod primitives;

/// When a [`FakeHost`] begins, in seconds: 2023-11-14T22:13:20Z.
pub const NOW: u64 = 1_700_000_000;

/// What the cloud does with a request.
type Answering = dyn FnMut(&Request) -> Result<Response, TransportError>;

/// The host that the primitives of this thread reach.
struct State {
    script: VecDeque<Result<Response, TransportError>>,
    cloud: Option<Box<Answering>>,
    requests: Vec<Request>,
    /// Values, and when each was committed.
    cells: BTreeMap<String, (Cell, u64)>,
    /// The last generation of each cell, also of one that was forgotten.
    generations: BTreeMap<String, u64>,
    held: BTreeSet<String>,
    lock_failures: VecDeque<LockError>,
    secrets: BTreeMap<String, String>,
    /// None until an account was made.
    grants: Option<Grants>,
    marks: usize,
    /// Milliseconds since the epoch.
    now: u64,
    /// When the host started, on the same clock.
    started: u64,
    slept: u32,
    random: u64,
    lines: Vec<String>,
    messages: Vec<(String, Vec<u8>, bool)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            script: VecDeque::new(),
            cloud: None,
            requests: Vec::new(),
            cells: BTreeMap::new(),
            generations: BTreeMap::new(),
            held: BTreeSet::new(),
            lock_failures: VecDeque::new(),
            secrets: BTreeMap::new(),
            grants: None,
            marks: 0,
            now: NOW * 1_000,
            started: NOW * 1_000,
            slept: 0,
            random: 0,
            lines: Vec::new(),
            messages: Vec::new(),
        }
    }
}

thread_local! {
    static HOST: RefCell<State> = RefCell::default();
}

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    HOST.with_borrow_mut(act)
}

/// A host in memory, for the thread that made it. A new one replaces the one before.
#[derive(Debug)]
#[non_exhaustive]
pub struct FakeHost;

impl Default for FakeHost {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeHost {
    /// A host that nothing has happened to, at [`NOW`], whose cloud answers nothing.
    #[must_use]
    pub fn new() -> Self {
        with(|state| *state = State::default());
        Self
    }

    /// Adds an answer with a JSON body to what the cloud will say, in order.
    pub fn answers(&self, status: u16, body: &Value) {
        self.says(Ok(response(status, &[("content-type", "application/json")], &body.to_string())));
    }

    /// Adds an answer to what the cloud will say, in order.
    pub fn answers_with(&self, response: Response) {
        self.says(Ok(response));
    }

    /// Adds a request without an answer.
    pub fn fails(&self, error: TransportError) {
        self.says(Err(error));
    }

    fn says(&self, said: Result<Response, TransportError>) {
        with(|state| state.script.push_back(said));
    }

    /// Has `cloud` answer whatever nothing was scripted for. It is not to call the host.
    pub fn cloud(&self, cloud: impl FnMut(&Request) -> Result<Response, TransportError> + 'static) {
        with(|state| state.cloud = Some(Box::new(cloud)));
    }

    /// The requests since this was called last, as the connector wrote them.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        with(|state| std::mem::take(&mut state.requests))
    }

    /// The same, for reading: method, URL and body.
    #[must_use]
    pub fn sent(&self) -> Vec<String> {
        self.requests().iter().map(in_words).collect()
    }

    /// How many scripted answers nobody has asked for.
    #[must_use]
    pub fn unasked(&self) -> usize {
        with(|state| state.script.len())
    }

    /// The value of a secret that was captured or made.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<String> {
        with(|state| state.secrets.get(name).cloned())
    }

    /// Commits a value to a cell.
    pub fn commit(&self, name: &str, value: &str) {
        with(|state| state.commit(name, value));
    }

    /// The cell of this name.
    #[must_use]
    pub fn cell(&self, name: &str) -> Option<Cell> {
        with(|state| state.cell(name))
    }

    /// Forgets a cell's value, as a policy may want it. Its generations count on.
    pub fn discard(&self, name: &str) {
        with(|state| state.cells.remove(name));
    }

    /// Has the next acquisition of a cell fail.
    pub fn lock_fails(&self, error: LockError) {
        with(|state| state.lock_failures.push_back(error));
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&self, milliseconds: u64) {
        with(|state| state.now += milliseconds);
    }

    /// Starts the host anew: what it stores stays, and its monotonic clock begins again.
    pub fn restarts(&self) {
        with(|state| state.started = state.now);
    }

    /// The lines of the log.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        with(|state| state.lines.clone())
    }

    /// The messages of the connector's own: topic, payload, and whether it is retained.
    #[must_use]
    pub fn messages(&self) -> Vec<(String, Vec<u8>, bool)> {
        with(|state| state.messages.clone())
    }

    /// An account of `brand` that has been given all that the manifest wants: its endpoints, at
    /// `http://NAME.test`, the secrets that a configuration can have, and the defaults of its settings. It is in
    /// the region of the first endpoint that is in any.
    #[must_use]
    pub fn account(&self, manifest: &Manifest, brand: &str) -> Account {
        let first = manifest.wants.endpoints.iter().find_map(|endpoint| endpoint.region.clone());
        self.account_in(manifest, &first.unwrap_or_default(), brand)
    }

    /// The same in a region.
    #[must_use]
    pub fn account_in(&self, manifest: &Manifest, region: &str, brand: &str) -> Account {
        with(|state| state.grants = Some(Grants::of(manifest)));
        let wants = &manifest.wants;
        let names: BTreeSet<_> = wants
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.brand.as_deref().is_none_or(|its| its == brand))
            .filter(|endpoint| endpoint.region.as_deref().is_none_or(|its| its == region))
            .map(|endpoint| endpoint.name.clone())
            .collect();
        let secrets = wants.secrets.iter().filter(|secret| secret.configured != Configured::Never);
        let settings = wants.settings.iter();
        Account {
            id: "family".into(),
            brand: brand.into(),
            region: region.into(),
            language: "en".into(),
            endpoints: names.into_iter().map(|name| Endpoint { url: url_of(&name), name }).collect(),
            secrets: secrets.map(|secret| secret.name.clone()).collect(),
            settings: settings
                .filter_map(|setting| Some((setting.name.clone(), setting.default.clone()?)))
                .collect(),
        }
    }
}

impl State {
    fn cell(&self, name: &str) -> Option<Cell> {
        let (cell, at) = self.cells.get(name)?;
        let age = u32::try_from(self.now.saturating_sub(*at)).unwrap_or(u32::MAX);
        Some(Cell { age, ..cell.clone() })
    }

    fn commit(&mut self, name: &str, value: &str) -> u64 {
        let last = self.generations.entry(name.to_owned()).or_default();
        *last += 1;
        let generation = *last;
        let cell = Cell { generation, value: value.to_owned(), age: 0 };
        self.cells.insert(name.to_owned(), (cell, self.now));
        generation
    }
}

/// An answer with these headers and this body.
#[must_use]
pub fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.as_bytes().to_vec() }
}

/// The value of a header that a request has.
#[must_use]
pub fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let found = request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// The placeholders in a request, without braces and in order: `secret:pin`, `vehicle:vin`, `derived:stamp`.
#[must_use]
pub fn placeholders(request: &Request) -> Vec<String> {
    let headers = request.headers.iter().map(|(_, value)| value.clone());
    let text: String = [request.url.clone()].into_iter().chain(headers).chain([body(request)]).collect();
    names_in(&text)
}

fn names_in(text: &str) -> Vec<String> {
    let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let known = |name: &&str| ["secret:", "vehicle:", "derived:"].iter().any(|kind| name.starts_with(kind));
    names.map(|(name, _)| name).filter(known).map(str::to_owned).collect()
}

fn url_of(endpoint: &str) -> String {
    format!("http://{endpoint}.test")
}

fn in_words(request: &Request) -> String {
    let method = format!("{:?}", request.method).trim_start_matches("Method::").to_uppercase();
    format!("{method} {} {}", request.url, body(request)).trim_end().to_owned()
}

fn body(request: &Request) -> String {
    match &request.body {
        Body::Empty => String::new(),
        Body::Json(text) | Body::Text(text) => text.clone(),
        Body::Form(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            fields.join("&")
        }
        Body::Bytes((kind, bytes)) => format!("{} bytes of {kind}", bytes.len()),
    }
}

#[cfg(test)]
mod tests;
