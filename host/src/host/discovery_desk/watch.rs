//! Waiting for changes of what Home Assistant is to be told.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::{AT_WORK, DiscoveryDesk};

/// Time for which changes are collected. A vehicle that is found is read at once, and what is known of it then is no
/// change of its own.
const COLLECTED: Duration = Duration::from_millis(500);

/// Devices that are to be told once more, and when.
#[derive(Debug, Default)]
struct Repeat {
    at: Option<Instant>,
    ids: BTreeSet<String>,
}

impl Repeat {
    fn add(&mut self, ids: BTreeSet<String>) {
        if !ids.is_empty() {
            self.at = Some(Instant::now() + AT_WORK);
            self.ids.extend(ids);
        }
    }

    /// Waits until it is time, for ever if there is nothing to repeat. Cancel safe.
    async fn due(&self) {
        match self.at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

impl DiscoveryDesk {
    /// Publishes what changes, until the host is gone. Must be called within a tokio runtime.
    pub(in crate::host) fn watch(self: &Arc<Self>) {
        if self.is_on() {
            tokio::spawn(attend(Arc::downgrade(self), self.wake.subscribe()));
        }
    }
}

async fn attend(desk: Weak<DiscoveryDesk>, mut wake: Receiver<()>) {
    let mut repeat = Repeat::default();
    loop {
        tokio::select! {
            woken = wake.changed() => {
                if woken.is_err() {
                    return;
                }
                sleep(COLLECTED).await;
                let Some(desk) = desk.upgrade() else { return };
                repeat.add(desk.tell_changes().await);
            }
            () = repeat.due() => {
                let Some(desk) = desk.upgrade() else { return };
                desk.tell_again(&std::mem::take(&mut repeat).ids);
            }
        }
    }
}
