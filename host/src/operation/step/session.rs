//! Session of a step: ensured before an attempt, and refreshed after one.

use std::sync::Arc;

use super::StepError;
use super::context::Context;
use crate::account::session::{self, Cause, Freshness, Refresh, RefreshError, Refreshed};
use crate::operation::{Operation, Progress};
use crate::primitives::{Allowance, SESSION};

/// Ensures that there is a session which has not ended. A session that ends soon is refreshed meanwhile, and
/// no caller waits for that or fails because of it.
pub(super) async fn ensure(context: Context<'_>) -> Result<(), StepError> {
    let (operation, account) = (context.operation, context.account());
    let Some(slot) = account.context.cells.slot(SESSION) else { return Ok(()) };
    let cell = slot.current();
    let cause = match session::freshness(&cell, account.spread(cell.generation), account.clock()) {
        // Sending it again would only tell the same.
        _ if account.is_refused(&cell) => Cause::Refused,
        Freshness::Good => return Ok(()),
        Freshness::EndsSoon => {
            // Requests of its own: a refresh that no caller waits for does not use up what a caller may still
            // need.
            let allowance = Progress::for_account(account, "session").allowance;
            request(operation, allowance).refresh_unasked(Cause::EndsSoon, cell.generation);
            return Ok(());
        }
        Freshness::Ended => Cause::Ended,
        Freshness::Missing => Cause::Missing,
    };
    let usable =
        !account.is_refused(&cell) && cell.expires_in(account.clock()).is_some_and(|left| left.is_positive());
    match refresh_in_time(context, cause, cell.generation, usable).await? {
        Ok(refreshed) => {
            let newer = match refreshed {
                Refreshed::Fresh => true,
                Refreshed::Adopted(adopted) => adopted.generation > cell.generation,
            };
            if newer && cause != Cause::Missing {
                operation.progress.refreshed();
            }
            Ok(())
        }
        Err(RefreshError::Latched(latched)) => Err(context.latched(&latched)),
        // For its last seconds the old token is still good.
        Err(_) if usable => Ok(()),
        Err(why) => Err(context.not_refreshed(&why)),
    }
}

/// Returns a newer session than this generation. A refresh that fails for a passing reason is tried again
/// when the next one is due, if the operation has the time: its caller waits for a result either way. A
/// waiting caller makes no call of its own: under the session's lock the first one refreshes it for all. No
/// caller waits while the old one is usable.
pub(super) async fn refresh_in_time(
    context: Context<'_>,
    cause: Cause,
    generation: u64,
    old_is_usable: bool,
) -> Result<Result<Refreshed, RefreshError>, StepError> {
    let (operation, account) = (context.operation, context.account());
    let request = request(operation, Arc::clone(&operation.allowance));
    loop {
        let refreshing = request.clone().refresh(cause, generation);
        let Ok(refreshed) = tokio::time::timeout_at(operation.deadline, refreshing).await else {
            return Err(context.out_of_time());
        };
        let Err(why) = &refreshed else { return Ok(refreshed) };
        let Some(due) = request.due_in(why) else { return Ok(refreshed) };
        // The vendor may want more than this refresh to wait.
        let due = account.throttled().map_or(due, |it| it.left(account.clock().now()).max(due));
        if old_is_usable || due >= context.left() {
            return Ok(refreshed);
        }
        tracing::info!(operation = operation.id, "waits {} ms for the next refresh: {why}", due.as_millis());
        tokio::select! {
            () = tokio::time::sleep(due) => {}
            () = context.superseded() => return Ok(refreshed),
        }
    }
}

/// Makes the request for a session, which sends at the expense of this allowance.
fn request(operation: &Operation, allowance: Arc<Allowance>) -> Refresh {
    Refresh {
        account: Arc::clone(&operation.account),
        policy: operation.policy.clone(),
        connector: operation.connector.clone(),
        allowance,
        operation: operation.id.clone(),
        given_once: Arc::default(),
        spares_session: false,
        wish: None,
    }
}
