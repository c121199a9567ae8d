//! The newest requests that a cloud was asked.

use std::collections::VecDeque;

/// The newest entries, oldest first, each under the number of its arrival.
#[derive(Debug)]
pub struct Log<E> {
    entries: VecDeque<(u64, E)>,
    capacity: usize,
    drawn: u64,
}

impl<E: Clone> Log<E> {
    /// A log that forgets the oldest of more than `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), capacity, drawn: 0 }
    }

    /// Adds a request, which is told its place in the order of arrival, from 1; returns that.
    pub fn open(&mut self, entry: impl FnOnce(u64) -> E) -> u64 {
        self.drawn += 1;
        if self.entries.len() >= self.capacity {
            self.entries.pop_front();
        }
        if self.capacity > 0 {
            self.entries.push_back((self.drawn, entry(self.drawn)));
        }
        self.drawn
    }

    /// Completes an entry, unless it was forgotten meanwhile.
    pub fn close(&mut self, seq: u64, complete: impl FnOnce(&mut E)) {
        // Most requests are answered soon after they arrive, so they are near the end.
        if let Some((_, entry)) = self.entries.iter_mut().rev().find(|(number, _)| *number == seq) {
            complete(entry);
        }
    }

    /// All that is kept.
    pub fn entries(&self) -> Vec<E> {
        self.entries.iter().map(|(_, entry)| entry.clone()).collect()
    }

    /// Forgets all entries; numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
