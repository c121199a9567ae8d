//! Latches: states of an account that only a person can end.
//!
//! After a refused grant the next call to the token endpoint would be refused too, and the one after that might
//! lock the account. So one is made and then none, until the credentials change; a restart changes nothing.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bindings::policy;
use crate::slot::Digest;
use crate::store::{Kind, Store, StoreError, Write};

/// What a person must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LatchKind {
    /// Give new credentials.
    AuthRequired,
    /// Give a one-time code.
    OtpRequired,
    /// Wait: the vendor blocks this client.
    LockedOut,
}

impl From<&policy::Latch> for LatchKind {
    fn from(latch: &policy::Latch) -> Self {
        match latch {
            policy::Latch::OtpRequired => Self::OtpRequired,
            policy::Latch::Blocked => Self::LockedOut,
            policy::Latch::AuthRequired | policy::Latch::Other(_) => Self::AuthRequired,
        }
    }
}

/// A latch that is set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Latched {
    /// What a person must do.
    pub kind: LatchKind,
    /// In words, without secrets.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// The credentials that it is about: it does not hold for others.
    credentials: String,
}

/// The latch of one account.
#[derive(Debug)]
pub struct Latch {
    account: String,
    credentials: String,
    current: RwLock<Option<Latched>>,
    store: Arc<dyn Store>,
}

impl Latch {
    /// Opens the latch of an account. One that was set for other credentials is lifted.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        account: &str,
        credentials: Digest,
        store: &Arc<dyn Store>,
    ) -> Result<Self, StoreError> {
        let credentials = credentials.to_string();
        let stored: Option<Latched> = match store.load(Kind::Latch, account).await? {
            Some(bytes) => Some(
                serde_json::from_slice(&bytes)
                    .map_err(|error| StoreError(format!("the latch of {account} is damaged: {error}")))?,
            ),
            None => None,
        };
        let current = stored.filter(|latched| latched.credentials == credentials);
        Ok(Self {
            account: account.to_owned(),
            credentials,
            current: RwLock::new(current),
            store: Arc::clone(store),
        })
    }

    /// The latch, if it is set.
    #[must_use]
    pub fn current(&self) -> Option<Latched> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the latch. The first reason stays.
    ///
    /// # Errors
    ///
    /// When it could not be stored. It holds all the same, until the next restart.
    pub async fn set(&self, kind: LatchKind, reason: String, now: Timestamp) -> Result<Latched, StoreError> {
        let latched = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let credentials = self.credentials.clone();
            current.get_or_insert(Latched { kind, reason, since: now, credentials }).clone()
        };
        let value = serde_json::to_vec(&latched).map_err(|error| StoreError(error.to_string()))?;
        let write = Write { kind: Kind::Latch, key: self.account.clone(), value: Some(value) };
        self.store.commit(vec![write]).await?;
        Ok(latched)
    }
}
