//! Commands by identifier: repeating a command repeats its result and not the command.
//!
//! A command is written down before it is done. One that is found without a result belongs to a host that ended
//! before the command did: nobody knows what became of it, and it is not done again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::host::RespondTo;
use crate::operation::{Reason, Report, State};
use crate::store::{Kind, Store, StoreError, Write};

/// How many results are remembered. More than a home sends in the day that is promised, and bounded.
const REMEMBERED: usize = 2_000;

/// What is known of an identifier.
#[derive(Debug)]
pub enum Known {
    /// Nothing: the command is new, and from now on it is under way.
    New,
    /// It is under way. Whoever asked again gets its result too.
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
    /// Who wants the result of what is under way.
    under_way: BTreeMap<String, Vec<RespondTo>>,
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

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a command down, unless it is known. Exactly one caller is told that it is new.
    ///
    /// # Errors
    ///
    /// When the store fails; then the command is not registered.
    pub async fn begin(
        &self,
        vehicle: &str,
        accepted: &Report,
        respond_to: Option<RespondTo>,
    ) -> Result<Known, StoreError> {
        let key = key(vehicle, &accepted.id);
        {
            let mut memory = self.memory();
            if let Some(waiting) = memory.under_way.get_mut(&key) {
                waiting.extend(respond_to);
                return Ok(Known::UnderWay);
            }
            memory.under_way.insert(key.clone(), respond_to.into_iter().collect());
        }
        let known = match self.load(&key).await {
            Ok(None) => match self.keep(&key, accepted).await {
                Ok(()) => return Ok(Known::New),
                Err(error) => Err(error),
            },
            Ok(Some(report)) => Ok(Known::Over(Box::new(report))),
            Err(error) => Err(error),
        };
        self.memory().under_way.remove(&key);
        known
    }

    /// Whether there is, or was, a command of this identifier.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn is_known(&self, vehicle: &str, id: &str) -> Result<bool, StoreError> {
        let key = key(vehicle, id);
        Ok(self.memory().under_way.contains_key(&key) || self.store.load(Kind::Result, &key).await?.is_some())
    }

    /// The result of an earlier command.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn result(&self, vehicle: &str, id: &str) -> Result<Option<Report>, StoreError> {
        self.load(&key(vehicle, id)).await
    }

    /// Remembers a final result, forgets the oldest if there are too many, and says who else wants it.
    ///
    /// # Errors
    ///
    /// When it could not be stored. The command is over all the same.
    pub async fn finish(&self, vehicle: &str, report: &Report) -> (Vec<RespondTo>, Result<(), StoreError>) {
        let key = key(vehicle, &report.id);
        let stored = self.keep(&key, report).await;
        let mut forgotten = Vec::new();
        let waiting = {
            let mut memory = self.memory();
            memory.order.push_back(key.clone());
            while memory.order.len() > REMEMBERED {
                forgotten.extend(memory.order.pop_front());
            }
            memory.under_way.remove(&key).unwrap_or_default()
        };
        let forgotten = forgotten.into_iter().map(|key| Write { kind: Kind::Result, key, value: None });
        let cleaned = self.store.commit(forgotten.collect()).await;
        (waiting, stored.and(cleaned))
    }

    async fn load(&self, key: &str) -> Result<Option<Report>, StoreError> {
        let Some(bytes) = self.store.load(Kind::Result, key).await? else { return Ok(None) };
        let mut report: Report = serde_json::from_slice(&bytes)
            .map_err(|error| StoreError(format!("the result {key} is damaged: {error}")))?;
        if !report.state.is_final() {
            report.state = State::Unknown;
            report.reason = Some(Reason::HostStopping);
            report.message = Some("the host ended before the command did".to_owned());
        }
        Ok(Some(report))
    }

    async fn keep(&self, key: &str, report: &Report) -> Result<(), StoreError> {
        let value = serde_json::to_vec(report).map_err(|error| StoreError(error.to_string()))?;
        self.store.commit(vec![Write { kind: Kind::Result, key: key.to_owned(), value: Some(value) }]).await
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::operation::OperationName;
    use crate::store::MemoryStore;

    fn accepted(id: &str) -> Report {
        Report::accepted(id.to_owned(), OperationName::Unlock, Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn a_command_without_a_result_is_not_done_again() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let before = Results::new(Arc::clone(&store));
        assert!(matches!(before.begin("ev6", &accepted("a"), None).await, Ok(Known::New)));
        assert!(matches!(before.begin("ev6", &accepted("a"), None).await, Ok(Known::UnderWay)));
        assert!(matches!(before.begin("niro", &accepted("a"), None).await, Ok(Known::New)), "another car");

        // The host is killed here, and the broker delivers the command again to the next one.
        let after = Results::new(store);
        let Ok(Known::Over(report)) = after.begin("ev6", &accepted("a"), None).await else { unreachable!() };
        assert_eq!((report.state, report.reason), (State::Unknown, Some(Reason::HostStopping)));
    }

    #[tokio::test]
    async fn results_are_bounded_and_the_oldest_go_first() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let results = Results::new(store);
        for n in 0..=REMEMBERED {
            let report = Report { state: State::Succeeded, ..accepted(&n.to_string()) };
            let (_, stored) = results.finish("ev6", &report).await;
            stored.unwrap();
        }
        assert!(results.result("ev6", "0").await.unwrap().is_none());
        assert!(results.result("ev6", "1").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn everybody_who_asked_is_told() {
        let results = Results::new(Arc::new(MemoryStore::default()));
        let respond_to = |n: u8| Some(RespondTo { topic: format!("answer/{n}"), correlation: Some(vec![n]) });
        for n in 0..3 {
            results.begin("ev6", &accepted("a"), respond_to(n)).await.unwrap();
        }
        let (waiting, _) = results.finish("ev6", &Report { state: State::Failed, ..accepted("a") }).await;
        assert_eq!(waiting.len(), 3);
    }
}
