//! From a seed to days.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use simulator::{Effect, Fault, RouteKind};

use super::weather::{self, Happening};
use crate::schedule::CARS;

/// Length of the ordinary day.
pub const DAY: Duration = Duration::from_secs(86_400);

/// Length of the time after the end of the session: the next set is refreshed in it.
pub const AFTERWARDS: Duration = Duration::from_secs(3 * 3_600);

/// Everything that happens in some days.
#[derive(Debug)]
pub struct Schedule {
    /// Where it comes from.
    pub seed: u64,
    /// Whether the cloud gives one of the seven tokens in a cookie.
    pub in_cookie: bool,
    /// Whether the page of a sign-in leads to another one.
    pub redirects: bool,
    /// What happens on the ordinary day, and when.
    pub day: Vec<(Duration, Ordinary)>,
    /// Number of sets of tokens that are lost on their way on that day.
    pub losses: u64,
    /// Whether the token for the cars ends together with the session, so that the next read finds out.
    pub ends_at_once: bool,
    /// What happens in the hours after the end of the session, and when.
    pub afterwards: Vec<(Duration, Ordinary)>,
    /// The weather after that, each so long after the one before it.
    pub weather: Vec<(Duration, Happening)>,
}

/// What happens in any home, and costs its owner nothing.
#[derive(Debug, Clone)]
pub enum Ordinary {
    /// A car is read.
    Read(&'static str),
    /// The cloud ends the token for the cars.
    AccessEnds,
    /// The cloud forgets the device.
    DeviceForgotten,
    /// The cloud fails.
    Fault(Fault),
    /// The host stops and another one starts on the same state.
    Restart,
}

impl Schedule {
    /// The days of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let every = Duration::from_secs(60 * one_of(rng, &[20, 29, 29, 29]));
        let mut day = reads(rng, every, DAY);
        let mut losses = 0;
        match rng.u8(..5) {
            0 => day.push((at(rng, 3..23), Ordinary::AccessEnds)),
            1 => {
                losses = 1;
                day.push((at(rng, 1..22), Ordinary::Fault(lost(rng))));
            }
            // The first exchange is tried again soon enough, and the token of before is good for three hours more.
            2 => day.push((at(rng, 18..20), Ordinary::Fault(exchange_fails()))),
            3 => day.push((at(rng, 1..22), Ordinary::Fault(refresh_fails(rng)))),
            _ => {}
        }
        if rng.bool() {
            day.push((at(rng, 1..22), Ordinary::Restart));
        }
        if rng.u8(..4) == 0 {
            day.push((at(rng, 1..22), Ordinary::DeviceForgotten));
        }
        // Stable: what happens at one moment happens in this order.
        day.sort_by_key(|(at, _)| *at);
        let afterwards = reads(rng, every, AFTERWARDS);
        let weather = (0..rng.usize(8..=30)).map(|_| (weather::pause(rng), weather::draw(rng))).collect();
        Self {
            seed,
            in_cookie: rng.bool(),
            redirects: rng.u8(..4) > 0,
            day,
            losses,
            ends_at_once: rng.bool(),
            afterwards,
            weather,
        }
    }
}

pub(super) fn one_of<T: Clone>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())].clone()
}

/// Some time in these hours.
fn at(rng: &mut Rng, hours: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(hours.start * 3_600_000..hours.end * 3_600_000))
}

/// Reads of the two cars in turn, now and then of both at once.
fn reads(rng: &mut Rng, every: Duration, time: Duration) -> Vec<(Duration, Ordinary)> {
    let mut reads = Vec::new();
    let mut at = Duration::from_secs(rng.u64(..60));
    while at < time {
        let (one, other) = if rng.bool() { (CARS[0].0, CARS[1].0) } else { (CARS[1].0, CARS[0].0) };
        reads.push((at, Ordinary::Read(one)));
        if rng.u8(..6) == 0 {
            reads.push((at + Duration::from_millis(rng.u64(..50)), Ordinary::Read(other)));
        }
        at += every + Duration::from_secs(rng.u64(..120));
    }
    reads
}

/// The cloud has made the next set, and nobody gets it.
fn lost(rng: &mut Rng) -> Fault {
    let effect = match rng.u8(..3) {
        0 => Effect::Drop,
        1 => Effect::Truncate { keep: rng.usize(..2_000) },
        _ => Effect::answer(502, "<html>Bad Gateway</html>"),
    };
    Fault::new(RouteKind::TokenRefresh, effect).after_acting()
}

fn exchange_fails() -> Fault {
    Fault::new(RouteKind::TokenExchange, Effect::service_behind_fails()).once_admitted()
}

/// The cloud has not made the next set, and says so or says nothing.
fn refresh_fails(rng: &mut Rng) -> Fault {
    let told_to_wait = |status, seconds: u64| Effect::Answer {
        status,
        body: "<html>unwell</html>".to_owned(),
        headers: vec![("retry-after".to_owned(), seconds.to_string())],
    };
    let effect = match rng.u8(..5) {
        0 => Effect::Drop,
        1 => Effect::unavailable(),
        2 => told_to_wait(429, rng.u64(1..10)),
        3 => told_to_wait(503, rng.u64(1..10)),
        _ => Effect::Delay { millis: rng.u64(100..5_000) },
    };
    Fault::new(RouteKind::TokenRefresh, effect)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { in_cookie, redirects, day, losses, ends_at_once, afterwards, weather, .. } = self;
        writeln!(
            f,
            "a token in a cookie: {in_cookie}; the page redirects: {redirects}; lost sets: {losses}"
        )?;
        writeln!(f, "the token for the cars ends with the session: {ends_at_once}")?;
        let reads = day.iter().chain(afterwards).filter(|(_, it)| matches!(it, Ordinary::Read(_))).count();
        writeln!(f, "{reads} reads on the first day and after the end of the session; and on the first day")?;
        for (at, it) in day.iter().filter(|(_, it)| !matches!(it, Ordinary::Read(_))) {
            writeln!(f, "  {:>8.1} s  {it:?}", at.as_secs_f64())?;
        }
        writeln!(f, "then the weather")?;
        for (pause, happening) in weather {
            writeln!(f, "  +{:>7.1} s  {happening:?}", pause.as_secs_f64())?;
        }
        Ok(())
    }
}
