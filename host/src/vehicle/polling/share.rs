//! What the requests of a day allow.

use std::time::Duration;

use jiff::Timestamp;

use crate::protect::day_budget::DayBudget;

/// Requests of a day, when somebody may read by himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    /// Number of requests that are allowed on a day.
    pub(crate) limit: u32,
    /// Number left.
    pub(crate) left: u32,
    /// Time until the day ends.
    pub(crate) rest: Duration,
}

impl Day {
    /// Returns what is left of the requests of a day; none if there is no limit.
    pub(crate) fn of(requests: &DayBudget, now: Timestamp) -> Option<Self> {
        let (limit, left) = requests.limit().zip(requests.left(now))?;
        let rest = requests.resets_at(now).map(|at| at.duration_since(now));
        let rest = rest.and_then(|rest| Duration::try_from(rest).ok()).unwrap_or_default();
        Some(Self { limit, left, rest })
    }

    /// Number of requests that whoever reads by himself may spend.
    pub(crate) fn spendable(self) -> u32 {
        self.left.saturating_sub(reserve(self.limit))
    }
}

/// Returns the number of requests that are kept for commands and for what people ask for: a fifth, and eight
/// at least, of a small limit half.
fn reserve(limit: u32) -> u32 {
    (limit / 5).max(8.min(limit / 2))
}

/// Returns the shortest interval between two reads of one of `cars` cars, each of which costs `cost` requests:
/// what is left of the day is spread over it. Where what is left is too little for reads that cost so much, they are
/// expected to cost one request each, as most do: no later read could show that the last one was an exception. None
/// if nothing is left but the reserve.
pub(crate) fn least_interval(day: Day, cars: u32, cost: u32) -> Option<Duration> {
    let spendable = day.spendable();
    let rounds = |cost: u32| spendable / cars.max(1).saturating_mul(cost.max(1));
    let rounds = [cost, 1].into_iter().map(rounds).find(|rounds| *rounds > 0)?;
    Some(day.rest / rounds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn what_is_left_is_spread_over_what_is_left_of_the_day() {
        let day = |left, hours| Day { limit: 200, left, rest: hours * HOUR };
        assert_eq!(reserve(200), 40);
        assert_eq!(least_interval(day(200, 24), 2, 1), Some(24 * HOUR / 80));
        assert_eq!(least_interval(day(100, 3), 1, 1), Some(Duration::from_secs(180)));
        assert_eq!(least_interval(day(42, 3), 2, 1), Some(3 * HOUR));
        for (left, cars, cost) in [(41, 2, 1), (40, 1, 1), (40, 1, 5), (0, 1, 1)] {
            assert_eq!(least_interval(day(left, 3), cars, cost), None, "{left} {cars} {cost}");
        }
        // One read that was dear, as of a cloud that was away, is not the last one for good.
        for (left, cars, cost) in [(44, 1, 5), (48, 2, 5)] {
            assert_eq!(least_interval(day(left, 3), cars, cost), Some(HOUR * 3 / 4), "{left} {cars} {cost}");
        }
        assert_eq!(least_interval(day(200, 24), 1, 161), Some(24 * HOUR / 160));
        assert_eq!([reserve(10), reserve(1), reserve(30)], [5, 0, 8]);
    }

    proptest! {
        #[test]
        fn reads_at_that_interval_leave_the_reserve(
            limit in 1_u32..1_000, left in 0_u32..1_000, rest in 1_u32..86_400, cars in 1_u32..8, cost in 1_u32..8,
        ) {
            let rest = Duration::from_secs(rest.into());
            let day = Day { limit, left: left.min(limit), rest };
            if let Some(interval) = least_interval(day, cars, cost) {
                let reads = u32::try_from(rest.as_nanos() / interval.as_nanos().max(1)).unwrap();
                let spendable = day.spendable();
                let cost = if cars * cost <= spendable { cost } else { 1 };
                prop_assert!(reads * cars * cost <= spendable);
            } else {
                prop_assert!(day.left < reserve(limit) + cars);
            }
        }
    }
}
