//! The sign-in with a password, and every way in which it can end.

use simulator::{Brand, Config, Firewall, RouteKind, SignInOutcome};

use super::{App, BROWSER, NAMES, encrypted, location};
use crate::client::headers;

#[tokio::test]
async fn a_password_gives_a_code_tokens_and_the_vehicles() {
    for brand in [Brand::Kia, Brand::Hyundai, Brand::Genesis] {
        let config = Config { brand, ..Config::default() };
        let mut app = App::signed_in_to(Config { devices: vec![DEVICE.to_owned()], ..config }).await;
        app.device = DEVICE.to_owned();
        assert_eq!(app.vehicles().await.status, 200);
        let counters = app.control.counters();
        assert_eq!((counters.sign_ins_asked, counters.sign_ins), (1, 1));
        assert_eq!((counters.code_exchanges_asked, counters.code_exchanges), (1, 1));
        assert_eq!((counters.token_exchanges_asked, counters.token_exchanges), (1, 1));
        assert_eq!((counters.gate_refusals, counters.refused, counters.unsigned), (0, 0, 0));
        assert_eq!((counters.cci_generation, counters.generation), (1, 1));
    }
}

const DEVICE: &str = "dddddddd-0000-4000-8000-000000000000";

#[tokio::test]
async fn the_page_leads_to_the_app_and_sets_two_cookies() {
    let mut app = App::installed().await;
    let reply = app.page().await;
    let place = location(&reply);
    let start = format!("{}/web/v1/user/authorize?lang=en&client_id=", app.cloud.base_url());
    assert!(place.starts_with(&start), "{place}");
    let (_, next) = place.split_once("&next_uri=").unwrap();
    let next = percent_encoding::percent_decode_str(next).decode_utf8().unwrap();
    let next = next.strip_prefix(&app.cloud.base_url()).expect(&next);
    let page = app.raw("GET", next, &app.browser(), "").await;
    assert_eq!((page.status, page.header("set-cookie")), (200, None), "with the cookies it is the page");
    assert!(app.cookies.starts_with("account=account-1-") && app.cookies.contains("; JSESSIONID=session-1-"));
    let path = place.strip_prefix(&app.cloud.base_url()).unwrap();
    assert_eq!(app.raw("GET", path, &app.browser(), "").await.status, 200);
    let mut direct = App::in_cloud(Config { authorize_redirects: false, ..Config::default() }).await;
    assert_eq!(direct.page().await.status, 200);
}

#[tokio::test]
async fn only_the_app_s_browser_is_let_in() {
    let mut app = App::installed().await;
    let page = "/auth/api/v2/user/oauth2/authorize?response_type=code";
    let other = headers(&[("User-Agent", "Mozilla/5.0")]);
    for (method, path) in
        [("GET", page), ("GET", "/auth/api/v1/accounts/certs"), ("POST", "/auth/account/signin")]
    {
        assert_eq!(app.raw(method, path, &other, "").await.status, 400, "{path}");
    }
    let own = headers(&[("User-Agent", BROWSER)]);
    assert_eq!(app.raw("GET", page, &own, "").await.status, 400, "fields are missing");
    let older = app.config.brand.constants().service_id;
    let reply = app.raw("GET", &format!("{page}&client_id={older}"), &own, "").await;
    assert!(location(&reply).contains("/error?status=400"), "the older app is blocked");
    assert!(!location(&app.page().await).contains("/error"));
}

#[tokio::test]
async fn the_firewall_speaks_of_an_abusing_request() {
    let mut app = App::installed().await;
    app.control.set_firewall(Some(Firewall::Page));
    let reply = app.page().await;
    assert!(reply.status == 200 && reply.body.contains("abusing"));
    app.control.set_firewall(Some(Firewall::Redirect));
    let place = location(&app.page().await);
    assert!(place.contains("/error?status=400&error=Bad+Request&error_description="), "{place}");
    let error = app.raw("GET", place.strip_prefix(&app.cloud.base_url()).unwrap(), &vec![], "").await;
    assert!(error.status == 400 && error.body.contains("abusing"));
    app.control.restore();
    assert!(location(&app.page().await).contains("/web/v1/user/authorize?"));
}

#[tokio::test]
async fn every_outcome_can_be_set_for_one_sign_in_or_for_all() {
    let mut app = App::installed().await;
    let redirect = app.config.brand.constants().app.redirect_uri;
    let base = app.cloud.base_url();
    for (outcome, wanted) in [
        (SignInOutcome::Granted, format!("{redirect}?code=")),
        (SignInOutcome::Refused, format!("{redirect}?error=access_denied&error_description=")),
        (SignInOutcome::Consent, format!("{base}/web/v1/user/authorization?")),
        (SignInOutcome::LoginPage, format!("{base}/auth/api/v2/user/oauth2/authorize?")),
        (SignInOutcome::BlockedRedirect, format!("{base}/error?status=400&")),
    ] {
        app.control.queue_sign_in_outcome(outcome);
        let place = location(&app.sign_in("correct horse battery").await);
        assert!(place.starts_with(&wanted), "{place}");
    }
    app.control.set_sign_in_outcome(SignInOutcome::BlockedPage);
    let reply = app.sign_in("correct horse battery").await;
    assert!(reply.status == 403 && reply.body.starts_with("<html>") && reply.body.contains("abusing"));
    app.control.restore();
    app.code().await;
    let counters = app.control.counters();
    assert_eq!((counters.sign_ins_asked, counters.sign_ins), (7, 2));
}

#[tokio::test]
async fn terms_wait_until_they_are_accepted() {
    let mut app = App::installed().await;
    app.control.set_sign_in_outcome(SignInOutcome::Consent);
    for _ in 0..2 {
        assert!(location(&app.sign_in("correct horse battery").await).contains("/web/v1/user/authorization"));
    }
    assert!(location(&app.sign_in("wrong").await).contains("/oauth2/authorize"), "first the password");
    app.control.set_sign_in_outcome(SignInOutcome::Granted);
    app.code().await;
}

#[tokio::test]
async fn a_wrong_password_or_name_and_foreign_cookies_lead_back_to_the_page() {
    let mut app = App::installed().await;
    let back =
        |reply| assert!(location(&reply).contains("/auth/api/v2/user/oauth2/authorize?response_type=code"));
    back(app.sign_in("correct horse batterY").await);
    let form = app.form("correct horse battery").await;
    let mut other = form.clone();
    other[7].1 = "somebody@example.org".to_owned();
    back(app.post_form(&other).await);
    let first = app.cookies.clone();
    app.page().await;
    let second = std::mem::take(&mut app.cookies);
    back(app.post_form(&form).await);
    app.cookies = format!("{}; {}", first.split("; ").next().unwrap(), second.split("; ").nth(1).unwrap());
    back(app.post_form(&form).await);
    app.cookies = second;
    app.control.set_clock_ahead(601);
    back(app.post_form(&form).await);
    let notes: Vec<String> = app.control.log().into_iter().filter_map(|entry| entry.note).collect();
    assert_eq!(
        notes,
        [
            "wrong password",
            "wrong user name",
            "a cookie of the sign-in page is missing",
            "the cookies are not those of one sign-in page",
            "the sign-in page is too old"
        ]
    );
    assert_eq!(app.control.counters().sign_ins, 0);
}

#[tokio::test]
async fn every_field_of_the_form_is_looked_at() {
    let mut app = App::installed().await;
    app.page().await;
    let form = app.form("correct horse battery").await;
    for place in 0..form.len() {
        if form[place].0 == "username" {
            continue;
        }
        let (mut without, mut other) = (form.clone(), form.clone());
        without.remove(place);
        other[place].1.push('x');
        assert_eq!(app.post_form(&without).await.status, 400, "without {}", form[place].0);
        assert_eq!(app.post_form(&other).await.status, 400, "another {}", form[place].0);
    }
    let mut turned = form.clone();
    turned.swap(0, 1);
    assert_eq!(app.post_form(&turned).await.status, 400, "another order");
    let mut upper = form.clone();
    upper[2].1 = upper[2].1.to_uppercase();
    assert_eq!(app.post_form(&upper).await.status, 400, "upper-case hex");
    let fields: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let head = headers(&[("User-Agent", BROWSER), ("Cookie", &app.cookies), ("Content-Type", "text/plain")]);
    assert_eq!(
        app.raw("POST", "/auth/account/signin", &head, &fields.join("&")).await.status,
        400,
        "no form"
    );
    assert_eq!(app.post_form(&form).await.status, 302);
}

#[tokio::test]
async fn all_that_is_secret_is_told_to_tests_and_to_nobody_else() {
    let mut app = App::signed_in().await;
    let first = app.tokens.clone();
    app.refresh().await;
    let secrets = app.control.secrets();
    let given = NAMES.iter().flat_map(|name| [&first[name], &app.tokens[name]]);
    let cookies = app.cookies.split("; ").map(|pair| pair.split_once('=').unwrap().1.to_owned());
    let expected = given.map(|token| token.as_str().unwrap().to_owned()).chain(cookies);
    for secret in expected.chain([app.ccs.clone(), app.config.password.clone(), "PIECE".to_owned()]) {
        assert!(secrets.contains(&secret), "{secret}");
    }
    let log = serde_json::to_string(&app.control.log()).unwrap();
    for secret in secrets.iter().filter(|secret| secret.len() > 4) {
        assert!(!log.contains(secret.as_str()), "{secret}");
    }
}

#[tokio::test]
async fn the_log_shows_no_password_no_name_no_cookie_and_no_code() {
    let mut app = App::signed_in().await;
    app.refresh().await;
    let text = serde_json::to_string(&app.control.log()).unwrap();
    let sealed = encrypted(
        &app.raw("GET", "/auth/api/v1/accounts/certs", &app.browser(), "").await.json()["retValue"],
        "correct horse battery",
    );
    for secret in [&sealed, &app.config.username, &app.ccs, "code-1-", "account-1-", "session-1-"] {
        assert!(!text.contains(secret), "{secret}");
    }
    for shown in [
        "<PASSWORD>",
        "account=<COOKIE>; JSESSIONID=<COOKIE>",
        "CODE-1",
        "\"CCI-REFRESH-TOKEN-1\"",
        "Bearer CCI-ACCESS-TOKEN-1",
    ] {
        assert!(text.contains(shown), "{shown}");
    }
    let routes: Vec<RouteKind> = app.control.log().into_iter().map(|entry| entry.route).take(6).collect();
    use RouteKind::{Certs, CodeExchange, SignIn, SignInPage, TokenExchange, TokenRefresh};
    assert_eq!(routes, [SignInPage, Certs, SignIn, CodeExchange, TokenExchange, TokenRefresh]);
}
