//! Dates of cookies, as RFC 6265 §5.1.1 reads them.
//!
//! Servers write `21-Oct-2015` and worse here, which is no date of HTTP (RFC 9110 §5.6.7); so each part is
//! recognised by its form, wherever it stands.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The first year of the calendar that browsers count with.
const FIRST_YEAR: i16 = 1601;

/// Returns the time that a text says, in UTC; none if a part is missing or there is no such day.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter) {
        if time.is_none()
            && let Some(found) = time_of_day(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let year = match year? {
        year @ 0..=69 => year + 2000,
        year @ 70..=99 => year + 1900,
        year => year,
    };
    let [hour, minute, second] = time?;
    if year < FIRST_YEAR {
        return None;
    }
    let small = |number: i16| i8::try_from(number).ok();
    let civil =
        DateTime::new(year, month?, small(day?)?, small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// Returns hour, minute and second of `h:m:s`, each of one or two digits, and whatever follows that is no
/// digit.
fn time_of_day(token: &str) -> Option<[i16; 3]> {
    let (hour, rest) = token.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let whole = |text: &str| number(text, 1, 2).filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    Some([whole(hour)?, whole(minute)?, number(second, 1, 2)?])
}

/// Returns the number that a token begins with if it has at least so many digits and at most so many.
fn number(token: &str, least: usize, most: usize) -> Option<i16> {
    let end = token.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(token.len());
    (least..=most).contains(&end).then(|| token.get(..end))??.parse().ok()
}

fn month_of(token: &str) -> Option<i8> {
    let name = token.get(..3)?;
    let at = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month))?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_servers_write() {
        for text in [
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Wed, 21-Oct-2015 07:28:00 GMT",
            "Wednesday, 21-Oct-15 07:28:00 GMT",
            "Wed Oct 21 07:28:00 2015",
            "21 october 2015 7:28:0",
            "2015 07:28:00x 21st OCT",
            "07:28:00;21;Oct;2015;1999 Nov 3 1:1:1",
        ] {
            assert_eq!(
                parse(text).map(|it| it.to_string()).as_deref(),
                Some("2015-10-21T07:28:00Z"),
                "{text}"
            );
        }
        for (year, expected) in
            [("69", "2069"), ("70", "1970"), ("99", "1999"), ("00", "2000"), ("1601", "1601")]
        {
            let parsed = parse(&format!("01 Jan {year} 00:00:00")).unwrap();
            assert!(parsed.to_string().starts_with(expected), "{year} {parsed}");
        }
    }

    #[test]
    fn a_date_lacks_nothing_and_exists() {
        for text in [
            "",
            "Wed, 21 Oct 2015",
            "Oct 2015 07:28:00",
            "21 2015 07:28:00",
            "21 Oct 07:28:00",
            "32 Oct 2015 07:28:00",
            "30 Feb 2015 07:28:00",
            "0 Oct 2015 07:28:00",
            "21 Oct 1600 07:28:00",
            "21 Oct 20155 07:28:00",
            "21 Oct 2015 24:28:00",
            "21 Oct 2015 07:60:00",
            "21 Oct 2015 07:28:60",
            "21 Oct 2015 07:28",
            "21 Oct 2015 07:28:001",
            "21 Oct 2015 07x:28:00",
            "0",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", parts in "([0-9]{1,5}|[:;, -]|jan|DEC|ü){0,12}") {
            let _ = (parse(&text), parse(&parts));
        }
    }
}
