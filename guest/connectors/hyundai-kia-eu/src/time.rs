//! The cloud's clocks.

use alloc::format;
use alloc::string::String;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// The longest wait that a server may ask for, in milliseconds: a day.
const LONGEST: u64 = 86_400_000;

/// Which clock a time without a zone was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Coordinated universal time.
    Utc,
    /// The servers' local time: an hour ahead of UTC, and two in summer.
    Berlin,
    /// The servers' local time, of what was said a moment ago: for weeks the cloud has told that in UTC. If it is that
    /// moment in UTC and is not in Berlin, it is UTC.
    BerlinJustNow,
}

/// How far a clock may be off, and how long an answer may take together, in seconds: far less than a time zone.
const MOMENT: i64 = 5 * 60;

/// `YYYYMMDDHHMMSS`, with or without a fraction, in seconds since the epoch; `now` too. None for anything else, and for
/// days that do not exist.
pub(crate) fn compact(text: &str, clock: Clock, now: i64) -> Option<i64> {
    let digits = text.split('.').next()?;
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    let local = civil([part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?])?;
    let berlin = from_berlin(local, part(0, 4)?, now);
    let is_now = |at: i64| (at - now).abs() <= MOMENT;
    Some(match clock {
        Clock::Utc => local,
        Clock::BerlinJustNow if is_now(local) && !is_now(berlin) => local,
        Clock::Berlin | Clock::BerlinJustNow => berlin,
    })
}

/// The rule of the European Union: summer time from the last Sunday of March to that of October, both at 01:00
/// UTC. Of the hour that happens twice the pass is meant that is nearer to now and not ahead of it; the hour that does
/// not happen is taken as winter time.
fn from_berlin(local: i64, year: i64, now: i64) -> i64 {
    let (summer, winter) = (local - 2 * 3_600, local - 3_600);
    let is_summer = last_sunday(year, 3) + 3_600..last_sunday(year, 10) + 3_600;
    match (is_summer.contains(&summer), is_summer.contains(&winter)) {
        // Both passes exist. The second one is the later one, and so the nearer one once it has come.
        (true, false) if winter - now > MOMENT => summer,
        (true, true) => summer,
        _ => winter,
    }
}

/// Midnight of the last Sunday of a month with 31 days.
fn last_sunday(year: i64, month: i64) -> i64 {
    let last = days(year, month, 31);
    // 1970-01-01 was a Thursday.
    (last - (last + 4).rem_euclid(7)) * DAY
}

/// Year, month, day, hour, minute and second in UTC, as seconds since the epoch. Only this century: other
/// years come from clocks that were never set.
pub(crate) fn civil([year, month, day, hour, minute, second]: [i64; 6]) -> Option<i64> {
    let possible = (2000..2100).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let number = days(year, month, day);
    if !possible || parts(number) != (year, month, day) {
        return None;
    }
    Some(number * DAY + hour * 3_600 + minute * 60 + second)
}

/// The day's number from 1970-01-01, in the proleptic Gregorian calendar. Years are counted from March, so that
/// the leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * months + 2) / 5
        + day
        - 719_469
}

/// The inverse of [`days`]: year, month and day.
fn parts(number: i64) -> (i64, i64, i64) {
    let shifted = number + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let months = (5 * of_year + 2) / 153;
    let day = of_year - (153 * months + 2) / 5 + 1;
    let month = if months < 10 { months + 3 } else { months - 9 };
    (era * 400 + years + i64::from(month <= 2), month, day)
}

/// In the form of RFC 3339 §5.6, UTC.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let (year, month, day) = parts(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `Retry-After` (RFC 9110 §10.2.3) in milliseconds from now: seconds, or a date in the form that servers send
/// today (§5.6.7). A date that has passed is no wait. None for anything else; never more than a day.
pub(crate) fn retry_after(value: &str, now: impl Fn() -> u64) -> Option<u64> {
    let value = value.trim();
    let seconds = match value.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let now = i64::try_from(now()).ok()?;
            u64::try_from(http_date(value)?.saturating_sub(now)).unwrap_or(0)
        }
    };
    Some(seconds.saturating_mul(1_000).min(LONGEST))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds since the epoch.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, rest) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let mut words = rest.split(' ');
    let day = words.next()?.parse().ok()?;
    let name = words.next().filter(|name| name.len() == 3)?;
    let month = i64::try_from(MONTHS.find(name)?).ok()? / 3 + 1;
    let year = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse().ok());
    civil([year, month, day, clock.next()??, clock.next()??, clock.next()??])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

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

    #[test]
    fn every_day_of_the_century_survives() {
        for number in 10_957..47_482 {
            let (year, month, day) = parts(number);
            assert_eq!(days(year, month, day), number);
        }
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now = || 784_111_770;
        assert_eq!(retry_after("120", now), Some(120_000));
        assert_eq!(retry_after(" 99999999999999999999 ", now), None);
        assert_eq!(retry_after("4000000000", now), Some(LONGEST));
        let now = || 1_780_000_000;
        assert_eq!(retry_after("Thu, 28 May 2026 20:27:10 GMT", now), Some(30_000));
        assert_eq!(retry_after("Thu, 28 May 2026 20:26:00 GMT", now), Some(0));
        for nonsense in ["", "soon", "-1", "Thu, 28 Mai 2026 20:27:10 GMT", "Thu, 28 May 2026 20:27 GMT"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }
}
