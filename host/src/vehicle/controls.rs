//! The controls of a vehicle, as people operate them: what each one shows.
//!
//! A control shows what is known, the movement of a command that is under way, or nothing: what a command was
//! sent for is not known any more once that has ended without a failure, until a read shows it. A read shows
//! it if it is of a later time than what was known, or says something else than that, or what was wanted. The
//! same old answer of a cloud shows nothing.
//!
//! * `effect`: the values that a command may change

mod effect;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::effect::{Effect, effects, touched};
use super::preferences::Preferences;
use super::state::{Known, SaidAt};
use crate::descriptor::Takes;
use crate::wire::operation::OperationName;
use crate::wire::outcome::State;

/// The document on a vehicle's `controls` topic. Every field is always there; `null` is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Shown {
    /// `LOCKED`, `UNLOCKED`, or `LOCKING`, `UNLOCKING` while a command is under way.
    lock: Option<&'static str>,
    /// `auto` or `off`.
    climate: Option<&'static str>,
    /// `closed`, `vent` or `open`.
    windows: Option<&'static str>,
    /// `open`, `closed`, or `opening`, `closing` while a command is under way.
    charge_port: Option<&'static str>,
    /// `ON` or `OFF`.
    charging: Option<&'static str>,
    /// Percent, from 50 to 100.
    charge_limit_ac: Option<f64>,
    /// Percent, from 50 to 100.
    charge_limit_dc: Option<f64>,
    /// `100 %`, `90 %` or `60 %`.
    charging_current: Option<String>,
    /// The preferred temperature, else the one that the climate is set to, in degrees Celsius.
    climate_temp: Option<f64>,
    /// The preferred duration of the climate, in minutes.
    climate_minutes: Option<u16>,
    /// The preferred defrosting, `ON` or `OFF`.
    climate_defrost: Option<&'static str>,
}

/// The controls of a vehicle: what they show beyond what is known.
#[derive(Debug, Default)]
pub(crate) struct Controls {
    /// Commands that have been accepted and are not over, in the order of their acceptance.
    under_way: Vec<UnderWay>,
    /// What outlives a restart.
    pub(super) lasting: Lasting,
    /// Preferences for the climate, which the host stores.
    pub(crate) preferences: Preferences,
    /// Document that was published last.
    published: Option<Shown>,
}

/// What the controls remember over restarts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Lasting {
    /// Values that a command may have changed and that no read has shown since, by their paths.
    expected: BTreeMap<String, Expected>,
    /// Whether all windows were moved to the vent position, and have not been closed since: the state knows
    /// them as open only.
    vented: bool,
}

/// A command that is not over.
#[derive(Debug)]
struct UnderWay {
    id: String,
    name: OperationName,
    effects: Vec<Effect>,
    /// What was known of the values when it was sent; none before that.
    before: Option<BTreeMap<&'static str, SaidAt>>,
    /// Whether it has succeeded, and the read that follows it is under way.
    succeeded: bool,
}

/// A value that a command may have changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Expected {
    /// Value that was known when the command was sent, and when that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<SaidAt>,
    /// Value that the command was to lead to, where that is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wanted: Option<Value>,
}

impl Expected {
    /// Whether what is known now shows what has become of the command.
    fn is_shown_by(&self, known: &SaidAt) -> bool {
        self.wanted.as_ref() == Some(&known.value)
            || self.before.as_ref().is_none_or(|before| before.value != known.value || before.at < known.at)
    }
}

impl Controls {
    /// Controls as an earlier host has left them.
    pub(super) fn restored(lasting: Lasting, preferences: Preferences) -> Self {
        Self { lasting, preferences, ..Self::default() }
    }

    /// Controls of another car that has taken this one's place. The preferences are the owner's and stay.
    pub(crate) fn of_another_car(&self) -> Self {
        Self::restored(Lasting::default(), self.preferences)
    }

    /// A command that changes these values was accepted.
    pub(crate) fn accepted(&mut self, id: &str, name: OperationName, effects: Vec<Effect>) {
        if !effects.is_empty() {
            self.under_way.push(UnderWay {
                id: id.to_owned(),
                name,
                effects,
                before: None,
                succeeded: false,
            });
        }
    }

    /// A command is being sent: whatever is known now was said before.
    pub(crate) fn sent(&mut self, id: &str, known: &Known) {
        if let Some(command) = self.under_way.iter_mut().find(|command| command.id == id) {
            let said = |effect: &Effect| Some((effect.path, known.said(effect.path)?));
            command.before.get_or_insert_with(|| command.effects.iter().filter_map(said).collect());
        }
    }

    /// A command has reached its final state. It still shows as a movement until [`Self::over`], and of one that
    /// has succeeded what was known is shown until then: it is about to be read.
    pub(crate) fn ended(&mut self, id: &str, state: State, known: &Known) {
        // Who was forgotten meanwhile was a command to another car.
        let Some(command) = self.under_way.iter_mut().find(|command| command.id == id) else { return };
        command.succeeded = state == State::Succeeded;
        if !matches!(state, State::Succeeded | State::Timeout | State::Unknown) {
            return;
        }
        // What the vehicle does not tell is unknown anyway.
        for Effect { path, wanted } in command.effects.iter().filter(|it| known.said(it.path).is_some()) {
            let before = match &command.before {
                Some(before) => before.get(path).cloned(),
                None => known.said(path),
            };
            self.lasting.expected.insert((*path).to_owned(), Expected { before, wanted: wanted.clone() });
        }
        if command.name == OperationName::SetWindows {
            let is_vented = effect::vents_all(&command.effects);
            self.lasting.vented = is_vented && state == State::Succeeded;
        }
        self.look(known);
    }

    /// A command is over, and its movement with it.
    pub(crate) fn over(&mut self, id: &str) {
        self.under_way.retain(|command| command.id != id);
    }

    /// Looks at what was read: what shows what became of a command is known again.
    pub(crate) fn look(&mut self, known: &Known) {
        let shown = |path: &str, expected: &Expected| {
            known.said(path).is_some_and(|said| expected.is_shown_by(&said))
        };
        self.lasting.expected.retain(|path, expected| !shown(path, expected));
        let is_expected = |path: &&str| self.lasting.expected.contains_key(*path);
        if !effect::WINDOWS.iter().any(is_expected) && self.windows(known) == Some(CLOSED) {
            self.lasting.vented = false;
        }
    }

    /// Makes the next publication say everything again.
    pub(crate) fn again(&mut self) {
        self.published = None;
    }

    /// Returns the documents to publish, in this order; none if nothing has changed. A lock whose movement
    /// has ended with nothing known is shown as it was before first: Home Assistant takes "unknown" for a
    /// position of the lock, and not for the end of its movement.
    pub(crate) fn news(&mut self, known: &Known, takes: &Takes) -> Vec<Shown> {
        let now = self.shown(known, takes);
        let Some(before) = self.published.replace(now.clone()) else { return vec![now] };
        if before == now {
            return Vec::new();
        }
        let moved = matches!(before.lock, Some(LOCKING | UNLOCKING)) && now.lock.is_none();
        let was = known.said(LOCKED).and_then(|said| said.value.as_bool()).filter(|_| moved);
        let ended = was.map(|was| Shown { lock: Some(lock(was)), ..now.clone() });
        ended.into_iter().chain([now]).collect()
    }

    /// Returns what the controls of a connector that takes this show.
    pub(crate) fn shown(&self, known: &Known, takes: &Takes) -> Shown {
        let flag = |path| self.value(path, known).and_then(|value| value.as_bool());
        let share = |path| self.value(path, known).and_then(|value| value.as_f64());
        let preferences = self.preferences;
        let limit = |path| {
            share(path).filter(|limit| (takes.charge_limit.least..=takes.charge_limit.most).contains(limit))
        };
        Shown {
            lock: match self.moving(&[OperationName::Lock, OperationName::Unlock], LOCKED, known) {
                Some(OperationName::Lock) => Some(LOCKING),
                Some(_) => Some(UNLOCKING),
                None => flag(LOCKED).map(lock),
            },
            climate: flag("climate_on").map(|on| if on { "auto" } else { "off" }),
            windows: self.windows(known),
            charge_port: match self.moving(&PORT_COMMANDS, PORT_OPEN, known) {
                Some(OperationName::OpenChargePort) => Some("opening"),
                Some(_) => Some("closing"),
                None => flag(PORT_OPEN).map(|open| if open { OPEN } else { CLOSED }),
            },
            charging: flag("charging").map(on_or_off),
            charge_limit_ac: limit("charge_limit_ac_percent"),
            charge_limit_dc: limit("charge_limit_dc_percent"),
            charging_current: share("charging_current_percent")
                .and_then(|percent| current(percent, &takes.charging_current)),
            climate_temp: preferences.temperature.map(f64::from).or_else(|| share("target_temperature_c")),
            climate_minutes: preferences.minutes,
            climate_defrost: preferences.defrost.map(on_or_off),
        }
    }

    /// The newest of the commands of these names that are under way. None if the vehicle does not tell the
    /// value that they change: nothing would end the movement.
    fn moving(&self, names: &[OperationName], path: &str, known: &Known) -> Option<OperationName> {
        known.said(path)?;
        let mut newest_first = self.under_way.iter().rev().map(|command| command.name);
        newest_first.find(|name| names.contains(name))
    }

    /// A value, unless a command may have changed it since.
    fn value(&self, path: &str, known: &Known) -> Option<Value> {
        let said = known.said(path).filter(|_| !self.is_unknown(path))?;
        Some(said.value)
    }

    /// Whether a command may have changed a value, and nobody is about to read it.
    fn is_unknown(&self, path: &str) -> bool {
        let changes = |command: &UnderWay| command.effects.iter().any(|effect| effect.path == path);
        let is_being_read = |command: &UnderWay| command.succeeded && changes(command);
        self.lasting.expected.contains_key(path) && !self.under_way.iter().any(is_being_read)
    }

    /// All windows that the vehicle tells of as one.
    fn windows(&self, known: &Known) -> Option<&'static str> {
        if effect::WINDOWS.iter().any(|path| self.is_unknown(path)) {
            return None;
        }
        let told: Vec<bool> =
            effect::WINDOWS.iter().filter_map(|path| known.said(path)?.value.as_bool()).collect();
        match told.as_slice() {
            [] => None,
            told if !told.contains(&true) => Some(CLOSED),
            _ if self.lasting.vented => Some("vent"),
            _ => Some(OPEN),
        }
    }
}

/// Paths of values.
const LOCKED: &str = "locked";
const PORT_OPEN: &str = "charge_port_open";

const PORT_COMMANDS: [OperationName; 2] = [OperationName::OpenChargePort, OperationName::CloseChargePort];

const LOCKING: &str = "LOCKING";
const UNLOCKING: &str = "UNLOCKING";
const OPEN: &str = "open";
const CLOSED: &str = "closed";

fn lock(locked: bool) -> &'static str {
    if locked { "LOCKED" } else { "UNLOCKED" }
}

fn on_or_off(on: bool) -> &'static str {
    if on { "ON" } else { "OFF" }
}

/// A charging current in percent, as the one of these choices that says the same.
fn current(percent: f64, choices: &[String]) -> Option<String> {
    let says = |choice: &&String| {
        let number = choice.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        number.is_some_and(|number| (number - percent).abs() < f64::EPSILON)
    };
    choices.iter().find(says).cloned()
}

#[cfg(test)]
mod tests;
