//! A small HTTP client that hides nothing: a connection for each request, and bytes as they came.

use std::io;

use serde_json::{Value, json};
use simulator::{Brand, Config, Control, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const LEGACY: &str = "11111111-1111-4111-8111-111111111111";
pub const CCS2: &str = "22222222-2222-4222-8222-222222222222";
pub const FORM: &str = "application/x-www-form-urlencoded";

pub type Headers = Vec<(String, String)>;

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Headers,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub fn code(&self) -> (u16, String) {
        (self.status, self.json()["resCode"].as_str().unwrap_or_default().to_owned())
    }
}

/// Sends one request. `UnexpectedEof` if the connection closed before the head of an answer was complete.
pub async fn send(base: &str, method: &str, path: &str, headers: &Headers, body: &str) -> io::Result<Reply> {
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

pub fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn stamp(brand: Brand) -> String {
    brand.stamp(jiff::Timestamp::now().as_second())
}

/// A signed-in client of a cloud of its own.
pub struct Client {
    pub cloud: Simulator,
    pub control: Control,
    pub brand: Brand,
    pub refresh_token: String,
    pub access: String,
    pub device: String,
    pub control_token: String,
}

impl Client {
    /// A cloud and a client that has registered and has its first access token.
    pub async fn signed_in() -> Self {
        Self::signed_in_to(Config::default()).await
    }

    pub async fn signed_in_to(config: Config) -> Self {
        let (brand, refresh_token) = (config.brand, config.refresh_token.clone());
        let cloud = Simulator::start(config).await.unwrap();
        let control = cloud.control();
        let none = String::new;
        let mut client = Self {
            cloud,
            control,
            brand,
            refresh_token,
            access: none(),
            device: none(),
            control_token: none(),
        };
        client.register().await;
        assert_eq!(client.refresh().await.status, 200);
        client
    }

    pub async fn register(&mut self) {
        let constants = self.brand.constants();
        let head = headers(&[
            ("ccsp-service-id", constants.service_id),
            ("ccsp-application-id", constants.application_id),
            ("Stamp", &stamp(self.brand)),
            ("Content-Type", "application/json;charset=UTF-8"),
        ]);
        let body = json!({
            "pushRegId": "0123456789abcdef".repeat(4),
            "pushType": constants.push_type,
            "uuid": "9d1ff2ab-9c5a-4a7e-a8a5-2f4b2a0c8f01",
        });
        let path = "/api/v1/spa/notifications/register";
        let reply = self.raw("POST", path, &head, &body.to_string()).await.unwrap();
        self.device = reply.json()["resMsg"]["deviceId"].as_str().unwrap().to_owned();
    }

    /// The refresh grant; takes over what it gives.
    pub async fn refresh(&mut self) -> Reply {
        let constants = self.brand.constants();
        let body = format!(
            "grant_type=refresh_token&refresh_token={}&client_id={}&client_secret={}",
            self.refresh_token, constants.service_id, constants.client_secret
        );
        let path = "/auth/api/v2/user/oauth2/token";
        let reply = self.raw("POST", path, &headers(&[("Content-Type", FORM)]), &body).await.unwrap();
        if let Some(token) = reply.json()["access_token"].as_str() {
            self.access = token.to_owned();
        }
        if let Some(token) = reply.json()["refresh_token"].as_str() {
            self.refresh_token = token.to_owned();
        }
        reply
    }

    pub async fn pin(&mut self, pin: &str) -> Reply {
        let authorization = format!("Bearer {}", self.access);
        let head = headers(&[("Authorization", &authorization), ("Content-type", "application/json")]);
        let body = json!({ "deviceId": self.device, "pin": pin }).to_string();
        let reply = self.raw("PUT", "/api/v1/user/pin?token=", &head, &body).await.unwrap();
        if let Some(token) = reply.json()["controlToken"].as_str() {
            self.control_token = token.to_owned();
        }
        reply
    }

    /// The headers of a signed-in request.
    pub fn auth(&self, protocol: u8) -> Headers {
        self.with_token(&self.access, protocol)
    }

    /// The headers of a command that needs the PIN.
    pub fn ctl(&self, protocol: u8) -> Headers {
        let mut head = self.with_token(&self.control_token, protocol);
        head.push(("AuthorizationCCSP".to_owned(), format!("Bearer {}", self.control_token)));
        head
    }

    fn with_token(&self, token: &str, protocol: u8) -> Headers {
        let constants = self.brand.constants();
        headers(&[
            ("Authorization", &format!("Bearer {token}")),
            ("ccsp-service-id", constants.service_id),
            ("ccsp-application-id", constants.application_id),
            ("ccsp-device-id", &self.device),
            ("Stamp", &stamp(self.brand)),
            ("Ccuccs2protocolsupport", &protocol.to_string()),
            ("Content-Type", "application/json"),
        ])
    }

    pub async fn raw(&self, method: &str, path: &str, head: &Headers, body: &str) -> io::Result<Reply> {
        send(&self.cloud.base_url(), method, path, head, body).await
    }

    pub async fn vehicles(&self) -> io::Result<Reply> {
        self.raw("GET", "/api/v1/spa/vehicles", &self.auth(0), "").await
    }

    pub async fn read(&self, vehicle: &str, path: &str) -> io::Result<Reply> {
        let protocol = u8::from(vehicle == CCS2 && path != "location/park");
        self.raw("GET", &format!("/api/v1/spa/vehicles/{vehicle}/{path}"), &self.auth(protocol), "").await
    }

    /// The cached `vehicleStatus` of the legacy car or `Vehicle` of the CCS2 one.
    pub async fn status(&self, vehicle: &str) -> Value {
        if vehicle == CCS2 {
            self.read(CCS2, "ccs2/carstatus/latest").await.unwrap().json()["resMsg"]["state"]["Vehicle"]
                .take()
        } else {
            let mut json = self.read(vehicle, "status/latest").await.unwrap().json();
            json["resMsg"]["vehicleStatusInfo"]["vehicleStatus"].take()
        }
    }

    /// A command with the access token (v1) or the control token (v2).
    pub async fn command(&self, vehicle: &str, path: &str, body: Value) -> io::Result<Reply> {
        let protocol = u8::from(vehicle == CCS2);
        let (version, place) = path.split_once(' ').unwrap();
        let head = if version == "v1" { self.auth(protocol) } else { self.ctl(protocol) };
        let path = format!("/api/{version}/spa/vehicles/{vehicle}/{place}");
        self.raw("POST", &path, &head, &body.to_string()).await
    }

    /// Locks or unlocks the legacy car, which needs no PIN.
    pub async fn door(&self, action: &str) -> io::Result<Reply> {
        self.command(LEGACY, "v1 control/door", json!({ "action": action, "deviceId": self.device })).await
    }

    pub async fn records(&self, vehicle: &str) -> Value {
        let path = format!("/api/v1/spa/notifications/{vehicle}/records");
        let head = self.auth(u8::from(vehicle == CCS2));
        self.raw("GET", &path, &head, "").await.unwrap().json()["resMsg"].take()
    }
}
