//! The keys `polling`, `poll` and `force` of a `[vehicle.NAME]` table: how often the vehicle is read, and how
//! often it may be woken up for that.

use std::time::Duration;

use jiff::civil::Time;

use super::duration::duration;
use super::reader::Section;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Shortest intervals that can be configured. What the cloud has of a car that stands changes a few times a
/// day; of one that is driven or charged, every few minutes.
const SHORTEST_PARKED: Duration = Duration::from_secs(5 * 60);
const SHORTEST_CHARGING: Duration = Duration::from_secs(2 * 60);
const SHORTEST_DRIVING: Duration = MINUTE;

/// Number of times within a day that a vehicle is woken up to be read, unless the file says otherwise: once
/// an hour. Owners blame a hundred and more a day for flat 12 V batteries.
const FORCED_READS: u32 = 24;
const MOST_FORCED_READS: u32 = 100;

/// State of charge of the 12 V battery, in percent, below which a vehicle is not woken up, unless the file
/// says otherwise.
const LEAST_AUX_SOC: u32 = 60;

/// Shortest time between two forced reads, unless the file says otherwise.
const GAP: Duration = Duration::from_secs(10 * 60);

/// Intervals at which a vehicle is read from what the cloud has, without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Interval while it stands; longer while nothing changes.
    pub parked: Duration,
    /// Interval while it charges.
    pub charging: Duration,
    /// Interval while it is driven.
    pub driving: Duration,
    /// Hours in which it is not read by itself, in the time zone of its account; none unless the file has some.
    pub quiet: Option<Quiet>,
}

impl Default for Poll {
    fn default() -> Self {
        Self { parked: 30 * MINUTE, charging: 10 * MINUTE, driving: 5 * MINUTE, quiet: None }
    }
}

/// Hours of every day, which may go over midnight. Never empty, and never the whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// Beginning, which belongs to them.
    pub from: Time,
    /// End, which does not.
    pub until: Time,
}

/// Bounds of forced reads, which wake a vehicle up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Force {
    /// Number within 24 hours, 0 to 100; 24 unless the file says otherwise.
    pub max_per_day: u32,
    /// State of charge of the 12 V battery, in percent, below which there are none; 60 unless the file says
    /// otherwise.
    pub min_aux_soc: u32,
    /// Time from one to the next; 10 minutes unless the file says otherwise.
    pub min_gap: Duration,
    /// Age of what is known at which the host wakes the vehicle up by itself; never unless the file says
    /// otherwise.
    pub every: Option<Duration>,
}

impl Default for Force {
    fn default() -> Self {
        Self { max_per_day: FORCED_READS, min_aux_soc: LEAST_AUX_SOC, min_gap: GAP, every: None }
    }
}

/// Reads `polling` and `poll`; none if the vehicle is not read by itself.
pub(super) fn poll(section: &mut Section<'_, '_>) -> Option<Poll> {
    let is_on = section.choice("polling", &[("adaptive", true), ("off", false)]).unwrap_or(true);
    let mut poll = Poll::default();
    if let Some(mut given) = section.section("poll") {
        if !is_on {
            let message =
                format!("{} has no effect while polling = \"off\"; remove one of the two", given.name);
            section.reader.warn(&given.span, message);
        }
        for (key, shortest, interval) in [
            ("parked", SHORTEST_PARKED, &mut poll.parked),
            ("charging", SHORTEST_CHARGING, &mut poll.charging),
            ("driving", SHORTEST_DRIVING, &mut poll.driving),
        ] {
            *interval = duration(&mut given, key, shortest..=DAY).unwrap_or(*interval);
        }
        poll.quiet = quiet(&mut given);
        given.finish();
    }
    is_on.then_some(poll)
}

fn quiet(section: &mut Section<'_, '_>) -> Option<Quiet> {
    let text = section.text("quiet")?;
    let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
    let hours = text.value.split_once('-').and_then(|(from, until)| time(from).zip(time(until)));
    match hours {
        Some((from, until)) if from != until => Some(Quiet { from, until }),
        _ => {
            let message = format!(
                "{}: {:?} are no hours of a day; write when they begin and end, like \"22:00-07:00\"",
                text.name, text.value
            );
            section.complain(&text.span, message);
            None
        }
    }
}

/// Reads `force`, and the word that one of its keys had before. `is_polled` says whether the vehicle is read by
/// itself.
pub(super) fn force(section: &mut Section<'_, '_>, is_polled: bool) -> Force {
    let mut force = Force::default();
    let before = section.entry("max_forced_reads_per_day").map(|entry| entry.key);
    let given_before = section.number("max_forced_reads_per_day", 0..=MOST_FORCED_READS);
    force.max_per_day = given_before.unwrap_or(force.max_per_day);
    let mut given_now = false;
    if let Some(mut given) = section.section("force") {
        if let Some(number) = given.number("max_per_day", 0..=MOST_FORCED_READS) {
            (force.max_per_day, given_now) = (number, true);
        }
        force.min_aux_soc = given.number("min_aux_soc", 0..=100).unwrap_or(force.min_aux_soc);
        force.min_gap = duration(&mut given, "min_gap", Duration::ZERO..=DAY).unwrap_or(force.min_gap);
        force.every = duration(&mut given, "every", HOUR..=7 * DAY);
        if force.every.is_some() && (!is_polled || force.max_per_day == 0) {
            // It is a read by itself, after which the host considers whether to wake the vehicle up.
            let because = if is_polled { "with max_per_day = 0" } else { "while polling = \"off\"" };
            let message = format!("{}.every has no effect {because}; remove one of the two", given.name);
            section.reader.warn(&given.span, message);
        }
        given.finish();
    }
    if let Some(before) = before {
        let (name, number) = (&section.name, force.max_per_day);
        if given_now {
            let message = format!(
                "[{name}] has max_forced_reads_per_day and force.max_per_day, which are the same; keep the second"
            );
            section.complain(&before, message);
        } else {
            let message = format!(
                "[{name}]: max_forced_reads_per_day is called force.max_per_day now; write force = {{ max_per_day = \
                 {number} }}"
            );
            section.reader.warn(&before, message);
        }
    }
    force
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, Slug};
    use super::*;

    fn parse(keys: &str) -> Result<(Option<Poll>, Force, Vec<String>), String> {
        let text = format!(
            "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n[account.a]\nconnector = \"kia-eu\"\nrefresh_token = \"${{T}}\"\n\
             [vehicle.v]\naccount = \"a\"\nname = \"n\"\n{keys}\n"
        );
        let token = "A".repeat(48);
        let config = Config::parse(&text, Path::new("car.toml"), &|_| Some(token.clone()))
            .map_err(|error| error.to_string())?;
        let vehicle = &config.vehicles[&Slug::parse("v").unwrap()];
        let warnings = config.warnings.iter().map(|warning| warning.message.clone()).collect();
        Ok((vehicle.poll, vehicle.force, warnings))
    }

    #[test]
    fn a_vehicle_is_read_by_itself_and_never_woken_unless_the_file_says_so() {
        let (poll, force, _) = parse("").unwrap();
        assert_eq!((poll, force), (Some(Poll::default()), Force::default()));
        assert_eq!(force.every, None);
        assert_eq!(parse("polling = \"off\"").unwrap().0, None);
    }

    #[test]
    fn intervals_and_hours_as_people_write_them() {
        let keys = "poll = { parked = \"1h 30m\", charging = \"120s\", quiet = \"22:00-07:00\" }\n\
                    force = { max_per_day = 3, min_aux_soc = 70, min_gap = \"1h\", every = \"12h\" }";
        let (poll, force, warnings) = parse(keys).unwrap();
        let quiet = Quiet { from: Time::constant(22, 0, 0, 0), until: Time::constant(7, 0, 0, 0) };
        let expected =
            Poll { parked: 90 * MINUTE, charging: 2 * MINUTE, driving: 5 * MINUTE, quiet: Some(quiet) };
        assert_eq!(poll, Some(expected));
        let expected = Force { max_per_day: 3, min_aux_soc: 70, min_gap: HOUR, every: Some(12 * HOUR) };
        assert_eq!(force, expected);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn what_cannot_be_is_told_with_the_way_out() {
        for (keys, said) in [
            ("poll = { parked = \"1m\" }", "vehicle.v.poll.parked: 1m is out of range; write 5m to 24h"),
            ("poll = { driving = \"soon\" }", "\"soon\" is no length of time; write one like \"30m\""),
            ("poll = { quiet = \"22-7\" }", "are no hours of a day; write when they begin and end"),
            ("poll = { quiet = \"07:00-07:00\" }", "are no hours of a day"),
            ("poll = { parkd = \"30m\" }", "did you mean \"parked\"?"),
            ("polling = \"on\"", "\"on\" is unknown"),
            ("force = { min_aux_soc = 101 }", "101 is out of range"),
            ("force = { every = \"10m\" }", "10m is out of range; write 1h to 168h"),
            (
                "max_forced_reads_per_day = 3\nforce = { max_per_day = 4 }",
                "which are the same; keep the second",
            ),
        ] {
            let error = parse(keys).unwrap_err();
            assert!(error.contains(said), "{keys}: {error}");
        }
    }

    #[test]
    fn the_word_of_before_still_counts_and_is_told() {
        let (_, force, warnings) = parse("max_forced_reads_per_day = 3").unwrap();
        assert_eq!(force.max_per_day, 3);
        assert!(
            warnings.iter().any(|warning| warning.contains("force = { max_per_day = 3 }")),
            "{warnings:?}"
        );
    }

    #[test]
    fn what_has_no_effect_is_told() {
        for (keys, said) in [
            ("polling = \"off\"\npoll = { parked = \"1h\" }", "poll has no effect while polling = \"off\""),
            (
                "polling = \"off\"\nforce = { every = \"6h\" }",
                "force.every has no effect while polling = \"off\"",
            ),
            ("force = { every = \"6h\", max_per_day = 0 }", "force.every has no effect with max_per_day = 0"),
        ] {
            let (_, _, warnings) = parse(keys).unwrap();
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].contains(said), "{warnings:?}");
        }
        for keys in ["polling = \"off\"\nforce = { max_per_day = 0 }", "force = { every = \"6h\" }"] {
            assert_eq!(parse(keys).unwrap().2, [""; 0]);
        }
    }
}
