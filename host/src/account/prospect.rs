//! Prospect of a sign-in that a person would begin now: whether it is begun at all, as far as the host knows that
//! without sending anything.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::given::has_password;
use super::session::{Refresh, token_endpoint};
use super::{Account, Wish, With, retry};
use crate::cell::Secrets;
use crate::protect::quota::QuotaError;
use crate::protect::throttle::Throttled;

/// What would become of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Prospect {
    /// It would be begun.
    Begins {
        /// What keeps the account from being signed in by itself, and does not keep a person from it.
        lifts: Option<String>,
    },
    /// Another one waits for a person, and would go on in its place.
    GoesOn {
        /// What is asked, and how it is answered.
        question: String,
    },
    /// It would be refused, and nothing sent.
    Refused {
        /// Why.
        why: String,
        /// Whether that is because the vendor is to be left alone, and not because of what a sign-in costs.
        leave_alone: bool,
    },
}

/// Reason why no sign-in is begun, not even for a person.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Hindrance {
    /// All sign-ins of the day were made.
    #[error(transparent)]
    UsedUp(QuotaError),
    /// The vendor has said when to come again.
    #[error("{0}")]
    Throttled(Throttled),
}

impl Account {
    /// Returns what keeps a sign-in with what is given for it from being begun. Looked at before anything is lifted or
    /// counted for it.
    pub(super) fn hindrance(&self, given: &Secrets) -> Option<Hindrance> {
        let throttled = self.throttled().map(Hindrance::Throttled);
        throttled.or_else(|| self.context.no_sign_in_left(given).map(Hindrance::UsedUp))
    }

    /// Says what would become of a sign-in that a person began now, with what a person would give for it. Changes
    /// nothing, and sends nothing.
    pub async fn prospect(self: &Arc<Self>) -> Prospect {
        if let Some(asked) = self.asked() {
            return Prospect::GoesOn { question: asked.reason };
        }
        let now = self.clock().now();
        if let Some(blocked) = retry::blocked(self, now) {
            return leave_alone(&blocked);
        }
        let given = self.would_be_given();
        match self.hindrance(&given) {
            Some(Hindrance::UsedUp(why)) => return refused(&why),
            Some(why @ Hindrance::Throttled(_)) => return leave_alone(&why),
            None => {}
        }
        let with = if has_password(&given) { With::Given } else { With::Configured };
        let wish = match Wish::of(self, "prospect", with).await {
            Ok(wish) => wish,
            Err(why) => return refused(&why),
        };
        if let Some(why) = self.pause(given, wish) {
            return leave_alone(&why);
        }
        // What is given is not what is in doubt.
        let doubt = self.grant.shown(self.clock()).filter(|_| with == With::Configured);
        let latched = self.latch.current(now);
        let refused =
            latched.filter(|latched| !latched.is_not_signed_in()).map(|latched| latched.to_string());
        let doubted = doubt.map(|doubt| self.advice.on_doubt(doubt.what, &doubt.reason));
        Prospect::Begins { lifts: refused.or(doubted) }
    }

    /// Returns why nothing is asked for so soon after what has failed. What does not keep a person from a sign-in takes
    /// the pauses of the account with it, and leaves the circuit.
    fn pause(self: &Arc<Self>, given: Secrets, wish: Wish) -> Option<String> {
        let now = self.clock().monotonic();
        let signing_in = Refresh::of_nobody(self, "prospect").by_hand(Arc::new(given), false, wish);
        let pause = signing_in.may_try(now).err();
        let shut = || self.circuits.shut(&token_endpoint(self), now).map(|shut| shut.to_string());
        pause.map(|pause| pause.to_string()).or_else(shut)
    }

    /// Returns the names of what a person would give, with no values.
    fn would_be_given(&self) -> Secrets {
        self.takes_once().map(|name| (name.to_owned(), String::new().into())).collect()
    }
}

fn refused(why: &impl ToString) -> Prospect {
    Prospect::Refused { why: why.to_string(), leave_alone: false }
}

fn leave_alone(why: &impl ToString) -> Prospect {
    Prospect::Refused { why: why.to_string(), leave_alone: true }
}
