//! Quiet hours.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::Quiet;

/// Returns when the quiet hours end that this time is in; none if it is in none. They are told by the clocks of
/// the zone: in the night in which those are set back they are an hour longer, and an hour shorter in the other
/// one.
pub(super) fn end(quiet: Quiet, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let here = at.to_zoned(zone.clone());
    let (time, Quiet { from, until }) = (here.time(), quiet);
    let over_midnight = from > until;
    let is_quiet = match over_midnight {
        false => (from..until).contains(&time),
        true => time >= from || time < until,
    };
    if !is_quiet {
        return None;
    }
    let day = if over_midnight && time >= from { here.date().tomorrow().ok()? } else { here.date() };
    let end = day.to_datetime(until).to_zoned(zone.clone()).ok()?.timestamp();
    // An hour that happens twice may have its first pass behind it.
    Some(end).filter(|end| *end > at)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::time;
    use proptest::prelude::*;

    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn night() -> Quiet {
        Quiet { from: time(22, 0, 0, 0), until: time(7, 0, 0, 0) }
    }

    #[test]
    fn a_night_goes_over_midnight() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (now, until) in [
            ("2027-01-15T20:59:59Z", None),
            ("2027-01-15T21:00:00Z", Some("2027-01-16T06:00:00Z")),
            ("2027-01-16T05:59:59Z", Some("2027-01-16T06:00:00Z")),
            ("2027-01-16T06:00:00Z", None),
            // Clocks are set forward, and back.
            ("2027-03-27T21:00:00Z", Some("2027-03-28T05:00:00Z")),
            ("2027-10-30T20:00:00Z", Some("2027-10-31T06:00:00Z")),
        ] {
            assert_eq!(end(night(), &berlin(), at(now)), until.map(at), "{now}");
        }
        let siesta = Quiet { from: time(12, 0, 0, 0), until: time(14, 0, 0, 0) };
        assert_eq!(end(siesta, &berlin(), at("2027-01-15T11:30:00Z")), Some(at("2027-01-15T13:00:00Z")));
        assert_eq!(end(siesta, &berlin(), at("2027-01-15T13:00:00Z")), None);
    }

    proptest! {
        #[test]
        fn quiet_hours_end_within_a_day_and_are_over_then(
            seconds in 1_790_000_000_i64..1_890_000_000,
            from in 0_i8..24,
            length in 1_i8..24,
        ) {
            let quiet = Quiet { from: time(from, 0, 0, 0), until: time((from + length) % 24, 0, 0, 0) };
            let now = Timestamp::from_second(seconds).unwrap();
            if let Some(until) = end(quiet, &berlin(), now) {
                prop_assert!(until > now && until.duration_since(now) <= SignedDuration::from_hours(25));
                prop_assert!(end(quiet, &berlin(), until).is_none(), "{until} is quiet too");
            }
        }
    }
}
