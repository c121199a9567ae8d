//! A home in virtual time with a second account, in a cloud that nobody has heard of: its connector is made by hand, and
//! the account has secrets of every class. The first account is that of [`VirtualHome`], served by a connector that
//! behaves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use futures_util::future::BoxFuture;
use http::HeaderMap;
use parking_lot::Mutex;
use serde_json::{Value, json};
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::config::Config;
use vehicle_connector::host::Environment;
use vehicle_connector::plugin::{Compiled, embedded};
use vehicle_connector::primitives::transport::Response;
use vehicle_connector::primitives::{HttpRequest, Transport};
use vehicle_connector::wire::report::Report;

use crate::handmade::connector::Connector;
use crate::handmade::layout::value;
use crate::virtual_home::{VirtualHome, compiled};
use crate::{Home, LEGACY};

/// The account, and the slot of its connector.
pub const ACME: &str = "acme";

/// The slug of the account's car.
pub const CAR: &str = "roadster";

/// What the account's owner grants. To `ads` nothing secret may be sent.
pub const GRANT: &str = r#"
[connector.acme]
file = "acme.wasm"
[connector.acme.endpoints]
ads = "https://ads.acme.example"
api = "https://api.acme.example"
idp = "https://idp.acme.example"
[connector.acme.secrets]
user = { class = "identifier", configured = "required", endpoints = ["api", "idp"] }
password = { class = "password", configured = "required", endpoints = ["idp"] }
signing-key = { class = "key", configured = "required", endpoints = ["api", "idp"] }
other-key = { class = "key", configured = "required", endpoints = ["api"] }
pin = { class = "pin-bearer", configured = "required", endpoints = ["api"], form = { length = 4, characters = "digits" } }
access-token = { class = "token", configured = "never", endpoints = ["api"] }
verifier = { class = "token", configured = "never", endpoints = ["idp"] }
code = { class = "one-time-code", configured = "never", endpoints = ["idp"] }
[connector.acme.refusals]
pin = [{ code = "BAD_PIN" }]
[connector.acme.answers]
codes_at = ["/code"]
"#;

const ACCOUNT: &str = r#"
[account.acme]
connector = "acme"
user = "${user}"
password = "${password}"
signing_key = "${signing-key}"
other_key = "${other-key}"
pin = "${pin}"
[vehicle.roadster]
account = "acme"
id = "11111111-1111-4111-8111-111111111111"
"#;

/// The secrets that the owner has configured, unless a test wants others.
pub const SECRETS: [(&str, &str); 5] = [
    ("user", "acme-user-3f9c51"),
    ("password", "acme-password-b7210d"),
    ("signing-key", "acme-signing-key-84ce6a"),
    ("other-key", "acme-other-key-0d5f37"),
    ("pin", "7305"),
];

/// The token that the cloud gives out.
pub const TOKEN: &str = "acme-access-token-62a8be";

/// A request that arrived, with secrets in it.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// All of the address.
    pub url: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Arrived {
    /// The value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Everything in it, as text.
    pub fn text(&self) -> String {
        let headers =
            self.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
        format!("{}\n{}{}", self.url, headers.collect::<String>(), String::from_utf8_lossy(&self.body))
    }
}

/// The cloud. It gives out a token at `/token`, says what it has heard at `/echo`, and elsewhere what it is told to.
#[derive(Debug)]
pub struct AcmeCloud {
    /// The way to all other clouds.
    others: Arc<dyn Transport>,
    token: String,
    answers: Mutex<BTreeMap<String, (u16, String)>>,
    /// A cookie that is set at `/cookies`.
    cookie: Mutex<Option<String>>,
    arrived: Mutex<Vec<Arrived>>,
}

impl AcmeCloud {
    /// Lets it answer so at a path.
    pub fn answers(&self, path: &str, status: u16, body: &Value) {
        self.answers.lock().insert(path.to_owned(), (status, body.to_string()));
    }

    /// Lets it set a cookie at `/cookies`.
    pub fn sets(&self, cookie: &str) {
        *self.cookie.lock() = Some(cookie.to_owned());
    }

    /// Every request that arrived but those for the token, in order.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().iter().filter(|it| !it.url.ends_with("/token")).cloned().collect()
    }

    fn answer(&self, path: &str, arrived: &Arrived) -> Response {
        let (status, body) = match (path, self.answers.lock().get(path)) {
            (_, Some(answer)) => answer.clone(),
            ("/token", _) => (200, json!({ "access_token": self.token }).to_string()),
            ("/echo", _) => {
                let heard = arrived.text();
                let percent: String = heard.bytes().map(|byte| format!("%{byte:02x}")).collect();
                (200, json!({ "heard": heard, "percent": percent }).to_string())
            }
            _ => (200, "{}".to_owned()),
        };
        let cookie = self
            .cookie
            .lock()
            .clone()
            .filter(|_| path == "/cookies")
            .map(|cookie| ("set-cookie".to_owned(), cookie));
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        let headers = headers.into_iter().chain(cookie).collect();
        Response { status, headers, body: body.into_bytes() }
    }
}

impl Transport for AcmeCloud {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        if !request.url.host_str().is_some_and(|host| host.ends_with("acme.example")) {
            return self.others.send(request);
        }
        let path = request.url.path().to_owned();
        let HttpRequest { url, headers, body, .. } = request;
        let arrived = Arrived { url: url.into(), headers, body: body.unwrap_or_default() };
        let answer = self.answer(&path, &arrived);
        self.arrived.lock().push(arrived);
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// The home.
#[derive(Debug)]
pub struct AcmeHome {
    /// The home with its first account.
    pub home: VirtualHome,
    /// The cloud of the second account.
    pub cloud: Arc<AcmeCloud>,
}

impl AcmeHome {
    /// Starts a home whose second account has this connector.
    pub async fn start(connector: &Connector<'_>) -> Self {
        Self::with(connector, &SECRETS, TOKEN, |environment| environment).await
    }

    /// Starts such a home with these secrets and this token, in another environment.
    pub async fn with(
        connector: &Connector<'_>,
        secrets: &[(&str, &str)],
        token: &str,
        other: impl FnOnce(Environment) -> Environment,
    ) -> Self {
        // One that behaves, for the first account.
        static BEHAVES: LazyLock<Compiled> = LazyLock::new(|| compiled(&Connector::default().component()));
        let mut acme = None;
        let mut home = VirtualHome::on(
            simulator::Config::default(),
            |config| add_account(config, secrets),
            |environment| {
                let others = environment.transport.clone().unwrap();
                let (answers, cookie, arrived) = (Mutex::default(), Mutex::default(), Mutex::default());
                let token = token.to_owned();
                let cloud = acme.insert(Arc::new(AcmeCloud { others, token, answers, cookie, arrived }));
                other(environment.with_transport(Arc::clone(cloud) as Arc<dyn Transport>))
            },
        )
        .await;
        let connectors =
            [(embedded::CONNECTORS[0].0, BEHAVES.clone()), (ACME, compiled(&connector.component()))];
        home.restart_with(&connectors).await;
        home.settle().await;
        Self { home, cloud: acme.unwrap() }
    }

    /// Locks the car.
    pub async fn lock(&self) -> Report {
        self.home.command(CAR, "lock", "").await
    }

    /// What the connector has of its requests, in order: see [`telling`].
    pub fn told(&self) -> Vec<String> {
        let topic = format!("vehicle-connector/account/{ACME}/connector/told");
        let told = self.home.messages().into_iter().filter(|message| message.topic == topic);
        told.map(|message| String::from_utf8(message.payload).unwrap()).collect()
    }

    /// Makes sure that both accounts are served.
    pub async fn serves_on(&self) {
        use vehicle_connector::wire::outcome::State;
        for car in [CAR, LEGACY.0] {
            let read = self.home.command(car, "refresh_cached", "").await;
            assert_eq!(read.state, State::Succeeded, "{car}: {read:?}");
        }
    }
}

/// Adds the account, and what its connector is granted.
fn add_account(config: &mut Config, secrets: &[(&str, &str)]) {
    let secrets: BTreeMap<&str, &str> = secrets.iter().copied().collect();
    // Read as secrets are, and then replaced: those of vectors look like none.
    let environment = |name: &str| {
        secrets.get(name).map(|_| if name == "pin" { "0000" } else { "a-secret-of-a-test" }.to_owned())
    };
    let text = format!("[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n{GRANT}{ACCOUNT}");
    let Config { connectors, mut accounts, vehicles, .. } =
        Config::parse(&text, Path::new("test.toml"), &environment).unwrap();
    for account in accounts.values_mut() {
        let given = secrets.iter().map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned().into()));
        account.secrets = given.collect();
    }
    config.connectors.extend(connectors.into_iter().filter(|(name, _)| name == ACME));
    config.accounts.extend(accounts);
    config.vehicles.extend(vehicles);
}

/// A connector of this cloud that signs in, and does this when it is to lock.
pub fn that_locks(lock: &str) -> Connector<'_> {
    Connector { describe: DESCRIBE, sign_in: &SIGN_IN, lock, ..Connector::default() }
}

/// Says whose connector it is.
pub const DESCRIBE: &str = "(call $manifest `acme`)";

/// Signs in with nothing but the captured token.
pub static SIGN_IN: LazyLock<String> =
    LazyLock::new(|| format!("(call $ok {}) (call $grant `session`)", sent(&token())));

/// The request for the token.
fn token() -> Value {
    let capture = json!({ "source": { "json": "/access_token" }, "target": { "secret": "access-token" } });
    json!({ "url": "https://idp.acme.example/token", "captures": [capture] })
}

/// Instructions that send a request and leave its answer behind.
pub fn sent(request: &Value) -> String {
    format!("(call $send {})", value("http.request", request))
}

/// Instructions that send these requests, and publish what a guest has of each: the body of the answer, or why there is
/// none.
pub fn telling(requests: &[Value]) -> String {
    let tell = |request| format!("(drop (call $publish `told` (call $heard {})))", sent(request));
    requests.iter().map(tell).collect()
}
