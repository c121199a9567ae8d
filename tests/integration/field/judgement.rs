//! Field cases: details of judgement, and what people are told.

use serde_json::{Value, json};
use simulator::{Effect, Ending, Fault, Outcome, RouteKind};
use testkit::network::Outage;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use super::in_virtual_time;

const NOBODY_KNOWS: &str = "Nobody knows whether the car did it: look before you try again";

/// The states that were published for a command, in order.
fn steps(home: &VirtualHome, car: &str, id: &str) -> Vec<State> {
    let topic = format!("vehicle-connector/vehicle/{car}/action/{id}");
    let messages = home.messages().into_iter().filter(|message| message.topic == topic);
    messages.map(|message| serde_json::from_slice::<Report>(&message.payload).unwrap().state).collect()
}

/// Lets the read that follows a command come to its end.
async fn read_after(home: &VirtualHome) -> u64 {
    home.advance(std::time::Duration::from_secs(5)).await;
    home.counters().status
}

cases! {
    /// After `timeout` somebody looks: one cached read, as after `succeeded` and `unknown`.
    ["F13"] after_a_timeout_the_car_is_read_once {
        in_virtual_time(async || {
            for ending in [Ending::StaysPending, Ending::NeverAppears] {
                let home = VirtualHome::start().await;
                home.control.queue_outcome(Outcome::new(ending).acts(true));
                let report = home.command(LEGACY.0, "unlock", "").await;
                assert_eq!(report.state, State::Timeout, "{report:?}");
                assert!(report.message.as_deref().unwrap().contains(NOBODY_KNOWS), "{report:?}");
                assert!(!report.retryable);
                assert_eq!(read_after(&home).await, 1, "{ending:?}");
                assert_eq!(home.retained("vehicle/niro/state")["locked"], false, "it shows what the car did");
            }
        });
    }

    /// A success without an identifier to ask with is `unknown`, and the car is read.
    ["F13"] a_success_without_an_identifier_is_unknown {
        in_virtual_time(async || {
            for body in [
                json!({"retCode": "S", "resCode": "0000"}),
                json!({"retCode": "S", "resCode": "0000", "msgId": null}),
                json!({"retCode": "S", "resCode": "0000", "msgId": ""}),
            ] {
                let home = VirtualHome::start().await;
                let answer = Effect::answer(200, body.to_string());
                home.control.inject(Fault::new(RouteKind::Command, answer).after_acting());
                let report = home.command(LEGACY.0, "unlock", "").await;
                assert_eq!((report.state, report.reason), (State::Unknown, Some(Reason::Unconfirmed)), "{report:?}");
                assert_eq!(home.counters().commands, 1);
                assert_eq!(read_after(&home).await, 1);
            }
        });
    }

    /// A low 12 V battery is told as such, and is no reason to try again; no data is no fault.
    ["F21"] a_low_battery_and_no_data_have_reasons_of_their_own {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            for (code, reason) in [("4007", Reason::AuxBatteryLow), ("5921", Reason::NoData)] {
                home.control.inject(Fault::new(RouteKind::Status, Effect::envelope(code, "No")));
                let report = home.command(LEGACY.0, "refresh_cached", "").await;
                assert_eq!((report.state, report.reason), (State::Failed, Some(reason)), "{report:?}");
                assert!(!report.retryable, "{report:?}");
                assert_eq!(report.detail.as_deref(), Some("No"));
                for circuit in ["hyundai-kia-eu", "account home", "vehicle niro"] {
                    assert_eq!(home.circuit(circuit)["failures"], 0, "{code} {circuit}");
                }
            }
        });
    }

    /// A token that the gateway refuses with 403 is refreshed once: for a read, and for nothing that moves the car.
    ["F21"] key_not_authorized_with_403_is_refreshed_once_for_reads {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            home.advance(std::time::Duration::from_secs(120)).await;
            let refusal = || Effect::answer(403, r#"{"error":"Key not authorized"}"#);
            home.control.inject(Fault::new(RouteKind::Status, refusal()));
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
            assert_eq!(home.counters().grants_asked, 1);
            // For ever: one refresh, one repeat, and no more.
            home.advance(std::time::Duration::from_secs(120)).await;
            home.control.inject(Fault::new(RouteKind::Status, refusal()).forever());
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!((report.state, report.attempts), (State::Failed, 2), "{report:?}");
            assert_eq!(home.counters().grants_asked, 2);
            // A command is not sent again for it.
            home.advance(std::time::Duration::from_secs(120)).await;
            home.control.clear_faults();
            let grants = home.counters().grants_asked;
            home.control.inject(Fault::new(RouteKind::Command, refusal()).forever());
            let report = home.command(LEGACY.0, "unlock", "").await;
            let counters = home.counters();
            assert_eq!((report.state, counters.commands, counters.grants_asked), (State::Unknown, 1, grants));
        });
    }

    /// A result that nobody has seen before is looked at a few times, not until the time is over.
    ["F21"] an_odd_result_is_looked_at_a_few_times {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            let id = "11111111-2222-4333-8444-555555555555";
            let taken = json!({"retCode": "S", "resCode": "0000", "msgId": id}).to_string();
            home.control.inject(Fault::new(RouteKind::Command, Effect::answer(200, taken)));
            let odd = json!({"retCode": "S", "resCode": "0000", "resMsg": [{"recordId": id, "result": "odd"}]});
            home.control.inject(Fault::new(RouteKind::Records, Effect::answer(200, odd.to_string())).forever());
            let report = home.command(LEGACY.0, "unlock", "").await;
            assert_eq!((report.state, report.reason), (State::Unknown, Some(Reason::Unconfirmed)), "{report:?}");
            assert!(report.detail.as_deref().unwrap().contains("odd"), "{report:?}");
            assert_eq!(home.counters().polls, 3);
        });
    }

    /// A connection that is refused is told as such, whatever a circuit makes of it meanwhile.
    ["F21"] a_circuit_that_opens_between_two_attempts_is_not_the_reason {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            home.network.set_outage(Outage::Everything);
            // Until the circuit is about to open.
            let mut reports = Vec::new();
            for _ in 0..3 {
                reports.push(home.command(LEGACY.0, "unlock", "").await);
            }
            assert_eq!(home.circuit("hyundai-kia-eu")["state"], "open");
            let first_rejected = reports.iter().position(|report| report.attempts == 0).unwrap_or(reports.len());
            assert!(first_rejected > 0);
            for report in &reports[..first_rejected] {
                assert_eq!(
                    (report.state, report.reason),
                    (State::Failed, Some(Reason::UpstreamUnavailable)),
                    "{report:?}"
                );
            }
        });
    }

    /// Without a PIN nothing that needs one is offered, and the reason is still that there is none.
    ["F21"] without_a_pin_nothing_is_offered_that_needs_one {
        in_virtual_time(async || {
            let home = VirtualHome::with(simulator::Config::default(), |config| {
                for account in config.accounts.values_mut() {
                    account.secrets.remove("pin");
                }
            })
            .await;
            for (car, operation, offered) in [
                ("niro", "unlock", true),
                ("niro", "set_windows", false),
                ("ev6", "unlock", false),
                ("ev6", "start_climate", false),
                ("ev6", "set_charging_current", true),
                ("ev6", "refresh_cached", true),
            ] {
                let capabilities = home.retained(&format!("vehicle/{car}/capabilities"));
                assert_eq!(capabilities[operation], offered, "{car} {operation}");
            }
            let report = home.command(CCS2.0, "unlock", "").await;
            assert_eq!(report.reason, Some(Reason::PinMissing), "{report:?}");
        });
    }

    /// The steering wheel can be asked for by name.
    ["F21"] the_steering_wheel_can_be_heated {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            for (options, wheel, mirrors) in [
                (r#""steering_wheel":true"#, json!(1), 0),
                (r#""steering_wheel":true,"heating":2"#, json!(1), 1),
                (r#""steering_wheel":false"#, Value::Null, 0),
                (r#""heating":3"#, json!(1), 0),
            ] {
                let fields = format!(r#""action":"start",{options}"#);
                let report = home.command(CCS2.0, "climate", &fields).await;
                assert_eq!(report.state, State::Succeeded, "{options}: {report:?}");
                let log = home.control.log();
                let body = &log.iter().rfind(|entry| entry.route == RouteKind::Command).unwrap().body;
                assert_eq!((&body["strgWhlHeating"], &body["sideRearMirrorHeating"]), (&wheel, &json!(mirrors)));
            }
            let contradiction = r#""action":"start","steering_wheel":false,"heating":4"#;
            let report = home.command(CCS2.0, "climate", contradiction).await;
            assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::BadPayload)), "{report:?}");
        });
    }

    /// What is refused before anything is sent was not sent: no step says so, and it counts as no attempt.
    ["F18"] an_option_that_is_not_possible_was_not_sent {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            for (car, fields) in [
                (LEGACY.0, r#""action":"start","seats":{"fl":1}"#),
                (LEGACY.0, r#""action":"start","set_temp":21.3"#),
                (CCS2.0, r#""action":"start","set_temp":40"#),
            ] {
                let id = home.begin(car, "climate", fields).await;
                let report = home.ended(car, &id).await;
                assert_eq!((report.state, report.attempts), (State::Rejected, 0), "{report:?}");
                assert_eq!((report.sent_at, report.upstream_calls), (None, 0), "{report:?}");
                assert_eq!(steps(&home, car, &id), [State::Accepted, State::Rejected]);
            }
        });
    }

    /// Our sentence comes first; what the vendor, a page or a library says is detail, and nothing when it says nothing.
    ["F10"] the_message_is_ours_and_the_vendors_words_are_detail {
        in_virtual_time(async || {
            for (answer, detail) in [
                (Effect::answer(503, "<html>503</html>"), Some("<html>")),
                (Effect::answer(502, "<html>Bad Gateway</html>"), Some("<html>")),
                (Effect::answer(503, ""), None),
                (Effect::answer(400, "{}"), None),
                (Effect::envelope("4002", "Invalid parameter"), Some("Invalid parameter")),
                (Effect::Drop, Some("connection")),
            ] {
                let home = VirtualHome::start().await;
                home.control.inject(Fault::new(RouteKind::Any, answer.clone()).forever());
                let report = home.command(LEGACY.0, "refresh_cached", "").await;
                let message = report.message.as_deref().unwrap();
                assert!(message.starts_with("The vendor's cloud") && message.ends_with('.'), "{answer:?}: {report:?}");
                assert!(message.contains("Nothing was read"), "{report:?}");
                let theirs = report.detail.as_deref().unwrap_or_default();
                assert!(detail.is_none_or(|detail| !message.contains(detail)), "{report:?}");
                assert!(theirs.trim() == theirs && report.detail.as_deref() != Some(""), "{report:?}");
            }
        });
    }

    /// `unknown` says the one thing that matters, whichever way it came to that.
    ["F10"] unknown_says_that_nobody_knows {
        in_virtual_time(async || {
            for answer in [
                Effect::Drop,
                Effect::answer(502, "<html>Bad Gateway</html>"),
                Effect::answer(200, ""),
                Effect::vehicle_timeout(),
            ] {
                let home = VirtualHome::start().await;
                home.control.inject(Fault::new(RouteKind::Command, answer.clone()).forever());
                let report = home.command(LEGACY.0, "unlock", "").await;
                assert_eq!(report.state, State::Unknown, "{answer:?}: {report:?}");
                let message = report.message.as_deref().unwrap();
                assert!(message.contains(NOBODY_KNOWS) && !message.contains('<'), "{answer:?}: {report:?}");
            }
        });
    }
}
