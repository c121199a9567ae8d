//! Lengths of time, as people write them: `90s`, `30m`, `1h 30m`.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;

use super::reader::Section;

/// Reads a length of time within a range; complains about anything else.
pub(super) fn duration(
    section: &mut Section<'_, '_>,
    key: &str,
    range: RangeInclusive<Duration>,
) -> Option<Duration> {
    let text = section.text(key)?;
    let parsed = text.value.trim().parse::<SignedDuration>().ok();
    let Some(duration) = parsed.and_then(|parsed| Duration::try_from(parsed).ok()) else {
        let message = format!(
            "{}: {:?} is no length of time; write one like \"30m\" or \"1h 30m\"",
            text.name, text.value
        );
        section.complain(&text.span, message);
        return None;
    };
    if !range.contains(&duration) {
        let (least, most) = (in_words(*range.start()), in_words(*range.end()));
        let message = format!("{}: {} is out of range; write {least} to {most}", text.name, text.value);
        section.complain(&text.span, message);
        return None;
    }
    Some(duration)
}

/// Writes a length of time as it can be read.
fn in_words(duration: Duration) -> String {
    format!("{:#}", SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_range_can_be_written() {
        for seconds in [0, 60, 300, 3_600, 86_400, 604_800] {
            let duration = Duration::from_secs(seconds);
            let read: SignedDuration = in_words(duration).parse().unwrap();
            assert_eq!(Duration::try_from(read).unwrap(), duration, "{}", in_words(duration));
        }
        assert_eq!(in_words(Duration::from_secs(300)), "5m");
    }
}
