//! Logins, tokens and keys.

use std::time::Duration;

use renault_simulator::{Ended, SecretKind, Service};

use crate::client::{Client, ZOE1, send};

#[tokio::test]
async fn a_password_gives_a_login_token_which_gives_an_id_token_which_opens_cars() {
    let client = Client::signed_in().await;
    let reply = client.read(ZOE1, "v2/battery-status").await;
    assert_eq!((reply.status, reply.attribute("batteryLevel").as_u64()), (200, Some(60)));
    let counters = client.control.counters();
    assert_eq!(
        (counters.logins, counters.logins_granted, counters.jwt_issued, counters.admitted),
        (1, 1, 1, 1)
    );
    assert_eq!(client.wrongs(), [""; 0]);
}

#[tokio::test]
async fn a_wrong_password_is_403042_and_no_violation() {
    let client = Client::new().await;
    let reply = client.post("login", &[("loginID", "owner@example.org"), ("password", "no")]).await;
    assert_eq!(reply.gigya(), 403_042);
    assert_eq!(client.control.counters().logins_granted, 0);
    assert_eq!(client.wrongs(), [""; 0]);
}

#[tokio::test]
async fn an_expired_id_token_is_401_and_the_login_token_gives_another() {
    let mut client = Client::signed_in().await;
    client.control.expire_id_tokens();
    let reply = client.read(ZOE1, "v1/cockpit").await;
    assert_eq!(reply.code(), (401, "err.func.wired.unauthorized".to_owned()));
    assert_eq!(client.control.counters().refused_tokens, 1);
    client.jwt().await;
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 200);
}

#[tokio::test]
async fn an_id_token_dies_of_age_by_the_clock_of_the_server() {
    let mut client = Client::signed_in().await;
    client.control.set_clock_ahead(901);
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 401);
    client.control.set_id_token_lifetime(Some(Duration::from_secs(10)));
    client.jwt().await;
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 200);
    client.control.set_clock_ahead(912);
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 401);
}

#[tokio::test]
async fn an_ended_login_token_is_said_in_two_ways_and_id_tokens_outlive_it() {
    for ended in [Ended::Unauthorized, Ended::Unverified] {
        let mut client = Client::signed_in().await;
        client.control.end_login_tokens(ended);
        assert_eq!(client.jwt().await.gigya(), u64::from(ended.code()));
        assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 200);
        let token = client.login_token.clone();
        let info = client.post("getAccountInfo", &[("login_token", &token)]).await;
        assert_eq!(info.gigya(), u64::from(ended.code()));
        client.login().await;
        assert_eq!(client.jwt().await.gigya(), 0);
    }
}

#[tokio::test]
async fn a_rotated_gigya_key_looks_like_a_wrong_password() {
    let mut client = Client::signed_in().await;
    client.control.rotate_gigya_key("3_another-invented-key");
    assert_eq!(client.login().await.gigya(), 403_042);
    assert_eq!(client.jwt().await.gigya(), 403_005);
    assert_eq!(client.wrongs(), [""; 0], "it was right once");
    client.config.gigya_key = "3_another-invented-key".to_owned();
    assert_eq!(client.login().await.gigya(), 0);
    client.config.gigya_key = "3_never-good".to_owned();
    assert_eq!(client.login().await.gigya(), 400_093);
    assert_eq!(client.wrongs(), ["unknown application key"]);
}

#[tokio::test]
async fn a_rotated_kamereon_key_is_403_in_an_envelope_of_its_own() {
    let mut client = Client::signed_in().await;
    client.control.rotate_kamereon_key("another-invented-key");
    let reply = client.read(ZOE1, "v1/cockpit").await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (403, Some("access_denied")));
    client.config.kamereon_key = "another-invented-key".to_owned();
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 200);
}

#[tokio::test]
async fn a_new_password_is_the_only_good_one() {
    let mut client = Client::signed_in().await;
    client.control.set_password("another one");
    assert_eq!(client.login().await.gigya(), 403_042);
    client.config.password = "another one".to_owned();
    assert_eq!(client.login().await.gigya(), 0);
}

#[tokio::test]
async fn secrets_are_seen_where_they_arrive_and_are_not_in_the_log() {
    let client = Client::signed_in().await;
    client.read(ZOE1, "v1/cockpit").await;
    let secrets = |service| client.control.secrets_at(service).into_iter().collect::<Vec<_>>();
    assert_eq!(
        secrets(Service::Gigya),
        [SecretKind::Username, SecretKind::Password, SecretKind::GigyaKey, SecretKind::LoginToken]
    );
    assert_eq!(secrets(Service::Kamereon), [SecretKind::KamereonKey, SecretKind::IdToken]);
    let log = serde_json::to_string(&client.control.log()).unwrap();
    for secret in [&client.config.password, &client.login_token, &client.id_token, &client.config.gigya_key] {
        assert!(!log.contains(secret.as_str()), "{secret} is in the log");
    }
    assert!(log.contains("<LOGIN-TOKEN-1>") && log.contains("<PASSWORD>"));
}

#[tokio::test]
async fn a_secret_at_the_wrong_service_is_a_violation() {
    let client = Client::signed_in().await;
    let headers =
        [("apikey", client.config.kamereon_key.as_str()), ("x-gigya-id_token", client.login_token.as_str())];
    let path = format!("/commerce/v1/persons/person-0001?country=FR&note={}", client.config.gigya_key);
    let reply = send(&client.cloud.kamereon_url(), "GET", &path, &headers, "").await.unwrap();
    assert_eq!(reply.status, 401);
    let wrongs = client.wrongs();
    assert!(wrongs.contains(&"LoginToken in header.x-gigya-id_token".to_owned()), "{wrongs:?}");
    assert!(wrongs.contains(&"GigyaKey in query.note".to_owned()), "{wrongs:?}");
}
