//! Quiet hours.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{Poll, Quiet};

/// Whether the hours are quiet in which a vehicle is not read by itself.
pub(crate) fn is_now(poll: &Poll, zone: &TimeZone, now: Timestamp) -> bool {
    poll.quiet.is_some_and(|hours| end(hours, zone, now).is_some())
}

/// Returns when the quiet hours end that this time is in; none if it is in none. They are told by the clocks of
/// the zone: in the night in which those are set back they are an hour longer, and an hour shorter in the other
/// one. Where they end within the hour that comes twice, they end in its first pass; where they begin in it, they
/// begin in both. An end that is skipped is as much later.
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

    /// Minutes of a day.
    const DAY: i64 = 24 * 60;

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
        // From 02:00 until 03:00 it is twice, or never.
        let until_half_past_two = Quiet { from: time(22, 0, 0, 0), until: time(2, 30, 0, 0) };
        let from_half_past_two = Quiet { from: time(2, 30, 0, 0), until: time(7, 0, 0, 0) };
        for (quiet, now, until) in [
            (until_half_past_two, "2027-10-31T00:29:59Z", Some("2027-10-31T00:30:00Z")),
            (until_half_past_two, "2027-10-31T00:30:00Z", None),
            (until_half_past_two, "2027-10-31T01:15:00Z", None),
            (from_half_past_two, "2027-10-31T00:29:59Z", None),
            (from_half_past_two, "2027-10-31T00:30:00Z", Some("2027-10-31T06:00:00Z")),
            (from_half_past_two, "2027-10-31T01:00:00Z", None),
            (from_half_past_two, "2027-10-31T01:30:00Z", Some("2027-10-31T06:00:00Z")),
            (until_half_past_two, "2027-03-28T00:59:59Z", Some("2027-03-28T01:30:00Z")),
            (until_half_past_two, "2027-03-28T01:00:00Z", None),
        ] {
            assert_eq!(end(quiet, &berlin(), at(now)), until.map(at), "{now}");
        }
        let siesta = Quiet { from: time(12, 0, 0, 0), until: time(14, 0, 0, 0) };
        assert_eq!(end(siesta, &berlin(), at("2027-01-15T11:30:00Z")), Some(at("2027-01-15T13:00:00Z")));
        assert_eq!(end(siesta, &berlin(), at("2027-01-15T13:00:00Z")), None);
    }

    proptest! {
        #[test]
        fn quiet_hours_end_within_a_day_and_are_over_then(
            seconds in 1_790_000_000_i64..1_890_000_000,
            from in 0_i64..DAY,
            length in 1_i64..DAY,
            zone in prop::sample::select(vec![TimeZone::UTC, berlin()]),
        ) {
            let of_minute = |minute: i64| {
                let [hour, minute] = [minute % DAY / 60, minute % 60].map(|it| i8::try_from(it).unwrap());
                time(hour, minute, 0, 0)
            };
            let quiet = Quiet { from: of_minute(from), until: of_minute(from + length) };
            let now = Timestamp::from_second(seconds).unwrap();
            let here = now.to_zoned(zone.clone());
            let minute = i64::from(here.hour()) * 60 + i64::from(here.minute());
            let is_inside = (minute - from).rem_euclid(DAY) < length;
            let end_of = |at| end(quiet, &zone, at);
            // Of an hour that comes twice, the rows above tell.
            if !zone.to_ambiguous_zoned(here.datetime()).is_ambiguous() {
                prop_assert_eq!(end_of(now).is_some(), is_inside, "{}", here);
            }
            if let Some(until) = end_of(now) {
                prop_assert!(until > now && until.duration_since(now) <= SignedDuration::from_hours(25));
                prop_assert!(end_of(until).is_none(), "{until} is quiet too");
            }
        }
    }
}
