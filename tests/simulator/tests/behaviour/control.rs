//! The HTTP twin, the counters and the log.

use serde_json::{Value, json};
use simulator::{Counters, RouteKind};

use crate::client::{Client, LEGACY, Reply, send};

async fn order(client: &Client, name: &str, body: Value) -> Reply {
    let path = format!("/control/{name}");
    send(&client.cloud.base_url(), "POST", &path, &vec![], &body.to_string()).await.unwrap()
}

async fn ask(client: &Client, name: &str) -> Value {
    send(&client.cloud.base_url(), "GET", &format!("/control/{name}"), &vec![], "").await.unwrap().json()
}

#[tokio::test]
async fn every_order_has_its_endpoint() {
    let client = Client::signed_in().await;
    let orders = [
        ("expire", json!({})),
        ("expire", json!({ "wording": "Token has expired", "status": 403 })),
        ("refusal", json!({ "body": { "errCode": "4010" } })),
        ("refuse-tokens", json!({})),
        ("refuse-grants", json!({ "on": false })),
        ("refresh-token", json!({ "token": "B" })),
        ("invalidate-control-tokens", json!({})),
        ("invalidate-device", json!({})),
        ("clock", json!({ "ahead": -5 })),
        ("expire-when-in-flight", json!({ "requests": 3 })),
        ("fault", json!({ "route": "forced-status", "times": null, "effect": { "delay": { "millis": 5 } } })),
        ("clear-faults", json!({})),
        ("release", json!({})),
        ("outcome", json!({ "pending_polls": 2, "ending": "non-response" })),
        ("next-outcome", json!({ "ending": "stays-pending", "acts": true })),
        ("change-vehicle", json!({ "vehicle": LEGACY, "state": { "locked": false } })),
        ("reachable", json!({ "vehicle": LEGACY, "on": false })),
        ("reset-counters", json!({})),
        ("restore", json!({})),
    ];
    for (name, body) in orders {
        let reply = order(&client, name, body).await;
        assert_eq!(reply.status, 200, "{name}: {}", reply.body);
    }
    let empty = send(&client.cloud.base_url(), "POST", "/control/expire", &vec![], "").await.unwrap();
    assert_eq!(empty.status, 200);
    assert!(!client.control.vehicle(LEGACY).unwrap().locked);
    assert_eq!(ask(&client, "vehicles").await[0]["state"]["locked"], false);
}

#[tokio::test]
async fn orders_that_mean_nothing_are_refused() {
    let client = Client::signed_in().await;
    let orders = [
        ("nonsense", json!({})),
        ("fault", json!({ "effect": "explode" })),
        ("reachable", json!({ "vehicle": "nonsense" })),
        ("change-vehicle", json!({ "vehicle": LEGACY, "state": { "wings": 2 } })),
    ];
    for (name, body) in orders {
        assert_eq!(order(&client, name, body).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn a_wording_can_be_set_over_http() {
    let client = Client::signed_in().await;
    order(&client, "expire", json!({ "wording": "token has expired", "status": 403 })).await;
    let reply = client.vehicles().await.unwrap();
    assert_eq!((reply.status, reply.json()), (403, json!({ "error": "token has expired" })));
    order(&client, "expire", json!({})).await;
    assert_eq!(client.vehicles().await.unwrap().status, 403);
}

#[tokio::test]
async fn control_requests_are_not_counted_and_counters_travel_as_json() {
    let client = Client::signed_in().await;
    client.door("open").await.unwrap();
    let before = client.control.counters();
    let counters: Counters = serde_json::from_value(ask(&client, "counters").await).unwrap();
    assert_eq!(counters, before);
    assert_eq!((counters.requests, counters.of(RouteKind::Any)), (3, 3));
    order(&client, "reset-counters", json!({})).await;
    let counters = client.control.counters();
    assert_eq!((counters.requests, counters.total_actuations(), counters.generation), (0, 0, 1));
    assert!(client.control.log().is_empty());
}

#[tokio::test]
async fn the_log_names_tokens_and_hides_secrets() {
    let mut client = Client::signed_in().await;
    client.pin("1234").await;
    client.control.expire_access_token();
    client.vehicles().await.unwrap();
    let log = client.control.log();
    let routes: Vec<RouteKind> = log.iter().map(|entry| entry.route).collect();
    assert_eq!(routes, [RouteKind::Register, RouteKind::Token, RouteKind::Pin, RouteKind::Vehicles]);
    assert_eq!(log[2].query, [("token".to_owned(), String::new())]);
    assert_eq!(log[2].body, json!({ "deviceId": client.device, "pin": "<PIN>" }));
    let authorization = |entry: &simulator::LogEntry| {
        entry.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.clone())
    };
    assert_eq!(authorization(&log[3]).as_deref(), Some("Bearer ACCESS-TOKEN-1"));
    assert_eq!((log[3].status, log[3].note.as_deref()), (Some(401), Some("expired access token")));
    let text = ask(&client, "log").await.to_string();
    for secret in [&client.access, &client.control_token, &client.refresh_token, "1234\""] {
        assert!(!text.contains(secret), "{secret}");
    }
}
