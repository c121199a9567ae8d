//! A fight: something else keeps ending our sessions.
//!
//! A cloud that allows one session for each account ends ours when the owner's phone signs in, and the
//! phone's when we refresh. Each refresh is right by itself, and together they are a storm that ends with
//! both locked out. So sessions that are ended long before their time draw on a stock that fills up slowly. A
//! phone that is opened now and then never empties it; two programs on one account do, and then there is one
//! refresh a minute.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::milliseconds;

/// Most sessions that may be ended early in a row.
const STOCK: u32 = 20;

/// Time until one more session may be ended early.
const REFILL: Duration = Duration::from_secs(60);

/// Age below which a session of unknown life counts as ended early.
const YOUNG: Duration = Duration::from_secs(600);

/// The stock of one account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Fight {
    spent: u32,
    /// Time from which the stock fills up.
    #[serde(with = "milliseconds")]
    counted_from: Duration,
    /// Whether the stock was empty and is not half full again.
    on: bool,
}

impl Fight {
    /// Whether a session that ended at this age was ended by something else.
    #[must_use]
    pub fn ended_early(age: Duration, life: Option<Duration>) -> bool {
        age < life.map_or(YOUNG, |life| life / 2)
    }

    /// Draws on the stock for a session that was ended early, which may then be refreshed.
    ///
    /// # Errors
    ///
    /// When the next refresh may be made, and whether this is the first that may not.
    pub fn admit(&mut self, now: Duration) -> Result<(), (Duration, bool)> {
        self.refill(now);
        if self.spent < STOCK {
            self.spent += 1;
            return Ok(());
        }
        let first = !core::mem::replace(&mut self.on, true);
        Err(((self.counted_from + REFILL).saturating_sub(now), first))
    }

    /// Whether sessions are contended at the moment.
    pub fn is_on(&mut self, now: Duration) -> bool {
        self.refill(now);
        self.on
    }

    fn refill(&mut self, now: Duration) {
        let periods = now.saturating_sub(self.counted_from).as_millis() / REFILL.as_millis();
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        self.counted_from = match self.spent.saturating_sub(periods) {
            // A full stock does not fill up in advance.
            0 => now,
            _ => self.counted_from + REFILL * periods,
        };
        self.spent = self.spent.saturating_sub(periods);
        self.on &= self.spent > STOCK / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_minute_of_kicks_is_nothing_and_a_day_of_them_is_slowed_down() {
        let mut fight = Fight::default();
        let kicked = |fight: &mut Fight, every: u64, until: u64| {
            (0..until)
                .step_by(usize::try_from(every).unwrap())
                .filter(|s| fight.admit(at(*s)).is_ok())
                .count()
        };
        assert_eq!(kicked(&mut fight, 5, 60), 12, "every one of them");

        let mut fight = Fight::default();
        let refreshed = kicked(&mut fight, 40, 86_400);
        assert!((1_440..=1_461).contains(&refreshed), "one a minute and the stock: {refreshed}");
        assert!(fight.is_on(at(86_400)));
        assert!(!fight.is_on(at(86_400 + 10 * 60)), "peace is believed when half of the stock is back");
    }

    #[test]
    fn the_event_is_due_once_for_each_fight() {
        let mut fight = Fight::default();
        let first = (0..100).filter(|_| matches!(fight.admit(at(1)), Err((_, true)))).count();
        assert_eq!(first, 1);
        assert_eq!(fight.admit(at(2)), Err((at(59), false)));
        assert_eq!(fight.admit(at(100_000)), Ok(()));
    }

    #[test]
    fn a_token_that_has_lived_is_no_victim() {
        assert!(!Fight::ended_early(at(20), Some(at(20))));
        assert!(Fight::ended_early(at(40), Some(at(3_600))));
        assert!(Fight::ended_early(at(599), None) && !Fight::ended_early(at(600), None));
    }
}
