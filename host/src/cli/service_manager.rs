//! What the service manager (systemd) is told: when the host serves, what it waits for, that it is alive, and
//! that it stops. Where no manager listens nothing is said.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::bridge::Connection;
use crate::config;

/// Time for the broker to answer before the start counts as done without it. A broker on another machine may
/// be down for hours: the start of this one must not hang on it, nor fail.
const WAIT_FOR_BROKER: Duration = Duration::from_secs(20);

/// Shortest interval between two signs of life, whatever is asked for.
const SHORTEST_BEAT: Duration = Duration::from_millis(1);

/// Hands words to a service manager.
type Tell = Box<dyn Fn(&[NotifyState<'_>]) + Send + Sync>;

/// The way to the service manager that has started this process, if one has.
pub(super) struct ServiceManager {
    tell: Tell,
    /// Address of the broker, as people are told it.
    broker: String,
    /// Time without a sign of life after which the manager ends the process; `None` if it does not look.
    watchdog: Option<Duration>,
    ready: AtomicBool,
}

impl ServiceManager {
    /// Finds the manager of this process, by its environment.
    pub(super) fn of_this_process(broker: &config::Mqtt) -> Self {
        let broker = format!("{}:{}", broker.host, broker.port);
        Self::told_by(broker, sd_notify::watchdog_enabled(), |states| {
            // It is a datagram: a manager that cannot be told is none that a host should end for.
            if let Err(error) = sd_notify::notify(states) {
                tracing::debug!("the service manager is not told: {error}");
            }
        })
    }

    fn told_by(
        broker: String,
        watchdog: Option<Duration>,
        tell: impl Fn(&[NotifyState<'_>]) + Send + Sync + 'static,
    ) -> Self {
        Self { tell: Box::new(tell), broker, watchdog, ready: AtomicBool::new(false) }
    }

    /// The plugins are compiled; what is missing is the broker.
    pub(super) fn started(&self) {
        self.status(&format!("waiting for the broker {}", self.broker));
    }

    /// The connection to the broker has begun or ended.
    pub(super) fn connection(&self, now: Connection) {
        match now {
            Connection::Serving(_version) => {
                self.status(&format!("serving the broker {}", self.broker));
                self.ready();
            }
            Connection::Lost => self.started(),
        }
    }

    /// The configuration is about to be read again. Until [`Self::reloaded`] the manager says so.
    pub(super) fn reloading(&self) {
        // During the start there is nothing to come back to.
        if !self.ready.load(Ordering::Relaxed) {
            return;
        }
        // The manager tells by the time of which request this is.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => (self.tell)(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!("the service manager is not told: {error}"),
        }
    }

    /// The configuration was read again, whatever came of it.
    pub(super) fn reloaded(&self) {
        if self.ready.load(Ordering::Relaxed) {
            (self.tell)(&[NotifyState::Ready]);
        }
    }

    /// The host begins to stop.
    pub(super) fn stopping(&self) {
        (self.tell)(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    /// Tells that the start is done when the broker takes too long, and gives signs of life. To be polled by
    /// the task that serves the broker: what blocks one is then missed in the other.
    pub(super) async fn attend(&self) -> Infallible {
        let (_late, never) = tokio::join!(self.ready_without_broker(), self.live());
        never
    }

    async fn ready_without_broker(&self) {
        tokio::time::sleep(WAIT_FOR_BROKER).await;
        self.ready();
    }

    async fn live(&self) -> Infallible {
        let Some(limit) = self.watchdog else { return std::future::pending().await };
        // Half of it, as systemd's manual has it.
        let mut beat = tokio::time::interval((limit / 2).max(SHORTEST_BEAT));
        loop {
            beat.tick().await;
            (self.tell)(&[NotifyState::Watchdog]);
        }
    }

    fn ready(&self) {
        if !self.ready.swap(true, Ordering::Relaxed) {
            (self.tell)(&[NotifyState::Ready]);
        }
    }

    fn status(&self, status: &str) {
        (self.tell)(&[NotifyState::Status(status)]);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::mqtt::Version;

    fn manager(watchdog: Option<Duration>) -> (ServiceManager, Arc<Mutex<Vec<String>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        let manager = ServiceManager::told_by("broker.lan:1883".to_owned(), watchdog, move |states| {
            list.lock().extend(states.iter().map(ToString::to_string));
        });
        (manager, told)
    }

    async fn attended_for(manager: &ServiceManager, time: Duration) {
        let _elapsed = tokio::time::timeout(time, manager.attend()).await;
    }

    #[tokio::test]
    async fn it_is_ready_when_it_serves_and_says_so_once() {
        let (manager, told) = manager(None);
        manager.started();
        for connection in
            [Connection::Serving(Version::V5), Connection::Lost, Connection::Serving(Version::V5)]
        {
            manager.connection(connection);
        }
        manager.stopping();
        let expected = [
            "STATUS=waiting for the broker broker.lan:1883",
            "STATUS=serving the broker broker.lan:1883",
            "READY=1",
            "STATUS=waiting for the broker broker.lan:1883",
            "STATUS=serving the broker broker.lan:1883",
            "STOPPING=1",
            "STATUS=stopping",
        ];
        assert_eq!(*told.lock(), expected);
    }

    #[tokio::test]
    async fn a_reload_is_told_with_its_time_and_not_during_the_start() {
        let (manager, told) = manager(None);
        manager.reloading();
        manager.reloaded();
        assert!(told.lock().is_empty());
        manager.connection(Connection::Serving(Version::V5));
        told.lock().clear();
        manager.reloading();
        manager.reloaded();
        let told = told.lock();
        assert!(told[1].starts_with("MONOTONIC_USEC="), "{told:?}");
        assert_eq!((told[0].as_str(), told[2].as_str(), told.len()), ("RELOADING=1", "READY=1", 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_without_a_broker_is_done_in_time() {
        let (manager, told) = manager(None);
        attended_for(&manager, WAIT_FOR_BROKER - Duration::from_millis(1)).await;
        assert!(told.lock().is_empty());
        attended_for(&manager, WAIT_FOR_BROKER + Duration::from_millis(1)).await;
        assert_eq!(*told.lock(), ["READY=1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_of_life_comes_twice_as_often_as_it_must() {
        let (manager, told) = manager(Some(Duration::from_secs(4)));
        attended_for(&manager, Duration::from_millis(9_999)).await;
        assert_eq!(*told.lock(), ["WATCHDOG=1"; 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watchdog_of_no_time_is_survived() {
        let (manager, told) = manager(Some(Duration::ZERO));
        attended_for(&manager, Duration::from_millis(2)).await;
        assert!(told.lock().iter().all(|told| told == "WATCHDOG=1"));
    }
}
