//! Records that cannot be read.
//!
//! A byte flips on a disk, or an older version meets a record of a newer one. One such record among ten
//! thousand is not a reason to leave a home without its car. It is set aside, so that it is met once, and its
//! reader assumes the careful value: a limit is used up, a stop is set, a command begun has an unknown end, a
//! secret is gone.

use serde::de::DeserializeOwned;

use super::{Kind, Store, StoreError, Write};

/// The content that a store has under a key.
#[derive(Debug)]
pub(crate) enum Loaded<T> {
    /// No record.
    Absent,
    /// A readable document.
    Whole(T),
    /// A record that cannot be read, and is set aside now.
    Damaged,
}

/// Loads a document that was stored as JSON, for callers to which it matters that there was one.
///
/// # Errors
///
/// When the store cannot be read.
pub(crate) async fn load_carefully<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    key: &str,
) -> Result<Loaded<T>, StoreError> {
    let Some(bytes) = store.load(kind, key).await? else { return Ok(Loaded::Absent) };
    Ok(read_document(store, kind, key, &bytes).await.map_or(Loaded::Damaged, Loaded::Whole))
}

/// Loads a document that was stored as JSON; none if it does not exist or cannot be read.
///
/// # Errors
///
/// When the store cannot be read.
pub(crate) async fn load_document<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    key: &str,
) -> Result<Option<T>, StoreError> {
    Ok(match load_carefully(store, kind, key).await? {
        Loaded::Whole(document) => Some(document),
        Loaded::Absent | Loaded::Damaged => None,
    })
}

/// Reads a document from its stored bytes. None if it is damaged; then it is set aside.
pub(crate) async fn read_document<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    key: &str,
    bytes: &[u8],
) -> Option<T> {
    let error = match serde_json::from_slice(bytes) {
        Ok(document) => return Some(document),
        Err(error) => error,
    };
    // Reports where it is damaged and not how: parsers quote, and records hold secrets.
    let (record, column) = (format!("{}/{key}", kind.as_str()), error.column());
    tracing::error!(record, column, "a record is damaged and was set aside");
    let aside = Write { kind: Kind::Damaged, key: record, value: Some(bytes.to_vec()) };
    if let Err(error) = store.commit(vec![aside, Write::remove(kind, key)]).await {
        tracing::warn!("it stays where it is for now: {error}");
    }
    None
}
