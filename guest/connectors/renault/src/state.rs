//! The cloud's answers, as the host's state document.

use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::state::{Document, Said, kilometres, number, one_of, percent};
use vehicle_connector_sdk::time::parse_rfc3339;

use crate::models::Part;
use crate::place::Country;

/// Puts what an answer says of a part into the document.
pub(crate) fn put(document: &mut Document, part: Part, answer: &Answer, country: &Country) {
    let at = |name: &str| answer.at(&format!("/data/attributes/{name}"));
    match part {
        Part::Battery => {
            document.put("soc_percent", percent(at("batteryLevel")));
            document.put("range_km", kilometres(at("batteryAutonomy"), Some(1.0)));
            document.put("plugged_in", one_of(at("plugStatus"), &[0.0, 1.0]));
            document.put("charging", charging(at("chargingStatus")));
            if charge(at("chargingStatus")) == Some(FLAP_OPEN) {
                document.put("charge_port_open", Said::Value(true));
            }
            said_at(document, at("timestamp"));
        }
        Part::Cockpit => {
            document.put("odometer_km", kilometres(at("totalMileage"), Some(1.0)));
            // Electric where the vehicle tells it apart.
            if document.get("range_km").is_none() {
                document.put("range_km", kilometres(at("fuelAutonomy"), Some(1.0)));
            }
        }
        Part::Location => {
            let time = at("lastUpdateTime").and_then(Value::as_str).and_then(parse_rfc3339);
            document.put_location(at("gpsLatitude"), at("gpsLongitude"), time);
        }
        Part::Climate => {
            document.put("climate_on", word(at("hvacStatus"), "on", "off"));
            said_at(document, at("lastUpdateTime"));
        }
        Part::Locks => {
            document.put("locked", word(at("lockStatus"), "locked", "unlocked"));
            document.put_corners("doors", doors(&at, country));
            document.put("trunk_open", open(at("hatchStatus").or_else(|| at("statusDoorTailGate"))));
            said_at(document, at("lastUpdateTime"));
        }
        Part::Limits => {
            // One limit for both kinds of current.
            for field in ["charge_limit_ac_percent", "charge_limit_dc_percent"] {
                document.put(field, percent(answer.at("/socTarget")));
            }
            said_at(document, answer.at("/lastEnergyUpdateTimestamp"));
        }
    }
}

/// The newest of the times at which the parts were said.
fn said_at(document: &mut Document, value: Option<&Value>) {
    let time = value.and_then(Value::as_str).and_then(parse_rfc3339);
    if time > document.seconds() {
        document.put_time(time);
    }
}

/// The flap of the charge port is open, in tenths.
const FLAP_OPEN: i64 = 4;

/// The charging status in tenths, as it is written with one decimal.
fn charge(value: Option<&Value>) -> Option<i64> {
    let tenths = number(value?)? * 10.0;
    (-30_i64..=30).find(|known| {
        #[allow(clippy::cast_precision_loss, reason = "a number of two digits")]
        let known = *known as f64;
        (tenths - known).abs() < 0.01
    })
}

/// 1.0 is charging, and -1.6 is charging by a station that could also draw. -1.0 is "not charging" of older
/// cars and an error of newer ones: nothing charges either way. What gives power does not charge.
fn charging(value: Option<&Value>) -> Said<bool> {
    Said::of(value, |value| match charge(Some(value))? {
        10 | -16 => Some(true),
        0..=4 | -10 | -13 | -14 | -15 => Some(false),
        _ => None,
    })
}

/// One of two words; any other one is "not known".
fn word(value: Option<&Value>, yes: &str, no: &str) -> Said<bool> {
    Said::of(value, |value| {
        let text = value.as_str()?.trim();
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if is(yes) { Some(true) } else { is(no).then_some(false) }
    })
}

fn open(value: Option<&Value>) -> Said<bool> {
    word(value, "open", "closed")
}

/// The doors, in both spellings. Where the driver sits depends on the country.
fn doors<'v>(at: &impl Fn(&str) -> Option<&'v Value>, country: &Country) -> [Said<bool>; 4] {
    let door =
        |place: &str| open(at(&format!("doorStatus{place}")).or_else(|| at(&format!("statusDoor{place}"))));
    let (left, right) =
        if country.is_right_hand() { ("Passenger", "Driver") } else { ("Driver", "Passenger") };
    [door(left), door(right), door("RearLeft"), door("RearRight")]
}
