//! What a strict server turns down.

use serde_json::json;
use simulator::{Brand, Config, Simulator, Strictness};

use crate::client::{CCS2, Client, Headers, LEGACY};

fn replaced(mut head: Headers, name: &str, value: &str) -> Headers {
    for (given, old) in &mut head {
        if given == name {
            value.clone_into(old);
        }
    }
    head
}

async fn list_with(client: &Client, name: &str, value: &str) -> (u16, String) {
    let head = replaced(client.auth(0), name, value);
    client.raw("GET", "/api/v1/spa/vehicles", &head, "").await.unwrap().code()
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let config = Config { listen: "0.0.0.0:0".parse().unwrap(), ..Config::default() };
    assert_eq!(Simulator::start(config).await.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn stamps_must_be_of_the_brand_and_of_now() {
    let client = Client::signed_in().await;
    let now = jiff::Timestamp::now().as_second();
    let bad = (401, "4017".to_owned());
    for stamp in
        ["", "nonsense", &Brand::Hyundai.stamp(now), &Brand::Kia.stamp(now - 90), &Brand::Kia.stamp(now + 90)]
    {
        assert_eq!(list_with(&client, "Stamp", stamp).await, bad, "{stamp}");
    }
    for stamp in [Brand::Kia.stamp(now - 50), Brand::Hyundai.stamp(now)] {
        let expected = if stamp == Brand::Hyundai.stamp(now) { bad.0 } else { 200 };
        assert_eq!(list_with(&client, "Stamp", &stamp).await.0, expected);
    }
    assert_eq!(list_with(&client, "ccsp-application-id", "x").await, bad);
    assert_eq!(list_with(&client, "ccsp-service-id", "x").await, bad);
    client.control.set_clock_ahead(120);
    assert_eq!(client.vehicles().await.unwrap().code(), bad);
    let lax = Strictness { stamp: false, ..Strictness::default() };
    let client = Client::signed_in_to(Config { strict: lax, ..Config::default() }).await;
    assert_eq!(list_with(&client, "Stamp", "nonsense").await.0, 200);
}

#[tokio::test]
async fn the_protocol_header_depends_on_route_and_car() {
    let client = Client::signed_in().await;
    let bad = (400, "4002".to_owned());
    assert_eq!(list_with(&client, "Ccuccs2protocolsupport", "1").await, bad);
    let ask = async |path: &str, protocol| {
        let path = format!("/api/v1/spa/vehicles/{CCS2}/{path}");
        client.raw("GET", &path, &client.auth(protocol), "").await.unwrap().status
    };
    assert_eq!(ask("location/park", 0).await, 200);
    assert_eq!(ask("location/park", 1).await, 400);
    assert_eq!(ask("ccs2/carstatus/latest", 1).await, 200);
    assert_eq!(ask("ccs2/carstatus/latest", 0).await, 400);
}

#[tokio::test]
async fn tokens_and_devices_must_be_the_right_ones() {
    let mut client = Client::signed_in().await;
    assert_eq!(list_with(&client, "Authorization", "Bearer nonsense").await.0, 401);
    assert_eq!(list_with(&client, "ccsp-device-id", "nonsense").await, (400, "4002".to_owned()));
    client.pin("1234").await;
    let path = format!("/api/v2/spa/vehicles/{CCS2}/ccs2/control/door");
    let body = json!({ "command": "open" }).to_string();
    let post =
        async |client: &Client, head: Headers| client.raw("POST", &path, &head, &body).await.unwrap().status;
    // The access token, one header missing, another device id: each is refused; as recorded, it is accepted.
    assert_eq!(post(&client, client.auth(1)).await, 401);
    let mut lone = client.ctl(1);
    lone.pop();
    assert_eq!(post(&client, lone).await, 401);
    let first = client.device.clone();
    client.register().await;
    assert_eq!(post(&client, client.ctl(1)).await, 401);
    client.device = first;
    assert_eq!(post(&client, client.ctl(1)).await, 200);
    client.control.invalidate_control_tokens();
    assert_eq!(post(&client, client.ctl(1)).await, 401);
    let counters = client.control.counters();
    assert_eq!((counters.refused, counters.refused_tokens, counters.total_actuations()), (6, 5, 1));
}

#[tokio::test]
async fn routes_and_cars_must_fit() {
    let mut client = Client::signed_in().await;
    client.pin("1234").await;
    let unsupported = (400, "4005".to_owned());
    let body = json!({ "action": "open", "deviceId": client.device });
    assert_eq!(client.command(CCS2, "v1 control/door", body).await.unwrap().code(), unsupported);
    let body = json!({ "chargingCurrent": 1 });
    let reply = client.command(LEGACY, "v1 ccs2/charge/chargingcurrent", body).await.unwrap();
    assert_eq!(reply.code(), unsupported);
    assert_eq!(client.read(CCS2, "status/latest").await.unwrap().json()["resCode"], "5921");
    assert_eq!(client.read("nonsense", "status/latest").await.unwrap().code(), (400, "4002".to_owned()));
    assert_eq!(client.raw("GET", "/api/v1/spa/nonsense", &client.auth(0), "").await.unwrap().status, 404);
}

#[tokio::test]
async fn bodies_must_be_complete_and_in_range() {
    let mut client = Client::signed_in().await;
    client.pin("1234").await;
    let bodies = [
        (LEGACY, "v1 control/door", json!({ "action": "close" })),
        (LEGACY, "v1 control/door", json!({ "action": "close", "deviceId": "another" })),
        (LEGACY, "v1 control/door", json!({ "action": "shut", "deviceId": client.device })),
        (CCS2, "v2 ccs2/control/door", json!({ "command": "close", "extra": 1 })),
        (CCS2, "v2 ccs2/control/temperature", json!({ "command": "start" })),
        (CCS2, "v2 ccs2/control/temperature", json!({ "command": "stop", "extra": 1 })),
        (CCS2, "v2 control/windowcurtain", json!({ "backLeft": 0, "backRight": 0, "frontLeft": 0 })),
        (
            CCS2,
            "v2 control/windowcurtain",
            json!({ "backLeft": 3, "backRight": 0, "frontLeft": 0, "frontRight": 0 }),
        ),
        (CCS2, "v1 ccs2/charge/chargingcurrent", json!({ "chargingCurrent": 4 })),
        (CCS2, "v1 charge/target", json!({ "targetSOClist": [{ "plugType": 1, "targetSOClevel": 85 }] })),
        (CCS2, "v1 charge/target", json!({ "targetSOClist": [] })),
    ];
    for (vehicle, path, body) in bodies {
        let reply = client.command(vehicle, path, body.clone()).await.unwrap();
        assert_eq!(reply.code(), (400, "4002".to_owned()), "{path} {body}");
        assert!(!reply.body.contains("deviceId"), "this is not about the device id: {}", reply.body);
    }
    let mut head = client.auth(0);
    head.pop();
    let path = format!("/api/v1/spa/vehicles/{LEGACY}/drvhistory");
    assert_eq!(client.raw("POST", &path, &head, r#"{"periodTarget":1}"#).await.unwrap().status, 400);
    assert_eq!(client.control.counters().total_actuations(), 0);
}

#[tokio::test]
async fn a_pending_action_keeps_the_car_busy_if_asked() {
    let strict = Strictness { refuse_while_pending: true, ..Strictness::default() };
    let client = Client::signed_in_to(Config { strict, ..Config::default() }).await;
    client.control.queue_outcome(simulator::Outcome::default().pending(1));
    assert_eq!(client.door("open").await.unwrap().status, 200);
    assert_eq!(client.door("open").await.unwrap().code(), (400, "4004".to_owned()));
    client.records(LEGACY).await;
    assert_eq!(client.door("close").await.unwrap().status, 200);
}
