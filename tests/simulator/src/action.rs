//! What commands do, how they end, and the records that tell a client.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::vehicle::{VehicleState, Window};

/// The kinds of command, by which actuations are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum ActionKind {
    Lock,
    Unlock,
    StartClimate,
    StopClimate,
    Windows,
    OpenChargePort,
    CloseChargePort,
    ChargingCurrent,
    StartCharge,
    StopCharge,
    ChargeLimits,
}

/// A command with its arguments, read from a valid body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Lock,
    Unlock,
    StartClimate {
        temperature: f64,
        defrost: bool,
    },
    StopClimate,
    /// Front left, front right, back left, back right; `None` leaves a window as it is.
    Windows([Option<Window>; 4]),
    OpenChargePort,
    CloseChargePort,
    ChargingCurrent(u8),
    StartCharge,
    StopCharge,
    /// Percent; `None` leaves a limit as it is.
    ChargeLimits {
        ac: Option<u8>,
        dc: Option<u8>,
    },
}

impl Action {
    pub(crate) fn kind(&self) -> ActionKind {
        match self {
            Self::Lock => ActionKind::Lock,
            Self::Unlock => ActionKind::Unlock,
            Self::StartClimate { .. } => ActionKind::StartClimate,
            Self::StopClimate => ActionKind::StopClimate,
            Self::Windows(_) => ActionKind::Windows,
            Self::OpenChargePort => ActionKind::OpenChargePort,
            Self::CloseChargePort => ActionKind::CloseChargePort,
            Self::ChargingCurrent(_) => ActionKind::ChargingCurrent,
            Self::StartCharge => ActionKind::StartCharge,
            Self::StopCharge => ActionKind::StopCharge,
            Self::ChargeLimits { .. } => ActionKind::ChargeLimits,
        }
    }

    /// Changes the car. Charging starts whether or not a cable is plugged in: this is a cloud, not a garage.
    pub(crate) fn apply(&self, state: &mut VehicleState) {
        match self {
            Self::Lock => state.locked = true,
            Self::Unlock => state.locked = false,
            Self::StartClimate { temperature, defrost } => {
                state.climate_on = true;
                state.temperature = *temperature;
                state.defrost = *defrost;
            }
            Self::StopClimate => {
                state.climate_on = false;
                state.defrost = false;
            }
            Self::Windows([front_left, front_right, back_left, back_right]) => {
                let windows = &mut state.windows;
                windows.front_left = front_left.unwrap_or(windows.front_left);
                windows.front_right = front_right.unwrap_or(windows.front_right);
                windows.back_left = back_left.unwrap_or(windows.back_left);
                windows.back_right = back_right.unwrap_or(windows.back_right);
            }
            Self::OpenChargePort => state.charge_port_open = true,
            Self::CloseChargePort => state.charge_port_open = false,
            Self::ChargingCurrent(level) => state.charging_current = *level,
            Self::StartCharge => state.charging = true,
            Self::StopCharge => state.charging = false,
            Self::ChargeLimits { ac, dc } => {
                state.charge_limit_ac = ac.unwrap_or(state.charge_limit_ac);
                state.charge_limit_dc = dc.unwrap_or(state.charge_limit_dc);
            }
        }
    }
}

/// How the commands that are accepted from now on end.
///
/// Every poll of the records counts one step: first `missing_polls` without the record, then `pending_polls`
/// with a `null` result, then the ending. With neither, the car acts before the command is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outcome {
    /// Polls that do not find the record at all.
    pub missing_polls: u32,
    /// Polls that find it without a result.
    pub pending_polls: u32,
    /// What the record says in the end.
    pub ending: Ending,
    /// Whether the car really does it, at the moment of the ending; `None` means if and only if the ending is
    /// [`Ending::Success`]. With `Some(true)` and an ending that never comes, it acts at once.
    pub acts: Option<bool>,
}

impl Outcome {
    /// Ends like this, at once.
    pub fn new(ending: Ending) -> Self {
        Self { missing_polls: 0, pending_polls: 0, ending, acts: None }
    }

    /// ... after this many polls with a `null` result.
    pub fn pending(self, polls: u32) -> Self {
        Self { pending_polls: polls, ..self }
    }

    /// ... after this many polls without the record.
    pub fn missing(self, polls: u32) -> Self {
        Self { missing_polls: polls, ..self }
    }

    /// Whether the car really does it, whatever the record says.
    pub fn acts(self, acts: bool) -> Self {
        Self { acts: Some(acts), ..self }
    }

    fn car_acts(&self) -> bool {
        self.acts.unwrap_or(self.ending == Ending::Success)
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self::new(Ending::Success)
    }
}

/// What a record says in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// `"success"`.
    Success,
    /// `"fail"`.
    Fail,
    /// `"non-response"`: the car did not answer the cloud.
    NonResponse,
    /// `null` for ever.
    StaysPending,
    /// The record never appears.
    NeverAppears,
}

/// One accepted command, as the cloud remembers it.
#[derive(Debug)]
pub(crate) struct Record {
    id: String,
    device: String,
    action: Action,
    outcome: Outcome,
    applied: bool,
}

impl Record {
    pub(crate) fn new(id: String, device: String, action: Action, outcome: Outcome) -> Self {
        Self { id, device, action, outcome, applied: false }
    }

    pub(crate) fn belongs_to(&self, device: &str) -> bool {
        self.device == device
    }

    /// Whether the car may still have this to do.
    pub(crate) fn is_pending(&self) -> bool {
        self.outcome.missing_polls > 0
            || self.outcome.pending_polls > 0
            || matches!(self.outcome.ending, Ending::StaysPending | Ending::NeverAppears)
    }

    /// The action that the car does now, once: when the ending is reached, or at once if it never is.
    pub(crate) fn take_action(&mut self) -> Option<&Action> {
        let due = self.ended() || matches!(self.outcome.ending, Ending::StaysPending | Ending::NeverAppears);
        if self.applied || !due || !self.outcome.car_acts() {
            return None;
        }
        self.applied = true;
        Some(&self.action)
    }

    /// What this poll shows, and one step on; `None` while the record is missing.
    pub(crate) fn poll(&mut self) -> Option<Value> {
        let outcome = &mut self.outcome;
        if outcome.missing_polls > 0 {
            outcome.missing_polls -= 1;
            return None;
        }
        let result = if outcome.pending_polls > 0 {
            outcome.pending_polls -= 1;
            None
        } else {
            match outcome.ending {
                Ending::Success => Some("success"),
                Ending::Fail => Some("fail"),
                Ending::NonResponse => Some("non-response"),
                Ending::StaysPending => None,
                Ending::NeverAppears => return None,
            }
        };
        Some(json!({ "recordId": self.id, "result": result }))
    }

    fn ended(&self) -> bool {
        self.outcome.missing_polls == 0 && self.outcome.pending_polls == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(outcome: Outcome) -> Record {
        Record::new("r".into(), "d".into(), Action::Unlock, outcome)
    }

    fn results(record: &mut Record, polls: usize) -> Vec<Option<Value>> {
        (0..polls).map(|_| record.poll().and_then(|mut row| row.get_mut("result").map(Value::take))).collect()
    }

    #[test]
    fn a_record_is_missing_then_pending_then_ends() {
        let mut record = record(Outcome::new(Ending::Fail).missing(1).pending(2));
        let expected = [None, Some(Value::Null), Some(Value::Null), Some(json!("fail")), Some(json!("fail"))];
        assert_eq!(results(&mut record, 5), expected);
    }

    #[test]
    fn the_car_acts_once_and_only_at_a_successful_end() {
        let mut pending = record(Outcome::default().pending(1));
        assert!(pending.is_pending());
        assert_eq!(pending.take_action(), None);
        pending.poll();
        assert_eq!(pending.take_action(), Some(&Action::Unlock));
        assert_eq!(pending.take_action(), None);
        assert_eq!(record(Outcome::new(Ending::Fail)).take_action(), None);
    }

    #[test]
    fn a_car_may_act_although_the_record_never_says_so() {
        for ending in [Ending::StaysPending, Ending::NeverAppears] {
            let mut silent = record(Outcome::new(ending).acts(true));
            assert_eq!(silent.take_action(), Some(&Action::Unlock));
            assert!(silent.is_pending());
        }
    }
}
