//! Leftovers of earlier hosts with the broker: retained topics of vehicles and accounts that the
//! configuration does not have any more, or has under another base topic. A broker keeps such topics until
//! they are cleared, and shows a car as `online` that no host serves. So the store has a list of what the
//! broker may have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::fleet::Names;
use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::wire::message::{Delivered, Notice, Outgoing};
use crate::wire::publish::Publish;
use crate::wire::topics::Topics;

/// Topics that no vehicle and no account has any more.
#[derive(Debug)]
pub(super) struct Leftovers(Mutex<Arc<Clearing>>);

/// Work that is still to be done about them.
#[derive(Debug)]
struct Clearing {
    /// Topics of which the broker has not said that it has cleared them.
    left: Mutex<BTreeSet<String>>,
    /// Changes of the store, once the broker has cleared all of them.
    afterwards: Mutex<Vec<Write>>,
    store: Arc<dyn Store>,
}

/// Notice that the broker has cleared a topic.
#[derive(Debug)]
struct Cleared {
    topic: String,
    clearing: Arc<Clearing>,
}

impl Delivered for Cleared {
    fn delivered(&self) {
        self.clearing.left().remove(&self.topic);
        self.clearing.finish();
    }
}

impl Clearing {
    fn left(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.left.lock()
    }

    /// Writes down that nothing is left, once that is so. A topic that the broker has not cleared would be
    /// forgotten, and stay there for ever.
    fn finish(&self) {
        if !self.left().is_empty() {
            return;
        }
        let afterwards = std::mem::take(&mut *self.afterwards.lock());
        if !afterwards.is_empty() {
            // Changes are made even if no caller waits for them; if they are not, topics are cleared once
            // more at the next start.
            drop(self.store.commit(afterwards));
        }
    }
}

impl Leftovers {
    /// Compares what the broker may have with what this host is configured to publish. From now on the store
    /// has both.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(super) async fn open(
        topics: &Topics,
        names: &Names,
        store: &Arc<dyn Store>,
    ) -> Result<Self, StoreError> {
        Ok(Self(Mutex::new(Arc::new(Clearing::open(topics, names, store).await?))))
    }

    /// Compares what the broker may have with another configuration of this host.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(super) async fn compare(
        &self,
        topics: &Topics,
        names: &Names,
        store: &Arc<dyn Store>,
    ) -> Result<(), StoreError> {
        // What is still to be cleared is in the store, and found there again.
        self.clearing().afterwards.lock().clear();
        let clearing = Arc::new(Clearing::open(topics, names, store).await?);
        *self.0.lock() = clearing;
        Ok(())
    }

    fn clearing(&self) -> Arc<Clearing> {
        Arc::clone(&self.0.lock())
    }

    /// Clears at the broker what it is not known to have cleared. Subscribers are told first that the vehicle
    /// is offline.
    pub(super) fn clear(&self, publisher: &dyn Publish) {
        let clearing = self.clearing();
        let left = clearing.left().clone();
        for topic in left {
            if topic.ends_with("/availability") {
                publisher.publish(Outgoing::new(topic.clone(), "offline").retained());
            }
            let notice =
                Notice::to(Arc::new(Cleared { topic: topic.clone(), clearing: Arc::clone(&clearing) }));
            let clear = Outgoing::new(topic, Vec::new()).retained();
            publisher.publish(Outgoing { notice: Some(notice), ..clear });
        }
        // The store may be out of date although nothing is left.
        clearing.finish();
    }
}

impl Clearing {
    async fn open(topics: &Topics, names: &Names, store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        let (vehicles, accounts) = (names.vehicles.iter(), names.accounts.iter());
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
        let (left, afterwards, store) = (Mutex::new(left), Mutex::new(afterwards), Arc::clone(store));
        Ok(Self { left, afterwards, store })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    /// A broker that acknowledges when it is told to.
    #[derive(Debug, Default)]
    struct Slow(Mutex<Vec<Outgoing>>);

    impl Publish for Slow {
        fn publish(&self, message: Outgoing) {
            self.0.lock().push(message);
        }
    }

    impl Slow {
        /// Returns what was to be cleared since the last call.
        fn cleared(&self) -> Vec<Outgoing> {
            let mut messages = std::mem::take(&mut *self.0.lock());
            messages.retain(|message| message.payload.is_empty());
            messages
        }
    }

    fn names(vehicles: &[&str]) -> Names {
        let vehicles = vehicles.iter().map(|slug| (*slug).to_owned()).collect();
        Names { vehicles, ..Names::default() }
    }

    async fn opened(vehicles: &[&str], store: &Arc<dyn Store>) -> Leftovers {
        Leftovers::open(&Topics::below("b"), &names(vehicles), store).await.unwrap()
    }

    #[tokio::test]
    async fn what_the_broker_has_not_acknowledged_is_still_left() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let broker = Slow::default();
        opened(&["ev6", "niro"], &store).await.clear(&broker);
        assert!(broker.cleared().is_empty());

        // The vehicle has left the configuration. All but one of its topics are acknowledged before the
        // connection ends.
        let leftovers = opened(&["ev6"], &store).await;
        leftovers.clear(&broker);
        let mut messages = broker.cleared();
        assert_eq!(messages.len(), 9, "{messages:?}");
        let last = messages.pop().unwrap();
        let acknowledge = |message: &Outgoing| message.notice.as_ref().unwrap().delivered();
        messages.iter().for_each(acknowledge);
        leftovers.clear(&broker);
        let again: Vec<String> = broker.cleared().into_iter().map(|message| message.topic).collect();
        assert_eq!(again, [last.topic]);

        // The next host does not know which topic that was.
        let leftovers = opened(&["ev6"], &store).await;
        leftovers.clear(&broker);
        let messages = broker.cleared();
        assert_eq!(messages.len(), 9, "{messages:?}");
        messages.iter().for_each(acknowledge);
        opened(&["ev6"], &store).await.clear(&broker);
        assert!(broker.cleared().is_empty(), "once is enough");
    }
}
