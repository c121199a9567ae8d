//! Where the car is, and which car it is, stay at home.

use jiff::Timestamp;
use serde_json::Value;
use simulator::{Effect, Fault, RouteKind};
use testkit::log::Log;
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::State;

/// What is in no text that leaves: the position that is used here, or enough of it to tell a street.
const NEVER: [&str; 6] = ["234567", "789013", "51.2345", "51,2345", "6.7890", "6,7890"];

const POSITION: &str = r#"{"lat":51.234567,"lon":6.789013}"#;

/// A successful answer as the cloud gives it, with a position where it should be.
fn status() -> String {
    format!(
        r#"{{"retCode":"S","resCode":"0000","resMsg":{{"vehicleStatusInfo":{{"vehicleLocation":{{"coord":{POSITION}}},"vehicleStatus":{{"time":"20260101000000"}}}},"coord":{POSITION}}},"msgId":"x"}}"#
    )
}

/// Everything that has left the host but the place where positions belong: the log, the records, all messages.
async fn everything(home: &RealHome) -> String {
    let mut all = Log::of_this_process().text();
    for kind in [Kind::Audit, Kind::Result] {
        for (_, record) in home.environment.store.list(kind).await.unwrap() {
            all.push_str(&of_others(&record));
        }
    }
    for message in home.published.messages() {
        if !message.topic.ends_with("/location") {
            all.push_str(&of_others(&message.payload));
        }
    }
    all
}

/// A document without what only the host writes into it. Its times and its random numbers have digits that may be those
/// of the position, which tells nothing.
fn of_others(document: &[u8]) -> String {
    let Ok(mut value) = serde_json::from_slice::<Value>(document) else {
        return String::from_utf8_lossy(document).into_owned();
    };
    drop_own(&mut value);
    value.to_string()
}

fn drop_own(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(drop_own),
        Value::Object(members) => {
            members.remove("random");
            members.retain(|_, value| value.as_str().is_none_or(|text| text.parse::<Timestamp>().is_err()));
            members.values_mut().for_each(drop_own);
        }
        _ => {}
    }
}

fn assert_no_position(all: &str, case: &str) {
    for never in NEVER {
        let around = all.find(never).map(|at| {
            let from = all.floor_char_boundary(at.saturating_sub(300));
            all.get(from..at).unwrap_or_default()
        });
        assert!(around.is_none(), "{case}: {never} behind {}", around.unwrap_or_default());
    }
}

cases! {
    /// An answer with a position that the host cannot take apart goes to nobody; the message describes it.
    ["FC-12", "S7", "K6"] an_answer_that_cannot_be_read_is_quoted_nowhere {
        Log::of_this_process();
        let home = RealHome::with(patient_cloud()).await;
        home.settle().await;
        let good = status();
        let cut = good.split_once("51.234567").map(|(before, _)| format!("{before}51.234567")).unwrap();
        for (case, body, why) in [
            ("cut short", cut.as_str(), "is not JSON (HTTP 200, application/json, "),
            ("two documents", &good.repeat(2), "is not JSON (HTTP 200, application/json, "),
            ("a comma too many", &good.replace("\"msgId\"", ",\"msgId\""), "is not JSON (HTTP 200, application/json, "),
            ("a page", &format!("<html><script>{good}</script>"), "is not JSON (HTTP 200, text/html, "),
            ("a callback", &format!("callback({good})"), "is not JSON (HTTP 200, text/plain, "),
            ("text", "car at 51.234567, 6.789013", "is not JSON (HTTP 200, text/plain, "),
            ("a string", "\"51.234567,6.789013\"", "is JSON of another shape (HTTP 200, text/plain, "),
            ("a list", "[51.234567,6.789013]", "is JSON of another shape (HTTP 200, application/json, "),
            ("another place", &format!(r#"{{"at":{POSITION}}}"#), ""),
            ("in words", r#"{"retCode":"F","resCode":"9","resMsg":"at 51.234567, 6.789013"}"#, ""),
            ("in a message", &format!(r#"{{"retCode":"F","resMsg":{POSITION}}}"#), ""),
        ] {
            for route in [RouteKind::Status, RouteKind::ForcedStatus, RouteKind::Location] {
                home.control().inject(Fault::new(route, Effect::answer(200, body)).forever());
            }
            for (vehicle, operation) in [(LEGACY, "refresh_cached"), (CCS2, "refresh_cached"), (LEGACY, "refresh_force")] {
                let report = home.command(vehicle.0, operation, "").await;
                assert_ne!(report.state, State::Succeeded, "{case}: {report:?}");
                let told = serde_json::to_string(&report).unwrap();
                if operation == "refresh_cached" && report.attempts > 0 {
                    assert!(told.contains(why), "{case}: {told}");
                }
            }
            home.control().clear_faults();
            assert_no_position(&everything(&home).await, case);
            home.clock.advance(120);
            assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded, "{case}");
        }
    }

    /// A refusal may be quoted, without what tells which car it is and where.
    ["S7", "K6", "FC-12"] a_refusal_is_quoted_without_position_and_vin {
        Log::of_this_process();
        let home = RealHome::with(patient_cloud()).await;
        home.settle().await;
        let defaults = simulator::Config::default();
        let vins: Vec<String> = defaults.vehicles.iter().map(|vehicle| vehicle.vin.clone()).collect();
        let vin = &vins[0];
        let lower = vin.to_lowercase();
        for (status, words) in [
            (400, format!("no route to 51.234567/6.789013 for {lower}")),
            (500, format!("car{vin}x at lat=51.234567&lon=6.789013")),
            (404, format!("<p>{lower}1: 51%2E234567 6&#46;789013")),
            (403, format!(r#"{{"retCode":"F","resCode":"9","resMsg":"_{lower}_ 51,234567 6,789013"}}"#)),
            (400, format!(r#"{{"error":"{vin}{lower}","error_description":"6.789013"}}"#)),
            (200, format!(r#"{{"retCode":"F","resCode":"{lower}","resMsg":"é{vin}é"}}"#)),
            (302, String::new()),
        ] {
            let headers = match status {
                302 => vec![("location".to_owned(), format!("/login/{lower}z?error=51.234567"))],
                _ => Vec::new(),
            };
            let effect = Effect::Answer { status, body: words.clone(), headers };
            for route in [RouteKind::Status, RouteKind::Command, RouteKind::Location] {
                home.control().inject(Fault::new(route, effect.clone()).forever());
            }
            for operation in ["refresh_cached", "lock"] {
                let report = home.command(LEGACY.0, operation, "").await;
                assert_ne!(report.state, State::Succeeded, "{words}: {report:?}");
            }
            home.control().clear_faults();
            let all = everything(&home).await;
            assert_no_position(&all, &words);
            let all = all.to_ascii_uppercase();
            assert!(vins.iter().all(|vin| !all.contains(vin.as_str())), "a VIN left with {words}");
            home.clock.advance(120);
        }
    }

    /// A position that is where nobody expects it is hidden by its name, and still found.
    ["K6"] what_is_called_a_position_is_hidden_from_the_connector_wherever_it_stands {
        Log::of_this_process();
        let home = RealHome::with(patient_cloud()).await;
        home.settle().await;
        let body = format!(
            r#"{{"retCode":"S","resMsg":{{"vehicleStatusInfo":{{"vehicleLocation":{{"coord":{{"latitude":51.234567,"longitude":"6.789013"}}}},"vehicleStatus":{{}}}},"vin":"{}"}},"msgId":"x"}}"#,
            simulator::Config::default().vehicles[0].vin
        );
        home.control().inject(Fault::new(RouteKind::Status, Effect::answer(200, body)));
        home.command(LEGACY.0, "refresh_cached", "").await;
        assert_no_position(&everything(&home).await, "by its name");
    }
}
