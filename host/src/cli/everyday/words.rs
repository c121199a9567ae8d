//! Values in words.

use crate::vehicle::state::Corners;

/// Returns how long ago something was, in the largest unit of which there is a whole one.
pub(super) fn ago(seconds: u64) -> String {
    match seconds {
        0..5 => "just now".to_owned(),
        5..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Returns a number with one decimal at most, and its thousands apart.
pub(super) fn number(value: f64) -> String {
    let rounded = format!("{value:.1}");
    let (whole, decimal) = rounded.split_once('.').unwrap_or((&rounded, "0"));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    match decimal {
        "0" => format!("{sign}{grouped}"),
        decimal => format!("{sign}{grouped}.{decimal}"),
    }
}

/// Returns yes or no.
pub(super) const fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// Says which doors or windows are open; none if nothing is known of them.
pub(super) fn corners(corners: &Corners) -> Option<String> {
    let Corners { front_left, front_right, rear_left, rear_right } = corners;
    let all = [
        ("front left", front_left),
        ("front right", front_right),
        ("rear left", rear_left),
        ("rear right", rear_right),
    ];
    let open: Vec<&str> =
        all.iter().filter(|(_, open)| **open == Some(true)).map(|(name, _)| *name).collect();
    match (open.as_slice(), all.iter().any(|(_, open)| open.is_some())) {
        ([], false) => None,
        ([], true) => Some("closed".to_owned()),
        (open, _) => Some(format!("open: {}", open.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_unit_that_people_would_use() {
        for (seconds, words) in [
            (0, "just now"),
            (5, "5 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (3_600, "1 h ago"),
            (172_799, "47 h ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(seconds), words);
        }
    }

    #[test]
    fn numbers_are_told_as_exactly_as_people_care() {
        for (value, words) in
            [(71.0, "71"), (71.26, "71.3"), (12_345.0, "12 345"), (-0.5, "-0.5"), (1_000_000.04, "1 000 000")]
        {
            assert_eq!(number(value), words);
        }
    }

    #[test]
    fn what_is_not_known_is_neither_open_nor_closed() {
        assert_eq!(corners(&Corners::default()), None);
        let known = Corners { front_left: Some(false), ..Corners::default() };
        assert_eq!(corners(&known).as_deref(), Some("closed"));
        let open = Corners { front_left: Some(true), rear_right: Some(true), ..Corners::default() };
        assert_eq!(corners(&open).as_deref(), Some("open: front left, rear right"));
    }
}
