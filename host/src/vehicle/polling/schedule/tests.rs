use jiff::civil::time;
use proptest::prelude::*;

use super::*;
use crate::config::Quiet;
use crate::vehicle::polling::Sight;
use crate::vehicle::state::VehicleState;

static UTC: &TimeZone = &TimeZone::UTC;

const MINUTE: Duration = Duration::from_secs(60);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2027-01-15T12:00:00Z")
}

/// A rhythm of reads that have shown these odometers, the last one at noon, ten minutes apart.
fn rhythm(charging: bool, odometers: &[f64]) -> Rhythm {
    let mut rhythm = Rhythm::default();
    let mut before: Option<VehicleState> = None;
    let first = noon() - SignedDuration::from_mins(10) * i32::try_from(odometers.len() - 1).unwrap();
    for (number, odometer) in (0..).zip(odometers) {
        let after = VehicleState {
            charging: Some(charging),
            odometer_km: Some(*odometer),
            ..VehicleState::default()
        };
        rhythm.saw(&Sight {
            before: before.as_ref(),
            after: Some(&after),
            place_before: None,
            place: None,
            geofences: &[],
            now: first + SignedDuration::from_mins(10) * number,
        });
        before = Some(after);
    }
    rhythm
}

fn situation<'s>(poll: &'s Poll, rhythm: &'s Rhythm, now: Timestamp) -> Situation<'s> {
    Situation { poll, rhythm, zone: UTC, now, least: Duration::ZERO, obstacle: None, jitter: 0.5 }
}

#[test]
fn the_interval_is_that_of_what_the_car_does_and_grows_while_nothing_changes() {
    let poll = Poll::default();
    for (rhythm, mode, minutes) in [
        (rhythm(false, &[1.0]), Mode::Parked, 30),
        (rhythm(false, &[1.0, 1.0]), Mode::Parked, 60),
        (rhythm(false, &[1.0, 1.0, 1.0]), Mode::Parked, 120),
        (rhythm(false, &[1.0; 12]), Mode::Parked, 120),
        (rhythm(true, &[1.0]), Mode::Charging, 10),
        (rhythm(true, &[1.0; 9]), Mode::Charging, 20),
        (rhythm(false, &[1.0, 2.0]), Mode::Driving, 5),
        (rhythm(false, &[1.0, 2.0, 2.0]), Mode::Driving, 10),
        (rhythm(false, &[1.0, 2.0, 2.0, 2.0]), Mode::Parked, 120),
    ] {
        let plan = plan(&situation(&poll, &rhythm, noon()));
        assert_eq!((plan.mode, plan.interval_s), (mode, Some(minutes * 60)), "{rhythm:?}");
        let next = noon() + SignedDuration::from_mins(i64::try_from(minutes).unwrap());
        assert_eq!(plan.next_read_at, Some(next), "{rhythm:?}");
    }
    let mut stirred = rhythm(false, &[1.0; 12]);
    stirred.stir();
    assert_eq!(plan(&situation(&poll, &stirred, noon())).interval_s, Some(1_800));
}

#[test]
fn what_was_never_read_is_due_and_what_was_just_read_is_not() {
    let poll = Poll::default();
    assert!(plan(&situation(&poll, &Rhythm::default(), noon())).is_due(noon()));
    let just_now = rhythm(false, &[1.0]);
    assert!(!plan(&situation(&poll, &just_now, noon())).is_due(noon()));
    let late = noon() + SignedDuration::from_hours(5);
    assert!(plan(&situation(&poll, &just_now, late)).is_due(late));
}

#[test]
fn a_clock_that_goes_back_delays_a_read_by_one_interval_at_most() {
    let poll = Poll::default();
    let before = noon() - SignedDuration::from_hours(9_000);
    let mut rhythm = rhythm(false, &[1.0, 2.0]);
    assert!(!rhythm.was_just_read(&poll, Duration::ZERO, before), "nobody knows when that was");
    let mut due = Vec::new();
    for minute in 0..=6 {
        let now = before + SignedDuration::from_mins(minute);
        rhythm.not_after(now);
        let plan = plan(&situation(&poll, &rhythm, now));
        assert_eq!(plan.mode, Mode::Driving);
        due.push(plan.is_due(now));
    }
    assert_eq!(
        due,
        [false, false, false, false, false, true, true],
        "five minutes later, and not ever later"
    );
    // A board without a battery has just started: what it shows is no evidence.
    let stored = rhythm.clone();
    rhythm.not_after(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
    assert_eq!(rhythm, stored);
}

#[test]
fn an_obstacle_puts_a_read_off_and_says_why() {
    let poll = Poll::default();
    let rhythm = rhythm(false, &[1.0]);
    let with = |until: Option<&str>| {
        let obstacle = Some(Obstacle { until: until.map(at), reason: "leave me alone".to_owned() });
        plan(&Situation { obstacle, ..situation(&poll, &rhythm, noon()) })
    };
    let earlier = with(Some("2027-01-15T12:10:00Z"));
    assert_eq!((earlier.mode, earlier.reason), (Mode::Parked, None), "it is over before a read is due");
    let later = with(Some("2027-01-15T18:00:00Z"));
    assert_eq!(later.next_read_at, Some(at("2027-01-15T18:00:00Z")));
    assert_eq!((later.mode, later.reason.as_deref()), (Mode::Waiting, Some("leave me alone")));
    assert_eq!(with(None).next_read_at, None);
}

#[test]
fn in_quiet_hours_nothing_is_due() {
    let quiet = Some(Quiet { from: time(22, 0, 0, 0), until: time(7, 0, 0, 0) });
    let poll = Poll { quiet, ..Poll::default() };
    let rhythm = rhythm(false, &[1.0]);
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let at_time = |now: &str| plan(&Situation { zone: &zone, ..situation(&poll, &rhythm, at(now)) });
    let evening = at_time("2027-01-15T21:30:00Z");
    let end = at("2027-01-16T06:02:30Z");
    assert_eq!((evening.mode, evening.next_read_at), (Mode::Quiet, Some(end)), "half of five minutes later");
    // A look at that moment, for another car's sake, changes nothing about its place in the spread.
    for (now, due) in
        [("2027-01-16T06:00:00Z", false), ("2027-01-16T06:02:29Z", false), ("2027-01-16T06:02:30Z", true)]
    {
        let morning = at_time(now);
        assert_eq!((morning.next_read_at, morning.is_due(at(now))), (Some(end), due), "{now}");
        assert_eq!(morning.mode, Mode::Parked, "the hours are over");
    }
    // The next one would fall into them.
    let dusk = plan(&Situation { zone: &zone, least: 10 * 60 * MINUTE, ..situation(&poll, &rhythm, noon()) });
    assert_eq!((dusk.mode, dusk.next_read_at), (Mode::Parked, Some(end)));
}

#[test]
fn quiet_hours_that_leave_a_minute_leave_a_read() {
    let quiet = Some(Quiet { from: time(7, 1, 0, 0), until: time(7, 0, 0, 0) });
    let poll = Poll { quiet, ..Poll::default() };
    let rhythm = rhythm(false, &[1.0]);
    let end = at("2027-01-16T07:00:00Z");
    for (now, next) in [
        (noon(), end),
        (end, end),
        (end + SignedDuration::from_secs(59), end + SignedDuration::from_secs(59)),
    ] {
        assert_eq!(plan(&situation(&poll, &rhythm, now)).next_read_at, Some(next), "{now}");
    }
}

#[test]
fn the_requests_of_the_day_have_the_last_word() {
    let poll = Poll::default();
    let rhythm = rhythm(true, &[1.0]);
    let plan = plan(&Situation { least: 45 * MINUTE, ..situation(&poll, &rhythm, noon()) });
    assert_eq!((plan.mode, plan.interval_s), (Mode::Charging, Some(45 * 60)));
}

#[test]
fn plans_a_moment_apart_are_alike() {
    let poll = Poll::default();
    let one = plan(&situation(&poll, &rhythm(false, &[1.0]), noon()));
    let next_read_at = one.next_read_at.map(|next| next + SignedDuration::from_secs(59));
    assert!(one.is_like(&Plan { next_read_at, interval_s: Some(1_801), ..one.clone() }));
    let next_read_at = one.next_read_at.map(|next| next + SignedDuration::from_secs(61));
    assert!(!one.is_like(&Plan { next_read_at, ..one.clone() }));
    assert!(!one.is_like(&Plan { mode: Mode::Quiet, ..one.clone() }));
}

proptest! {
    #[test]
    fn a_read_is_never_due_before_its_interval_nor_in_quiet_hours(
        minutes in 0_i64..3_000,
        jitter in 0.0..=1.0_f64,
        least in 0_u32..300,
        odometers in prop::collection::vec(0.0..2.0_f64, 1..8),
        charging: bool,
        until in prop::option::of(0_i64..6_000),
    ) {
        let quiet = Quiet { from: time(22, 0, 0, 0), until: time(7, 0, 0, 0) };
        let poll = Poll { quiet: Some(quiet), ..Poll::default() };
        let rhythm = rhythm(charging, &odometers);
        let now = noon() + SignedDuration::from_mins(minutes);
        let obstacle = until.map(|until| Obstacle {
            until: Some(noon() + SignedDuration::from_mins(until)),
            reason: String::new(),
        });
        let situation = Situation {
            least: least * MINUTE,
            jitter,
            obstacle: obstacle.clone(),
            ..situation(&poll, &rhythm, now)
        };
        let plan = plan(&situation);
        let next = plan.next_read_at.unwrap();
        let shortest = poll.driving.max(least * MINUTE).mul_f64(1.0 - SPREAD);
        prop_assert!(next >= now);
        prop_assert!(later(noon(), shortest) <= next + SignedDuration::from_secs(1), "{plan:?}");
        prop_assert!(obstacle.as_ref().is_none_or(|obstacle| obstacle.until.unwrap() <= next + SignedDuration::from_secs(1)));
        prop_assert_eq!(quiet::end(quiet, &TimeZone::UTC, next), None);
        // It comes when nothing is in the way of it any more: nothing is forgotten.
        let longest = (poll.parked * LONGEST_PARKED).max(least * MINUTE).mul_f64(1.0 + SPREAD);
        let until = obstacle.and_then(|obstacle| obstacle.until).unwrap_or(now);
        let free = later(noon(), longest).max(now).max(until);
        let night = Duration::from_secs(9 * 3_600);
        prop_assert!(next <= later(free, night + AFTER_QUIET + Duration::from_secs(1)), "{plan:?}");
    }
}
