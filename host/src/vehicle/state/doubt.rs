//! Doubts: values that contradict what is known, until they are believed after all.
//!
//! A value may be wrong once, or for as long as a vehicle sleeps. It may also be right: an instrument was
//! replaced, a clock was set, the configuration means another car. Nothing is held back for ever.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Source;

/// Number of reports that agree with each other after which they are believed, once the first of them is
/// [`LONG_ENOUGH`] ago.
const REPORTS: u32 = 3;

/// Shortest time for which reports have to agree with each other, and longest time for which an empty battery
/// is doubted.
const LONG_ENOUGH: SignedDuration = SignedDuration::from_hours(24);

/// A doubt: what vehicle and cloud say against what is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Doubt {
    /// Time at which it was first said, by the host's clock.
    since: Timestamp,
    /// Value that was said last.
    value: f64,
    /// Time at which the vehicle said that.
    said_at: Option<Timestamp>,
    /// Number of reports of the vehicle that said so.
    reports: u32,
    /// Whether it was asked itself.
    asked: bool,
}

/// A statement: its source and its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saying {
    pub(crate) now: Timestamp,
    pub(crate) said_at: Option<Timestamp>,
    pub(crate) source: Source,
}

impl Doubt {
    fn begin(value: f64, saying: Saying) -> Self {
        let Saying { now, said_at, source } = saying;
        Self { since: now, value, said_at, reports: 1, asked: source == Source::Vehicle }
    }

    /// Whether it has gone on for long. It has not begun in the future, whatever the host's clock said then.
    fn is_long(&mut self, now: Timestamp) -> bool {
        self.since = self.since.min(now);
        now.duration_since(self.since) >= LONG_ENOUGH
    }

    /// Whether the vehicle has made another report since. The same report, read again, does not confirm
    /// anything.
    fn is_another_report(&self, saying: Saying) -> bool {
        saying.source == Source::Vehicle
            || saying.said_at.zip(self.said_at).is_some_and(|(new, old)| new > old)
    }

    fn goes_on(&mut self, value: f64, saying: Saying) {
        self.reports = self.reports.saturating_add(u32::from(self.is_another_report(saying)));
        self.asked |= saying.source == Source::Vehicle;
        (self.value, self.said_at) = (value, saying.said_at);
    }
}

/// Whether something that went back (a counter, a clock) is believed: after reports that agree with each
/// other, in that it only grew from one to the next.
pub(crate) fn believes_what_went_back(doubt: &mut Option<Doubt>, value: f64, saying: Saying) -> bool {
    match doubt {
        Some(known) if value >= known.value => {
            known.goes_on(value, saying);
            let believed = known.reports >= REPORTS && known.is_long(saying.now);
            if believed {
                *doubt = None;
            }
            believed
        }
        _ => {
            *doubt = Some(Doubt::begin(value, saying));
            false
        }
    }
}

/// Whether a battery that fell to nothing is believed: when it is said a second time, and not only because
/// the same report was read again: in another report, or by a vehicle that was asked, or after it was driven,
/// or in the end.
pub(crate) fn believes_it_is_empty(doubt: &mut Option<Doubt>, was_driven: bool, saying: Saying) -> bool {
    match doubt {
        Some(known) => {
            let another = known.asked || known.is_another_report(saying);
            let believed = another || was_driven || known.is_long(saying.now);
            if believed {
                *doubt = None;
            }
            believed
        }
        None => {
            *doubt = Some(Doubt::begin(0.0, saying));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap()
    }

    fn cached(hour: i64) -> Saying {
        Saying { now: at(hour), said_at: Some(at(hour)), source: Source::Cached }
    }

    #[test]
    fn a_replaced_instrument_is_believed_after_a_day_of_reports_that_agree() {
        let mut doubt = None;
        assert!(!believes_what_went_back(&mut doubt, 10.0, cached(0)));
        assert!(!believes_what_went_back(&mut doubt, 12.0, cached(1)));
        assert!(!believes_what_went_back(&mut doubt, 12.0, cached(23)));
        assert!(believes_what_went_back(&mut doubt, 14.0, cached(24)));
        assert_eq!(doubt, None);
    }

    #[test]
    fn one_report_is_one_however_often_it_is_read_and_noise_does_not_agree() {
        let mut doubt = None;
        for hour in 0..100 {
            let again = Saying { now: at(hour), ..cached(0) };
            assert!(!believes_what_went_back(&mut doubt, 10.0, again), "{hour}");
        }
        let mut doubt = None;
        for hour in 0..100 {
            let falling = 1_000.0 - 3.0 * f64::from(i32::try_from(hour).unwrap());
            assert!(!believes_what_went_back(&mut doubt, falling, cached(hour)), "{hour}");
        }
    }

    #[test]
    fn an_empty_battery_needs_a_second_word() {
        let again = |hour| Saying { now: at(hour), ..cached(0) };
        let asked = Saying { source: Source::Vehicle, ..again(1) };
        for (second, driven, believed) in [
            (again(1), false, false),
            (again(1), true, true),
            (cached(1), false, true),
            (asked, false, true),
            (again(24), false, true),
            (Saying { said_at: None, ..again(1) }, false, false),
        ] {
            let mut doubt = None;
            assert!(!believes_it_is_empty(&mut doubt, driven, again(0)), "the first one never");
            assert_eq!(believes_it_is_empty(&mut doubt, driven, second), believed, "{second:?} {driven}");
        }
        let mut doubt = None;
        assert!(!believes_it_is_empty(&mut doubt, false, Saying { source: Source::Vehicle, ..again(0) }));
        assert!(
            believes_it_is_empty(&mut doubt, false, again(0)),
            "it was asked, and the cloud has its answer"
        );
    }
}
