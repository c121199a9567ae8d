//! The device registration.
//!
//! The cloud wants to push to a device. We have none to offer, so we register an address that does not exist.
//! When a push to it fails the cloud forgets the device id, answers 4002, and we register again.
//!
//! A set of tokens is of the device that it was given to: its identifier is kept with it, in the session, and
//! is no secret, because requests to the token service have it in two forms. Another registration is the
//! vehicle service's alone. Of a session by a refresh token the identifier is a secret, as it always was.

use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::{log, random};

use crate::cloud::{self, Cloud, Proof, SPA};
use crate::kept::{self, Cci, DEVICE, DEVICE_ID, Device, Session, TAKEN_UP};

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
    let registration = match Session::read() {
        Some(Session::Cci(session)) => match taken_up(cloud, &session)? {
            Some(registration) => registration,
            None => of(&register(cloud)?),
        },
        Some(Session::Legacy) | None => {
            register_in_secret(cloud)?;
            json!({ "registered": true })
        }
    };
    held.commit(&format!("{registration}"))
}

/// The device that the next set of tokens is to be given to. Without a registration it is one that is made up, with
/// which vehicles are listed all the same.
///
/// # Errors
///
/// It cannot be stored.
pub(crate) fn for_new_tokens(cloud: &Cloud<'_>) -> Result<Device, Failure> {
    if let Some(id) = kept::known_device() {
        return take_up(&id);
    }
    let held = cell::hold(DEVICE, Phase::Registration)?;
    // Somebody else may have registered it meanwhile.
    let id = match kept::known_device() {
        Some(id) => id,
        None => {
            let (id, registration) = register_or_make_up(cloud);
            held.commit(&format!("{registration}"))?;
            id
        }
    };
    take_up(&id)
}

/// The device that the tokens of a session are of. A set that came without one is given one now.
///
/// # Errors
///
/// As for [`for_new_tokens`].
pub(crate) fn of_tokens(cloud: &Cloud<'_>, session: &Cci) -> Result<Device, Failure> {
    match &session.device {
        Some(id) => Ok(Device::known(id)),
        None if cloud.account.has_secret(DEVICE_ID) => Ok(Device::secret()),
        None => for_new_tokens(cloud),
    }
}

/// The registration that came with the tokens of a session. None if there is none, or if it was taken up before: then
/// the cloud has forgotten that device since.
fn taken_up(cloud: &Cloud<'_>, session: &Cci) -> Result<Option<Value>, Failure> {
    let registration = match &session.device {
        Some(id) => of(id),
        None if cloud.account.has_secret(DEVICE_ID) => {
            json!({ "registered": true, "number": random::hex(16) })
        }
        None => return Ok(None),
    };
    let note = format!("{}", json!({ "id": session.device }));
    let held = cell::hold(TAKEN_UP, Phase::Registration)?;
    if held.cell().is_some_and(|before| before.value == note) {
        return Ok(None);
    }
    held.commit(&note)?;
    Ok(Some(registration))
}

/// Notes that the device of the next set is the registration.
fn take_up(id: &str) -> Result<Device, Failure> {
    let held = cell::hold(TAKEN_UP, Phase::Registration)?;
    let note = format!("{}", json!({ "id": id }));
    if held.cell().is_none_or(|before| before.value != note) {
        held.commit(&note)?;
    }
    Ok(Device::known(id))
}

/// What the cell holds of a registered device whose identifier is no secret.
fn of(id: &str) -> Value {
    json!({ "registered": true, "id": id })
}

/// An identifier, and what the cell holds of it.
fn register_or_make_up(cloud: &Cloud<'_>) -> (String, Value) {
    match register(cloud) {
        Ok(id) => {
            let registration = of(&id);
            (id, registration)
        }
        Err(failure) => {
            let why = failure.message;
            log::warn(&format!("this installation could not be registered as a device: {why}"));
            let id = random::uuid();
            let registration = json!({ "registered": false, "id": id });
            (id, registration)
        }
    }
}

/// Registers a device, and returns its identifier.
fn register(cloud: &Cloud<'_>) -> Result<String, Failure> {
    let answer = cloud::send(registration(cloud), Phase::Registration, Proof::Registration)?;
    let id = answer.text("/resMsg/deviceId").filter(|id| kept::is_device(id));
    id.map(str::to_owned).ok_or_else(|| answer.lacks("identifier of a device"))
}

/// Registers a device whose identifier becomes the secret [`DEVICE_ID`].
fn register_in_secret(cloud: &Cloud<'_>) -> Result<(), Failure> {
    let request = registration(cloud).capture_secret("/resMsg/deviceId", DEVICE_ID);
    cloud::send(request, Phase::Registration, Proof::Registration).map(|_| ())
}

fn registration(cloud: &Cloud<'_>) -> Request {
    log::info("registering this installation as a device");
    let body = json!({
        "pushRegId": random::hex(32),
        "pushType": cloud.brand.push_type,
        "uuid": random::uuid(),
    });
    cloud.post(&format!("{SPA}/notifications/register"), Proof::Registration, &body)
}
