//! What each model has.
//!
//! The table is that of `renault-api` 0.6.2, which its users have tried on their cars. A model that is not
//! here has everything at the usual address, and shows what it lacks when it is asked.

use vehicle_connector_sdk::prelude::*;

/// A part of what a vehicle tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Charge, range, plug.
    Battery,
    /// Odometer, and the range of the fuel.
    Cockpit,
    /// Where it is.
    Location,
    /// Whether the climate is on.
    Climate,
    /// Locks and doors.
    Locks,
    /// The charge at which charging ends.
    Limits,
}

/// All parts, in the order in which they are read.
pub(crate) const PARTS: [Part; 6] =
    [Part::Battery, Part::Cockpit, Part::Location, Part::Climate, Part::Locks, Part::Limits];

/// How the climate is ended. The cloud takes both words of every car, and does nothing about the wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Climate {
    /// There is none to start from afar.
    None,
    /// By `cancel`.
    Cancel,
    /// By `stop`.
    Stop,
}

/// How charging is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It is not.
    None,
    /// By `actions/charging-start` of the older interface.
    Action,
    /// By `charge/start` of the newer one.
    Newer,
    /// By ending a pause.
    Resume,
    /// By taking every program out of the settings, so that nothing is waited for.
    Settings,
}

/// How charging is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It is not: unplug it, or stop it at the charger.
    None,
    /// By `actions/charging-start` with `stop`.
    Action,
    /// By a pause.
    Pause,
}

/// A model, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Model {
    /// What the cloud calls it.
    pub code: &'static str,
    /// What it does not tell.
    pub lacks: &'static [Part],
    /// The climate.
    pub climate: Climate,
    /// How charging is started.
    pub start: Start,
    /// How charging is stopped.
    pub stop: Stop,
    /// Whether horn and lights can be used.
    pub signals: bool,
}

/// A model of which nothing is known.
const UNKNOWN: Model = model("", &[], Climate::Cancel, (Start::Action, Stop::Action), true);

const fn model(
    code: &'static str,
    lacks: &'static [Part],
    climate: Climate,
    (start, stop): (Start, Stop),
    signals: bool,
) -> Model {
    Model { code, lacks, climate, start, stop, signals }
}

/// Cars with fuel alone tell little.
const FUEL: &[Part] = &[Part::Battery, Part::Climate, Part::Locks, Part::Limits];
/// The same of those that tell whether they are locked.
const FUEL_LOCKS: &[Part] = &[Part::Battery, Part::Climate, Part::Limits];
const NO_LOCKS: &[Part] = &[Part::Locks];
const NO_LIMITS: &[Part] = &[Part::Locks, Part::Limits];

const NOT: (Start, Stop) = (Start::None, Stop::None);
const SETTINGS: (Start, Stop) = (Start::Settings, Stop::None);
const ACTION: (Start, Stop) = (Start::Action, Stop::Action);

static MODELS: &[Model] = &[
    // Renault 4.
    model("A4E1VE", NO_LOCKS, Climate::Cancel, SETTINGS, true),
    // Alpine A290.
    model("A5E1AE", NO_LOCKS, Climate::Stop, SETTINGS, true),
    // Dacia Bigster, Duster III.
    model("BD11SL", FUEL, Climate::None, NOT, false),
    model("DU31SU", FUEL, Climate::None, NOT, false),
    // Renault 5.
    model("R5E1VE", NO_LOCKS, Climate::Stop, SETTINGS, true),
    // Twingo III.
    model("X071VE", NO_LOCKS, Climate::Cancel, ACTION, true),
    // Zoe, the first and the second.
    model("X101VE", &[Part::Location, Part::Locks, Part::Limits], Climate::Cancel, ACTION, true),
    model("X102VE", NO_LIMITS, Climate::Cancel, (Start::Action, Stop::Pause), false),
    // Dacia Spring, the first and that of 2025.
    model("XBG1VE", NO_LIMITS, Climate::Stop, (Start::Resume, Stop::Pause), false),
    model("XBG2VE", NO_LOCKS, Climate::Stop, SETTINGS, true),
    // Scenic E-Tech, Megane E-Tech, Master E-Tech.
    model("XCB1SE", NO_LOCKS, Climate::Cancel, SETTINGS, true),
    model("XCB1VE", NO_LOCKS, Climate::Stop, (Start::Newer, Stop::None), true),
    model("XDD1VE", NO_LOCKS, Climate::Cancel, SETTINGS, true),
    // Megane IV, and its estate.
    model("XFB2BI", &[Part::Location, Part::Locks], Climate::Cancel, ACTION, true),
    model("XFB2BK", NO_LOCKS, Climate::Cancel, ACTION, false),
    // Rafale, Espace VI, Austral.
    model("XHN1CP", NO_LOCKS, Climate::Cancel, NOT, true),
    model("XHN1ML", FUEL, Climate::None, NOT, true),
    model("XHN1SU", FUEL_LOCKS, Climate::None, NOT, true),
    // Clio V.
    model("XJA1VP", FUEL, Climate::None, NOT, false),
    model("XJA2VP", FUEL, Climate::None, NOT, false),
    // Captur II, Symbioz, Captur II with gas.
    model("XJB1SU", NO_LIMITS, Climate::Cancel, NOT, false),
    model("XJB2CP", FUEL, Climate::None, NOT, true),
    model("XJB2SU", FUEL_LOCKS, Climate::None, NOT, true),
    // Dacia Sandero III.
    model("XJF2BI", FUEL, Climate::None, NOT, true),
    // Arkana.
    model("XJL2TR", &[Part::Climate, Part::Locks], Climate::None, NOT, true),
];

impl Model {
    /// The model that the cloud calls `code`.
    pub(crate) fn of(code: &str) -> &'static Self {
        static DEFAULT: Model = UNKNOWN;
        MODELS.iter().find(|model| model.code == code).unwrap_or(&DEFAULT)
    }

    /// The names of the operations that it has.
    pub(crate) fn operations(&self) -> Vec<String> {
        [
            ("refresh_cached", true),
            ("start_climate", self.climate != Climate::None),
            ("stop_climate", self.climate != Climate::None),
            ("start_charging", self.start != Start::None),
            ("stop_charging", self.stop != Stop::None),
            ("set_charge_limits", !self.lacks.contains(&Part::Limits)),
            ("signal", self.signals),
        ]
        .into_iter()
        .filter(|(_, has)| *has)
        .map(|(name, _)| name.to_owned())
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = MODELS.iter().map(|model| model.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), MODELS.len());
    }

    #[test]
    fn five_models_end_climate_with_stop() {
        let stop: Vec<_> =
            MODELS.iter().filter(|it| it.climate == Climate::Stop).map(|model| model.code).collect();
        assert_eq!(stop, ["A5E1AE", "R5E1VE", "XBG1VE", "XBG2VE", "XCB1VE"]);
    }

    #[test]
    fn a_model_that_nobody_knows_has_everything() {
        let operations = Model::of("XZZ9VE").operations();
        assert_eq!(operations.len(), 7);
        assert_eq!(Model::of("XHN1SU").operations(), ["refresh_cached", "signal"]);
    }
}
