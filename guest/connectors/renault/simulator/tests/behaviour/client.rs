//! A small HTTP client that hides nothing: a connection for each request, and bytes as they came.

use std::io;

use renault_simulator::{Config, Control, Simulator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const ACCOUNT: &str = "account-renault";
pub const DACIA: &str = "account-dacia";
pub const ZOE1: &str = "VF1S1MULATEDZ0E1A";
pub const ZOE2: &str = "VF1S1MULATEDZ0E2B";
pub const R5: &str = "VF1S1MULATEDR5EVC";
pub const AUSTRAL: &str = "VF1S1MULATEDAUSTD";
pub const SPRING: &str = "UU1S1MULATEDSPRE1";
pub const UNKNOWN: &str = "UU1S1MULATEDNEWF2";

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// Gigya's verdict, of an answer that is HTTP 200 whatever it is.
    pub fn gigya(&self) -> u64 {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()["errorCode"].as_u64().unwrap()
    }

    /// Kamereon's status and code.
    pub fn code(&self) -> (u16, String) {
        (self.status, self.json()["errors"][0]["errorCode"].as_str().unwrap_or_default().to_owned())
    }

    pub fn attribute(&self, name: &str) -> Value {
        self.json()["data"]["attributes"][name].clone()
    }
}

/// Sends one request. `UnexpectedEof` if the connection closed before the head of an answer was complete.
pub async fn send(
    base: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    let host = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await?;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let answer = String::from_utf8(bytes).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Reply { status, headers: lines.filter_map(split).collect(), body: body.to_owned() })
}

/// `a=b&c=d`, of values that hold nothing but spaces to be encoded.
pub fn encoded(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", value.replace(' ', "+"));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// A client of a cloud of its own, which does what the real ones do.
pub struct Client {
    pub cloud: Simulator,
    pub control: Control,
    pub config: Config,
    pub login_token: String,
    pub id_token: String,
    /// The value of the `Cookie` header; empty until there is a device.
    pub cookies: String,
}

impl Client {
    pub async fn new() -> Self {
        Self::of(Config::default()).await
    }

    pub async fn of(config: Config) -> Self {
        let cloud = Simulator::start(config.clone()).await.unwrap();
        let control = cloud.control();
        let empty = String::new;
        Self { cloud, control, config, login_token: empty(), id_token: empty(), cookies: empty() }
    }

    /// With a login token and an id token.
    pub async fn signed_in() -> Self {
        let mut client = Self::new().await;
        assert_eq!(client.login().await.gigya(), 0);
        assert_eq!(client.jwt().await.gigya(), 0);
        client
    }

    pub async fn post(&self, call: &str, pairs: &[(&str, &str)]) -> Reply {
        let mut all = vec![("ApiKey", self.config.gigya_key.as_str())];
        all.extend(pairs);
        let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
        if !self.cookies.is_empty() {
            headers.push(("Cookie", &self.cookies));
        }
        let path = format!("/accounts.{call}");
        send(&self.cloud.gigya_url(), "POST", &path, &headers, &encoded(&all)).await.unwrap()
    }

    pub async fn get(&self, call: &str, pairs: &[(&str, &str)]) -> Reply {
        let mut all = vec![("APIKey", self.config.gigya_key.as_str())];
        all.extend(pairs);
        let headers: &[(&str, &str)] =
            if self.cookies.is_empty() { &[] } else { &[("Cookie", &self.cookies)] };
        let path = format!("/accounts.{call}?{}", encoded(&all));
        send(&self.cloud.gigya_url(), "GET", &path, headers, "").await.unwrap()
    }

    pub async fn login(&mut self) -> Reply {
        let (username, password) = (self.config.username.clone(), self.config.password.clone());
        let reply = self.post("login", &[("loginID", &username), ("password", &password)]).await;
        if let Some(token) = reply.json()["sessionInfo"]["cookieValue"].as_str() {
            self.login_token = token.to_owned();
        }
        reply
    }

    pub async fn jwt(&mut self) -> Reply {
        let fields = "data.personId,data.gigyaDataCenter";
        let token = self.login_token.clone();
        let pairs = [("login_token", token.as_str()), ("fields", fields), ("expiration", "900")];
        let reply = self.post("getJWT", &pairs).await;
        if let Some(token) = reply.json()["id_token"].as_str() {
            self.id_token = token.to_owned();
        }
        reply
    }

    /// Any request to Kamereon, with the headers and the country that it wants.
    pub async fn kamereon(&self, method: &str, path: &str, body: &str) -> io::Result<Reply> {
        let headers = [
            ("Content-type", "application/vnd.api+json"),
            ("apikey", self.config.kamereon_key.as_str()),
            ("x-gigya-id_token", self.id_token.as_str()),
        ];
        let path = format!("/commerce/v1/{path}?country=FR");
        send(&self.cloud.kamereon_url(), method, &path, &headers, body).await
    }

    /// Reads a car; `what` begins with the adapter, such as `v1/cockpit` or `kcm/ev/soc-levels`.
    pub async fn read(&self, vin: &str, what: &str) -> Reply {
        self.kamereon("GET", &car_path(vin, what), "").await.unwrap()
    }

    /// Sends a command with a body as it is.
    pub async fn command(&self, vin: &str, what: &str, body: &Value) -> Reply {
        self.kamereon("POST", &car_path(vin, what), &body.to_string()).await.unwrap()
    }

    /// Sends a command of this type with these attributes.
    pub async fn act(&self, vin: &str, what: &str, kind: &str, attributes: Value) -> Reply {
        self.command(vin, what, &json!({ "data": { "type": kind, "attributes": attributes } })).await
    }

    pub fn wrongs(&self) -> Vec<String> {
        self.control.violations().into_iter().map(|violation| violation.wrong).collect()
    }
}

fn car_path(vin: &str, what: &str) -> String {
    let account = if vin.starts_with("UU1") { DACIA } else { ACCOUNT };
    match what.strip_prefix("kcm/") {
        Some(rest) => format!("accounts/{account}/kamereon/kcm/v1/vehicles/{vin}/{rest}"),
        None => {
            let (version, rest) = what.split_once('/').unwrap();
            format!("accounts/{account}/kamereon/kca/car-adapter/{version}/cars/{vin}/{rest}")
        }
    }
}
