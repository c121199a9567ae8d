//! What the reference client was recorded to send when it signs in with a password, and afterwards.

use serde_json::Value;
use simulator::{Brand, Config, Firewall, SignInOutcome};

use super::{App, NAMES};
use crate::client::{Headers, Reply, stamp};
use crate::traces::{recorded, recorded_head, same_shape, target};

/// The traces, and what is done beforehand so that the cloud answers as recorded.
const TRACES: [(&str, Before); 8] = [
    ("auth_03_", Before::Nothing),
    ("auth_03b_", Before::Nothing),
    ("auth_04_", Before::WrongPassword),
    ("auth_05_", Before::Firewall),
    ("auth_06_", Before::Consent),
    ("auth_12_", Before::SignedIn),
    ("auth_13_", Before::OtherKeys),
    ("auth_14_", Before::Superseded),
];

#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    WrongPassword,
    Firewall,
    Consent,
    SignedIn,
    OtherKeys,
    Superseded,
}

#[tokio::test]
async fn recorded_sign_ins_and_refreshes_are_answered_as_recorded() {
    for (start, before) in TRACES {
        let Some(traces) = recorded(&[start]) else { return };
        let [(name, text)] = traces.as_slice() else { panic!("{start}: {} traces", traces.len()) };
        let trace: Value = serde_json::from_str(text).unwrap();
        let mut replay = Replay::begin(&trace, before).await;
        for exchange in trace["exchanges"].as_array().unwrap() {
            replay.exchange(name, text, exchange).await;
        }
    }
}

/// The device whose tokens the recordings refresh.
const DEVICE: &str = "dddddddd-0000-4000-8000-000000000000";

struct Replay {
    app: App,
    password: String,
    /// What stands in the recording, and what stands for it here.
    fills: Vec<(String, String)>,
    key: Value,
}

impl Replay {
    async fn begin(trace: &Value, before: Before) -> Self {
        let config = Config {
            brand: if trace["brand"] == "Hyundai" { Brand::Hyundai } else { Brand::Kia },
            username: "user@example.com".to_owned(),
            authorize_redirects: false,
            ..Config::default()
        };
        let password =
            if before == Before::WrongPassword { "wrong" } else { "correct horse battery" }.to_owned();
        let mut app = App::in_cloud(config).await;
        app.device = DEVICE.to_owned();
        let mut replay = Self { app, password, fills: Vec::new(), key: Value::Null };
        if matches!(before, Before::SignedIn | Before::OtherKeys | Before::Superseded) {
            let code = replay.app.code().await;
            replay.app.exchange_code(&code).await;
            let old = [
                "CCI-ACCESS",
                "CCI-REFRESH",
                "EXCH-ACCESS",
                "EXCH-REFRESH",
                "NONCCS",
                "NONCCS-REFRESH",
                "ID",
            ];
            for (recorded, name) in old.into_iter().zip(NAMES) {
                let token = replay.app.tokens[name].as_str().unwrap().to_owned();
                replay.fills.push((format!("{recorded}-0"), token));
            }
        }
        let control = &replay.app.control;
        match before {
            Before::Firewall => control.set_firewall(Some(Firewall::Redirect)),
            Before::Consent => control.set_sign_in_outcome(SignInOutcome::Consent),
            Before::OtherKeys => control.set_gate_keys(["A", "B", "C"].map(str::to_owned)),
            Before::Superseded => _ = replay.app.refresh().await,
            Before::Nothing | Before::WrongPassword | Before::SignedIn => {}
        }
        replay
    }

    async fn exchange(&mut self, name: &str, text: &str, exchange: &Value) {
        let (request, recorded) = (&exchange["request"], &exchange["response"]);
        let (method, path) = (request["method"].as_str().unwrap(), self.fill(&target(request)));
        let body = self.body(text, exchange);
        let head = self.sign(recorded_head(request, |value| self.fill(value)), &body);
        let reply = self.app.raw(method, &path, &head, &body).await;
        let place = format!("{name}: {method} {path}: {}", reply.body);
        assert_eq!(u64::from(reply.status), recorded["status"].as_u64().unwrap(), "{place}");
        if recorded["body_kind"] == "json" {
            same_shape(&recorded["body"], &reply.json(), &place);
            self.learn(&recorded["body"], &reply.json());
        }
        let leads = recorded["headers"].as_array().unwrap().iter().find(|pair| pair[0] == "Location");
        if let Some(leads) = leads {
            self.follow(leads[1].as_str().unwrap(), reply.header("location").unwrap(), &place);
        }
        self.take_cookies(&reply);
    }

    /// Puts this run's values where the recording has its own or a placeholder. Longer names come first.
    fn fill(&self, text: &str) -> String {
        let own = [
            ("<STAMP>", stamp(self.app.config.brand)),
            ("<HEX64>", "0123456789abcdef".repeat(4)),
            ("<HEX24>", "0123456789ABCDEF01234567".to_owned()),
            ("<UUID4>", "9d1ff2ab-9c5a-4a7e-a8a5-2f4b2a0c8f01".to_owned()),
            ("<UTC_OFFSET e.g. +01:00>", "+01:00".to_owned()),
            ("python-requests/<VERSION>", "python-requests/2".to_owned()),
            ("account=STUB-COOKIE", "account=SIMULATED".to_owned()),
            ("JSESSIONID=STUB", self.app.cookies.clone()),
            ("<RSA_PKCS1V15_HEX of the password>", self.sealed()),
        ];
        let mut text =
            own.into_iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, &value));
        for (recorded, given) in &self.fills {
            text = whole(&text, recorded, given);
        }
        text
    }

    fn sealed(&self) -> String {
        if self.key.is_null() { String::new() } else { super::encrypted(&self.key, &self.password) }
    }

    /// The body, with its fields in the recorded order.
    fn body(&self, text: &str, exchange: &Value) -> String {
        let request = &exchange["request"];
        let Some(fields) = request["body"].as_object() else { return String::new() };
        let here = text.find(&format!("\"seq\": {},", exchange["seq"])).unwrap();
        let here = here + text[here..].find("\"body\": {").unwrap();
        let mut names: Vec<&String> = fields.keys().collect();
        names.sort_by_key(|name| text[here..].find(&format!("\"{name}\":")).unwrap());
        let value = |name: &str| self.fill(fields[name].as_str().unwrap());
        if request["body_kind"] == "form" {
            return names.iter().map(|name| format!("{name}={}", value(name))).collect::<Vec<_>>().join("&");
        }
        let pairs: Vec<String> =
            names.iter().map(|name| format!("\"{name}\": \"{}\"", value(name))).collect();
        format!("{{{}}}", pairs.join(", "))
    }

    /// Signs what was signed.
    fn sign(&self, head: Headers, body: &str) -> Headers {
        let (marks, head): (Headers, Headers) =
            head.into_iter().partition(|(_, value)| value == "<EPOCH_MS>" || value == "<HMAC_SHA256_HEX>");
        if marks.is_empty() { head } else { self.app.signed(head, body) }
    }

    fn learn(&mut self, recorded: &Value, given: &Value) {
        let mut pairs = NAMES.map(|name| (&recorded[name], &given[name])).to_vec();
        let device = [&recorded["resMsg"]["deviceId"], &given["resMsg"]["deviceId"]];
        pairs.push((device[0], device[1]));
        for (there, here) in pairs {
            if let (Value::String(there), Value::String(here)) = (there, here) {
                self.fills.push((there.clone(), here.clone()));
            }
        }
        if let [Value::String(there), Value::String(here)] = device {
            self.fills.push((there.replace('-', ""), here.replace('-', "")));
        }
        if given["retValue"]["n"].is_string() {
            self.key = given["retValue"].clone();
        }
    }

    /// Both lead to the same place; takes the code over.
    fn follow(&mut self, recorded: &str, given: &str, place: &str) {
        let path = |url: &str| {
            let rest = url.split_once("://").unwrap().1;
            rest[rest.find('/').unwrap()..].split('?').next().unwrap().to_owned()
        };
        assert_eq!(path(recorded), path(given), "{place}");
        let code = |url: &str| Some(url.split_once("?code=")?.1.split('&').next()?.to_owned());
        if let (Some(there), Some(here)) = (code(recorded), code(given)) {
            self.fills.push((there, here));
        }
    }

    fn take_cookies(&mut self, reply: &Reply) {
        let set: Vec<&str> = reply
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .map(|(_, value)| value.split(';').next().unwrap())
            .collect();
        if set.len() == 2 {
            self.app.cookies = set.join("; ");
        }
    }
}

/// Replaces a name where it stands alone, so that `NONCCS-1` is not found in `X-NONCCS-1`.
fn whole(text: &str, name: &str, value: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
    match text.find(name) {
        Some(at)
            if !is_part(text[..at].chars().next_back())
                && !is_part(text[at + name.len()..].chars().next()) =>
        {
            text.replacen(name, value, 1)
        }
        _ => text.to_owned(),
    }
}
