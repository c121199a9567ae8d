//! Grants that end: a refresh token that dies unused, and a grant that dies whatever is done.
//!
//! The first is refreshed in time, the second is told to the owner 30 and 7 days before. When that is comes from the
//! cloud, which may say anything; so a refresh for that reason alone is made once an hour at most, and never after
//! the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Account;
use crate::account::session::{Cause, Refresh};
use crate::cell::Cell;
use crate::digest::Digest;
use crate::events::{AboutGrant, Event};
use crate::primitives::{Offers, SESSION};
use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::time::Clock;

/// The part of a refresh token's life after which it is used, in percent.
const USED_AT: i32 = 80;

/// Shortest time between two refreshes that only keep a refresh token from ending, and between a session and the
/// first of them.
const LEAST_DISTANCE: Duration = Duration::from_secs(3_600);

/// Days before the end of a grant on which the owner is told.
const TOLD_AT: [i64; 2] = [30, 7];

/// Longest time by which the end of the same grant is told differently: clouds say how much is left.
const SAME: SignedDuration = SignedDuration::from_hours(24);

/// Time until something is looked at again of which nothing is known.
const LATER: Duration = Duration::from_secs(24 * 3_600);

/// What the owner was told of the end of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    ends_at: Timestamp,
    /// Days before the end that were told of last.
    days: i64,
}

/// The end of what a configured token grants, as it was first known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Digest of the configured tokens, which tells none of them.
    of: String,
    ends_at: Timestamp,
}

/// Ends of one account's grants, as far as they were seen to.
#[derive(Debug)]
pub(crate) struct Grants {
    account: String,
    told: Mutex<Option<Told>>,
    /// Digest of the configured tokens; none if none is configured.
    configured: Option<Digest>,
    /// Days that these live at most, by name, where nothing renews them.
    token_days: BTreeMap<String, u32>,
    known: Mutex<Option<Known>>,
    /// Time of the last refresh that only kept a refresh token from ending, on the monotonic clock.
    refreshed: Mutex<Option<Duration>>,
    store: Arc<dyn Store>,
}

impl Grants {
    /// Opens what the store knows. `configured` is a digest of the tokens that the owner has configured, if there are
    /// any.
    pub(super) async fn open(
        account: &str,
        configured: Option<Digest>,
        token_days: BTreeMap<String, u32>,
        store: &Arc<dyn Store>,
    ) -> Result<Self, StoreError> {
        let told = load_document(store.as_ref(), Kind::GrantTold, account).await?;
        let known = load_document(store.as_ref(), Kind::GrantEnds, account).await?;
        let (told, known, refreshed) = (Mutex::new(told), Mutex::new(known), Mutex::default());
        let store = Arc::clone(store);
        Ok(Self { account: account.to_owned(), told, configured, token_days, known, refreshed, store })
    }

    /// Returns how many seconds, at most, a grant lasts for which these secrets were sent: as long as a configured token
    /// among them lives that nothing renews. None if there is no such, or if a password is there to sign in with after it.
    pub(crate) fn life_of_sent(&self, sent: &Offers) -> Option<i64> {
        self.configured.as_ref()?;
        let lives = self.token_days.iter().filter(|(name, _)| sent.include(name)).map(|(_, days)| *days);
        lives.min().map(|days| i64::from(days) * 86_400)
    }

    /// Returns when what the configured tokens grant ends, now that it is said to end at `told`; and the write that
    /// remembers it, for a caller that commits more. A token that is not renewed does not live longer because it was
    /// exchanged once more, whatever became of the session before: the first end that was told for it stays, over
    /// restarts too, unless it is over and the cloud still grants. Without a configured token what is told holds.
    pub(crate) fn first_told(&self, told: Timestamp, now: Timestamp) -> (Timestamp, Option<Write>) {
        let Some(of) = self.configured.as_ref().map(ToString::to_string) else { return (told, None) };
        let mut known = self.known.lock();
        if let Some(first) = known.as_ref().filter(|known| known.of == of && known.ends_at > now)
            && first.ends_at <= told
        {
            return (first.ends_at, None);
        }
        let first = known.insert(Known { of, ends_at: told });
        (told, Write::document(Kind::GrantEnds, self.account.clone(), first).ok())
    }

    /// Returns the days before the end of a grant that the owner is to be told of now, and notes that. Told once for
    /// each grant, over restarts too: it is stored first.
    async fn untold(&self, ends_at: Timestamp, now: Timestamp) -> Option<i64> {
        let left = ends_at.duration_since(now);
        let due = |days: &i64| left <= SignedDuration::from_hours(24 * *days);
        let days = TOLD_AT.into_iter().filter(due).min()?;
        let same = |told: &Told| told.ends_at.duration_since(ends_at).abs() < SAME && told.days <= days;
        if !left.is_positive() || self.told.lock().as_ref().is_some_and(same) {
            return None;
        }
        let told = Told { ends_at, days };
        let write = Write::document(Kind::GrantTold, self.account.clone(), &told).ok()?;
        if let Err(error) = self.store.commit(vec![write]).await {
            tracing::warn!(
                account = self.account,
                "the end of the grant is told again after a restart: {error}"
            );
        }
        *self.told.lock() = Some(told);
        Some(days)
    }

    /// Returns the time until the refresh token is to be used, so that it does not end; none if nothing is known of its
    /// end, or it has ended.
    fn unused_in(&self, session: &Cell, clock: &dyn Clock) -> Option<Duration> {
        let (life, left) = (session.refresh_life()?, session.refresh_expires_in(clock)?);
        let age = session.age(clock)?;
        session.value.as_ref()?;
        if !left.is_positive() {
            return None;
        }
        let used_at = Duration::try_from(life * USED_AT / 100).unwrap_or_default().max(LEAST_DISTANCE);
        let again = self.refreshed.lock().map(|at| (at + LEAST_DISTANCE).saturating_sub(clock.monotonic()));
        Some(used_at.saturating_sub(age).max(again.unwrap_or_default()))
    }
}

/// Does what is due, and returns the time until something may be due again.
pub(super) async fn see_to(account: &Arc<Account>) -> Duration {
    let Some(session) = account.context.cells.slot(SESSION).map(|slot| slot.current()) else { return LATER };
    tell(account, &session).await;
    let clock = account.clock();
    match account.grants.unused_in(&session, clock) {
        Some(due) if due.is_zero() => {
            *account.grants.refreshed.lock() = Some(clock.monotonic());
            Refresh::of_nobody(account, "unused").refresh_unasked(Cause::Unused, session.generation);
            LEAST_DISTANCE
        }
        Some(due) => due,
        None => LATER,
    }
}

/// Tells the owner of the end of a grant.
async fn tell(account: &Account, session: &Cell) {
    let (Some(ends_at), now) = (session.ends.grant, account.clock().now()) else { return };
    if account.grants.untold(ends_at, now).await.is_none() {
        return;
    }
    let days_left = ends_at.duration_since(now).as_hours() / 24;
    let reason = account.advice.on_grant_end(ends_at);
    tracing::warn!(account = account.slug, days_left, "{reason}");
    let about = AboutGrant { account: account.slug.clone(), ends_at, days_left, reason };
    account.services.events.say(&Event::GrantEnds(about));
}
