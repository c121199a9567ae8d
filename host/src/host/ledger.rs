//! Commands by identifier: repeating a command repeats its result and not the command.
//!
//! A command is written down before it is accepted, and that it is being sent before it is sent. So after a
//! crash the state of each command is known: one that was only accepted has certainly not been sent, one that
//! the cloud had taken can be asked about, and the outcome of the others is unknown. None is sent again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::command::Asked;
use crate::store::{Kind, Loaded, Store, StoreError, Write, load_carefully, load_document, read_document};
use crate::time::not_ahead;
use crate::wire::message::RespondTo;
use crate::wire::operation::OperationName;
use crate::wire::outcome::{Reason, State};
use crate::wire::report::Report;

pub use self::published::ResultPublished;
use self::unstored::Unstored;

mod published;
mod unstored;

/// Most callers that are told of one result where they want to be told: more than a home has, and each may
/// hold 128 KiB.
const ASKERS: usize = 16;

/// Shortest time for which a command that was taken before a restart is still asked about.
const LAST_QUESTION: Duration = Duration::from_secs(10);

/// Number of results that are remembered. Far more than a home sends in the day that is promised, and
/// bounded.
const REMEMBERED: usize = 10_000;

/// A caller that wants the result of a command, besides the subscribers of the command's topic, and where it
/// wants it.
#[derive(Debug, Clone)]
pub enum Asker {
    /// On a response topic.
    Topic(RespondTo),
    /// In the program that embeds the host.
    Program(mpsc::Sender<Report>),
}

/// Answer to the question whether an identifier is known.
#[derive(Debug)]
pub enum Known {
    /// Unknown: the command is new, and from now on it is under way.
    New,
    /// Under way. The caller that asked again gets its result too, unless sixteen others do already.
    UnderWay,
    /// Over, with this result.
    Over(Box<Report>),
    /// Another command's, which asked for something else and has come this far.
    Another(Box<Report>),
}

/// Answer to a caller that wants the result of a command that is known.
#[derive(Debug)]
pub enum Joined {
    /// The command has come this far; the caller is told its result, unless sixteen others are already.
    UnderWay(Box<Report>),
    /// The command is over, with this result.
    Over(Box<Report>),
}

/// A command as it is stored: how far it is, and what it asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    report: Report,
    /// Request of the command; none if an older version has stored it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<Asked>,
}

impl Stored {
    /// Whether a command asks for the same as this one did.
    fn is_asked_by(&self, asked: &Asked, accepted: &Report) -> bool {
        match &self.asked {
            Some(earlier) => earlier.is_same_as(asked),
            // As much as is known. It may have been anything if its record was damaged.
            None => self.report.op == accepted.op || self.report.is_lost(),
        }
    }
}

/// Record of a command that the cloud has taken, to ask what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The command as it arrived: the last level of its topic, and the payload.
    pub request: (String, String),
    /// The vendor's identifier of the vehicle.
    pub vehicle_id: String,
    /// The connector's own text about the vehicle.
    pub traits: String,
    /// The connector's own text about the command, with which to ask.
    pub continuation: String,
    /// End of the command's time.
    pub deadline: Timestamp,
    /// Vehicle time of what was known of the vehicle when the command began.
    #[serde(default)]
    pub before: Option<Timestamp>,
    /// Car that it was sent to, if that was known.
    #[serde(default)]
    pub car: Option<String>,
}

impl Pending {
    /// Returns the time that is left for a command of this kind, whatever the clock was when it began.
    pub(super) fn left(&self, name: OperationName, now: Timestamp) -> Duration {
        let left: SignedDuration = self.deadline.duration_since(now);
        Duration::try_from(left).unwrap_or_default().min(name.deadline()).max(LAST_QUESTION)
    }
}

/// A command that a host before this one has left without a result.
#[derive(Debug)]
pub struct Interrupted {
    /// Slug of the vehicle.
    pub vehicle: String,
    /// Last report of the command: how far it was.
    pub report: Report,
    /// Record with which to ask about it, if the cloud had taken it.
    pub pending: Option<Pending>,
}

/// The results of all vehicles.
#[derive(Debug)]
pub struct CommandLedger {
    store: Arc<dyn Store>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    under_way: BTreeMap<String, UnderWay>,
    /// Final results that are not stored yet. Those that could not be are stored with the next one.
    unstored: Unstored,
    /// Keys of the results that are stored, the oldest first.
    order: VecDeque<String>,
    /// Latest known command of each vehicle, and the time of its request.
    latest: BTreeMap<String, (Timestamp, String)>,
}

impl Memory {
    /// Records a command that came before the start. One of a clock that was ahead came before all others.
    fn had_come(&mut self, vehicle: &str, report: &Report, now: Timestamp) {
        let is_ahead = not_ahead(report.requested_at, now) != report.requested_at;
        let came = if is_ahead { Timestamp::MIN } else { report.requested_at };
        if self.latest.get(vehicle).is_none_or(|(latest, _)| *latest <= came) {
            self.latest.insert(vehicle.to_owned(), (came, report.id.clone()));
        }
    }
}

#[derive(Debug)]
struct UnderWay {
    /// Record of the command.
    stored: Stored,
    /// Callers that want the result.
    waiting: Vec<Asker>,
    /// Ends when it is known whether the command is new: until then it may turn out to be over, or not to be
    /// done.
    undecided: Option<watch::Receiver<()>>,
}

fn is_read(report: &Report) -> bool {
    OperationName::named(&report.op).is_some_and(OperationName::is_read)
}

/// Makes the result of a command whose record was damaged. The command may have been done, so it is not done
/// again.
fn lost(key: &str, now: Timestamp) -> Stored {
    let (vehicle, id) = key.split_once('/').unwrap_or(("", key));
    let mut report = Report::lost(vehicle, id.to_owned(), now);
    let message =
        "the record of this command was damaged; look at the vehicle, and use another id to send it again";
    report.end(State::Unknown, Reason::HostFault, message.to_owned());
    Stored { report, asked: None }
}

fn key(vehicle: &str, id: &str) -> String {
    format!("{vehicle}/{id}")
}

impl CommandLedger {
    /// Opens the ledger: the results that this store has, and the commands that it has no result of. Those
    /// count as under way: the caller has to finish them.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(store: Arc<dyn Store>, now: Timestamp) -> Result<(Self, Vec<Interrupted>), StoreError> {
        let mut memory = Memory::default();
        let mut interrupted = Vec::new();
        let (mut over, mut all_lost) = (Vec::new(), BTreeMap::new());
        for (key, bytes) in store.list(Kind::Result).await? {
            let Some(stored) = read_document::<Stored>(store.as_ref(), Kind::Result, &key, &bytes).await
            else {
                // The identifier may be sent again.
                over.push((now, key.clone()));
                all_lost.insert(key.clone(), lost(&key, now));
                continue;
            };
            let vehicle = key.split_once('/').map_or(key.as_str(), |(vehicle, _)| vehicle).to_owned();
            // When a command of a damaged record came is unknown.
            if !stored.report.is_lost() {
                memory.had_come(&vehicle, &stored.report, now);
            }
            if stored.report.state.is_final() {
                // A result of a clock that was ahead would otherwise outlive all that come after it.
                over.push((not_ahead(stored.report.requested_at, now), key));
                continue;
            }
            let report = stored.report.clone();
            let pending = load_document(store.as_ref(), Kind::Pending, &key).await?;
            memory.under_way.insert(key, UnderWay { stored, waiting: Vec::new(), undecided: None });
            interrupted.push(Interrupted { vehicle, report, pending });
        }
        over.sort();
        memory.order = over.into_iter().map(|(_, key)| key).collect();
        interrupted.sort_by_key(|interrupted| interrupted.report.requested_at);
        let ledger = Self { store, memory: Mutex::new(memory) };
        ledger.keep_lost(all_lost).await;
        Ok((ledger, interrupted))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock()
    }

    /// Writes a command down, unless its identifier is known. Exactly one caller is told that it is new.
    ///
    /// # Errors
    ///
    /// When the store fails; then the command is not registered.
    pub async fn begin(
        &self,
        vehicle: &str,
        accepted: &Report,
        asked: &Asked,
        asker: Option<Asker>,
    ) -> Result<Known, StoreError> {
        let key = key(vehicle, &accepted.id);
        let stored = Stored { report: accepted.clone(), asked: Some(asked.clone()) };
        // A caller that asks for the same at the same time waits until it is known whether this is new.
        let (_deciding, undecided) = watch::channel(());
        loop {
            let mut others = {
                let mut memory = self.memory();
                let Some(under_way) = memory.under_way.get_mut(&key) else {
                    let waiting = asker.into_iter().collect();
                    let under_way = UnderWay { stored: stored.clone(), waiting, undecided: Some(undecided) };
                    memory.under_way.insert(key.clone(), under_way);
                    break;
                };
                match under_way.undecided.clone().filter(|undecided| undecided.has_changed().is_ok()) {
                    Some(undecided) => undecided,
                    None if !under_way.stored.is_asked_by(asked, accepted) => {
                        return Ok(Known::Another(Box::new(under_way.stored.report.clone())));
                    }
                    None => {
                        if under_way.waiting.len() < ASKERS {
                            under_way.waiting.extend(asker);
                        }
                        return Ok(Known::UnderWay);
                    }
                }
            };
            let _decided = others.changed().await;
        }
        let known = match self.load(&key).await {
            Ok(None) => match self.commit(Write::document(Kind::Result, key.clone(), &stored)).await {
                Ok(()) => {
                    let latest = (accepted.requested_at, accepted.id.clone());
                    self.memory().latest.insert(vehicle.to_owned(), latest);
                    return Ok(Known::New);
                }
                // A read moves nothing: a repeated one is read again.
                Err(error) if is_read(accepted) && !matches!(error, StoreError::Gone(_)) => {
                    tracing::warn!(operation = accepted.id, "this read is not remembered: {error}");
                    return Ok(Known::New);
                }
                Err(error) => Err(error),
            },
            Ok(Some(earlier)) if !earlier.is_asked_by(asked, accepted) => {
                Ok(Known::Another(Box::new(earlier.report)))
            }
            Ok(Some(earlier)) => Ok(Known::Over(Box::new(earlier.report))),
            Err(error) => Err(error),
        };
        self.memory().under_way.remove(&key);
        known
    }

    /// Whether no later command of this vehicle is known than the one that this is about.
    #[must_use]
    pub fn is_latest(&self, vehicle: &str, report: &Report) -> bool {
        self.memory().latest.get(vehicle).is_none_or(|(_, id)| *id == report.id)
    }

    /// Whether there is, or was, a command of this identifier.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn is_known(&self, vehicle: &str, id: &str) -> Result<bool, StoreError> {
        let key = key(vehicle, id);
        let in_memory = {
            let memory = self.memory();
            memory.under_way.contains_key(&key) || memory.unstored.contains(&key)
        };
        Ok(in_memory || self.store.load(Kind::Result, &key).await?.is_some())
    }

    /// Leaves a command under way to the next host, if it is written down that it is being sent or was taken. Who
    /// waits for its result in this program is told that it will not come from this host. Returns whether it is left.
    #[must_use]
    pub fn leave(&self, vehicle: &str, id: &str) -> bool {
        let mut memory = self.memory();
        let Some(under_way) = memory.under_way.get_mut(&key(vehicle, id)) else { return false };
        let is_begun = under_way.stored.report.state != State::Accepted;
        if is_begun {
            under_way.waiting.clear();
        }
        is_begun
    }

    /// The result of an earlier command, or how far it is.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn result(&self, vehicle: &str, id: &str) -> Result<Option<Report>, StoreError> {
        Ok(self.load(&key(vehicle, id)).await?.map(|stored| stored.report))
    }

    /// The result of an earlier command, or how far one is that is under way; none if it is not remembered.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn progress(&self, vehicle: &str, id: &str) -> Result<Option<Report>, StoreError> {
        let under_way = self.memory().under_way.get(&key(vehicle, id)).map(|it| it.stored.report.clone());
        match under_way {
            Some(report) => Ok(Some(report)),
            None => self.result(vehicle, id).await,
        }
    }

    /// Has a caller told the result of a command that is known; none if it is not.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn join(&self, vehicle: &str, id: &str, asker: Asker) -> Result<Option<Joined>, StoreError> {
        {
            let mut memory = self.memory();
            if let Some(under_way) = memory.under_way.get_mut(&key(vehicle, id)) {
                if under_way.waiting.len() < ASKERS {
                    under_way.waiting.push(asker);
                }
                return Ok(Some(Joined::UnderWay(Box::new(under_way.stored.report.clone()))));
            }
        }
        let over = self.result(vehicle, id).await?;
        Ok(over.map(|report| Joined::Over(Box::new(report))))
    }

    /// The identifier of the latest command of a vehicle that was accepted.
    #[must_use]
    pub fn latest(&self, vehicle: &str) -> Option<String> {
        self.memory().latest.get(vehicle).map(|(_, id)| id.clone())
    }

    /// The vendor's identifier of the last action of a vehicle, as far as results are remembered. Reads all
    /// of them.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn last_action(&self, vehicle: &str) -> Result<Option<String>, StoreError> {
        let prefix = key(vehicle, "");
        let mut last: Option<Report> = None;
        for (key, bytes) in self.store.list(Kind::Result).await? {
            // A record that cannot be read says nothing of an action either.
            let report = serde_json::from_slice::<Report>(&bytes).ok().filter(|_| key.starts_with(&prefix));
            let Some(report) = report.filter(|report| report.upstream_action_id.is_some()) else { continue };
            if last.as_ref().is_none_or(|last| last.requested_at <= report.requested_at) {
                last = Some(report);
            }
        }
        Ok(last.and_then(|report| report.upstream_action_id))
    }

    /// Writes down that a command is being sent, before it is.
    ///
    /// # Errors
    ///
    /// When that could not be stored; then the command must not be sent.
    pub async fn sending(&self, vehicle: &str, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let key = key(vehicle, id);
        let stored = self.stepped(&key, |report| {
            report.state = State::Sent;
            report.sent_at = Some(now);
        });
        match stored {
            Some(stored) => self.commit(Write::document(Kind::Result, key, &stored)).await,
            None => Ok(()),
        }
    }

    /// Writes down that the cloud has taken a command, how far it was then, and how to ask what became of it.
    ///
    /// # Errors
    ///
    /// When that could not be stored; then the command is not asked about after a restart.
    pub async fn pending(&self, vehicle: &str, step: &Report, pending: &Pending) -> Result<(), StoreError> {
        let key = key(vehicle, &step.id);
        let stored = self.stepped(&key, |report| {
            *report =
                Report { state: State::Pending, sent_at: report.sent_at.or(step.sent_at), ..step.clone() };
        });
        let Some(stored) = stored else { return Ok(()) };
        let writes = vec![
            Write::document(Kind::Result, key.clone(), &stored)?,
            Write::document(Kind::Pending, key, pending)?,
        ];
        self.store.commit(writes).await
    }

    fn stepped(&self, key: &str, change: impl FnOnce(&mut Report)) -> Option<Stored> {
        let mut memory = self.memory();
        let under_way = memory.under_way.get_mut(key)?;
        change(&mut under_way.stored.report);
        Some(under_way.stored.clone())
    }

    /// Records a final result, forgets the oldest if there are too many, and returns the callers that want
    /// it.
    ///
    /// # Errors
    ///
    /// When the result could not be stored. The command is over all the same.
    pub async fn finish(&self, vehicle: &str, report: &Report) -> (Vec<Asker>, Result<(), StoreError>) {
        let key = key(vehicle, &report.id);
        let (finished, forgotten) = {
            let mut memory = self.memory();
            let asked = memory.under_way.get(&key).and_then(|under_way| under_way.stored.asked.clone());
            memory.order.push_back(key.clone());
            let too_many = memory.order.len().saturating_sub(REMEMBERED);
            let forgotten: Vec<String> = memory.order.drain(..too_many).collect();
            let new = BTreeMap::from([(key.clone(), Stored { report: report.clone(), asked })]);
            (memory.unstored.take_in_hand(new), forgotten)
        };
        let stored = self.store_results(&finished, forgotten).await;
        let mut memory = self.memory();
        match stored {
            Ok(()) => memory.unstored.forget(finished.keys()),
            Err(_) => memory.unstored.put_back(finished.keys()),
        }
        if stored.is_err() && is_read(report) {
            memory.unstored.forget([&key]);
        }
        // Only now: a caller that asks meanwhile for what is under way is told with the others.
        let waiting = memory.under_way.remove(&key).map(|under_way| under_way.waiting).unwrap_or_default();
        (waiting, stored)
    }

    async fn store_results(
        &self,
        finished: &BTreeMap<String, Stored>,
        forgotten: Vec<String>,
    ) -> Result<(), StoreError> {
        let mut writes: Vec<Write> =
            forgotten.into_iter().map(|key| Write::remove(Kind::Result, key)).collect();
        for (key, stored) in finished {
            writes.push(Write::document(Kind::Result, key.clone(), stored)?);
            writes.push(Write::remove(Kind::Pending, key.clone()));
            // A damaged record had been told before, or is marked already.
            if !stored.report.is_lost() {
                writes.push(Write { kind: Kind::Unpublished, key: key.clone(), value: Some(Vec::new()) });
            }
        }
        self.store.commit(writes).await
    }

    /// Stores at once what is left of damaged records. They are set aside, so the next host would otherwise
    /// know nothing of these commands, and do one again.
    async fn keep_lost(&self, lost: BTreeMap<String, Stored>) {
        if lost.is_empty() {
            return;
        }
        let lost = self.memory().unstored.take_in_hand(lost);
        match self.store_results(&lost, Vec::new()).await {
            Ok(()) => self.memory().unstored.forget(lost.keys()),
            Err(error) => {
                self.memory().unstored.put_back(lost.keys());
                tracing::error!("that commands may have been done is not stored yet: {error}");
            }
        }
    }

    async fn load(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        if let Some(stored) = self.memory().unstored.get(key) {
            return Ok(Some(stored.clone()));
        }
        Ok(match load_carefully(self.store.as_ref(), Kind::Result, key).await? {
            Loaded::Absent => None,
            Loaded::Whole(report) => Some(report),
            Loaded::Damaged => {
                let lost = lost(key, Timestamp::now());
                self.keep_lost(BTreeMap::from([(key.to_owned(), lost.clone())])).await;
                Some(lost)
            }
        })
    }

    async fn commit(&self, write: Result<Write, StoreError>) -> Result<(), StoreError> {
        self.store.commit(vec![write?]).await
    }
}

#[cfg(test)]
mod tests;
