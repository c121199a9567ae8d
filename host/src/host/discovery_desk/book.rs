//! What Home Assistant is told of each device, and what the broker may have of that.
//!
//! Discovery is retained, so whatever was ever published stays until it is cleared. A topic is written down before it is
//! published to and crossed out when the broker has acknowledged that it is cleared: a host that ends in between leaves
//! nothing behind that the next one does not know of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::config::Discovery;
use crate::homeassistant::{Device, Form, LARGEST, Rank};
use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::wire::message::{Delivered, Notice, Outgoing};

/// What the broker may have of a device, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Record {
    /// Topics.
    topics: BTreeSet<String>,
    /// Platforms of the entities that one message about the whole device may have named, by their keys.
    entities: BTreeMap<String, String>,
}

/// One device.
#[derive(Debug, Default)]
struct Page {
    rank: Option<Rank>,
    /// Documents that are to be retained, by their topics.
    messages: BTreeMap<String, Vec<u8>>,
    record: Record,
    /// Topics that the broker was asked to clear, with the number of the last request.
    clearing: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Pages {
    devices: BTreeMap<String, Page>,
    /// Devices that are configured and of which nothing can be said at the moment: what the broker has of them stays.
    kept: BTreeSet<String>,
    /// Whether an operator has had everything cleared, and wants nothing published.
    is_silent: bool,
    /// Number of requests to clear a topic.
    requests: u64,
}

/// The documents, and what the broker may have.
#[derive(Debug)]
pub(super) struct Book {
    form: Form,
    store: Arc<dyn Store>,
    pages: Mutex<Pages>,
}

/// Notice that the broker has cleared a topic.
#[derive(Debug)]
struct Cleared {
    book: Arc<Book>,
    id: String,
    topic: String,
    request: u64,
}

impl Delivered for Cleared {
    fn delivered(&self) {
        self.book.cleared(&self.id, &self.topic, self.request);
    }
}

impl Page {
    /// Topics that the broker may have and should not.
    fn stale(&self, is_silent: bool) -> Vec<String> {
        let wanted = |topic: &&String| !is_silent && self.messages.contains_key(*topic);
        self.record.topics.iter().filter(|topic| !wanted(topic)).cloned().collect()
    }
}

impl Book {
    /// Reads what the broker may have. Nothing is to be published yet.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(super) async fn open(form: Form, store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        let mut pages = Pages::default();
        for id in store.keys(Kind::Discovery).await? {
            let record = load_document::<Record>(store.as_ref(), Kind::Discovery, &id).await?;
            let page = Page { record: record.unwrap_or_default(), ..Page::default() };
            pages.devices.insert(id, page);
        }
        Ok(Self { form, store: Arc::clone(store), pages: Mutex::new(pages) })
    }

    /// Keeps what the broker has of devices of which nothing can be said at the moment.
    pub(super) fn keep(&self, ids: impl IntoIterator<Item = String>) {
        self.pages.lock().kept.extend(ids);
    }

    /// Tells nothing any more of devices that are not among these: what the broker has of them is to be cleared.
    pub(super) fn only(&self, ids: &BTreeSet<String>) {
        let mut pages = self.pages.lock();
        let Pages { devices, kept, .. } = &mut *pages;
        kept.retain(|id| ids.contains(id));
        for (_, page) in devices.iter_mut().filter(|(id, _)| !ids.contains(*id)) {
            page.rank = None;
            page.messages.clear();
        }
    }

    /// Writes down what is to be published of a device from now on. Returns whether that is something else than before.
    pub(super) async fn write_down(&self, device: &Device) -> bool {
        let (messages, committing) = {
            let mut pages = self.pages.lock();
            let page = pages.devices.entry(device.id.clone()).or_default();
            let messages = device.messages(&self.form, &page.record.entities);
            let mut record = page.record.clone();
            record.topics.extend(messages.keys().cloned());
            if self.form.discovery == Discovery::Device {
                record.entities.extend(device.platforms());
            }
            let is_news = record != page.record;
            page.record = record;
            // Under the lock, so that what changes later is stored later.
            let committing = is_news.then(|| self.commit(&device.id, &page.record));
            (messages, committing)
        };
        for (topic, message) in messages.iter().filter(|(_, message)| message.len() > LARGEST) {
            tracing::error!(
                topic,
                bytes = message.len(),
                "Home Assistant may not take a document of this size"
            );
        }
        if let Some(committing) = committing
            && let Err(error) = committing.await
        {
            tracing::warn!(
                device = device.id,
                "what Home Assistant is told may be left behind if the configuration changes: {error}"
            );
        }
        let mut pages = self.pages.lock();
        pages.kept.remove(&device.id);
        let page = pages.devices.entry(device.id.clone()).or_default();
        page.rank = Some(device.rank);
        let is_changed = page.messages != messages;
        page.messages = messages;
        is_changed
    }

    /// Identifiers of the devices that are to be published.
    pub(super) fn ids(&self) -> Vec<String> {
        let pages = self.pages.lock();
        pages.devices.iter().filter(|(_, page)| page.rank.is_some()).map(|(id, _)| id.clone()).collect()
    }

    /// Documents that are to be retained, in the order in which they are published.
    pub(super) fn documents(&self) -> Vec<(String, Vec<u8>)> {
        let pages = self.pages.lock();
        let mut all: Vec<&Page> = pages.devices.values().filter(|page| page.rank.is_some()).collect();
        all.sort_by_key(|page| page.rank);
        all.into_iter().flat_map(|page| page.messages.clone()).collect()
    }

    /// Returns everything that the broker is to be told: what is to be cleared, then what is to be retained. The other
    /// way round Home Assistant would have the same entity twice when the form of the messages has changed.
    pub(super) fn everything(self: &Arc<Self>) -> Vec<Outgoing> {
        let ids: Vec<String> = self.pages.lock().devices.keys().cloned().collect();
        let mut messages: Vec<Outgoing> = ids.iter().flat_map(|id| self.clears(id)).collect();
        if !self.pages.lock().is_silent {
            messages.extend(self.documents().into_iter().map(retained));
        }
        messages
    }

    /// Returns the same of one device.
    pub(super) fn of(self: &Arc<Self>, id: &str) -> Vec<Outgoing> {
        let mut messages = self.clears(id);
        let pages = self.pages.lock();
        if let Some(page) = pages.devices.get(id).filter(|_| !pages.is_silent) {
            messages.extend(page.messages.clone().into_iter().map(retained));
        }
        messages
    }

    /// Publishes nothing from now on, or again.
    pub(super) fn silence(&self, is_silent: bool) {
        self.pages.lock().is_silent = is_silent;
    }

    /// Returns the messages that clear what the broker should not have of a device.
    fn clears(self: &Arc<Self>, id: &str) -> Vec<Outgoing> {
        let mut pages = self.pages.lock();
        let Pages { devices, kept, is_silent, requests } = &mut *pages;
        let Some(page) = devices.get_mut(id).filter(|_| *is_silent || !kept.contains(id)) else {
            return Vec::new();
        };
        let stale = page.stale(*is_silent);
        let clear = |topic: String| {
            *requests += 1;
            page.clearing.insert(topic.clone(), *requests);
            let (book, id, request) = (Arc::clone(self), id.to_owned(), *requests);
            let notice = Notice::to(Arc::new(Cleared { book, id, topic: topic.clone(), request }));
            Outgoing { notice: Some(notice), ..Outgoing::new(topic, Vec::new()).retained() }
        };
        stale.into_iter().map(clear).collect()
    }

    /// Crosses out a topic that the broker has cleared, unless it has got something again since.
    fn cleared(&self, id: &str, topic: &str, request: u64) {
        let mut pages = self.pages.lock();
        let Pages { devices, is_silent, .. } = &mut *pages;
        let Some(page) = devices.get_mut(id) else { return };
        if page.clearing.get(topic) != Some(&request) {
            return;
        }
        page.clearing.remove(topic);
        if page.messages.contains_key(topic) && !*is_silent {
            return;
        }
        page.record.topics.remove(topic);
        if page.record.topics.is_empty() {
            page.record.entities.clear();
        }
        // Under the lock, so that what changes later is stored later. It is stored even if nothing waits for it; if it
        // is not, the topic is cleared once more by the next host.
        drop(self.commit(id, &page.record));
        if page.record.topics.is_empty() && page.rank.is_none() {
            devices.remove(id);
        }
    }

    /// Stores what the broker may have of a device.
    fn commit(
        &self,
        id: &str,
        record: &Record,
    ) -> futures_util::future::BoxFuture<'static, Result<(), StoreError>> {
        let write = if record.topics.is_empty() {
            Ok(Write::remove(Kind::Discovery, id))
        } else {
            Write::document(Kind::Discovery, id, record)
        };
        match write {
            Ok(write) => self.store.commit(vec![write]),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

fn retained((topic, document): (String, Vec<u8>)) -> Outgoing {
    Outgoing::new(topic, document).retained()
}

#[cfg(test)]
mod tests;
