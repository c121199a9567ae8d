//! From a seed to a schedule.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use simulator::{Effect, Ending, Fault, Outcome, Refusal, RouteKind};
use testkit::network::Outage;
use testkit::{CCS2, LEGACY};

use crate::policies::Choice;

/// The two cars: slug, and identifier in the cloud.
pub const CARS: [(&str, &str); 2] = [LEGACY, CCS2];

/// Everything that happens from outside.
#[derive(Debug)]
pub struct Schedule {
    /// Where it comes from.
    pub seed: u64,
    /// How long an access token lives.
    pub token_lifetime: Duration,
    /// Whether every grant replaces the refresh token.
    pub rotates: bool,
    /// Whether the cloud refuses a command while the car has one to do.
    pub refuses_while_pending: bool,
    /// Which policy decides in the beginning.
    pub policy: Choice,
    /// What happens, each so long after the one before it.
    pub events: Vec<(Duration, Happening)>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Somebody commands something.
    Command(Command),
    /// The access token ends.
    ExpireToken,
    /// Another login ends the session: the access token and the permissions.
    Kick(Refusal),
    /// The access token ends as soon as so many requests carry it.
    ExpireInFlight(u64),
    /// Every token is refused, or not any more.
    RefuseTokens(bool),
    /// The refresh token is dead.
    RefuseGrants,
    /// The permissions that the PIN gave end.
    EndPermissions,
    /// The cloud forgets the device.
    ForgetDevice,
    /// The cloud fails.
    Fault(Fault),
    /// The cloud works again, and what was held goes on.
    Mend,
    /// Something cannot be reached.
    Outage(Outage),
    /// The next command ends like this.
    Outcome(Outcome),
    /// A car can be reached, or not.
    Reachable(&'static str, bool),
    /// Another policy decides.
    Policy(Choice),
    /// The host stops and another one starts on the same state.
    Restart,
    /// The owner gives new credentials, and the host is started with them.
    NewCredentials,
}

/// A command as it is sent.
#[derive(Debug, Clone)]
pub struct Command {
    /// The vehicle's slug.
    pub vehicle: &'static str,
    /// The caller's identifier.
    pub id: String,
    /// The last part of the topic.
    pub topic: &'static str,
    /// The fields besides the identifier.
    pub fields: &'static str,
}

impl Command {
    /// The payload.
    pub fn payload(&self) -> String {
        format!(r#"{{"id":"{}"{}}}"#, self.id, self.fields)
    }
}

/// Topic, fields, and how often of a hundred.
const COMMANDS: [(&str, &str, u32); 12] = [
    ("refresh_cached", "", 24),
    ("refresh_smart", r#","max_age_s":60"#, 5),
    ("refresh_force", "", 8),
    ("lock", "", 14),
    ("unlock", "", 12),
    ("climate", r#","action":"start""#, 9),
    ("climate", r#","action":"stop""#, 5),
    ("windows", r#","all":"vent""#, 4),
    ("charge_port", r#","action":"open""#, 5),
    ("charge_port", r#","action":"close""#, 4),
    ("charging_current", r#","level":2"#, 6),
    ("action_status", "", 4),
];

impl Schedule {
    /// The schedule of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let mut schedule = Self {
            seed,
            token_lifetime: Duration::from_secs(one_of(rng, &[20, 60, 3_600, 3_600])),
            rotates: rng.bool(),
            refuses_while_pending: rng.u8(..4) == 0,
            policy: policy(rng),
            events: Vec::new(),
        };
        for number in 0..rng.usize(5..=40) {
            let happening = if rng.u8(..100) < 55 {
                Happening::Command(schedule.command(rng, number))
            } else {
                incident(rng)
            };
            let pause = pause(rng);
            schedule.events.push((pause, happening));
        }
        schedule
    }

    /// A new command, or now and then an earlier one again.
    fn command(&self, rng: &mut Rng, number: usize) -> Command {
        let earlier = self.events.iter().filter_map(|(_, happening)| match happening {
            Happening::Command(command) if command.topic != "action_status" => Some(command),
            _ => None,
        });
        let earlier: Vec<_> = earlier.collect();
        if !earlier.is_empty() && rng.u8(..100) < 15 {
            return earlier[rng.usize(..earlier.len())].clone();
        }
        let mut draw = rng.u32(..100);
        let (topic, fields) = COMMANDS
            .iter()
            .find_map(|(topic, fields, weight)| {
                let found = draw < *weight;
                draw = draw.saturating_sub(*weight);
                found.then_some((*topic, *fields))
            })
            .unwrap();
        // Here the identifier is that of the action to ask about.
        let number = if topic == "action_status" { rng.usize(..=number) } else { number };
        Command { vehicle: CARS[rng.usize(..2)].0, id: format!("c{number}"), topic, fields }
    }
}

fn one_of<T: Clone>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())].clone()
}

/// Bursts, and pauses in which something can end.
fn pause(rng: &mut Rng) -> Duration {
    Duration::from_millis(match rng.u8(..100) {
        0..35 => 0,
        35..65 => rng.u64(1..200),
        65..90 => rng.u64(200..5_000),
        _ => rng.u64(5_000..60_000),
    })
}

/// Mostly the one that is meant to be used. The rules hold with the others too.
fn policy(rng: &mut Rng) -> Choice {
    match rng.u8(..100) {
        0..65 => Choice::Default,
        65..73 => Choice::FourPhrases,
        73..80 => Choice::Trapping,
        _ => Choice::Eager,
    }
}

fn incident(rng: &mut Rng) -> Happening {
    match rng.u8(..100) {
        0..12 => Happening::ExpireToken,
        12..20 => Happening::Kick(Refusal::gateway(one_of(
            rng,
            &["Key not authorized: Token is expired", "token has expired", "Unauthorized"],
        ))),
        20..24 => Happening::ExpireInFlight(rng.u64(2..6)),
        24..29 => Happening::RefuseTokens(rng.bool()),
        29..31 => Happening::RefuseGrants,
        31..35 => Happening::EndPermissions,
        35..39 => Happening::ForgetDevice,
        39..68 => Happening::Fault(fault(rng)),
        68..74 => Happening::Mend,
        74..80 => Happening::Outage(one_of(rng, &[Outage::Nothing, Outage::Tokens, Outage::Everything])),
        80..86 => Happening::Outcome(outcome(rng)),
        86..89 => Happening::Reachable(CARS[rng.usize(..2)].1, rng.bool()),
        89..95 => Happening::Policy(policy(rng)),
        95..99 => Happening::Restart,
        _ => Happening::NewCredentials,
    }
}

/// A cloud may lie about much, but not say "no" to a command that it has carried out: nobody could tell.
fn fault(rng: &mut Rng) -> Fault {
    use RouteKind::{Any, Command, ForcedStatus, Pin, Records, Register, Status, Token, Vehicles};
    let route = one_of(
        rng,
        &[Any, Command, Command, ForcedStatus, Pin, Records, Register, Status, Token, Token, Vehicles],
    );
    let unwell = |status| Effect::answer(status, "<html>unwell</html>");
    let told_to_wait = |status, seconds: u64| Effect::Answer {
        status,
        body: r#"{"error":"slow down"}"#.to_owned(),
        headers: vec![("retry-after".to_owned(), seconds.to_string())],
    };
    let fault = match rng.u8(..16) {
        0 | 1 => Fault::new(route, Effect::Drop),
        2 | 3 => Fault::new(route, Effect::Drop).after_acting(),
        4 => Fault::new(route, Effect::Truncate { keep: rng.usize(..40) }),
        5 => Fault::new(route, Effect::Delay { millis: rng.u64(100..40_000) }),
        6 => Fault::new(route, Effect::Delay { millis: rng.u64(100..40_000) }).after_acting(),
        7 => Fault::new(route, Effect::Hold),
        8 => Fault::new(route, unwell(one_of(rng, &[500, 502, 503, 504]))),
        9 | 13 | 14 => Fault::new(route, unwell(one_of(rng, &[500, 502, 504]))).after_acting(),
        10 if route != Token => {
            let effect = [
                Effect::duplicate(),
                Effect::rate_limited(),
                Effect::vehicle_timeout(),
                Effect::unsupported(),
            ];
            Fault::new(route, one_of(rng, &effect))
        }
        10 | 11 => {
            let seconds = rng.u64(1..120);
            Fault::new(route, told_to_wait(one_of(rng, &[429, 503]), seconds))
        }
        12 if route != Token => Fault::new(
            route,
            Effect::answer(401, one_of(rng, &[r#"{"error":"Token is expired"}"#, r#"{"error":"no"}"#])),
        ),
        _ => Fault::new(route, Effect::answer(500, r#"{"error":"unauthorized"}"#)),
    };
    let fault = fault.skip(rng.u64(..2));
    match rng.u8(..10) {
        0 => fault.forever(),
        times => fault.times(u64::from(times / 3 + 1)),
    }
}

fn outcome(rng: &mut Rng) -> Outcome {
    let ending = one_of(
        rng,
        &[
            Ending::Success,
            Ending::Success,
            Ending::Fail,
            Ending::NonResponse,
            Ending::StaysPending,
            Ending::NeverAppears,
        ],
    );
    Outcome::new(ending).missing(rng.u32(..2)).pending(rng.u32(..4))
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token_lifetime, rotates, refuses_while_pending, policy, events, .. } = self;
        let life = token_lifetime.as_secs();
        writeln!(f, "tokens live {life} s; refresh tokens rotate: {rotates}")?;
        writeln!(f, "refuses while pending: {refuses_while_pending}; policy: {policy:?}")?;
        for (pause, happening) in events {
            write!(f, "  +{:>6} ms  ", pause.as_millis())?;
            match happening {
                Happening::Command(command) => {
                    writeln!(f, "{} {} {}", command.vehicle, command.topic, command.payload())?;
                }
                other => writeln!(f, "{other:?}")?,
            }
        }
        Ok(())
    }
}
