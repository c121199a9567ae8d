//! The stock of repeats that an account may make.
//!
//! When a cloud is unwell, every repeat makes it worse. Each repeat takes from a stock; a success that needed
//! one gives it back, any other success a little, and time does the rest. So a passing failure is repeated at
//! once, and an outage is not hammered, however many operations there are. Refreshes and the repeats that
//! follow them take nothing: an expired token is not a sign of ill health.
//!
//! Stock and prices are those of the AWS SDKs' standard retry mode, version 2.1.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::milliseconds;

/// A full stock.
pub const CAPACITY: u32 = 500;

/// Time after which one repeat has come back by itself.
const REFILL: Duration = Duration::from_secs(60);

/// Price of a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Price {
    /// Repeat after a failure of the cloud or of the way to it.
    Failure,
    /// Repeat after the cloud has asked for patience.
    Throttled,
}

impl Price {
    /// Returns the price in units of the stock.
    #[must_use]
    pub const fn units(self) -> u32 {
        match self {
            Self::Failure => 14,
            Self::Throttled => 5,
        }
    }
}

/// A stock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stock {
    left: u32,
    /// Time from which it refills.
    #[serde(with = "milliseconds")]
    counted_from: Duration,
}

impl Stock {
    /// Makes a full stock.
    #[must_use]
    pub const fn full(now: Duration) -> Self {
        Self { left: CAPACITY, counted_from: now }
    }

    /// Makes the stock that one with so much left is after this time.
    #[must_use]
    pub fn after(left: u32, elapsed: Duration, now: Duration) -> Self {
        Self { left: refilled(left, periods(elapsed)), counted_from: now }
    }

    /// Takes the price of a repeat. Returns false, and takes nothing, if not enough is left.
    pub fn take(&mut self, price: Price, now: Duration) -> bool {
        let Some(left) = self.left(now).checked_sub(price.units()) else { return false };
        self.left = left;
        true
    }

    /// Credits a success, at once or after a repeat of this price.
    pub fn succeeded(&mut self, after: Option<Price>, now: Duration) {
        self.left = self.left(now).saturating_add(after.map_or(1, Price::units)).min(CAPACITY);
    }

    /// Returns what is left.
    pub fn left(&mut self, now: Duration) -> u32 {
        let periods = periods(now.saturating_sub(self.counted_from));
        if periods > 0 {
            self.left = refilled(self.left, periods);
            self.counted_from = self.counted_from.saturating_add(REFILL.saturating_mul(periods));
        }
        self.left
    }

    /// Returns how many repeats after a failure can be paid.
    pub fn affordable(&mut self, now: Duration) -> u32 {
        self.left(now) / Price::Failure.units()
    }
}

fn periods(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX)
}

fn refilled(left: u32, periods: u32) -> u32 {
    left.saturating_add(periods.saturating_mul(Price::Failure.units())).min(CAPACITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_outage_is_repeated_a_little_and_then_not_at_all() {
        let mut stock = Stock::full(at(0));
        let repeats = (0..10_000).filter(|_| stock.take(Price::Failure, at(0))).count();
        assert_eq!(repeats, 35, "500 / 14");
        assert!(stock.take(Price::Throttled, at(0)), "what is left is enough for one of these");
        assert!(!stock.take(Price::Failure, at(59)));
        assert!(stock.take(Price::Failure, at(60)) && !stock.take(Price::Failure, at(60)));
        assert_eq!(stock.left(at(u64::MAX / 4)), CAPACITY);
    }

    #[test]
    fn what_helped_is_given_back() {
        let mut stock = Stock::full(at(0));
        assert!(stock.take(Price::Failure, at(0)) && stock.take(Price::Failure, at(0)));
        stock.succeeded(Some(Price::Failure), at(0));
        assert_eq!(stock.left(at(0)), 486);
        stock.succeeded(None, at(0));
        assert_eq!(stock.left(at(0)), 487);
        stock.succeeded(Some(Price::Failure), at(0));
        stock.succeeded(Some(Price::Failure), at(0));
        assert_eq!(stock.left(at(0)), CAPACITY);
        assert_eq!(Stock::after(10, at(120), at(0)).left(at(0)), 10 + 28);
    }
}
