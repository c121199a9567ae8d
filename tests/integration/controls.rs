//! What the controls of a vehicle show while it is commanded, and after.

use serde_json::{Value, json};
use simulator::{Ending, Outcome};
use testkit::virtual_home::VirtualHome;
use testkit::{Home, LEGACY};
use vehicle_connector::wire::outcome::{Reason, State};

const TOPIC: &str = "vehicle/niro/controls";

const FIELDS: [&str; 11] = [
    "lock",
    "climate",
    "windows",
    "charge_port",
    "charging",
    "charge_limit_ac",
    "charge_limit_dc",
    "charging_current",
    "climate_temp",
    "climate_minutes",
    "climate_defrost",
];

/// A home whose car is unlocked, and was read.
async fn unlocked() -> VirtualHome {
    let home = VirtualHome::start().await;
    home.control.change_vehicle(LEGACY.1, |car| car.locked = false);
    // The cloud is told of it when the car is asked.
    home.command(LEGACY.0, "refresh_force", "").await;
    home.published.until(|| shows(&home, "lock", "UNLOCKED")).await;
    home
}

fn shown(home: &VirtualHome, field: &str) -> Value {
    home.retained(TOPIC)[field].clone()
}

fn shows(home: &VirtualHome, field: &str, wanted: impl Into<Value>) -> Option<()> {
    (shown(home, field) == wanted.into()).then_some(())
}

/// What one control has shown, one after the other.
fn course(home: &VirtualHome, field: &str) -> Vec<Value> {
    let mut course: Vec<Value> =
        home.documents(TOPIC).into_iter().map(|document| document[field].clone()).collect();
    course.dedup();
    course
}

#[tokio::test(start_paused = true)]
async fn a_control_shows_the_movement_and_then_what_was_read() {
    let home = unlocked().await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    home.published.until(|| shows(&home, "lock", "LOCKED")).await;
    assert_eq!(course(&home, "lock"), [json!(null), json!("UNLOCKED"), json!("LOCKING"), json!("LOCKED")]);
    for document in home.documents(TOPIC) {
        let fields: Vec<&String> = document.as_object().unwrap().keys().collect();
        assert_eq!(fields.len(), FIELDS.len(), "{fields:?}");
        assert!(FIELDS.iter().all(|field| document.get(*field).is_some()), "{document}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_car_refuses_leaves_the_control_as_it_was() {
    let home = unlocked().await;
    home.control.queue_outcome(Outcome::new(Ending::Fail).pending(1));
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Failed, "{report:?}");
    assert_eq!(course(&home, "lock"), [json!(null), json!("UNLOCKED"), json!("LOCKING"), json!("UNLOCKED")]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_is_null_until_a_read_shows_it_also_over_a_restart() {
    let mut home = unlocked().await;
    home.control.queue_outcome(Outcome::new(Ending::StaysPending));
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Timeout, "{report:?}");
    assert_eq!(shown(&home, "lock"), Value::Null);
    // The cloud has nothing newer.
    home.read().await;
    assert_eq!(shown(&home, "lock"), Value::Null);

    home.restart().await;
    home.host.announce("5");
    assert_eq!(shown(&home, "lock"), Value::Null);
    assert_eq!(home.retained("vehicle/niro/state")["locked"], false, "the state keeps what was said");
    home.read().await;
    assert_eq!(shown(&home, "lock"), Value::Null);
    home.command(LEGACY.0, "refresh_force", "").await;
    home.published.until(|| shows(&home, "lock", "UNLOCKED")).await;
}

#[tokio::test(start_paused = true)]
async fn of_several_commands_the_newest_one_shows_and_all_end_in_what_is_true() {
    let home = unlocked().await;
    home.control.queue_outcome(Outcome::new(Ending::Success).pending(2));
    let first = home.begin(LEGACY.0, "lock", "").await;
    home.published.until(|| shows(&home, "lock", "LOCKING")).await;
    let second = home.begin(LEGACY.0, "unlock", "").await;
    let third = home.begin(LEGACY.0, "lock", "").await;
    let second = home.ended(LEGACY.0, &second).await;
    assert_eq!(second.reason, Some(Reason::Superseded), "{second:?}");
    for id in [first, third] {
        assert_eq!(home.ended(LEGACY.0, &id).await.state, State::Succeeded);
    }
    home.published.until(|| shows(&home, "lock", "LOCKED")).await;
    assert_eq!(
        course(&home, "lock"),
        ["UNLOCKED", "LOCKING", "UNLOCKING", "LOCKING", "LOCKED"].into_iter().fold(
            vec![Value::Null],
            |mut all, it| {
                all.push(it.into());
                all
            }
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_next_host_asks_about_moves_there_too() {
    let mut home = unlocked().await;
    home.control.queue_outcome(Outcome::new(Ending::Success).pending(6));
    let id = home.begin(LEGACY.0, "lock", "").await;
    let pending = || {
        home.documents(&format!("vehicle/niro/action/{id}"))
            .iter()
            .find(|it| it["state"] == "pending")
            .map(drop)
    };
    home.published.until(pending).await;
    home.restart().await;
    home.host.announce("5");
    assert_eq!(shown(&home, "lock"), "LOCKING");
    assert_eq!(home.ended(LEGACY.0, &id).await.state, State::Succeeded);
    home.published.until(|| shows(&home, "lock", "LOCKED")).await;
}

#[tokio::test(start_paused = true)]
async fn everything_is_said_again_to_a_broker_that_comes_back() {
    let home = unlocked().await;
    let before = home.published_on(TOPIC);
    home.host.announce("5");
    home.host.announce("5");
    assert_eq!(home.published_on(TOPIC), before + 2);
    assert_eq!(shown(&home, "lock"), "UNLOCKED");
}
