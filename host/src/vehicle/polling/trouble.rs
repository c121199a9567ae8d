//! Pauses after reads that have failed.

use std::time::Duration;

use crate::wire::outcome::Reason;

/// First and longest pause after a read that did not get as far as an answer about the vehicle, for each car
/// of the account: they are all asked for the same cloud.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Longest pause after an answer that says "no" about the vehicle.
const LONGEST_REFUSED: Duration = Duration::from_secs(6 * 3_600);

/// Subject of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// The cloud, the way to it, or the account: what one car shows holds for the others.
    Cloud,
    /// This car.
    Vehicle,
}

impl About {
    /// Returns the subject of a failure for this reason.
    pub(crate) const fn of(reason: Reason) -> Self {
        match reason {
            Reason::Unsupported
            | Reason::NoData
            | Reason::VehicleUnreachable
            | Reason::VehicleRefused
            | Reason::UpstreamRefused
            | Reason::UnknownVehicle => Self::Vehicle,
            _ => Self::Cloud,
        }
    }
}

/// Failures in a row of one car's reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) about: About,
    failures: u32,
}

impl Trouble {
    /// Counts a failure after those before, if there are any.
    pub(crate) fn after(before: Option<&Self>, about: About) -> Self {
        Self { about, failures: before.map_or(0, |before| before.failures).saturating_add(1) }
    }

    /// Returns the pause before the next try. `interval` is the one without any failure; `cars` share the
    /// cloud.
    pub(crate) fn pause(&self, interval: Duration, cars: u32) -> Duration {
        let (first, longest) = match self.about {
            About::Cloud => (FIRST * cars.max(1), LONGEST * cars.max(1)),
            About::Vehicle => (interval, LONGEST_REFUSED.max(interval)),
        };
        let doubled = 1_u32 << self.failures.saturating_sub(1).min(16);
        first.saturating_mul(doubled).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1_800);

    fn pauses(about: About, cars: u32) -> Vec<u64> {
        let mut trouble = None;
        let pause = |_| {
            let next = Trouble::after(trouble.as_ref(), about);
            let pause = next.pause(INTERVAL, cars);
            trouble = Some(next);
            pause.as_secs() / 60
        };
        (0..8).map(pause).collect()
    }

    #[test]
    fn a_cloud_that_is_unwell_is_asked_ever_more_rarely_by_all_cars_together() {
        assert_eq!(pauses(About::Cloud, 1), [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(pauses(About::Cloud, 2), [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_car_of_which_there_is_nothing_is_asked_for_a_few_times_a_day() {
        assert_eq!(pauses(About::Vehicle, 2), [30, 60, 120, 240, 360, 360, 360, 360]);
    }
}
