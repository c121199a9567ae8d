//! Admission of a refresh: asked once under the session's lock, and answered by the policy first and then by
//! the host.

use std::time::Duration;

use jiff::SignedDuration;
use vehicle_connector_rules::fight::Fight;
use vehicle_connector_rules::refresh::{self, NotYet, Taken};

use super::{Cause, Refresh, RefreshError, token_endpoint};
use crate::bindings::policy::{RefreshDecision, SessionView};
use crate::cell::Cell;
use crate::events::{AboutAccount, Event};
use crate::protect::circuit::{Permit, Purpose};
use crate::time::milliseconds;

/// Admission of one refresh.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admission<'r> {
    pub(super) refresh: &'r Refresh,
    pub(super) cause: Cause,
    /// The session as it is.
    pub(super) cell: &'r Cell,
    pub(super) now: Duration,
}

impl Admission<'_> {
    /// Returns a place at the token endpoint; none if the session is to be taken as it is. Records the
    /// decision with what really follows from it.
    pub(super) async fn admit(self) -> Result<Option<Permit>, RefreshError> {
        let session = self.view();
        let judge = self.refresh.judge(self.cell.generation);
        let decision = judge.admit_refresh(&session).await;
        let admitted = self.follow(&decision);
        let done = match &admitted {
            Ok(Some(_)) => "refresh".to_owned(),
            Ok(None) => "adopt".to_owned(),
            Err(why) => format!("no refresh: {why}"),
        };
        judge.record_refresh(session, decision, done).await;
        admitted
    }

    fn follow(&self, decision: &RefreshDecision) -> Result<Option<Permit>, RefreshError> {
        let taken = refresh::admit(&decision.into(), self.cell.value.is_some());
        if taken.map_err(|NotYet { retry_in, why }| not_due(retry_in, why))? == Taken::Adopt {
            return Ok(None);
        }
        if self.cause == Cause::Refused {
            self.watch_for_a_fight()?;
        }
        let account = &self.refresh.account;
        // The pauses between refreshes grow by themselves.
        let purpose = if self.refresh.history().is_settled() { Purpose::Read } else { Purpose::FirstRead };
        let permit = account.circuits.admit(&token_endpoint(account), self.now, purpose);
        permit.map(Some).map_err(RefreshError::Shut)
    }

    fn view(&self) -> SessionView {
        let Self { refresh, cause, cell, .. } = *self;
        let clock = refresh.account.clock();
        let now = clock.monotonic();
        let mut history = refresh.history();
        SessionView {
            cloud: refresh.connector.manifest().name.clone(),
            reason: cause.reason(),
            generation: cell.generation,
            age: cell.age(clock).map(milliseconds),
            expires_in: cell.expires_in(clock).map(in_milliseconds),
            refresh_expires_in: cell.refresh_expires_in(clock).map(in_milliseconds),
            failures: history.strain(),
            since_failure: history.since_failure(now).map(milliseconds),
            retry_after: history.retry_after().map(milliseconds),
            refreshes_last_hour: u32::try_from(history.within_an_hour(now)).unwrap_or(u32::MAX),
            random: fastrand::u32(..),
        }
    }

    /// Slows down when fresh sessions keep being ended, and reports that once.
    fn watch_for_a_fight(&self) -> Result<(), RefreshError> {
        let Self { refresh, cell, now, .. } = *self;
        let account = &refresh.account;
        let life = cell.life().and_then(|life| Duration::try_from(life).ok());
        let age = cell.age(account.clock()).unwrap_or(Duration::MAX);
        if !Fight::ended_early(age, life) {
            return Ok(());
        }
        let admitted = refresh.history().ended_early(cell.generation, now);
        admitted.map_err(|(retry_in, first)| {
            let why = RefreshError::Fight { retry_in };
            if first {
                let reason = why.to_string();
                tracing::error!(account = account.slug, "{reason}");
                let about = AboutAccount { account: account.slug.clone(), reason };
                account.services.events.say(&Event::SessionFight(about));
                account.announce();
            }
            why
        })
    }
}

fn in_milliseconds(left: SignedDuration) -> i64 {
    i64::try_from(left.as_millis()).unwrap_or(i64::MAX)
}

fn not_due(retry_in: Duration, why: String) -> RefreshError {
    RefreshError::NotDue { retry_in, why, because: None }
}
