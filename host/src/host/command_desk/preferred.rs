//! Preferences for the climate: commands of the host, for which no request leaves.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::CommandDesk;
use crate::command::Action;
use crate::store::StoreError;
use crate::vehicle::Vehicle;
use crate::vehicle::preferences::{Unfit, fitting};
use crate::wire::outcome::{Reason, State};
use crate::wire::report::Report;

/// Storage of a preference that holds already.
pub(super) type Storing = BoxFuture<'static, Result<(), StoreError>>;

/// Returns an action with its preference, if it is one, as the vehicle's connector takes it.
///
/// # Errors
///
/// When the connector does not take it: why, for programs and for people.
pub(super) fn fitted(vehicle: &Vehicle, action: Action) -> Result<Action, (Reason, String)> {
    let Action::PreferClimate(preference) = action else { return Ok(action) };
    match fitting(preference, &vehicle.account.takes) {
        Ok(fitted) => Ok(Action::PreferClimate(fitted)),
        Err(Unfit::NotTaken(why)) => Err((Reason::Unsupported, why)),
        Err(Unfit::OutOfRange(why)) => Err((Reason::BadPayload, why)),
    }
}

impl CommandDesk {
    /// Lets a preference hold, if an action is one, and publishes it. Of two that are accepted one after the
    /// other the later one holds.
    pub(super) fn prefer(&self, vehicle: &Arc<Vehicle>, action: &Action) -> Option<Storing> {
        let Action::PreferClimate(preference) = action else { return None };
        let storing = vehicle.prefer(*preference);
        let (announcer, vehicle) = (Arc::clone(&self.announcer), Arc::clone(vehicle));
        announcer.announce_controls(&vehicle, &mut vehicle.memory());
        Some(Box::pin(async move {
            let stored = storing.await;
            announcer.announce_controls(&vehicle, &mut vehicle.memory());
            stored
        }))
    }
}

/// Waits until a preference is stored, and says so in its report.
pub(super) async fn conclude(storing: Storing, report: &mut Report) {
    match storing.await {
        Ok(()) => report.state = State::Succeeded,
        Err(error) => report.end(State::Failed, Reason::HostFault, error.to_string()),
    }
}
