//! The same control over HTTP.

use serde_json::{Value, json};

use crate::client::{Client, R5, ZOE1, send};

async fn order(client: &Client, name: &str, body: Value) -> u16 {
    let path = format!("/{name}");
    let headers = [("Content-Type", "application/json")];
    send(&client.cloud.control_url(), "POST", &path, &headers, &body.to_string()).await.unwrap().status
}

async fn shown(client: &Client, name: &str) -> Value {
    send(&client.cloud.control_url(), "GET", &format!("/{name}"), &[], "").await.unwrap().json()
}

#[tokio::test]
async fn orders_do_what_the_handle_does() {
    let mut client = Client::signed_in().await;
    assert_eq!(order(&client, "expire-id-tokens", json!({})).await, 200);
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 401);
    assert_eq!(order(&client, "end-login-tokens", json!({ "ended": "unverified" })).await, 200);
    assert_eq!(client.jwt().await.gigya(), 403_013);
    assert_eq!(order(&client, "second-factor", json!({})).await, 200);
    assert_eq!(client.login().await.gigya(), 403_101);
    assert_eq!(
        order(&client, "change-car", json!({ "vin": R5, "state": { "battery_level": 7 } })).await,
        200
    );
    assert_eq!(client.control.car(R5).unwrap().battery_level, 7);
    let fault = json!({ "route": "login", "effect": { "answer": { "status": 503 } } });
    assert_eq!(order(&client, "fault", fault).await, 200);
    assert_eq!(client.post("login", &[]).await.status, 503);
    assert_eq!(order(&client, "lag", json!({ "aspect": "hvac", "lag": { "reads": 3 } })).await, 200);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let client = Client::new().await;
    assert_eq!(order(&client, "fly", json!({})).await, 400);
    assert_eq!(order(&client, "change-car", json!({ "vin": "none", "state": {} })).await, 400);
    assert_eq!(order(&client, "change-car", json!({ "vin": R5, "state": { "wings": 2 } })).await, 400);
}

#[tokio::test]
async fn everything_can_be_looked_at() {
    let client = Client::signed_in().await;
    client.read(ZOE1, "v1/cockpit").await;
    assert_eq!(shown(&client, "counters").await["jwt_issued"], 1);
    assert_eq!(shown(&client, "log").await[2]["route"], "cockpit");
    assert_eq!(shown(&client, "violations").await, json!([]));
    assert_eq!(shown(&client, "mails").await, json!([]));
    assert_eq!(shown(&client, "vehicles").await[2]["model"], "R5E1VE");
    assert_eq!(shown(&client, "account").await["username"], "owner@example.org");
}
