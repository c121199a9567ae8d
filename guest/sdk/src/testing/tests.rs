#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use serde_json::json;

use super::*;
use crate::connector::{Certainty, Phase};
use crate::manifest::{Want, endpoint};
use crate::{cell, random};

#[test]
fn what_is_captured_is_not_seen() {
    let host = FakeHost::new();
    host.answers(200, &json!({ "cars": [{ "vin": "A" }, { "vin": null }, { "vin": "B" }], "token": "abc" }));
    let request =
        Request::get("http://cloud/cars").hide(&["/cars/*/vin"]).capture_secret("/token", "access-token");
    let answer = request.send(Phase::Status).unwrap();
    assert_eq!(
        answer.document(),
        Some(&json!({ "cars": [{ "vin": "{private:0}" }, { "vin": null }, { "vin": "{private:1}" }],
                      "token": "{secret:access-token}" }))
    );
    assert_eq!(host.secret("access-token").as_deref(), Some("abc"));
}

#[test]
fn parameters_cookies_and_claims_are_captured() {
    let host = FakeHost::new();
    let token = "x.eyJzdWIiOiJtZSJ9.y";
    let headers = [
        ("Location", "app://done?error=none&code=c-1#x"),
        ("Set-Cookie", "gmid=g-1; Path=/"),
        ("sid", "s-1"),
        ("token", token),
    ];
    host.answers_with(response(302, &headers, ""));
    let answer = Request::get("http://cloud")
        .capture_header_parameter("location", "code", "authorization-code")
        .capture_cookie("gmid", "gmid")
        .capture_header("sid", "session-id")
        .capture_header("token", "id-token")
        .capture_claim("id-token", "sub", "user-id")
        .send(Phase::SignIn)
        .unwrap();
    assert_eq!(answer.header("location"), Some("app://done?error=none&code={secret:authorization-code}#x"));
    assert_eq!(answer.header("set-cookie"), Some("gmid={secret:gmid}; Path=/"));
    for (name, value) in
        [("authorization-code", "c-1"), ("gmid", "g-1"), ("session-id", "s-1"), ("user-id", "me")]
    {
        assert_eq!(host.secret(name).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn of_a_refusal_nothing_is_kept() {
    let host = FakeHost::new();
    host.answers(401, &json!({ "token": "abc" }));
    let answer = Request::get("http://cloud").capture_secret("/token", "access-token").send(Phase::Status);
    assert_eq!(answer.unwrap().text("/token"), Some("{secret:access-token}"));
    assert_eq!(host.secret("access-token"), None);
}

#[test]
fn a_page_in_place_of_what_was_to_be_captured_is_no_answer() {
    let host = FakeHost::new();
    host.answers_with(response(200, &[], "<html>"));
    let request = Request::post("http://cloud").capture_secret("/token", "access-token").acts_on_vehicle();
    assert_eq!(request.send(Phase::Command).unwrap_err().certainty, Certainty::Ambiguous);
}

#[test]
fn a_cell_is_made_once() {
    let host = FakeHost::new();
    for _ in 0..2 {
        assert_eq!(cell::ensure("device", Phase::Registration, || Ok("made".into())), Ok(1));
    }
    host.discard("device");
    let held = cell::hold("device", Phase::Registration).unwrap();
    let waits = cell::ensure("device", Phase::Registration, || unreachable!()).unwrap_err();
    assert_eq!(waits.message, "cell `device`: somebody else held it too long");
    assert_eq!(held.commit("again"), Ok(2));
    host.pass(2_000);
    assert_eq!(cell::read("device").map(|cell| cell.age), Some(2_000));
}

#[test]
fn identifiers_have_their_form() {
    let _host = FakeHost::new();
    let (one, other) = (random::uuid(), random::uuid());
    assert_ne!(one, other);
    let parts: Vec<&str> = one.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{one}");
    assert!(parts[2].starts_with('4') && matches!(&parts[3][..1], "8" | "9" | "a" | "b"), "{one}");
    assert_eq!(random::hex(32).len(), 64);
}

#[test]
fn placeholders_are_found_wherever_they_stand() {
    let request = Request::put("http://cloud/{vehicle:vin}")
        .basic("{secret:user}", "x")
        .json(&json!({ "pin": "{secret:pin}", "other": "{}" }));
    assert_eq!(placeholders(&request), ["vehicle:vin", "derived:basic", "secret:pin"]);
}

#[test]
fn what_the_manifest_does_not_want_is_denied() {
    let host = FakeHost::new();
    let manifest = Manifest::new("acme", "1", "Acme")
        .endpoint(endpoint("api", "https://api.acme.example"))
        .endpoint(endpoint("id", "https://id.acme.example"))
        .secret(Want::password("password", "The password").sent_to(&["id"]))
        .secret(Want::token("access-token", "The token").sent_to(&["api"]));
    let account = host.account(&manifest, "");
    let (api, id) = (account.endpoint("api").unwrap(), account.endpoint("id").unwrap());
    host.cloud(|_| Ok(response(200, &[], "{}")));
    for (request, why) in [
        (Request::get(api).bearer("{secret:access-token}"), None),
        (Request::post(id).basic("me", "{secret:password}").capture_secret("/t", "access-token"), None),
        (Request::get(id).bearer("{secret:access-token}"), Some("`access-token` sent to http://id.test")),
        (Request::post(api).basic("me", "{secret:password}"), Some("`password` sent to http://api.test")),
        (Request::get(api).bearer("{secret:other}"), Some("not want the secret `other`")),
        (
            Request::get(id).capture_secret("/t", "password"),
            Some("no secret `password` that the cloud gives out"),
        ),
    ] {
        let failure = request.send(Phase::Status).err().map(|failure| failure.message);
        let expected = failure
            .as_deref()
            .zip(why)
            .map_or(failure.is_none() && why.is_none(), |(said, why)| said.contains(why));
        assert!(expected, "{failure:?} {why:?}");
    }
}
