//! State behind one lock, and what can be waited for outside of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

use super::Effect;

/// Counters that know how many requests are held.
pub trait Gauge {
    /// Requests that wait for a release now.
    fn held(&mut self) -> &mut u64;
}

/// A world `W`, counters `C` that can be waited on, and the signals that requests wait for.
#[derive(Debug)]
pub struct Shared<W, C> {
    world: Mutex<W>,
    counters: watch::Sender<C>,
    released: Notify,
    gone: Arc<AtomicBool>,
}

impl<W, C: Gauge> Shared<W, C> {
    /// Around this world, with these counters.
    pub fn around(world: W, counters: C) -> Self {
        Self {
            world: Mutex::new(world),
            counters: watch::Sender::new(counters),
            released: Notify::new(),
            gone: Arc::default(),
        }
    }

    /// The state, for as long as the guard lives; never held across an await.
    pub fn world(&self) -> MutexGuard<'_, W> {
        // A test that panicked in a closure under the lock must not take the cloud down for its clean-up.
        self.world.lock()
    }

    /// Changes the counters; who waits for them looks again.
    pub fn count(&self, change: impl FnOnce(&mut C)) {
        self.counters.send_modify(change);
    }

    /// The counters, to look at or to wait for.
    pub fn counters(&self) -> watch::Receiver<C> {
        self.counters.subscribe()
    }

    /// Counts the caller as held until the guard is dropped.
    pub fn count_held(&self) -> impl Drop + use<'_, W, C> {
        self.count(|counters| *counters.held() += 1);
        Held(self)
    }

    /// Waits for the next release.
    pub async fn hold(&self) {
        // Made before it counts as held, so that who sees it held and releases does release it.
        let released = self.released.notified();
        let _held = self.count_held();
        released.await;
    }

    /// Lets everything go on that is held now.
    pub fn release(&self) {
        self.released.notify_waiters();
    }

    /// Lets these effects have their way; returns the one that ends the request.
    pub async fn suffer(&self, effects: Vec<Effect>) -> Option<Effect> {
        for effect in effects {
            match effect {
                Effect::Delay { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
                Effect::Hold => self.hold().await,
                end => return Some(end),
            }
        }
        None
    }

    /// The flag that [`Self::close`] sets, for a [`super::Server`].
    pub fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gone)
    }

    /// Whether [`Self::close`] was called.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Cuts all connections at their next move, ends what only the world knows, and lets everything go that
    /// is held.
    pub fn close(&self, end: impl FnOnce(&mut W)) {
        self.gone.store(true, Ordering::Release);
        end(&mut self.world());
        self.release();
    }
}

struct Held<'a, W, C: Gauge>(&'a Shared<W, C>);

impl<W, C: Gauge> Drop for Held<'_, W, C> {
    fn drop(&mut self) {
        self.0.count(|counters| *counters.held() -= 1);
    }
}
