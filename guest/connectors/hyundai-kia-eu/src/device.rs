//! The device registration.
//!
//! The cloud wants to push to a device. We have none to offer, so we register an address that does not exist.
//! When a push to it fails the cloud forgets the device id, answers 4002, and we register again.

use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::{log, random};

use crate::cloud::{self, Cloud, Proof, SPA};
use crate::kept::{self, DEVICE, Session};

/// What the cell holds; the device id itself is a secret.
fn registered() -> String {
    format!("{}", json!({ "registered": true, "number": random::hex(16) }))
}

/// Makes sure that there is a device id, and returns the generation of the registration. Commands and the
/// polls for their results have to use the same one.
///
/// # Errors
///
/// The registration fails.
pub(crate) fn ensure(cloud: &Cloud<'_>) -> Result<u64, Failure> {
    if let Some(cell) = cell::read(DEVICE) {
        return Ok(cell.generation);
    }
    let held = cell::hold(DEVICE, Phase::Registration)?;
    if let Some(cell) = held.cell() {
        return Ok(cell.generation);
    }
    if came_with_the_tokens(cloud) {
        // A later generation is not the first: the cloud has forgotten that device.
        let generation = held.commit(&registered())?;
        if generation == 1 {
            return Ok(generation);
        }
    }
    register(cloud)?;
    held.commit(&registered())
}

/// The same for a sign-in, which does not fail for it: without a registration the device is one that is made
/// up, with which vehicles are listed all the same.
///
/// # Errors
///
/// What is made up cannot be stored.
pub(crate) fn ensure_or_make_up(cloud: &Cloud<'_>) -> Result<(), Failure> {
    let Err(failure) = ensure(cloud) else { return Ok(()) };
    log::warn(&format!("this installation could not be registered as a device: {}", failure.message));
    let held = cell::hold(DEVICE, Phase::Registration)?;
    held.commit(&format!("{}", json!({ "registered": false, "id": random::uuid() })))?;
    Ok(())
}

/// Whether the device id is a part of a set of tokens that was imported.
fn came_with_the_tokens(cloud: &Cloud<'_>) -> bool {
    cloud.account.has_secret("device-id") && matches!(Session::read(), Some(Session::Cci(_)))
}

fn register(cloud: &Cloud<'_>) -> Result<(), Failure> {
    log::info("registering this installation as a device");
    let body = json!({
        "pushRegId": random::hex(32),
        "pushType": cloud.brand.push_type,
        "uuid": random::uuid(),
    });
    let path = format!("{SPA}/notifications/register");
    let request =
        cloud.post(&path, Proof::Registration, &body).capture_secret("/resMsg/deviceId", "device-id");
    cloud::send(request, Phase::Registration, Proof::Registration).map(|_| ())
}

/// Makes sure that a refresh has a device to speak as, where a set of tokens came without one.
///
/// # Errors
///
/// As for [`ensure_or_make_up`].
pub(crate) fn for_refresh(cloud: &Cloud<'_>) -> Result<(), Failure> {
    let is_known = cell::read(kept::DEVICE).is_some() || cloud.account.has_secret("device-id");
    if is_known { Ok(()) } else { ensure_or_make_up(cloud) }
}
