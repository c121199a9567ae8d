//! Field cases: payloads as people and templates write them.

use simulator::ActionKind;
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

/// Sends a payload and waits for its end, whatever its identifier.
async fn ended(home: &RealHome, operation: &str, payload: &str) -> Report {
    let before = home.published.messages().len();
    home.send(LEGACY.0, operation, payload).await;
    let prefix = format!("vehicle-connector/vehicle/{}/action/", LEGACY.0);
    home.published
        .find(|messages| {
            messages.iter().skip(before).find_map(|message| {
                let report: Report = serde_json::from_slice(&message.payload).ok()?;
                // There the one before is said once more.
                let is_own = message.topic.starts_with(&prefix) && !message.topic.ends_with("/last");
                (is_own && report.state.is_final()).then_some(report)
            })
        })
        .await
}

cases! {
    /// A template renders ten as `10.0` or `"10"`, true as `True` and a word in any case; all of it is done as meant.
    ["FC-47", "K24"] what_a_template_renders_is_done_as_meant {
        let home = RealHome::permissive(simulator::Config::default()).await;
        home.settle().await;
        for (operation, payload, op) in [
            ("lock", r#"{"action":"LOCK"}"#, "lock"),
            ("lock", r#"{"action":"Unlock"}"#, "unlock"),
            ("lock", r#""LOCK""#, "lock"),
            ("refresh_smart", r#"{"max_age_s":300.0}"#, "refresh_smart"),
            ("refresh_smart", "300.0", "refresh_smart"),
            ("charging_current", r#"{"level":1.0}"#, "set_charging_current"),
            ("charging_current", r#"{"level":"1"}"#, "set_charging_current"),
            ("windows", r#"{"front_left":"OPEN"}"#, "set_windows"),
            ("climate", r#"{"action":"START","set_temp":"21","duration_min":10.0,"defrost":"True"}"#, "start_climate"),
            ("climate", r#"{"action":"start","set_temp":21.0,"duration_min":"10","defrost":" on "}"#, "start_climate"),
        ] {
            let report = ended(&home, operation, payload).await;
            let done = !matches!(report.reason, Some(Reason::BadPayload));
            assert!(done && report.op == op, "{operation} {payload}: {report:?}");
        }
        assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 2);
        assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock), 1);
    }

    /// What could mean two things, or nothing, is not guessed at and never reaches the cloud.
    ["FC-47", "K24"] what_could_mean_two_things_is_refused_and_told {
        let home = RealHome::permissive(simulator::Config::default()).await;
        home.settle().await;
        for (operation, payload, said) in [
            ("climate", r#"{"action":"start","duration_min":2.5}"#, "duration_min 2.5 is not a whole number"),
            ("climate", r#"{"action":"start","set_temp":"21,5"}"#, "is not a number like 21 or 21.5"),
            ("climate", r#"{"action":"start","set_temp":"unavailable"}"#, "is not a number like 21 or 21.5"),
            ("climate", r#"{"action":"start","set_temp":21.11}"#, "temperature 21.11 is not a step of 0.5"),
            ("climate", r#"{"action":"start","defrost":"perhaps"}"#, "is not true or false"),
            ("refresh_smart", "unknown", "seconds"),
            ("lock", r#"{"action":""}"#, "is not one of lock, unlock"),
        ] {
            let report = ended(&home, operation, payload).await;
            assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::BadPayload)), "{payload}: {report:?}");
            assert!(report.message.as_deref().unwrap_or_default().contains(said), "{payload}: {report:?}");
        }
        assert_eq!(home.control().counters().commands, 0);
    }

    /// An id is one command's: another one under it is refused and told, the same one repeats its result, and the other
    /// car has ids of its own; over restarts.
    ["F7"] another_command_under_a_known_id_is_refused_and_told {
        let mut home = RealHome::permissive(simulator::Config::default()).await;
        home.settle().await;
        let constant = |action: &str| format!(r#"{{"id":"ha","action":"{action}"}}"#);
        let topic = format!("vehicle-connector/vehicle/{}/action/ha", LEGACY.0);
        home.send(LEGACY.0, "lock", constant("lock")).await;
        assert_eq!(home.ended(LEGACY.0, "ha").await.state, State::Succeeded);
        for restarted in [false, true] {
            if restarted {
                home.restart_configured(|config| {
                    for vehicle in config.vehicles.values_mut() {
                        vehicle.allow.extend(vehicle_connector::wire::operation::OperationName::COMMANDABLE);
                    }
                })
                .await
                .unwrap();
            }
            let finals = || home.published.finals(&topic).len();
            let before = finals();
            let report = ended(&home, "lock", &constant("unlock")).await;
            assert_eq!(
                (report.op.as_str(), report.state, report.reason),
                ("unlock", State::Rejected, Some(Reason::BadPayload)),
                "{report:?}"
            );
            let message = report.message.unwrap();
            assert!(message.starts_with("the id \"ha\" was used for lock at 20"), "{message}");
            assert_ne!(report.id, "ha", "the id stays with the command that has it");
            assert_eq!(finals(), before);
            // In other words the same.
            let again = ended(&home, "lock", r#" { "id" : "ha" } "#).await;
            assert_eq!((again.op.as_str(), again.id.as_str(), again.state), ("lock", "ha", State::Succeeded));
        }
        let counters = home.control().counters();
        assert_eq!(counters.actuations_of(LEGACY.1, ActionKind::Lock), 1);
        assert_eq!(counters.actuations_of(LEGACY.1, ActionKind::Unlock), 0);
        home.send(CCS2.0, "lock", constant("unlock")).await;
        assert_eq!(home.ended(CCS2.0, "ha").await.state, State::Succeeded);
    }

    /// The same while the first one is still under way.
    ["F7"] another_command_under_the_id_of_one_that_is_under_way_is_refused {
        let home = RealHome::permissive(simulator::Config::default()).await;
        home.settle().await;
        home.control().inject(
            simulator::Fault::new(simulator::RouteKind::Command, simulator::Effect::Hold).times(1),
        );
        home.send(LEGACY.0, "lock", r#"{"id":"a","action":"lock"}"#).await;
        home.control().wait_until(|counters| counters.held == 1).await;
        let report = ended(&home, "lock", r#"{"id":"a","action":"unlock"}"#).await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::BadPayload)), "{report:?}");
        home.control().release();
        assert_eq!(home.ended(LEGACY.0, "a").await.op, "lock");
        assert_eq!(home.control().counters().total_actuations(), 1);
    }
}
