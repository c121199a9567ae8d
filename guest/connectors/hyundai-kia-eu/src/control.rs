//! The permission that the PIN gives.

use vehicle_connector_sdk::cell::{Cell, Held};
use vehicle_connector_sdk::prelude::*;

use crate::cloud::{self, Cloud, Proof, USER};
use crate::{garage, kept};

/// The cell of the permission.
pub(crate) const CELL: &str = "control-token";

/// How long a permission lasts when the cloud does not say, in seconds.
const LIFETIME: i64 = 600;

/// A permission that ends within so many milliseconds is not used any more: it has to last until the command
/// arrives.
const GRACE: u64 = 10_000;

/// The code for a parameter that a service does not like.
const PARAMETERS: &str = "4002";

/// What is kept of a permission that the cloud has refused. The generation counts on; the token is never used
/// again.
const SPENT: &str = r#"{"expires_in":0}"#;

/// A permission that a command is sent with.
#[derive(Debug)]
pub(crate) struct Permission {
    generation: u64,
    /// The generation of the device registration that it is bound to.
    device: u64,
    /// Whether it was there before this call.
    cached: bool,
}

/// Makes sure that there is a permission for the device registration of generation `device`, which it is
/// bound to. Offers the PIN at most once.
///
/// # Errors
///
/// The cloud gives none: a wrong PIN, or an access token that is no longer good.
pub(crate) fn ensure(cloud: &Cloud<'_>, device: u64) -> Result<Permission, Failure> {
    let held = cell::hold(CELL, Phase::Pin)?;
    if let Some(cell) = held.cell().filter(|cell| usable(cell, device)) {
        return Ok(Permission { generation: cell.generation, device, cached: true });
    }
    let generation = ask(cloud, &held, device)?;
    Ok(Permission { generation, device, cached: false })
}

/// What there is to report when the cloud has refused a command with `refusal` because of its permission.
///
/// A permission that was kept from earlier tells nothing about the access token, which may have ended as
/// well. So the PIN is offered for the next one at once: if that fails, its failure is what stands in the
/// way. The PIN is offered at most once in a call, and the command is not sent again here.
pub(crate) fn refused(cloud: &Cloud<'_>, permission: &Permission, refusal: Failure) -> Failure {
    match replace(cloud, permission) {
        Ok(()) => refusal,
        // Nobody has seen the PIN. Whoever repeats the command offers it first.
        Err(failure)
            if failure.certainty == Certainty::NotSent && failure.transport != Some(Transport::Denied) =>
        {
            refusal
        }
        // The command did leave, and was refused.
        Err(failure) => Failure { certainty: Certainty::Rejected, ..failure },
    }
}

fn replace(cloud: &Cloud<'_>, refused: &Permission) -> Result<(), Failure> {
    let held = cell::hold(CELL, Phase::Pin)?;
    match held.cell() {
        Some(cell) if cell.generation == refused.generation => {
            // Before anything else can fail: it must not be used again.
            held.commit(SPENT)?;
        }
        Some(cell) if usable(&cell, refused.device) => return Ok(()),
        _ => {}
    }
    if refused.cached {
        ask(cloud, &held, refused.device)?;
    }
    Ok(())
}

/// Offers the PIN, and returns the generation of the permission that it gave.
fn ask(cloud: &Cloud<'_>, held: &Held<'_>, device: u64) -> Result<u64, Failure> {
    let body = json!({ "deviceId": kept::device_id(), "pin": secret("pin") });
    let request = cloud.put(&format!("{USER}/pin?token="), Proof::Pin, &body);
    let request = request.capture_secret("/controlToken", "control-token");
    let answer = cloud::send(request, Phase::Pin, Proof::Pin);
    let answer = answer.map_err(|failure| unless_device(cloud, failure))?;
    let expires_in = answer.integer("/expiresTime").unwrap_or(LIFETIME);
    held.commit(&format!("{}", json!({ "expires_in": expires_in, "device": device })))
}

/// The failure of a PIN, or that of the device that it was offered for.
///
/// The account service has one answer for all parameters that it does not like, and the device id is one of
/// them. A PIN that is taken for wrong is not offered again until a person acts, so the vehicle service,
/// which does say when it does not know a device, is asked.
fn unless_device(cloud: &Cloud<'_>, failure: Failure) -> Failure {
    if failure.code.as_deref() != Some(PARAMETERS) {
        return failure;
    }
    garage::list(cloud).err().filter(|other| other.code.as_deref() == Some(PARAMETERS)).unwrap_or(failure)
}

fn usable(cell: &Cell, device: u64) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(&cell.value) else {
        return false;
    };
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let lasts = number("expires_in").unwrap_or(0).saturating_mul(1_000);
    number("device") == Some(device) && u64::from(cell.age).saturating_add(GRACE) < lasts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_used_until_shortly_before_its_end_and_with_its_device() {
        let cell = |age| Cell { generation: 1, value: r#"{"expires_in":600,"device":3}"#.into(), age };
        assert!(usable(&cell(0), 3));
        assert!(usable(&cell(589_999), 3));
        assert!(!usable(&cell(590_000), 3));
        assert!(!usable(&cell(u32::MAX), 3));
        assert!(!usable(&cell(0), 4));
        for value in ["nonsense", SPENT] {
            assert!(!usable(&Cell { generation: 1, value: value.into(), age: 0 }, 3));
        }
    }
}
