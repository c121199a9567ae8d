//! Grants: one at a time, one for each session, none after a refusal, none too early after a failure.

use std::time::Duration;

use testkit::trace::{Event, Fate};

use crate::home::Run;

/// Whether the grant was refused, so that a person must act.
#[derive(Debug, Clone, Copy)]
pub struct Dead {
    pub before_the_last_credentials: bool,
    pub with_the_last_credentials: bool,
}

/// A token that ends so soon is refreshed early; the host says 10 s or a quarter of its life.
const EARLY: Duration = Duration::from_secs(10);

/// What is known of the session at some point of the trace.
#[derive(Debug, Default)]
struct Session {
    under_way: Option<u64>,
    refused: bool,
    /// When the last grant was given, and whether the token was refused since by a request that left after it.
    given: Option<(Duration, bool)>,
    /// Requests that left since the last grant.
    since: Vec<u64>,
    /// Failures in a row, and when the last of them forbids another attempt no longer.
    failures: u32,
    not_before: Duration,
    /// Whether the host that runs has been given a token.
    settled: bool,
}

pub fn check(run: &Run, found: &mut Vec<String>) -> Dead {
    let mut session = Session::default();
    let mut dead = Dead { before_the_last_credentials: false, with_the_last_credentials: false };
    let early = EARLY.min(run.token_lifetime / 4);
    for entry in &run.trace {
        match &entry.event {
            Event::Departed(request) if request.is_grant() => {
                let at = entry.at.as_secs_f64();
                if session.under_way.is_some() {
                    found.push(format!("two grants at once at {at:.3}"));
                }
                if session.refused {
                    found.push(format!("a grant was asked for at {at:.3}, after one was refused"));
                }
                if entry.at < session.not_before {
                    let due = session.not_before.as_secs_f64();
                    found.push(format!("a grant was asked for at {at:.3}, although not due before {due:.3}"));
                }
                if let Some((given, false)) = session.given
                    && entry.at + early < given + run.token_lifetime
                {
                    found.push(format!("a second grant at {at:.3} for a session that nobody has refused"));
                }
                session.under_way = Some(request.number);
            }
            Event::Departed(request) => session.since.push(request.number),
            Event::Ended(number, fate) if session.under_way == Some(*number) => {
                session.under_way = None;
                session.granted(entry.at, fate);
            }
            Event::Ended(number, fate) => {
                let refused = !matches!(fate, Fate::Answered(200..=299, _));
                if let (true, true, Some((_, ended))) =
                    (refused, session.since.contains(number), &mut session.given)
                {
                    *ended = true;
                }
            }
            // What becomes of one that is under way nobody learns any more.
            Event::Stopped => session.under_way = None,
            // Pauses are not remembered by the next host; a refusal is.
            Event::Started => {
                (session.failures, session.not_before, session.settled) = (0, Duration::ZERO, false);
            }
            Event::NewCredentials => {
                dead =
                    Dead { before_the_last_credentials: session.refused, with_the_last_credentials: false };
                session = Session::default();
            }
            _ => {}
        }
    }
    dead.with_the_last_credentials = session.refused;
    dead
}

impl Session {
    fn granted(&mut self, at: Duration, fate: &Fate) {
        match fate {
            Fate::Answered(200..=299, _) => {
                self.given = Some((at, false));
                self.since.clear();
                self.failures = 0;
                self.not_before = Duration::ZERO;
                self.settled = true;
            }
            Fate::GrantRefused => self.refused = true,
            failed => {
                let told = if let Fate::Answered(_, Some(seconds)) = failed { *seconds } else { 0 };
                // At the start, and while nothing arrives, pauses grow no further than this for a while.
                let hurried = *failed == Fate::NotSent || !self.settled;
                let growing = if hurried { self.failures.min(2) } else { self.failures.min(6) };
                let pause = (1 << growing).min(60).max(told);
                if *failed != Fate::NotSent || self.failures < 3 {
                    self.failures += 1;
                }
                self.not_before = at + Duration::from_secs(pause);
            }
        }
    }
}
