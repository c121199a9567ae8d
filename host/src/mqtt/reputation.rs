//! Topics that a broker does not take: which are left alone, and which only lose their guarantee.
//!
//! Some brokers answer a message that they do not allow with a reason, some end the connection, some say
//! nothing for ever. None of that may happen to the whole house because one topic was published to again and
//! again, least of all if any sender of a command can choose the topic.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::time::Duration;

use tokio::time::Instant;

use super::Outgoing;
use super::link::Verdict;

/// Time for which a topic is left alone on suspicion, or sent to without asking for acknowledgement. Only
/// what the broker said in words holds for as long as the process lives.
const SUSPICION: Duration = Duration::from_secs(3600);
/// Time within which a broker hangs up because of a message that it has got.
const HANG_UP: Duration = Duration::from_secs(2);
/// Connections that may end within [`SUSPICION`] after messages to topics of a caller's choice; then no more
/// such messages are sent for so long.
const MOST_STRIKES: usize = 3;
/// Topics that are remembered. Far more than a host has; callers can choose others, and then the oldest are
/// forgotten.
const MOST_TOPICS: usize = 4096;

/// Permitted use of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Any.
    Good,
    /// The broker does not acknowledge its messages: they are sent without asking for that.
    Unanswered,
    /// None.
    LeftAlone,
}

#[derive(Clone, Copy, Debug)]
enum Mark {
    Refused,
    Suspected(Instant),
    Unanswered(Instant),
}

/// A message that is not acknowledged, to a topic that a caller chose.
#[derive(Debug)]
struct ToStranger {
    turn: u64,
    at: Instant,
    topic: String,
}

/// Knowledge of topics, by their hash: some are chosen by callers, and have 65,535 bytes.
#[derive(Debug, Default)]
pub(super) struct Reputation {
    hasher: RandomState,
    marks: HashMap<u64, Mark>,
    /// The keys of the marks, the oldest first.
    order: VecDeque<u64>,
    /// Messages that were sent, with no sign of the broker after them yet.
    strangers: VecDeque<ToStranger>,
    /// Times at which connections have ended right after such messages.
    strikes: Vec<Instant>,
    no_strangers_until: Option<Instant>,
}

impl Reputation {
    pub(super) fn of(&self, message: &Outgoing, now: Instant) -> Standing {
        if message.foreign && self.no_strangers_until.is_some_and(|until| now < until) {
            return Standing::LeftAlone;
        }
        match self.marks.get(&self.hasher.hash_one(&message.topic)) {
            Some(Mark::Refused) => Standing::LeftAlone,
            Some(Mark::Suspected(until)) if now < *until => Standing::LeftAlone,
            Some(Mark::Unanswered(until)) if now < *until => Standing::Unanswered,
            _ => Standing::Good,
        }
    }

    fn mark(&mut self, topic: &str, mark: Mark) {
        let key = self.hasher.hash_one(topic);
        if self.marks.insert(key, mark).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MOST_TOPICS
            && let Some(oldest) = self.order.pop_front()
        {
            self.marks.remove(&oldest);
        }
    }

    /// Records that the broker has said that it does not take this topic.
    pub(super) fn refused(&mut self, topic: &str) {
        self.mark(topic, Mark::Refused);
    }

    /// Records that the broker seems to hang up on this topic.
    pub(super) fn suspected(&mut self, topic: &str, now: Instant) {
        self.mark(topic, Mark::Suspected(now + SUSPICION));
    }

    /// Records that the broker says nothing to this topic.
    pub(super) fn unanswered(&mut self, topic: &str, now: Instant) {
        self.mark(topic, Mark::Unanswered(now + SUSPICION));
    }

    /// Records that the `turn`th message of all went to a topic of a caller's choice, and will not be
    /// acknowledged.
    pub(super) fn sent_to_stranger(&mut self, turn: u64, topic: &str, now: Instant) {
        while self.strangers.front().is_some_and(|sent| sent.at + HANG_UP < now) {
            self.strangers.pop_front();
        }
        self.strangers.push_back(ToStranger { turn, at: now, topic: topic.to_owned() });
    }

    /// Records that the broker has acknowledged the `turn`th message of all, so it has survived what was sent
    /// before it.
    pub(super) fn heard_of(&mut self, turn: u64) {
        self.strangers.retain(|sent| sent.turn > turn);
    }

    /// Records the end of a connection. Returns the topics of a caller's choice that are left alone because
    /// of that.
    pub(super) fn disconnected(&mut self, verdict: Verdict, now: Instant) -> Vec<String> {
        let sent = std::mem::take(&mut self.strangers).into_iter();
        let mut suspects: Vec<String> =
            sent.filter(|sent| now <= sent.at + HANG_UP).map(|sent| sent.topic).collect();
        if !verdict.is_hang_up() || suspects.is_empty() {
            return Vec::new();
        }
        suspects.sort();
        suspects.dedup();
        for topic in &suspects {
            match verdict {
                Verdict::Refused => self.refused(topic),
                _ => self.suspected(topic, now),
            }
        }
        self.strikes.retain(|at| now < *at + SUSPICION);
        self.strikes.push(now);
        if self.strikes.len() >= MOST_STRIKES {
            self.strikes.clear();
            self.no_strangers_until = Some(now + SUSPICION);
            tracing::error!(
                "{MOST_STRIKES} connections to the broker ended after answers to topics that callers chose: for \
                 {} minutes answers go to the host's own topics only",
                SUSPICION.as_secs() / 60
            );
        }
        suspects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(topic: &str) -> Outgoing {
        Outgoing::new(topic, "").foreign()
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_was_sent_right_before_the_end_is_suspected() {
        let (mut reputation, start) = (Reputation::default(), Instant::now());
        reputation.sent_to_stranger(1, "old", start);
        let later = start + HANG_UP + Duration::from_millis(1);
        reputation.sent_to_stranger(2, "survived", later);
        reputation.heard_of(3);
        reputation.sent_to_stranger(4, "guilty", later);
        assert_eq!(reputation.disconnected(Verdict::Unclear, later), ["guilty"]);
        assert_eq!(reputation.of(&to("guilty"), later), Standing::LeftAlone);
        assert_eq!(reputation.of(&to("guilty"), later + SUSPICION), Standing::Good);
        for innocent in ["old", "survived"] {
            assert_eq!(reputation.of(&to(innocent), later), Standing::Good, "{innocent}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_broker_says_holds_and_an_outage_says_nothing() {
        let (mut reputation, now) = (Reputation::default(), Instant::now());
        reputation.sent_to_stranger(1, "a", now);
        assert_eq!(reputation.disconnected(Verdict::NotOurs, now), [""; 0]);
        reputation.sent_to_stranger(2, "a", now);
        assert_eq!(reputation.disconnected(Verdict::Refused, now), ["a"]);
        assert_eq!(reputation.of(&to("a"), now + SUSPICION * 100), Standing::LeftAlone);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_topic_each_time_ends_no_more_connections_than_three() {
        let (mut reputation, now) = (Reputation::default(), Instant::now());
        for turn in 0..3 {
            let topic = format!("t{turn}");
            assert_eq!(reputation.of(&to(&topic), now), Standing::Good);
            reputation.sent_to_stranger(turn, &topic, now);
            assert_eq!(reputation.disconnected(Verdict::Unclear, now), [topic]);
        }
        assert_eq!(reputation.of(&to("t3"), now), Standing::LeftAlone);
        assert_eq!(reputation.of(&Outgoing::new("own", ""), now), Standing::Good);
        assert_eq!(reputation.of(&to("t3"), now + SUSPICION), Standing::Good);
    }

    #[tokio::test(start_paused = true)]
    async fn no_flood_of_topics_grows_the_memory() {
        let (mut reputation, now) = (Reputation::default(), Instant::now());
        for number in 0..MOST_TOPICS * 2 {
            reputation.refused(&number.to_string());
            reputation.unanswered(&number.to_string(), now);
        }
        assert_eq!((reputation.marks.len(), reputation.order.len()), (MOST_TOPICS, MOST_TOPICS));
    }
}
