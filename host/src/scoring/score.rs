//! Counts of answers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::answer::{Answer, Outcome};
use super::case::{Case, Label};
use super::cost::Costs;
use crate::bindings::names::Named as _;

/// An answer that is not the label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// The case.
    pub id: String,
    /// The reader's label.
    pub label: &'static str,
    /// Kind of failure that the policy saw, or the policy's own name for it.
    pub verdict: String,
    /// The rule that matched.
    pub rule: String,
}

/// Counts over some of the cases. Precision and recall are those of `token-expired` against the rest, the one
/// distinction that costs a refresh when it is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// Number of cases.
    pub rows: u64,
    /// Answers that are the label, over all eight labels.
    pub right: u64,
    /// Number of cases in which a sign-in or a refresh failed.
    pub session_steps: u64,
    /// Number of those for which an account is latched that nothing is wrong with.
    pub wrong_latches: u64,
    hits: u64,
    false_alarms: u64,
    overlooked: u64,
}

impl Score {
    fn add(&mut self, outcome: Outcome) {
        let expired = Label::TokenExpired;
        let (wanted, found) = (outcome.label == expired, outcome.said == Some(expired));
        self.rows += 1;
        self.right += u64::from(outcome.is_right());
        self.session_steps += u64::from(outcome.session);
        self.wrong_latches += u64::from(outcome.is_wrong_latch());
        self.hits += u64::from(wanted && found);
        self.false_alarms += u64::from(!wanted && found);
        self.overlooked += u64::from(wanted && !found);
    }

    /// The share of right answers among those that say `token-expired`; none when none does.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        share(self.hits, self.hits + self.false_alarms)
    }

    /// The share of the expired tokens that were recognised; none when there was none.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(self.hits, self.hits + self.overlooked)
    }

    /// The share of right answers; none without cases.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        share(self.right, self.rows)
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 cases")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut score = serializer.serialize_struct("Score", 6)?;
        score.serialize_field("rows", &self.rows)?;
        score.serialize_field("precision", &self.precision())?;
        score.serialize_field("recall", &self.recall())?;
        score.serialize_field("accuracy", &self.accuracy())?;
        score.serialize_field("session_steps", &self.session_steps)?;
        score.serialize_field("wrong_latches", &self.wrong_latches)?;
        score.end()
    }
}

/// The counts of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FileScore {
    /// Score over all of its cases.
    pub all: Score,
    /// Score over those that no reader would dispute.
    pub clear: Score,
}

/// All counts of one policy over one set of cases.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Score over all cases.
    pub all: Score,
    /// Score over the cases that no reader would dispute.
    pub clear: Score,
    /// Scores over the cases of each file.
    pub files: BTreeMap<String, FileScore>,
    /// Scores over the cases of each cloud.
    pub clouds: BTreeMap<String, Score>,
    /// What the wrong answers cost.
    pub costs: Costs,
    /// Answers that are not the label, in the order of the cases.
    pub misses: Vec<Miss>,
    /// Number of times that each label was answered with each; the last column is everything else.
    #[serde(skip)]
    pub matrix: [[u64; Label::ALL.len() + 1]; Label::ALL.len()],
}

impl Scores {
    /// Counts the answer to a case of a file.
    pub fn add(&mut self, file: &str, case: &Case, answer: &Answer) {
        let outcome = Outcome::of(case, answer);
        let of_file = self.files.entry(file.to_owned()).or_default();
        self.all.add(outcome);
        of_file.all.add(outcome);
        if !case.ambiguous {
            self.clear.add(outcome);
            of_file.clear.add(outcome);
        }
        self.clouds.entry(case.cloud.clone()).or_default().add(outcome);
        self.costs.add(outcome);
        let place = |label| Label::ALL.iter().position(|known| *known == label);
        let column = outcome.said.and_then(place).unwrap_or(Label::ALL.len());
        let row = place(case.label).and_then(|row| self.matrix.get_mut(row));
        if let Some(count) = row.and_then(|row| row.get_mut(column)) {
            *count += 1;
        }
        if !outcome.is_right() {
            self.misses.push(Miss {
                id: case.id.clone(),
                label: case.label.name(),
                verdict: answer.verdict.kind.name().to_owned(),
                rule: answer.verdict.rule.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::policy::{Decision, FailureKind, Verdict};

    fn scores(answers: &[(&str, bool, FailureKind)]) -> Scores {
        let mut scores = Scores::default();
        for (label, ambiguous, kind) in answers {
            let line = format!(
                r#"{{"id":"a","text":"","cloud":"c","operation":"status","label":"{label}","ambiguous":{ambiguous}}}"#
            );
            let verdict = Verdict { kind: kind.clone(), rule: "r".into(), counts_against: None };
            let answer = Answer { verdict, decision: Decision::GiveUp };
            scores.add("file", &Case::parse(&line).unwrap(), &answer);
        }
        scores
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(
            serde_json::to_string(&Scores::default().all).unwrap(),
            r#"{"rows":0,"precision":null,"recall":null,"accuracy":null,"session_steps":0,"wrong_latches":0}"#
        );
        let none = scores(&[("busy", false, FailureKind::Busy)]).all;
        assert_eq!((none.precision(), none.recall(), none.accuracy()), (None, None, Some(1.0)));
    }

    #[test]
    fn what_is_counted_where() {
        let scores = scores(&[
            ("token-expired", false, FailureKind::TokenExpired),
            ("token-expired", false, FailureKind::TokenRefusedFresh),
            ("busy", true, FailureKind::TokenExpired),
            ("invalid-request", false, FailureKind::Unsupported),
        ]);
        assert_eq!((scores.all.precision(), scores.all.recall()), (Some(0.5), Some(0.5)));
        assert_eq!((scores.clear.precision(), scores.clear.rows), (Some(1.0), 3));
        assert_eq!(scores.all.accuracy(), Some(0.5));
        assert_eq!(scores.clouds["c"], scores.all);
        assert_eq!(scores.files["file"], FileScore { all: scores.all, clear: scores.clear });
        assert_eq!((scores.all.session_steps, scores.costs.total()), (0, 5));
        assert_eq!(scores.misses[0].verdict, "token-refused-fresh");
        assert_eq!((scores.misses.len(), scores.matrix[0][0], scores.matrix[0][8]), (2, 1, 1));
    }
}
