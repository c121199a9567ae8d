//! Masking of positions.

/// Mask in the place of a number that may belong to a position.
const MASK: &str = "*.****";

/// Number of decimals that tell a place to ten metres. Amounts, versions and durations have fewer.
const DECIMALS: usize = 4;

/// Forms of a decimal point in the encodings that answers are quoted in, besides the plain one.
const POINTS: [&str; 6] = [".", ",", "%2E", "%2C", "&#46;", "\\u002E"];

/// Names of the numbers of a position.
const NAMES: [&str; 8] = ["latitude", "longitude", "lat", "lon", "lng", "long", "breitengrad", "längengrad"];

/// Number of characters other than letters and digits that may stand between such a name and its number:
/// `"lat": "-`.
const BETWEEN: usize = 8;

/// Replaces every number that may be part of a position: one with four digits or more behind its point, and
/// one of any form behind a name such as `lat`.
///
/// For texts that people are shown and that never contain a position on purpose.
#[must_use]
pub fn mask_positions(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (taken, private) = match c {
            c if c.is_ascii_digit() => number(rest, named(&masked)),
            c => (c.len_utf8(), false),
        };
        let (taken, after) = rest.split_at(taken);
        masked.push_str(if private { MASK } else { taken });
        rest = after;
    }
    masked
}

/// Returns the length of the number that begins here, in bytes, and whether it is masked.
fn number(text: &str, named: bool) -> (usize, bool) {
    let whole = digits(text);
    let behind = text.get(whole..).unwrap_or_default();
    let Some(point) = point(behind) else {
        return (whole, named);
    };
    let decimals = digits(behind.get(point..).unwrap_or_default());
    match decimals {
        0 => (whole, named),
        // The digits of the next group are examined again: `1,234.56789`.
        few if few < DECIMALS && !named => (whole, false),
        many => {
            let taken = whole + point + many;
            (taken + more_decimals(text.get(taken..).unwrap_or_default()), true)
        }
    }
}

/// Returns the length of what follows a masked number and has a point and decimals of its own: the number
/// before may have run into the degrees, as in `7.00052.520008`.
fn more_decimals(text: &str) -> usize {
    let mut taken = 0;
    loop {
        let rest = text.get(taken..).unwrap_or_default();
        let Some(point) = point(rest) else { return taken };
        let decimals = digits(rest.get(point..).unwrap_or_default());
        if decimals < DECIMALS {
            return taken;
        }
        taken += point + decimals;
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Returns the length of the point with which the text begins, in bytes.
fn point(text: &str) -> Option<usize> {
    let begins =
        |point: &&&str| text.get(..point.len()).is_some_and(|start| start.eq_ignore_ascii_case(point));
    POINTS.iter().find(begins).map(|point| point.len())
}

/// Whether the text before a number says that it belongs to a position.
fn named(before: &str) -> bool {
    let mut between = 0;
    let word = before.trim_end_matches(|c: char| {
        between += 1;
        !c.is_alphanumeric() && between <= BETWEEN
    });
    let start = word.char_indices().rev().take_while(|(_, c)| c.is_alphabetic()).last();
    let word = start.and_then(|(at, _)| word.get(at..)).unwrap_or_default().to_lowercase();
    // Matches `GeoLatitude`, but not `plan`.
    NAMES.iter().any(|name| word == *name || (name.ends_with("tude") && word.ends_with(name)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_number_of_a_position_is_left() {
        for (text, masked) in [
            (r#"{"lat":52.520008,"lon":-13.404954}"#, r#"{"lat":*.****,"lon":-*.****}"#),
            ("at 52,520008 / 13,404954", "at *.**** / *.****"),
            ("x=52.5200y", "x=*.****y"),
            ("52%2E520008 52&#46;520008 52\\u002e520008", "*.**** *.**** *.****"),
            ("5.2520008e1", "*.****e1"),
            ("1,52.520008", "1,*.****"),
            ("52.520008.13.404954", "*.****.*.****"),
            ("7.00052.520008", "*.****"),
            ("0052,520008 1252,5200", "*.**** *.****"),
            // A list of codes looks the same as a position.
            ("codes 4002,4003", "codes *.****"),
            ("lat 52.5 lon: 13", "lat *.**** lon: *.****"),
            (r#""Latitude" : "52520008""#, r#""Latitude" : "*.****""#),
            (r#"\"lng\":13.4"#, r#"\"lng\":*.****"#),
        ] {
            assert_eq!(mask_positions(text), masked);
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "",
            "HTTP 503 5091 900901",
            "10.0.0.1 is a private address",
            "codes 4002, 4003",
            "version 0.1.0, 1,234 bytes, 12.345 s",
            "flat 5, plan 7, along 3",
            "2026-11-29T10:00:00.123Z",
            "é 1.2 €",
        ] {
            assert_eq!(mask_positions(text), text);
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_around_it_a_position_is_not_left(
            before in "(.{0,12}|.{0,6}[0-9.,]{0,6})", whole in "[0-9]{1,3}",
            point in proptest::sample::select(&POINTS[..]), decimals in "[0-9]{4,12}", after in "[^0-9].{0,12}",
        ) {
            let masked = mask_positions(&format!("{before}{whole}{point}{decimals}{after}"));
            prop_assert!(!masked.contains(&format!("{point}{decimals}")), "{masked}");
        }
    }
}
