//! Counts of answers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::case::{Case, Label};
use crate::bindings::names::Named as _;
use crate::bindings::policy::Verdict;

/// A policy's answer to a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
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
    hits: u64,
    false_alarms: u64,
    overlooked: u64,
}

impl Score {
    fn add(&mut self, label: Label, said: Option<Label>) {
        let (wanted, found) = (label == Label::TokenExpired, said == Some(Label::TokenExpired));
        self.rows += 1;
        self.right += u64::from(said == Some(label));
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
        let mut score = serializer.serialize_struct("Score", 4)?;
        score.serialize_field("rows", &self.rows)?;
        score.serialize_field("precision", &self.precision())?;
        score.serialize_field("recall", &self.recall())?;
        score.serialize_field("accuracy", &self.accuracy())?;
        score.end()
    }
}

/// All counts of one policy over one set of cases.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Score over all cases.
    pub all: Score,
    /// Score over the cases that no reader would dispute.
    pub clear: Score,
    /// Scores over the cases of each cloud.
    pub clouds: BTreeMap<String, Score>,
    /// Answers that are not the label, in the order of the cases.
    pub misses: Vec<Answer>,
    /// Number of times that each label was answered with each; the last column is everything else.
    #[serde(skip)]
    pub matrix: [[u64; Label::ALL.len() + 1]; Label::ALL.len()],
}

impl Scores {
    /// Counts the answer to a case.
    pub fn add(&mut self, case: &Case, verdict: &Verdict) {
        let said = Label::of(&verdict.kind);
        self.all.add(case.label, said);
        if !case.ambiguous {
            self.clear.add(case.label, said);
        }
        self.clouds.entry(case.cloud.clone()).or_default().add(case.label, said);
        let place = |label| Label::ALL.iter().position(|known| *known == label);
        let column = said.and_then(place).unwrap_or(Label::ALL.len());
        let row = place(case.label).and_then(|row| self.matrix.get_mut(row));
        if let Some(count) = row.and_then(|row| row.get_mut(column)) {
            *count += 1;
        }
        if said != Some(case.label) {
            self.misses.push(Answer {
                id: case.id.clone(),
                label: case.label.name(),
                verdict: verdict.kind.name().to_owned(),
                rule: verdict.rule.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::policy::FailureKind;

    fn scores(answers: &[(&str, bool, FailureKind)]) -> Scores {
        let mut scores = Scores::default();
        for (label, ambiguous, kind) in answers {
            let line = format!(
                r#"{{"id":"a","text":"","cloud":"c","operation":"status","label":"{label}","ambiguous":{ambiguous}}}"#
            );
            let verdict = Verdict { kind: kind.clone(), rule: "r".into(), counts_against: None };
            scores.add(&Case::parse(&line).unwrap(), &verdict);
        }
        scores
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(
            serde_json::to_string(&Scores::default().all).unwrap(),
            r#"{"rows":0,"precision":null,"recall":null,"accuracy":null}"#
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
        assert_eq!(scores.misses[0].verdict, "token-refused-fresh");
        assert_eq!((scores.misses.len(), scores.matrix[0][0], scores.matrix[0][8]), (2, 1, 1));
    }
}
