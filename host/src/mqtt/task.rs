//! The task: connect, drive the connection, wait, again.

use std::sync::Arc;
use std::time::Duration;

use connection::{Connection, Ended, Up, until};
use rustls::ClientConfig;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::backoff::{self, Backoff};
use super::dialect::{Dialect, Evidence};
use super::inbox::Inbox;
use super::inflight::Inflight;
use super::link::{Failure, Link, Verdict};
use super::packets::{Accepted, Incoming, Terms, WillTerm};
use super::publisher::Order;
use super::receipts::{Receipt, Receipts};
use super::subscriptions::Subscriptions;
use super::{Event, Options, SESSION_KEPT, Version};

mod connection;

/// Time for delivering what is queued and saying goodbye after [`Order::Disconnect`].
pub(super) const CLOSE_TIME: Duration = Duration::from_millis(1500);
/// Additional time for the goodbye itself.
const GOODBYE_TIME: Duration = Duration::from_millis(250);

/// State of the client that outlives a connection.
pub(super) struct ClientTask {
    options: Options,
    tls: Option<Arc<ClientConfig>>,
    inflight: Arc<Inflight>,
    orders: mpsc::Receiver<Order>,
    inbox: Inbox,
    dialect: Dialect,
    backoff: Backoff,
    /// The last reason that was reported, until a connection stands again.
    told: Option<String>,
    closing: Option<Closing>,
    /// Number of connections so far.
    number: u64,
    /// Time at which a session last stood.
    last_up: Option<Instant>,
    /// Whether the broker keeps sessions longer than it is asked to.
    mistrusted: bool,
    /// Terms that the broker is asked for, but for whether it shall forget, which is decided each time.
    terms: Terms,
}

/// A request to end.
struct Closing {
    deadline: Instant,
    /// Answer to the request: dropped with the session.
    _done: oneshot::Sender<()>,
}

impl ClientTask {
    pub(super) fn new(
        options: Options,
        tls: Option<Arc<ClientConfig>>,
        inflight: Arc<Inflight>,
        orders: mpsc::Receiver<Order>,
        inbox: Inbox,
    ) -> Self {
        let dialect = Dialect::new(options.version);
        let backoff = Backoff::new();
        Self {
            options,
            tls,
            inflight,
            orders,
            inbox,
            dialect,
            backoff,
            told: None,
            closing: None,
            number: 0,
            last_up: None,
            mistrusted: false,
            terms: Terms::ALL,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let ended = self.connection().await;
            self.inflight.disconnected(ended.verdict());
            if let Ended::Lost(..) = ended {
                self.last_up = Some(Instant::now());
            }
            let at_once = match ended {
                Ended::Finished | Ended::Abandoned => return,
                Ended::Lost(failure, lasted) => {
                    self.backoff.connection_ended(lasted);
                    self.tell(failure.reason);
                    false
                }
                Ended::Failed(failure) => {
                    let asks_less = failure.will.is_some_and(|refused| self.ask_without(refused));
                    let at_once = self.dialect.failed(failure.evidence) || asks_less;
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

    /// Drops the term of the will that the broker cannot meet: better a will that not every client sees than
    /// no connection. Returns false if it was not asked for, and something else is wrong.
    fn ask_without(&mut self, refused: WillTerm) -> bool {
        let asked = self.terms.without(refused);
        if asked {
            let what = match refused {
                WillTerm::Acknowledged => "publish with QoS 1",
                WillTerm::Retained => "keep",
            };
            tracing::warn!("the broker does not {what} the message for when the connection is lost");
        }
        asked
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

    /// Runs one connection from the first packet to the last.
    async fn connection(&mut self) -> Ended {
        let version = self.dialect.version();
        let clean = self.forget_session(version);
        let link = match self.open(version, clean).await {
            Ok(link) => link,
            Err(ended) => return ended,
        };
        self.number += 1;
        let mut connection = Connection {
            link,
            clean,
            up: None,
            subscriptions: Subscriptions::default(),
            receipts: Receipts::new(self.number),
        };
        loop {
            let incoming = match self.next(&mut connection).await {
                Ok(incoming) => incoming,
                Err(Ended::Finished) => {
                    self.say_goodbye(connection).await;
                    return Ended::Finished;
                }
                Err(ended) => return ended,
            };
            if let Some(ended) = self.take(incoming, &mut connection) {
                return ended;
            }
        }
    }

    /// Whether the broker shall forget what it has kept of us. What it has kept for longer than a moment is
    /// too old to be done. A 3.1.1 broker cannot be told a time, and a session that ends with its connection
    /// is better than one that never ends.
    fn forget_session(&self, version: Version) -> bool {
        let too_old = self.last_up.is_some_and(|last_up| last_up.elapsed() > SESSION_KEPT);
        version == Version::V4 || too_old || self.mistrusted || self.options.client_id.is_empty()
    }

    async fn open(&mut self, version: Version, clean: bool) -> Result<Link, Ended> {
        let terms = Terms { clean, ..self.terms };
        let opening = Link::open(version, &self.options, self.tls.as_ref(), terms);
        tokio::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => return opened.map_err(Ended::Failed),
                order = self.orders.recv() => match order {
                    // Dropping the reply says that there is no connection.
                    Some(Order::Subscribe { .. }) => {}
                    Some(Order::Disconnect { .. }) => {
                        self.inflight.close();
                        return Err(Ended::Finished);
                    }
                    None => return Err(Ended::Abandoned),
                },
            }
        }
    }

    /// Waits for what the broker says next, and obeys orders meanwhile.
    async fn next(&mut self, connection: &mut Connection) -> Result<Incoming, Ended> {
        loop {
            self.send_waiting(connection)?;
            let deadline = self.closing.as_ref().map(|closing| closing.deadline);
            let (ask, overdue) = match connection.up {
                Some(_) => (self.inflight.ask_at(), self.inflight.overdue_at()),
                None => (None, None),
            };
            let ask = ask.filter(|_| !connection.link.has_asked());
            let has_room = self.inbox.has_room();
            tokio::select! {
                () = self.inbox.room(), if !has_room => {}
                incoming = connection.link.next(), if has_room => match incoming {
                    Ok(Some(incoming)) => return Ok(incoming),
                    // There is room again.
                    Ok(None) => {}
                    Err(failure) => return Err(connection.ended(failure)),
                },
                order = self.orders.recv(), if self.closing.is_none() => match order {
                    Some(order) => self.obey(order, connection)?,
                    None => return Err(Ended::Abandoned),
                },
                () = self.inflight.work() => {}
                // A slow broker has its whole time all the same: it answers in the order in which it is
                // asked.
                () = until(ask) => connection.link.ask(self.options.acknowledge_within),
                () = until(overdue) => return Err(connection.ended(self.overdue())),
                () = until(deadline) => return Err(Ended::Finished),
            }
        }
    }

    /// Returns the failure of a broker that has taken too long to acknowledge something.
    fn overdue(&self) -> Failure {
        let topics = self.inflight.overdue();
        let named = topics.first().map_or("", String::as_str);
        let others = match topics.len() {
            0 | 1 => String::new(),
            more => format!(" and on {} other topics", more - 1),
        };
        let seconds = self.options.acknowledge_within.as_secs();
        let reason = format!("the broker has not acknowledged a message on {named}{others} for {seconds} s");
        Failure { verdict: Verdict::Silent, ..Failure::new(reason, Evidence::Nothing) }
    }

    fn obey(&mut self, order: Order, connection: &mut Connection) -> Result<(), Ended> {
        match order {
            Order::Subscribe { filters, reply } => {
                if connection.up.is_some() {
                    let id = connection.subscriptions.next_id();
                    // The publisher has checked them: one that cannot be written is answered by dropping the
                    // reply.
                    match connection.link.subscribe(id, &filters) {
                        Ok(()) => connection.subscriptions.sent(id, filters, reply),
                        Err(error) => tracing::error!("a subscription cannot be written: {error}"),
                    }
                }
                Ok(())
            }
            Order::Disconnect { done } => {
                self.inflight.close();
                self.closing = Some(Closing { deadline: Instant::now() + CLOSE_TIME, _done: done });
                if connection.up.is_some() { Ok(()) } else { Err(Ended::Finished) }
            }
        }
    }

    /// Sends what waits and may be sent now, and ends once everything is through if that was asked for.
    fn send_waiting(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        let Some(up) = &connection.up else { return Ok(()) };
        for (number, packet) in self.inflight.receipts() {
            connection.receipts.done(number, packet);
        }
        while connection.link.has_room()
            && let Some(id) = connection.receipts.next()
        {
            connection.link.acknowledge(id);
        }
        while connection.link.has_room()
            && let Some(shipment) = self.inflight.hand_out(up.limits)
        {
            if let Err(error) = connection.link.publish(&shipment) {
                tracing::error!(
                    topic = shipment.message.topic,
                    "message dropped: it cannot be written: {error}"
                );
                if let Some(id) = shipment.id {
                    self.inflight.acknowledged(id, false);
                }
            }
        }
        match self.closing {
            Some(_) if self.inflight.is_empty() => Err(Ended::Finished),
            _ => Ok(()),
        }
    }

    async fn say_goodbye(&self, connection: Connection) {
        if connection.up.is_none() {
            return;
        }
        let Some(Closing { deadline, .. }) = &self.closing else { return };
        // The goodbye itself gets a moment even if there is no time left.
        let _in_time = timeout_at(*deadline + GOODBYE_TIME, connection.link.close()).await;
    }

    /// Acts on what the broker said. Returns how the connection ended if that was the last thing.
    fn take(&mut self, incoming: Incoming, connection: &mut Connection) -> Option<Ended> {
        self.inflight.heard();
        match incoming {
            Incoming::Accepted(accepted) => return self.accepted(accepted, connection),
            Incoming::Acknowledged { id, refused } => {
                let topic = self.inflight.acknowledged(id, refused.is_some());
                if let (Some(topic), Some(reason)) = (topic, refused) {
                    tracing::error!(
                        topic,
                        reason,
                        "the broker refuses a message; its topic is not published to again until the next start"
                    );
                }
            }
            Incoming::SubscriptionAnswered { id, answers } => connection.subscriptions.answered(id, answers),
            Incoming::Message(mut message, id) => {
                if let Some(id) = id {
                    connection.receipts.received(id);
                    message.receipt = Some(Receipt::new(&self.inflight, self.number, id));
                }
                self.inbox.message(message);
            }
            Incoming::Pong => {}
        }
        None
    }

    fn accepted(&mut self, accepted: Accepted, connection: &mut Connection) -> Option<Ended> {
        let version = self.dialect.version();
        let kept_too_long = accepted.session_expiry.is_some_and(|expiry| expiry > SESSION_KEPT);
        if kept_too_long && accepted.session_present && self.last_up.is_none() {
            // The kept messages may be of any age.
            self.mistrusted = true;
            let reason = "the broker keeps sessions for longer than it is asked to; beginning a new one";
            return Some(Ended::Failed(Failure::new(reason, Evidence::Understood)));
        }
        // After a clean start there is no session, whatever the broker says.
        let session_present = accepted.session_present && !connection.clean;
        connection.up = Some(Up { since: Instant::now(), limits: accepted.limits });
        self.last_up = Some(Instant::now());
        let Options { host, port, .. } = &self.options;
        if self.dialect.connected() {
            tracing::info!("the broker at {host}:{port} does not speak MQTT 5; using {version}");
        }
        tracing::debug!("connected to the broker at {host}:{port} with {version}");
        self.told = None;
        self.inflight.connected();
        self.inbox.connection(Event::Connected { version, session_present });
        None
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

impl Drop for ClientTask {
    fn drop(&mut self) {
        // However the task ends, no caller may wait for it any more.
        self.inflight.close();
    }
}
