//! Times, as clouds write them: civil time, RFC 3339, HTTP dates. Seconds are counted from
//! 1970-01-01T00:00:00Z.

use alloc::format;
use alloc::string::String;

use crate::connector::Milliseconds;

/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// The longest wait that a server may ask for, in milliseconds: a day.
const LONGEST: Milliseconds = 86_400_000;

/// Year, month, day, hour, minute and second in UTC, as seconds since the epoch. Only this century: other
/// years come from clocks that were never set.
#[must_use]
pub fn civil([year, month, day, hour, minute, second]: [i64; 6]) -> Option<i64> {
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

/// The day's number from 1970-01-01, in the proleptic Gregorian calendar. Years are counted from March, so
/// that the leap day is a year's last.
#[must_use]
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * months + 2) / 5
        + day
        - 719_469
}

/// Year, month and day of the day of this number: the inverse of [`days`].
#[must_use]
pub fn parts(number: i64) -> (i64, i64, i64) {
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

/// A time in the form of RFC 3339 §5.6, in UTC.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    let (year, month, day) = parts(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A time in the form of RFC 3339 §5.6, with or without a fraction, in seconds. None for anything else, and
/// for days that do not exist.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let text = text.trim();
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if !separators.iter().all(|(place, mark)| text.as_bytes().get(*place) == Some(mark)) {
        return None;
    }
    let local = civil([part(0, 4)?, part(5, 7)?, part(8, 10)?, part(11, 13)?, part(14, 16)?, part(17, 19)?])?;
    let zone = text.get(19..)?.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    if zone.eq_ignore_ascii_case("z") {
        return Some(local);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let ahead = hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60;
    match zone.as_bytes().first()? {
        b'+' => Some(local - ahead),
        b'-' => Some(local + ahead),
        _ => None,
    }
}

/// `Retry-After` (RFC 9110 §10.2.3) in milliseconds from now: seconds, or a date in the form that servers
/// send today (§5.6.7). A date that has passed is no wait. None for anything else; never more than a day.
/// `now`, in seconds, is asked when there is a date.
#[must_use]
pub fn retry_after(value: &str, now: impl Fn() -> i64) -> Option<Milliseconds> {
    let value = value.trim();
    let seconds = match value.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(http_date(value)?.saturating_sub(now())).unwrap_or(0),
    };
    Some(Milliseconds::try_from(seconds.saturating_mul(1_000)).unwrap_or(LONGEST).min(LONGEST))
}

/// A date in the form `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7), in seconds. None for anything else.
#[must_use]
pub fn http_date(text: &str) -> Option<i64> {
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

    #[test]
    fn every_day_of_the_century_survives() {
        for number in 10_957..47_482 {
            let (year, month, day) = parts(number);
            assert_eq!(days(year, month, day), number);
        }
    }

    #[test]
    fn rfc3339_and_back() {
        for (text, utc) in [
            ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
            ("2026-07-01t12:00:00.123z", "2026-07-01T12:00:00Z"),
            ("2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00Z"),
            ("2026-07-01T00:30:00.5-01:30", "2026-07-01T02:00:00Z"),
        ] {
            assert_eq!(parse_rfc3339(text).map(rfc3339).as_deref(), Some(utc), "{text}");
        }
        for nonsense in
            ["", "2026-07-01", "2026-07-01T12:00:00", "2026-02-30T12:00:00Z", "2026-07-01T12:00:00 02:00"]
        {
            assert_eq!(parse_rfc3339(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now = || 1_780_000_000;
        assert_eq!(retry_after("120", now), Some(120_000));
        assert_eq!(retry_after(" 99999999999999999999 ", now), None);
        assert_eq!(retry_after("4000000000", now), Some(LONGEST));
        assert_eq!(retry_after("Thu, 28 May 2026 20:27:10 GMT", now), Some(30_000));
        assert_eq!(retry_after("Thu, 28 May 2026 20:26:00 GMT", now), Some(0));
        for nonsense in ["", "soon", "-1", "Thu, 28 Mai 2026 20:27:10 GMT", "Thu, 28 May 2026 20:27 GMT"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }
}
