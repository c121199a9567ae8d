//! One more try with unchanged credentials, because a person wants it.
//!
//! A latch ends when the credentials change. A vendor may also have changed its mind about those that there
//! are: a password that was reset to what it was, terms that were accepted, an account that was unlocked.
//! Only a person knows, so a person can have the same credentials tried once more. What is refused then
//! latches again, and a retry is done a few times a day at most, because a program that automates it would
//! lock the account.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::MutexGuard;

use super::{Account, With};
use crate::protect::latch::{LatchKind, Latched};
use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::time::move_back;

/// Most retries within 24 hours.
const MOST_A_DAY: usize = 3;

/// Number of retries that are remembered.
const REMEMBERED: usize = 50;

/// One more try that a person wanted, as it is on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Time of the request.
    pub at: Timestamp,
    /// Requested by.
    pub by: String,
    /// Credentials that may be tried again: `grant`, `pin`, `registration`.
    pub lifted: Vec<String>,
}

/// Answer to a retry: what may be tried once more now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retried {
    /// Slug of the account.
    pub account: String,
    /// Credentials that may be sent again, now that what kept them back is lifted: `grant`, `pin`,
    /// `registration`.
    pub lifted: Vec<String>,
    /// Number of retries left within the next 24 hours.
    pub left_today: usize,
}

/// Reason why nothing was lifted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotRetried {
    /// Nothing was there to lift.
    #[error("nothing keeps the account {0:?} from trying: no credential was refused, and none is in doubt")]
    NothingToLift(String),
    /// Nothing was refused: nobody is signed in.
    #[error(
        "nobody is signed in to the account {0:?}, and nothing of it was refused: sign in with `vehicle-connector auth login {0}`"
    )]
    NotSignedIn(String),
    /// The vendor blocks this program. That concerns more than this account, and asking makes it last longer.
    #[error(
        "the vendor blocks this program until {until:.0}, for all its accounts, and every request before makes that last \
         longer; this is not lifted by hand"
    )]
    LockedOut {
        /// End of the block.
        until: Timestamp,
    },
    /// All retries of the day are used up.
    #[error(
        "the account was retried {MOST_A_DAY} times within a day, and vendors lock accounts for more; again from {from:.0}"
    )]
    TooOften {
        /// Time from which another retry may be made.
        from: Timestamp,
    },
    /// The store failed, so a later host could not tell that a retry was made.
    #[error("it cannot be put on record: {0}")]
    NotStored(#[from] StoreError),
}

/// The retries of one account.
#[derive(Debug)]
pub(super) struct ByHand {
    account: String,
    done: tokio::sync::Mutex<Vec<Retry>>,
    store: Arc<dyn Store>,
}

impl ByHand {
    pub(super) async fn open(account: &str, store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        let done = load_document(store.as_ref(), Kind::Retried, account).await?.unwrap_or_default();
        Ok(Self {
            account: account.to_owned(),
            done: tokio::sync::Mutex::new(done),
            store: Arc::clone(store),
        })
    }

    /// Returns the retries on record, latest last.
    pub(super) async fn on_record(&self) -> Vec<Retry> {
        self.done.lock().await.clone()
    }

    /// The retries on record, none of them later than now.
    async fn up_to_now(&self, now: Timestamp) -> Result<MutexGuard<'_, Vec<Retry>>, StoreError> {
        let mut done = self.done.lock().await;
        if move_from_the_future(&mut done, now) {
            self.put_on_record(&done).await?;
        }
        Ok(done)
    }

    /// Counts a retry, and puts it on record. Returns how many are left.
    async fn count(
        &self,
        done: &mut Vec<Retry>,
        now: Timestamp,
        by: &str,
        lifted: Vec<String>,
    ) -> Result<usize, NotRetried> {
        let left_today = left(done, now).map_err(|from| NotRetried::TooOften { from })?;
        let mut record = done.clone();
        record.push(Retry { at: now, by: by.to_owned(), lifted });
        record.drain(..record.len().saturating_sub(REMEMBERED));
        self.put_on_record(&record).await?;
        *done = record;
        Ok(left_today - 1)
    }

    async fn put_on_record(&self, done: &[Retry]) -> Result<(), StoreError> {
        self.store.commit(vec![Write::document(Kind::Retried, self.account.clone(), &done)?]).await
    }
}

/// Lifts what keeps the credentials of an account from being sent; see [`Account::retry`].
pub(super) async fn once_more(account: &Account, by: &str) -> Result<Retried, NotRetried> {
    let (clock, by_hand) = (account.clock(), &account.retries_by_hand);
    let now = clock.now();
    let mut done = by_hand.up_to_now(now).await?;
    let pin = &account.context.pin;
    let latched = account.latch.current(now);
    let held = [
        ("grant", latched.is_some() || account.grant.shown(clock).is_some()),
        ("pin", pin.latched(now).is_some() || pin.in_doubt(clock).is_some()),
        ("registration", account.registration.shown(clock).is_some()),
    ];
    let lifted: Vec<String> =
        held.iter().filter(|(_, held)| *held).map(|(what, _)| (*what).to_owned()).collect();
    if let Some(blocked) = blocked(account, now) {
        return Err(blocked);
    }
    if lifted.is_empty() {
        return Err(NotRetried::NothingToLift(account.slug.clone()));
    }
    if latched.as_ref().is_some_and(Latched::is_not_signed_in) {
        return Err(NotRetried::NotSignedIn(account.slug.clone()));
    }
    let left_today = by_hand.count(&mut done, now, by, lifted.clone()).await?;
    tracing::warn!(account = account.slug, by, ?lifted, "the same credentials are tried once more");
    account.latch.lift().await?;
    account.grant.forget().await;
    pin.lift().await?;
    account.registration.forget().await;
    account.refreshes.lock().forget_failures();
    account.announce();
    Ok(Retried { account: account.slug.clone(), lifted, left_today })
}

/// Returns why nothing is lifted while the vendor blocks this program, if it does.
pub(super) fn blocked(account: &Account, now: Timestamp) -> Option<NotRetried> {
    let blocked = account.client.current(now).filter(|latched| latched.kind == LatchKind::LockedOut)?;
    Some(NotRetried::LockedOut { until: blocked.until.unwrap_or(Timestamp::MAX) })
}

/// Wish of a person to have an account signed in, whatever keeps its credentials from being sent.
///
/// Nothing is lifted for a try that is not made. The latch holds until the try has led to a session, to a question or to
/// another latch; one that comes to nothing else leaves it as it was.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    by: String,
    /// The latch that holds.
    latched: Option<Latched>,
    /// Whether what is configured is in doubt, and is what is sent.
    in_doubt: bool,
    /// Whether the same as before is tried once more, which is counted.
    is_retry: bool,
}

impl Wish {
    /// Takes a wish, which changes nothing. With other credentials than those that were refused it is no retry, unless it
    /// is this program that was refused.
    pub(super) async fn of(account: &Account, by: &str, with: With) -> Result<Self, NotRetried> {
        let (clock, by_hand) = (account.clock(), &account.retries_by_hand);
        let now = clock.now();
        let done = by_hand.up_to_now(now).await?;
        if let Some(blocked) = blocked(account, now) {
            return Err(blocked);
        }
        let latched = account.latch.current(now);
        let in_doubt = with == With::Configured && account.grant.shown(clock).is_some();
        let is_retry = match &latched {
            Some(latched) => {
                !latched.is_not_signed_in()
                    && (with == With::Configured || latched.kind == LatchKind::ClientRefused)
            }
            None => in_doubt,
        };
        if is_retry {
            left(&done, now).map_err(|from| NotRetried::TooOften { from })?;
        }
        Ok(Self { by: by.to_owned(), latched, in_doubt, is_retry })
    }

    /// Puts the try on record that is made now, and ends what has nothing to do with the latch: doubt, and pauses.
    pub(super) async fn is_made(&self, account: &Account) -> Result<(), NotRetried> {
        if self.is_retry {
            let (by_hand, now) = (&account.retries_by_hand, account.clock().now());
            let mut done = by_hand.up_to_now(now).await?;
            by_hand.count(&mut done, now, &self.by, vec!["grant".to_owned()]).await?;
            tracing::warn!(account = account.slug, by = self.by, "the same credentials are tried once more");
        }
        if self.in_doubt {
            account.grant.forget().await;
        }
        if self.ends_pauses() {
            account.refreshes.lock().forget_failures();
        }
        Ok(())
    }

    /// Whether it does not wait for the pauses after failures.
    pub(super) const fn ends_pauses(&self) -> bool {
        self.latched.is_some() || self.in_doubt
    }

    /// Whether this is the latch that held when it was said.
    pub(super) fn is_about(&self, latched: &Latched) -> bool {
        self.latched.as_ref() == Some(latched)
    }
}

/// Returns the number of retries left; when none is left, the time at which the oldest of the day is a day
/// old.
fn left(done: &[Retry], now: Timestamp) -> Result<usize, Timestamp> {
    let day = SignedDuration::from_hours(24);
    let within: Vec<Timestamp> =
        done.iter().map(|retry| retry.at).filter(|at| now.duration_since(*at) < day).collect();
    match MOST_A_DAY.checked_sub(within.len()) {
        Some(left @ 1..) => Ok(left),
        _ => Err(within.first().and_then(|first| first.checked_add(day).ok()).unwrap_or(now)),
    }
}

/// Moves to now what a clock that was ahead has noted. Returns whether anything was moved.
fn move_from_the_future(done: &mut [Retry], now: Timestamp) -> bool {
    done.iter_mut().fold(false, |moved, retry| move_back(&mut retry.at, now) | moved)
}

#[cfg(test)]
mod tests;
