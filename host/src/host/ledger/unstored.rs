//! Final results on their way into the store.

use std::collections::BTreeMap;

use super::Stored;

/// Final results that the store does not have, or may not have yet, by their keys.
#[derive(Debug, Default)]
pub(super) struct Unstored(BTreeMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    stored: Stored,
    /// Whether a caller is storing it. No other one does so meanwhile: what is written a second time counts as
    /// not published, although the broker may have it by then.
    in_hand: bool,
}

impl Unstored {
    pub(super) fn get(&self, key: &str) -> Option<&Stored> {
        self.0.get(key).map(|entry| &entry.stored)
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Adds results, and returns what the caller has to store: these, and those that could not be stored before.
    #[must_use]
    pub(super) fn take_in_hand(&mut self, new: BTreeMap<String, Stored>) -> BTreeMap<String, Stored> {
        self.0.extend(new.into_iter().map(|(key, stored)| (key, Entry { stored, in_hand: false })));
        let waiting = self.0.iter_mut().filter(|(_, entry)| !entry.in_hand);
        waiting
            .map(|(key, entry)| {
                entry.in_hand = true;
                (key.clone(), entry.stored.clone())
            })
            .collect()
    }

    /// Forgets results: the store has them, or nobody misses them.
    pub(super) fn forget<'k>(&mut self, keys: impl IntoIterator<Item = &'k String>) {
        keys.into_iter().for_each(|key| drop(self.0.remove(key)));
    }

    /// Leaves results that could not be stored to the next caller.
    pub(super) fn put_back<'k>(&mut self, keys: impl IntoIterator<Item = &'k String>) {
        for key in keys {
            if let Some(entry) = self.0.get_mut(key) {
                entry.in_hand = false;
            }
        }
    }
}
