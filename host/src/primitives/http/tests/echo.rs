//! A server that echoes what the host has sent tells the guest nothing of a secret in it, whatever the secret
//! is.

use std::cell::RefCell;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use url::form_urlencoded;

use super::*;

/// Place in which a guest has the host put a secret.
#[derive(Debug, Clone, Copy)]
enum Place {
    Path,
    Query,
    Header,
    Form,
    Json,
}

const PLACES: [Place; 5] = [Place::Path, Place::Query, Place::Header, Place::Form, Place::Json];

/// A request with a password in it between what a guest wants around it.
fn request(place: Place, before: &str, after: &str) -> Request {
    let value = format!("{before}{{secret:password}}{after}");
    let plain = get("https://idp.example/sign-in");
    match place {
        Place::Path => get(&format!("https://idp.example/{value}")),
        Place::Query => get(&format!("https://idp.example/?p={value}")),
        Place::Header => Request { headers: vec![("authorization".to_owned(), value)], ..plain },
        Place::Form => Request { body: Body::Form(vec![("p".to_owned(), value)]), ..plain },
        Place::Json => {
            Request { body: Body::Json(serde_json::json!({"a": [{"p": value}]}).to_string()), ..plain }
        }
    }
}

async fn call_with(password: &str) -> Call {
    let mut call = call().await;
    set_password(&mut call, password);
    call
}

fn set_password(call: &mut Call, password: &str) {
    let context = Arc::get_mut(&mut call.context).unwrap();
    context.secrets.insert("password".to_owned(), password.into());
}

/// The parts of a request as they go out.
fn sent(request: &HttpRequest) -> Vec<Vec<u8>> {
    let HttpRequest { method, url, headers, body, .. } = request;
    let line = format!("{method} {}?{}", url.path(), url.query().unwrap_or_default());
    let headers = headers.iter().map(|(_, value)| value.as_bytes().to_vec());
    let body = body.clone();
    [line.into_bytes()].into_iter().chain(headers).chain(body).collect()
}

fn json(text: &str) -> String {
    Value::from(text).to_string()
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&#34;").replace('\'', "&#x27;")
}

/// Changes of a server to what it echoes.
fn wrapped(text: &str) -> Vec<String> {
    let percent = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let latin1: String = text.bytes().map(char::from).collect();
    vec![
        text.to_owned(),
        format!(r#"{{"said":{}}}"#, json(text)),
        json(&json(text)),
        json(&percent),
        json(&html(text)),
        format!("<input value=\"{}\">", html(text)),
        html(&json(text)),
        format!("https://elsewhere.example/?back={percent}"),
        utf8_percent_encode(&percent, NON_ALPHANUMERIC).to_string(),
        format!("said={form}"),
        json(&latin1),
    ]
}

/// Readings of a text by a guest, with one more decoding.
fn readings(text: &str) -> Vec<String> {
    fn strings(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::String(text) => all.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| strings(item, all)),
            Value::Object(fields) => fields.values().for_each(|field| strings(field, all)),
            _ => {}
        }
    }
    let mut all = vec![
        percent_decode_str(text).decode_utf8_lossy().into_owned(),
        percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned(),
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#34;", "\"")
            .replace("&#x27;", "'")
            .replace("&amp;", "&"),
    ];
    for document in [text.to_owned(), format!("\"{text}\"")] {
        if let Ok(value) = serde_json::from_str(&document) {
            strings(&value, &mut all);
        }
    }
    all.retain(|reading| reading != text);
    all
}

fn shows(text: &str, secret: &str, decodings: usize) -> bool {
    text.contains(secret)
        || decodings > 0 && readings(text).iter().any(|reading| shows(reading, secret, decodings - 1))
}

/// Answers of a server to a request, and what the guest is given of each. Nothing if the host does not send
/// the request.
fn echoes(call: &mut Call, request: &Request) -> Vec<(String, String)> {
    let Ok(prepared) = prepare(call, request) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for part in sent(&prepared.request) {
        for echo in wrapped(&String::from_utf8_lossy(&part)) {
            let header = [("x-echo", echo.as_str())];
            let got = receive(
                call,
                answer(400, &header, &echo),
                Asked { captures: &[], sent: &prepared.carries, endpoints: &prepared.endpoints },
            )
            .unwrap();
            let body = String::from_utf8(got.body).unwrap();
            assert_eq!(got.headers[0].1, body, "headers and bodies are searched alike");
            all.push((echo, body));
        }
    }
    all
}

#[tokio::test]
async fn a_form_that_is_echoed_tells_nothing_of_a_password_with_spaces() {
    let mut call = call_with("correct horse 9").await;
    let prepared = prepare(&call, &request(Place::Form, "", "")).unwrap();
    assert_eq!(sent(&prepared.request).last().unwrap(), b"p=correct+horse+9");
    let got = received(&mut call, answer(400, &[], "<p>p=correct+horse+9"), &[], &["password"]);
    assert_eq!(got, "<p>p={secret:password}");
}

#[tokio::test]
async fn what_a_guest_is_given_of_an_echo_is_the_same_whichever_secret_there_is() {
    for place in PLACES {
        let request = request(place, "before-", "-after");
        let given = |mut call: Call| -> Vec<String> {
            echoes(&mut call, &request).into_iter().map(|(_, got)| got).collect()
        };
        let expected = given(call_with("standin0for1a2password").await);
        assert!(expected.iter().any(|got| got.contains("before-{secret:password}-after")));
        for password in [
            "correct horse 9",
            "\"quoted\" and \\back\\slashed\\",
            "\\u0041\\n\\\\\\\"",
            "100%25 %41%2f%",
            "a+b +c&d=e&amp;f",
            "<b>'x'</b>&lt;&#39;",
            "grün, über, £, ß",
            "пароль €😀",
            "%5c\\n%%5cu0041&#x5c;",
        ] {
            assert_eq!(given(call_with(password).await), expected, "{password} in {place:?}");
        }
    }
}

fn secret_text() -> impl Strategy<Value = String> {
    let special = proptest::sample::select(r##" +"\%&;<>'/=?#{}u0a41éü€😀"##.chars().collect::<Vec<_>>());
    let control = proptest::char::range('\0', '\x1f');
    let character = prop_oneof![6 => special, 3 => proptest::char::any(), 1 => control];
    proptest::collection::vec(character, 8..24).prop_map(String::from_iter)
}

#[test]
fn whatever_a_secret_is_and_wherever_it_stands_no_echo_shows_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let call = RefCell::new(runtime.block_on(call()));
    // Text by which a guest may try to have the beginning or the end of a secret read as something else.
    let around =
        proptest::sample::select(vec!["", "%", "%4", "%25", "\\", "\\u00", "&", "&amp", "&%23x4", "+", "a"]);
    let cases = (secret_text(), proptest::sample::select(&PLACES[..]), around.clone(), around);
    let tested = TestRunner::default().run(&cases, |(secret, place, before, after)| {
        let mut call = call.borrow_mut();
        set_password(&mut call, &secret);
        for (echo, got) in echoes(&mut call, &request(place, before, after)) {
            prop_assert!(!shows(&got, &secret, 3), "{got} of {echo}");
        }
        Ok(())
    });
    tested.unwrap();
}

#[tokio::test]
async fn a_code_that_was_handed_in_is_found_in_every_answer_of_its_call() {
    let mut call = call().await;
    call.handed.insert("code".to_owned(), "493817".into());
    let text = "the code 493817 was wrong a moment ago";
    let got = received(&mut call, answer(400, &[], text), &[], &[]);
    assert_eq!(got, "the code {secret:code} was wrong a moment ago");
    call.handed.clear();
    assert_eq!(received(&mut call, answer(400, &[], text), &[], &[]), text, "an odometer, in another call");
}
