//! What earlier hosts have left with the broker: retained topics of vehicles and accounts that the configuration does not
//! have any more, or has under another base topic. A broker keeps such topics until somebody clears them, and shows a car
//! as `online` that nobody serves. So the store has a list of what the broker may have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::outbox::{Outbox, Outgoing};
use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::topics::Topics;

/// Topics that are nobody's any more.
#[derive(Debug)]
pub(super) struct Leftovers {
    topics: BTreeSet<String>,
    /// What the store has to say once they are cleared.
    afterwards: Vec<Write>,
    cleared: AtomicBool,
    store: Arc<dyn Store>,
}

impl Leftovers {
    /// Compares what the broker may have with what this host is configured to publish. From now on the store has both.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(super) async fn open<'n>(
        topics: &Topics,
        vehicles: impl Iterator<Item = &'n String>,
        accounts: impl Iterator<Item = &'n String>,
        store: &Arc<dyn Store>,
    ) -> Result<Self, StoreError> {
        let vehicles = vehicles.map(|slug| (format!("vehicle/{slug}"), topics.retained_of_vehicle(slug)));
        let accounts = accounts.map(|slug| (format!("account/{slug}"), topics.retained_of_account(slug)));
        let ours: BTreeMap<String, BTreeSet<String>> = vehicles.chain(accounts).collect();
        let mut left = BTreeSet::new();
        let (mut at_once, mut afterwards) = (Vec::new(), Vec::new());
        let mut known = BTreeMap::new();
        for (key, _) in store.list(Kind::Retained).await? {
            let topics = load_document::<BTreeSet<String>>(store.as_ref(), Kind::Retained, &key).await?;
            known.insert(key, topics.unwrap_or_default());
        }
        for (key, topics) in &ours {
            let before = known.remove(key).unwrap_or_default();
            let both: BTreeSet<_> = before.union(topics).cloned().collect();
            if both != before {
                at_once.push(Write::document(Kind::Retained, key.clone(), &both)?);
            }
            if both != *topics {
                afterwards.push(Write::document(Kind::Retained, key.clone(), topics)?);
            }
            left.extend(before);
        }
        for (key, before) in known {
            afterwards.push(Write::remove(Kind::Retained, key));
            left.extend(before);
        }
        for topic in ours.values().flatten() {
            left.remove(topic);
        }
        if !at_once.is_empty()
            && let Err(error) = store.commit(at_once).await
        {
            tracing::warn!("topics may be left behind if the configuration changes: {error}");
        }
        let cleared = AtomicBool::new(afterwards.is_empty());
        Ok(Self { topics: left, afterwards, cleared, store: Arc::clone(store) })
    }

    /// Clears them at the broker. Whoever listens is told first that the vehicle is offline.
    pub(super) fn clear(&self, outbox: &dyn Outbox) {
        for topic in &self.topics {
            if topic.ends_with("/availability") {
                outbox.publish(Outgoing::new(topic.clone(), "offline").retained());
            }
            outbox.publish(Outgoing::new(topic.clone(), Vec::new()).retained());
        }
        if !self.cleared.swap(true, Ordering::Relaxed) {
            let told = self.store.commit(self.afterwards.clone());
            tokio::spawn(async move {
                if let Err(error) = told.await {
                    tracing::warn!(
                        "topics that are cleared are cleared once more at the next start: {error}"
                    );
                }
            });
        }
    }
}
