//! One account, as a keeper of its session asks for it: all rules together, and what they remember.

mod attempt;
mod circuits;
mod format;
mod renewal;
mod steady;

#[cfg(test)]
mod tests;

use alloc::string::String;
use core::time::Duration;

pub use attempt::{Able, Attempt, Consequence, Failed};
use circuits::Circuits;
pub use circuits::Scopes;
use format::Format;
pub use renewal::{Considered, Outcome, Renewal, Reported, SHORTEST_WAIT, Session};
use serde::{Deserialize, Serialize};
use steady::Steady;

use crate::circuit::{self, Purpose};
use crate::history::History;
use crate::latch::{LatchKind, SILENCE};
use crate::milliseconds;
use crate::stock::Stock;

/// Longest time that a server can ask for. Daily limits end within a day; a server that asks for more is
/// mistaken.
pub const LONGEST_TOLD: Duration = Duration::from_secs(24 * 3_600);

/// A latch that is set.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Latched {
    kind: LatchKind,
    /// Time at which it ends by itself, if it does.
    #[serde(with = "milliseconds::optional")]
    until: Option<Duration>,
    /// The vendor's words.
    why: String,
}

/// The state of one account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// First, so that a state of another form is refused for that and not for what it has otherwise.
    format: Format,
    clock: Steady,
    circuits: Circuits,
    history: History<Cause>,
    stock: Stock,
    latched: Option<Latched>,
    /// Time until which a server wants the account to be left alone.
    #[serde(with = "milliseconds")]
    alone_until: Duration,
}

/// Why something is not done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The latch, if that is why.
    pub latch: Option<LatchKind>,
    /// Why, in words.
    pub why: String,
    /// What is done instead, in words.
    pub done: String,
    /// Time after which it may be different; none if only a person can change it.
    pub retry_in: Option<Duration>,
    /// Whether an operation that has the time waits so long and asks again.
    pub worth_waiting: bool,
}

/// Why the last refresh failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cause {
    why: String,
    worth_waiting: bool,
}

/// Whether an attempt may be made.
#[derive(Debug)]
pub enum Admitted {
    /// Now; with how many more may follow.
    Go(Attempt, u32),
    /// After so long, for which there is time.
    Wait(Duration),
    /// Not in the time that the operation has.
    Refused(Refusal),
}

/// An attempt that is about to be made.
#[derive(Debug, Default)]
pub struct Admission {
    /// The attempt before.
    pub before: Option<Attempt>,
    /// The vehicle.
    pub vehicle: Option<String>,
    /// Whether it changes nothing.
    pub reads: bool,
    /// Time until the operation must have a result.
    pub remaining: Duration,
}

impl Account {
    /// Makes the state of an account of which nothing is known.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Self {
            format: Format,
            clock: Steady::at(now),
            circuits: Circuits::default(),
            history: History::default(),
            stock: Stock::full(now),
            latched: None,
            alone_until: Duration::ZERO,
        }
    }

    /// Makes the state of an account of which something was remembered that cannot be read. Nothing is sent for it
    /// until a person acts: what cannot be read may be that its credentials were refused.
    #[must_use]
    pub fn unreadable(now: Duration) -> Self {
        let mut account = Self::new(now);
        account.set_latch(LatchKind::AuthRequired, "what was remembered of the account cannot be read", now);
        account
    }

    /// Sets the circuits up. They keep what they have counted.
    pub fn configure(&mut self, scopes: Scopes) {
        self.circuits.scopes = scopes;
    }

    /// Whether an attempt may be made now. It has its places in the circuits until its end is told.
    pub fn admit(&mut self, admission: Admission, now: Duration) -> Admitted {
        let now = self.clock.now(now);
        if let Some(refusal) = self.latch(now) {
            return Admitted::Refused(refusal);
        }
        let alone = self.alone_until.saturating_sub(now);
        if !alone.is_zero() {
            if alone < admission.remaining {
                return Admitted::Wait(alone);
            }
            return Admitted::Refused(refusal("the cloud asked to be left alone", Some(alone)));
        }
        let purpose = if admission.reads { Purpose::Read } else { Purpose::Act };
        let mut attempt = admission.before.unwrap_or_default();
        match self.circuits.take(admission.vehicle.as_deref(), purpose, now) {
            Ok(permits) => attempt.begin(permits),
            Err(shut) => return Admitted::Refused(shut),
        }
        let left = attempt.left().min(self.stock.affordable(now));
        Admitted::Go(attempt, left)
    }

    /// Records that an attempt has succeeded.
    pub fn succeeded(&mut self, attempt: Attempt, now: Duration) {
        let now = self.clock.now(now);
        self.stock.succeeded(attempt.paid(), now);
        self.circuits.succeeded(attempt.permits(), now);
        self.history.settle();
    }

    /// Gives back the places of an attempt without a result.
    pub fn abandoned(&mut self, attempt: Attempt) {
        self.circuits.abandoned(attempt.permits());
    }

    /// Ends what a person can end: the latch, the pause after a failed refresh, and what a server asked for.
    pub fn lift(&mut self) {
        self.latched = None;
        self.alone_until = Duration::ZERO;
        self.history.forget_failures();
    }

    fn set_latch(&mut self, kind: LatchKind, why: &str, now: Duration) {
        let until = (kind == LatchKind::LockedOut).then(|| now.saturating_add(SILENCE));
        self.latched = Some(Latched { kind, until, why: why.into() });
    }

    /// Returns the latch that holds, as a refusal.
    fn latch(&mut self, now: Duration) -> Option<Refusal> {
        let ended = |latched: &Latched| latched.until.is_some_and(|until| now >= until);
        if self.latched.as_ref().is_some_and(ended) {
            self.latched = None;
        }
        let Latched { kind, until, why } = self.latched.as_ref()?;
        let retry_in = until.map(|until| until.saturating_sub(now));
        let done = alloc::format!("latch {}", kind.as_str());
        Some(Refusal { latch: Some(*kind), why: why.clone(), done, retry_in, worth_waiting: false })
    }

    /// Records that an answer asked for this much patience.
    fn leave_alone(&mut self, told: Duration, now: Duration) {
        self.alone_until = self.alone_until.max(now.saturating_add(told.min(LONGEST_TOLD)));
    }
}

fn refusal(why: &str, retry_in: Option<Duration>) -> Refusal {
    let done = alloc::format!("not now: {why}");
    Refusal { latch: None, why: why.into(), done, retry_in, worth_waiting: false }
}

fn shut(name: &str, refused: circuit::Refused) -> Refusal {
    refusal(&alloc::format!("the circuit of the {name} is open"), refused.retry_in)
}
