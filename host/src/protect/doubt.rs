//! Doubt: a refusal without evidence that the credential is the reason.
//!
//! A page, an empty answer, a gateway's words, a bare status: its writer may never have looked at the
//! credential. Such an answer is not a verdict (`evidence` tells them apart), so it never ends anything for
//! good. It does count for something, because vendors count tries and lock what is tried too often. So a
//! credential in doubt rests, longer each time, and is tried a few times a day at most.
//!
//! # Guarantees
//!
//! * A refusal in doubt is followed by a pause from `PAUSES`; the first refusals of some kinds by none (see
//!   `Rule`).
//! * Within any 24 hours of one streak the number of tries is limited, however often the host is restarted: a
//!   try that follows a doubtful refusal is stored before it is made.
//! * A restart ends the pause, not the count: an operator who restarts the host wants to know whether it
//!   works now.
//! * A success forgets everything, and so do other credentials and a person's wish ([`Doubt::forget`]).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::store::{Kind, Loaded, Store, StoreError, Write, load_carefully};
use crate::time::{Clock, move_back};

/// Pauses after the first refusal in doubt, the second, and so on; the last one repeats. The first is so
/// short that an operation that has a minute can wait for it.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    LONGEST_PAUSE,
];

const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3_600);

/// The period over which tries are limited.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The subject of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refused {
    /// Signing in, or refreshing the session.
    Grant,
    /// The PIN.
    Pin,
    /// The registration as a device.
    Registration,
}

impl Refused {
    /// The word for it in states, events and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Pin => "pin",
            Self::Registration => "registration",
        }
    }

    /// The phrase for it in sentences.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Grant => "the sign-in",
            Self::Pin => "the PIN",
            Self::Registration => "the registration as a device",
        }
    }

    const fn rule(self) -> Rule {
        match self {
            Self::Grant => Rule { free: 0, most_a_day: 12 },
            // Vendors lock a PIN after five wrong ones in a row, and do not say what they count.
            Self::Pin => Rule { free: 1, most_a_day: 3 },
            Self::Registration => Rule { free: 1, most_a_day: 12 },
        }
    }
}

/// The limits on tries in doubt.
#[derive(Debug, Clone, Copy)]
struct Rule {
    /// Refusals in a row after which the next try may still follow at once. What only a requested operation
    /// needs is never tried unasked, so its first refusal costs no other operation anything.
    free: u32,
    /// Tries within a day, the first one included.
    most_a_day: usize,
}

/// Number of refusals in a row that may be explained by something else: more cars than an account has find
/// out at once that their device is not registered any more.
const MOST_EXPLAINED: u32 = 8;

/// Refusals in doubt since the last success.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Streak {
    /// Digest of the credentials in doubt.
    about: String,
    refusals: u32,
    since: Timestamp,
    /// Last refusal, in words and without secrets.
    reason: String,
    /// Times of tries within a day.
    tries: Vec<Timestamp>,
    /// Whether it was announced.
    #[serde(default)]
    told: bool,
    /// Number of refusals that were about something else, according to a policy.
    #[serde(default)]
    explained: u32,
}

/// A pause that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Time that is left.
    pub left: Duration,
    /// Last refusal, in words.
    pub reason: String,
}

/// A streak of refusals, for display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InDoubt {
    /// Subject of the refusals.
    pub what: Refused,
    /// Time of the first refusal.
    pub since: Timestamp,
    /// Number of refusals.
    pub refusals: u32,
    /// Last refusal, in words.
    pub reason: String,
    /// Earliest time of the next try; now or earlier if it may be made.
    pub next_attempt_at: Timestamp,
}

#[derive(Debug, Default)]
struct State {
    streak: Option<Streak>,
    /// End of the pause on the monotonic clock, so that setting the machine's clock makes it neither longer
    /// nor shorter.
    due: Duration,
    /// Tries that were counted before they were made and have not ended.
    under_way: usize,
}

/// The doubt about one subject of an account.
#[derive(Debug)]
pub struct Doubt {
    what: Refused,
    key: String,
    about: String,
    state: Mutex<State>,
    store: Arc<dyn Store>,
}

impl Doubt {
    /// Opens the doubt about `what` of an account. Doubt about other credentials is forgotten.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        what: Refused,
        account: &str,
        about: Digest,
        store: &Arc<dyn Store>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let (key, about) = (format!("{account}/{}", what.as_str()), about.to_string());
        let streak = match load_carefully(store.as_ref(), Kind::Doubt, &key).await? {
            Loaded::Whole(streak) => Some(streak).filter(|streak: &Streak| streak.about == about),
            // There was doubt. All allowed tries are assumed to have been made, since one too many may lock
            // the account.
            Loaded::Damaged => {
                let reason = "what is known of earlier refusals cannot be read any more".to_owned();
                let tries = vec![now; what.rule().most_a_day];
                let about = about.clone();
                let streak =
                    Streak { about, refusals: 1, since: now, reason, tries, told: false, explained: 0 };
                if let Err(error) = store.commit(vec![Write::document(Kind::Doubt, &key, &streak)?]).await {
                    tracing::warn!("the doubt about {key} is assumed for this start only: {error}");
                }
                Some(streak)
            }
            Loaded::Absent => None,
        };
        let state = Mutex::new(State { streak, ..State::default() });
        Ok(Self { what, key, about, state, store: Arc::clone(store) })
    }

    /// Returns the pause during which no try may be made; none if one may be made now.
    #[must_use]
    pub fn rest(&self, clock: &dyn Clock) -> Option<Rest> {
        let mut state = self.state();
        let left = self.left(&mut state, clock).filter(|left| !left.is_zero())?;
        let reason = state.streak.as_ref()?.reason.clone();
        Some(Rest { left, reason })
    }

    /// Returns the streak for display, if there is doubt.
    #[must_use]
    pub fn shown(&self, clock: &dyn Clock) -> Option<InDoubt> {
        let mut state = self.state();
        let left = self.left(&mut state, clock)?;
        let Streak { since, refusals, reason, .. } =
            state.streak.clone().filter(|streak| streak.refusals > 0)?;
        let next_attempt_at = clock.now().checked_add(left).unwrap_or(Timestamp::MAX);
        Some(InDoubt { what: self.what, since, refusals, reason, next_attempt_at })
    }

    /// Counts a try before it is made, if there is any doubt; it is stored when this returns.
    ///
    /// # Errors
    ///
    /// When the try cannot be stored. Then it must not be made.
    pub async fn begin(&self, clock: &dyn Clock) -> Result<(), StoreError> {
        {
            let mut state = self.state();
            let Some(streak) = &mut state.streak else { return Ok(()) };
            streak.tries.push(clock.now());
            state.under_way += 1;
        }
        let kept = self.keep().await;
        if kept.is_err() {
            self.forget_try();
        }
        kept
    }

    /// Records that a try was refused without a reason. Returns how long it rests: at least `told`, as the
    /// server wants.
    pub async fn refused(&self, clock: &dyn Clock, reason: String, told: Option<Duration>) -> Duration {
        self.count(clock, reason);
        let pause = self.pause(clock, told);
        self.kept(self.keep().await);
        pause
    }

    /// Records that a try was refused. Its meaning is known later, and then [`Self::pause`] or
    /// [`Self::explained`] follows.
    pub(crate) async fn counted(&self, clock: &dyn Clock, reason: String) {
        self.count(clock, reason);
        self.kept(self.keep().await);
    }

    fn count(&self, clock: &dyn Clock, reason: String) {
        let mut state = self.state();
        let now = clock.now();
        let counted = state.under_way > 0;
        state.under_way = state.under_way.saturating_sub(1);
        let streak = state.streak.get_or_insert_with(|| Streak {
            about: self.about.clone(),
            refusals: 0,
            since: now,
            reason: String::new(),
            tries: Vec::new(),
            told: false,
            explained: 0,
        });
        if !counted {
            streak.tries.push(now);
        }
        streak.refusals = streak.refusals.saturating_add(1);
        streak.reason = reason;
    }

    /// Makes the next try wait because of the last refusal. Returns the length of the pause.
    pub(crate) fn pause(&self, clock: &dyn Clock, told: Option<Duration>) -> Duration {
        let mut state = self.state();
        let refusals = state.streak.as_ref().map_or(0, |streak| streak.refusals);
        let pause = self.what.rule().pause(refusals).max(told.unwrap_or_default().min(LONGEST_PAUSE));
        state.due = clock.monotonic() + pause;
        self.left(&mut state, clock).unwrap_or(pause)
    }

    /// Takes the last refusal back because it was about something else, which is mended now. That is a
    /// policy's word, so it is taken [`MOST_EXPLAINED`] times until a try succeeds; refusals after that are
    /// in doubt.
    pub(crate) async fn explained(&self) {
        {
            let mut state = self.state();
            let Some(streak) = &mut state.streak else { return };
            if streak.explained >= MOST_EXPLAINED {
                return;
            }
            streak.explained += 1;
            streak.tries.pop();
            streak.refusals = streak.refusals.saturating_sub(1);
        }
        self.kept(self.keep().await);
    }

    /// Takes a try back that ended neither refused nor accepted: it says nothing.
    pub async fn unclear(&self) {
        if self.forget_try() {
            self.kept(self.keep().await);
        }
    }

    /// Takes back a try that was counted. Returns whether there was one.
    fn forget_try(&self) -> bool {
        let mut state = self.state();
        if state.under_way == 0 {
            return false;
        }
        state.under_way -= 1;
        if let Some(streak) = &mut state.streak {
            streak.tries.pop();
        }
        true
    }

    /// Ends the doubt: the credential was accepted, or refused with a reason, or a person wants it tried
    /// again. Returns whether there was any.
    pub async fn forget(&self) -> bool {
        {
            let mut state = self.state();
            state.under_way = 0;
            if state.streak.take().is_none() {
                return false;
            }
        }
        self.kept(self.keep().await);
        true
    }

    /// Returns the streak if it has not been announced yet. It counts as announced then.
    pub async fn untold(&self, clock: &dyn Clock) -> Option<InDoubt> {
        match &mut self.state().streak {
            Some(streak) if !streak.told && streak.refusals > 0 => streak.told = true,
            _ => return None,
        }
        self.kept(self.keep().await);
        self.shown(clock)
    }

    /// Returns the time it still rests; none without doubt.
    fn left(&self, state: &mut State, clock: &dyn Clock) -> Option<Duration> {
        let now = clock.now();
        let streak = state.streak.as_mut()?;
        let mut moved = move_back(&mut streak.since, now);
        for at in &mut streak.tries {
            moved |= move_back(at, now);
        }
        if moved && let Ok(write) = Write::document(Kind::Doubt, self.key.clone(), streak) {
            // Not awaited: a move that is not stored is made again at the next start.
            drop(self.store.commit(vec![write]));
        }
        streak.tries.retain(|at| age(now, *at) < DAY);
        let pause = state.due.saturating_sub(clock.monotonic());
        // With as many tries as allowed, the next one may follow when the first of them is a day old.
        let over = (streak.tries.len() + 1).checked_sub(self.what.rule().most_a_day).filter(|over| *over > 0);
        let first = over.and_then(|over| streak.tries.get(over - 1));
        let quota = first.map_or(Duration::ZERO, |first| DAY.saturating_sub(age(now, *first)));
        Some(pause.max(quota))
    }

    async fn keep(&self) -> Result<(), StoreError> {
        let written = {
            let state = self.state();
            let write = match &state.streak {
                Some(streak) => Write::document(Kind::Doubt, self.key.clone(), streak)?,
                None => Write::remove(Kind::Doubt, self.key.clone()),
            };
            // Given to the store under the lock, which keeps the order: an older state must not be stored
            // last.
            self.store.commit(vec![write])
        };
        written.await
    }

    fn kept(&self, kept: Result<(), StoreError>) {
        if let Err(error) = kept {
            tracing::error!("what is known of {} holds only until a restart: {error}", self.key);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Returns the time since `at`.
fn age(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at).max(SignedDuration::ZERO)).unwrap_or_default()
}

impl Rule {
    /// Returns the pause after this number of refusals in a row.
    fn pause(self, refusals: u32) -> Duration {
        let Some(step) = refusals.checked_sub(self.free + 1) else { return Duration::ZERO };
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        PAUSES.get(step).copied().unwrap_or(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests;
