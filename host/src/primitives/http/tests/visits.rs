//! Addresses that people open.

use super::*;
use crate::bindings::random::Alphabet;

const TEMPLATE: &str = "https://idp.example/authorize?state={secret:state}";

#[tokio::test]
async fn what_was_made_here_stands_in_an_address_and_nothing_else() {
    let mut call = call().await;
    assert!(call.address_to_visit(TEMPLATE).is_err(), "it is not there yet");
    call.make_secret("state".to_owned(), Alphabet::Hex, 16).unwrap();
    let state = call.captured["state"].expose_secret().to_owned();
    let address = call.address_to_visit(TEMPLATE).unwrap();
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
        let told = call.address_to_visit(template).unwrap_err();
        assert!(told.contains(why) && !told.contains(&state), "{template}: {told}");
    }
}

#[tokio::test]
async fn what_an_answer_has_brought_is_not_what_was_made_here_whatever_its_name() {
    let mut call = call().await;
    call.make_secret("state".to_owned(), Alphabet::Hex, 16).unwrap();
    received(&mut call, answer(200, &[], r#"{"a":"a-token-of-the-cloud"}"#), &[secret("/a", "state")], &[]);
    let told = call.address_to_visit(TEMPLATE).unwrap_err();
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
