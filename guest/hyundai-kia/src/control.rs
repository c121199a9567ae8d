//! The permission that the PIN gives.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec;

use serde_json::{Value, json};

use crate::bindings::vehicle::connector::types::{Failure, Phase};
use crate::cell;
use crate::cloud::{Call, Cloud, Proof, USER, secret};
use crate::port::{self, Body, Cell, Method};

/// The cell of the permission.
pub(crate) const CELL: &str = "control-token";

/// How long a permission lasts when the cloud does not say, in seconds.
const LIFETIME: u64 = 600;

/// A permission that ends within so many milliseconds is not used any more: it has to last until the command
/// arrives.
const GRACE: u64 = 10_000;

/// Makes sure that there is a permission for the device registration of generation `device`, which it is bound
/// to. Offers the PIN at most once.
///
/// # Errors
///
/// The cloud gives none: a wrong PIN, or an access token that is no longer good.
pub(crate) fn ensure(cloud: &Cloud<'_>, device: u64) -> Result<(), Failure> {
    let failure = |error| cell::failure(Phase::Pin, CELL, &error);
    let guard = port::acquire(CELL, cell::WAIT).map_err(failure)?;
    if guard.cell().is_some_and(|cell| usable(&cell, device)) {
        return Ok(());
    }
    let answer = cloud.make(Call {
        phase: Phase::Pin,
        method: Method::Put,
        path: format!("{USER}/pin?token="),
        proof: Proof::Pin,
        body: Body::Json(r#"{"deviceId":"{secret:device-id}","pin":"{secret:pin}"}"#.to_owned()),
        captures: vec![secret("/controlToken", "control-token")],
        timeout: None,
        acts: false,
    })?;
    let expires_in = answer.get("expiresTime").and_then(Value::as_u64).unwrap_or(LIFETIME);
    let value = json!({ "expires_in": expires_in, "device": device });
    guard.commit(&format!("{value}")).map_err(failure)?;
    Ok(())
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
        assert!(!usable(&Cell { generation: 1, value: "nonsense".into(), age: 0 }, 3));
    }
}
