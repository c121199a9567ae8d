//! How much of a score holds on messages that a rule was not written for.
//!
//! Each family of messages is left out in turn. On it a rule that goes by the words is believed only if the other
//! families bear it out, that is if it is right there more often than wrong; where it is not, the answer is what the
//! policy says of the same facts without the words. What a policy knows by a code, a status or a standard's error, or of
//! one vendor alone, it knows from their documents and not from messages: that is believed as it is.

use std::collections::BTreeMap;

use super::answer::{Answer, Outcome};
use super::case::Case;
use super::score::Scores;

/// What a policy says of a case with all that is known of it, and with less.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// With all of it.
    pub full: Answer,
    /// Without the words.
    pub wordless: Answer,
    /// Without the name of the cloud.
    pub nameless: Answer,
}

impl Answers {
    /// Whether the answer rests on the words, and on no knowledge of the vendor.
    fn rest_on_words(&self) -> bool {
        self.wordless.verdict.rule != self.full.verdict.rule
            && self.nameless.verdict.rule == self.full.verdict.rule
    }
}

/// The answers to all cases of some files.
#[derive(Debug, Default)]
pub struct Folds {
    cases: Vec<(String, Case, Answers)>,
}

/// Right and wrong answers.
type Record = (u64, u64);

impl Folds {
    /// Adds the answers to a case of a file.
    pub fn add(&mut self, file: &str, case: Case, answers: Answers) {
        self.cases.push((file.to_owned(), case, answers));
    }

    /// The scores on all families, each with the rules that the others bear out.
    #[must_use]
    pub fn scores(&self) -> Scores {
        let records = self.records();
        let mut scores = Scores::default();
        for (file, case, answers) in &self.cases {
            let believed = !answers.rest_on_words() || is_borne_out(&records, case, &answers.full);
            scores.add(file, case, if believed { &answers.full } else { &answers.wordless });
        }
        scores
    }

    /// How each rule did on each family.
    fn records(&self) -> BTreeMap<&str, BTreeMap<&str, Record>> {
        let mut records: BTreeMap<&str, BTreeMap<&str, Record>> = BTreeMap::new();
        for (_, case, answers) in &self.cases {
            let families = records.entry(&answers.full.verdict.rule).or_default();
            let (right, wrong) = families.entry(&case.family).or_default();
            let is_right = Outcome::of(case, &answers.full).is_right();
            *right += u64::from(is_right);
            *wrong += u64::from(!is_right);
        }
        records
    }
}

/// Whether the rule that answered is right more often than wrong on the families but this case's.
fn is_borne_out(records: &BTreeMap<&str, BTreeMap<&str, Record>>, case: &Case, answer: &Answer) -> bool {
    let others = records.get(answer.verdict.rule.as_str()).into_iter().flatten();
    let others = others.filter(|(family, _)| **family != case.family);
    let (right, wrong) = others.fold((0, 0), |sum, (_, record)| (sum.0 + record.0, sum.1 + record.1));
    right > wrong
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::answer;
    use super::*;
    use crate::bindings::policy::{Decision, FailureKind};

    fn case(family: &str, label: &str) -> Case {
        let line = format!(
            r#"{{"id":"a","text":"x","cloud":"c","operation":"status","label":"{label}","family":"{family}"}}"#
        );
        Case::parse(&line).unwrap()
    }

    /// The answers of a policy that goes by the words, in this rule; without them it does not know.
    fn by_words(rule: &str) -> Answers {
        let mut full = answer(FailureKind::Busy, Decision::GiveUp);
        full.verdict.rule = rule.into();
        let wordless = answer(FailureKind::Unknown, Decision::GiveUp);
        Answers { nameless: full.clone(), full, wordless }
    }

    fn right(cases: &[(&str, &str, Answers)]) -> u64 {
        let mut folds = Folds::default();
        for (family, label, answers) in cases {
            folds.add("file", case(family, label), answers.clone());
        }
        folds.scores().all.right
    }

    #[test]
    fn a_rule_that_no_other_family_bears_out_is_not_believed() {
        let once = ("one", "busy", by_words("rare"));
        assert_eq!(right(&[once.clone(), once.clone()]), 0);
        assert_eq!(right(&[once.clone(), ("two", "busy", by_words("rare"))]), 2);
        // It fails on the other family as often as it is right there.
        let failing = [
            once,
            ("two", "busy", by_words("rare")),
            ("three", "transient", by_words("rare")),
            ("four", "transient", by_words("rare")),
        ];
        assert_eq!(right(&failing), 0);
    }

    #[test]
    fn what_rests_on_facts_or_on_one_vendor_is_believed() {
        let mut facts = by_words("code");
        facts.wordless = facts.full.clone();
        let mut vendor = by_words("vendor");
        vendor.nameless = answer(FailureKind::Unknown, Decision::GiveUp);
        assert_eq!(right(&[("one", "busy", facts), ("two", "busy", vendor)]), 2);
    }

    #[test]
    fn without_the_rule_the_facts_answer() {
        let mut answers = by_words("rare");
        answers.wordless = answer(FailureKind::Transient, Decision::GiveUp);
        assert_eq!(right(&[("one", "transient", answers.clone())]), 1);
        assert_eq!(right(&[("one", "busy", answers)]), 0);
    }
}
