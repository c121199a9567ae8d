//! The permission that the PIN gives.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec;

use serde_json::{Value, json};

use crate::bindings::vehicle::connector::types::{Certainty, Failure, Phase, Transport};
use crate::cell;
use crate::cloud::{Call, Cloud, Proof, USER, secret};
use crate::garage;
use crate::port::{self, Body, Cell, Method};

/// The cell of the permission.
pub(crate) const CELL: &str = "control-token";

/// How long a permission lasts when the cloud does not say, in seconds.
const LIFETIME: u64 = 600;

/// A permission that ends within so many milliseconds is not used any more: it has to last until the command
/// arrives.
const GRACE: u64 = 10_000;

/// The code for a parameter that a service does not like.
const PARAMETERS: &str = "4002";

/// What is kept of a permission that the cloud has refused. The generation counts on; the token is never used again.
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

/// Makes sure that there is a permission for the device registration of generation `device`, which it is bound
/// to. Offers the PIN at most once.
///
/// # Errors
///
/// The cloud gives none: a wrong PIN, or an access token that is no longer good.
pub(crate) fn ensure(cloud: &Cloud<'_>, device: u64) -> Result<Permission, Failure> {
    let guard = acquire()?;
    if let Some(cell) = guard.cell().filter(|cell| usable(cell, device)) {
        return Ok(Permission { generation: cell.generation, device, cached: true });
    }
    let generation = ask(cloud, &guard, device)?;
    Ok(Permission { generation, device, cached: false })
}

/// What there is to report when the cloud has refused a command with `refusal` because of its permission.
///
/// A permission that was kept from earlier tells nothing about the access token, which may have ended as well. So
/// the PIN is offered for the next one at once: if that fails, its failure is what stands in the way. The PIN is
/// offered at most once in a call, and the command is not sent again here.
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
    let guard = acquire()?;
    match guard.cell() {
        Some(cell) if cell.generation == refused.generation => {
            // Before anything else can fail: it must not be used again.
            guard.commit(SPENT).map_err(|error| failure(&error))?;
        }
        Some(cell) if usable(&cell, refused.device) => return Ok(()),
        _ => {}
    }
    if refused.cached {
        ask(cloud, &guard, refused.device)?;
    }
    Ok(())
}

fn acquire() -> Result<port::Guard, Failure> {
    port::acquire(CELL, cell::WAIT).map_err(|error| failure(&error))
}

fn failure(error: &port::LockError) -> Failure {
    cell::failure(Phase::Pin, CELL, error)
}

/// Offers the PIN, and returns the generation of the permission that it gave.
fn ask(cloud: &Cloud<'_>, guard: &port::Guard, device: u64) -> Result<u64, Failure> {
    let answer = cloud.make(Call {
        phase: Phase::Pin,
        method: Method::Put,
        path: format!("{USER}/pin?token="),
        proof: Proof::Pin,
        body: Body::Json(r#"{"deviceId":"{secret:device-id}","pin":"{secret:pin}"}"#.to_owned()),
        captures: vec![secret("/controlToken", "control-token")],
        timeout: None,
        acts: false,
    });
    let answer = answer.map_err(|failure| unless_device(cloud, failure))?;
    let expires_in = answer.get("expiresTime").and_then(Value::as_u64).unwrap_or(LIFETIME);
    let value = json!({ "expires_in": expires_in, "device": device });
    guard.commit(&format!("{value}")).map_err(|error| failure(&error))
}

/// The failure of a PIN, or that of the device that it was offered for.
///
/// The account service has one answer for all parameters that it does not like, and the device id is one of them. A PIN
/// that is taken for wrong is not offered again until a person acts, so the vehicle service, which does say when it
/// does not know a device, is asked.
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
    number("device") == Some(device) && cell.age.saturating_add(GRACE) < lasts
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
        assert!(!usable(&cell(u64::MAX), 3));
        assert!(!usable(&cell(0), 4));
        for value in ["nonsense", SPENT] {
            assert!(!usable(&Cell { generation: 1, value: value.into(), age: 0 }, 3));
        }
    }
}
