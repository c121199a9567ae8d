//! What the state has of accounts and connectors, copied for a rehearsal: what keeps an account from being signed in, and
//! what a connector would find.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::store::{Kind, MemoryStore, OpenError, Reader, Store as _, Write};

/// What is copied.
const KINDS: [Kind; 14] = [
    Kind::Cell,
    Kind::Credentials,
    Kind::Latch,
    Kind::Doubt,
    Kind::Question,
    Kind::Retried,
    Kind::Daily,
    Kind::DayBudget,
    Kind::RetryBudget,
    Kind::Throttle,
    Kind::Isolated,
    Kind::Slot,
    Kind::Component,
    Kind::BadComponent,
];

/// Copies it, if there is a state. The state may be in use.
///
/// # Errors
///
/// When it cannot be read: then what it has is not known, and a sign-in would not be made either.
pub(super) async fn copy(directory: &Path, to: &MemoryStore) -> anyhow::Result<()> {
    let from: PathBuf = directory.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&from));
    let writes = reading.await.context("the state was not read")??;
    Ok(to.commit(writes).await?)
}

fn read(directory: &Path) -> anyhow::Result<Vec<Write>> {
    let reader = match Reader::open(directory) {
        Ok(reader) => reader,
        Err(OpenError::Absent { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut writes = Vec::new();
    for kind in KINDS {
        let records = reader.list(kind)?.into_iter();
        writes.extend(records.map(|(key, value)| Write { kind, key, value: Some(value) }));
    }
    Ok(writes)
}
