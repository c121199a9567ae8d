//! How long tokens live, and what is refreshed when.

use vehicle_connector_sdk::testing::response;

use super::token_service::{SEVEN, headers, session, set};
use super::*;

/// Lets seconds pass.
fn pass(home: &Home, seconds: u64) {
    home.host.pass(seconds * 1_000);
}

#[test]
fn a_refresh_is_one_signed_request_over_the_whole_set() {
    let home = Home::with_session("kia", &session());
    pass(&home, 3_000);
    home.host.answers_with(set(2, &[("set-cookie", "t=newer-exchangeable; Path=/; HttpOnly")]));
    let grant = home.refresh().unwrap();
    assert_eq!(grant.expires_in, Some(83_400), "operations are made with the access token");
    assert_eq!(grant.refresh_expires_in, Some(3_599));
    let requests = home.host.requests();
    assert_eq!(requests.len(), 1, "the access token lasts");
    assert_eq!(requests[0].url, "http://cci.test/auth/v2/token-refresh");
    let sent = headers(&requests[0]);
    assert_eq!((sent.len(), sent[17].as_str()), (18, "Content-Type: application/json"));
    let vehicle_connector_sdk::http::Body::Json(body) = &requests[0].body else { unreachable!() };
    assert_eq!(
        body,
        "{\"accessToken\": \"{secret:cci-access-token}\", \"refreshToken\": \"{secret:cci-refresh-token}\", \
         \"exchangeableAccessToken\": \"{secret:exchangeable-token}\", \"exchangeableRefreshToken\": \
         \"{secret:exchangeable-refresh-token}\", \"nonCcsToken\": \"{secret:non-ccs-token}\", \
         \"nonCcsRefreshToken\": \"{secret:non-ccs-refresh-token}\", \"idToken\": \"{secret:id-token}\"}"
    );
    assert_eq!(home.host.secret("cci-refresh-token").as_deref(), Some("refreshToken-2"));
    assert_eq!(home.host.secret("exchangeable-token").as_deref(), Some("newer-exchangeable"));
}

#[test]
fn a_day_has_a_refresh_each_hour_and_one_exchange() {
    let home = Home::with_session("kia", &session());
    let exchange = response(200, &[], r#"{"accessToken":"CCS-TOKEN-2","expiresTime":86400}"#);
    home.host.cloud(move |request| {
        Ok(if request.url.contains("exchange") { exchange.clone() } else { set(2, &[]) })
    });
    let (mut refreshes, mut exchanges) = (0, 0);
    let end = testing::NOW + 86_400;
    loop {
        // The host comes ten minutes before the end at most.
        pass(&home, 3_100);
        let now = vehicle_connector_sdk::clock::now().seconds;
        if now > end {
            break;
        }
        home.refresh().unwrap();
        let calls = home.calls();
        refreshes += calls.iter().filter(|call| *call == "token-refresh").count();
        exchanges += calls.iter().filter(|call| *call == "token-exchange").count();
        let value: Value = serde_json::from_str(&home.host.cell("session").unwrap().value).unwrap();
        assert!(value["access_ends"].as_u64().unwrap() > now + 3_100, "it lasts until the next refresh");
    }
    assert_eq!((refreshes, exchanges), (27, 1));
}

#[test]
fn an_exchange_that_fails_while_the_token_lasts_harms_nothing() {
    let home = Home::with_session("kia", &session());
    pass(&home, 80_000);
    home.set(2);
    home.unwell();
    let grant = home.refresh().unwrap();
    assert_eq!((grant.expires_in, grant.refresh_expires_in), (Some(6_400), Some(3_599)));
    home.success(&json!({ "vehicles": [] }));
    home.list().unwrap();
    home.calls();
    // The next one tries again.
    pass(&home, 3_000);
    home.set(3);
    home.exchanged(3);
    home.refresh().unwrap();
    assert_eq!(home.calls(), ["token-refresh", "token-exchange"]);
}

#[test]
fn an_access_token_that_has_ended_is_not_used_and_the_exchange_is_reported_alone() {
    let home = Home::with_session("kia", &session());
    pass(&home, 86_500);
    home.set(2);
    home.unwell();
    let grant = home.refresh().unwrap();
    assert_eq!((grant.expires_in, grant.refresh_expires_in), (Some(3_599), None), "the set is all there is");
    assert_eq!(home.calls(), ["token-refresh", "token-exchange"]);

    let failure = home.list().unwrap_err();
    assert_eq!((failure.code.as_deref(), failure.certainty), (Some("no-access-token"), Certainty::NotSent));
    assert_eq!(failure.transport, None);
    assert!(home.calls().is_empty());

    home.unwell();
    let failure = home.refresh().unwrap_err();
    assert_eq!((failure.phase, failure.http_status), (Phase::Refresh, Some(502)));
    assert_eq!(failure.code.as_deref(), Some("9001"));
    assert_eq!(home.calls(), ["token-exchange"], "the set is as good as it was");

    home.exchanged(2);
    home.refresh().unwrap();
    home.success(&json!({ "vehicles": [] }));
    home.list().unwrap();
}

#[test]
fn a_sign_in_whose_exchange_fails_is_no_sign_in_lost() {
    let home = Home::of("kia");
    home.before_the_form();
    home.code();
    home.set(1);
    home.unwell();
    home.kept(home.sign_in().unwrap());
    home.calls();
    assert_eq!(home.list().unwrap_err().code.as_deref(), Some("no-access-token"));
    home.exchanged(1);
    home.refresh().unwrap();
    assert_eq!(home.calls(), ["token-exchange"]);
}

#[test]
fn an_access_token_that_the_vehicle_service_refuses_is_exchanged() {
    for (status, body) in [(401, json!({ "error": EXPIRED })), (403, json!({ "error": EXPIRED }))] {
        let home = Home::with_session("kia", &session());
        pass(&home, 3_000);
        home.answer(status, &body);
        home.list().unwrap_err();
        home.calls();
        home.set(2);
        home.exchanged(2);
        home.refresh().unwrap();
        assert_eq!(home.calls(), ["token-refresh", "token-exchange"], "{status}");
        // The next one is another one.
        pass(&home, 3_000);
        home.set(3);
        home.refresh().unwrap();
        assert_eq!(home.calls(), ["token-refresh"]);
    }
}

#[test]
fn a_set_that_is_refused_at_the_exchange_says_itself_whether_it_is_over() {
    let refused = |home: &Home| {
        home.answer(401, &json!({ "error": EXPIRED }));
        home.list().unwrap_err();
        home.calls();
        home.answer(401, &json!({ "code": 9013, "message": "invalid token" }));
    };
    let home = Home::with_session("kia", &session());
    refused(&home);
    home.answer(401, &json!({ "code": 4111, "message": "session expired" }));
    assert_eq!(home.refresh().unwrap_err().code.as_deref(), Some("4111"));
    assert_eq!(home.calls(), ["token-exchange", "token-refresh"]);

    let home = Home::with_session("kia", &session());
    refused(&home);
    home.set(2);
    home.exchanged(2);
    home.refresh().unwrap();
    assert_eq!(home.calls(), ["token-exchange", "token-refresh", "token-exchange"]);
}

#[test]
fn whoever_refreshes_what_lasts_gets_everything_anew() {
    let home = Home::with_session("kia", &session());
    pass(&home, 60);
    home.set(2);
    home.exchanged(2);
    home.refresh().unwrap();
    assert_eq!(home.calls(), ["token-refresh", "token-exchange"]);
}

#[test]
fn an_imported_set_is_refreshed_and_exchanged_as_nothing_is_known_of_it() {
    let home = Home::with_session("kia", &json!({ "family": "cci", "route": "signed" }));
    home.success(&json!({ "vehicles": [] }));
    home.list().unwrap();
    home.calls();
    home.set(1);
    home.exchanged(1);
    home.refresh().unwrap();
    assert_eq!(home.calls(), ["token-refresh", "token-exchange"]);
}

#[test]
fn a_lifetime_that_is_an_instant_is_no_lifetime() {
    for (told, left) in
        [(json!(1_788_000_000_u64), 86_400), (json!("3600"), 3_600), (json!(-5), 0), (json!(null), 86_400)]
    {
        let home = Home::with_session("kia", &session());
        pass(&home, 86_500);
        home.set(2);
        home.answer(200, &json!({ "ccsAccessToken": "CCS-TOKEN-9", "expiresTime": told }));
        home.refresh().unwrap();
        let value: Value = serde_json::from_str(&home.host.cell("session").unwrap().value).unwrap();
        assert_eq!(value["access_ends"].as_u64().unwrap(), testing::NOW + 86_500 + left, "{told}");
        assert_eq!(home.host.secret("access-token").as_deref(), Some("CCS-TOKEN-9"));
    }
}

#[test]
fn a_session_that_is_over_says_so_by_its_code() {
    let home = Home::with_session("kia", &session());
    pass(&home, 3_000);
    home.answer(401, &json!({ "code": 4111, "message": "the session is over" }));
    let failure = home.refresh().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Refresh, Some("4111")));
    assert_eq!(home.calls(), ["token-refresh"]);
}

#[test]
fn a_set_that_is_not_taken_is_over_whatever_the_service_calls_it() {
    // Its successor was lost on the way, for instance.
    for (status, body, code) in [
        (401, json!({ "code": 9013, "message": "invalid refresh token" }), Some("no-refresh")),
        (400, json!({ "message": "no" }), Some("no-refresh")),
        (500, json!({ "code": 9009, "message": "unwell" }), Some("9009")),
        (429, json!({ "message": "slowly" }), None),
    ] {
        let home = Home::with_session("kia", &session());
        pass(&home, 3_000);
        home.answer(status, &body);
        let failure = home.refresh().unwrap_err();
        assert_eq!((failure.http_status, failure.code.as_deref()), (Some(status), code));
        let words = body["message"].as_str().unwrap();
        assert!(failure.message.contains(words), "{}", failure.message);
    }
    let page = Home::with_session("kia", &session());
    pass(&page, 3_000);
    page.host.answers_with(response(403, &[("content-type", "text/html")], "<html>no</html>"));
    assert_eq!(page.refresh().unwrap_err().code, None);
}

/// An exchange that is refused, as it is of a set that is over.
fn not_exchanged(home: &Home) {
    home.answer(401, &json!({ "code": 9013, "message": "invalid token" }));
}

#[test]
fn an_exchange_that_is_refused_again_and_again_costs_one_set_and_is_told() {
    let home = Home::with_session("kia", &session());
    pass(&home, 600);
    home.answer(401, &json!({ "error": EXPIRED }));
    home.list().unwrap_err();
    home.calls();
    not_exchanged(&home);
    home.set(2);
    not_exchanged(&home);
    home.refresh().unwrap();
    assert_eq!(home.calls(), ["token-exchange", "token-refresh", "token-exchange"]);
    for _ in 0..3 {
        let failure = home.list().unwrap_err();
        assert_eq!(failure.code.as_deref(), Some("no-access-token"));
        assert!(failure.message.contains("does not exchange"), "{}", failure.message);
        not_exchanged(&home);
        let failure = home.refresh().unwrap_err();
        assert_eq!((failure.code.as_deref(), failure.http_status), (Some("not-exchanged"), Some(401)));
        assert!(failure.message.ends_with("invalid token"), "{}", failure.message);
        assert_eq!(home.calls(), ["token-exchange"], "the set is the one that there was");
    }
    // With the set of the next hour it is tried again, and that is all.
    pass(&home, 3_600);
    home.set(3);
    not_exchanged(&home);
    home.refresh().unwrap();
    not_exchanged(&home);
    home.refresh().unwrap_err();
    assert_eq!(home.calls(), ["token-refresh", "token-exchange", "token-exchange"]);
    home.exchanged(3);
    let grant = home.refresh().unwrap();
    assert!(!grant.value.contains("exchange_refused"), "{}", grant.value);
}

#[test]
fn a_sign_in_whose_exchange_is_refused_costs_no_other_set() {
    let home = Home::of("kia");
    home.before_the_form();
    home.code();
    home.set(1);
    not_exchanged(&home);
    home.kept(home.sign_in().unwrap());
    home.calls();
    let home = home.with_tokens();
    not_exchanged(&home);
    assert_eq!(home.refresh().unwrap_err().code.as_deref(), Some("not-exchanged"));
    assert_eq!(home.calls(), ["token-exchange"]);
}

#[test]
fn a_page_before_the_exchange_costs_no_set() {
    let home = Home::with_session("kia", &session());
    pass(&home, 600);
    home.answer(401, &json!({ "error": EXPIRED }));
    home.list().unwrap_err();
    home.calls();
    home.host.answers_with(response(403, &[("content-type", "text/html")], "<html>no</html>"));
    assert_eq!(home.refresh().unwrap_err().code, None);
    assert_eq!(home.calls(), ["token-exchange"]);
}

#[test]
fn an_exchange_that_brings_nothing_is_no_refusal_and_leaves_the_set() {
    for nothing in [json!({}), json!({ "accessToken": null }), json!({ "expiresTime": 86_400 })] {
        let home = Home::of("kia");
        home.before_the_form();
        home.code();
        home.set(1);
        home.answer(200, &nothing);
        let grant = home.kept(home.sign_in().unwrap());
        assert_eq!((grant.expires_in, grant.refresh_expires_in), (Some(3_599), None), "{nothing}");
        home.calls();
        home.answer(200, &nothing);
        let failure = home.refresh().unwrap_err();
        assert_eq!((failure.transport, failure.http_status), (Some(Transport::Other), None), "{nothing}");
        assert_eq!(failure.message, "the answer has no access token");
        home.exchanged(1);
        home.refresh().unwrap();
        assert_eq!(home.calls(), ["token-exchange", "token-exchange"]);
    }
}

const SEVEN_SECRETS: [&str; 7] = [
    "cci-access-token",
    "cci-refresh-token",
    "exchangeable-token",
    "exchangeable-refresh-token",
    "non-ccs-token",
    "non-ccs-refresh-token",
    "id-token",
];

#[test]
fn a_set_that_lacks_a_member_is_over_when_its_access_token_is() {
    for (member, name) in SEVEN.into_iter().zip(SEVEN_SECRETS) {
        let missing = Home::with_session("kia", &session()).without(name);
        pass(&missing, 86_000);
        let failure = missing.refresh().unwrap_err();
        assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Refresh, Some("no-refresh")), "{name}");
        let words = format!("lacks `{member}`");
        assert!(failure.message.contains(&words), "{}", failure.message);
        assert!(failure.message.contains("only a sign-in"), "{}", failure.message);

        let by_hand = missing.without("password");
        let failure = by_hand.refresh().unwrap_err();
        assert_eq!((failure.transport, failure.code), (Some(Transport::Denied), None));
        assert!(failure.message.contains(&words), "{}", failure.message);
        assert!(failure.message.contains("`vehicle-connector auth login family`"), "{}", failure.message);
        assert!(by_hand.sent().is_empty(), "a request that cannot be made is not begun");
    }
}

#[test]
fn a_sign_in_that_brings_no_whole_set_is_one_for_as_long_as_its_access_token() {
    let home = Home::of("kia");
    home.before_the_form();
    home.code();
    home.answer(
        200,
        &json!({ "accessToken": "a-1", "refreshToken": "r-1", "exchangeableAccessToken": "e-1", "nonCcsToken": "n-1" }),
    );
    home.exchanged(1);
    let grant = home.kept(home.sign_in().unwrap());
    assert_eq!((grant.expires_in, grant.refresh_expires_in), (Some(86_400), None), "nothing renews it");
    let lines = home.host.lines();
    assert!(
        lines.iter().any(|line| line.contains("lacks `exchangeableRefreshToken`, `nonCcsRefreshToken`")),
        "{lines:?}"
    );
}
