//! Addresses that people open.

use super::*;
use crate::bindings::http::{Computation, Derivation, Encoding, Joined, Piece};
use crate::bindings::random::Alphabet;

const TEMPLATE: &str = "https://idp.example/authorize?state={secret:state}";

#[tokio::test]
async fn what_was_made_here_stands_in_an_address_and_nothing_else() {
    let mut call = call().await;
    assert!(call.address_to_visit(TEMPLATE, &[]).is_err(), "it is not there yet");
    call.make_secret("state".to_owned(), Alphabet::Hex, 16).unwrap();
    let state = call.captured["state"].expose_secret().to_owned();
    let address = call.address_to_visit(TEMPLATE, &[]).unwrap();
    assert_eq!(address.as_str(), format!("https://idp.example/authorize?state={state}"));
    for (template, why) in [
        ("https://idp.example/?t={secret:refresh-token}", "with the secret refresh-token in it"),
        ("https://cars.example:8080/base?s={secret:state}", "with the secret state in it"),
        ("https://cars.example:8080/", "below no endpoint"),
        ("https://evil.example/", "below no endpoint"),
        ("https://user@idp.example/", "below no endpoint"),
        ("http://idp.example/", "not https"),
        ("javascript:alert(1)", "not https"),
        ("idp.example", "that is none"),
    ] {
        let told = call.address_to_visit(template, &[]).unwrap_err();
        assert!(told.contains(why) && !told.contains(&state), "{template}: {told}");
    }
}

/// The challenge of RFC 7636 appendix B, and what else an address may be computed over.
#[tokio::test]
async fn what_is_derived_from_what_was_made_here_stands_in_an_address() {
    let mut call = call().await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    call.captured.insert("state".to_owned(), verifier.into());
    call.made.insert("state".to_owned());
    let of = |text: &str| {
        let pieces = vec![Piece::Text(text.to_owned())];
        let how = Computation::Sha256(Joined { pieces, encoding: Encoding::Base64urlUnpadded });
        [Derivation { name: "challenge".to_owned(), how }]
    };
    let template = "https://idp.example/authorize?c={derived:challenge}";
    let address = call.address_to_visit(template, &of("{secret:state}")).unwrap();
    assert_eq!(
        address.as_str(),
        "https://idp.example/authorize?c=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    for (text, why) in [
        ("{secret:refresh-token}", "the secret refresh-token in it"),
        ("{secret:signing-key}", "the secret signing-key in it"),
        ("{vehicle:vin}", "about no vehicle"),
    ] {
        let told = call.address_to_visit(template, &of(text)).unwrap_err();
        assert!(told.contains(why), "{text}: {told}");
    }
    let told = call.address_to_visit(template, &[]).unwrap_err();
    assert!(told.contains("challenge"), "{told}");
}

#[tokio::test]
async fn what_an_answer_has_brought_is_not_what_was_made_here_whatever_its_name() {
    let mut call = call().await;
    call.make_secret("state".to_owned(), Alphabet::Hex, 16).unwrap();
    received(&mut call, answer(200, &[], r#"{"a":"a-token-of-the-cloud"}"#), &[secret("/a", "state")], &[]);
    let told = call.address_to_visit(TEMPLATE, &[]).unwrap_err();
    assert!(told.contains("with the secret state in it"), "{told}");
}

#[tokio::test]
async fn only_what_the_cloud_could_give_out_is_made() {
    let mut call = call().await;
    for name in ["pin", "password", "code", "refresh-token", "username", "nothing"] {
        assert!(call.make_secret(name.to_owned(), Alphabet::Hex, 16).is_err(), "{name}");
    }
    assert!(call.captured.is_empty() && call.made.is_empty());
}
