//! Subscriptions under way: who waits for which answer of the broker.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use tokio::sync::oneshot;

/// A filter that the broker did not accept, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The filter as it was asked for.
    pub filter: String,
    /// For people.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.filter, self.reason)
    }
}

/// Answers a subscription; dropping it says that the connection was lost.
pub(super) type Reply = oneshot::Sender<Vec<Refusal>>;

/// Subscriptions of one connection. Dropping it fails those that are still open.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Given to the library, which handles requests in order and has not told the packet identifier yet.
    handed: VecDeque<Open>,
    sent: HashMap<u16, Open>,
}

#[derive(Debug)]
struct Open {
    filters: Vec<String>,
    reply: Reply,
}

impl Subscriptions {
    pub(super) fn handed(&mut self, filters: Vec<String>, reply: Reply) {
        self.handed.push_back(Open { filters, reply });
    }

    /// The oldest handed one went out under this packet identifier.
    pub(super) fn sent(&mut self, id: u16) {
        if let Some(open) = self.handed.pop_front() {
            self.sent.insert(id, open);
        }
    }

    /// The broker answered: per filter, in order, `None` or the reason of a refusal.
    pub(super) fn answered(&mut self, id: u16, answers: Vec<Option<String>>) {
        let Some(Open { filters, reply }) = self.sent.remove(&id) else {
            return;
        };
        let missing = std::iter::repeat_with(|| Some("the broker's answer leaves it out".to_owned()));
        let refused = filters
            .into_iter()
            .zip(answers.into_iter().chain(missing))
            .filter_map(|(filter, answer)| answer.map(|reason| Refusal { filter, reason }))
            .collect();
        // An error says that the caller has lost interest, for instance because its time was up.
        let _ = reply.send(refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_their_questions() {
        let mut open = Subscriptions::default();
        let ask = |open: &mut Subscriptions, filters: &[&str]| {
            let (reply, answer) = oneshot::channel();
            open.handed(filters.iter().map(ToString::to_string).collect(), reply);
            answer
        };
        let mut first = ask(&mut open, &["a", "b"]);
        let mut second = ask(&mut open, &["c"]);
        let mut third = ask(&mut open, &["d", "e"]);
        (4..=6).for_each(|id| open.sent(id));
        open.answered(5, vec![None]);
        open.answered(4, vec![None, Some("no".into())]);
        open.answered(6, vec![None]);
        open.answered(9, vec![None]);
        assert_eq!(second.try_recv().unwrap(), []);
        assert_eq!(first.try_recv().unwrap(), [Refusal { filter: "b".into(), reason: "no".into() }]);
        assert_eq!(third.try_recv().unwrap()[0].filter, "e");
    }

    #[test]
    fn a_lost_connection_fails_what_is_open() {
        let mut open = Subscriptions::default();
        let (reply, mut answer) = oneshot::channel();
        open.handed(vec!["a".into()], reply);
        drop(open);
        assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
