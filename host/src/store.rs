//! State that must outlive a restart, behind one small trait.
//!
//! The host writes before it acts: a session is stored before it is used, a command's identifier before the
//! command is accepted, and that it is being sent before it is sent. What implements the trait decides how much of
//! that survives: [`SqliteStore`] everything that was committed, [`MemoryStore`] nothing.

mod damaged;
mod directory;
mod memory;
mod sqlite;

use std::fmt;

use futures_util::future::BoxFuture;

pub(crate) use self::damaged::{Loaded, load_carefully, load_document, read_document};
pub use self::directory::{Directory, DirectoryError};
pub use self::memory::MemoryStore;
pub use self::sqlite::{DATABASE, OpenError, Reader, SqliteStore};

/// What a record is about. Each kind has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A lock cell with its secrets; the key is `account/cell`.
    Cell,
    /// The digest of the credentials that an account's cells belong to; the key is the account.
    Credentials,
    /// A latch; the key is the account, `account/pin`, or `client/…` for what all accounts share.
    Latch,
    /// What was refused without a reason; the key is `account/` and what.
    Doubt,
    /// What people wanted tried once more, latest last; the key is the account.
    Retried,
    /// A command and its result; the key is `vehicle/id`.
    Result,
    /// What is needed to ask what became of a command that the cloud has taken; the key is that of its result.
    Pending,
    /// What is known of a vehicle; the key is its slug.
    Known,
    /// A final result that the broker may not have; the key is that of the result.
    Unpublished,
    /// Under which packet identifier a command without one of its own came; the key is a place among so many.
    Delivery,
    /// How often something was done within a day; the key says what, and of which account or vehicle.
    Daily,
    /// What is left of an account's retry budget; the key is the account.
    RetryBudget,
    /// Until when a vendor wants an account to be left alone; the key is the account.
    Throttle,
    /// A circuit that an operator holds open; the key is its name.
    Isolated,
    /// A decision of a policy; the key is its number with leading zeros.
    Audit,
    /// What is active in a slot, and what was before; the key is the slot's name.
    Slot,
    /// The bytes of a component; the key is its SHA-256.
    Component,
    /// A component that had to be rolled back; the key is `slot/SHA-256`.
    BadComponent,
    /// An attempt to change a slot; the key is its number with leading zeros.
    Deployment,
    /// The policy that is being tried out; the key is the slot's name.
    Rollout,
    /// Which car a configured vehicle turned out to be; the key is the vehicle.
    Identity,
    /// The retained topics of a vehicle or an account that the broker may have; the key is `vehicle/…` or `account/…`.
    Retained,
    /// What was to be a record and could not be read; the key is `kind/key` of what it was.
    Damaged,
    /// A decision on which it and the active policy differ; the key is its number with leading zeros.
    Disagreement,
}

impl Kind {
    /// The name under which the kind is stored. Never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cell => "cell",
            Self::Credentials => "credentials",
            Self::Latch => "latch",
            Self::Doubt => "doubt",
            Self::Retried => "retried",
            Self::Result => "result",
            Self::Pending => "pending",
            Self::Known => "known",
            Self::Unpublished => "unpublished",
            Self::Delivery => "delivery",
            Self::Daily => "daily",
            Self::RetryBudget => "retry-budget",
            Self::Throttle => "throttle",
            Self::Isolated => "isolated",
            Self::Audit => "audit",
            Self::Slot => "slot",
            Self::Component => "component",
            Self::BadComponent => "bad-component",
            Self::Deployment => "deployment",
            Self::Rollout => "rollout",
            Self::Identity => "identity",
            Self::Retained => "retained",
            Self::Damaged => "damaged",
            Self::Disagreement => "disagreement",
        }
    }
}

/// One change: a new value, or none to remove the record.
#[derive(Clone)]
pub struct Write {
    /// The kind of the record.
    pub kind: Kind,
    /// The record's key.
    pub key: String,
    /// Its new value.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Stores a document as JSON.
    ///
    /// # Errors
    ///
    /// When it has no JSON form.
    pub fn document(
        kind: Kind,
        key: impl Into<String>,
        document: &impl serde::Serialize,
    ) -> Result<Self, StoreError> {
        let value = serde_json::to_vec(document).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { kind, key: key.into(), value: Some(value) })
    }

    /// Removes a record; does nothing if there is none.
    #[must_use]
    pub fn remove(kind: Kind, key: impl Into<String>) -> Self {
        Self { kind, key: key.into(), value: None }
    }
}

impl fmt::Debug for Write {
    /// Values hold secrets and are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").field("kind", &self.kind).field("key", &self.key).finish_non_exhaustive()
    }
}

/// A record could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// For this reason.
    #[error("the store failed: {0}")]
    Failed(String),
    /// There is no room for it.
    #[error("the store failed: the disk is full ({0})")]
    Full(String),
    /// What it stands on was taken away. It does not come back while this host runs.
    #[error("the store failed: {0}")]
    Gone(String),
}

/// A record of a kind that is known: its key and its value.
pub type Record = (String, Vec<u8>);

/// Keeps records.
pub trait Store: fmt::Debug + Send + Sync {
    /// The value of a record, or none.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// All records of a kind with their keys, in the order of the keys.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>>;

    /// The keys of all records of a kind, in order. For kinds whose values are large.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn keys(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        let listed = self.list(kind);
        Box::pin(async move { Ok(listed.await?.into_iter().map(|(key, _value)| key).collect()) })
    }

    /// Makes all changes or none. They are as durable as this store can make them when it returns, and visible to
    /// every `load` that begins later. Changes are made even if nobody waits for the result.
    ///
    /// # Errors
    ///
    /// When nothing was written.
    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>>;
}

#[cfg(test)]
mod tests;
