//! Progress of an operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::account::Account;
use crate::bindings::policy::Effect;
use crate::primitives::{Allowance, Journal};
use crate::wire::operation::OperationName;
use crate::wire::report::Report;

/// Progress of an operation. Known even if the operation is dropped half way.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) allowance: Arc<Allowance>,
    attempts: AtomicU32,
    refreshed: AtomicBool,
    /// Whether some attempt may have been carried out, whatever became of those after it.
    perhaps_done: AtomicBool,
    /// Whether the last answer may have been about the vehicle's identifier.
    vehicle_in_doubt: AtomicBool,
    action_id: Mutex<Option<String>>,
}

impl Progress {
    /// Begins the progress of an operation of this account, without a journal: for what moves nothing.
    pub(crate) fn for_account(account: &Account, op: &'static str) -> Self {
        let clock = Arc::clone(&account.services.clock);
        let sends = account.requests_per_operation;
        Self::within(Allowance::new(sends).counted(Arc::clone(&account.requests), op, clock))
    }

    /// Begins the progress of a command of this account, which is written down before it is sent.
    pub(crate) fn of_command(account: &Account, name: OperationName, journal: Arc<dyn Journal>) -> Self {
        let clock = Arc::clone(&account.services.clock);
        let sends = account.requests_per_operation;
        let allowance = Allowance::new(sends).counted(Arc::clone(&account.requests), name.as_str(), clock);
        let allowance = allowance.journalled(journal);
        Self::within(match name.effect() {
            Effect::Set => allowance.repeatable(),
            _ => allowance,
        })
    }

    fn within(allowance: Allowance) -> Self {
        Self {
            allowance: Arc::new(allowance),
            attempts: AtomicU32::new(0),
            refreshed: AtomicBool::new(false),
            perhaps_done: AtomicBool::new(false),
            vehicle_in_doubt: AtomicBool::new(false),
            action_id: Mutex::default(),
        }
    }

    /// The vendor's identifier of the action, once the cloud has given one.
    pub(crate) fn action_id(&self) -> Option<String> {
        self.action_id.lock().clone()
    }

    /// Writes the progress into a report.
    pub(crate) fn write_into(&self, report: &mut Report) {
        report.attempts = self.attempts.load(Ordering::Relaxed);
        report.token_refreshed = self.refreshed.load(Ordering::Relaxed);
        report.upstream_calls = self.allowance.sent();
        report.upstream_action_id = self.action_id();
    }

    /// Records that a step was repeated, or begun, with a newer token.
    pub(crate) fn refreshed(&self) {
        self.refreshed.store(true, Ordering::Relaxed);
    }

    /// Whether a step was repeated, or begun, with a newer token.
    pub(super) fn is_refreshed(&self) -> bool {
        self.refreshed.load(Ordering::Relaxed)
    }

    /// Records an attempt that failed in a way that does not tell whether it was carried out.
    pub(crate) fn perhaps_done(&self) {
        self.perhaps_done.store(true, Ordering::Relaxed);
    }

    /// Records whether the last answer may have been about the vehicle's identifier.
    pub(crate) fn doubts_vehicle(&self, doubtful: bool) {
        self.vehicle_in_doubt.store(doubtful, Ordering::Relaxed);
    }

    pub(super) fn attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether some attempt may have been carried out.
    pub(super) fn is_perhaps_done(&self) -> bool {
        self.perhaps_done.load(Ordering::Relaxed)
    }

    /// Whether the last answer may have been about the vehicle's identifier.
    pub(super) fn vehicle_in_doubt(&self) -> bool {
        self.vehicle_in_doubt.load(Ordering::Relaxed)
    }

    /// Goes on where an earlier host has stopped.
    pub(crate) fn resume_from(&self, report: &Report, name: OperationName) {
        self.allowance.resume_from(report.upstream_calls, !name.is_read());
        self.attempts.store(report.attempts, Ordering::Relaxed);
        self.refreshed.store(report.token_refreshed, Ordering::Relaxed);
        self.acts_as(report.upstream_action_id.clone());
    }

    pub(super) fn acts_as(&self, action_id: Option<String>) {
        if let Some(action_id) = action_id {
            *self.action_id.lock() = Some(action_id);
        }
    }
}
