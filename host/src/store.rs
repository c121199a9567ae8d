//! State that must outlive a restart, behind one small trait.
//!
//! The host writes before it acts: a session is stored before it is used, a command's identifier before the
//! command is accepted, and that it is being sent before it is sent. The implementation of the trait decides
//! how much of that survives: [`SqliteStore`] everything that was committed, [`MemoryStore`] nothing.

mod damaged;
mod directory;
mod memory;
mod sqlite;

use std::fmt;

use futures_util::future::BoxFuture;

pub(crate) use self::damaged::{Loaded, load_carefully, load_document, read_document};
pub use self::directory::{Directory, DirectoryError};
pub use self::memory::MemoryStore;
pub use self::sqlite::{DATABASE, OpenError, Reader, SqliteStore, set_aside};

/// The kind of a record. Each kind has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A lock cell with its secrets; the key is `account/cell`.
    Cell,
    /// The digest of the credentials that an account's cells belong to; the key is the account.
    Credentials,
    /// A latch; the key is the account, `account/pin`, or `client/…` for what all accounts share.
    Latch,
    /// A doubt about a credential; the key is `account/` and the name of its subject.
    Doubt,
    /// A question to a person in the middle of a sign-in, with the secrets that are staged with it; the key is the
    /// account.
    Question,
    /// What an owner was told of the end of a grant; the key is the account.
    GrantTold,
    /// The end of what a configured token grants, as it was first known; the key is the account.
    GrantEnds,
    /// Retries that people asked for, the latest last; the key is the account.
    Retried,
    /// A command and its result; the key is `vehicle/id`.
    Result,
    /// Data needed to ask for the outcome of a command that the cloud has taken; the key is that of its
    /// result.
    Pending,
    /// State of a vehicle as far as it is known; the key is its slug.
    Known,
    /// Preferences for the climate of a vehicle; the key is its slug.
    Preferences,
    /// What the controls of a vehicle show beyond its state; the key is its slug.
    Controls,
    /// Rhythm of the reads of a vehicle; the key is its slug.
    Rhythm,
    /// A final result that the broker may not have; the key is that of the result.
    Unpublished,
    /// Packet identifier under which a command without an identifier of its own came; the key is a place
    /// among a fixed number.
    Delivery,
    /// Daily count of an action; the key names the action, and the account or vehicle.
    Daily,
    /// Requests of an account on one day; the key is the account.
    DayBudget,
    /// Stock left in an account's retry budget; the key is the account.
    RetryBudget,
    /// Time until which a vendor wants an account to be left alone; the key is the account.
    Throttle,
    /// A circuit that an operator holds open; the key is its name.
    Isolated,
    /// A decision of a policy; the key is its number with leading zeros.
    Audit,
    /// Active and earlier generations of a slot; the key is the slot's name.
    Slot,
    /// The bytes of a component; the key is its SHA-256.
    Component,
    /// A component that had to be rolled back; the key is `slot/SHA-256`.
    BadComponent,
    /// An attempt to change a slot; the key is its number with leading zeros.
    Deployment,
    /// A component that waits until somebody wants it; the key is the slot's name.
    Offer,
    /// The rollout of a policy; the key is the slot's name.
    Rollout,
    /// Car that a configured vehicle turned out to be; the key is the vehicle.
    Identity,
    /// The retained topics of a vehicle or an account that the broker may have; the key is `vehicle/…` or
    /// `account/…`.
    Retained,
    /// What Home Assistant may have been told of a device; the key is the device's identifier there.
    Discovery,
    /// A record that could not be read; the key is `kind/key` of that record.
    Damaged,
    /// A decision on which the candidate and the active policy differ; the key is its number with leading
    /// zeros.
    Disagreement,
}

impl Kind {
    /// Name under which the kind is stored. Never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cell => "cell",
            Self::Credentials => "credentials",
            Self::Latch => "latch",
            Self::Doubt => "doubt",
            Self::Question => "question",
            Self::GrantTold => "grant-told",
            Self::GrantEnds => "grant-ends",
            Self::Retried => "retried",
            Self::Result => "result",
            Self::Pending => "pending",
            Self::Known => "known",
            Self::Preferences => "preferences",
            Self::Rhythm => "rhythm",
            Self::Controls => "controls",
            Self::Unpublished => "unpublished",
            Self::Delivery => "delivery",
            Self::Daily => "daily",
            Self::DayBudget => "day-budget",
            Self::RetryBudget => "retry-budget",
            Self::Throttle => "throttle",
            Self::Isolated => "isolated",
            Self::Audit => "audit",
            Self::Slot => "slot",
            Self::Component => "component",
            Self::BadComponent => "bad-component",
            Self::Deployment => "deployment",
            Self::Offer => "offer",
            Self::Rollout => "rollout",
            Self::Identity => "identity",
            Self::Retained => "retained",
            Self::Discovery => "discovery",
            Self::Damaged => "damaged",
            Self::Disagreement => "disagreement",
        }
    }
}

/// A change: a new value, or none to remove the record.
#[derive(Clone)]
pub struct Write {
    /// Kind of the record.
    pub kind: Kind,
    /// Key of the record.
    pub key: String,
    /// New value; none removes the record.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Stores a document as JSON.
    ///
    /// # Errors
    ///
    /// When the value has no JSON form.
    pub fn document(
        kind: Kind,
        key: impl Into<String>,
        document: &impl serde::Serialize,
    ) -> Result<Self, StoreError> {
        let value = serde_json::to_vec(document).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { kind, key: key.into(), value: Some(value) })
    }

    /// Removes a record; does nothing if it does not exist.
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

/// Failure to read or write a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Failed for this reason.
    #[error("the store failed: {0}")]
    Failed(String),
    /// No room for the record.
    #[error("the store failed: the disk is full ({0})")]
    Full(String),
    /// State taken away under the store. It does not come back while this host runs.
    #[error("the store failed: {0}")]
    Gone(String),
}

/// A record of a kind that the caller knows: its key and its value.
pub type Record = (String, Vec<u8>);

/// Keeps records.
pub trait Store: fmt::Debug + Send + Sync {
    /// Reads the value of a record; none if it does not exist.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Lists all records of a kind with their keys, in the order of the keys.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>>;

    /// Lists the keys of all records of a kind, in order. For kinds whose values are large.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn keys(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        let listed = self.list(kind);
        Box::pin(async move { Ok(listed.await?.into_iter().map(|(key, _value)| key).collect()) })
    }

    /// Makes all changes or none. They are as durable as this store can make them when it returns, and
    /// visible to every `load` that begins later. Changes are made even if the caller does not wait for the
    /// result.
    ///
    /// # Errors
    ///
    /// When nothing was written.
    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>>;
}

#[cfg(test)]
mod tests;
