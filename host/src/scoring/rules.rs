//! What each rule of a policy does for its score.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::answer::{Answer, Outcome};
use super::case::Case;
use super::cost::Costs;

/// What one rule did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Support {
    /// Number of cases that it answered rightly.
    pub right: u64,
    /// Number of cases that it answered wrongly.
    pub wrong: u64,
    /// Families of messages that it answered at all.
    pub families: BTreeSet<String>,
    /// What its wrong answers cost, in failed operations.
    pub damage: u64,
}

/// What all rules did that answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Rules(BTreeMap<String, Support>);

impl Rules {
    /// Counts the answer to a case.
    pub fn add(&mut self, case: &Case, answer: &Answer) {
        let outcome = Outcome::of(case, answer);
        let support = self.0.entry(answer.verdict.rule.clone()).or_default();
        support.right += u64::from(outcome.is_right());
        support.wrong += u64::from(!outcome.is_right());
        support.families.insert(case.family.clone());
        let mut costs = Costs::default();
        costs.add(outcome);
        support.damage += costs.total();
    }

    /// The rules, those first whose wrong answers cost most.
    #[must_use]
    pub fn by_damage(&self) -> Vec<(&str, &Support)> {
        let mut rules: Vec<_> = self.0.iter().map(|(rule, support)| (rule.as_str(), support)).collect();
        rules.sort_by_key(|(_, support)| std::cmp::Reverse((support.damage, support.right)));
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::{answer, case};
    use super::*;
    use crate::bindings::policy::{Decision, FailureKind};

    #[test]
    fn a_rule_is_charged_with_what_its_answers_cost() {
        let mut rules = Rules::default();
        let expired = answer(FailureKind::TokenExpired, Decision::RefreshAndRetry);
        for label in ["token-expired", "busy", "credentials-rejected"] {
            rules.add(&case(label, "status"), &expired);
        }
        let mut busy = answer(FailureKind::Busy, Decision::GiveUp);
        busy.verdict.rule = "b".into();
        rules.add(&case("busy", "status"), &busy);
        let [("r", support), ("b", other)] = rules.by_damage()[..] else { panic!("{rules:?}") };
        assert_eq!((support.right, support.wrong, support.damage), (1, 2, 8));
        assert_eq!((other.right, other.wrong, other.damage), (1, 0, 0));
        assert_eq!(support.families, BTreeSet::from(["f".to_owned()]));
    }
}
