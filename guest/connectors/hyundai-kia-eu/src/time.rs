//! The cloud's clocks.

use vehicle_connector_sdk::time::{DAY, civil, days, parts};

/// Which clock a time without a zone was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Coordinated universal time.
    Utc,
    /// The servers' local time: an hour ahead of UTC, and two in summer.
    Berlin,
    /// The servers' local time, of what was said a moment ago: for weeks the cloud has told that in UTC. If
    /// it is that moment in UTC and is not in Berlin, it is UTC.
    BerlinJustNow,
    /// The servers' local time in Australia: ten hours ahead of UTC, and eleven in summer.
    Sydney,
}

/// How far a clock may be off, and how long an answer may take together, in seconds: far less than a time
/// zone.
const MOMENT: i64 = 5 * 60;

/// `YYYYMMDDHHMMSS`, with or without a fraction, in seconds since the epoch; `now` too. None for anything
/// else, and for days that do not exist.
pub(crate) fn compact(text: &str, clock: Clock, now: i64) -> Option<i64> {
    let digits = text.split('.').next()?;
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    let local = civil([part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?])?;
    let year = part(0, 4)?;
    let berlin = from_local(local, [2, 1], berlin_summer(year), now);
    let is_now = |at: i64| (at - now).abs() <= MOMENT;
    Some(match clock {
        Clock::Utc => local,
        Clock::BerlinJustNow if is_now(local) && !is_now(berlin) => local,
        Clock::Berlin | Clock::BerlinJustNow => berlin,
        Clock::Sydney => from_local(local, [11, 10], sydney_summer(year), now),
    })
}

/// From local time, which is so many hours ahead of UTC in summer and in winter. Of the hour that happens twice the
/// pass is meant that is nearer to now and not ahead of it; the hour that does not happen is taken as winter time.
fn from_local(local: i64, [summer, winter]: [i64; 2], is_summer: impl Fn(i64) -> bool, now: i64) -> i64 {
    let (summer, winter) = (local - summer * 3_600, local - winter * 3_600);
    match (is_summer(summer), is_summer(winter)) {
        // Both passes exist. The second one is the later one, and so the nearer one once it has come.
        (true, false) if winter - now > MOMENT => summer,
        (true, true) => summer,
        _ => winter,
    }
}

/// How many hours the servers' local time is ahead of UTC at an instant.
pub(crate) fn berlin_offset(now: i64) -> i64 {
    let (year, ..) = parts(now.div_euclid(DAY));
    if berlin_summer(year)(now) { 2 } else { 1 }
}

/// Whether an instant in a year is in summer by the rule of the European Union: from the last Sunday of March to that of
/// October, both at 01:00 UTC.
fn berlin_summer(year: i64) -> impl Fn(i64) -> bool {
    let summer = last_sunday(year, 3) + 3_600..last_sunday(year, 10) + 3_600;
    move |at| summer.contains(&at)
}

/// The same by the rule of New South Wales: from the first Sunday of October to that of April, both at 02:00 of winter
/// time.
fn sydney_summer(year: i64) -> impl Fn(i64) -> bool {
    let winter = first_sunday(year, 4) - 8 * 3_600..first_sunday(year, 10) - 8 * 3_600;
    move |at| !winter.contains(&at)
}

/// Midnight of the first Sunday of a month.
fn first_sunday(year: i64, month: i64) -> i64 {
    let first = days(year, month, 1);
    // 1970-01-01 was a Thursday.
    (first + (-first - 4).rem_euclid(7)) * DAY
}

/// Midnight of the last Sunday of a month with 31 days.
fn last_sunday(year: i64, month: i64) -> i64 {
    let last = days(year, month, 31);
    // 1970-01-01 was a Thursday.
    (last - (last + 4).rem_euclid(7)) * DAY
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use vehicle_connector_sdk::time::rfc3339;

    use super::*;

    /// After everything that is read here.
    const AT: i64 = 4_000_000_000;

    #[test]
    fn berlin_to_utc_by_the_rule_of_the_union() {
        for (local, utc) in [
            ("20261121180000", "2026-11-21T17:00:00Z"),
            ("20260701120000", "2026-07-01T10:00:00Z"),
            // Summer time begins on 29 March 2026.
            ("20260329015959", "2026-03-29T00:59:59Z"),
            ("20260329023000", "2026-03-29T01:30:00Z"),
            ("20260329030000", "2026-03-29T01:00:00Z"),
            // And ends on 25 October 2026: 02:00 to 03:00 happens twice.
            ("20261025015959", "2026-10-24T23:59:59Z"),
            ("20261025023000", "2026-10-25T01:30:00Z"),
            ("20261025030000", "2026-10-25T02:00:00Z"),
            // Years in which the last Sunday is the 31st and the 25th.
            ("20240331030000", "2024-03-31T01:00:00Z"),
            ("20300331030000", "2030-03-31T01:00:00Z"),
            ("20270101000000", "2026-12-31T23:00:00Z"),
            ("20240229120000", "2024-02-29T11:00:00Z"),
        ] {
            assert_eq!(compact(local, Clock::Berlin, AT).map(rfc3339).as_deref(), Some(utc), "{local}");
        }
    }

    #[test]
    fn sydney_to_utc_by_the_rule_of_new_south_wales() {
        for (local, utc) in [
            ("20260701120000", "2026-07-01T02:00:00Z"),
            ("20270101000000", "2026-12-31T13:00:00Z"),
            // Summer time ends on 5 April 2026: 02:00 to 03:00 happens twice.
            ("20260405015959", "2026-04-04T14:59:59Z"),
            ("20260405023000", "2026-04-04T16:30:00Z"),
            ("20260405030000", "2026-04-04T17:00:00Z"),
            // And begins on 4 October 2026.
            ("20261004015959", "2026-10-03T15:59:59Z"),
            ("20261004030000", "2026-10-03T16:00:00Z"),
            // Years in which the first Sunday is the 1st and the 7th.
            ("20230401120000", "2023-04-01T01:00:00Z"),
            ("20230402040000", "2023-04-01T18:00:00Z"),
            ("20231001030000", "2023-09-30T16:00:00Z"),
            ("20240407040000", "2024-04-06T18:00:00Z"),
        ] {
            assert_eq!(compact(local, Clock::Sydney, AT).map(rfc3339).as_deref(), Some(utc), "{local}");
        }
    }

    #[test]
    fn the_offset_changes_with_summer_time_and_not_with_the_year() {
        for (utc, hours) in [
            ("20260329005959", 1),
            ("20260329010000", 2),
            ("20261025005959", 2),
            ("20261025010000", 1),
            ("20261231235959", 1),
            ("20270101000000", 1),
            ("20240101000000", 1),
            ("20280701000000", 2),
        ] {
            let now = compact(utc, Clock::Utc, 0).unwrap();
            assert_eq!(berlin_offset(now), hours, "{utc}");
        }
    }

    #[test]
    fn of_the_hour_that_happens_twice_the_pass_nearest_to_now_is_meant() {
        let now = |utc: &str| compact(utc, Clock::Utc, 0).unwrap();
        for (at, pass) in [
            ("20261025004500", "2026-10-25T00:30:00Z"),
            ("20261025012400", "2026-10-25T00:30:00Z"),
            // Its clock may be a little ahead.
            ("20261025012700", "2026-10-25T01:30:00Z"),
            ("20261025020000", "2026-10-25T01:30:00Z"),
            ("20261120120000", "2026-10-25T01:30:00Z"),
        ] {
            let read = compact("20261025023000", Clock::Berlin, now(at)).map(rfc3339);
            assert_eq!(read.as_deref(), Some(pass), "read at {at}");
        }
    }

    #[test]
    fn what_was_said_a_moment_ago_is_utc_if_only_that_is_now() {
        let now = compact("20260701120000", Clock::Utc, 0).unwrap();
        for (text, utc) in [
            ("20260701115830", "2026-07-01T11:58:30Z"),
            ("20260701135830", "2026-07-01T11:58:30Z"),
            // A copy that the cloud has kept is Berlin's, however old.
            ("20260701130000", "2026-07-01T11:00:00Z"),
            ("20260701110000", "2026-07-01T09:00:00Z"),
        ] {
            let read = compact(text, Clock::BerlinJustNow, now).map(rfc3339);
            assert_eq!(read.as_deref(), Some(utc), "{text}");
        }
    }

    #[test]
    fn utc_stays_and_nonsense_goes() {
        assert_eq!(
            compact("20261121170000.000", Clock::Utc, AT).map(rfc3339).as_deref(),
            Some("2026-11-21T17:00:00Z")
        );
        for nonsense in [
            "",
            "2026",
            "20260230000000",
            "20261301000000",
            "20261121250000",
            "00000000000000",
            "x0261121170000",
        ] {
            assert_eq!(compact(nonsense, Clock::Utc, AT), None, "{nonsense}");
        }
    }
}
