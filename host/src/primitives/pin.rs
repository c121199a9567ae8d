//! How often a PIN may be sent.
//!
//! A few wrong PINs lock the PIN for its owner too, in the vendor's app as well. A PIN that the policy takes for
//! refused is latched at once. And because a policy may be wrong about that, the host counts for itself: a PIN that
//! was sent a few times in a row without success is not sent again either, whatever anybody says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;

use crate::latch::{Latch, LatchKind};
use crate::slot::Digest;
use crate::store::{Store, StoreError};

/// Vendors lock after five.
const MOST_OFFERS: u32 = 3;

/// The PIN of one account.
#[derive(Debug)]
pub struct PinGuard {
    latch: Latch,
    /// How often in a row it was sent and answered, without success.
    offers: AtomicU32,
}

impl PinGuard {
    /// Opens the guard of an account's PIN. What was known of another PIN is forgotten.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        account: &str,
        credentials: Digest,
        store: &Arc<dyn Store>,
    ) -> Result<Self, StoreError> {
        let latch = Latch::open(&format!("{account}/pin"), credentials, store).await?;
        Ok(Self { latch, offers: AtomicU32::new(0) })
    }

    /// Whether the PIN is not sent any more.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.latch.is_set_for_good() || self.offers.load(Ordering::Relaxed) >= MOST_OFFERS
    }

    /// The vendor has refused it.
    ///
    /// # Errors
    ///
    /// When that could not be stored. It holds all the same, until the next restart.
    pub async fn refuse(&self, now: Timestamp) -> Result<(), StoreError> {
        let reason = "the vendor refused the PIN".to_owned();
        self.latch.set(LatchKind::AuthRequired, reason, now, None).await.1
    }

    /// It was sent and answered. A server that is unwell has not looked at it.
    pub(super) fn answered(&self, status: u16, with_success: bool) {
        match status {
            _ if with_success => self.offers.store(0, Ordering::Relaxed),
            408 | 429 | 500.. => {}
            _ => {
                self.offers.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
