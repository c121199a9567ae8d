//! The renewal of a session: when it may be tried, and what follows.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::Failed;
use super::{Account, Cause, Refusal, refusal};
use crate::action::{Certainty, Decision};
use crate::circuit::{Permit, Purpose};
use crate::evidence::GrantRefusal;
use crate::fight::Fight;
use crate::history::{LONGEST_PAUSE, MOST_AN_HOUR, NotNow};
use crate::judged::{Kind, Scope};
use crate::latch::after_refused_grant;
use crate::refresh::{self, NotYet, RefreshDecision, Taken, wanted_pause};

/// The shortest wait for a refresh that is due, whatever a policy says.
pub const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// What a policy is told of earlier refreshes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Failures by which pauses grow.
    pub failures: u32,
    /// Time since the last one that failed.
    pub since_failure: Option<Duration>,
    /// What the server asked to wait then.
    pub retry_after: Option<Duration>,
    /// Refreshes within the last hour.
    pub last_hour: u32,
}

/// Whether the policy is asked for a refresh.
pub type Considered = Result<Reported, Refusal>;

/// The session that is to be refreshed.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    /// Its generation; 0 if there is none.
    pub generation: u64,
    /// Whether the cloud has refused it.
    pub refused: bool,
    /// Whether it is good for a while, so that no caller waits.
    pub unhurried: bool,
    /// Time since it was obtained.
    pub age: Option<Duration>,
    /// Time that it was given out for.
    pub life: Option<Duration>,
}

/// A refresh under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Renewal {
    permit: Permit,
    generation: u64,
    unhurried: bool,
    /// Whether it is a sign-in that follows a session which is over.
    signs_in: bool,
}

/// What follows from a refresh that has failed.
#[derive(Debug)]
pub enum Outcome {
    /// A sign-in.
    SignIn(Renewal),
    /// Nothing for a while, or until a person acts.
    Refused(Refusal),
}

impl Account {
    /// Whether a policy is asked for a refresh now.
    ///
    /// # Errors
    ///
    /// When there is none whatever it would say.
    pub fn consider(&mut self, now: Duration) -> Considered {
        let now = self.clock.now(now);
        if let Some(refusal) = self.latch(now) {
            return Err(refusal);
        }
        self.history.may_try(now).map_err(|why| match why {
            NotNow::Paused { retry_in, why: Cause { why, worth_waiting } } => {
                waiting(&why, retry_in, worth_waiting)
            }
            NotNow::TooMany => {
                let why = alloc::format!("the session was refreshed {MOST_AN_HOUR} times within an hour");
                refusal(&why, Some(LONGEST_PAUSE))
            }
        })?;
        Ok(Reported {
            failures: self.history.strain(),
            since_failure: self.history.since_failure(now),
            retry_after: self.history.retry_after(),
            last_hour: u32::try_from(self.history.within_an_hour(now)).unwrap_or(u32::MAX),
        })
    }

    /// Whether to refresh, as the policy decides: with a place at the token endpoint, or none if the session is
    /// to be taken as it is.
    ///
    /// # Errors
    ///
    /// When the session is not refreshed now.
    pub fn admit_renewal(
        &mut self,
        session: Session,
        decision: &RefreshDecision,
        now: Duration,
    ) -> Result<Option<Renewal>, Refusal> {
        let now = self.clock.now(now);
        let taken = refresh::admit(decision, session.generation > 0);
        let taken = taken.map_err(|NotYet { retry_in, why }| waiting(&why, retry_in, true))?;
        if taken == Taken::Adopt {
            return Ok(None);
        }
        if session.refused && Fight::ended_early(session.age.unwrap_or(Duration::MAX), session.life) {
            let admitted = self.history.ended_early(session.generation, now);
            admitted.map_err(|(retry_in, _)| {
                refusal("something else keeps ending this account's sessions", Some(retry_in))
            })?;
        }
        // The pauses between refreshes grow by themselves.
        let purpose = if self.history.is_settled() { Purpose::Read } else { Purpose::FirstRead };
        let permit = self.circuits.take_token_endpoint(purpose, now)?;
        let Session { generation, unhurried, .. } = session;
        Ok(Some(Renewal { permit, generation, unhurried, signs_in: false }))
    }

    /// Records that there is a new session.
    pub fn renewed(&mut self, renewal: &Renewal, now: Duration) {
        let now = self.clock.now(now);
        self.circuits.renewed(renewal.permit, now);
        self.history.succeeded(now);
    }

    /// Gives back the place of a refresh without a result.
    pub fn gave_up(&mut self, renewal: &Renewal) {
        self.circuits.give_back_token_endpoint(renewal.permit);
    }

    /// Records that there is none. Returns what follows.
    pub fn not_renewed(&mut self, renewal: &Renewal, failed: &Failed<'_>, now: Duration) -> Outcome {
        let now = self.clock.now(now);
        let counts = failed.scope == Some(Scope::TokenEndpoint);
        self.circuits.not_renewed(renewal.permit, counts, now);
        // Without a session nothing else can be asked for either. One that is only refreshed early is not
        // waited for.
        if let (Some(told), false, false) = (failed.retry_after, renewal.unhurried, failed.answer.is_missing)
        {
            self.leave_alone(told.min(LONGEST_PAUSE), now);
        }
        if failed.decision == Decision::SignInAgain && self.may_sign_in(renewal, failed) {
            return self.sign_in(renewal, now);
        }
        let refusal = match (failed.refuses_credentials(), &failed.decision) {
            (true, Decision::SignInAgain) => Some(GrantRefusal::Session),
            (true, _) => Some(GrantRefusal::Credentials),
            (false, _) => failed.answer.refuses_by_redirect(),
        };
        if let Some(kind) = after_refused_grant(&failed.decision, &failed.answer, refusal) {
            self.set_latch(kind, failed.message, now);
            return Outcome::Refused(self.latch(now).unwrap_or_else(|| super::refusal("", None)));
        }
        let arrived = failed.certainty != Certainty::NotSent;
        let told = failed.retry_after.max(wanted_pause(&failed.decision));
        // Nonsense and invalid requests come of what speaks, and not of a bad moment.
        let worth_waiting = !matches!(failed.kind, Kind::Malformed | Kind::InvalidRequest);
        let cause = Cause { why: failed.message.into(), worth_waiting };
        let pause = self.history.failed(now, renewal.unhurried, arrived, cause, told);
        let done = if failed.answer.is_doubtful() { "pause: refused without a reason" } else { "pause" };
        Outcome::Refused(Refusal { done: done.into(), ..waiting(failed.message, pause, worth_waiting) })
    }

    /// Whether a sign-in may follow: never one that was refused itself, and once for each session.
    fn may_sign_in(&mut self, renewal: &Renewal, failed: &Failed<'_>) -> bool {
        !renewal.signs_in && failed.able.sign_in && self.history.over(renewal.generation)
    }

    fn sign_in(&mut self, renewal: &Renewal, now: Duration) -> Outcome {
        self.history.signed_in_after(renewal.generation);
        match self.circuits.take_token_endpoint(Purpose::Read, now) {
            Ok(permit) => Outcome::SignIn(Renewal { permit, signs_in: true, ..*renewal }),
            Err(shut) => Outcome::Refused(shut),
        }
    }
}

fn waiting(why: &str, retry_in: Duration, worth_waiting: bool) -> Refusal {
    Refusal { worth_waiting, ..refusal(why, Some(retry_in.max(SHORTEST_WAIT))) }
}
