//! Two runs with different secrets, in which a guest sees the same.
//!
//! The same scenario is played in virtual time with different secrets: those of the configuration, and every
//! token that the cloud gives out. All that a connector is given, all that is published, all that is logged
//! and all that is written down about decisions must be equal to the letter; then nothing of it can depend on
//! a secret.
//!
//! The cloud echoes: some of its answers hold the whole request, headers and body, plain and encoded. A
//! server that does so is the worst that a guest can find, short of one that wants to tell it.
//!
//! Not compared are real durations. In virtual time there are none, and in reality a guest can measure
//! nothing finer than what the network does.

mod derived;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::{fmt, io};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY};
use tracing_subscriber::EnvFilter;
use url::Url;
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::primitives::transport::Response;
use vehicle_connector::primitives::{HttpRequest, Tap, Transport};
use vehicle_connector::store::{Kind, Store as _};

/// What differs between two runs.
#[derive(Debug, Clone, Copy)]
struct Secrets {
    refresh_token: &'static str,
    pin: &'static str,
    /// Stands before every token of the cloud.
    before_tokens: &'static str,
    /// By how many places the letters and digits of the cloud's tokens are moved on.
    moved: u8,
}

const ONE: Secrets = Secrets {
    refresh_token: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1",
    pin: "1234",
    before_tokens: "",
    moved: 0,
};

const ANOTHER: Secrets = Secrets {
    refresh_token: "QZX7PLM3KDJ8WHE5RTY2UIO9BVC4NMA6SGF1LKJ0HGD8PWQ3",
    pin: "8306",
    before_tokens: "",
    moved: 7,
};

const LONGER: Secrets = Secrets { before_tokens: "eyJhbGciOiJub25lIn0-and-more-", moved: 3, ..ANOTHER };

/// With everything in them that a URL, a header, a form, JSON or HTML writes in its own way.
const ODD: Secrets = Secrets {
    refresh_token: "correct horse+\"9\" \\u0041 %41 &amp;=<b> ü€",
    before_tokens: "a b+\"c\"\\n%41%&lt;<ü😀>#/?;",
    moved: 5,
    ..ANOTHER
};

/// The routes that echo once in a round, by how their paths end: among them one for each kind of secret. After a token's
/// the account is left alone for a while.
const ECHOING: [&[&str]; 2] =
    [&["/user/pin", "/status/latest", "/ccs2/carstatus/latest"], &["/oauth2/token"]];

/// The names under which the cloud gives out what is secret.
const TOKENS: [&str; 4] = ["access_token", "refresh_token", "controlToken", "deviceId"];

/// The way to a cloud whose tokens are others, and which echoes.
#[derive(Debug)]
struct Disguise {
    inner: Arc<dyn Transport>,
    secrets: Secrets,
    /// The cloud's own token for each that was shown.
    own: Mutex<BTreeMap<String, String>>,
    /// Which routes are still to echo; none before the scenario begins.
    echoing: Mutex<Vec<&'static str>>,
    echoed: Mutex<String>,
}

impl Disguise {
    fn shown(&self, token: &str) -> String {
        let moved = |c: char, base: u8, of: u8| char::from(base + (c as u8 - base + self.secrets.moved) % of);
        let letters: String = token
            .chars()
            .map(|c| match c {
                'a'..='z' => moved(c, b'a', 26),
                'A'..='Z' => moved(c, b'A', 26),
                '0'..='9' => moved(c, b'0', 10),
                other => other,
            })
            .collect();
        let shown = format!("{}{letters}", self.secrets.before_tokens);
        self.own.lock().insert(shown.clone(), token.to_owned());
        shown
    }

    /// Puts other tokens into an answer of the cloud, wherever they stand.
    fn disguise(&self, document: &mut Value) {
        match document {
            Value::Object(fields) => {
                for (name, field) in fields {
                    match field {
                        Value::String(token) if TOKENS.contains(&name.as_str()) => *token = self.shown(token),
                        other => self.disguise(other),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.disguise(item)),
            _ => {}
        }
    }

    /// Puts the cloud's own tokens back, wherever in a request they stand.
    fn undo(&self, text: &str) -> String {
        let own = self.own.lock();
        own.iter().fold(text.to_owned(), |text, (shown, own)| {
            let json = Value::from(shown.as_str()).to_string();
            let mut form = Url::parse("https://a.example").unwrap();
            form.query_pairs_mut().append_pair("", shown);
            let percent = shown.bytes().map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            });
            let forms = [
                percent.collect(),
                form.query().unwrap()[1..].to_owned(),
                json.trim_matches('"').to_owned(),
                shown.clone(),
            ];
            forms.iter().fold(text, |text, form| text.replace(form, own))
        })
    }

    fn undone(&self, request: &HttpRequest) -> HttpRequest {
        let undo = |bytes: &[u8]| self.undo(std::str::from_utf8(bytes).unwrap());
        let headers = request.headers.iter();
        HttpRequest {
            method: request.method.clone(),
            url: self.undo(request.url.as_str()).parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.clone(), undo(value.as_bytes()).parse().unwrap()))
                .collect(),
            body: request.body.as_deref().map(|body| undo(body).into_bytes()),
            timeout: request.timeout,
            acts_on_vehicle: request.acts_on_vehicle,
        }
    }

    /// The echo that is due for this request.
    fn echo(&self, request: &HttpRequest) -> Option<Response> {
        let path = request.url.path();
        let mut echoing = self.echoing.lock();
        let due = echoing.iter().position(|route| path.ends_with(route))?;
        echoing.remove(due);
        let mut said = format!("{} ", request.url);
        for (name, value) in &request.headers {
            // The vendor's stamp tells the time to the guest that made it.
            said.push_str(&format!("{name}: {} ", std::str::from_utf8(value.as_bytes()).unwrap()));
        }
        let body = request.body.as_deref().unwrap_or_default();
        said.push_str(std::str::from_utf8(body).unwrap());
        self.echoed.lock().push_str(&said);
        let percent: String = said.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let escaped: String = said.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        let body = json!({"resCode": "4000", "resMsg": said, "percent": percent, "echo": "ESCAPED"});
        let body = body.to_string().replace("ESCAPED", &escaped);
        let header = |name: &str, value: String| (name.to_owned(), value);
        let headers = vec![
            header("content-type", "application/json".to_owned()),
            header("content-length", body.len().to_string()),
            header("x-echo", said.clone()),
            header("location", format!("https://elsewhere.example/?said={percent}")),
        ];
        Some(Response { status: 400, headers, body: body.into_bytes() })
    }
}

impl Transport for Disguise {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            if let Some(echo) = self.echo(&request) {
                return Ok(echo);
            }
            let mut response = self.inner.send(self.undone(&request)).await?;
            if let Ok(mut document) = serde_json::from_slice(&response.body) {
                self.disguise(&mut document);
                response.body = document.to_string().into_bytes();
            }
            Ok(response)
        })
    }
}

/// Everything that was told, in order.
#[derive(Debug, Default, Clone)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().clone()
    }

    /// Takes everything that this thread logs.
    fn of_the_host(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let log = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("vehicle_connector=trace,connector=trace"))
            .without_time()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        testkit::log::listen(log)
    }
}

impl Tap for Lines {
    fn given(&self, what: &'static str, value: &dyn fmt::Debug) {
        self.0.lock().push(format!("{what}: {value:?}"));
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is to be seen of a run.
struct Seen {
    given: Vec<String>,
    published: Vec<String>,
    logged: Vec<String>,
    decisions: Vec<String>,
    /// What must be nowhere in it.
    secrets: Vec<String>,
}

/// Hours in the life of a home, with everything in them that has to do with secrets.
async fn play(secrets: Secrets) -> Seen {
    let (given, logged) = (Lines::default(), Lines::default());
    let _logging = logged.of_the_host();
    let cloud = simulator::Config {
        refresh_token: secrets.refresh_token.to_owned(),
        pin: secrets.pin.to_owned(),
        rotate_refresh_token: true,
        ..simulator::Config::default()
    };
    let mut disguise = None;
    let mut home = VirtualHome::on(
        cloud,
        |_| {},
        |environment| {
            let inner = environment.transport.clone().unwrap();
            let (own, echoing, echoed) = (Mutex::default(), Mutex::default(), Mutex::default());
            let disguised = Arc::new(Disguise { inner, secrets, own, echoing, echoed });
            disguise = Some(Arc::clone(&disguised));
            environment.with_transport(disguised).with_tap(Arc::new(given.clone()))
        },
    )
    .await;
    let disguise = disguise.unwrap();

    for round in 0..3 {
        for (car, _) in [LEGACY, CCS2] {
            for operation in ["refresh_cached", "lock", "refresh_force", "unlock"] {
                home.command(car, operation, "").await;
            }
            home.control.expire_access_token();
            home.command(car, "lock", "").await;
        }
        // The first round goes well, in the second and third the cloud echoes, and the third is after a restart.
        if let Some(routes) = ECHOING.get(round) {
            disguise.echoing.lock().extend(*routes);
        }
        home.advance(std::time::Duration::from_secs(1_800)).await;
        if round == 1 {
            home.restart().await;
        }
    }
    home.control.refuse_grants(true);
    home.control.expire_access_token();
    home.command(LEGACY.0, "refresh_cached", "").await;

    let echoed = disguise.echoed.lock().clone();
    assert!(echoed.contains(secrets.pin), "{echoed}");
    assert!(disguise.own.lock().keys().any(|token| echoed.contains(token)), "{echoed}");
    assert_eq!(disguise.echoing.lock().as_slice(), [""; 0], "every route has echoed");
    let mut never: Vec<String> = disguise.own.lock().keys().cloned().collect();
    never.push(secrets.refresh_token.to_owned());
    Seen::of(&home, &given, &logged, never).await
}

impl Seen {
    async fn of(home: &VirtualHome, given: &Lines, logged: &Lines, secrets: Vec<String>) -> Self {
        let published = home.messages().into_iter().map(|message| {
            format!("{} {} {}", message.topic, message.retain, String::from_utf8_lossy(&message.payload))
        });
        let decisions = home.store.list(Kind::Audit).await.unwrap().into_iter();
        let decisions =
            decisions.map(|(number, record)| format!("{number} {}", String::from_utf8_lossy(&record)));
        Self {
            given: given.all(),
            published: without_ids(published.collect()),
            logged: without_ids(logged.all()),
            decisions: without_ids(decisions.collect()),
            secrets,
        }
    }

    /// That there is something to be seen, and no secret in it.
    fn hides_its_secrets(&self) {
        for parts in [&self.given, &self.published, &self.logged, &self.decisions] {
            assert!(parts.len() > 10, "{parts:?}");
            for secret in &self.secrets {
                assert!(!parts.iter().any(|line| line.contains(secret)), "{secret}");
            }
        }
    }

    fn is_the_same_as(&self, other: &Self, name: &str) {
        assert_same(&format!("{name}: given"), &self.given, &other.given);
        assert_same(&format!("{name}: published"), &self.published, &other.published);
        assert_same(&format!("{name}: logged"), &self.logged, &other.logged);
        assert_same(&format!("{name}: decision"), &self.decisions, &other.decisions);
    }
}

/// Without the identifiers that the host gives to what nobody has commanded: they tell the time of day.
fn without_ids(lines: Vec<String>) -> Vec<String> {
    const BEGINS: &str = "host-";
    let without = |line: String| {
        let mut parts = line.split(BEGINS);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |line, part| {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            format!("{line}{BEGINS}{rest}")
        })
    };
    lines.into_iter().map(without).collect()
}

fn assert_same(what: &str, one: &[String], another: &[String]) {
    for (number, (one, another)) in one.iter().zip(another).enumerate() {
        assert_eq!(one, another, "{what} {number}");
    }
    assert_eq!(one.len(), another.len(), "{what}");
}

/// Plays a scenario on a runtime of its own: what was drawn and awaited before must not matter.
fn seen(scenario: impl Future<Output = Seen>) -> Seen {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(scenario)
}

/// Says to this test that nothing runs beside it.
const ALONE: &str = "DIFFERENTIAL_TEST_ALONE";

/// In a process of its own: which lines are logged is decided once for all threads, and while another test changes that
/// a line may be lost.
#[test]
fn everything_that_can_be_seen_is_the_same_whichever_secrets_there_are() {
    if std::env::var_os(ALONE).is_some() {
        compare();
        return derived::compare();
    }
    let name = "differential::everything_that_can_be_seen_is_the_same_whichever_secrets_there_are";
    let ran = Command::new(std::env::current_exe().unwrap()).args(["--exact", name]).env(ALONE, "1").output();
    let ran = ran.unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

fn compare() {
    let one = seen(play(ONE));
    let kinds = ["a call", "an answer", "a cell", "a guarded cell", "the time"];
    for kind in kinds {
        let begins = format!("{kind}: ");
        assert!(one.given.iter().any(|line| line.starts_with(&begins)), "nothing was seen of {kind}");
    }
    one.hides_its_secrets();
    for (name, secrets) in
        [("the same again", ONE), ("others", ANOTHER), ("longer ones", LONGER), ("odd ones", ODD)]
    {
        one.is_the_same_as(&seen(play(secrets)), name);
    }
}
