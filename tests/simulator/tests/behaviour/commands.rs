//! Commands change the car when they succeed, and statuses and records tell.

use serde_json::{Value, json};
use simulator::{ActionKind, Ending, Outcome};

use crate::client::{CCS2, Client, LEGACY};

async fn ready() -> Client {
    let mut client = Client::signed_in().await;
    assert_eq!(client.pin("1234").await.status, 200);
    client
}

async fn done(client: &Client, vehicle: &str, path: &str, body: Value) {
    let reply = client.command(vehicle, path, body).await.unwrap();
    assert_eq!(reply.code(), (200, "0000".to_owned()), "{path}: {}", reply.body);
    let records = client.records(vehicle).await;
    assert_eq!(records[0], json!({ "recordId": reply.json()["msgId"], "result": "success" }));
}

fn ccs2_climate() -> Value {
    json!({
        "command": "start", "ignitionDuration": 10, "strgWhlHeating": null, "hvacTempType": 1, "hvacTemp": 23.5,
        "sideRearMirrorHeating": 1, "drvSeatLoc": "L", "tempUnit": "C", "windshieldFrontDefogState": true,
        "seatClimateInfo": {
            "drvSeatClimateState": 7, "psgSeatClimateState": null,
            "rrSeatClimateState": null, "rlSeatClimateState": null,
        },
    })
}

#[tokio::test]
async fn the_legacy_car_does_everything_that_it_can() {
    let client = ready().await;
    let device = &client.device;
    let open = json!({ "action": "open", "deviceId": device });
    done(&client, LEGACY, "v1 control/door", open).await;
    let options = json!({ "defrost": true, "heating1": 1, "igniOnDuration": 10 });
    let climate =
        json!({ "action": "start", "hvacType": 0, "options": options, "tempCode": "0EH", "unit": "C" });
    done(&client, LEGACY, "v1 control/temperature", climate).await;
    let windows = json!({ "backLeft": 2, "backRight": null, "frontLeft": 0, "frontRight": 1 });
    done(&client, LEGACY, "v2 control/windowcurtain", windows).await;
    done(&client, LEGACY, "v2 control/portdoor", json!({ "action": "open" })).await;
    let charge = json!({ "action": "start", "deviceId": device });
    done(&client, LEGACY, "v1 control/charge", charge).await;
    let limits = json!([{ "plugType": 0, "targetSOClevel": 70 }, { "plugType": 1, "targetSOClevel": 60 }]);
    done(&client, LEGACY, "v1 charge/target", json!({ "targetSOClist": limits })).await;

    let status = client.status(LEGACY).await;
    assert_eq!(status["doorLock"], false);
    assert_eq!((&status["airCtrlOn"], &status["airTemp"]["value"]), (&json!(true), &json!("0EH")));
    assert_eq!(
        status["windowOpen"],
        json!({ "frontLeft": 0, "frontRight": 1, "backLeft": 1, "backRight": 0 })
    );
    let electric = &status["evStatus"];
    assert_eq!(
        (&electric["batteryCharge"], &electric["chargePortDoorOpenStatus"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(electric["reservChargeInfos"]["targetSOClist"], limits);
    assert_eq!(client.control.counters().total_actuations(), 6);

    let options = json!({ "defrost": true, "heating1": 1 });
    let stop = json!({ "action": "stop", "hvacType": 0, "options": options, "tempCode": "10H", "unit": "C" });
    done(&client, LEGACY, "v1 control/temperature", stop).await;
    assert_eq!(client.status(LEGACY).await["airCtrlOn"], false);
}

#[tokio::test]
async fn the_ccs2_car_does_everything_that_it_can() {
    let client = ready().await;
    done(&client, CCS2, "v2 ccs2/control/door", json!({ "command": "open" })).await;
    done(&client, CCS2, "v2 ccs2/control/temperature", ccs2_climate()).await;
    let windows = json!({ "backLeft": null, "backRight": null, "frontLeft": 1, "frontRight": null });
    done(&client, CCS2, "v2 control/windowcurtain", windows).await;
    done(&client, CCS2, "v2 control/portdoor", json!({ "action": "open" })).await;
    done(&client, CCS2, "v1 ccs2/charge/chargingcurrent", json!({ "chargingCurrent": 3 })).await;
    done(&client, CCS2, "v2 ccs2/control/charge", json!({ "command": "start" })).await;
    let limits = json!([{ "plugType": 0, "targetSOClevel": 70 }, { "plugType": 1, "targetSOClevel": 60 }]);
    done(&client, CCS2, "v1 charge/target", json!({ "targetSOClist": limits })).await;

    let status = client.status(CCS2).await;
    assert_eq!(status["Cabin"]["Door"]["Row2"]["Right"]["Lock"], 1);
    let driver = &status["Cabin"]["HVAC"]["Row1"]["Driver"];
    assert_eq!(
        (&driver["Temperature"]["Value"], &driver["Blower"]["SpeedLevel"]),
        (&json!("23.5"), &json!(3))
    );
    assert_eq!(status["Cabin"]["Window"]["Row1"]["Driver"]["Open"], 1);
    assert_eq!(status["Cabin"]["Window"]["Row1"]["Passenger"]["Open"], 0);
    let charging = &status["Green"]["ChargingInformation"];
    assert_eq!(charging["TargetSoC"], json!({ "Standard": 60, "Quick": 70 }));
    assert_eq!(charging["ElectricCurrentLevel"]["State"], 3);
    assert!(charging["Charging"]["RemainTime"].as_u64().unwrap() > 0);
    assert_eq!(status["Green"]["ChargingDoor"]["State"], 1);

    done(&client, CCS2, "v2 ccs2/control/door", json!({ "command": "close" })).await;
    assert_eq!(client.status(CCS2).await["Cabin"]["Door"]["Row1"]["Driver"]["Lock"], 0);
    let counters = client.control.counters();
    assert_eq!(counters.actuations_of(CCS2, ActionKind::Unlock), 1);
    assert_eq!(counters.actuations_of(CCS2, ActionKind::Lock), 1);
    assert_eq!(counters.actuations_of(LEGACY, ActionKind::Lock), 0);
}

#[tokio::test]
async fn a_pending_action_changes_the_car_when_it_ends_well() {
    let client = ready().await;
    client.control.queue_outcome(Outcome::default().missing(1).pending(1));
    client.door("open").await.unwrap();
    assert_eq!(client.records(LEGACY).await, json!([]));
    assert_eq!(client.records(LEGACY).await[0]["result"], Value::Null);
    assert_eq!(client.status(LEGACY).await["doorLock"], true);
    assert_eq!(client.records(LEGACY).await[0]["result"], "success");
    assert_eq!(client.status(LEGACY).await["doorLock"], false);
}

#[tokio::test]
async fn other_endings_leave_the_car_alone_unless_told() {
    let client = ready().await;
    for (ending, result) in [(Ending::Fail, json!("fail")), (Ending::NonResponse, json!("non-response"))] {
        client.control.set_outcome(Outcome::new(ending));
        client.door("open").await.unwrap();
        assert_eq!(client.records(LEGACY).await[0]["result"], result);
    }
    assert_eq!(client.status(LEGACY).await["doorLock"], true);
    client.control.set_outcome(Outcome::new(Ending::NeverAppears).acts(true));
    client.door("open").await.unwrap();
    assert_eq!(client.records(LEGACY).await.as_array().unwrap().len(), 2);
    assert_eq!(client.status(LEGACY).await["doorLock"], false);
    assert_eq!(client.control.counters().actuations_of(LEGACY, ActionKind::Unlock), 3);
}

#[tokio::test]
async fn a_forced_status_brings_what_the_cached_one_does_not_have() {
    let client = ready().await;
    for vehicle in [LEGACY, CCS2] {
        assert!(client.control.change_vehicle(vehicle, |state| state.battery_percent = 12));
    }
    assert_eq!(client.status(LEGACY).await["evStatus"]["batteryStatus"], 63);
    let forced = client.read(LEGACY, "status").await.unwrap().json();
    assert_eq!(forced["resMsg"]["evStatus"]["batteryStatus"], 12);
    assert_eq!(client.status(CCS2).await["Green"]["BatteryManagement"]["BatteryRemain"]["Ratio"], 71);
    let forced = client.read(CCS2, "ccs2/carstatus").await.unwrap();
    assert_eq!(forced.code(), (200, "0000".to_owned()));
    assert_eq!(client.status(CCS2).await["Green"]["BatteryManagement"]["BatteryRemain"]["Ratio"], 12);
    let counters = client.control.counters();
    assert_eq!((counters.status, counters.forced_status), (5, 2));
}

#[tokio::test]
async fn a_car_out_of_reach_does_not_answer() {
    let client = ready().await;
    client.control.set_reachable(LEGACY, false);
    assert_eq!(client.read(LEGACY, "status").await.unwrap().code(), (408, "4081".to_owned()));
    client.door("open").await.unwrap();
    assert_eq!(client.records(LEGACY).await[0]["result"], "non-response");
    client.control.set_reachable(CCS2, false);
    let before = client.read(CCS2, "ccs2/carstatus/latest").await.unwrap().json();
    assert_eq!(client.read(CCS2, "ccs2/carstatus").await.unwrap().status, 200);
    let after = client.read(CCS2, "ccs2/carstatus/latest").await.unwrap().json();
    assert_eq!(after["resMsg"], before["resMsg"]);
}
