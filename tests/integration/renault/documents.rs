//! What is published of these cars is what the schemas in `docs/` say.

use renault_simulator::CarState;
use serde_json::Value;
use testkit::Home;
use testkit::two_makers::{FIVE, TwoMakers, ZOE, ZOE_2};
use vehicle_connector::wire::outcome::State;

use crate::state_schema;

/// Changes of a car that a read must bear.
const ODD: [fn(&mut CarState); 5] = [
    |_| {},
    |car| (car.charging, car.hvac_on, car.battery_level) = (true, true, 100),
    |car| (car.plugged, car.battery_level, car.battery_autonomy) = (false, 0, 0),
    |car| (car.mileage, car.battery_autonomy) = (-1.0, u32::MAX),
    |car| (car.privacy, car.battery_level, car.soc_target) = (true, 255, 255),
];

#[tokio::test(start_paused = true)]
async fn every_read_of_every_car_is_what_the_schema_says() {
    let home = TwoMakers::start().await;
    for (car, vin) in [FIVE, ZOE, ZOE_2] {
        for change in ODD {
            assert!(home.renault.change_car(vin, change));
            let report = home.read(car).await;
            assert_eq!(report.state, State::Succeeded, "{car}: {report:?}");
        }
        home.command(car, "climate", r#""action":"start""#).await;
        let states = state_schema::check(&home, car);
        assert!(states.len() > ODD.len(), "{car}: {} states", states.len());
        let known = |field: &str| states.iter().filter(|state| !state[field].is_null()).count();
        for field in ["soc_percent", "range_km", "odometer_km", "plugged_in", "charging", "climate_on"] {
            assert!(known(field) > 0, "{car}: {field} is never known");
        }
    }
    let five = home.retained("vehicle/five/state");
    assert_eq!((&five["climate_on"], &five["locked"]), (&Value::Bool(true), &Value::Null), "{five}");
}
