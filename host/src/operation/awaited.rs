//! What a command that the cloud has taken waits for: the connector's word, or the sight of the vehicle.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ended::Ended;
use crate::bindings::connector::{Accepted, Outcome, Pending};
use crate::time::of_milliseconds;
use crate::wire::outcome::{Reason, State};

/// Most looks at a vehicle for one command. Each is a read of what the cloud has, which counts as one.
const MOST_LOOKS: u32 = 6;

/// What tells how a command ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Awaited {
    /// The connector, when it is asked with this continuation.
    Word(String),
    /// The vehicle, when this is seen.
    Sight(Sight),
}

/// What is seen of a vehicle once a command is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sight {
    /// JSON Pointers into the state document, and the values there.
    expected: Vec<(String, Value)>,
    /// Time between two looks, in milliseconds.
    every: u32,
    /// Number of looks so far.
    looks: u32,
}

/// Continuation of a command after an answer.
#[derive(Debug)]
pub(super) enum Next {
    /// The command has ended.
    End(Ended),
    /// It is asked about, or looked for, after a pause.
    Await {
        awaited: Awaited,
        after: Duration,
        /// The vendor's identifier of the action, if the answer has one.
        action_id: Option<String>,
    },
}

impl Awaited {
    /// Reads what is stored.
    pub(super) fn from_stored(stored: String) -> Self {
        serde_json::from_str(&stored).unwrap_or(Self::Word(stored))
    }

    /// Returns it as it is stored.
    pub(super) fn to_stored(&self) -> String {
        // Strings and numbers, of which every one can be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Returns how a command goes on after this answer to what was awaited.
pub(super) fn next(awaited: Option<&Awaited>, outcome: Outcome) -> Next {
    match (awaited, outcome) {
        (Some(Awaited::Sight(sight)), Outcome::Done(report)) => sight.seen_in(report.state.as_deref()),
        // What became of a read says nothing of the command.
        (Some(Awaited::Sight(sight)), _) => sight.clone().again(),
        (_, Outcome::Pending(Pending { continuation, poll_after, action_id })) => Next::Await {
            awaited: Awaited::Word(continuation),
            after: of_milliseconds(poll_after),
            action_id,
        },
        (_, Outcome::Accepted(accepted)) => Sight::expected(accepted),
        (_, outcome) => Next::End(Ended::by(outcome)),
    }
}

/// Returns how a command goes on after a look that failed; none if that was no look.
pub(super) fn next_after_failure(awaited: Option<&Awaited>) -> Option<Next> {
    match awaited {
        Some(Awaited::Sight(sight)) => Some(sight.clone().again()),
        _ => None,
    }
}

impl Sight {
    fn expected(Accepted { action_id, expected, read_after }: Accepted) -> Next {
        let read = |(pointer, value): (String, String)| Some((pointer, serde_json::from_str(&value).ok()?));
        let expected: Option<Vec<(String, Value)>> = expected.into_iter().map(read).collect();
        match expected {
            Some(expected) if !expected.is_empty() => Next::Await {
                awaited: Awaited::Sight(Self { expected, every: read_after, looks: 0 }),
                after: of_milliseconds(read_after),
                action_id,
            },
            _ => {
                Next::End(not_confirmed("the cloud has taken the command and never says what becomes of it"))
            }
        }
    }

    /// Returns how a command goes on after this state was seen.
    fn seen_in(&self, state: Option<&str>) -> Next {
        let state = state.and_then(|state| serde_json::from_str::<Value>(state).ok());
        let seen = state.filter(|state| {
            self.expected
                .iter()
                .all(|(pointer, value)| state.pointer(pointer).is_some_and(|found| is_the_same(found, value)))
        });
        match seen {
            Some(state) => Next::End(Ended::Seen { state }),
            None => self.clone().again(),
        }
    }

    fn again(mut self) -> Next {
        self.looks += 1;
        if self.looks >= MOST_LOOKS {
            return Next::End(not_seen());
        }
        let after = of_milliseconds(self.every);
        Next::Await { awaited: Awaited::Sight(self), after, action_id: None }
    }
}

/// Returns how a command ends that was looked for and not seen.
pub(super) fn not_seen() -> Ended {
    not_confirmed("the cloud has taken the command, and in the vehicle's state it is not to be seen")
}

fn not_confirmed(words: &str) -> Ended {
    Ended::Failed { state: State::Unknown, reason: Reason::Unconfirmed, words: words.to_owned().into() }
}

/// Whether two values are the same. `21` and `21.0` are.
fn is_the_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-6,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::connector::Report;

    fn accepted(expected: &[(&str, &str)]) -> Outcome {
        Outcome::Accepted(Accepted {
            action_id: Some("7".to_owned()),
            expected: expected.iter().map(|&(at, value)| (at.to_owned(), value.to_owned())).collect(),
            read_after: 5_000,
        })
    }

    fn state(text: &str) -> Outcome {
        Outcome::Done(Report { state: Some(text.to_owned()), action_id: None })
    }

    fn awaits(next: Next) -> Awaited {
        match next {
            Next::Await { awaited, .. } => awaited,
            Next::End(ended) => unreachable!("{ended:?}"),
        }
    }

    #[test]
    fn a_command_that_was_accepted_is_done_once_it_is_seen() {
        let awaited = awaits(next(None, accepted(&[("/climate/on", "true"), ("/climate/target", "21")])));
        for not_yet in
            [r#"{"climate":{"on":false}}"#, r#"{"climate":{"on":true,"target":20}}"#, "{}", "no JSON"]
        {
            awaits(next(Some(&awaited), state(not_yet)));
        }
        let done = next(Some(&awaited), state(r#"{"climate":{"on":true,"target":21.0}}"#));
        assert!(matches!(done, Next::End(Ended::Seen { .. })), "{done:?}");
        // What befalls a look is not what befalls the command.
        awaits(next(Some(&awaited), Outcome::Refused("busy".to_owned())));
        awaits(next_after_failure(Some(&awaited)).unwrap());
    }

    #[test]
    fn what_is_never_seen_is_unknown_and_looked_for_only_so_often() {
        let mut awaited = awaits(next(None, accepted(&[("/climate/on", "true")])));
        for _ in 1..MOST_LOOKS {
            awaited = awaits(next(Some(&awaited), state("{}")));
        }
        let unknown = |next| matches!(next, Next::End(Ended::Failed { state: State::Unknown, .. }));
        assert!(unknown(next(Some(&awaited), state("{}"))));
        for nothing_to_see in [&[][..], &[("/a", "no JSON")]] {
            assert!(unknown(next(None, accepted(nothing_to_see))));
        }
    }

    #[test]
    fn what_is_stored_is_read_again() {
        for awaited in [Awaited::Word("7".to_owned()), awaits(next(None, accepted(&[("/a", "1")])))] {
            assert_eq!(Awaited::from_stored(awaited.to_stored()), awaited);
        }
        // As an earlier version has stored it.
        assert_eq!(Awaited::from_stored("abc".to_owned()), Awaited::Word("abc".to_owned()));
    }
}
