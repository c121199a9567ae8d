//! Who is let through to the token service.

use simulator::{Config, Strictness};

use super::{App, coded, replaced};
use crate::client::Headers;

fn without(mut head: Headers, name: &str) -> Headers {
    head.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
    head
}

async fn ask(app: &App, head: &Headers) -> (u16, u64) {
    coded(&app.raw("POST", "/auth/v1/token?code=x", head, "").await)
}

/// A code that is none; the gate and the headers were right then.
const THROUGH: (u16, u64) = (401, 9013);

#[tokio::test]
async fn a_signature_is_wanted_and_has_to_be_right() {
    let app = App::installed().await;
    let good = app.signed(app.android(), "");
    assert_eq!(ask(&app, &good).await, THROUGH);
    for missing in ["X-Fingerprint", "X-Timestamp"] {
        assert_eq!(ask(&app, &without(good.clone(), missing)).await, (400, 9035), "{missing}");
    }
    for (name, value) in [
        ("X-Fingerprint", "0912ca4c22deb09ae5f641ff614beeb49ac5dad0ef0dc9428960c2c6f1a2d986"),
        ("X-Timestamp", "1700000000000"),
        ("client-os-version", "15"),
    ] {
        assert_eq!(ask(&app, &replaced(good.clone(), name, value)).await, (400, 9036), "{name}");
    }
    // The keys are those of one release, however well it is signed.
    let other = app.signed(replaced(app.android(), "client-version", "1.3.9"), "");
    assert_eq!(ask(&app, &other).await, (400, 9036));
    assert_eq!(app.control.counters().gate_refusals, 6);
}

#[tokio::test]
async fn other_keys_are_refused_from_the_moment_on() {
    let mut app = App::installed().await;
    app.control.set_gate_keys(["A", "B", "C"].map(str::to_owned));
    assert_eq!(ask(&app, &app.signed(app.android(), "")).await, (400, 9036));
    app.config.gate_keys = ["A", "B", "C"].map(str::to_owned);
    assert_eq!(ask(&app, &app.signed(app.android(), "")).await, THROUGH);
}

#[tokio::test]
async fn a_wrong_clock_is_refused_either_way_and_on_either_side() {
    let mut app = App::installed().await;
    for (ahead, answer) in [(290_000, THROUGH), (-290_000, THROUGH), (310_000, LATE), (-310_000, LATE)] {
        app.ahead = ahead;
        assert_eq!(ask(&app, &app.signed(app.android(), "")).await, answer, "{ahead} ms");
    }
    app.ahead = 0;
    app.control.set_clock_ahead(-310);
    assert_eq!(ask(&app, &app.signed(app.android(), "")).await, LATE);
    app.control.restore();
    assert_eq!(ask(&app, &app.signed(app.android(), "")).await, THROUGH);
}

/// Outside of the time that is allowed.
const LATE: (u16, u64) = (400, 9037);

#[tokio::test]
async fn the_signature_covers_the_body_without_its_white_space() {
    let app = App::signed_in().await;
    let body = app.seven();
    let send = async |head: Headers, body: &str| {
        let mut head = head;
        head.push(("Content-Type".to_owned(), "application/json".to_owned()));
        coded(&app.raw("POST", "/auth/v2/token-refresh", &head, body).await)
    };
    let signed = app.signed(app.android(), &body);
    assert_eq!(send(signed.clone(), &body.replacen("\": \"", "\": \"x", 1)).await, (400, 9036));
    assert_eq!(send(signed, &format!("\n\t{}\r\n", body.replace(", ", ",\n  "))).await, (200, 0));
}

#[tokio::test]
async fn every_header_is_looked_at() {
    let app = App::installed().await;
    for (name, value) in app.android() {
        let other = if name == "locale" { "DE".to_owned() } else { format!("{value}x") };
        let signed = app.signed(replaced(app.android(), &name, &other), "");
        let answer = ask(&app, &signed).await;
        let identity = ["client-id", "client-name", "client-version", "client-os-code"];
        let wanted = if identity.contains(&name.as_str()) { 9036 } else { 9030 };
        assert_eq!(answer, (400, wanted), "{name}");
    }
    for (name, value) in app.ios() {
        let head = replaced(app.ios(), &name, &format!("{value}x"));
        let reply = app.raw("POST", "/domain/api/v1/auth/token?code=x", &head, "").await;
        assert_eq!(coded(&reply), (400, 9030), "{name}");
    }
    let reply = app.raw("POST", "/domain/api/v1/auth/token?code=x", &app.ios(), "").await;
    assert_eq!(coded(&reply), THROUGH);
    let lax = Config { strict: Strictness { app: false, ..Strictness::default() }, ..Config::default() };
    let app = App::in_cloud(lax).await;
    assert_eq!(ask(&app, &app.signed(replaced(app.android(), "timezone", "x"), "")).await, THROUGH);
}

#[tokio::test]
async fn the_device_of_a_request_s_number_is_compared() {
    let number = format!("0123456789ABCDEF01234567_{}_AOS", "0".repeat(32));
    let strict = Strictness { request_id: false, ..Strictness::default() };
    for (config, answer) in
        [(Config::default(), (400, 9030)), (Config { strict, ..Config::default() }, THROUGH)]
    {
        let app = App::in_cloud(config).await;
        let head = app.signed(replaced(app.android(), "App-Request-Id", &number), "");
        assert_eq!(ask(&app, &head).await, answer);
        assert_eq!(ask(&app, &app.signed(app.android(), "")).await, THROUGH);
    }
}

#[tokio::test]
async fn the_gate_can_be_open_and_the_way_around_it_closed() {
    let app = App::installed().await;
    let unsigned = async || coded(&app.raw("POST", "/domain/api/v1/auth/token?code=x", &app.ios(), "").await);
    app.control.set_gate(false);
    assert_eq!(ask(&app, &app.android()).await, THROUGH);
    app.control.open_unsigned_route(false);
    assert_eq!(unsigned().await, (400, 9035));
    app.control.restore();
    assert_eq!((ask(&app, &app.android()).await, unsigned().await), ((400, 9035), THROUGH));
    let counters = app.control.counters();
    assert_eq!((counters.gate_refusals, counters.unsigned, counters.code_exchanges_asked), (2, 2, 4));
}
