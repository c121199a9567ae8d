//! What a client must not do.

use serde_json::json;

use crate::client::{Client, ZOE1, send};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_parameter_of_another_name_is_missing_and_unknown() {
    let client = Client::new().await;
    let reply = client.post("login", &[("loginId", "owner@example.org"), ("password", "x")]).await;
    assert_eq!(reply.gigya(), 400_002);
    let wrongs = client.wrongs();
    assert!(wrongs.contains(&"unknown parameter loginId".to_owned()), "{wrongs:?}");
    assert!(wrongs.contains(&"missing parameter loginID".to_owned()), "{wrongs:?}");
}

#[tokio::test]
async fn a_login_is_a_form_and_nothing_of_it_is_in_the_address() {
    let client = Client::new().await;
    let base = client.cloud.gigya_url();
    let query = format!(
        "ApiKey={}&loginID=owner@example.org&password=correct+horse+battery",
        client.config.gigya_key
    );
    let reply = send(&base, "GET", &format!("/accounts.login?{query}"), &[], "").await.unwrap();
    assert_eq!(reply.status, 400);
    let reply =
        send(&base, "POST", "/accounts.login", &[("Content-Type", "application/json")], "{}").await.unwrap();
    assert_eq!(reply.gigya(), 400_002);
    let wrongs = client.wrongs();
    for wrong in ["wrong method", "Password in query.password", "a POST to Gigya is a form"] {
        assert!(wrongs.contains(&wrong.to_owned()), "{wrong}: {wrongs:?}");
    }
}

#[tokio::test]
async fn the_key_is_spelled_differently_in_forms_and_addresses() {
    let client = Client::new().await;
    let body = format!("APIKey={}&loginID=a&password=b", client.config.gigya_key);
    let reply = send(&client.cloud.gigya_url(), "POST", "/accounts.login", &[FORM], &body).await.unwrap();
    assert_eq!(reply.gigya(), 400_002);
    assert!(client.wrongs().contains(&"missing parameter ApiKey".to_owned()));
}

#[tokio::test]
async fn an_id_token_with_other_fields_opens_no_car() {
    let mut client = Client::new().await;
    client.login().await;
    let token = client.login_token.clone();
    let pairs = [("login_token", token.as_str()), ("fields", "data.personId"), ("expiration", "900")];
    client.id_token = client.post("getJWT", &pairs).await.json()["id_token"].as_str().unwrap().to_owned();
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 401);
    assert_eq!(client.wrongs(), ["fields is not data.personId,data.gigyaDataCenter"]);
}

#[tokio::test]
async fn kamereon_wants_a_country_and_both_headers() {
    let client = Client::signed_in().await;
    let (key, token) =
        (("apikey", client.config.kamereon_key.as_str()), ("x-gigya-id_token", client.id_token.as_str()));
    let base = client.cloud.kamereon_url();
    let ask = async |query: &str, headers: &[(&str, &str)]| {
        let path = format!("/commerce/v1/persons/person-0001{query}");
        send(&base, "GET", &path, headers, "").await.unwrap().status
    };
    assert_eq!(ask("?country=FR", &[key, token]).await, 200);
    assert_eq!(ask("?country=FR", &[token]).await, 403);
    assert_eq!(ask("?country=FR", &[key]).await, 401);
    assert_eq!(ask("", &[key, token]).await, 400);
    assert_eq!(ask("?country=France", &[key, token]).await, 400);
    assert_eq!(ask("?country=FR", &[key, token, ("content-type", "text/plain")]).await, 400);
    assert_eq!(client.wrongs().len(), 5, "{:?}", client.wrongs());
}

#[tokio::test]
async fn a_command_says_what_it_is() {
    let client = Client::signed_in().await;
    let headers = [
        ("Content-Type", "application/json"),
        ("apikey", client.config.kamereon_key.as_str()),
        ("x-gigya-id_token", client.id_token.as_str()),
    ];
    let path = format!(
        "/commerce/v1/accounts/account-renault/kamereon/kca/car-adapter/v1/cars/{ZOE1}/actions/hvac-start?country=FR"
    );
    let reply = send(&client.cloud.kamereon_url(), "POST", &path, &headers, "{}").await.unwrap();
    assert_eq!(reply.code(), (400, "err.func.wired.invalid-body-format".to_owned()));
    assert_eq!(client.wrongs(), ["the content type is not application/vnd.api+json"]);
}

#[tokio::test]
async fn bodies_that_nobody_sends_are_refused_and_noted() {
    let client = Client::signed_in().await;
    let hvac =
        |attributes: serde_json::Value| json!({ "data": { "type": "HvacStart", "attributes": attributes } });
    let bodies = [
        json!({ "data": { "type": "HvacStop", "attributes": { "action": "cancel" } } }),
        hvac(json!({ "action": "start" })),
        hvac(json!({ "action": "begin" })),
        hvac(json!({ "action": "cancel", "targetTemperature": 21 })),
        json!({ "type": "HvacStart", "attributes": { "action": "cancel" } }),
    ];
    for (number, body) in bodies.iter().enumerate() {
        let reply = client.command(ZOE1, "v1/actions/hvac-start", body).await;
        assert_eq!(reply.code(), (400, "err.func.400".to_owned()), "{body}");
        assert_eq!(client.wrongs().len(), number + 1, "{body}");
    }
    assert_eq!(client.control.counters().accepted.len(), 0);
}

#[tokio::test]
async fn an_address_that_is_not_there_and_a_method_that_is_not_are_noted() {
    let client = Client::signed_in().await;
    assert_eq!(client.read(ZOE1, "v9/cockpit").await.code(), (404, "err.func.wired.not-found".to_owned()));
    let reply = client.read(ZOE1, "v1/actions/hvac-start").await;
    assert_eq!(reply.code(), (405, "err.func.wired.methodNotAllowed".to_owned()));
    assert_eq!(client.wrongs(), ["no such address", "wrong method"]);
}
