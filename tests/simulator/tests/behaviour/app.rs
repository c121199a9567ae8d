//! The app of 2026 as a client: it signs in with a password, and signs what it asks of the token service.

mod gate;
mod sign_in;
mod tokens;
mod traces;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use serde_json::{Value, json};
use simulator::{Config, Control, Simulator, fingerprint};

use crate::client::{FORM, Headers, Reply, headers, send, stamp};

/// What the app's browser says of itself.
pub const BROWSER: &str = "Mozilla/5.0 (Linux; Android 10; K)_CCS_APP_AOS";

pub const NAMES: [&str; 7] = [
    "accessToken",
    "refreshToken",
    "exchangeableAccessToken",
    "exchangeableRefreshToken",
    "nonCcsToken",
    "nonCcsRefreshToken",
    "idToken",
];

/// An installation of the app in a cloud of its own.
pub struct App {
    pub cloud: Simulator,
    pub control: Control,
    pub config: Config,
    pub device: String,
    pub cookies: String,
    /// How far its clock is ahead, in milliseconds.
    pub ahead: i64,
    /// The set of seven tokens.
    pub tokens: Value,
    pub ccs: String,
}

impl App {
    pub async fn installed() -> Self {
        Self::in_cloud(Config::default()).await
    }

    pub async fn in_cloud(config: Config) -> Self {
        let cloud = Simulator::start(config.clone()).await.unwrap();
        let (device, cookies) = ("0b6f5a6e-6f5c-4f0b-8a4e-0f3f8b6f1c11".to_owned(), String::new());
        let (control, tokens, ccs) = (cloud.control(), Value::Null, String::new());
        Self { cloud, control, config, device, cookies, ahead: 0, tokens, ccs }
    }

    /// One that has its first set of tokens and a CCS token.
    pub async fn signed_in() -> Self {
        Self::signed_in_to(Config::default()).await
    }

    pub async fn signed_in_to(config: Config) -> Self {
        let mut app = Self::in_cloud(config).await;
        let code = app.code().await;
        assert_eq!(app.exchange_code(&code).await.status, 200);
        assert_eq!(app.exchange().await.status, 200);
        app
    }

    pub async fn raw(&self, method: &str, path: &str, head: &Headers, body: &str) -> Reply {
        send(&self.cloud.base_url(), method, path, head, body).await.unwrap()
    }

    /// The sign-in page, whose cookies are kept.
    pub async fn page(&mut self) -> Reply {
        let app = &self.config.brand.constants().app;
        let path = format!(
            "/auth/api/v2/user/oauth2/authorize?response_type=code&client_id={}&redirect_uri={}&lang=en&state=ccsp&country=de",
            app.client_id, app.redirect_uri
        );
        let reply = self.raw("GET", &path, &headers(&[("User-Agent", BROWSER)]), "").await;
        let cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie");
        let pairs: Vec<&str> = cookies.map(|(_, value)| value.split(';').next().unwrap()).collect();
        self.cookies = pairs.join("; ");
        reply
    }

    pub fn browser(&self) -> Headers {
        headers(&[("User-Agent", BROWSER), ("Cookie", &self.cookies), ("Content-Type", FORM)])
    }

    /// The form of the sign-in, with the password encrypted.
    pub async fn form(&self, password: &str) -> Vec<(&'static str, String)> {
        let key = self.raw("GET", "/auth/api/v1/accounts/certs", &self.browser(), "").await.json();
        let app = &self.config.brand.constants().app;
        let own = |text: &str| text.to_owned();
        vec![
            ("client_id", own(app.client_id)),
            ("encryptedPassword", own("true")),
            ("password", encrypted(&key["retValue"], password)),
            ("redirect_uri", own(app.redirect_uri)),
            ("scope", own("")),
            ("nonce", own("")),
            ("state", own("ccsp")),
            ("username", self.config.username.clone()),
            ("connector_session_key", own("")),
            ("kid", own(key["retValue"]["kid"].as_str().unwrap())),
            ("_csrf", own("")),
        ]
    }

    pub async fn post_form(&self, form: &[(&str, String)]) -> Reply {
        let fields: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.raw("POST", "/auth/account/signin", &self.browser(), &fields.join("&")).await
    }

    /// The page, and then the password.
    pub async fn sign_in(&mut self, password: &str) -> Reply {
        self.page().await;
        self.post_form(&self.form(password).await).await
    }

    /// A code of a sign-in that is granted.
    pub async fn code(&mut self) -> String {
        let password = self.config.password.clone();
        let reply = self.sign_in(&password).await;
        let location = location(&reply);
        let query = location.strip_prefix(self.config.brand.constants().app.redirect_uri).expect(&location);
        let code =
            query.strip_prefix("?code=").and_then(|query| query.strip_suffix("&state=ccsp&login_success=y"));
        code.expect(&location).to_owned()
    }

    /// The headers of the Android app, not signed yet.
    pub fn android(&self) -> Headers {
        let (app, release) = (&self.config.brand.constants().app, &self.config.release);
        headers(&[
            ("client-id", app.package),
            ("client-name", app.android_name),
            ("client-version", &release.version),
            ("client-os-code", "android"),
            ("client-os-version", &release.os_version),
            ("client-device-id", &self.device),
            ("client-device-model", &release.device_model),
            ("client-notification-provider-type", &release.notifications),
            ("locale", "EN"),
            ("timezone", "+01:00"),
            (
                "App-Request-Id",
                &format!("{}_{}_AOS", "0123456789ABCDEF01234567", self.device.replace('-', "")),
            ),
            ("X-Brand", app.label),
            ("X-Region", "eu"),
            ("Accept", "*/*"),
            ("Accept-Language", "en"),
            ("User-Agent", "okhttp/4.12.0"),
        ])
    }

    /// The headers of the iOS app, which does not sign.
    pub fn ios(&self) -> Headers {
        let app = &self.config.brand.constants().app;
        headers(&[
            ("client-id", app.package),
            ("client-name", app.ios_name),
            ("client-version", "1.3.3"),
            ("client-os-code", "ios"),
            ("client-os-version", app.ios_version),
            ("client-device-id", &self.device),
            ("client-device-model", "iPhone"),
            ("client-notification-provider-type", app.ios_notifications),
            ("locale", "EN"),
            ("timezone", "+01:00"),
            ("Accept", "application/json"),
            ("Accept-Language", "en"),
            ("User-Agent", "okhttp/3.12.0"),
        ])
    }

    /// Adds time and signature to headers.
    pub fn signed(&self, mut head: Headers, body: &str) -> Headers {
        let time = (jiff::Timestamp::now().as_millisecond() + self.ahead).to_string();
        let value = |name: &str| &head.iter().find(|(given, _)| given == name).unwrap().1;
        let identity = ["client-id", "client-name", "client-version", "client-os-code"].map(value);
        let identity = identity.map(String::as_str).concat();
        let os_version = value("client-os-version");
        let sign = fingerprint(&self.config.gate_keys, &identity, os_version, &time, body.as_bytes());
        head.extend([("X-Timestamp".to_owned(), time), ("X-Fingerprint".to_owned(), sign)]);
        head
    }

    /// The headers that tokens travel in.
    pub fn with_tokens(&self, mut head: Headers) -> Headers {
        let token = |name: &str| self.tokens[name].as_str().unwrap();
        head.extend(headers(&[
            ("authorization", &format!("Bearer {}", token("accessToken"))),
            ("Authentication", token("nonCcsToken")),
            ("exchangeable-token", token("exchangeableAccessToken")),
            ("non-ccs-token", token("nonCcsToken")),
        ]));
        head
    }

    /// The body of a refresh, in the order of the app.
    pub fn seven(&self) -> String {
        let pairs = NAMES.map(|name| format!("{}: {}", json!(name), self.tokens[name]));
        format!("{{{}}}", pairs.join(", "))
    }

    pub async fn exchange_code(&mut self, code: &str) -> Reply {
        let head = self.signed(self.android(), "");
        self.keep(self.raw("POST", &format!("/auth/v1/token?code={code}"), &head, "").await)
    }

    pub async fn refresh(&mut self) -> Reply {
        let body = self.seven();
        let mut head = self.signed(self.android(), &body);
        head.push(("Content-Type".to_owned(), "application/json".to_owned()));
        self.keep(self.raw("POST", "/auth/v2/token-refresh", &head, &body).await)
    }

    /// A CCS token for the set.
    pub async fn exchange(&mut self) -> Reply {
        let head = self.with_tokens(self.signed(self.android(), ""));
        let reply = self.raw("POST", "/auth/v1/token-exchange?serviceType=CCS", &head, "").await;
        if reply.status == 200 {
            self.ccs = reply.json()["accessToken"].as_str().unwrap().to_owned();
        }
        reply
    }

    fn keep(&mut self, reply: Reply) -> Reply {
        if reply.status == 200 {
            self.tokens = reply.json();
        }
        reply
    }

    /// The vehicle list with the CCS token, of a device that was registered.
    pub async fn vehicles(&self) -> Reply {
        let constants = self.config.brand.constants();
        let head = headers(&[
            ("Authorization", &format!("Bearer {}", self.ccs)),
            ("ccsp-service-id", constants.service_id),
            ("ccsp-application-id", constants.application_id),
            ("ccsp-device-id", &self.device),
            ("Stamp", &stamp(self.config.brand)),
            ("Ccuccs2protocolsupport", "0"),
        ]);
        self.raw("GET", "/api/v1/spa/vehicles", &head, "").await
    }
}

pub fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, 302, "{}", reply.body);
    reply.header("location").unwrap().to_owned()
}

/// HTTP status and code of an answer of the token service.
pub fn coded(reply: &Reply) -> (u16, u64) {
    (reply.status, reply.json()["code"].as_u64().unwrap_or_default())
}

/// Another value for a header.
pub fn replaced(mut head: Headers, name: &str, value: &str) -> Headers {
    head.iter_mut().find(|(given, _)| given == name).unwrap().1 = value.to_owned();
    head
}

/// RSAES-PKCS1-v1_5 in lower-case hex. Its padding is always the same, which is enough here.
pub fn encrypted(key: &Value, message: &str) -> String {
    let number = |name: &str| {
        BoxedUint::from_be_slice_vartime(&URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap())
    };
    let modulus: Odd<BoxedUint> = number("n").into_odd().unwrap();
    let length = 256;
    let mut frame = vec![0, 2];
    frame.resize(length - message.len() - 1, 0xa5);
    frame.push(0);
    frame.extend_from_slice(message.as_bytes());
    let frame = BoxedUint::from_be_slice_truncated(&frame, 2048);
    let power = BoxedMontyForm::new(frame, &BoxedMontyParams::new_vartime(modulus)).pow(&number("e"));
    power.retrieve().to_be_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
