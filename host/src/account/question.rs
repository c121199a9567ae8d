//! Questions to a person in the middle of a sign-in.
//!
//! A cloud may want a code, a choice, a visit of a page or a consent before it gives out a session. Until a person
//! has answered, nothing is sent for that account, and no lock is held: the sign-in lies in the store, with what it
//! has captured so far. So a restart loses nothing, and whoever answers first goes on with it.
//!
//! # Guarantees
//!
//! * An account has one question at a time, for 10 minutes at most. A second sign-in is not begun while one is open.
//! * What was captured is *staged*: kept beside the session, not in it. It is committed together with the session
//!   when one is granted, in one write with the end of the question, and thrown away when the question ends in
//!   nothing. Lasting secrets, such as those of a remembered device, are kept in either case.
//! * Three codes are tried, and a sign-in goes on at most eight times: then it is over, whatever its connector wants.
//! * An answer is a secret of the one call that it is for. It is neither stored nor said. Neither are credentials that
//!   were given for the sign-in: they are in memory until the question is over.

mod answer;
mod challenge;
mod record;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub(crate) use self::answer::Fitting;
pub use self::answer::{Answer, NotUnderstood};
pub(in crate::account) use self::challenge::POLL_STEP;
pub(crate) use self::challenge::{Challenge, NotAsked};
use self::record::Record;
pub use self::shown::Shown;
use crate::account::With;
use crate::account::ownership::Owner;
use crate::bindings::connector::{self, Reply};
use crate::cell::Secrets;
use crate::digest::Digest;
use crate::primitives::{Call, Jar, Offers};
use crate::store::{Kind, Loaded, Store, StoreError, Write, load_carefully};
use crate::time::{end_not_ahead, of_milliseconds};

/// Longest time that a question is open, and how long one is of which nothing is said.
const LONGEST: Duration = Duration::from_secs(600);

/// Shortest time that a question is open: a person has to read it.
const SHORTEST: Duration = Duration::from_secs(30);

/// Codes that are tried in one sign-in. Vendors lock an account after about five.
const CODES: u32 = 3;

/// Most times that a sign-in goes on.
const MOST_STEPS: u32 = 8;

/// Longest continuation, in bytes.
const LONGEST_CONTINUATION: usize = 4_096;

/// What a sign-in has begun with. It is known for as long as its question is open, over restarts too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// Who signs in, if a person has given that for the sign-in.
    pub(crate) given: Option<Owner>,
    /// Whether a session was in use, which is as good as it was if the sign-in comes to nothing.
    pub(crate) spares_session: bool,
    /// Generations of what the account's other cells had when it began. What they have got since is this sign-in's own.
    #[serde(default)]
    pub(crate) found: BTreeMap<String, u64>,
}

impl Begun {
    /// What the sign-in is made with.
    pub(crate) const fn with(&self) -> With {
        if self.given.is_some() { With::Given } else { With::Configured }
    }
}

/// A question that is open.
#[derive(Clone)]
pub struct Pending {
    /// Number of the question, and of its state: another one after every answer. Of this process only.
    pub(crate) number: u64,
    pub(crate) challenge: Challenge,
    pub(crate) continuation: String,
    pub(crate) asked_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Codes that may still be tried.
    pub(crate) codes_left: u32,
    /// Number of times that the sign-in has gone on.
    pub(crate) steps: u32,
    /// Whether the sign-in is counted among those of the day.
    pub(crate) counted: bool,
    /// What was wrong with the last answer, in our words.
    pub(crate) problem: Option<String>,
    /// Secrets that were captured so far.
    pub(crate) staged: Secrets,
    /// Sends of passwords so far.
    pub(crate) offers: Offers,
    /// Cookie jars of the sign-in, by name.
    pub(crate) jars: BTreeMap<String, Jar>,
    /// Names of those secrets that were made here.
    pub(crate) made: BTreeSet<String>,
    /// Codes that were refused. In memory only: a code is not stored.
    pub(crate) tried: Vec<SecretString>,
    /// Credentials that a person has given for the sign-in. In memory only as well, and wiped with the question.
    pub(crate) given_once: Arc<Secrets>,
    /// What the sign-in has begun with.
    pub(crate) begun: Begun,
}

impl fmt::Debug for Pending {
    /// What is staged is not printed, nor where a person is to go.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("number", &self.number)
            .field("expires_at", &self.expires_at)
            .field("codes_left", &self.codes_left)
            .field("steps", &self.steps)
            .field("staged", &self.staged.keys())
            .finish_non_exhaustive()
    }
}

impl Pending {
    /// Takes a connector's question. `call` is the one that it ended, and `before` the question that this call went
    /// on from, with what became of it.
    ///
    /// # Errors
    ///
    /// When it is not put to a person.
    pub(crate) fn of(
        question: connector::Question,
        call: &Call,
        before: Option<(&Self, &Reply)>,
        now: Timestamp,
    ) -> Result<Self, NotAsked> {
        let nonsense = |why: String| Err(NotAsked::Nonsense(why));
        if question.continuation.len() > LONGEST_CONTINUATION {
            return nonsense(format!("a continuation of {} bytes", question.continuation.len()));
        }
        let challenge = Challenge::of(question.challenge, call)?;
        let life = question.expires_in.map_or(LONGEST, of_milliseconds).clamp(SHORTEST, LONGEST);
        let ends = now.checked_add(SignedDuration::try_from(life).unwrap_or_default());
        let mut asked = Self {
            number: 0,
            challenge,
            continuation: question.continuation,
            asked_at: now,
            expires_at: ends.unwrap_or(Timestamp::MAX),
            codes_left: CODES,
            steps: 1,
            counted: call.sign_in.is_counted(),
            problem: None,
            staged: call.captured.clone(),
            offers: call.offers_of_passwords(),
            jars: call.jars.clone(),
            made: call.made.clone(),
            tried: Vec::new(),
            given_once: Arc::clone(&call.given_once),
            begun: Begun::default(),
        };
        let Some((before, reply)) = before else { return Ok(asked) };
        asked.begun = before.begun.clone();
        asked.tried = before.tried.iter().chain(call.handed.values()).cloned().collect();
        asked.codes_left = before.codes_left;
        if matches!(reply, Reply::Code) {
            asked.codes_left = before.codes_left.saturating_sub(1);
        }
        if matches!(reply, Reply::Waited) && asked.challenge.is_same_visit(&before.challenge) {
            // Nothing has happened yet, and waiting for it takes no longer because of that.
            (asked.steps, asked.asked_at) = (before.steps, before.asked_at);
            asked.expires_at = asked.expires_at.min(before.expires_at);
            return Ok(asked);
        }
        asked.steps = before.steps + 1;
        if matches!(reply, Reply::Code) && matches!(asked.challenge, Challenge::Code { .. }) {
            asked.problem = Some(refused(asked.codes_left));
        }
        match asked.codes_left {
            0 if matches!(asked.challenge, Challenge::Code { .. }) => Err(NotAsked::NoCodesLeft),
            _ if asked.steps > MOST_STEPS => nonsense(format!("more than {MOST_STEPS} steps in one sign-in")),
            _ => Ok(asked),
        }
    }

    /// The same, after a call of its sign-in.
    pub(crate) fn spent_by(&self, call: &Call) -> Self {
        Self { offers: call.offers_of_passwords(), counted: call.sign_in.is_counted(), ..self.clone() }
    }

    /// Whether as much of the sign-in was spent as with the other one.
    pub(crate) fn has_spent_as(&self, other: &Self) -> bool {
        self.offers == other.offers && self.counted == other.counted
    }

    /// The same question after a code that was refused; none if no more may be tried.
    pub(crate) fn after_a_wrong_code(&self, handed: &Secrets) -> Option<Self> {
        let codes_left = self.codes_left.checked_sub(1).filter(|left| *left > 0)?;
        let tried = self.tried.iter().chain(handed.values()).cloned().collect();
        let still = Self { codes_left, tried, ..self.clone() };
        still.after(refused(codes_left))
    }

    /// The same question after an answer that came to nothing; none if the sign-in has gone on often enough.
    pub(crate) fn after(&self, problem: String) -> Option<Self> {
        let steps = self.steps + 1;
        (steps <= MOST_STEPS).then(|| Self { steps, problem: Some(problem), ..self.clone() })
    }

    /// Whether what a person has given for the sign-in is not there any more: a restart, or a reload, has taken it.
    pub(crate) fn has_lost_given(&self) -> bool {
        self.begun.given.is_some() && self.given_once.is_empty()
    }

    /// Whether its time is over.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        end_not_ahead(self.expires_at, self.asked_at, now) <= now
    }
}

/// Says that a code was refused.
fn refused(left: u32) -> String {
    format!("the code was refused; {left} more may be tried")
}

/// The question of one account, if one is open.
#[derive(Debug)]
pub(crate) struct Questions {
    account: String,
    about: String,
    current: RwLock<Option<Arc<Pending>>>,
    /// Number of the last question: none is used twice, so that no answer is taken for another question.
    last: AtomicU64,
    /// Why the last sign-in has come to nothing, if the session that there was is used as before.
    in_vain: RwLock<Option<String>>,
    store: Arc<dyn Store>,
}

impl Questions {
    /// Opens the question that an earlier host has left. One of a sign-in with other credentials is thrown away:
    /// returns the write by which the store forgets it, for the caller to commit.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(crate) async fn open(
        account: &str,
        credentials: Digest,
        store: &Arc<dyn Store>,
    ) -> Result<(Self, Option<Write>), StoreError> {
        let about = credentials.to_string();
        let loaded = load_carefully::<Record>(store.as_ref(), Kind::Question, account).await?;
        let (record, removal) = match loaded {
            Loaded::Whole(record) if record.is_about(&about) => (Some(record), None),
            Loaded::Whole(_) | Loaded::Damaged => (None, Some(Write::remove(Kind::Question, account))),
            Loaded::Absent => (None, None),
        };
        let current = RwLock::new(record.map(|record| Arc::new(Pending::from(record))));
        let last = AtomicU64::new(Record::NUMBER);
        let (in_vain, store) = (RwLock::default(), Arc::clone(store));
        Ok((Self { account: account.to_owned(), about, current, last, in_vain, store }, removal))
    }

    /// The question that is open.
    pub(crate) fn current(&self) -> Option<Arc<Pending>> {
        self.current.read().clone()
    }

    /// Puts a question in the place of the one that is open, if one is. Called under the session's lock. It is
    /// stored first, together with `also`; if that fails it is open until the next restart.
    pub(crate) async fn put(&self, pending: Pending, also: Option<Write>) -> Result<(), StoreError> {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let pending = Pending { number, ..pending };
        let record = Record::of(&pending, &self.about);
        let stored = match Write::document(Kind::Question, self.account.clone(), &record) {
            Ok(write) => self.store.commit(also.into_iter().chain([write]).collect()).await,
            Err(error) => Err(error),
        };
        *self.current.write() = Some(Arc::new(pending));
        *self.in_vain.write() = None;
        stored
    }

    /// Notes why a sign-in has come to nothing whose end leaves the session that there was as it is; or that there is a
    /// newer one.
    pub(crate) fn note_end(&self, in_vain: Option<String>) {
        *self.in_vain.write() = in_vain;
    }

    /// Why the last sign-in has come to nothing, if the session that there was is used as before.
    pub(crate) fn in_vain(&self) -> Option<String> {
        self.in_vain.read().clone()
    }

    /// Notes what was wrong with the last answer, until the next one. Returns whether a question is open.
    pub(crate) fn note(&self, problem: String) -> bool {
        let mut current = self.current.write();
        let Some(pending) = current.as_deref() else { return false };
        *current = Some(Arc::new(Pending { problem: Some(problem), ..pending.clone() }));
        true
    }

    /// The write that removes the question from the store, for a caller that commits something together with it.
    pub(crate) fn removal(&self) -> Option<Write> {
        self.current().map(|_| Write::remove(Kind::Question, self.account.clone()))
    }

    /// Forgets the question after its removal was committed. Returns whether there was one.
    pub(crate) fn forget(&self) -> bool {
        self.current.write().take().is_some()
    }

    /// Ends the question, and throws away what is staged with it. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// When that could not be stored. Then the next start finds it, and its time over.
    pub(crate) async fn end(&self) -> Result<bool, StoreError> {
        let Some(removal) = self.removal() else { return Ok(false) };
        self.forget();
        self.store.commit(vec![removal]).await?;
        Ok(true)
    }
}
