//! What wrong answers cost.
//!
//! One figure for all mistakes hides that a policy which does not know costs one failed operation, and one that
//! latches an account wrongly costs everything until somebody notices. The weights are in units of the cheapest.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::answer::Outcome;
use super::case::Label;

/// A mistake, by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mistake {
    /// An account is latched that nothing is wrong with: it does nothing until a person acts.
    WrongLatch,
    /// Credentials that were refused are sent again by the policy itself: vendors lock accounts for that.
    RefusedSentAgain,
    /// A session is refreshed because of credentials that were refused.
    RefusedRefreshed,
    /// A session is refreshed that was as good as before: a refresh that another client may need.
    NeedlessRefresh,
    /// An expired token is taken for something else: the operation fails, and so will the next.
    OverlookedExpiry,
    /// The policy does not know: the operation fails.
    Unknown,
    /// Something else is taken for something else: the operation fails, or is repeated in vain.
    Other,
}

impl Mistake {
    /// All mistakes, the dearest first.
    pub const ALL: [Self; 7] = [
        Self::WrongLatch,
        Self::RefusedSentAgain,
        Self::RefusedRefreshed,
        Self::NeedlessRefresh,
        Self::OverlookedExpiry,
        Self::Unknown,
        Self::Other,
    ];

    /// Name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongLatch => "wrong-latch",
            Self::RefusedSentAgain => "refused-sent-again",
            Self::RefusedRefreshed => "refused-refreshed",
            Self::NeedlessRefresh => "needless-refresh",
            Self::OverlookedExpiry => "overlooked-expiry",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }

    /// What it costs, in failed operations.
    #[must_use]
    pub fn cost(self) -> u64 {
        match self {
            Self::WrongLatch => 10,
            Self::RefusedSentAgain => 8,
            Self::RefusedRefreshed => 5,
            Self::NeedlessRefresh => 3,
            Self::OverlookedExpiry => 2,
            Self::Unknown | Self::Other => 1,
        }
    }

    /// The mistake of an outcome; none if it is right.
    pub(super) fn of(outcome: Outcome) -> Option<Self> {
        let expired = Some(Label::TokenExpired);
        let refused = outcome.label == Label::CredentialsRejected;
        match outcome.said {
            _ if outcome.is_wrong_latch() => Some(Self::WrongLatch),
            _ if outcome.is_right() => None,
            _ if refused && outcome.session && outcome.repeats => Some(Self::RefusedSentAgain),
            said if refused && said == expired => Some(Self::RefusedRefreshed),
            said if said == expired => Some(Self::NeedlessRefresh),
            _ if outcome.label == Label::TokenExpired => Some(Self::OverlookedExpiry),
            None => Some(Self::Unknown),
            Some(_) => Some(Self::Other),
        }
    }
}

/// How often each mistake was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Costs([u64; Mistake::ALL.len()]);

impl Costs {
    pub(super) fn add(&mut self, outcome: Outcome) {
        let Some(mistake) = Mistake::of(outcome) else { return };
        if let Some(count) = self.0.get_mut(mistake as usize) {
            *count += 1;
        }
    }

    /// How often the mistake was made.
    #[must_use]
    pub fn count(&self, mistake: Mistake) -> u64 {
        self.0.get(mistake as usize).copied().unwrap_or_default()
    }

    /// What all of them cost, in failed operations.
    #[must_use]
    pub fn total(&self) -> u64 {
        Mistake::ALL.iter().map(|mistake| mistake.cost() * self.count(*mistake)).sum()
    }
}

impl Serialize for Costs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut costs = serializer.serialize_map(Some(Mistake::ALL.len() + 1))?;
        for mistake in Mistake::ALL {
            costs.serialize_entry(mistake.name(), &self.count(mistake))?;
        }
        costs.serialize_entry("total", &self.total())?;
        costs.end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::{answer, case};
    use super::*;
    use crate::bindings::policy::{Decision, FailureKind, Latch};

    fn mistake(label: &str, operation: &str, kind: FailureKind, decision: Decision) -> Option<Mistake> {
        Mistake::of(Outcome::of(&case(label, operation), &answer(kind, decision)))
    }

    #[test]
    fn each_mistake_has_its_name_and_its_place() {
        for (place, mistake) in Mistake::ALL.into_iter().enumerate() {
            assert_eq!(mistake as usize, place, "{}", mistake.name());
            assert!(mistake.cost() > 0);
        }
    }

    #[test]
    fn a_refresh_on_a_refused_grant_costs_more_than_not_to_know() {
        let refused = "credentials-rejected";
        let expired = |label, operation| {
            mistake(label, operation, FailureKind::TokenExpired, Decision::RefreshAndRetry).unwrap()
        };
        assert_eq!(expired(refused, "refresh"), Mistake::RefusedSentAgain);
        assert_eq!(expired(refused, "status"), Mistake::RefusedRefreshed);
        assert_eq!(expired("busy", "status"), Mistake::NeedlessRefresh);
        let unknown = mistake(refused, "refresh", FailureKind::Unknown, Decision::GiveUp).unwrap();
        assert_eq!(unknown, Mistake::Unknown);
        assert!(expired(refused, "status").cost() > unknown.cost());
    }

    #[test]
    fn what_is_right_costs_nothing() {
        let (refused, latch) = ("credentials-rejected", Decision::Latch(Latch::AuthRequired));
        assert_eq!(mistake(refused, "login", FailureKind::CredentialsRejected, latch.clone()), None);
        let wrong = mistake("transient", "login", FailureKind::CredentialsRejected, latch);
        assert_eq!(wrong, Some(Mistake::WrongLatch));
        let mut costs = Costs::default();
        let missed = answer(FailureKind::Busy, Decision::GiveUp);
        costs.add(Outcome::of(&case("token-expired", "status"), &missed));
        costs.add(Outcome::of(&case("busy", "status"), &missed));
        assert_eq!((costs.count(Mistake::OverlookedExpiry), costs.total()), (1, 2));
        assert!(serde_json::to_string(&costs).unwrap().ends_with(r#""other":0,"total":2}"#));
    }
}
