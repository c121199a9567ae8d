//! The sign-in by password, request by request.

use vehicle_connector_sdk::http::{
    Body, CaptureTarget, Computation, Encoding, Piece, hmac_sha256, join, seal, text,
};
use vehicle_connector_sdk::testing::response;

use super::token_service::{DEVICES, derivation, headers};
use super::*;

const AGENT: &str = "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/120.0.0.0 Mobile Safari/537.36_CCS_APP_AOS";

/// Signs in, and returns the requests.
fn signed_in(brand: &str) -> (Home, Vec<Request>) {
    let home = Home::of(brand);
    home.before_the_form();
    home.leads_to(&format!(
        "https://oneapp.{brand}.com/redirect?code=AUTH-CODE-1&state=ccsp&login_success=y"
    ));
    home.set(1);
    home.exchanged(1);
    home.kept(home.sign_in().unwrap());
    let requests = home.host.requests();
    assert_eq!((requests.len(), home.host.unasked()), (6, 0));
    (home, requests)
}

#[test]
fn begins_with_a_device_a_page_and_a_key() {
    let (_, requests) = signed_in("kia");
    assert_eq!(requests[0].url, "http://ccapi.test/api/v1/spa/notifications/register");
    assert_eq!(
        requests[1].url,
        "http://idp.test/auth/api/v2/user/oauth2/authorize?response%5Ftype=code&client%5Fid=01b36c86-79e8-486c-8009\
         -15f2ad88d670&redirect%5Furi=https%3A%2F%2Foneapp%2Ekia%2Ecom%2Fredirect&lang=en&state=ccsp&country=de"
            .replace("%5F", "_")
    );
    assert_eq!(requests[2].url, "http://idp.test/auth/api/v1/accounts/certs");
    for request in &requests[1..4] {
        assert_eq!(headers(request), [AGENT]);
        assert_eq!(request.jar.as_deref(), Some("identity"));
    }
    let key = &requests[2].captures[0].target;
    assert!(matches!(key, CaptureTarget::PublicKey(name) if name == "identity-key"));
}

#[test]
fn the_form_has_the_password_sealed() {
    let (home, requests) = signed_in("hyundai");
    assert_eq!(requests[3].url, "http://idp.test/auth/account/signin");
    let Body::Form(fields) = &requests[3].body else { unreachable!() };
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        fields,
        [
            "client_id=4f4953b5-02e1-4dbc-8599-87e983ee1be5",
            "encryptedPassword=true",
            "password={derived:sealed-password}",
            "redirect_uri=https://oneapp.hyundai.com/redirect",
            "scope=",
            "nonce=",
            "state=ccsp",
            "username={secret:username}",
            "connector_session_key=",
            "kid=HMGID2_CIPHER_KEY1",
            "_csrf=",
        ]
    );
    let sealed = seal("identity-key", [text("{secret:password}")], Encoding::HexLower);
    assert_eq!(derivation(&requests[3], "sealed-password").how, sealed);
    assert_eq!(home.host.secret("authorization-code").as_deref(), Some("AUTH-CODE-1"));
}

#[test]
fn the_code_is_exchanged_for_a_set_by_a_signed_call() {
    let (home, requests) = signed_in("kia");
    let token = &requests[4];
    assert_eq!(token.url, "http://cci.test/auth/v1/token?code={secret:authorization-code}");
    assert_eq!(token.body, Body::Empty);
    let mut sent = headers(token);
    let id = sent.iter().position(|header| header.starts_with("App-Request-Id")).unwrap();
    let id = sent.remove(id);
    assert_eq!(
        sent,
        [
            "User-Agent: okhttp/4.12.0",
            "client-id: com.kia.oneapp.eu",
            "client-name: KiaEU",
            "client-version: 1.4.0",
            "client-os-code: android",
            "client-os-version: 14",
            &format!("client-device-id: {}", DEVICES[0]),
            "client-device-model: SM-S918B",
            "client-notification-provider-type: FCM",
            "locale: EN",
            "timezone: +01:00",
            "X-Brand: Kia",
            "X-Region: eu",
            "Accept-Language: en",
            "X-Timestamp: {derived:time}",
            "X-Fingerprint: {derived:fingerprint}",
        ]
    );
    let (random, rest) = id.strip_prefix("App-Request-Id: ").unwrap().split_once('_').unwrap();
    assert!(
        random.len() == 24 && random.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)),
        "{id}"
    );
    assert_eq!(rest, format!("{}_AOS", DEVICES[0].replace('-', "")), "the same device");

    assert_eq!(derivation(token, "time").how, join([Piece::TimeMs], Encoding::Text));
    let key = [text("com.kia.oneapp.euKiaEU1.4.0android{secret:gate-keys}")];
    let message = [text("com.kia.oneapp.euKiaEU1.4.0android14"), Piece::TimeMs, Piece::BodyWithoutWhiteSpace];
    assert_eq!(derivation(token, "fingerprint").how, hmac_sha256(key, message, Encoding::HexLower));
    for (name, value) in [("cci-access-token", "accessToken-1"), ("id-token", "idToken-1")] {
        assert_eq!(home.host.secret(name).as_deref(), Some(value));
    }
}

#[test]
fn the_set_is_exchanged_for_an_access_token() {
    let (home, requests) = signed_in("hyundai");
    let exchange = &requests[5];
    assert_eq!(exchange.url, "http://cci.test/auth/v1/token-exchange?serviceType=CCS");
    assert_eq!(
        &headers(exchange)[17..],
        [
            "authorization: Bearer {secret:cci-access-token}",
            "Authentication: {secret:non-ccs-token}",
            "exchangeable-token: {secret:exchangeable-token}",
            "non-ccs-token: {secret:non-ccs-token}",
        ]
    );
    assert_eq!(header(exchange, "X-Brand").as_deref(), Some("Hyundai"));
    assert_eq!(header(exchange, "client-name").as_deref(), Some("HyundaiEU"));
    assert_eq!(home.host.secret("access-token").as_deref(), Some("CCS-TOKEN-1"));
    let mut session = token_service::session();
    session["route"] = "signed".into();
    let kept: Value = serde_json::from_str(&home.host.cell("session").unwrap().value).unwrap();
    assert_eq!(kept, session);
}

#[test]
fn settings_change_what_signed_calls_say() {
    let mut home = Home::with_session("kia", &token_service::session());
    home.account.settings =
        vec![("client-version".into(), "2.0".into()), ("client-os-version".into(), "15".into())];
    home.host.pass(3_000_000);
    home.set(2);
    home.refresh().unwrap();
    let request = &home.host.requests()[0];
    assert_eq!(header(request, "client-version").as_deref(), Some("2.0"));
    assert_eq!(header(request, "client-device-model").as_deref(), Some("SM-S918B"));
    let Computation::HmacSha256(signed) = &derivation(request, "fingerprint").how else { unreachable!() };
    assert_eq!(signed.message[0], text("com.kia.oneapp.euKiaEU2.0android15"));
}

#[test]
fn redirects_are_followed_within_the_account_and_no_further() {
    for (location, followed) in [
        ("http://idp.test/web/v1/user/login?next=x", Some("http://idp.test/web/v1/user/login?next=x")),
        ("/relative", Some("http://idp.test/relative")),
        ("http://ccapi.test/web/other", Some("http://ccapi.test/web/other")),
        // The page of the vendor's that only leads back.
        (
            "http://ccapi.test/web/v1/user/authorize?a=b&next_uri=http%3A%2F%2Fidp.test%2Fback%3Fc%3Dd",
            Some("http://idp.test/back?c=d"),
        ),
        ("http://ccapi.test/web/v1/user/authorize?next_uri=http%3A%2F%2Fevil.test%2F", None),
        ("http://ccapi.test/web/v1/user/authorize", None),
        ("https://evil.test/", None),
        ("http://idp.test.evil.test/", None),
    ] {
        let home = Home::of("kia");
        home.registered_as(DEVICES[0]);
        home.leads_to(location);
        if followed.is_some() {
            home.host.answers_with(response(200, &[], "<html></html>"));
        }
        home.certs();
        home.code();
        home.set(1);
        home.exchanged(1);
        home.sign_in().unwrap();
        let sent = home.sent();
        assert_eq!(sent.len(), 6 + usize::from(followed.is_some()), "{location}");
        if let Some(followed) = followed {
            assert_eq!(sent[2].replace("GET /", "GET http://ccapi.test/"), format!("GET {followed}"));
        }
    }
}

#[test]
fn a_circle_of_redirects_has_an_end() {
    let home = Home::of("kia");
    home.host.cloud(|_| Ok(response(302, &[("location", "/again")], "")));
    home.sign_in().unwrap_err();
    assert!(home.sent().len() < 15);
}

#[test]
fn a_device_that_cannot_be_registered_is_made_up() {
    let home = Home::of("kia");
    home.answer(503, &json!({ "retCode": "F", "resCode": "5031", "resMsg": "Unavailable remote control" }));
    home.host.answers_with(response(200, &[], "<html></html>"));
    home.certs();
    home.code();
    home.set(1);
    home.exchanged(1);
    home.kept(home.sign_in().unwrap());
    let requests = home.host.requests();
    let id = header(&requests[4], "client-device-id").unwrap();
    assert_eq!(id.len(), 36, "{id}");
    let request_id = header(&requests[5], "App-Request-Id").unwrap();
    assert!(request_id.ends_with(&format!("_{}_AOS", id.replace('-', ""))), "{request_id}");

    home.success(&json!({ "vehicles": [] }));
    home.list().unwrap();
    let requests = home.host.requests();
    assert_eq!(requests.len(), 1, "it is not registered before every list");
    assert_eq!(header(&requests[0], "ccsp-device-id"), Some(id));
}

#[test]
fn a_clock_that_is_wrong_keeps_the_password_here() {
    // The host's clock is at 22:13:20.
    for (date, age, words) in [
        ("Tue, 14 Nov 2023 22:18:20 GMT", "0", None),
        ("Tue, 14 Nov 2023 22:08:20 GMT", "", None),
        ("Tue, 14 Nov 2023 21:13:20 GMT", "3600", None),
        ("yesterday", "", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "", None),
        ("Tue, 14 Nov 2023 22:18:21 GMT", "", Some("5 minutes behind")),
        ("Tue, 14 Nov 2023 22:08:19 GMT", "", Some("5 minutes ahead of")),
        ("Tue, 14 Nov 2023 22:03:20 GMT", "nonsense", Some("10 minutes ahead of")),
        ("Wed, 15 Nov 2023 01:13:20 GMT", "", Some("3 hours behind")),
        ("Mon, 30 Nov 2026 20:00:00 GMT", "", Some("1111 days behind")),
    ] {
        let home = Home::of("kia");
        home.registered_as(DEVICES[0]);
        home.host.answers_with(response(200, &[], "<html></html>"));
        let key = json!({ "retValue": { "kid": "k", "n": "abc", "e": "AQAB" } }).to_string();
        home.host.answers_with(response(200, &[("date", date), ("age", age)], &key));
        home.code();
        home.set(1);
        home.exchanged(1);
        let signed_in = home.sign_in();
        let calls = home.calls();
        let Some(words) = words else {
            assert!(signed_in.is_ok() && calls.contains(&"signin".to_owned()), "{date}: {signed_in:?}");
            continue;
        };
        let failure = signed_in.unwrap_err();
        assert_eq!((failure.code.as_deref(), failure.certainty), (Some("wrong-clock"), Certainty::NotSent));
        assert!(failure.message.contains(words), "{}", failure.message);
        assert!(failure.message.ends_with("The password was not sent"), "{}", failure.message);
        assert_eq!(calls, ["register", "authorize", "certs"]);
    }
}
