//! State that must outlive a restart, behind one small trait.
//!
//! The host writes before it acts: a session is stored before it is used, a command's identifier before the
//! command is sent. What implements the trait decides how much of that survives.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;

/// What a record is about. Each kind has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A lock cell with its secrets; the key is `account/cell`.
    Cell,
    /// A latch; the key is the account, or `account/pin`.
    Latch,
    /// A command and its result; the key is `vehicle/id`.
    Result,
    /// When an account was signed in; the key is the account.
    SignIns,
    /// The digest of the credentials that an account's cells belong to; the key is the account.
    Credentials,
}

/// One change: a new value, or none to remove the record.
#[derive(Debug, Clone)]
pub struct Write {
    /// The kind of the record.
    pub kind: Kind,
    /// The record's key.
    pub key: String,
    /// Its new value.
    pub value: Option<Vec<u8>>,
}

/// A record could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(pub String);

/// Keeps records.
pub trait Store: fmt::Debug + Send + Sync {
    /// The value of a record, or none.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Makes all changes or none. They are as durable as this store can make them when it returns.
    ///
    /// # Errors
    ///
    /// When nothing was written.
    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Keeps records in memory, for as long as the process lives.
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<BTreeMap<(Kind, String), Vec<u8>>>,
}

impl fmt::Debug for MemoryStore {
    /// Values hold secrets and are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(records.get(&(kind, key.to_owned())).cloned())
        })
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            for Write { kind, key, value } in writes {
                match value {
                    Some(value) => records.insert((kind, key), value),
                    None => records.remove(&(kind, key)),
                };
            }
            Ok(())
        })
    }
}
