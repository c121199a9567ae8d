//! Subscriptions under way, and the callers that wait for the broker's answers.

use std::collections::HashMap;
use std::fmt;

use tokio::sync::oneshot;

/// A filter that the broker did not accept, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The filter as it was asked for.
    pub filter: String,
    /// The reason, for people.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.filter, self.reason)
    }
}

/// Sender of the answer to a subscription; dropping it says that the connection was lost.
pub(super) type Reply = oneshot::Sender<Vec<Refusal>>;

/// The first identifier of a subscription. Those below belong to messages.
const FIRST_ID: u16 = 0x8000;

/// Subscriptions of one connection. Dropping it fails those that are still open.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    sent: HashMap<u16, Open>,
    /// Number of subscriptions so far.
    count: u16,
}

#[derive(Debug)]
struct Open {
    filters: Vec<String>,
    reply: Reply,
}

impl Subscriptions {
    /// Returns an identifier that was not used for long.
    pub(super) fn next_id(&mut self) -> u16 {
        self.count = self.count.wrapping_add(1) % FIRST_ID;
        FIRST_ID + self.count
    }

    /// Records a subscription that went out under this packet identifier.
    pub(super) fn sent(&mut self, id: u16, filters: Vec<String>, reply: Reply) {
        self.sent.insert(id, Open { filters, reply });
    }

    /// Passes on the broker's answer: per filter, in order, `None` or the reason of a refusal.
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
            let id = open.next_id();
            open.sent(id, filters.iter().map(ToString::to_string).collect(), reply);
            (id, answer)
        };
        let (one, mut first) = ask(&mut open, &["a", "b"]);
        let (two, mut second) = ask(&mut open, &["c"]);
        let (three, mut third) = ask(&mut open, &["d", "e"]);
        open.answered(two, vec![None]);
        open.answered(one, vec![None, Some("no".into())]);
        open.answered(three, vec![None]);
        open.answered(9, vec![None]);
        assert_eq!(second.try_recv().unwrap(), []);
        assert_eq!(first.try_recv().unwrap(), [Refusal { filter: "b".into(), reason: "no".into() }]);
        assert_eq!(third.try_recv().unwrap()[0].filter, "e");
    }

    #[test]
    fn a_lost_connection_fails_what_is_open() {
        let mut open = Subscriptions::default();
        let (reply, mut answer) = oneshot::channel();
        open.sent(FIRST_ID, vec!["a".into()], reply);
        drop(open);
        assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
