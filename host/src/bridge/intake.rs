//! Messages on their way into the host: in order, bounded, and fair.
//!
//! Each vehicle has a lane of its own, and so have requests to the host. A batch takes messages from one lane
//! after the other, so a flood for one car delays nothing that is for another. A message that does not fit
//! into its lane is not done, but answered: only its identifier is kept.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::command;
use crate::host::{Delivery, Host, Refused, Request};
use crate::mqtt::{Message, Receipt};
use crate::wire::message::RespondTo;
use crate::wire::topics::Incoming;

/// Messages that may wait in one lane.
const LANE: usize = 256;
/// Bytes that the messages in one lane may have; one message is always taken, however large.
const LANE_BYTES: usize = 2 * 1024 * 1024;
/// Messages that did not fit and wait for their answer.
const REFUSED: usize = 64 * 1024;
/// Bytes that refused messages may have: of topics, identifiers and reply addresses, which their senders
/// choose.
const REFUSED_BYTES: usize = 24 * 1024 * 1024;
/// Messages that the host is given at once: they share one transaction.
const BATCH: usize = 64;

/// Messages that the host is given at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) requests: Vec<Request>,
    /// Messages that did not fit.
    pub(super) refused: Vec<Refused>,
}

/// The lanes.
#[derive(Debug, Default)]
pub(super) struct Intake {
    lanes: Mutex<Lanes>,
    /// Signal of a change. There is one reader, so one stored permit is enough to never miss one.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Lanes {
    lanes: BTreeMap<String, Lane>,
    /// Lanes that have messages, the next one first.
    turns: VecDeque<String>,
    refused: VecDeque<Refused>,
    refused_bytes: usize,
    /// Number of messages that did not fit, and of those of them that were not even answered.
    overflowed: u64,
    unanswered: u64,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Request>,
    bytes: usize,
}

impl Intake {
    /// Takes a message, or notes that it has to be refused. Never waits.
    pub(super) fn offer(&self, host: &Host, message: Message) {
        let Some(incoming) = host.topics().parse(&message.topic) else { return };
        let lane = match incoming {
            Incoming::Command { vehicle, .. } if host.has_vehicle(vehicle) => format!("vehicle/{vehicle}"),
            Incoming::Legacy { id, .. } => match host.topics().legacy().and_then(|legacy| legacy.slug_of(id))
            {
                Some(vehicle) if host.has_vehicle(&vehicle) => format!("vehicle/{vehicle}"),
                _ => "vehicle".to_owned(),
            },
            // One lane for all unknown vehicles, however many names they have.
            Incoming::Command { .. } => "vehicle".to_owned(),
            Incoming::Answer { .. } => "account".to_owned(),
            Incoming::Request { .. } => "bridge".to_owned(),
        };
        self.lanes().offer(lane, request(message));
        self.changed.notify_one();
    }

    /// Begins a connection. If the broker has kept the session it sends again what was not acknowledged
    /// before: the copies that wait are dropped, or both would be done. If it has not, these are the only
    /// ones, and the broker does not wait for their receipts.
    pub(super) fn connected(&self, session_present: bool) {
        self.lanes().connected(session_present);
    }

    /// Returns the next messages: at least one. Cancel safe.
    pub(super) async fn batch(&self) -> Batch {
        loop {
            let batch = self.lanes().batch();
            if !batch.requests.is_empty() || !batch.refused.is_empty() {
                return batch;
            }
            self.changed.notified().await;
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // Nothing panics while holding it.
        self.lanes.lock()
    }
}

impl Lanes {
    fn offer(&mut self, name: String, request: Request) {
        let lane = self.lanes.entry(name.clone()).or_default();
        let bytes = lane.bytes + size(&request);
        if lane.waiting.len() >= LANE || (!lane.waiting.is_empty() && bytes > LANE_BYTES) {
            return self.refuse(request);
        }
        if lane.waiting.is_empty() {
            self.turns.push_back(name);
        }
        lane.bytes = bytes;
        lane.waiting.push_back(request);
    }

    fn refuse(&mut self, request: Request) {
        self.overflowed += 1;
        // A flood must not flood the log as well.
        if self.overflowed.is_power_of_two() {
            tracing::warn!(
                topic = request.topic,
                overflowed = self.overflowed,
                "messages arrive faster than they can be done; what does not fit is rejected"
            );
        }
        let Request { topic, payload, respond_to, delivery, hold, retained } = request;
        let operation = topic.rsplit('/').next().unwrap_or_default();
        let id = command::peek_id(operation, &payload);
        let refused = Refused { topic, id, retained, respond_to, delivery, hold };
        let bytes = self.refused_bytes + size_of_refused(&refused);
        if self.refused.len() >= REFUSED || bytes > REFUSED_BYTES {
            self.unanswered += 1;
            if self.unanswered.is_power_of_two() {
                tracing::error!(unanswered = self.unanswered, "messages are dropped without an answer");
            }
            return;
        }
        self.refused_bytes = bytes;
        self.refused.push_back(refused);
    }

    fn connected(&mut self, session_present: bool) {
        for lane in self.lanes.values_mut() {
            lane.waiting.retain_mut(|request| stays(&mut request.hold, session_present));
            lane.bytes = lane.waiting.iter().map(size).sum();
        }
        self.turns.retain(|name| self.lanes.get(name).is_some_and(|lane| !lane.waiting.is_empty()));
        self.refused.retain_mut(|refused| stays(&mut refused.hold, session_present));
        self.refused_bytes = self.refused.iter().map(size_of_refused).sum();
    }

    /// Takes one message of each lane in turn, until there are enough.
    fn batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        while batch.requests.len() < BATCH
            && let Some(name) = self.turns.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            if let Some(request) = lane.waiting.pop_front() {
                lane.bytes -= size(&request);
                batch.requests.push(request);
            }
            if !lane.waiting.is_empty() {
                self.turns.push_back(name);
            }
        }
        let some = self.refused.len().min(BATCH * 4);
        batch.refused = self.refused.drain(..some).collect();
        self.refused_bytes -= batch.refused.iter().map(size_of_refused).sum::<usize>();
        batch
    }
}

/// Whether a message of an earlier connection stays.
fn stays(hold: &mut Option<Receipt>, session_present: bool) -> bool {
    match hold.take() {
        Some(receipt) => {
            receipt.leave();
            !session_present
        }
        None => true,
    }
}

fn size(request: &Request) -> usize {
    request.topic.len() + request.payload.len() + size_of_answer(request.respond_to.as_ref())
}

fn size_of_refused(refused: &Refused) -> usize {
    let Refused { topic, id, respond_to, .. } = refused;
    size_of::<Refused>()
        + topic.len()
        + id.as_ref().map_or(0, String::len)
        + size_of_answer(respond_to.as_ref())
}

/// Size of a reply address, in bytes.
fn size_of_answer(respond_to: Option<&RespondTo>) -> usize {
    respond_to
        .map_or(0, |RespondTo { topic, correlation }| topic.len() + correlation.as_ref().map_or(0, Vec::len))
}

fn request(message: Message) -> Request {
    let Message { topic, payload, retain, again, response_topic, correlation, receipt: hold, .. } = message;
    let delivery = hold.as_ref().map(|receipt| Delivery::of(receipt.packet(), again, &topic, &payload));
    let respond_to = response_topic.map(|topic| RespondTo { topic, correlation });
    Request { topic, payload, retained: retain, respond_to, delivery, hold }
}

impl Drop for Lanes {
    /// Leaves the messages that have not been done to the next host.
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut self.lanes).into_values().flat_map(|lane| lane.waiting);
        let refused = std::mem::take(&mut self.refused).into_iter().filter_map(|refused| refused.hold);
        waiting.filter_map(|request| request.hold).chain(refused).for_each(Receipt::leave);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(topic: &str, number: usize) -> Request {
        let payload = format!(r#"{{"id":"{number}"}}"#).into_bytes();
        Request { topic: topic.to_owned(), payload, ..Request::default() }
    }

    #[test]
    fn a_flood_for_one_car_delays_none_for_another() {
        let mut lanes = Lanes::default();
        for number in 0..LANE + 3 {
            lanes.offer("a".into(), request("b/vehicle/a/cmd/lock", number));
        }
        lanes.offer("b".into(), request("b/vehicle/b/cmd/lock", 0));
        let batch = lanes.batch();
        assert_eq!(batch.requests.len(), BATCH);
        let place = batch.requests.iter().position(|request| request.topic.contains("/b/cmd"));
        assert_eq!(place, Some(1));
        let ids: Vec<_> = batch.refused.iter().map(|refused| refused.id.clone().unwrap()).collect();
        assert_eq!(ids, [LANE, LANE + 1, LANE + 2].map(|number| number.to_string()));
    }

    fn from_far(bytes: usize) -> Option<RespondTo> {
        Some(RespondTo { topic: "r".repeat(bytes / 2), correlation: Some(vec![0; bytes / 2]) })
    }

    #[test]
    fn where_the_answers_go_takes_no_more_room_than_anything_else() {
        let mut lanes = Lanes::default();
        for number in 0..LANE {
            let request = request("b/vehicle/a/cmd/lock", number);
            lanes.offer("a".into(), Request { respond_to: from_far(200_000), ..request });
        }
        let waiting = lanes.lanes["a"].waiting.len();
        assert!((7..=LANE_BYTES / 200_000).contains(&waiting), "{waiting}");
        let refused = lanes.refused.len();
        assert!((100..=REFUSED_BYTES / 200_000).contains(&refused), "{refused}");
        assert_eq!(lanes.unanswered, (LANE - waiting - lanes.refused.len()) as u64);
        while !lanes.batch().refused.is_empty() {}
        assert_eq!(lanes.refused_bytes, 0);
    }

    #[test]
    fn what_the_broker_sends_again_does_not_wait_as_well() {
        let hold = || Some(Receipt::of_nobody(7));
        let mut lanes = Lanes::default();
        let offer = |lanes: &mut Lanes| {
            for number in 0..=LANE {
                lanes.offer("a".into(), Request { hold: hold(), ..request("b/vehicle/a/cmd/lock", number) });
            }
            lanes.offer("b".into(), request("b/vehicle/b/cmd/lock", 0));
        };
        offer(&mut lanes);
        lanes.connected(true);
        let batch = lanes.batch();
        assert_eq!((batch.requests.len(), batch.refused.len()), (1, 0));
        assert!(batch.requests[0].topic.contains("/b/cmd"), "of what comes once it is the only copy");
        // A broker that has forgotten the session does not send it again, then or later.
        offer(&mut lanes);
        lanes.connected(false);
        lanes.connected(true);
        assert_eq!((lanes.lanes["a"].waiting.len(), lanes.refused.len()), (LANE, 1));
    }

    #[test]
    fn a_lane_keeps_its_order_and_bounds_its_bytes() {
        let mut lanes = Lanes::default();
        let large = Request { payload: vec![b'x'; LANE_BYTES + 1], ..request("b/vehicle/a/cmd/lock", 0) };
        lanes.offer("a".into(), large);
        lanes.offer("a".into(), request("b/vehicle/a/cmd/lock", 1));
        let batch = lanes.batch();
        assert_eq!((batch.requests.len(), batch.refused.len()), (1, 1));
        for number in 0..BATCH + 1 {
            lanes.offer("a".into(), request("b/vehicle/a/cmd/lock", number));
        }
        let order: Vec<_> = std::iter::from_fn(|| Some(lanes.batch().requests).filter(|all| !all.is_empty()))
            .flatten()
            .map(|request| command::peek_id("lock", &request.payload).unwrap())
            .collect();
        assert_eq!(order, (0..BATCH + 1).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}
