//! Final results by identifier: repeating a command repeats its result and not the command.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::operation::Report;
use crate::store::{Kind, Store, StoreError, Write};

/// How many results are remembered. More than a home sends in the day that is promised, and bounded.
const REMEMBERED: usize = 2_000;

/// What is known of an identifier.
#[derive(Debug)]
pub enum Known {
    /// Nothing: the command is new, and from now on it is under way.
    New,
    /// It is under way.
    UnderWay,
    /// It is over.
    Over(Box<Report>),
}

/// The results of all vehicles.
#[derive(Debug)]
pub struct Results {
    store: Arc<dyn Store>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    under_way: BTreeSet<String>,
    order: VecDeque<String>,
}

fn key(vehicle: &str, id: &str) -> String {
    format!("{vehicle}/{id}")
}

impl Results {
    /// Results that are kept in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, memory: Mutex::default() }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a command, unless it is known. Exactly one caller is told that it is new.
    ///
    /// # Errors
    ///
    /// When the store cannot say; then nothing is registered.
    pub async fn begin(&self, vehicle: &str, id: &str) -> Result<Known, StoreError> {
        let key = key(vehicle, id);
        if !self.memory().under_way.insert(key.clone()) {
            return Ok(Known::UnderWay);
        }
        let known = match self.store.load(Kind::Result, &key).await {
            Ok(None) => return Ok(Known::New),
            Ok(Some(bytes)) => serde_json::from_slice(&bytes)
                .map(|report| Known::Over(Box::new(report)))
                .map_err(|error| StoreError(format!("the result {key} is damaged: {error}"))),
            Err(error) => Err(error),
        };
        self.memory().under_way.remove(&key);
        known
    }

    /// The result of an earlier command.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn result(&self, vehicle: &str, id: &str) -> Result<Option<Report>, StoreError> {
        let bytes = self.store.load(Kind::Result, &key(vehicle, id)).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Remembers a final result, and forgets the oldest if there are too many.
    ///
    /// # Errors
    ///
    /// When it could not be stored. The command is over all the same.
    pub async fn finish(&self, vehicle: &str, report: &Report) -> Result<(), StoreError> {
        let key = key(vehicle, &report.id);
        let value = serde_json::to_vec(report).map_err(|error| StoreError(error.to_string()))?;
        let mut writes = vec![Write { kind: Kind::Result, key: key.clone(), value: Some(value) }];
        {
            let mut memory = self.memory();
            memory.order.push_back(key.clone());
            while memory.order.len() > REMEMBERED {
                writes.extend(memory.order.pop_front().map(|key| Write {
                    kind: Kind::Result,
                    key,
                    value: None,
                }));
            }
        }
        let stored = self.store.commit(writes).await;
        self.memory().under_way.remove(&key);
        stored
    }
}
