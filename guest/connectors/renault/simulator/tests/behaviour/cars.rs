//! Accounts, cars and what is read of them.

use serde_json::json;

use crate::client::{AUSTRAL, Client, R5, SPRING, UNKNOWN, ZOE1, ZOE2};

#[tokio::test]
async fn a_person_has_several_accounts_and_each_its_cars() {
    let client = Client::signed_in().await;
    let person = client.kamereon("GET", "persons/person-0001", "").await.unwrap().json();
    let kinds: Vec<&str> = person["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["accountType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["MYRENAULT", "MYDACIA", "SFDC"]);
    let list = client.kamereon("GET", "accounts/account-dacia/vehicles", "").await.unwrap().json();
    assert_eq!(list["vehicleLinks"][0]["vehicleDetails"]["model"]["code"], "XBG1VE");
    assert_eq!(list["vehicleLinks"][0]["brand"], "DACIA");
    let none = client.kamereon("GET", "accounts/account-dealer/vehicles", "").await.unwrap().json();
    assert_eq!(none["vehicleLinks"], json!([]));
}

#[tokio::test]
async fn what_is_somebody_elses_is_forbidden() {
    let client = Client::signed_in().await;
    let crossed = format!("accounts/account-dacia/kamereon/kca/car-adapter/v1/cars/{ZOE1}/cockpit");
    for path in ["persons/person-2", "accounts/account-2/vehicles", &crossed] {
        let reply = client.kamereon("GET", path, "").await.unwrap();
        assert_eq!(reply.code(), (403, "err.func.wired.forbidden".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn what_a_model_lacks_is_refused_in_its_words() {
    let client = Client::signed_in().await;
    let cases = [
        (AUSTRAL, "v2/battery-status", 404, "err.func.wired.notFound"),
        (AUSTRAL, "kcm/ev/settings", 404, "err.func.wired.not-found"),
        (ZOE2, "kcm/ev/soc-levels", 403, "err.func.wired.forbidden"),
        (ZOE2, "v1/charge-mode", 400, "err.func.vcps.ev.charge-mode.error"),
        (ZOE1, "v1/location", 501, "err.tech.501"),
        (ZOE1, "v1/lock-status", 403, "err.func.403"),
        (SPRING, "v1/hvac-settings", 500, "err.tech.vcps.ev.hvac-settings.error"),
        (R5, "v1/charging-settings", 403, "err.func.wired.forbidden"),
    ];
    for (vin, what, status, code) in cases {
        assert_eq!(client.read(vin, what).await.code(), (status, code.to_owned()), "{vin} {what}");
    }
    assert_eq!(client.wrongs(), [""; 0], "to ask is no violation");
}

#[tokio::test]
async fn what_is_not_simulated_is_absent_and_no_violation() {
    let client = Client::signed_in().await;
    for what in ["v1/charges", "v1/hvac-history", "v1/notification-settings"] {
        assert_eq!(client.read(UNKNOWN, what).await.code(), (404, "err.func.wired.not-found".to_owned()));
    }
    assert_eq!(client.wrongs(), [""; 0]);
}

#[tokio::test]
async fn a_model_without_a_row_has_everything() {
    let client = Client::signed_in().await;
    for what in ["v2/battery-status", "v1/cockpit", "v1/location", "v1/hvac-status", "v1/lock-status"] {
        assert_eq!(client.read(UNKNOWN, what).await.status, 200, "{what}");
    }
}

#[tokio::test]
async fn documents_follow_the_model() {
    let client = Client::signed_in().await;
    for vin in [ZOE1, ZOE2, R5] {
        client.control.change_car(vin, |state| state.charging = true);
    }
    let power =
        async |vin| client.read(vin, "v2/battery-status").await.attribute("chargingInstantaneousPower");
    assert_eq!((power(ZOE1).await, power(ZOE2).await), (json!(7400.0), json!(7.4)));
    let short = client.read(R5, "v2/battery-status").await;
    assert!(short.json()["data"].get("type").is_none());
    assert!(short.attribute("batteryTemperature").is_null());
    let old = client.read(UNKNOWN, "v1/lock-status").await;
    let new = client.read(AUSTRAL, "v1/lock-status").await;
    assert_eq!(
        (old.attribute("doorStatusDriver"), new.attribute("statusDoorDriver")),
        (json!("closed"), json!("closed"))
    );
    assert!(client.read(AUSTRAL, "v1/cockpit").await.attribute("fuelQuantity").is_number());
}

#[tokio::test]
async fn privacy_hides_the_position_and_nothing_else() {
    let client = Client::signed_in().await;
    client.control.change_car(SPRING, |state| state.privacy = true);
    assert_eq!(client.read(SPRING, "v1/location").await.code(), (403, "err.func.privacy.on".to_owned()));
    assert_eq!(client.read(SPRING, "v1/cockpit").await.status, 200);
}
