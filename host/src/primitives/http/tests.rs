use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use url::Url;

use super::preparation::{LARGEST_HEADERS, LARGEST_REQUEST, LONGEST_URL, MOST_SECRETS, OURS};
use super::*;
use crate::bindings::http::{Body, Capture, CaptureSource, CaptureTarget, Method};
use crate::cell::{Cells, Secrets};
use crate::descriptor::{Configured, Network, Refusals, SecretRule, SecretRules};
use crate::digest::Digest;
use crate::entropy::SystemEntropy;
use crate::primitives::{Allowance, Endpoint, HttpClient, PinGuard, Skew, Transport};
use crate::protect::quota::DailyQuota;
use crate::store::{MemoryStore, Store};
use crate::time::{Clock, SystemClock};
use crate::wire::publish::Discard;

mod derived;
mod echo;
mod given;
mod offers;
mod private;
mod rehearsed;
mod visits;

async fn call() -> Call {
    call_over(Arc::new(HttpClient::new(&Network::default()).unwrap()), 1).await
}

/// The rule of a secret that may be sent to one endpoint. `essential` says so of one that answers bring.
fn rule(class: SecretClass, endpoint: &str, essential: Option<bool>) -> SecretRule {
    let configured = if essential == Some(true) { Configured::Never } else { Configured::Optional };
    SecretRule {
        endpoints: BTreeSet::from([endpoint.to_owned()]),
        rotates: essential == Some(false),
        ..SecretRule::new(class, configured)
    }
}

fn rules() -> SecretRules {
    let rules = [
        ("pin", rule(SecretClass::Pin(PinStyle::Challenge), "ccapi", None)),
        ("refresh-token", rule(SecretClass::Token, "idp", Some(false))),
        ("access-token", rule(SecretClass::Token, "ccapi", Some(true))),
        ("username", rule(SecretClass::Identifier, "idp", None)),
        ("password", rule(SecretClass::Password, "idp", None)),
        ("code", rule(SecretClass::OneTimeCode, "idp", None)),
        ("state", rule(SecretClass::Token, "idp", Some(true))),
        ("signing-key", rule(SecretClass::Key, "idp", None)),
    ];
    rules.map(|(name, rule)| (name.to_owned(), rule)).into()
}

/// A call that may send `sends` requests over this transport.
async fn call_over(transport: Arc<dyn Transport>, sends: u32) -> Call {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let endpoint = |name: &str, url: &str| Endpoint { name: name.to_owned(), url: Url::parse(url).unwrap() };
    let now = clock.now();
    let context = AccountContext {
        account: "home".to_owned(),
        endpoints: vec![
            endpoint("ccapi", "https://cars.example:8080/base"),
            endpoint("idp", "https://idp.example"),
        ],
        secrets: Secrets::from([
            ("pin".to_owned(), "1234".into()),
            ("refresh-token".to_owned(), "R/\r\n\"x\"".into()),
        ]),
        rules: rules(),
        sign_ins: Arc::new(DailyQuota::open("sign-ins", "home", Some(2), &store).await.unwrap()),
        command_answers: Arc::default(),
        refusals: Refusals::default(),
        cells: Cells::open("home", [], &store, &clock).await.unwrap(),
        transport,
        clock,
        entropy: Arc::new(SystemEntropy),
        publisher: Arc::new(Discard),
        topic_prefix: "b/account/home/connector/".to_owned(),
        pin: PinGuard::open("home", Digest::of(b"").into(), "refused".to_owned(), &store, now)
            .await
            .unwrap()
            .0,
        skew: Skew::default(),
        metrics: Arc::default(),
        tap: None,
    };
    Call::new(
        Arc::new(context),
        Arc::new(Allowance::new(sends)),
        "test".to_owned(),
        crate::cell::Snapshot::default(),
    )
}

fn get(url: &str) -> Request {
    Request {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: Body::Empty,
        derivations: Vec::new(),
        captures: Vec::new(),
        jar: None,
        timeout: None,
        acts_on_vehicle: false,
    }
}

fn why_denied(call: &Call, request: &Request) -> String {
    match prepare(call, request) {
        Err(TransportError::Denied(why)) => why,
        Err(other) => unreachable!("{other:?}"),
        Ok(prepared) => unreachable!("allowed: {:?}", prepared.request),
    }
}

#[tokio::test]
async fn only_the_endpoints_of_the_account_are_reached() {
    let call = call().await;
    for url in ["https://cars.example:8080/base", "https://cars.example:8080/base/x", "https://idp.example/"]
    {
        assert!(prepare(&call, &get(url)).is_ok(), "{url}");
    }
    for url in [
        "https://cars.example/base",
        "http://cars.example:8080/base",
        "https://cars.example:8080/",
        "https://cars.example:8080/base/../admin",
        "https://cars.example:8080/baseball",
        "https://evil.example/base",
        "https://idp.example@evil.example/",
        "https://user:word@idp.example/",
        "https://idp.example.evil.example/",
        "file:///etc/passwd",
        "idp.example",
        "",
    ] {
        assert!(!why_denied(&call, &get(url)).is_empty(), "{url}");
    }
    // A secret decides nothing about where a request goes.
    why_denied(&call, &get("https://{secret:pin}.example/"));
}

#[tokio::test]
async fn a_secret_goes_only_to_the_endpoint_that_it_is_bound_to() {
    let call = call().await;
    let with_body = |url: &str, body: &str| Request { body: Body::Json(body.to_owned()), ..get(url) };
    let pin = r#"{"pin":"{secret:pin}"}"#;
    let prepared = prepare(&call, &with_body("https://cars.example:8080/base/pin", pin)).unwrap();
    let body = prepared.request.body.as_deref().unwrap();
    assert_eq!(body, br#"{"pin":"1234"}"#);
    assert_eq!(prepared.carries, ["pin"]);

    let why = why_denied(&call, &with_body("https://idp.example/pin", pin));
    assert_eq!(why, "the secret pin may not be sent to the endpoint idp");
    assert!(why_denied(&call, &get("https://idp.example/?t={secret:nothing}")).contains("nothing"));
    assert!(
        why_denied(&call, &get("https://cars.example:8080/base?t={secret:access-token}"))
            .contains("no access-token")
    );
}

#[tokio::test]
async fn a_secret_stays_one_value_wherever_it_is_put() {
    let call = call().await;
    let prepared = prepare(&call, &get("https://idp.example/{secret:refresh-token}?a=b")).unwrap();
    assert_eq!(prepared.request.url.as_str(), "https://idp.example/R%2F%0D%0A%22x%22?a=b");
    let in_header = Request {
        headers: vec![("authorization".to_owned(), "Bearer {secret:refresh-token}".to_owned())],
        ..get("https://idp.example/")
    };
    let why = why_denied(&call, &in_header);
    assert!(why.contains("authorization") && !why.contains("R/"), "{why}");
    let names = ["Host", "content-length", "Connection", "bad name", "{secret:pin}", "", "a:b", "a\r\nb"];
    for name in names.into_iter().chain(OURS) {
        let headers = vec![(name.to_owned(), "x".to_owned())];
        why_denied(&call, &Request { headers, ..get("https://idp.example/") });
    }
}

#[tokio::test]
async fn a_refused_pin_is_not_put_into_any_request() {
    let call = call().await;
    call.context.pin.refuse("", jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    let why = why_denied(&call, &get("https://cars.example:8080/base?pin={secret:pin}"));
    assert!(why.contains("refused"), "{why}");
}

fn denied_body(call: &Call, body: Body) -> String {
    why_denied(call, &Request { body, ..get("https://cars.example:8080/base") })
}

#[tokio::test]
async fn a_placeholder_stands_where_a_value_can_stay_one() {
    let call = call().await;
    let pin = "{secret:pin}".to_owned();
    let form = |name: &str, value: &str| Body::Form(vec![(name.to_owned(), value.to_owned())]);
    assert!(denied_body(&call, form(&pin, "x")).contains("name of a form's field"));
    assert!(denied_body(&call, Body::Text(pin.clone())).contains("plain text has no place"));
    assert!(denied_body(&call, Body::Json(pin.clone())).contains("not JSON"));
    assert!(denied_body(&call, Body::Json(format!(r#"{{"{pin}":1}}"#))).contains("name of a member"));

    let request = Request { body: form("a&b", "{secret:refresh-token}"), ..get("https://idp.example/token") };
    let prepared = prepare(&call, &request).unwrap();
    let body = prepared.request.body.as_deref().unwrap();
    assert_eq!(body, b"a%26b=R%2F%0D%0A%22x%22");
    // Encoded by the guest it is text like any other, and nothing is sent in its place.
    let prepared = prepare(&call, &get("https://idp.example/%7Bsecret:pin%7D?a=%7Bsecret%3Apin%7D")).unwrap();
    assert_eq!(prepared.request.url.as_str(), "https://idp.example/%7Bsecret:pin%7D?a=%7Bsecret%3Apin%7D");
    assert!(prepared.carries.is_empty());
    let many = "{secret:pin}".repeat(MOST_SECRETS + 1);
    assert!(denied_body(&call, Body::Json(format!("[\"{many}\"]"))).contains("more than 16 secrets"));
}

#[tokio::test]
async fn whether_a_body_fits_does_not_depend_on_the_secret() {
    let call = call().await;
    let padded = |size: usize| {
        let padding = "x".repeat(size - r#"{"p":"{secret:pin}"}"#.len());
        Body::Json(format!(r#"{{"p":"{{secret:pin}}{padding}"}}"#))
    };
    let fits = Request { body: padded(LARGEST_REQUEST), ..get("https://cars.example:8080/base") };
    assert!(prepare(&call, &fits).is_ok());
    assert!(denied_body(&call, padded(LARGEST_REQUEST + 1)).contains("larger than"));
}

#[tokio::test]
async fn a_url_and_headers_are_only_so_large() {
    let call = call().await;
    let url = |length: usize| {
        let base = "https://idp.example/?t={secret:refresh-token}&x=";
        get(&format!("{base}{}", "x".repeat(length - base.len())))
    };
    assert!(prepare(&call, &url(LONGEST_URL)).is_ok());
    assert_eq!(why_denied(&call, &url(LONGEST_URL + 1)), "the URL is longer than 8192 bytes");
    // Of two together: what counts is their sum.
    let headers = |length: usize| {
        let value = |length: usize| "x".repeat(length);
        let headers = vec![
            ("a".to_owned(), value(LARGEST_HEADERS / 2)),
            ("b".to_owned(), value(length - LARGEST_HEADERS / 2 - 6)),
        ];
        Request { headers, ..get("https://idp.example/") }
    };
    assert!(prepare(&call, &headers(LARGEST_HEADERS)).is_ok());
    let why = why_denied(&call, &headers(LARGEST_HEADERS + 1));
    assert_eq!(why, "the headers are larger than 16384 bytes together");
}

#[tokio::test]
async fn what_the_owner_wrote_is_not_replaced_by_an_answer() {
    let call = call().await;
    for name in ["pin", "username", "nothing", "x}{secret:pin", ""] {
        let why =
            why_denied(&call, &Request { captures: vec![secret("/a", name)], ..get("https://idp.example/") });
        assert_eq!(why, format!("the secret {name} is not taken from answers"));
    }
    let rotates = Request { captures: vec![secret("/a", "refresh-token")], ..get("https://idp.example/") };
    assert!(prepare(&call, &rotates).is_ok());
}

fn secret(pointer: &str, name: &str) -> Capture {
    Capture {
        source: CaptureSource::Json(pointer.to_owned()),
        target: CaptureTarget::Secret(name.to_owned()),
    }
}

/// Returns what a guest gets of an answer, as lines.
fn received(call: &mut Call, answer: Incoming, captures: &[Capture], sent: &[&str]) -> String {
    let sent: Vec<String> = sent.iter().map(|&name| name.to_owned()).collect();
    let Ok(Incoming { headers, body, .. }) =
        receive(call, answer, Asked { captures, sent: &sent, endpoints: &[] })
    else {
        unreachable!("it was withheld: {:?}", call.withheld);
    };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{headers}{}", String::from_utf8(body).unwrap())
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Incoming {
    let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Incoming { status, headers, body: body.as_bytes().to_vec() }
}

#[tokio::test]
async fn an_answer_that_echoes_is_clean_in_every_part() {
    let mut call = call().await;
    let token = "abcdefgh/ijkl";
    let headers = [
        ("location", "https://evil.example/?t=abcdefgh%2fijkl"),
        ("x-abcdefgh/ijkl", "x"),
        ("set-cookie", "a=YWJjZGVmZ2gvaWprbA==; path=/"),
        ("content-length", "77"),
        ("content-digest", "sha-256=:x:"),
        ("digest", "x"),
        ("content-md5", "x"),
        ("content-type", "application/json"),
    ];
    let body = r#"{"a":"abcdefgh/ijkl","b":"abcdefgh\/ijkl","c":"x1234","d":"\u0061bcdefgh%2Fijkl"}"#;
    let got = received(&mut call, answer(200, &headers, body), &[secret("/a", "access-token")], &["pin"]);
    assert_eq!(
        got,
        "location: https://evil.example/?t={secret:access-token}\n{secret:access-token}: x\nset-cookie: \
         a={secret:access-token}A==; path=/\ncontent-type: application/json\n{\"a\":\"{secret:access-token}\",\"b\":\
         \"{secret:access-token}\",\"c\":\"x{secret:pin}\",\"d\":\"{secret:access-token}\"}"
    );
    // The token is known from then on. A PIN that was not sent is not looked for: it would be found in
    // odometers.
    let got = received(&mut call, answer(200, &[], &format!("{token} 1234")), &[], &[]);
    assert_eq!(got, "{secret:access-token} 1234");
}

/// Returns why a guest is not given an answer.
fn withheld(call: &mut Call, answer: Incoming, captures: &[Capture]) -> String {
    match receive(call, answer, Asked { captures, sent: &[], endpoints: &[] }) {
        Err(TransportError::Other(why)) => why,
        Err(other) => unreachable!("{other:?}"),
        Ok(given) => unreachable!("given: {}", String::from_utf8_lossy(&given.body)),
    }
}

fn private(pointer: &str) -> Capture {
    Capture { source: CaptureSource::Json(pointer.to_owned()), target: CaptureTarget::Private }
}

#[tokio::test]
async fn where_the_host_cannot_look_the_guest_cannot_either() {
    let mut call = call().await;
    let brotli = [("content-encoding", "identity, BR"), ("content-type", "application/json; charset=utf-8")];
    let why = "the answer comes in the coding `br`, which this host cannot undo";
    let seen = withheld(&mut call, answer(200, &brotli, "anything"), &[]);
    assert_eq!(seen, format!("{why} (HTTP 200, application/json, 8 bytes)"));
    // The status and the other headers of a refusal are wanted all the same.
    let got = received(&mut call, answer(401, &brotli, "anything"), &[], &[]);
    assert!(got.ends_with(&format!("\n{why} (HTTP 401, application/json, 8 bytes)")), "{got}");
    let plain = [("content-encoding", "identity")];
    assert_eq!(received(&mut call, answer(200, &plain, "anything"), &[], &[]), "anything");

    let broken = r#"{"a":"a-new-token",}"#;
    let json = [("content-type", "application/json")];
    let page = [("content-type", "text/html; charset=KNALEGACY00000001")];
    let odd = [("content-type", "52.520008 13.404954")];
    for wanted in [secret("/a", "access-token"), secret("/a", "refresh-token"), private("/a")] {
        let wanted = [wanted];
        for (status, headers, body, why) in [
            (200, &json[..], broken, "is not JSON (HTTP 200, application/json, 20 bytes)"),
            (200, &page, "<p>52.520008", "is not JSON (HTTP 200, text/html, 12 bytes)"),
            (201, &odd, "x", "is not JSON (HTTP 201, of no media type, 1 bytes)"),
            (200, &json, "{} {}", "is not JSON (HTTP 200, application/json, 5 bytes)"),
            (200, &[], "", "is empty (HTTP 200, 0 bytes)"),
            (204, &[], " \n", "is empty (HTTP 204, 2 bytes)"),
            (200, &[], "\"52.520008\"", "is JSON of another shape (HTTP 200, 11 bytes)"),
            (200, &[], "[52.520008]", "is JSON of another shape (HTTP 200, 11 bytes)"),
        ] {
            let seen = withheld(&mut call, answer(status, headers, body), &wanted);
            assert_eq!(seen, format!("the answer {why}"), "{body}");
        }
        assert_eq!(received(&mut call, answer(502, &[], "<p>Bad gateway"), &wanted, &[]), "<p>Bad gateway");
    }
    assert_eq!(received(&mut call, answer(200, &[], broken), &[], &[]), broken);
}

#[tokio::test]
async fn a_byte_order_mark_and_another_name_of_gzip_hide_nothing_from_the_host() {
    let mut call = call().await;
    let marked = "\u{feff}{\"vin\":\"KNALEGACY00000001\",\"a\":1}";
    let coded = [("content-encoding", "utf-8")];
    let got = received(&mut call, answer(200, &coded, marked), &[private("/vin")], &[]);
    assert_eq!(got, r#"{"a":1,"vin":"{private:0}"}"#);
}

#[tokio::test]
async fn a_refusal_is_read_without_what_is_private_in_it() {
    let mut call = call().await;
    let text = "no route to 52.520008, 13.404954 for knalegacy00000001";
    let got = received(&mut call, answer(500, &[], text), &[private("/lat")], &[]);
    assert_eq!(got, "no route to *.****, *.**** for *************0001");
    let got = received(&mut call, answer(400, &[], r#"{"at":{"Lat":52.5,"b":1}}"#), &[private("/lat")], &[]);
    assert_eq!(got, r#"{"at":{"Lat":"{private:0}","b":1}}"#);
}

#[tokio::test]
async fn an_essential_secret_that_does_not_come_fails_the_request() {
    let mut call = call().await;
    let captures = [secret("/a", "access-token"), secret("/r", "refresh-token")];
    let wanted = || BTreeSet::from(["access-token".to_owned()]);
    let mut misses = BTreeMap::new();
    for value in
        ["null", "\"\"", "\"   \"", "\"x\"", "\"null\"", "\"undefined\"", "true", "12345678901", "{}"]
    {
        let body = format!(r#"{{"a":{value},"r":"a-rotated-token"}}"#);
        let why = withheld(&mut call, answer(200, &[], &body), &captures);
        assert_eq!(why, format!("the answer has no access-token (HTTP 200, {} bytes)", body.len()));
        assert_eq!(call.missing, wanted());
        // What is missing already and is asked for in vain once more was asked for since.
        assert!(call.missed_since(&misses).is_some());
        misses = call.misses.clone();
        assert!(call.missed_since(&misses).is_none());
        // The secret that came beside it is the only one that is left.
        assert_eq!(call.captured.keys().collect::<Vec<_>>(), ["refresh-token"]);
        assert!(!call.captured_essential());
        // A refusal need not have any.
        assert!(received(&mut call, answer(401, &[], &body), &captures, &[]).starts_with(r#"{"a":null"#));
    }
    let body = r#"{"a":"a-new-token","r":""}"#;
    let got = received(&mut call, answer(200, &[], body), &captures, &[]);
    assert_eq!(got, r#"{"a":"{secret:access-token}","r":null}"#);
    assert!(call.missing.is_empty() && call.captured_essential());
    assert_eq!(call.captured["refresh-token"].expose_secret(), "a-rotated-token");
}

#[tokio::test]
async fn a_captured_value_is_taken_out_whatever_it_is() {
    let mut call = call().await;
    // Of two members of one name the first is nowhere afterwards.
    let body = r#"{"a":"first-token","a":"second-token","b":7,"c":null,"d":""}"#;
    let captures = [
        secret("/a", "access-token"),
        secret("/b", "refresh-token"),
        secret("/c", "access-token"),
        secret("/d", "empty"),
    ];
    let got = received(&mut call, answer(200, &[], body), &captures, &[]);
    assert_eq!(got, r#"{"a":"{secret:access-token}","b":null,"c":null,"d":null}"#);
}

#[tokio::test]
async fn a_secret_of_a_character_or_two_is_looked_for_nowhere() {
    let mut call = call().await;
    let context = Arc::get_mut(&mut call.context).unwrap();
    context.secrets.insert("username".to_owned(), "e".into());
    let sent = ["username", "pin"];
    assert_eq!(received(&mut call, answer(200, &[], "here 1234"), &[], &sent), "here {secret:pin}");
}

#[tokio::test]
async fn a_secret_that_is_too_large_is_none_and_neither_is_what_came_with_it() {
    let mut call = call().await;
    let captures = [secret("/a", "access-token"), secret("/b", "refresh-token")];
    let body = |length: usize| format!(r#"{{"a":"a-new-token","b":"{}"}}"#, "x".repeat(length));
    let large = answer(200, &[], &body((8 << 10) + 1));
    match receive(&mut call, large, Asked { captures: &captures, sent: &[], endpoints: &[] }) {
        Err(TransportError::Interrupted(why)) => {
            assert_eq!(why, "the refresh-token in the answer is larger than 8192 bytes");
        }
        _ => unreachable!("it was given"),
    }
    assert!(call.captured.is_empty());
    received(&mut call, answer(200, &[], &body(8 << 10)), &captures, &[]);
    assert_eq!(call.captured.len(), 2);
}

#[tokio::test]
async fn a_mark_is_filled_in_a_document_only_and_only_with_what_the_call_has_captured() {
    let mut call = call().await;
    let got =
        received(&mut call, answer(200, &[], r#"{"vin":"KNALEGACY00000001"}"#), &[private("/vin")], &[]);
    assert_eq!(got, r#"{"vin":"{private:0}"}"#);
    let mut document =
        serde_json::json!({"a": "{private:0}", "b": "{private:1}", "c": "x {private:0}", "{private:0}": 1});
    call.reveal(&mut document);
    let expected = serde_json::json!({"a": "KNALEGACY00000001", "b": "{private:1}", "c": "x {private:0}", "{private:0}": 1});
    assert_eq!(document, expected);
    // In a request it is text.
    let prepared = prepare(&call, &get("https://idp.example/?a={private:0}")).unwrap();
    assert_eq!(prepared.request.url.as_str(), "https://idp.example/?a={private:0}");
}

#[tokio::test]
async fn nothing_prints_what_a_call_holds() {
    let mut call = call().await;
    let captures = [secret("/token", "access-token"), private("/vin")];
    let body = r#"{"token":"abcdefghijkl","vin":"KNALEGACY00000001"}"#;
    received(&mut call, answer(200, &[], body), &captures, &[]);
    let response = transport::Response {
        status: 200,
        headers: vec![("x".to_owned(), "abcdefghijkl".to_owned())],
        body: body.as_bytes().to_vec(),
    };
    let printed = format!("{call:?} {:?} {response:?}", call.context);
    assert!(printed.contains("access-token") && printed.contains("status: 200"), "{printed}");
    for held in ["abcdefghijkl", "KNALEGACY", "1234", "R/", "[97, 98", "[123, 34"] {
        assert!(!printed.contains(held), "{held} in {printed}");
    }
}
