//! Time in an answer: how long to wait, and how late it is where it comes from.
//!
//! Read by the host from every answer, so that what binds an account does not hang on how a connector reads
//! headers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

/// Skew from which on the clocks of this machine and of a cloud differ so much that signed requests may be
/// refused.
pub(crate) const LARGE_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Returns the time that an answer asks to wait (RFC 9110 §10.2.3: seconds, or an HTTP date), the longest of
/// several. None if it asks for nothing: no header, an invalid one, a time that has passed.
pub(super) fn retry_after(headers: &[(String, String)], now: Timestamp) -> Option<Duration> {
    // A date is the server's, so it is compared with the server's clock.
    let now = date(headers).unwrap_or(now);
    let told = |value: &str| {
        let value = value.trim();
        let seconds = value.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
        match seconds {
            Some(seconds) => Duration::try_from_secs_f64(seconds.ceil()).ok(),
            None => Duration::try_from(http_date(value)?.duration_since(now)).ok(),
        }
    };
    let headers = headers.iter().filter(|(name, _)| name == "retry-after");
    headers.filter_map(|(_, value)| told(value)).filter(|told| !told.is_zero()).max()
}

/// Returns the time at which the server says that it answered (RFC 9110 §6.6.1).
fn date(headers: &[(String, String)]) -> Option<Timestamp> {
    headers.iter().find(|(name, _)| name == "date").and_then(|(_, value)| http_date(value.trim()))
}

fn http_date(value: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Timestamp::from_second(i64::try_from(since.as_secs()).ok()?).ok()
}

/// Skew by which the cloud's clock is ahead of this machine's, as its last answer said.
#[derive(Debug, Default)]
pub struct Skew(AtomicI64);

impl Skew {
    /// Observes an answer. Returns the skew if it has become large with this one.
    pub(super) fn observe(&self, headers: &[(String, String)], now: Timestamp) -> Option<SignedDuration> {
        let ahead = date(headers)?.duration_since(now);
        let before = SignedDuration::from_secs(self.0.swap(ahead.as_secs(), Ordering::Relaxed));
        (ahead.abs() > LARGE_SKEW && before.abs() <= LARGE_SKEW).then_some(ahead)
    }

    /// Explains what is wrong with this machine's clock, if the last answer says that much is.
    #[must_use]
    pub(crate) fn in_words(&self) -> Option<String> {
        let ahead = SignedDuration::from_secs(self.0.load(Ordering::Relaxed));
        (ahead.abs() > LARGE_SKEW).then(|| in_words(ahead))
    }
}

/// Explains a skew to people, with the way out.
pub(super) fn in_words(ahead: SignedDuration) -> String {
    let side = if ahead.is_positive() { "behind" } else { "ahead of" };
    let by = Duration::try_from(ahead.abs()).unwrap_or_default();
    let (hours, minutes) = (by.as_secs() / 3_600, by.as_secs() % 3_600 / 60);
    format!(
        "this machine's clock is {hours} h {minutes} min {side} the cloud's, and clouds refuse signed requests for that; \
         set the clock, and let it be set from the network (NTP)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-05-28T20:26:40Z".parse().unwrap()
    }

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn retry_after_as_servers_write_it() {
        let table: &[(&str, Option<u64>)] = &[
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("1.2", Some(2)),
            ("Thu, 28 May 2026 20:27:10 GMT", Some(30)),
            ("Thursday, 28-May-26 20:27:10 GMT", Some(30)),
            ("Thu May 28 20:27:10 2026", Some(30)),
            // Nothing is asked for.
            ("0", None),
            ("-5", None),
            ("Wed, 21 Oct 2015 07:28:00 GMT", None),
            ("Thu, 28 May 2026 20:26:40 GMT", None),
            ("soon", None),
            ("", None),
            ("NaN", None),
            ("inf", None),
            ("99999999999999999999999999", None),
            ("1e400", None),
            ("120, 120", None),
        ];
        for (value, told) in table {
            let told = told.map(Duration::from_secs);
            assert_eq!(retry_after(&headers(&[("retry-after", value)]), now()), told, "{value}");
        }
        let several =
            [("retry-after", "0"), ("retry-after", "20"), ("retry-after", "x"), ("retry-after", "3")];
        assert_eq!(retry_after(&headers(&several), now()), Some(Duration::from_secs(20)));
        assert_eq!(retry_after(&[], now()), None);
    }

    #[test]
    fn a_date_is_compared_with_the_clock_that_wrote_it() {
        // The server's clock is an hour ahead of ours.
        let answer =
            [("date", "Thu, 28 May 2026 21:26:40 GMT"), ("retry-after", "Thu, 28 May 2026 21:27:10 GMT")];
        assert_eq!(retry_after(&headers(&answer), now()), Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_large_skew_is_told_once_and_in_words() {
        let skew = Skew::default();
        let dated = |date| headers(&[("date", date)]);
        assert_eq!(skew.observe(&dated("Thu, 28 May 2026 20:27:40 GMT"), now()), None, "a minute is none");
        assert_eq!(skew.in_words(), None);
        assert!(skew.observe(&dated("Thu, 28 May 2026 23:27:40 GMT"), now()).is_some());
        assert_eq!(skew.observe(&dated("Thu, 28 May 2026 23:27:40 GMT"), now()), None);
        assert!(skew.in_words().unwrap().starts_with("this machine's clock is 3 h 1 min behind"));
        skew.observe(&headers(&[("date", "yesterday")]), now());
        assert!(skew.in_words().is_some(), "what is no date says nothing");
        skew.observe(&dated("Thu, 28 May 2026 17:26:40 GMT"), now());
        assert!(skew.in_words().unwrap().contains("ahead of the cloud's"));
        skew.observe(&dated("Thu, 28 May 2026 20:26:40 GMT"), now());
        assert_eq!(skew.in_words(), None);
    }
}
