//! Sets of seven tokens, and what they are exchanged for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use simulator::{Config, Effect, Fault, RouteKind, Strictness};

use super::{App, NAMES, coded, replaced};

const DAY: i64 = 86_400;

/// The device that an [`App`] is.
const DEVICE: &str = "0b6f5a6e-6f5c-4f0b-8a4e-0f3f8b6f1c11";

#[tokio::test]
async fn a_code_is_good_once_and_not_for_long() {
    let mut app = App::installed().await;
    let (first, second) = (app.code().await, app.code().await);
    assert_eq!(app.exchange_code(&first).await.status, 200);
    assert_eq!(coded(&app.exchange_code(&first).await), (401, 9013));
    app.control.set_clock_ahead(61);
    app.ahead = 61_000;
    assert_eq!(coded(&app.exchange_code(&second).await), (401, 9013));
    let notes: Vec<String> = app.control.log().into_iter().filter_map(|entry| entry.note).collect();
    assert_eq!(notes, ["code was used before", "expired code"]);
}

#[tokio::test]
async fn tokens_are_as_long_as_real_ones_and_say_whose_they_are() {
    let app = App::signed_in().await;
    let length = |name: &str| app.tokens[name].as_str().unwrap().len();
    assert_eq!(length("refreshToken"), 87);
    assert!(
        length("accessToken") >= 1500
            && length("nonCcsToken") >= 1500
            && length("exchangeableAccessToken") >= 1300
    );
    let exchange: usize =
        app.with_tokens(app.signed(app.android(), "")).iter().map(|(a, b)| a.len() + b.len()).sum();
    assert!((6 * 1024..8 * 1024).contains(&exchange), "{exchange} bytes of headers");
    for (token, claim) in [
        (app.tokens["idToken"].as_str().unwrap(), "uid"),
        (&app.ccs, "uid"),
        (app.tokens["accessToken"].as_str().unwrap(), "sub"),
    ] {
        assert_eq!(claims(token)[claim], *app.config.user_id, "{claim}");
    }
    let refresh = claims(app.tokens["nonCcsRefreshToken"].as_str().unwrap());
    assert_eq!(refresh["exp"].as_i64().unwrap() - refresh["iat"].as_i64().unwrap(), 90 * DAY);
    assert_eq!(app.tokens["expiresIn"], 3599);
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_refresh_gives_seven_new_tokens_and_ends_the_old_ones_at_once() {
    let mut app = App::signed_in().await;
    let old = app.tokens.clone();
    assert_eq!(app.refresh().await.status, 200);
    for name in NAMES {
        assert_ne!(old[name], app.tokens[name], "{name}");
    }
    let new = std::mem::replace(&mut app.tokens, old);
    assert_eq!(coded(&app.refresh().await), (401, 9013));
    assert_eq!(coded(&app.exchange().await), (401, 9013));
    app.tokens = new;
    assert_eq!(app.exchange().await.status, 200);
    let counters = app.control.counters();
    assert_eq!((counters.refreshes_asked, counters.refreshes, counters.cci_generation), (2, 1, 2));
}

#[tokio::test]
async fn a_refresh_wants_exactly_the_seven_of_one_set() {
    let mut app = App::signed_in().await;
    let first = app.tokens.clone();
    let code = app.code().await;
    app.exchange_code(&code).await;
    let second = app.tokens.clone();
    for name in NAMES {
        app.tokens[name] = first[name].clone();
        assert_eq!(coded(&app.refresh().await), (401, 9013), "{name} of another set");
        app.tokens = second.clone();
    }
    let bodies = [
        app.seven().replace("idToken", "otherToken"),
        app.seven().replacen('{', "{\"more\": \"x\", ", 1),
        app.seven()
            .replace("nonCcsRefreshToken", "swap")
            .replace("nonCcsToken", "nonCcsRefreshToken")
            .replace("swap", "nonCcsToken"),
        "[]".to_owned(),
    ];
    for body in bodies {
        let mut head = app.signed(app.android(), &body);
        head.push(("Content-Type".to_owned(), "application/json".to_owned()));
        assert_eq!(
            coded(&app.raw("POST", "/auth/v2/token-refresh", &head, &body).await),
            (400, 9030),
            "{body}"
        );
    }
    assert_eq!(app.refresh().await.status, 200);
}

#[tokio::test]
async fn an_exchange_wants_four_headers_of_one_set_and_no_body() {
    let app = App::signed_in().await;
    let path = "/auth/v1/token-exchange?serviceType=CCS";
    let good = app.with_tokens(app.signed(app.android(), ""));
    for name in ["authorization", "Authentication", "exchangeable-token", "non-ccs-token"] {
        let mut head = good.clone();
        head.retain(|(given, _)| given != name);
        assert_eq!(coded(&app.raw("POST", path, &head, "").await), (400, 9030), "without {name}");
    }
    for (name, code) in [("authorization", 9013), ("exchangeable-token", 9013), ("non-ccs-token", 9030)] {
        let head = replaced(good.clone(), name, "Bearer x");
        assert_eq!(coded(&app.raw("POST", path, &head, "").await).1, code, "another {name}");
    }
    let both = replaced(replaced(good.clone(), "Authentication", "x"), "non-ccs-token", "x");
    assert_eq!(coded(&app.raw("POST", path, &both, "").await), (401, 9013));
    let signed = app.with_tokens(app.signed(app.android(), "{}"));
    assert_eq!(coded(&app.raw("POST", path, &signed, "{}").await), (400, 9030), "a body");
    assert_eq!(
        coded(&app.raw("POST", "/auth/v1/token-exchange", &good, "").await),
        (400, 9030),
        "no service"
    );
    let signed = app.with_tokens(app.signed(app.android(), ""));
    assert_eq!(
        coded(&app.raw("POST", "/auth/v1/token?code=x", &signed, "").await),
        (400, 9030),
        "tokens too early"
    );
    assert_eq!(app.raw("POST", path, &good, "").await.status, 200);
}

#[tokio::test]
async fn the_unsigned_route_does_the_same() {
    let mut app = App::installed().await;
    let code = app.code().await;
    let reply = app.raw("POST", &format!("/domain/api/v1/auth/token?code={code}"), &app.ios(), "").await;
    app.tokens = reply.json();
    let body = app.seven();
    let mut head = app.with_tokens(app.ios());
    head.push(("Content-Type".to_owned(), "application/json".to_owned()));
    let foreign = replaced(head.clone(), "exchangeable-token", "x");
    assert_eq!(
        coded(&app.raw("POST", "/domain/api/v2/auth/token-refresh", &foreign, &body).await),
        (401, 9013)
    );
    let reply = app.raw("POST", "/domain/api/v2/auth/token-refresh", &head, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    app.tokens = reply.json();
    let head = app.with_tokens(app.ios());
    let reply = app.raw("POST", "/domain/api/v1/auth/token-exchange?serviceType=CCS", &head, "").await;
    assert_eq!(reply.json()["expiresTime"], DAY);
    let counters = app.control.counters();
    assert_eq!((counters.unsigned, counters.gate_refusals, counters.refreshes), (4, 0, 1));
}

#[tokio::test]
async fn a_refresh_of_version_1_is_over() {
    let app = App::signed_in().await;
    let body = app.seven();
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let mut signed = app.signed(app.android(), &body);
    signed.push(json.clone());
    assert_eq!(coded(&app.raw("POST", "/auth/v1/token-refresh", &signed, &body).await), (500, 9009));
    let mut unsigned = app.with_tokens(app.ios());
    unsigned.push(json);
    let reply = app.raw("POST", "/domain/api/v1/auth/token-refresh", &unsigned, &body).await;
    assert_eq!(coded(&reply), (500, 9009));
}

#[tokio::test]
async fn a_session_that_is_over_says_so_until_a_sign_in() {
    let mut app = App::signed_in().await;
    app.control.end_sessions();
    assert_eq!(coded(&app.refresh().await), (401, 4111));
    assert_eq!(coded(&app.refresh().await), (401, 4111));
    let code = app.code().await;
    app.exchange_code(&code).await;
    assert_eq!(app.refresh().await.status, 200);
    app.control.set_clock_ahead(91 * DAY);
    app.ahead = 91 * DAY * 1000;
    assert_eq!(coded(&app.refresh().await), (401, 4111), "nobody has refreshed it in time");
}

#[tokio::test]
async fn a_ccs_token_outlives_the_set_by_a_day_and_is_superseded_by_the_next() {
    let mut app = App::signed_in_to(Config { devices: vec![DEVICE.to_owned()], ..Config::default() }).await;
    let first = app.ccs.clone();
    app.refresh().await;
    assert_eq!(app.vehicles().await.status, 200);
    app.exchange().await;
    let second = std::mem::replace(&mut app.ccs, first);
    assert_eq!(app.vehicles().await.status, 401);
    app.ccs = second;
    app.control.expire_access_token();
    assert_eq!(app.vehicles().await.status, 401);
    app.exchange().await;
    assert_eq!(app.vehicles().await.status, 200);
    // The stamp is of the client's clock.
    app.control.set_clock_ahead(DAY - 5);
    app.ahead = (DAY - 5) * 1000;
    assert_eq!(coded(&app.exchange().await), (401, 9013), "the set's own hour is over");
}

#[tokio::test]
async fn a_set_is_of_the_device_that_asked_for_it() {
    let other = "dddddddd-0000-4000-8000-000000000000";
    let mut app = App::signed_in().await;
    app.device = other.to_owned();
    assert_eq!(coded(&app.exchange().await), (401, 9013));
    assert_eq!(coded(&app.refresh().await), (401, 9013));
    app.device = DEVICE.to_owned();
    assert_eq!(app.refresh().await.status, 200, "nobody has ended it");
    app.device = other.to_owned();
    assert_eq!(coded(&app.exchange().await), (401, 9013), "the next set is of the same");

    let strict = Strictness { set_bound: false, ..Strictness::default() };
    let mut app = App::signed_in_to(Config { strict, ..Config::default() }).await;
    app.device = other.to_owned();
    assert_eq!((app.refresh().await.status, app.exchange().await.status), (200, 200));
}

#[tokio::test]
async fn answers_say_when_they_were_made() {
    let app = App::installed().await;
    app.control.set_clock_ahead(7 * DAY);
    let reply = app.raw("GET", "/auth/api/v1/accounts/certs", &app.browser(), "").await;
    let said = jiff::fmt::rfc2822::parse(reply.header("date").unwrap()).unwrap().timestamp();
    let off = said.as_second() - jiff::Timestamp::now().as_second();
    assert!((7 * DAY - 60..=7 * DAY + 60).contains(&off), "{off}");
    let app = App::in_cloud(Config { dated: false, ..Config::default() }).await;
    let reply = app.raw("GET", "/auth/api/v1/accounts/certs", &app.browser(), "").await;
    assert_eq!(reply.header("date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
}

#[tokio::test]
async fn faults_are_aimed_at_these_routes_and_worded_in_their_envelope() {
    let mut app = App::signed_in().await;
    app.control.fail_exchanges(2);
    let exchange = [app.exchange().await, app.exchange().await, app.exchange().await];
    assert_eq!(exchange.map(|reply| coded(&reply)), [(502, 9001), (502, 9001), (200, 0)]);
    app.control.inject(Fault::new(RouteKind::TokenRefresh, Effect::envelope("4111", "x")));
    assert_eq!(coded(&app.refresh().await), (401, 4111));
    app.control.inject(Fault::new(RouteKind::SignInPage, Effect::unavailable()));
    assert_eq!(app.page().await.status, 503);
    app.control.inject(Fault::new(RouteKind::CodeExchange, Effect::blocked()));
    let blocked = app.exchange_code("x").await;
    assert!(blocked.status == 403 && blocked.body.contains("abusing"));
    assert_eq!(app.control.counters().faults, 5);
}

#[tokio::test]
async fn a_cookie_may_carry_the_exchangeable_token() {
    let mut app = App::signed_in_to(Config { exchangeable_in_cookie: true, ..Config::default() }).await;
    let old = app.tokens["exchangeableAccessToken"].clone();
    let reply = app.refresh().await;
    assert_eq!(app.tokens["exchangeableAccessToken"], old);
    assert_eq!(coded(&app.exchange().await), (401, 9013));
    let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().strip_prefix("t=").unwrap();
    app.tokens["exchangeableAccessToken"] = cookie.into();
    assert_eq!(app.exchange().await.status, 200);
}

#[tokio::test]
async fn headers_have_a_limit_that_an_exchange_keeps() {
    let app = App::signed_in().await;
    let mut head = app.with_tokens(app.signed(app.android(), ""));
    head.push(("x-more".to_owned(), "x".repeat(10 * 1024)));
    assert_eq!(app.raw("POST", "/auth/v1/token-exchange?serviceType=CCS", &head, "").await.status, 431);
}
