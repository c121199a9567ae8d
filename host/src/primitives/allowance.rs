//! Allowance of one operation: what it may still send.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::future::BoxFuture;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OnceCell};

use crate::descriptor::Told;
use crate::protect::day_budget::DayBudget;
use crate::store::StoreError;
use crate::time::Clock;

/// A journal that is told before a request leaves on which a vehicle may act.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Writes down that the command is being sent. After a crash a command that was written down is never
    /// sent again, and one that was not has certainly not been sent.
    fn sending(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Allowance of one operation: what it may still send, shared by all calls made for it.
#[derive(Debug)]
pub struct Allowance {
    sends_left: AtomicU32,
    sent: AtomicU32,
    /// Number of those that never left the machine, or were never sent.
    unsent: AtomicU32,
    /// Whether a request that acts on the vehicle was sent.
    acted: AtomicBool,
    /// Whether a request that acts on the vehicle ended without an answer, or with one that does not say
    /// whether the vehicle was told. From then on none is sent, unless it may be repeated.
    outcome_unknown: AtomicBool,
    /// Whether one was answered with a success, as far as the status tells.
    taken: AtomicBool,
    /// Whether one was answered in a way that does not say whether the vehicle was told. From then on none is
    /// sent.
    not_refused: AtomicBool,
    repeatable: bool,
    counted: Option<Counted>,
    journal: Option<Arc<dyn Journal>>,
    written_down: OnceCell<()>,
    leaving: Notify,
}

/// Budget of the account's day, and the operation that requests are counted for.
#[derive(Debug)]
struct Counted {
    requests: Arc<DayBudget>,
    op: &'static str,
    clock: Arc<dyn Clock>,
}

/// State of an allowance before a request left on which the vehicle may act.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    outcome_unknown: bool,
    acted: bool,
}

impl Allowance {
    /// Makes the allowance of one operation that may send `sends` requests.
    #[must_use]
    pub fn new(sends: u32) -> Self {
        Self {
            sends_left: AtomicU32::new(sends),
            sent: AtomicU32::new(0),
            unsent: AtomicU32::new(0),
            acted: AtomicBool::new(false),
            outcome_unknown: AtomicBool::new(false),
            taken: AtomicBool::new(false),
            not_refused: AtomicBool::new(false),
            repeatable: false,
            counted: None,
            journal: None,
            written_down: OnceCell::new(),
            leaving: Notify::new(),
        }
    }

    /// Counts every request among those of the account's day as well, for this operation.
    #[must_use]
    pub fn counted(self, requests: Arc<DayBudget>, op: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self { counted: Some(Counted { requests, op, clock }), ..self }
    }

    /// Tells a journal before the first request on which the vehicle may act.
    #[must_use]
    pub fn journalled(self, journal: Arc<dyn Journal>) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// Allows repeats, for an operation that has the same effect however often it is sent: the vehicle may be
    /// asked again after a request that was never answered. What is not confirmed then stays unknown.
    #[must_use]
    pub fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// Continues an operation of which an earlier host has sent `sent` requests, among them one on which the
    /// vehicle may act if `acted`.
    pub fn resume_from(&self, sent: u32, acted: bool) {
        self.sent.store(sent, Ordering::Relaxed);
        self.acted.store(acted, Ordering::Relaxed);
    }

    /// Returns the number of requests that were sent, or tried.
    #[must_use]
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether a request may have reached a server.
    #[must_use]
    pub fn arrived(&self) -> bool {
        self.perhaps_arrived() > 0
    }

    /// Returns the number of requests that may have reached a server.
    #[must_use]
    pub fn perhaps_arrived(&self) -> u32 {
        self.sent().saturating_sub(self.unsent.load(Ordering::Relaxed))
    }

    /// Gives back a request that was taken and has not left after all.
    pub(super) fn not_sent(&self) {
        self.unsent.fetch_add(1, Ordering::Relaxed);
        if let Some(Counted { requests, op, clock }) = &self.counted {
            requests.give_back(op, clock.now());
        }
    }

    /// Whether a request on which the vehicle may act was sent.
    #[must_use]
    pub fn acted(&self) -> bool {
        self.acted.load(Ordering::Relaxed)
    }

    /// Whether the vehicle may have acted without the host knowing.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        self.outcome_unknown.load(Ordering::Relaxed)
    }

    /// Takes one request. The error says why there is none left.
    pub(super) fn take_send(&self) -> Result<(), String> {
        self.sends_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map_err(|_| "this operation has used up its requests".to_owned())?;
        if let Some(Counted { requests, op, clock }) = &self.counted {
            requests.take(op, clock.now()).map_err(|none_left| none_left.to_string())?;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Returns a future that ends when the next request leaves.
    pub(crate) fn leaving(&self) -> Notified<'_> {
        self.leaving.notified()
    }

    /// Tells that a request leaves.
    pub(super) fn leaves(&self) {
        self.leaving.notify_waiters();
    }

    /// Writes down, once, that a request is about to leave on which the vehicle may act.
    pub(super) async fn write_down(&self) -> Result<(), StoreError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        self.written_down.get_or_try_init(|| journal.sending()).await.map(|_| ())
    }

    /// Whether a request on which the vehicle may act was answered, and not with a refusal.
    #[must_use]
    pub fn perhaps_done(&self) -> bool {
        self.taken.load(Ordering::Relaxed) || self.outcome_unknown()
    }

    /// Whether a request on which the vehicle may act may be sent.
    pub(super) fn may_act(&self) -> bool {
        !self.not_refused.load(Ordering::Relaxed) && (self.repeatable || !self.outcome_unknown())
    }

    /// Records that a request leaves on which the vehicle may act. Until it is answered, whether the vehicle
    /// does is unknown. Returns the state before.
    pub(super) fn begin_act(&self) -> Before {
        Before {
            outcome_unknown: self.outcome_unknown.swap(true, Ordering::Relaxed),
            acted: self.acted.swap(true, Ordering::Relaxed),
        }
    }

    /// Records the answer to that request. It says nothing about an earlier one.
    pub(super) fn answered(&self, before: Before, told: Told) {
        match told {
            Told::Refused => {}
            Told::Taken => self.taken.store(true, Ordering::Relaxed),
            // As after a request without an answer.
            Told::Trouble => return,
            // The outcome is unknown, and stays so after a second request.
            Told::Nothing => return self.not_refused.store(true, Ordering::Relaxed),
        }
        self.outcome_unknown.store(before.outcome_unknown, Ordering::Relaxed);
    }

    /// Records that the request has not left after all.
    pub(super) fn take_back_act(&self, before: Before) {
        self.acted.store(before.acted, Ordering::Relaxed);
        self.outcome_unknown.store(before.outcome_unknown, Ordering::Relaxed);
    }
}
