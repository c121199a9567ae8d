//! Things that go wrong on command.

use renault_simulator::{CommandKind, Effect, Fault, RouteKind};
use serde_json::json;

use crate::client::{Client, R5, ZOE1};

#[tokio::test]
async fn a_fault_strikes_a_named_route_a_number_of_times() {
    let client = Client::signed_in().await;
    let quota = Effect::envelope("err.func.wired.overloaded", "You have reached your quota limit");
    client.control.inject(Fault::new(RouteKind::Cockpit, quota).times(2));
    let status = async |what| client.read(ZOE1, what).await.status;
    assert_eq!(status("v2/battery-status").await, 200);
    assert_eq!((status("v1/cockpit").await, status("v1/cockpit").await), (429, 429));
    assert_eq!(status("v1/cockpit").await, 200);
    assert_eq!(client.control.counters().faults, 2);
}

#[tokio::test]
async fn an_envelope_is_worded_by_the_service_that_is_asked() {
    let mut client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Gigya, Effect::envelope("500001", "General Server Error")));
    assert_eq!(client.login().await.gigya(), 500_001);
    client.control.inject(Fault::new(RouteKind::Reads, Effect::envelope("err.tech.500", "Upstream")));
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.code(), (500, "err.tech.500".to_owned()));
}

#[tokio::test]
async fn a_command_whose_answer_is_lost_was_carried_out() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::HvacStart, Effect::Drop).after_acting());
    let attributes = json!({ "action": "start", "targetTemperature": 20 });
    let body = json!({ "data": { "type": "HvacStart", "attributes": attributes } });
    let path = format!("accounts/account-renault/kamereon/kca/car-adapter/v1/cars/{R5}/actions/hvac-start");
    assert!(client.kamereon("POST", &path, &body.to_string()).await.is_err());
    assert_eq!(client.control.counters().executed_by(R5, CommandKind::HvacStart), 1);
}

#[tokio::test]
async fn a_status_and_a_body_are_answered_as_they_are() {
    let client = Client::signed_in().await;
    client
        .control
        .inject(Fault::new(RouteKind::Any, Effect::answer(502, "<html>Bad Gateway</html>")).vehicle(R5));
    assert_eq!(client.read(ZOE1, "v1/cockpit").await.status, 200);
    let reply = client.read(R5, "v1/cockpit").await;
    assert_eq!((reply.status, reply.body.as_str()), (502, "<html>Bad Gateway</html>"));
}

#[tokio::test]
async fn eight_requests_in_flight_meet_an_end_of_their_token() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Reads, Effect::Hold).times(8));
    let reads = async {
        let read = || client.read(ZOE1, "v1/cockpit");
        tokio::join!(read(), read(), read(), read(), read(), read(), read(), read())
    };
    let end = async {
        client.control.wait_until(|counters| counters.held == 8).await;
        client.control.expire_id_tokens();
        client.control.release();
    };
    let (replies, ()) = tokio::join!(reads, end);
    assert_eq!(replies.0.status, 401);
    assert_eq!(client.control.counters().refused_tokens, 8);
    assert_eq!(client.control.counters().peak_in_flight, 8);
}

#[tokio::test]
async fn a_cloud_that_is_dropped_is_gone() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Cockpit, Effect::Hold));
    let Client { cloud, control, config, id_token, .. } = client;
    let base = cloud.kamereon_url();
    let held = tokio::spawn(async move {
        let headers = [("apikey", config.kamereon_key.as_str()), ("x-gigya-id_token", id_token.as_str())];
        let path = format!(
            "/commerce/v1/accounts/account-renault/kamereon/kca/car-adapter/v1/cars/{ZOE1}/cockpit?country=FR"
        );
        crate::client::send(&base, "GET", &path, &headers, "").await
    });
    control.wait_until(|counters| counters.held == 1).await;
    drop(cloud);
    assert!(held.await.unwrap().is_err());
}
