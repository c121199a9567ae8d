//! Preferences of the owner for the climate of a vehicle: stored by the host, and sent with every start that
//! does not say otherwise. The vehicle is not asked for them, and knows nothing of them before that.

use serde::{Deserialize, Serialize};

use crate::bindings::connector::Climate;
use crate::descriptor::{Span, Takes};
use crate::wire::preference::ClimatePreference;

/// Range of temperatures for connectors that take one and do not tell which, in degrees Celsius.
const WIDEST: Span = Span { least: 14.0, most: 31.5, step: 0.5 };

/// Preferences for the climate; absent is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Preferences {
    /// In degrees Celsius.
    pub(crate) temperature: Option<f32>,
    /// In minutes.
    pub(crate) minutes: Option<u16>,
    /// Windscreen defrost.
    pub(crate) defrost: Option<bool>,
}

/// Reason why a preference cannot be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The connector starts the climate without this option.
    NotTaken(String),
    /// The value is not among those that it takes.
    OutOfRange(String),
}

impl Preferences {
    /// Returns these preferences with another one.
    pub(crate) fn with(self, preference: ClimatePreference) -> Self {
        match preference {
            ClimatePreference::Temperature(temperature) => Self { temperature, ..self },
            ClimatePreference::Minutes(minutes) => Self { minutes, ..self },
            ClimatePreference::Defrost(defrost) => Self { defrost, ..self },
        }
    }

    /// Returns these preferences with what there was before in place of this one; as they are if a later one has
    /// taken its place.
    pub(crate) fn without(self, preference: ClimatePreference, before: Self) -> Self {
        match preference {
            ClimatePreference::Temperature(it) if it == self.temperature => {
                Self { temperature: before.temperature, ..self }
            }
            ClimatePreference::Minutes(it) if it == self.minutes => Self { minutes: before.minutes, ..self },
            ClimatePreference::Defrost(it) if it == self.defrost => Self { defrost: before.defrost, ..self },
            _ => self,
        }
    }

    /// Fills in what a start of the climate does not say, as far as the connector takes it: it may be another
    /// version by now.
    pub(crate) fn complete(self, climate: Climate, takes: &Takes) -> Climate {
        let Self { temperature, minutes, defrost } = self;
        let temperature =
            temperature.filter(|it| fitting(ClimatePreference::Temperature(Some(*it)), takes).is_ok());
        let minutes = minutes.filter(|it| fitting(ClimatePreference::Minutes(Some(*it)), takes).is_ok());
        Climate {
            temperature: climate.temperature.or(temperature),
            duration: climate.duration.or(minutes),
            defrost: climate.defrost.or(defrost.filter(|_| takes.climate_defrost)),
            ..climate
        }
    }
}

/// Returns a preference as the connector takes it: temperatures lie on its grid.
///
/// # Errors
///
/// When it does not take such a value, or no value of this kind.
pub(crate) fn fitting(preference: ClimatePreference, takes: &Takes) -> Result<ClimatePreference, Unfit> {
    let topic = preference.topic();
    let not_taken = || {
        Err(Unfit::NotTaken(format!(
            "{topic}: the connector of this vehicle starts the climate without that"
        )))
    };
    let within = |value: f64, range: Span, unit: &str| {
        let Span { least, most, .. } = range;
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(Unfit::OutOfRange(format!("{topic}: {value} is not within {least} to {most} {unit}")))
    };
    match preference {
        ClimatePreference::Temperature(None)
        | ClimatePreference::Minutes(None)
        | ClimatePreference::Defrost(None) => Ok(preference),
        ClimatePreference::Temperature(Some(celsius)) => {
            let Some(range) = takes.climate_temp else { return not_taken() };
            let step = if range.step > 0.0 { range.step } else { WIDEST.step };
            let rounded = (f64::from(celsius) / step).round() * step;
            within(rounded, range, "°C")?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "what is told to the connector has this precision"
            )]
            let rounded = rounded as f32;
            Ok(ClimatePreference::Temperature(Some(rounded)))
        }
        ClimatePreference::Minutes(Some(minutes)) => {
            let Some(range) = takes.climate_minutes else { return not_taken() };
            within(f64::from(minutes), range, "minutes")?;
            Ok(preference)
        }
        ClimatePreference::Defrost(Some(_)) if takes.climate_defrost => Ok(preference),
        ClimatePreference::Defrost(Some(_)) => not_taken(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    fn takes() -> Takes {
        Takes {
            climate_temp: Some(WIDEST),
            climate_minutes: Some(Span { least: 1.0, most: 30.0, step: 1.0 }),
            climate_defrost: true,
            ..Takes::default()
        }
    }

    fn climate() -> Climate {
        Climate { temperature: None, duration: None, defrost: None, heating: None, seats: Vec::new() }
    }

    #[test]
    fn a_temperature_is_rounded_to_what_the_connector_takes() {
        for (asked, fits) in
            [(22.3, Some(22.5)), (22.2, Some(22.0)), (13.8, Some(14.0)), (13.7, None), (31.8, None)]
        {
            let fitted = fitting(ClimatePreference::Temperature(Some(asked)), &takes());
            let expected = fits.map(|fits| ClimatePreference::Temperature(Some(fits)));
            assert_eq!(fitted.ok(), expected, "{asked}");
        }
    }

    #[test]
    fn what_the_connector_does_not_take_is_refused_and_forgetting_never_is() {
        use ClimatePreference::{Defrost, Minutes, Temperature};
        let none =
            Takes { climate_temp: None, climate_minutes: None, climate_defrost: false, ..Takes::default() };
        for preference in
            [Temperature(Some(21.0)), Minutes(Some(10)), Defrost(Some(true)), Defrost(Some(false))]
        {
            let refused = fitting(preference, &none);
            assert!(matches!(refused, Err(Unfit::NotTaken(_))), "{preference}: {refused:?}");
        }
        for preference in [Temperature(None), Minutes(None), Defrost(None)] {
            assert_eq!(fitting(preference, &none), Ok(preference));
        }
        assert!(matches!(fitting(Minutes(Some(31)), &takes()), Err(Unfit::OutOfRange(_))));
    }

    #[test]
    fn a_start_has_what_it_says_and_else_what_is_preferred() {
        let preferred = Preferences { temperature: Some(22.5), minutes: Some(15), defrost: Some(true) };
        let started = preferred.complete(Climate { temperature: Some(18.0), ..climate() }, &takes());
        let expected =
            Climate { temperature: Some(18.0), duration: Some(15), defrost: Some(true), ..climate() };
        assert_eq!(started, expected);
        let alone = Takes { climate_minutes: None, climate_defrost: false, ..takes() };
        let started = preferred.complete(climate(), &alone);
        assert_eq!(started, Climate { temperature: Some(22.5), ..climate() }, "another connector takes less");
    }

    #[test]
    fn what_could_not_be_stored_is_no_preference_and_takes_no_later_one_away() {
        use ClimatePreference::{Minutes, Temperature};
        let before = Preferences { temperature: Some(20.0), ..Preferences::default() };
        let lost = Temperature(Some(22.5));
        let later = before.with(lost).with(Minutes(Some(15)));
        assert_eq!(later.without(lost, before), before.with(Minutes(Some(15))));
        let changed = before.with(lost).with(Temperature(Some(24.0)));
        assert_eq!(changed.without(lost, before), changed);
    }
}
