//! Requests with derivations as nobody means them well would write them.

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::bindings::http::{Computation, Derivation, Encoding, Joined, Keyed, Piece, Sealed};
use crate::primitives::CapturedKey;
use crate::primitives::derivation::PublicKey;
use crate::primitives::placeholder::placeholder;

/// Where these requests go; the secrets of [`rules`] are bound to one of the two.
const URLS: [&str; 3] =
    ["https://idp.example/x", "https://cars.example:8080/base/x", "https://elsewhere.example/"];

/// Mostly text that can be filled.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "x{0,2}(\\{secret:(username|password)\\})?",
        1 => "([x{}é ]|\\{derived:[a-c]\\}|\\{secret:(pin|signing-key|refresh-token|nothing)\\}|\\{vehicle:(id|vin|x)\\}){0,2}",
    ]
}

/// Mostly the text of a key.
fn any_key() -> impl Strategy<Value = Piece> {
    prop_oneof![8 => Just(Piece::Text("x{secret:signing-key}".to_owned())), 1 => any_piece()]
}

fn any_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        6 => any_text().prop_map(Piece::Text),
        1 => Just(Piece::Header("X-One".to_owned())),
        1 => select(vec!["cookie", "content-type", "", "é"]).prop_map(|it| Piece::Header(it.to_owned())),
        2 => select(vec![Piece::Body, Piece::BodyWithoutWhiteSpace, Piece::TimeMs, Piece::TimeS]),
    ]
}

fn any_encoding() -> impl Strategy<Value = Encoding> {
    use Encoding::{Base64, Base64Unpadded, Base64urlUnpadded, HexLower, HexUpper, Text};
    select(vec![HexLower, HexUpper, Base64, Base64Unpadded, Base64urlUnpadded, Text])
}

fn any_how() -> impl Strategy<Value = Computation> {
    let joined = || {
        (vec(any_piece(), 0..3), any_encoding()).prop_map(|(pieces, encoding)| Joined { pieces, encoding })
    };
    let keyed = (vec(any_key(), 0..2), vec(any_piece(), 0..3), any_encoding());
    prop_oneof![
        joined().prop_map(Computation::Join),
        joined().prop_map(Computation::Sha256),
        keyed.prop_map(|(key, message, encoding)| Computation::HmacSha256(Keyed { key, message, encoding })),
        (select(vec!["certs", "certs", "none"]), vec(any_piece(), 0..2), any_encoding()).prop_map(
            |(key, pieces, encoding)| {
                Computation::RsaPkcs1(Sealed { public_key: key.to_owned(), pieces, encoding })
            }
        ),
    ]
}

fn any_body() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::Empty),
        any_text().prop_map(|text| Body::Json(serde_json::json!({ "a": text }).to_string())),
        any_text().prop_map(|text| Body::Form(vec![("a".to_owned(), text)])),
        any_text().prop_map(Body::Text),
        vec(any::<u8>(), 0..4).prop_map(|bytes| Body::Bytes(("x/y".to_owned(), bytes))),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    let derivations = vec((any::<u8>(), any_how()), 0..4);
    (prop_oneof![4 => Just(URLS[0]), 1 => select(&URLS[..])], any_text(), any_text(), any_body(), derivations)
        .prop_map(|(url, query, header, body, derivations)| Request {
            url: format!("{url}?{query}"),
            headers: vec![("x-one".to_owned(), header)],
            body,
            derivations: (0_usize..)
                .zip(derivations)
                .map(|(at, (odd, how))| {
                    let name = if odd < 8 { ["", "A", "a"][at % 3] } else { ["a", "b", "c"][at] };
                    Derivation { name: name.to_owned(), how }
                })
                .collect(),
            ..get(url)
        })
}

/// Every text in which a placeholder may stand: those of keys, and all others.
fn texts(request: &Request) -> (Vec<&str>, Vec<&str>) {
    fn of(pieces: &[Piece]) -> impl Iterator<Item = &str> {
        pieces
            .iter()
            .filter_map(|piece| if let Piece::Text(text) = piece { Some(text.as_str()) } else { None })
    }
    let (mut keys, mut others) = (Vec::new(), vec![request.url.as_str(), request.headers[0].1.as_str()]);
    match &request.body {
        Body::Json(text) | Body::Text(text) => others.push(text),
        Body::Form(fields) => others.extend(fields.iter().map(|(_, field)| field.as_str())),
        Body::Empty | Body::Bytes(_) => {}
    }
    for Derivation { how, .. } in &request.derivations {
        match how {
            Computation::HmacSha256(keyed) => {
                keys.extend(of(&keyed.key));
                others.extend(of(&keyed.message));
            }
            Computation::Sha256(joined) | Computation::Join(joined) => others.extend(of(&joined.pieces)),
            Computation::RsaPkcs1(sealed) => others.extend(of(&sealed.pieces)),
        }
    }
    (keys, others)
}

/// Whatever the request is, it is denied or computed; and what is computed has in it what may be sent there, in the
/// places where it may stand.
#[test]
fn a_request_with_derivations_is_denied_or_computed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut call = runtime.block_on(call());
    let modulus = "_".repeat(170) + "8";
    let key = PublicKey::from_jwk(&serde_json::json!({ "n": modulus, "e": "AQAB" })).unwrap();
    let endpoints = BTreeSet::from(["idp".to_owned()]);
    call.public_keys.insert("certs".to_owned(), CapturedKey { key, endpoints });
    let context = Arc::get_mut(&mut call.context).unwrap();
    let given = [("password", "p4ss-7c01"), ("username", "us3r-93fe"), ("signing-key", "k3y-20bd")];
    context.secrets.extend(given.map(|(name, secret)| (name.to_owned(), secret.into())));
    let computed = RefCell::new(0_u32);
    let config = Config { cases: 4_000, ..Config::default() };
    let tested = TestRunner::new(config).run(&any_request(), |request| {
        let prepared = match prepare(&call, &request) {
            Ok(prepared) => prepared,
            Err(TransportError::Denied(why)) => {
                let clean = given.iter().all(|(_, secret)| !why.contains(secret)) && why.len() < 1_024;
                prop_assert!(clean, "{why}");
                return Ok(());
            }
            Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        *computed.borrow_mut() += u32::from(!prepared.derived.is_empty());
        let (keys, others) = texts(&request);
        for (name, rule) in &call.context.rules {
            let stands = |texts: &[&str]| texts.iter().any(|text| text.contains(&placeholder(name)));
            let (in_key, elsewhere) = (stands(&keys), stands(&others));
            let is_bound = prepared.endpoints.iter().any(|it| rule.endpoints.contains(it));
            prop_assert!(is_bound || !in_key && !elsewhere, "{name} goes to {:?}", prepared.endpoints);
            let is_key = rule.class == SecretClass::Key;
            prop_assert!(!(is_key && elsewhere) && (is_key || !in_key), "{name} stands in the wrong place");
        }
        Ok(())
    });
    tested.unwrap();
    assert!(*computed.borrow() > 20, "{computed:?} were computed");
}

#[tokio::test]
async fn what_a_call_derives_from_secrets_is_only_so_large() {
    let mut call = call().await;
    let context = Arc::get_mut(&mut call.context).unwrap();
    context.secrets.insert("username".to_owned(), "us3r-93fe".into());
    let derived = |how| {
        let derivations = vec![Derivation { name: "a".to_owned(), how }];
        Request { derivations, ..get(URLS[0]) }
    };
    let joined = |length: usize, end: &str| {
        let pieces = vec![Piece::Text("x".repeat(length) + end)];
        Joined { pieces, encoding: Encoding::Base64 }
    };
    let secret = |length| Computation::Join(joined(length, "{secret:username}"));
    let too_large = "what this call derives from secrets may become larger than 1048576 bytes";
    assert_eq!(why_denied(&call, &derived(secret(800_000))), too_large);
    let prepared = prepare(&call, &derived(secret(500_000))).unwrap();
    call.keep_derived(prepared.derived, prepared.derived_size);
    // Of all requests together.
    assert_eq!(why_denied(&call, &derived(secret(500_000))), too_large);
    // What is public is not searched for, and a digest is small whatever it is of.
    assert!(prepare(&call, &derived(Computation::Join(joined(3_000_000, "")))).is_ok());
    let digest = Computation::Sha256(joined(3_000_000, "{secret:username}"));
    assert!(prepare(&call, &derived(digest)).is_ok());
}
