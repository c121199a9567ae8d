//! Signing in, refreshing, and everything that can be wrong with a token.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Brand, Config, Refusal};

use crate::client::{Client, LEGACY, headers};

#[tokio::test]
async fn a_client_signs_in_with_cookies_and_sees_both_cars() {
    let client = Client::signed_in().await;
    let id = Brand::Kia.constants().service_id;
    let page = client
        .raw("GET", &format!("/api/v1/user/oauth2/authorize?client_id={id}"), &vec![], "")
        .await
        .unwrap();
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let head = headers(&[("Cookie", &cookie), ("Content-type", "application/json")]);
    let language = client.raw("POST", "/api/v1/user/language", &head, r#"{"lang":"en"}"#).await.unwrap();
    assert_eq!((language.status, language.body.as_str()), (204, ""));
    let list = client.vehicles().await.unwrap().json();
    let support: Vec<&Value> = list["resMsg"]["vehicles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|car| &car["ccuCCS2ProtocolSupport"])
        .collect();
    assert_eq!(support, [0, 1]);
}

#[tokio::test]
async fn hyundai_has_its_own_constants() {
    let client = Client::signed_in_to(Config { brand: Brand::Hyundai, ..Config::default() }).await;
    assert_eq!(client.vehicles().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_grant_keeps_the_refresh_token_and_ends_the_older_session() {
    let mut client = Client::signed_in().await;
    let old = client.access.clone();
    let reply = client.refresh().await.json();
    assert_eq!((&reply["refresh_token"], &reply["expires_in"]), (&Value::Null, &json!(3600)));
    assert_ne!(client.access, old);
    assert_eq!(client.vehicles().await.unwrap().status, 200);
    client.access = old;
    assert_eq!(client.vehicles().await.unwrap().status, 401);
    let counters = client.control.counters();
    assert_eq!((counters.grants, counters.generation, counters.refused_tokens), (2, 2, 1));
}

#[tokio::test]
async fn a_rotating_refresh_token_is_good_once() {
    let config = Config { rotate_refresh_token: true, ..Config::default() };
    let first = config.refresh_token.clone();
    let mut client = Client::signed_in_to(config).await;
    assert_eq!(client.refresh_token.len(), 48);
    assert_eq!(client.refresh().await.status, 200);
    client.refresh_token = first;
    assert_eq!(client.refresh().await.status, 400);
}

#[tokio::test]
async fn a_dead_refresh_token_gets_the_sign_in_services_envelope() {
    let mut client = Client::signed_in().await;
    client.control.refuse_grants(true);
    let reply = client.refresh().await;
    assert_eq!(reply.status, 400);
    let body = reply.json();
    assert_eq!((&body["retCode"], &body["retMsg"]), (&json!(7501), &json!("Received unexpected statusCode")));
    let detail: Value = serde_json::from_str(body["retSubMsg"].as_str().unwrap()).unwrap();
    assert_eq!(detail["errCode"], "4002");
    client.control.set_refresh_token("B".repeat(48));
    assert_eq!(client.refresh().await.status, 400);
    client.refresh_token = "B".repeat(48);
    assert_eq!(client.refresh().await.status, 200);
    assert_eq!(client.control.counters().refused_grants, 2);
}

#[tokio::test]
async fn an_expired_token_is_refused_in_any_words_until_it_is_refreshed() {
    let mut client = Client::signed_in().await;
    client.control.expire_access_token();
    let reply = client.vehicles().await.unwrap();
    assert_eq!(
        (reply.status, reply.json()),
        (401, json!({ "error": "Key not authorized: Token is expired" }))
    );
    let refusal = Refusal { status: 403, body: "<html>go away</html>".to_owned() };
    client.control.expire_access_token_with(refusal.clone());
    let reply = client.vehicles().await.unwrap();
    assert_eq!((reply.status, reply.body), (refusal.status, refusal.body));
    client.refresh().await;
    assert_eq!(client.vehicles().await.unwrap().status, 200);
}

#[tokio::test]
async fn tokens_age_with_the_servers_clock() {
    let config = Config { access_token_lifetime: Duration::from_secs(30), ..Config::default() };
    let client = Client::signed_in_to(config).await;
    client.control.set_clock_ahead(20);
    assert_eq!(client.vehicles().await.unwrap().status, 200);
    client.control.set_clock_ahead(31);
    assert_eq!(client.vehicles().await.unwrap().status, 401);
}

#[tokio::test]
async fn refused_tokens_stay_refused_however_fresh() {
    let mut client = Client::signed_in().await;
    client.control.refuse_tokens(true);
    assert_eq!(client.refresh().await.status, 200);
    assert_eq!(client.vehicles().await.unwrap().status, 401);
    client.control.restore();
    assert_eq!(client.vehicles().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_forgotten_device_id_is_refused_and_its_records_are_gone_with_it() {
    let mut client = Client::signed_in().await;
    client.door("open").await.unwrap();
    assert_eq!(client.records(LEGACY).await.as_array().unwrap().len(), 1);
    client.control.invalidate_device(None);
    let reply = client.vehicles().await.unwrap();
    assert_eq!(reply.code(), (400, "4002".to_owned()));
    assert!(reply.json()["resMsg"].as_str().unwrap().contains("deviceId"));
    client.register().await;
    assert_eq!(client.records(LEGACY).await, json!([]));
}

#[tokio::test]
async fn a_wrong_pin_gives_no_control_token_and_five_lock_it() {
    let mut client = Client::signed_in().await;
    for _ in 0..5 {
        let reply = client.pin("0000").await;
        assert_eq!((reply.status, &reply.json()["errCode"]), (400, &json!("4003")));
    }
    assert_eq!(client.pin("1234").await.status, 400);
    client.control.restore();
    let reply = client.pin("1234").await;
    assert_eq!((reply.status, &reply.json()["expiresTime"]), (200, &json!(600)));
    assert_eq!(client.control.counters().pin_checks, 7);
}
