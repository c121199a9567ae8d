//! The caller's sending end.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::inflight::{Full, Inflight};
use super::subscriptions::{Refusal, Reply};
use super::{MAX_PAYLOAD, Outgoing};
use crate::wire::message::{is_string, is_topic};
use crate::wire::publish::Traffic;

/// Time for a broker to answer a subscription.
const SUBSCRIBE_TIME: Duration = Duration::from_secs(10);
/// Time for [`Publisher::disconnect`]: the task's own limit, and a little more.
const DISCONNECT_TIME: Duration = super::task::CLOSE_TIME.saturating_add(Duration::from_secs(1));

/// The sending end of [`connect`](super::connect); clones share one queue and one connection.
#[derive(Clone, Debug)]
pub struct Publisher {
    inflight: Arc<Inflight>,
    orders: mpsc::Sender<Order>,
}

/// A request of a [`Publisher`] to the task, besides publishing.
#[derive(Debug)]
pub(super) enum Order {
    /// Ask the broker for these filters. Without a connection the reply is dropped.
    Subscribe { filters: Vec<String>, reply: Reply },
    /// Deliver what is queued, say goodbye, end. The sender is dropped when done.
    Disconnect { done: oneshot::Sender<()> },
}

/// Reason why a message was not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PublishError {
    /// The topic is empty, longer than 65,535 bytes, or contains `+`, `#` or NUL. A mistake of the caller.
    #[error("{0:?} is not a topic to publish to")]
    Topic(String),
    /// The payload is larger than [`MAX_PAYLOAD`]. A mistake of the caller.
    #[error("a payload of {0} bytes is larger than {MAX_PAYLOAD}")]
    TooLarge(usize),
    /// Too many messages wait. [`Publisher::publish`] says so only while there is no connection.
    #[error("too many messages wait for the broker")]
    QueueFull,
    /// [`Publisher::disconnect`] was called.
    #[error("the MQTT client has been stopped")]
    Closed,
}

/// Reason why a subscription did not come about.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SubscribeError {
    /// The filter is empty, longer than 65,535 bytes, or has a wildcard in the wrong place. A mistake of the
    /// caller.
    #[error("{0:?} is not a topic filter")]
    Filter(String),
    /// The broker accepted the filters that are not listed here.
    #[error("the broker refuses {}", listed(.0))]
    Refused(Vec<Refusal>),
    /// There is no connection, or it was lost before the answer; subscribe again after the next
    /// [`Event::Connected`](super::Event::Connected).
    #[error("no connection to the MQTT broker")]
    NotConnected,
    /// No answer within ten seconds; it may still come.
    #[error("the broker did not answer the subscription within {} s", SUBSCRIBE_TIME.as_secs())]
    TimedOut,
}

impl Publisher {
    /// Queues a message for delivery, at least once. Waits while too many messages are under way on a working
    /// connection; without one it never waits. Returns once queued, not once delivered. Cancel safe.
    pub async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        check(&message)?;
        let mut message = message;
        loop {
            let room = self.inflight.room();
            match self.inflight.push(message) {
                Ok(()) => return Ok(()),
                Err(Full::Busy(back)) => message = back,
                Err(Full::Offline) => return Err(PublishError::QueueFull),
                Err(Full::Closed) => return Err(PublishError::Closed),
            }
            room.await;
        }
    }

    /// Queues a message for delivery without ever waiting. When too many wait (16,384, or 24 MiB), others are
    /// given up for it: first what is [expendable](Outgoing::expendable), then the oldest that is not
    /// retained. The log reports that.
    pub fn put(&self, message: Outgoing) -> Result<(), PublishError> {
        check(&message)?;
        if self.inflight.put(message) { Ok(()) } else { Err(PublishError::Closed) }
    }

    /// Returns the state of the connection and of the queue.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.inflight.traffic()
    }

    /// Waits until [`Publisher::publish`] would not wait: for callers that take on work that ends in
    /// messages. Returns at once without a connection. Cancel safe.
    pub async fn ready(&self) {
        self.inflight.ready().await;
    }

    /// Subscribes with QoS 1 and waits for the broker's answer, at most ten seconds.
    ///
    /// On MQTT 5: own messages are not sent back, and retained messages carry their mark, those that are sent
    /// on subscribing and those that come later. Filters must not overlap, or MQTT 5 brokers deliver twice. A
    /// broker that grants only QoS 0 counts as having accepted.
    pub async fn subscribe(&self, filters: &[&str]) -> Result<(), SubscribeError> {
        if let Some(wrong) = filters.iter().find(|filter| !is_filter(filter)) {
            return Err(SubscribeError::Filter((*wrong).to_owned()));
        }
        if filters.is_empty() {
            return Ok(());
        }
        let filters = filters.iter().map(|&filter| filter.to_owned()).collect();
        let asked = async {
            let (reply, answer) = oneshot::channel();
            self.orders
                .send(Order::Subscribe { filters, reply })
                .await
                .map_err(|_| SubscribeError::NotConnected)?;
            match answer.await {
                Ok(refused) if refused.is_empty() => Ok(()),
                Ok(refused) => Err(SubscribeError::Refused(refused)),
                Err(_) => Err(SubscribeError::NotConnected),
            }
        };
        timeout(SUBSCRIBE_TIME, asked).await.unwrap_or(Err(SubscribeError::TimedOut))
    }

    /// Delivers what is queued, disconnects so that the broker does not publish the will, and ends the task.
    ///
    /// Takes at most a few seconds; what could not be delivered by then, or without a connection, is lost.
    pub async fn disconnect(&self) {
        let (done, finished) = oneshot::channel();
        let ended = async {
            if self.orders.send(Order::Disconnect { done }).await.is_ok() {
                // Never sent to: the task that ends drops it.
                let _ = finished.await;
            }
        };
        if timeout(DISCONNECT_TIME, ended).await.is_err() {
            tracing::warn!("the MQTT connection did not close in time");
        }
    }
}

/// A publisher and the task's end of its orders.
pub(super) fn channel(inflight: Arc<Inflight>) -> (Publisher, mpsc::Receiver<Order>) {
    let (orders, receiver) = mpsc::channel(8);
    (Publisher { inflight, orders }, receiver)
}

fn check(message: &Outgoing) -> Result<(), PublishError> {
    if !is_topic(&message.topic) {
        return Err(PublishError::Topic(message.topic.clone()));
    }
    if message.payload.len() > MAX_PAYLOAD {
        return Err(PublishError::TooLarge(message.payload.len()));
    }
    Ok(())
}

/// Whether it can be subscribed to: a wildcard is a level of its own, and `#` is the last one.
fn is_filter(filter: &str) -> bool {
    let is_level = |level: &str| matches!(level, "+" | "#") || !level.contains(['+', '#']);
    let mut levels = filter.split('/').rev();
    let last = levels.next().is_some_and(is_level);
    is_string(filter) && last && levels.all(|level| is_level(level) && level != "#")
}

fn listed(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publisher() -> (Publisher, mpsc::Receiver<Order>) {
        channel(Arc::new(Inflight::new(std::time::Duration::from_secs(30))))
    }

    #[tokio::test]
    async fn what_mqtt_cannot_carry_is_refused_at_once() {
        let (publisher, _orders) = publisher();
        for topic in ["", "a/+", "a/#", "a\0b", &"x".repeat(65_536)] {
            let error = publisher.publish(Outgoing::new(topic, "")).await;
            assert_eq!(error, Err(PublishError::Topic(topic.into())));
        }
        let error = publisher.put(Outgoing::new("a", vec![0; MAX_PAYLOAD + 1])).unwrap_err();
        assert_eq!(error.to_string(), "a payload of 262145 bytes is larger than 262144");
        for filter in ["", "a/#/b", "#/a", "a+", "+a/b", "a#", "a\0"] {
            assert_eq!(publisher.subscribe(&[filter]).await, Err(SubscribeError::Filter(filter.into())));
        }
    }

    #[tokio::test]
    async fn after_the_task_ended_nothing_hangs() {
        let (publisher, orders) = publisher();
        drop(orders);
        assert_eq!(publisher.subscribe(&["a"]).await, Err(SubscribeError::NotConnected));
        publisher.disconnect().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_task_costs_seconds() {
        let (publisher, _orders) = publisher();
        assert_eq!(publisher.subscribe(&["a"]).await, Err(SubscribeError::TimedOut));
        publisher.disconnect().await;
    }

    #[test]
    fn a_refusal_names_filter_and_reason() {
        let refusal = |filter: &str| Refusal { filter: filter.into(), reason: "not authorized".into() };
        assert_eq!(
            SubscribeError::Refused(vec![refusal("a/#"), refusal("b")]).to_string(),
            "the broker refuses \"a/#\": not authorized, \"b\": not authorized"
        );
    }
}
