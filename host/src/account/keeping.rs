//! Keeping of an account: what is due although nobody asks for it.
//!
//! A question ends, a visit is asked about, a refresh token would end unused, a grant ends in a few weeks. All of
//! that is read from what is stored, so it goes on after a restart where it was.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;

use super::{Account, grant};
use crate::account::question::Pending;
use crate::primitives::SESSION;

/// Longest time until it is noticed that the machine has slept, or that its clock was set.
const NOTICE: Duration = Duration::from_secs(600);

/// Shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(200);

/// Sees to an account until it is dropped or its host stops.
pub(super) async fn keep(account: Weak<Account>) {
    let mut polled = Polled::default();
    let Some(mut connectors) = account.upgrade().map(|there| there.connector.changes()) else { return };
    loop {
        let Some(there) =
            account.upgrade().filter(|there| !there.services.background.is_closed() && !there.is_retired())
        else {
            return;
        };
        let next = see_to(&there, &mut polled).await.clamp(SHORTEST, NOTICE);
        let wake = Arc::clone(&there.wake);
        drop(there);
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = wake.notified() => {}
            Ok(()) = connectors.changed() => {}
        }
    }
}

/// Polls of the visit that is open.
#[derive(Debug, Default)]
struct Polled {
    /// When the visit was asked for, or asked about last, on the monotonic clock; with when the question was asked.
    last: Option<(Timestamp, Duration)>,
}

impl Polled {
    /// Returns the time until the next poll of a question that is polled so often. The first one waits as long.
    fn due_in(&mut self, pending: &Pending, every: Duration, now: Duration) -> Duration {
        let (_, last) = *match &mut self.last {
            Some(last) if last.0 == pending.asked_at => last,
            other => other.insert((pending.asked_at, now)),
        };
        (last + every).saturating_sub(now)
    }

    fn polled(&mut self, asked_at: Timestamp, now: Duration) {
        self.last = Some((asked_at, now));
    }
}

/// Does what is due, and returns the time until something may be due again.
async fn see_to(account: &Arc<Account>, polled: &mut Polled) -> Duration {
    account.lift_of_another_connector().await;
    let question = see_to_question(account, polled).await;
    let grant = grant::see_to(account).await;
    question.min(grant).min(see_to_budget(account))
}

/// Publishes the requests of a day that has begun.
fn see_to_budget(account: &Account) -> Duration {
    account.announce_new_day();
    let now = account.clock().now();
    let left = account.requests.resets_at(now).map(|at| at.duration_since(now));
    left.and_then(|left| Duration::try_from(left).ok()).unwrap_or(NOTICE)
}

async fn see_to_question(account: &Arc<Account>, polled: &mut Polled) -> Duration {
    let Some(pending) = account.questions.current() else { return NOTICE };
    if pending.is_over(account.clock().now()) {
        end(account, pending.number).await;
        return NOTICE;
    }
    let left = pending.expires_at.duration_since(account.clock().now());
    let left = Duration::try_from(left).unwrap_or_default();
    let Some(every) = pending.challenge.polled_every() else { return left };
    let due = polled.due_in(&pending, every, account.clock().monotonic());
    if !due.is_zero() {
        return due.min(left);
    }
    account.poll(pending.number).await;
    polled.polled(pending.asked_at, account.clock().monotonic());
    // Perhaps it is polled more rarely from now on.
    Duration::ZERO
}

/// Ends a question whose time is over, if nobody answers it at this moment.
async fn end(account: &Account, number: u64) {
    let Some(slot) = account.context.cells.slot(SESSION) else { return };
    let _held = slot.acquire().await;
    if account.is_retired() {
        return;
    }
    let still = account.questions.current().filter(|pending| pending.number == number);
    if let Some(pending) = still.filter(|pending| pending.is_over(account.clock().now())) {
        account.end_unanswered(&pending).await;
    }
}
