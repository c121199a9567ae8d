//! Preferences for the next start of the climate.

use std::fmt;

/// A preference for every start of the climate that does not say otherwise; `None` forgets it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClimatePreference {
    /// In degrees Celsius.
    Temperature(Option<f32>),
    /// In minutes.
    Minutes(Option<u16>),
    /// Windscreen defrost.
    Defrost(Option<bool>),
}

impl ClimatePreference {
    /// Returns the last level of the topic that takes it.
    #[must_use]
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Temperature(_) => "climate_temp",
            Self::Minutes(_) => "climate_minutes",
            Self::Defrost(_) => "climate_defrost",
        }
    }
}

impl fmt::Display for ClimatePreference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.topic())
    }
}
