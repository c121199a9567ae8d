//! The device registration.
//!
//! The cloud wants to push to a device. We have none to offer, so we register an address that does not exist.
//! When a push to it fails the cloud forgets the device id, answers 4002, and we register again.

use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::{log, random};

use crate::cloud::{self, Cloud, Proof, SPA};

/// The cell of the registration.
pub(crate) const CELL: &str = "device-registration";

/// What the cell holds; the device id itself is a secret.
const REGISTERED: &str = r#"{"registered":true}"#;

/// Makes sure that there is a device id, and returns the generation of the registration. Commands and the
/// polls for their results have to use the same one.
///
/// # Errors
///
/// The registration fails.
pub(crate) fn ensure(cloud: &Cloud<'_>) -> Result<u64, Failure> {
    cell::ensure(CELL, Phase::Registration, || {
        log::info("registering this installation as a device");
        let body = json!({
            "pushRegId": random::hex(32),
            "pushType": cloud.brand.push_type,
            "uuid": random::uuid(),
        });
        let path = format!("{SPA}/notifications/register");
        let request =
            cloud.post(&path, Proof::Registration, &body).capture_secret("/resMsg/deviceId", "device-id");
        cloud::send(request, Phase::Registration, Proof::Registration)?;
        Ok(REGISTERED.to_owned())
    })
}
