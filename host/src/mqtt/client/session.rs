//! The task: connect, drive the connection, wait, again.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::backoff::{self, Backoff};
use super::dialect::{Dialect, Evidence};
use super::inbox::Inbox;
use super::link::{self, Failure, Link, Requests, Signal};
use super::outbox::Outbox;
use super::publisher::Order;
use super::subscriptions::Subscriptions;
use super::{Event, Options};

/// How long delivering what is queued and saying goodbye may take after [`Order::Disconnect`].
pub(super) const CLOSE_TIME: Duration = Duration::from_secs(3);

/// Everything that outlives one connection.
pub(super) struct Session {
    options: Options,
    tls: Option<Arc<ClientConfig>>,
    outbox: Arc<Outbox>,
    orders: mpsc::Receiver<Order>,
    inbox: Inbox,
    dialect: Dialect,
    backoff: Backoff,
    /// The last reason that was told, until a connection stands again.
    told: Option<String>,
    closing: Option<Closing>,
}

/// Asked to end.
struct Closing {
    deadline: Instant,
    /// Dropped with the session, which is the answer.
    _done: oneshot::Sender<()>,
}

/// How a connection, or an attempt at one, ended.
enum Ended {
    /// As asked.
    Finished,
    /// All publishers are gone: nobody can ask for anything any more.
    Abandoned,
    /// The session stood this long.
    Lost(Failure, Duration),
    /// There was no session.
    Failed(Failure),
}

impl Session {
    pub(super) fn new(
        options: Options,
        tls: Option<Arc<ClientConfig>>,
        outbox: Arc<Outbox>,
        orders: mpsc::Receiver<Order>,
        inbox: Inbox,
    ) -> Self {
        let dialect = Dialect::new(options.version);
        let backoff = Backoff::new();
        Self { options, tls, outbox, orders, inbox, dialect, backoff, told: None, closing: None }
    }

    pub(super) async fn run(mut self) {
        loop {
            let ended = self.connection().await;
            self.outbox.disconnected();
            let at_once = match ended {
                Ended::Finished | Ended::Abandoned => return,
                Ended::Lost(failure, lasted) => {
                    self.backoff.connection_ended(lasted);
                    self.tell(failure.reason);
                    false
                }
                Ended::Failed(failure) => {
                    let at_once = self.dialect.failed(failure.evidence);
                    if !at_once {
                        self.tell(failure.reason);
                    }
                    at_once
                }
            };
            if self.closing.is_some() || (!at_once && !self.pause().await) {
                return;
            }
        }
    }

    /// Waits before the next attempt. Returns false when there shall be none.
    async fn pause(&mut self) -> bool {
        let pause = self.backoff.next(backoff::chance());
        tracing::debug!(?pause, "next attempt to connect to the MQTT broker after a pause");
        let pause = sleep(pause);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return true,
                order = self.orders.recv() => match order {
                    // Dropping the reply says that there is no connection.
                    Some(Order::Subscribe { .. }) => {}
                    Some(Order::Disconnect { .. }) | None => return false,
                },
            }
        }
    }

    /// One connection from the first packet to the last.
    async fn connection(&mut self) -> Ended {
        let (mut link, requests) = link::open(self.dialect.version(), &self.options, self.tls.as_ref());
        let mut connection = Connection { requests, up: None, subscriptions: Subscriptions::default() };
        loop {
            let signal = match self.next_signal(&mut link, &mut connection).await {
                Ok(signal) => signal,
                Err(Ended::Lost(failure, lasted)) => {
                    // What was read together with the failure is still good.
                    while let Some(signal) = link.leftover() {
                        self.take(signal, &mut connection);
                    }
                    return Ended::Lost(failure, lasted);
                }
                Err(ended) => return ended,
            };
            if let Some(ended) = self.take(signal, &mut connection) {
                return ended;
            }
        }
    }

    /// Waits for the next signal, handing requests to the link meanwhile: polling must not be interrupted.
    async fn next_signal(&mut self, link: &mut Link, connection: &mut Connection) -> Result<Signal, Ended> {
        let patience = link.patience();
        let poll = timeout(patience, link.poll());
        tokio::pin!(poll);
        loop {
            if connection.up.is_some() {
                self.send_waiting(connection)?;
            }
            let deadline = self.closing.as_ref().map(|closing| closing.deadline);
            tokio::select! {
                polled = &mut poll => {
                    let silent = || Failure::new("the broker no longer answers", Evidence::Nothing);
                    return polled.unwrap_or_else(|_| Err(silent())).map_err(|failure| connection.ended(failure));
                }
                order = self.orders.recv(), if self.closing.is_none() => match order {
                    Some(order) => self.obey(order, connection)?,
                    None => return Err(Ended::Abandoned),
                },
                () = self.outbox.work() => {}
                () = until(deadline) => return Err(Ended::Finished),
            }
        }
    }

    fn obey(&mut self, order: Order, connection: &mut Connection) -> Result<(), Ended> {
        match order {
            Order::Subscribe { filters, reply } => {
                if connection.up.is_some() {
                    connection.requests.subscribe(&filters).map_err(|_| connection.ended(stuck()))?;
                    connection.subscriptions.handed(filters, reply);
                }
                Ok(())
            }
            Order::Disconnect { done } => {
                self.outbox.close();
                self.closing = Some(Closing { deadline: Instant::now() + CLOSE_TIME, _done: done });
                if connection.up.is_some() { Ok(()) } else { Err(Ended::Finished) }
            }
        }
    }

    /// Hands over what may be sent now, and the goodbye once everything else is through.
    fn send_waiting(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        let Some(up) = &mut connection.up else {
            return Ok(());
        };
        while let Some(parcel) = self.outbox.hand_out(up.largest) {
            if connection.requests.publish(parcel).is_err() {
                return Err(connection.ended(stuck()));
            }
        }
        if self.closing.is_some() && !up.goodbye && self.outbox.is_empty() {
            up.goodbye = true;
            if connection.requests.goodbye().is_err() {
                return Err(connection.ended(stuck()));
            }
        }
        Ok(())
    }

    /// Acts on a signal; the answer is set when it was the last one.
    fn take(&mut self, signal: Signal, connection: &mut Connection) -> Option<Ended> {
        match signal {
            Signal::Up { session_present, largest } => {
                connection.up = Some(Up { since: Instant::now(), largest, goodbye: false });
                self.connected(session_present);
            }
            Signal::Sent(id) => self.outbox.sent(id),
            Signal::Held(id) => self.outbox.held(id),
            Signal::Acknowledged { id, refused } => {
                let topic = self.outbox.acknowledged(id);
                if let (Some(topic), Some(reason)) = (topic, refused) {
                    tracing::warn!(topic, reason, "the broker refuses a message");
                }
            }
            Signal::SubscriptionSent(id) => connection.subscriptions.sent(id),
            Signal::SubscriptionAnswered { id, answers } => connection.subscriptions.answered(id, answers),
            Signal::Received(message) => self.inbox.message(message),
            Signal::GoodbyeSent => return Some(Ended::Finished),
            Signal::Other => {}
        }
        None
    }

    fn connected(&mut self, session_present: bool) {
        let version = self.dialect.version();
        let Options { host, port, .. } = &self.options;
        if self.dialect.connected() {
            tracing::info!("the broker at {host}:{port} does not speak MQTT 5; using {version}");
        }
        tracing::debug!("connected to the broker at {host}:{port} with {version}");
        self.told = None;
        self.outbox.connected();
        self.inbox.connection(Event::Connected { version, session_present });
    }

    /// Reports the loss of the connection once per reason: attempts go on for ever, and so would the reports.
    fn tell(&mut self, reason: String) {
        tracing::debug!(reason, "no connection to the MQTT broker");
        if self.told.as_ref() != Some(&reason) {
            self.told = Some(reason.clone());
            self.inbox.connection(Event::Disconnected { reason });
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // However the task ends: nobody may wait for it any more.
        self.outbox.close();
    }
}

/// What belongs to one connection.
struct Connection {
    requests: Requests,
    /// Set once the broker has accepted us.
    up: Option<Up>,
    subscriptions: Subscriptions,
}

struct Up {
    since: Instant,
    /// The largest packet that the broker takes, in bytes.
    largest: Option<usize>,
    /// The goodbye has been handed over.
    goodbye: bool,
}

impl Connection {
    fn ended(&self, failure: Failure) -> Ended {
        match &self.up {
            Some(up) => Ended::Lost(failure, up.since.elapsed()),
            None => Ended::Failed(failure),
        }
    }
}

/// The library's queue is larger than everything that is given to it between two polls.
fn stuck() -> Failure {
    Failure::new("the MQTT library takes no more requests", Evidence::Nothing)
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
