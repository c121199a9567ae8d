//! Attempts of an operation, and what follows from one that has failed.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::Account;
use super::circuits::Permits;
use crate::action::{self, Action, Certainty, Decision, Facts, MOST_ATTEMPTS, Told};
use crate::evidence::{Answer, Listed};
use crate::judged::{Kind, Scope, counted};
use crate::latch::{LatchKind, may_latch};
use crate::stock::Price;

/// The attempts of an operation so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Attempt {
    number: u32,
    refreshed: bool,
    discarded: BTreeSet<String>,
    /// Price of the last repeat.
    paid: Option<Price>,
    permits: Option<Permits>,
}

impl Attempt {
    /// Number of tries, counting this one.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether it is the repeat after a refresh.
    #[must_use]
    pub const fn refreshed(&self) -> bool {
        self.refreshed
    }

    pub(super) fn begin(&mut self, permits: Permits) {
        self.number = self.number.saturating_add(1);
        self.permits = Some(permits);
    }

    /// Number of tries that may follow.
    pub(super) fn left(&self) -> u32 {
        MOST_ATTEMPTS.saturating_sub(self.number)
    }

    pub(super) const fn paid(&self) -> Option<Price> {
        self.paid
    }

    pub(super) fn permits(self) -> Option<Permits> {
        self.permits
    }
}

/// What a keeper can do, and nobody else knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Able {
    /// Ask the cloud what became of a command.
    pub ask: bool,
    /// Forget a cell that a policy names.
    pub discard: bool,
    /// Sign in anew.
    pub sign_in: bool,
}

/// An attempt that has failed.
#[derive(Debug)]
pub struct Failed<'a> {
    /// The answer, as evidence.
    pub answer: Answer<'a>,
    /// The vendor's words.
    pub message: &'a str,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
    /// Whether the vehicle may have acted.
    pub certainty: Certainty,
    /// Whether the request was a command.
    pub is_command: bool,
    /// Whether repeating it sends something that moves the vehicle.
    pub actuates: bool,
    /// What the policy says that it is.
    pub kind: Kind,
    /// The circuit that it counts against, by the policy.
    pub scope: Option<Scope>,
    /// What the policy wants done.
    pub decision: Decision,
    /// Whether the policy knows the code as a refusal of credentials.
    pub code_refuses: bool,
    /// What the keeper can do.
    pub able: Able,
    /// Time until the operation must have a result.
    pub remaining: Duration,
}

impl Failed<'_> {
    /// Whether the answer says that the credentials are refused.
    pub(super) fn refuses_credentials(&self) -> bool {
        self.answer.refuses_grant(Listed::default()).unwrap_or(self.code_refuses)
    }

    /// What the answer to a command says on whether the vehicle was told.
    fn told(&self) -> Option<Told> {
        let status = self.answer.status.filter(|_| self.is_command && !self.answer.is_missing)?;
        let refused = Told::refused_by_status(status, self.retry_after.is_some());
        // That a code comes before execution is known to whoever calls the cloud, and to no table here.
        let refused = refused || self.answer.has_code() && self.certainty == Certainty::Rejected;
        Some(Told::by_status(status, refused))
    }
}

/// What follows from a failure.
#[derive(Debug)]
pub struct Consequence {
    /// The attempts so far, for the next one.
    pub attempt: Attempt,
    /// What is done.
    pub action: Action,
    /// The same in words.
    pub done: String,
}

impl Account {
    /// Records that an attempt has failed. Returns what follows.
    pub fn failed(&mut self, mut attempt: Attempt, failed: &Failed<'_>, now: Duration) -> Consequence {
        let now = self.clock.now(now);
        self.count(&mut attempt, failed, now);
        if let (Some(told), false, Some(_)) =
            (failed.retry_after, failed.answer.is_missing, failed.answer.status)
        {
            self.leave_alone(told, now);
        }
        let (action, done) = self.followed(&mut attempt, failed, now);
        Consequence { attempt, action, done }
    }

    fn count(&mut self, attempt: &mut Attempt, failed: &Failed<'_>, now: Duration) {
        let Some(permits) = attempt.permits.take() else { return };
        let answered = !failed.answer.is_missing;
        match counted(failed.scope, failed.kind, attempt.refreshed) {
            Some(scope) => self.circuits.failed(permits, scope, now),
            None if failed.kind.is_sensible(answered, failed.certainty) => {
                self.circuits.answered(permits, now)
            }
            None => self.circuits.abandoned(Some(permits)),
        }
    }

    fn followed(&mut self, attempt: &mut Attempt, failed: &Failed<'_>, now: Duration) -> (Action, String) {
        let gives_up = |why: &str| (Action::GiveUp, alloc::format!("give up: {why}"));
        let action = match self.admitted(attempt, failed) {
            Action::AskLater(_) if !failed.able.ask => return gives_up("nothing to ask about"),
            Action::Discard(_) if !failed.able.discard => return gives_up("nothing to discard"),
            action => action,
        };
        match &action {
            Action::Refresh | Action::SignInAgain => attempt.refreshed = true,
            Action::Discard(cell) => drop(attempt.discarded.insert(cell.clone())),
            Action::Pause(_) => {
                let price = failed.kind.price();
                if !self.stock.take(price, now) {
                    return gives_up("too many repeats for this account of late");
                }
                attempt.paid = Some(price);
            }
            Action::Latch(kind) => self.set_latch(*kind, failed.message, now),
            Action::AskLater(_) | Action::GiveUp => {}
        }
        let done = action.to_string();
        (action, done)
    }

    /// Returns what of a decision the rules allow.
    fn admitted(&self, attempt: &Attempt, failed: &Failed<'_>) -> Action {
        let facts = Facts {
            actuates: failed.actuates,
            told: failed.told(),
            certainty: failed.certainty,
            number: attempt.number,
            refreshed: attempt.refreshed,
            discarded: &attempt.discarded,
            left: failed.remaining,
        };
        let refused = failed.refuses_credentials();
        match action::admit(failed.decision.clone(), facts) {
            Action::SignInAgain if !failed.able.sign_in => {
                if refused {
                    Action::Latch(LatchKind::AuthRequired)
                } else {
                    Action::GiveUp
                }
            }
            Action::Latch(kind) if !may_latch(kind, &failed.answer, refused) => Action::GiveUp,
            action => action,
        }
    }
}
