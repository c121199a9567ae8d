//! A host of this program's own on a copy of what the state has of accounts and connectors: what keeps an account from
//! being signed in, and what a connector would find. It forgets, so nothing that it does is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::config::Config;
use crate::host::{Environment, Host};
use crate::sandbox::Compiler;
use crate::store::{Kind, MemoryStore, OpenError, Reader, Store as _, Write};
use crate::time::SystemClock;
use crate::wire::publish::Discard;

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

/// Starts a host on a copy of the state, which may be in use, and need not be there.
///
/// # Errors
///
/// When the state cannot be read, so that what it has is not known; or when a host with this configuration does not
/// start.
pub(super) async fn host(config: &Config, directory: &Path) -> anyhow::Result<Arc<Host>> {
    let from: PathBuf = directory.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&from));
    let store = MemoryStore::default();
    store.commit(reading.await.context("the state was not read")??).await?;
    let environment = Environment::new(Arc::new(store), Arc::new(SystemClock::start()), Arc::new(Discard));
    let environment = environment.with_compiler(Compiler::in_child_of_this_program()?);
    Ok(Host::start_briefly(config, environment).await?)
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
