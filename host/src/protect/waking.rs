//! Guard of a vehicle that is to be woken up: the charge of its 12 V battery, and the time since it was woken up
//! last. How often within a day is counted by a [quota](super::quota).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Bounds of one vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// State of charge of the 12 V battery, in percent, below which it is not woken up.
    pub least_aux_percent: u32,
    /// Shortest time from one time to the next.
    pub gap: Duration,
}

/// Leave to wake a vehicle up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Its 12 V battery was seen to be charged.
    Charged,
    /// Nothing is known of its 12 V battery. Some vehicles never say anything of it.
    Unknown,
}

/// A refusal to wake a vehicle up.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The 12 V battery is low.
    #[error(
        "the 12 V battery was last seen at {percent} %, and below {least} % the vehicle is not woken up (force.min_aux_soc); \
         drive or charge it"
    )]
    AuxBatteryLow {
        /// Its state of charge, in percent.
        percent: f64,
        /// Least state of charge, in percent.
        least: u32,
    },
    /// It was woken up a short time ago.
    #[error("the vehicle was woken up a short time ago, and may be again at {until:.0} (force.min_gap)")]
    TooEarly {
        /// When it may be woken up again.
        until: Timestamp,
    },
}

impl Bounds {
    /// Decides whether a vehicle may be woken up now. `aux_percent` is the state of charge of its 12 V battery,
    /// if that is known; `last` is when it was woken up last.
    ///
    /// # Errors
    ///
    /// When it may not.
    pub fn admit(
        self,
        aux_percent: Option<f64>,
        last: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Leave, Refusal> {
        let least = self.least_aux_percent;
        if let Some(percent) = aux_percent.filter(|percent| *percent < f64::from(least)) {
            return Err(Refusal::AuxBatteryLow { percent, least });
        }
        let gap = SignedDuration::try_from(self.gap).unwrap_or(SignedDuration::MAX);
        let until = last.filter(|_| gap.is_positive()).and_then(|last| last.checked_add(gap).ok());
        if let Some(until) = until.filter(|until| *until > now) {
            return Err(Refusal::TooEarly { until });
        }
        Ok(if aux_percent.is_some() { Leave::Charged } else { Leave::Unknown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { least_aux_percent: 60, gap: Duration::from_secs(3_600) };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    #[test]
    fn a_low_battery_and_a_short_time_are_refused_and_what_is_unknown_is_not() {
        let admit = |aux, last: Option<i64>| BOUNDS.admit(aux, last.map(at), at(0));
        assert_eq!(admit(Some(60.0), None), Ok(Leave::Charged));
        assert_eq!(admit(None, Some(-60)), Ok(Leave::Unknown));
        assert_eq!(admit(Some(59.9), None), Err(Refusal::AuxBatteryLow { percent: 59.9, least: 60 }));
        assert_eq!(admit(Some(80.0), Some(-59)), Err(Refusal::TooEarly { until: at(1) }));
        let open = Bounds { least_aux_percent: 0, gap: Duration::ZERO };
        assert_eq!(open.admit(Some(0.0), Some(at(0)), at(0)), Ok(Leave::Charged));
        let words = admit(Some(41.0), None).unwrap_err().to_string();
        assert!(words.starts_with("the 12 V battery was last seen at 41 %"), "{words}");
    }
}
