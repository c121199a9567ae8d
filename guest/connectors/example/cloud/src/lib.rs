//! The cloud of Acme, which does not exist, on loopback: one account, one car.
//!
//! ```no_run
//! # async fn demo() -> std::io::Result<()> {
//! let cloud = example_cloud::Cloud::start().await?;
//! println!("{}", cloud.url());
//! cloud.end_session();
//! assert!(cloud.state().locked);
//! # Ok(()) }
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Json;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The client id of the account.
pub const CLIENT_ID: &str = "acme-client-1";

/// The password of the account.
pub const PASSWORD: &str = "acme-password-1";

/// The identifier of the car.
pub const CAR: &str = "car-1";

/// The VIN of the car.
pub const VIN: &str = "ACMEZZZ0000000001";

/// What has been asked, and how the car stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Sign-ins.
    pub sign_ins: u32,
    /// Commands that the cloud took.
    pub commands: u32,
    /// How often the horn was sounded.
    pub honks: u64,
    /// Whether the car is locked.
    pub locked: bool,
    /// The session that is good now.
    session: u32,
    /// How often a running action is still to be told as running.
    running: u32,
}

type Answer = (StatusCode, Json<Value>);

/// A running cloud. It ends when this is dropped.
#[derive(Debug)]
pub struct Cloud {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: JoinHandle<io::Result<()>>,
}

impl Cloud {
    /// Starts a cloud on a free port.
    ///
    /// # Errors
    ///
    /// The system gives no port.
    pub async fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State { locked: true, ..State::default() }));
        let routes = Router::new()
            .route("/token", post(token))
            .route("/cars", get(cars))
            .route("/cars/{car}", get(car))
            .route("/cars/{car}/{command}", post(command))
            .route("/actions/{action}", get(action))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, state, server })
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has been asked, and how the car stands.
    #[must_use]
    pub fn state(&self) -> State {
        *self.state.lock()
    }

    /// Has every token that was given out so far end.
    pub fn end_session(&self) {
        self.state.lock().session += 1;
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Known = Shared<Arc<Mutex<State>>>;

async fn token(Shared(state): Known, headers: HeaderMap) -> Answer {
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{PASSWORD}")));
    if said(&headers) != Some(&expected) {
        return refused(StatusCode::FORBIDDEN, "wrong-password");
    }
    let mut state = state.lock();
    state.sign_ins += 1;
    state.session += 1;
    let token = bearer(&state);
    good(json!({ "access_token": token.trim_start_matches("Bearer "), "expires_in": 86_400 }))
}

async fn cars(Shared(state): Known, headers: HeaderMap) -> Answer {
    if said(&headers) != Some(&bearer(&state.lock())) {
        return refused(StatusCode::UNAUTHORIZED, "session");
    }
    good(json!({ "cars": [{ "id": CAR, "vin": VIN, "name": "Roadrunner", "model": "Rocket" }] }))
}

async fn car(Shared(state): Known, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let state = state.lock();
    match (said(&headers) == Some(&bearer(&state)), id == CAR) {
        (false, _) => refused(StatusCode::UNAUTHORIZED, "session"),
        (true, false) => refused(StatusCode::NOT_FOUND, "unknown-car"),
        (true, true) => good(json!({ "locked": state.locked, "battery": 80, "odometer_km": 1234.5,
            "latitude": 52.5, "longitude": 13.4, "time": "2026-11-29T12:00:00Z" })),
    }
}

async fn command(
    Shared(state): Known,
    headers: HeaderMap,
    Path((id, command)): Path<(String, String)>,
    body: String,
) -> Answer {
    let mut state = state.lock();
    match command.as_str() {
        _ if said(&headers) != Some(&bearer(&state)) => refused(StatusCode::UNAUTHORIZED, "session"),
        _ if id != CAR => refused(StatusCode::CONFLICT, "unknown-car"),
        _ if state.running > 0 => refused(StatusCode::CONFLICT, "busy"),
        "lock" | "unlock" | "honk" => {
            match command.as_str() {
                "honk" => {
                    let times = body.parse::<Value>().ok().and_then(|body| body.get("times")?.as_u64());
                    state.honks += times.unwrap_or(1);
                }
                command => state.locked = command == "lock",
            }
            state.commands += 1;
            state.running = 1;
            (StatusCode::ACCEPTED, Json(json!({ "action": format!("action-{}", state.commands) })))
        }
        _ => refused(StatusCode::NOT_FOUND, "unknown-command"),
    }
}

async fn action(Shared(state): Known, headers: HeaderMap, Path(_): Path<String>) -> Answer {
    let mut state = state.lock();
    if said(&headers) != Some(&bearer(&state)) {
        return refused(StatusCode::UNAUTHORIZED, "session");
    }
    let running = state.running > 0;
    state.running = state.running.saturating_sub(1);
    good(json!({ "state": if running { "running" } else { "done" } }))
}

/// What a request proves itself with now: every sign-in ends the token before.
fn bearer(state: &State) -> String {
    format!("Bearer acme-token-{:04}", state.session)
}

fn said(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

fn good(body: Value) -> Answer {
    (StatusCode::OK, Json(body))
}

fn refused(status: StatusCode, code: &str) -> Answer {
    (status, Json(json!({ "code": code, "message": format!("Acme says {code}") })))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    /// The status and the body of what the cloud answers.
    async fn asked(cloud: &Cloud, line: &str, authorization: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(cloud.address).await.unwrap();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: acme\r\nauthorization: {authorization}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    #[tokio::test]
    async fn a_command_runs_until_it_was_asked_after() {
        let cloud = Cloud::start().await.unwrap();
        let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{PASSWORD}")));
        assert_eq!(asked(&cloud, "POST /token", "Basic x").await.0, 403);
        let (status, grant) = asked(&cloud, "POST /token", &basic).await;
        let bearer = format!("Bearer {}", grant["access_token"].as_str().unwrap());
        assert_eq!((status, cloud.state().sign_ins), (200, 1));

        assert_eq!(asked(&cloud, "GET /cars", &bearer).await.1["cars"][0]["vin"], VIN);
        let (status, taken) = asked(&cloud, "POST /cars/car-1/unlock", &bearer).await;
        assert_eq!((status, cloud.state().locked), (202, false));
        assert_eq!(asked(&cloud, "POST /cars/car-1/lock", &bearer).await.1["code"], "busy");
        let action = format!("GET /actions/{}", taken["action"].as_str().unwrap());
        for state in ["running", "done"] {
            assert_eq!(asked(&cloud, &action, &bearer).await.1["state"], state);
        }
        cloud.end_session();
        assert_eq!(asked(&cloud, "GET /cars/car-1", &bearer).await.0, 401);
    }
}
