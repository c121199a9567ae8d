//! Two homes that differ in keys, passwords, a token and a cookie, which all go into what the host derives.

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::acme::{self, AcmeHome, DESCRIBE, SIGN_IN};
use testkit::handmade::connector::{Connector, DONE};
use testkit::{Home as _, acme::CAR};

use super::{Lines, Seen, seen};

/// What differs between two runs.
#[derive(Debug, Clone, Copy)]
struct Secrets {
    configured: [(&'static str, &'static str); 5],
    token: &'static str,
    cookie: &'static str,
}

const ONE: Secrets = Secrets {
    configured: [
        ("user", "AAAAAAAAAAAAAAAA"),
        ("password", "BBBBBBBBBBBBBBBBBBBB"),
        ("signing-key", "CCCCCCCCCCCCCCCCCCCCCCCC"),
        ("other-key", "DDDDDDDDDDDD"),
        ("pin", "1234"),
    ],
    token: "EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE",
    cookie: "FFFFFFFFFFFFFFFF",
};

/// Of the same lengths.
const ANOTHER: Secrets = Secrets {
    configured: [
        ("user", "zq81mvkd73hwpx05"),
        ("password", "p7Kd0wq+Xe/9vBn2Lr=t"),
        ("signing-key", "9f3e1c7ab5d20846e1c37fa9"),
        ("other-key", "kQ7-zX_2mW!p"),
        ("pin", "8306"),
    ],
    token: "eyJhbGciOiJub25lIn0-7Qw2xZr9TkVb",
    cookie: "s7dk39Qm10xzPw5v",
};

/// With what a header, JSON and a form write in their own ways, and longer.
const ODD: Secrets = Secrets {
    configured: [
        ("user", "a user <with> \"everything\" & ünicode€"),
        ("password", "correct horse+\"9\" \\u0041 %41 &amp;=<b> ü€"),
        ("signing-key", "a key that is longer than one block of the digest has, which is sixty-four bytes"),
        ("other-key", "%7B\\n{secret:user}{derived:d-0}"),
        ("pin", "0907"),
    ],
    token: "a-token-that-is-longer-than-the-other-one-0123456789",
    cookie: "a=longer=cookie=with=signs",
};

const IDP: &str = "https://idp.acme.example/echo";
const API: &str = "https://api.acme.example/echo";

/// A key of a signature, as a cloud publishes it.
const MODULUS: &str = "yJeMq_SdHc4SdbpxjXzWGvABJWNs7speQTh55VyYa-IkOZO9LJkI8qHBTiSm3FPmlQpcKHHUpCsTgUqzZNKow8NICvoRlyN1XM\
                       CAgxomhRgplX9w4pu6KwZ28w8HwXkeokspvAgcj0t8ep8g6jHHXFhBmzmGebrC-0X3DusfECE";

fn over(how: &str, pieces: Value, encoding: &str) -> Value {
    json!({ how: { "pieces": pieces, "encoding": encoding } })
}

fn keyed(key: &str, message: Value) -> Value {
    let key = json!([{ "text": format!("before-{{secret:{key}}}") }]);
    json!({ "hmac-sha256": { "key": key, "message": message, "encoding": "hex-lower" } })
}

/// A request with each of these in a header of its own.
fn deriving(url: &str, hows: &[Value]) -> Value {
    let each = || hows.iter().enumerate();
    let headers: Vec<_> =
        each().map(|(at, _)| json!([format!("x-{at}"), format!("v={{derived:d-{at}}}")])).collect();
    let derivations: Vec<_> =
        each().map(|(at, how)| json!({ "name": format!("d-{at}"), "how": how })).collect();
    json!({ "method": "post", "url": url, "headers": headers, "derivations": derivations, "jar": "j" })
}

/// Requests that sign what they carry.
fn signing() -> Vec<Value> {
    let text = |text: &str| json!({ "text": text });
    let mut body = deriving(
        API,
        &[
            over("join", json!(["time-ms"]), "text"),
            keyed("signing-key", json!(["body", { "header": "x-user" }, "time-s"])),
            keyed("other-key", json!([text("{derived:d-1}{secret:access-token}")])),
            over("sha256", json!(["body-without-white-space"]), "base64"),
            over("join", json!([text("{secret:user}:{secret:access-token}")]), "base64"),
            over("join", json!([text("{secret:pin}")]), "base64-unpadded"),
            over("sha256", json!([{ "header": "cookie" }]), "base64url-unpadded"),
        ],
    );
    body["headers"].as_array_mut().unwrap().push(json!(["x-user", "{vehicle:id}"]));
    body["body"] = json!({ "json": r#"{"u": "{secret:user}", "t": "Bearer {secret:access-token}"}"# });
    let cookies = json!({ "url": "https://api.acme.example/cookies", "jar": "j" });
    let without = deriving(API, &[over("sha256", json!([{ "header": "cookie" }]), "hex-upper")]);
    vec![without, cookies, body, json!({ "url": API, "jar": "j" }), json!({ "url": IDP, "jar": "j" })]
}

/// Requests that sign in, more of them than may.
fn signing_in() -> Vec<Value> {
    let password = json!([{ "text": "{secret:password}" }]);
    let capture = json!({ "source": { "json": "" }, "target": { "public-key": "certs" } });
    let key = json!({ "url": "https://idp.acme.example/key", "captures": [capture] });
    let seal = json!({ "rsa-pkcs1": { "public-key": "certs", "pieces": password, "encoding": "hex-upper" } });
    let hash = over("sha256", password.clone(), "base64url-unpadded");
    let basic = over("join", json!([{ "text": "{secret:user}:{secret:password}" }]), "base64");
    let mut form = deriving(IDP, &[over("sha256", json!(["body"]), "hex-lower")]);
    form["body"] = json!({ "form": [["p", "{secret:password}"], ["u", "{secret:user}"]] });
    vec![key, deriving(IDP, &[seal, hash, basic.clone()]), form, deriving(IDP, &[basic])]
}

/// Requests that are denied.
fn denied() -> Vec<Value> {
    let text = |text: &str| json!([{ "text": text }]);
    vec![
        deriving(IDP, &[over("sha256", text("{secret:signing-key}"), "base64")]),
        deriving(IDP, &[keyed("password", text("m"))]),
        deriving("https://ads.acme.example/echo", &[over("sha256", text("{secret:password}"), "base64")]),
        json!({ "url": format!("{IDP}?{{secret:other-key}}") }),
    ]
}

async fn play(secrets: Secrets) -> Seen {
    let (given, logged) = (Lines::default(), Lines::default());
    let _logging = logged.of_the_host();
    let lock = acme::telling(&[signing(), denied()].concat()) + DONE;
    // What is told with a failure, a policy is given.
    let last = acme::sent(&json!({ "url": format!("{IDP}?{{secret:user}}") }));
    let read = format!("{} (call $failed (call $heard {last}))", acme::telling(&signing_in()));
    let connector =
        Connector { describe: DESCRIBE, sign_in: &SIGN_IN, lock: &lock, read: &read, ..Connector::default() };
    let tap = Arc::new(given.clone());
    let home = AcmeHome::with(&connector, &secrets.configured, secrets.token, |environment| {
        environment.with_tap(tap)
    });
    let home = home.await;
    home.cloud.answers("/key", 200, &json!({ "n": MODULUS, "e": "AQAB" }));
    home.cloud.sets(&format!("session={}; Path=/", secrets.cookie));
    for _ in 0..6 {
        home.lock().await;
        home.home.command(CAR, "refresh_cached", "").await;
        home.home.advance(std::time::Duration::from_secs(1_800)).await;
    }
    let arrived = home.cloud.arrived();
    let all: String = arrived.iter().map(acme::Arrived::text).collect();
    assert!(all.contains(secrets.cookie) && all.contains(secrets.token), "{all}");
    let derived = arrived.iter().flat_map(|it| it.headers.values()).filter_map(|value| {
        let value = value.to_str().unwrap().strip_prefix("v=")?;
        // The time is no secret.
        (!value.bytes().all(|byte| byte.is_ascii_digit())).then(|| value.to_owned())
    });
    let mut never: Vec<String> = derived.collect();
    assert!(never.len() >= 10, "{never:?}");
    never.extend([secrets.token, secrets.cookie].map(str::to_owned));
    let long = secrets.configured.iter().filter(|(name, _)| *name != "pin");
    never.extend(long.map(|(_, secret)| (*secret).to_owned()));
    Seen::of(&home.home, &given, &logged, never).await
}

pub(super) fn compare() {
    let one = seen(play(ONE));
    one.hides_its_secrets();
    let marks =
        ["{secret:d-0}", "{secret:d-6}", "{secret:session}", "v={secret:d-5}", "is a key, which stands"];
    for mark in marks {
        assert!(one.published.iter().any(|line| line.contains(mark)), "nothing was seen of {mark}");
    }
    for (name, secrets) in [("the same again", ONE), ("others", ANOTHER), ("odd ones", ODD)] {
        one.is_the_same_as(&seen(play(secrets)), name);
    }
}
