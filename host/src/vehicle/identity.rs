//! Identity of a configured vehicle: which car it turned out to be, remembered over restarts.
//!
//! Vendors give cars other identifiers, and owners give cars other names. The VIN stays: by it a car is known
//! again under another identifier, and by it the host notices that a name, or a slug, has come to mean
//! another car, of which nothing is known that was known of the one before.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::config::Selector;
use crate::digest::Digest;
use crate::store::{Kind, Store, StoreError, Write, load_document};

/// Digest of the VIN, so that nothing has to hide it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Digest of the account, and of how the configuration chooses among its vehicles. Another choice is
    /// another question.
    chosen_by: String,
    vin: String,
}

/// Identity of a configured vehicle.
#[derive(Debug)]
pub(crate) struct Identity {
    slug: String,
    chosen_by: String,
    known: Mutex<Option<Known>>,
    store: Arc<dyn Store>,
}

impl Identity {
    pub(super) async fn open(slug: &str, selector: &Selector, account: &Account) -> Result<Self, StoreError> {
        let store = Arc::clone(&account.services.store);
        let known = load_document(store.as_ref(), Kind::Identity, slug).await?;
        let chosen_by = match selector {
            Selector::Vin(text) | Selector::Id(text) | Selector::Name(text) => {
                Digest::of(format!("{}/{}/{text}", account.slug, selector.kind()).as_bytes())
            }
        };
        let chosen_by = chosen_by.to_string();
        Ok(Self { slug: slug.to_owned(), chosen_by, known: Mutex::new(known), store })
    }

    /// Returns a digest of the account, and of how the configuration chooses among its vehicles.
    pub(crate) fn chosen_by(&self) -> &str {
        &self.chosen_by
    }

    /// The car that the configuration has meant so far, as long as it says the same.
    pub(crate) fn known(&self) -> Option<String> {
        let known = self.known.lock();
        known.as_ref().filter(|known| known.chosen_by == self.chosen_by).map(|known| known.vin.clone())
    }

    /// Whether this car is the one that it is now; also when it is unknown which one that was.
    pub(crate) fn is_still(&self, car: Option<&str>) -> bool {
        car.is_none_or(|car| self.known().as_deref() == Some(car))
    }

    /// Remembers which car it is, and returns whether the slug stood for another one before.
    ///
    /// # Errors
    ///
    /// When it could not be stored; then it is remembered until the next restart.
    pub(crate) async fn is(&self, vin: &str) -> (bool, Result<(), StoreError>) {
        let now = Known { chosen_by: self.chosen_by.clone(), vin: vin.to_owned() };
        let before = {
            let mut known = self.known.lock();
            known.replace(now.clone())
        };
        if before.as_ref() == Some(&now) {
            return (false, Ok(()));
        }
        let another = before.is_some_and(|before| before.vin != now.vin);
        let stored = match Write::document(Kind::Identity, self.slug.clone(), &now) {
            Ok(write) => self.store.commit(vec![write]).await,
            Err(error) => Err(error),
        };
        (another, stored)
    }
}
