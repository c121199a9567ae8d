#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::bindings::connector::{ChargeLimits, Command, WindowPosition, Windows};
use crate::vehicle::state::{Reading, Source};

/// Returns the time `second` seconds after everything began.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A vehicle and its controls.
#[derive(Default)]
struct Panel {
    known: Known,
    controls: Controls,
    takes: Takes,
}

impl Panel {
    /// A panel of a vehicle that has said this at second 0.
    fn of(said: &Value) -> Self {
        let mut panel = Self::default();
        panel.reads(0, said);
        panel.controls.news(&panel.known, &panel.takes);
        panel
    }

    /// Takes in what the cloud has, which the vehicle has said at this second.
    fn reads(&mut self, second: i64, said: &Value) {
        let mut said = said.clone();
        said["vehicle_time"] = at(second).to_string().into();
        self.known.take_in(&Reading::of(&said).unwrap(), Source::Cached, None, at(second + 1));
        self.controls.look(&self.known);
    }

    fn begins(&mut self, id: &str, name: OperationName, command: &Command) {
        self.controls.accepted(id, name, effects(command));
    }

    fn sends(&mut self, id: &str, name: OperationName, command: &Command) {
        self.begins(id, name, command);
        self.controls.sent(id, &self.known);
    }

    fn ends(&mut self, id: &str, state: State) {
        self.controls.ended(id, state, &self.known);
        self.controls.over(id);
    }

    fn shows(&self, field: &str) -> Value {
        serde_json::to_value(self.controls.shown(&self.known, &self.takes)).unwrap()[field].clone()
    }

    /// What is published now, of one field.
    fn news(&mut self, field: &str) -> Vec<Value> {
        let news = self.controls.news(&self.known, &self.takes);
        news.into_iter().map(|shown| serde_json::to_value(shown).unwrap()[field].clone()).collect()
    }

    fn restarts(&mut self) {
        let lasting = serde_json::to_vec(&self.controls.lasting).unwrap();
        self.controls = Controls::restored(serde_json::from_slice(&lasting).unwrap(), Preferences::default());
    }
}

fn unlocked() -> Value {
    json!({"locked": false})
}

#[test]
fn a_movement_lasts_as_long_as_its_command_and_ends_where_it_was() {
    let mut panel = Panel::of(&unlocked());
    panel.begins("a", OperationName::Lock, &Command::Lock);
    assert_eq!(panel.news("lock"), ["LOCKING"]);
    panel.ends("a", State::Failed);
    assert_eq!(panel.news("lock"), ["UNLOCKED"]);
    assert!(panel.news("lock").is_empty(), "nothing has changed");
}

#[test]
fn the_newest_movement_shows_and_the_older_one_after_it() {
    let mut panel = Panel::of(&unlocked());
    panel.sends("a", OperationName::Lock, &Command::Lock);
    panel.begins("b", OperationName::Unlock, &Command::Unlock);
    assert_eq!(panel.shows("lock"), "UNLOCKING");
    panel.ends("b", State::Rejected);
    assert_eq!(panel.shows("lock"), "LOCKING");
    panel.ends("a", State::Failed);
    assert_eq!(panel.shows("lock"), "UNLOCKED");
}

#[test]
fn what_nobody_knows_is_unknown_until_a_read_shows_it() {
    for (later, shown) in [
        ((0, json!({"locked": false})), Value::Null),
        ((0, json!({"locked": true})), json!("LOCKED")),
        ((60, json!({"locked": false})), json!("UNLOCKED")),
        ((60, json!({"charging": false})), Value::Null),
    ] {
        for state in [State::Timeout, State::Unknown, State::Succeeded] {
            let mut panel = Panel::of(&unlocked());
            panel.sends("a", OperationName::Lock, &Command::Lock);
            panel.news("lock");
            panel.ends("a", state);
            // For who takes "unknown" for a position: the movement has ended, and then nothing is known.
            assert_eq!(panel.news("lock"), [json!("UNLOCKED"), Value::Null]);
            panel.restarts();
            assert_eq!(panel.shows("lock"), Value::Null, "a doubt survives a restart");
            panel.reads(later.0, &later.1);
            assert_eq!(panel.shows("lock"), shown, "{later:?}");
        }
    }
}

#[test]
fn what_has_succeeded_shows_what_was_known_until_it_was_read() {
    let mut panel = Panel::of(&json!({"charge_limit_ac_percent": 90}));
    let limits = ChargeLimits { ac: Some(70), dc: None };
    panel.sends("a", OperationName::SetChargeLimits, &Command::SetChargeLimits(limits));
    panel.controls.ended("a", State::Succeeded, &panel.known);
    assert_eq!(panel.shows("charge_limit_ac"), 90.0, "the read is under way");
    panel.controls.over("a");
    assert_eq!(panel.shows("charge_limit_ac"), Value::Null, "it has shown nothing");
    panel.reads(60, &json!({"charge_limit_ac_percent": 70}));
    assert_eq!(panel.shows("charge_limit_ac"), 70.0);
}

#[test]
fn what_was_read_before_a_command_was_sent_says_nothing_of_it() {
    let mut panel = Panel::of(&unlocked());
    panel.begins("a", OperationName::Unlock, &Command::Unlock);
    // The command before it has led to this.
    panel.reads(60, &json!({"locked": true}));
    panel.controls.sent("a", &panel.known);
    panel.ends("a", State::Timeout);
    assert_eq!(panel.shows("lock"), Value::Null);
    panel.reads(60, &json!({"locked": true}));
    assert_eq!(panel.shows("lock"), Value::Null);
    panel.reads(120, &json!({"locked": true}));
    assert_eq!(panel.shows("lock"), "LOCKED");
}

#[test]
fn a_read_in_the_middle_that_shows_it_is_enough() {
    let mut panel = Panel::of(&unlocked());
    panel.sends("a", OperationName::Lock, &Command::Lock);
    panel.reads(60, &json!({"locked": true}));
    panel.ends("a", State::Unknown);
    assert_eq!(panel.shows("lock"), "LOCKED");
}

#[test]
fn a_vehicle_that_does_not_tell_its_locks_has_no_movement() {
    let mut panel = Panel::of(&json!({"charging": false}));
    panel.begins("a", OperationName::Lock, &Command::Lock);
    panel.begins("b", OperationName::OpenChargePort, &Command::OpenChargePort);
    assert_eq!((panel.shows("lock"), panel.shows("charge_port")), (Value::Null, Value::Null));
    assert_eq!(panel.shows("charging"), "OFF");
}

#[test]
fn windows_that_are_open_are_vented_if_that_was_done_last() {
    let all = |position| {
        let position = Some(position);
        Command::SetWindows(Windows {
            front_left: position,
            front_right: position,
            rear_left: position,
            rear_right: position,
        })
    };
    let read = |open: bool| json!({"windows": {"front_left": open, "front_right": open}});
    let mut panel = Panel::of(&read(false));
    assert_eq!(panel.shows("windows"), "closed");
    let mut minute = 0;
    for (position, state, shown) in [
        (WindowPosition::Vent, State::Succeeded, "vent"),
        (WindowPosition::Vent, State::Timeout, "open"),
        (WindowPosition::Open, State::Succeeded, "open"),
        (WindowPosition::Vent, State::Succeeded, "vent"),
        (WindowPosition::Open, State::Failed, "vent"),
    ] {
        panel.sends("a", OperationName::SetWindows, &all(position));
        panel.ends("a", state);
        minute += 1;
        panel.reads(minute * 60, &read(true));
        panel.restarts();
        assert_eq!(panel.shows("windows"), shown, "{position:?} {state:?}");
    }
    panel.reads(600, &read(false));
    assert_eq!(panel.shows("windows"), "closed");
    panel.reads(660, &read(true));
    assert_eq!(panel.shows("windows"), "open", "somebody has opened them since");
}

#[test]
fn what_a_control_cannot_be_set_to_it_does_not_show() {
    let mut panel = Panel::of(&json!({"charging_current_percent": 60, "charge_limit_ac_percent": 80}));
    assert_eq!(
        (panel.shows("charging_current"), panel.shows("charge_limit_ac")),
        (json!("60 %"), json!(80.0))
    );
    panel.reads(60, &json!({"charging_current_percent": 75, "charge_limit_ac_percent": 20}));
    assert_eq!((panel.shows("charging_current"), panel.shows("charge_limit_ac")), (Value::Null, Value::Null));
    panel.takes.charging_current = vec!["100 %".to_owned(), "75 %".to_owned()];
    panel.takes.charge_limit.least = 20.0;
    assert_eq!(
        (panel.shows("charging_current"), panel.shows("charge_limit_ac")),
        (json!("75 %"), json!(20.0)),
        "another connector takes them"
    );
}
