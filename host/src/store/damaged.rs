//! Records that cannot be read.
//!
//! A byte turns over on a disk, or an older version meets what a newer one has written. One such record among ten thousand
//! is no reason to leave a home without its car. It is set aside, so that it is met once, and whoever asked for it assumes
//! the careful value: what limits is used up, what stops is set, what was begun is unknown, what is a secret is gone.

use serde::de::DeserializeOwned;

use super::{Kind, Store, StoreError, Write};

/// What a store has under a key.
#[derive(Debug)]
pub(crate) enum Loaded<T> {
    /// Nothing.
    Absent,
    /// This.
    Whole(T),
    /// Something that cannot be read, and is set aside now.
    Damaged,
}

/// A document that was stored as JSON, for those to whom it matters that one was there.
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

/// A document that was stored as JSON; none if there is none, or none that can be read.
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

/// A document from what a store has of it. None if it is damaged; then it is set aside.
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
    // Where it is damaged and not how: parsers quote, and records hold secrets.
    let (record, column) = (format!("{}/{key}", kind.as_str()), error.column());
    tracing::error!(record, column, "a record is damaged and was set aside");
    let aside = Write { kind: Kind::Damaged, key: record, value: Some(bytes.to_vec()) };
    if let Err(error) = store.commit(vec![aside, Write::remove(kind, key)]).await {
        tracing::warn!("it stays where it is for now: {error}");
    }
    None
}
