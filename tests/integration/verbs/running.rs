//! Everyday commands for a host that runs.

use serde_json::{Value, json};
use simulator::ActionKind;
use testkit::{CCS2, LEGACY};

use super::house::{House, ended};

/// Every command that is sent: its arguments, the operation, and what it is done to.
const SENT: [(&[&str], &str); 18] = [
    (&["refresh", "niro"], "refresh_cached"),
    (&["refresh", "niro", "--mode", "force"], "refresh_force"),
    (&["refresh", "niro", "--max-age", "86400"], "refresh_smart"),
    (&["lock", "niro"], "lock"),
    (&["unlock", "niro"], "unlock"),
    (
        &[
            "climate",
            "start",
            "niro",
            "--temp",
            "21.5",
            "--minutes",
            "10",
            "--defrost",
            "--steering-wheel=false",
        ],
        "start_climate",
    ),
    (&["climate", "stop", "niro"], "stop_climate"),
    (&["windows", "niro", "vent"], "set_windows"),
    (&["windows", "niro", "closed", "--rear-left", "open"], "set_windows"),
    (&["charge-port", "open", "niro"], "open_charge_port"),
    (&["charge-port", "close", "niro"], "close_charge_port"),
    (&["charge", "start", "niro"], "start_charging"),
    (&["charge", "stop", "niro"], "stop_charging"),
    (&["charge", "limits", "niro", "--ac", "80", "--dc", "90"], "set_charge_limits"),
    (&["charging-current", "ev6", "60"], "set_charging_current"),
    (&["command", "niro", "lock"], "lock"),
    (&["command", "niro", "lock", r#"{"action":"unlock"}"#], "unlock"),
    (&["command", "niro", "action_status", "LAST"], "check_action_status"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_is_done_and_its_result_is_all_that_is_printed() {
    let house = House::start().await;
    let _host = house.host().await;
    for (arguments, op) in SENT {
        let ran = house.run(arguments).await;
        assert_eq!(ran.code, 0, "{arguments:?} {ran:?}");
        let vehicle = if arguments.contains(&"ev6") { "ev6" } else { "niro" };
        let first = ran.out.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("{op} {vehicle}: succeeded")), "{ran:?}");
        // A read is followed by what it has found.
        assert_eq!(ran.out.lines().count() > 1, op.starts_with("refresh"), "{ran:?}");
        assert!(!ran.err.contains('\u{1b}'), "no terminal, no control sequences: {ran:?}");
    }
    let limits = |of: &str| {
        let car = house.control().vehicle(of).unwrap();
        (car.charge_limit_ac, car.charge_limit_dc)
    };
    assert_eq!(limits(LEGACY.1), (80, 90));
    let counters = house.control().counters();
    for (action, times) in [(ActionKind::Lock, 2), (ActionKind::Unlock, 2)] {
        assert_eq!(counters.actuations_of(LEGACY.1, action), times, "{action:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_and_what_is_known_of_them_are_shown_and_a_place_only_when_it_is_wanted() {
    let house = House::start().await;
    let _host = house.host().await;
    assert_eq!(house.run(&["refresh", "niro"]).await.code, 0);
    assert_eq!(house.run(&["refresh", "ev6"]).await.code, 0);

    let ran = house.run(&["vehicles"]).await;
    let line =
        |of: &str| ran.out.lines().find(|line| line.starts_with(of)).unwrap_or_else(|| panic!("{ran:?}"));
    assert!(line("VEHICLE").contains("BATTERY"), "{ran:?}");
    for part in [" home ", " yes ", " 71 %", " km "] {
        assert!(line("ev6").contains(part), "{part}: {ran:?}");
    }
    assert!(line("niro").contains(" home "), "{ran:?}");
    let listed = house.run(&["vehicles", "--json"]).await.json();
    assert_eq!(listed[0]["vehicle"], "ev6");
    assert_eq!(
        (&listed[1]["account"]["state"], &listed[1]["availability"]),
        (&json!("ok"), &json!("online"))
    );

    let ran = house.run(&["status", "ev6"]).await;
    for part in
        ["ev6\n", "battery      71 %", "from the cloud", "last action  refresh_cached: succeeded", "can "]
    {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(!ran.out.contains("location"), "{}", ran.out);
    let with = house.run(&["status", "ev6", "--location"]).await;
    assert!(with.out.contains("\n  location "), "{}", with.out);
    let all = house.run(&["status"]).await;
    assert!(all.out.starts_with("ev6\n") && all.out.contains("\n\nniro\n"), "{}", all.out);

    let one = house.run(&["status", "ev6", "--json"]).await.json();
    assert_eq!((&one["vehicle"], &one["state"]["meta"]["source"]), (&json!("ev6"), &json!("cached")));
    assert_eq!(one.get("location"), None);
    assert_eq!(one["capabilities"]["lock"], true);
    assert_eq!(one["last_action"]["op"], "refresh_cached");
    assert!(one["age_s"].is_u64(), "{one}");
    let placed = house.run(&["status", "ev6", "--json", "--location"]).await.json();
    assert!(placed["location"]["latitude"].is_f64(), "{placed}");
    assert!(house.run(&["status", "--json"]).await.json().is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_known_by_its_identifier_and_each_caller_gets_the_result_of_its_own() {
    let house = House::start().await;
    let _host = house.host().await;
    let id = house.run(&["lock", "niro", "--no-wait"]).await;
    assert_eq!((id.code, id.out.lines().count()), (0, 1), "{id:?}");
    let id = id.out.trim();
    let report = house.run(&["action", id, "--wait", "--json"]).await.json();
    assert_eq!(
        (&report["id"], &report["op"], &report["state"]),
        (&json!(id), &json!("lock"), &json!("succeeded"))
    );
    let last = house.run(&["action", "last", "--vehicle", "niro", "--json"]).await.json();
    assert_eq!(last["id"], id);

    // A question about that command has an identifier of its own, and its answer is about that command.
    let about = format!(r#"{{"about":"{id}"}}"#);
    let asked = house.run(&["command", "niro", "action_status", &about, "--json"]).await;
    let question = asked.json();
    assert_eq!(asked.code, 0, "{asked:?}");
    assert_eq!((&question["op"], &question["about"]), (&json!("check_action_status"), &json!(id)));
    assert_ne!(question["id"], id);
    let question = question["id"].as_str().unwrap();
    assert_eq!(house.run(&["action", question, "--json"]).await.json()["id"], question);

    // At once, for two cars and twice for one: each its own.
    let commands = [&["lock", "niro"][..], &["lock", "ev6"], &["unlock", "niro"], &["refresh", "niro"]];
    let running =
        commands.map(|arguments| house.program(&[arguments, &["--json"]].concat()).spawn().unwrap());
    let ran = futures_util::future::join_all(running.map(ended)).await;
    let reports: Vec<Value> = ran.iter().map(super::house::Ran::json).collect();
    for (report, (op, vehicle)) in reports.iter().zip([
        ("lock", "niro"),
        ("lock", "ev6"),
        ("unlock", "niro"),
        ("refresh_cached", "niro"),
    ]) {
        assert_eq!((&report["op"], &report["vehicle"]), (&json!(op), &json!(vehicle)), "{reports:?}");
    }
    let ids: std::collections::BTreeSet<String> =
        reports.iter().map(|report| report["id"].to_string()).collect();
    assert_eq!(ids.len(), 4);
    assert!(house.control().counters().actuations_of(CCS2.1, ActionKind::Lock) == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_closes_the_pipe_hears_no_complaint() {
    use std::process::Stdio;
    let house = House::start().await;
    let _host = house.host().await;
    for arguments in [
        &["vehicles"][..],
        &["status"],
        &["status", "--json"],
        &["lock", "niro"],
        &["lock", "niro", "--json"],
        &["lock", "niro", "--no-wait"],
        &["refresh", "niro"],
        &["action", "last"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = house.program(arguments).stdout(Stdio::from(writer)).spawn().unwrap();
        let ran = ended(run).await;
        assert_eq!(ran.code, 0, "{arguments:?} {ran:?}");
        assert!(
            !ran.err.contains("vehicle-connector:") && !ran.err.contains("panic"),
            "{arguments:?} {ran:?}"
        );
    }
}
