//! Remedies between two attempts.

use std::collections::BTreeSet;
use std::time::Duration;

use vehicle_connector_rules::judged::Kind;

use super::context::Context;
use super::views::Views;
use super::{Failed, StepError, session};
use crate::account::session::{Cause, RefreshError, Refreshed};
use crate::bindings::policy::Failure;
use crate::judge::Judged;
use crate::operation::reason;
use crate::primitives::SESSION;
use crate::protect::retry_budget::Price;
use crate::wire::outcome::Reason;
use crate::wire::words::Words;

/// Remedies that a step has had.
#[derive(Debug, Default)]
pub(super) struct Remedies {
    /// Whether this step was repeated after a refresh.
    pub(super) refreshed: bool,
    /// The cells that were discarded for this step.
    pub(super) discarded: BTreeSet<String>,
    /// Price of the last repeat.
    pub(super) paid: Option<Price>,
}

impl Remedies {
    /// Obtains a newer session than the generation that was refused or is over, from the first caller.
    pub(super) async fn refresh(
        &mut self,
        context: Context<'_>,
        cause: Cause,
        views: &Views,
        failure: &Failure,
    ) -> Result<&'static str, StepError> {
        self.refreshed = true;
        let progress = &context.operation.progress;
        let mut refused = views.generation(SESSION);
        let mut refreshed = session::refresh_in_time(context, cause, refused, false).await?;
        // A refresh that was under way meanwhile may have left alone what was refused.
        if let Ok(Refreshed::Adopted(newer)) = &refreshed
            && newer.generation > refused
            && views.would_carry_the_same(newer)
        {
            refused = newer.generation;
            refreshed = session::refresh_in_time(context, cause, refused, false).await?;
        }
        match refreshed {
            Ok(Refreshed::Fresh) => {
                progress.refreshed();
                Ok("with a new token")
            }
            Ok(Refreshed::Adopted(cell)) if cell.generation > refused => {
                progress.refreshed();
                Ok("with the token that another operation refreshed")
            }
            Ok(Refreshed::Adopted(_)) => Ok("with the same token, as the policy wants"),
            Err(RefreshError::Latched(latched)) => Err(context.latched(&latched)),
            Err(why) => {
                let theirs = [Some(failure.message.clone()), reason::of_refresh_in_words(&why).theirs];
                let theirs = theirs.into_iter().flatten().collect::<Vec<_>>().join("; no new token: ");
                let ours = reason::of_refresh_in_words(&why).ours;
                Err(context.not_tried(reason::of_refresh_error(&why), Words { ours, theirs: Some(theirs) }))
            }
        }
    }

    /// Discards what the cloud no longer knows, if it still is what the attempt has used.
    pub(super) async fn discard(
        &mut self,
        context: Context<'_>,
        views: &mut Views,
        cell: String,
        failure: &Failure,
    ) -> Result<&'static str, StepError> {
        let used = views.generation(&cell);
        if let Some(slot) = context.account().context.cells.slot(&cell)
            && let Err(error) = slot.discard(used).await
        {
            let ours = format!("{cell} could not be discarded: {error}");
            let words = Words { ours: Some(ours), theirs: Some(failure.message.clone()) };
            return Err(context.not_tried(Reason::HostFault, words));
        }
        views.unpin(&cell);
        self.discarded.insert(cell);
        Ok("after what the cloud no longer knows was discarded")
    }

    /// Waits before a repeat, if the account may still repeat something; not any longer once a newer command
    /// wants the same actuator.
    pub(super) async fn pause(
        &mut self,
        context: Context<'_>,
        pause: Duration,
        judged: &Judged,
    ) -> Result<&'static str, StepError> {
        let account = context.account();
        let price = Kind::from(judged.kind()).price();
        if !account.retries.take(price, account.clock()) {
            let failed = Failed::of(judged, account);
            let words =
                failed.words.and("not repeated: too many repeats for this account of late", failed.reason);
            return Err(StepError::Failed(Failed { words, ..failed }));
        }
        self.paid = Some(price);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = context.superseded() => {}
        }
        Ok("after a pause")
    }
}
