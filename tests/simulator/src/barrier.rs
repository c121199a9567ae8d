//! The barrier that makes a token expire while exactly so many requests carry it.
//!
//! Concurrency tests need "n requests were in flight when the session ended" as a fact, not as a likely result
//! of timing: requests with a good access token wait here until there are n of them, then the token expires,
//! then all go on into the checks and are refused.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::exchange::Incoming;
use crate::route::Credential;
use crate::world::Shared;

/// A barrier that has not opened yet. Dropping it opens it without expiring anything.
#[derive(Debug)]
pub(crate) struct Barrier {
    need: u64,
    waiting: u64,
    opens: Arc<Notify>,
}

impl Barrier {
    pub(crate) fn new(need: u64) -> Self {
        Self { need, waiting: 0, opens: Arc::default() }
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        self.opens.notify_waiters();
    }
}

/// Waits at the barrier if there is one and the request is of those that it holds; otherwise returns at once.
pub(crate) async fn pass(shared: &Arc<Shared>, incoming: &Incoming) {
    let Some((place, opened)) = take_place(shared, incoming) else {
        return;
    };
    let _held = shared.count_held();
    opened.await;
    drop(place);
}

/// A place to wait at; `None` for a request that goes on, be it because it opened the barrier.
fn take_place(shared: &Arc<Shared>, incoming: &Incoming) -> Option<(Place, OwnedNotified)> {
    let mut world = shared.world();
    if incoming.call.credential() != Credential::Access {
        return None;
    }
    let now = world.now();
    world.session.access(incoming.bearer("authorization")?, now).ok()?;
    let barrier = world.barrier.as_mut()?;
    barrier.waiting += 1;
    if barrier.waiting < barrier.need {
        let opens = Arc::clone(&barrier.opens);
        // Made under the lock, so that it does not miss the opening.
        let opened = Arc::clone(&opens).notified_owned();
        return Some((Place { shared: Arc::clone(shared), opens }, opened));
    }
    world.session.expire_access();
    world.barrier = None;
    None
}

/// Gives the place back when its client goes away before the barrier opens.
struct Place {
    shared: Arc<Shared>,
    opens: Arc<Notify>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut world = self.shared.world();
        if let Some(barrier) = &mut world.barrier
            && Arc::ptr_eq(&barrier.opens, &self.opens)
        {
            barrier.waiting -= 1;
        }
    }
}
