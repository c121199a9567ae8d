//! Published vectors of everything that the host derives, all the way: a connector asks for it, the host computes it over
//! secrets of the configuration, and the cloud looks at what has arrived.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use serde_json::{Value, json};
use testkit::acme::{self, AcmeHome, Arrived, SECRETS, TOKEN};
use testkit::handmade::connector::DONE;
use vehicle_connector::wire::outcome::State;

/// The values of the configuration, but for one.
fn with<'s>(name: &str, value: &'s str) -> Vec<(&'s str, &'s str)> {
    SECRETS.into_iter().map(|(it, usual)| (it, if it == name { value } else { usual })).collect()
}

/// Has a connector send these requests, and returns what of them has arrived.
async fn arrived(secrets: &[(&str, &str)], requests: &[Value]) -> Vec<Arrived> {
    let send = |request| format!("(call $ok {})", acme::sent(request));
    let lock = requests.iter().map(send).collect::<String>() + DONE;
    let home = AcmeHome::with(&acme::that_locks(&lock), secrets, TOKEN, |environment| environment).await;
    home.cloud.answers("/key", 200, &json!({ "kty": "RSA", "n": MODULUS, "e": EXPONENT }));
    let report = home.lock().await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let arrived = home.cloud.arrived();
    assert_eq!(arrived.len(), requests.len());
    arrived
}

/// A request that is sent with each of these in a header of its own, `x-0` and so on.
fn deriving(hows: &[Value]) -> Value {
    let each = || hows.iter().enumerate();
    let headers: Vec<_> =
        each().map(|(at, _)| json!([format!("x-{at}"), format!("{{derived:d-{at}}}")])).collect();
    let derivations: Vec<_> =
        each().map(|(at, how)| json!({ "name": format!("d-{at}"), "how": how })).collect();
    json!({ "url": "https://idp.acme.example/x", "headers": headers, "derivations": derivations })
}

/// A digest or a joining of a text.
fn over(how: &str, text: &str, encoding: &str) -> Value {
    json!({ how: { "pieces": [{ "text": text }], "encoding": encoding } })
}

/// RFC 4231 §4.2, §4.3 and §4.5. The keys of the others are no text, which every secret of a configuration is.
#[tokio::test(start_paused = true)]
async fn a_request_is_signed_as_rfc_4231_says() {
    let (twenty, numbers) = ("\u{b}".repeat(20), (1..=25).map(char::from).collect::<String>());
    let fifty = json!({ "bytes": ["application/octet-stream", vec![0xcd; 50]] });
    for (key, message, body, expected) in [
        (
            twenty.as_str(),
            json!({ "text": "Hi There" }),
            json!("empty"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            "Jefe",
            json!({ "text": "what do ya want for nothing?" }),
            json!("empty"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&numbers, json!("body"), fifty, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    ] {
        let keyed = |encoding| {
            let key = json!([{ "text": "{secret:signing-key}" }]);
            json!({ "hmac-sha256": { "key": key, "message": [message], "encoding": encoding } })
        };
        let mut request = deriving(&[keyed("hex-lower"), keyed("hex-upper")]);
        request["method"] = "post".into();
        request["body"] = body;
        let arrived = arrived(&with("signing-key", key), &[request]).await;
        assert_eq!(arrived[0].header("x-0"), expected);
        assert_eq!(arrived[0].header("x-1"), expected.to_uppercase());
    }
}

/// FIPS 180-4, with the examples of RFC 6234 §8.5, and RFC 7636 appendix B.
#[tokio::test(start_paused = true)]
async fn a_password_is_digested_as_fips_180_and_rfc_7636_say() {
    for (password, encoding, expected) in [
        ("abc", "hex-lower", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "hex-lower",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "base64url-unpadded",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
    ] {
        let request = deriving(&[over("sha256", "{secret:password}", encoding)]);
        let arrived = arrived(&with("password", password), &[request]).await;
        assert_eq!(arrived[0].header("x-0"), expected);
    }
}

/// RFC 7617 §2 and §2.1.
#[tokio::test(start_paused = true)]
async fn credentials_are_joined_as_rfc_7617_says() {
    for (user, password, expected) in [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("test", "123£", "Basic dGVzdDoxMjPCow=="),
    ] {
        let mut request = deriving(&[over("join", "{secret:user}:{secret:password}", "base64")]);
        request["headers"] = json!([["authorization", "Basic {derived:d-0}"]]);
        let secrets = SECRETS.map(|(name, usual)| match name {
            "user" => (name, user),
            "password" => (name, password),
            _ => (name, usual),
        });
        let arrived = arrived(&secrets, &[request]).await;
        assert_eq!(arrived[0].header("authorization"), expected);
    }
}

/// RFC 4648 §10, and §9 for the two alphabets.
#[tokio::test(start_paused = true)]
async fn bytes_are_written_as_rfc_4648_says() {
    const WORDS: [(&str, &str); 5] =
        [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
    let words = WORDS.map(|(word, _)| over("join", word, "base64"));
    let bare = WORDS.map(|(word, _)| over("join", word, "base64-unpadded"));
    let hex = [over("join", "foobar", "hex-upper"), over("join", "foobar", "text")];
    let of_body = |encoding: &str| json!({ "join": { "pieces": ["body"], "encoding": encoding } });
    let mut bytes = deriving(&["base64", "base64-unpadded", "base64url-unpadded", "hex-lower"].map(of_body));
    bytes["method"] = "post".into();
    bytes["body"] = json!({ "bytes": ["x/y", [0x14, 0xfb, 0x9c, 0x03, 0xd9, 0x7e]] });
    let requests = [deriving(&words), deriving(&bare), deriving(&hex), bytes];
    let arrived = arrived(&SECRETS, &requests).await;
    for (at, (_, padded)) in WORDS.into_iter().enumerate() {
        let name = format!("x-{at}");
        assert_eq!(arrived[0].header(&name), padded);
        assert_eq!(arrived[1].header(&name), padded.trim_end_matches('='));
    }
    assert_eq!(["x-0", "x-1"].map(|name| arrived[2].header(name)), ["666F6F626172", "foobar"]);
    let names = ["x-0", "x-1", "x-2", "x-3"];
    let written = ["FPucA9l+", "FPucA9l+", "FPucA9l-", "14fb9c03d97e"];
    assert_eq!(names.map(|name| arrived[3].header(name)), written);
}

/// What is signed is what is sent: the order, the escapes, the white space and the instant.
#[tokio::test(start_paused = true)]
async fn what_is_computed_over_is_what_arrives() {
    let join = |pieces: Value| json!({ "join": { "pieces": pieces, "encoding": "base64url-unpadded" } });
    let time = json!({ "join": { "pieces": ["time-ms"], "encoding": "text" } });
    let mut request = deriving(&[
        time,
        join(json!(["body"])),
        join(json!(["body-without-white-space"])),
        join(
            json!([{ "header": "X-Two" }, { "text": "|" }, { "header": "content-type" }, { "text": "|" }, "time-s"]),
        ),
    ]);
    request["method"] = "post".into();
    request["headers"].as_array_mut().unwrap().extend([
        json!(["x-two", "one"]),
        json!(["X-TWO", "{secret:user}"]),
        json!(["x-time", "{derived:d-0}"]),
    ]);
    request["body"] = json!({ "json": r#"{ "p": "{secret:password}", "t": "{derived:d-0}" }"# });
    let arrived = arrived(&with("password", "a \"b\" c"), &[request]).await.remove(0);
    let body = String::from_utf8(arrived.body.clone()).unwrap();
    let time = arrived.header("x-time");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!({ "p": "a \"b\" c", "t": time }));
    let seconds = &time[..time.len() - 3];
    for (name, expected) in [
        ("x-1", body.clone()),
        ("x-2", body.replace(' ', "")),
        ("x-3", format!("one, {}|application/json|{seconds}", SECRETS[0].1)),
    ] {
        assert_eq!(URL_SAFE_NO_PAD.decode(arrived.header(name)).unwrap(), expected.as_bytes(), "{name}");
    }
}

/// A key that was made for this test: `n`, `e` and `d`.
const MODULUS: &str = "yJeMq_SdHc4SdbpxjXzWGvABJWNs7speQTh55VyYa-IkOZO9LJkI8qHBTiSm3FPmlQpcKHHUpCsTgUqzZNKow8NICvoRlyN1XM\
     CAgxomhRgplX9w4pu6KwZ28w8HwXkeokspvAgcj0t8ep8g6jHHXFhBmzmGebrC-0X3DusfECE";
const EXPONENT: &str = "AQAB";
const PRIVATE: &str = "F9S5Z6x2BhZ3ZvkxiGeuYCDnYfO_-1abgBAfmzo2-YoyV4zPyr6bq4fAGXKNSFvHZymF7WAorSBY_uFLEs1cMz_fKcwi5OzThD\
     SRHmUzXFO_F399uBN2BNe4c1DEf8__IEtBnGJbwXzWdjpcEkpftaQo5Dit_lEMoH_qewOm9kk";

/// Decrypts (RFC 8017 §7.2.2), as the cloud does that has the private key.
fn opened(sealed: &[u8]) -> Vec<u8> {
    let number = |text: &str| BoxedUint::from_be_slice_vartime(&URL_SAFE_NO_PAD.decode(text).unwrap());
    let modulus: Odd<BoxedUint> = Option::from(number(MODULUS).into_odd()).unwrap();
    let modulus = BoxedMontyParams::new_vartime(modulus);
    let sealed = BoxedUint::from_be_slice(sealed, modulus.bits_precision()).unwrap();
    let frame = BoxedMontyForm::new(sealed, &modulus).pow(&number(PRIVATE)).retrieve().to_be_bytes();
    assert_eq!(frame[..2], [0, 2]);
    let end = frame.iter().skip(2).position(|byte| *byte == 0).unwrap() + 2;
    assert!(end >= 10, "at least eight bytes of padding");
    frame[end + 1..].to_vec()
}

#[tokio::test(start_paused = true)]
async fn what_is_sealed_is_read_by_who_has_the_private_key() {
    let capture = json!({ "source": { "json": "" }, "target": { "public-key": "certs" } });
    let key = json!({ "url": "https://idp.acme.example/key", "captures": [capture] });
    let sealed = |encoding: &str| {
        let pieces = json!([{ "text": "{secret:password}" }, { "text": "|{secret:user}" }]);
        json!({ "rsa-pkcs1": { "public-key": "certs", "pieces": pieces, "encoding": encoding } })
    };
    let requests = [key, deriving(&[sealed("base64url-unpadded"), sealed("base64url-unpadded")])];
    let arrived = arrived(&SECRETS, &requests).await;
    let each = ["x-0", "x-1"].map(|name| URL_SAFE_NO_PAD.decode(arrived[1].header(name)).unwrap());
    assert_ne!(each[0], each[1], "the padding is drawn anew");
    for sealed in each {
        assert_eq!(opened(&sealed), format!("{}|{}", SECRETS[1].1, SECRETS[0].1).as_bytes());
    }
}
