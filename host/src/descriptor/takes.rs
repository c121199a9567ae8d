//! Values that the commands of a connector take, as far as a form has to offer them: a slider needs its ends, a list
//! its words. What a connector really takes it says itself, when it is sent.

/// Values that the commands of a connector take.
#[derive(Clone, Debug, PartialEq)]
pub struct Takes {
    /// Temperatures of the climate, in degrees Celsius; none if it is started without one.
    pub climate_temp: Option<Span>,
    /// Duration of the climate, in minutes; none if it cannot be chosen.
    pub climate_minutes: Option<Span>,
    /// Whether the climate can be started with the windscreen's defroster.
    pub climate_defrost: bool,
    /// Limits of charging, in percent.
    pub charge_limit: Span,
    /// Form in which those limits are set.
    pub charge_limits: LimitsForm,
    /// Charging currents, as `cmd/charging_current` takes them.
    pub charging_current: Vec<String>,
    /// Signals, as `cmd/signal` takes them.
    pub signals: Vec<String>,
}

/// A range of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Smallest number.
    pub least: f64,
    /// Largest number.
    pub most: f64,
    /// Distance between two of them.
    pub step: f64,
}

/// Form in which the limits of charging are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitsForm {
    /// Each by itself.
    #[default]
    Each,
    /// Both in one command, never one alone.
    Together,
    /// One limit for both ways of charging.
    One,
}

impl LimitsForm {
    /// Words for the forms, as configurations have them.
    pub const WORDS: [(&'static str, Self); 3] =
        [("each", Self::Each), ("together", Self::Together), ("one", Self::One)];
}

impl Default for Takes {
    /// What nearly every cloud takes.
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            climate_temp: Some(Span { least: 16.0, most: 28.0, step: 0.5 }),
            climate_minutes: None,
            climate_defrost: false,
            charge_limit: Span { least: 50.0, most: 100.0, step: 10.0 },
            charge_limits: LimitsForm::Each,
            charging_current: words(&["100 %", "90 %", "60 %"]),
            signals: words(&["LIGHTS", "HORN"]),
        }
    }
}
