//! The device registration.
//!
//! The cloud wants to push to a device. We have none to offer, so we register an address that does not exist.
//! When a push to it fails the cloud forgets the device id, answers 4002, and we register again.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use crate::bindings::vehicle::connector::types::{Failure, Phase};
use crate::cell;
use crate::cloud::{Call, Cloud, Proof, SPA, secret};
use crate::port::{self, Body, Level, Method};

/// The cell of the registration.
pub(crate) const CELL: &str = "device-registration";

/// What the cell holds; the device id itself is a secret.
const REGISTERED: &str = r#"{"registered":true}"#;

/// Makes sure that there is a device id, and returns the generation of the registration. Commands and the polls
/// for their results have to use the same one.
///
/// # Errors
///
/// The registration fails.
pub(crate) fn ensure(cloud: &Cloud<'_>) -> Result<u64, Failure> {
    if let Some(cell) = port::read(CELL) {
        return Ok(cell.generation);
    }
    let failure = |error| cell::failure(Phase::Registration, CELL, &error);
    let guard = port::acquire(CELL, cell::WAIT).map_err(failure)?;
    if let Some(cell) = guard.cell() {
        return Ok(cell.generation);
    }
    port::log(Level::Info, "registering this installation as a device");
    let mut random = Uniqueness::new(cloud);
    let body = format!(
        r#"{{"pushRegId":"{}","pushType":"{}","uuid":"{}"}}"#,
        random.push_address(),
        cloud.brand.push_type,
        random.uuid(),
    );
    cloud.make(Call {
        phase: Phase::Registration,
        method: Method::Post,
        path: format!("{SPA}/notifications/register"),
        proof: Proof::Registration,
        body: Body::Json(body),
        captures: vec![secret("/resMsg/deviceId", "device-id")],
        timeout: None,
        acts: false,
    })?;
    guard.commit(REGISTERED).map_err(failure)
}

/// Numbers that no other installation is likely to have: a guest has no randomness, and a push address that
/// does not exist needs none. Nothing may depend on nobody guessing them.
struct Uniqueness(u64);

impl Uniqueness {
    fn new(cloud: &Cloud<'_>) -> Self {
        let now = port::now();
        let mut seed = now.seconds.wrapping_mul(1_000_000_000).wrapping_add(u64::from(now.nanoseconds));
        for byte in cloud.account.id.bytes() {
            // FNV-1a, so that two accounts that register in the same instant differ.
            seed = (seed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(seed)
    }

    /// The next number of the SplitMix64 sequence.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 64 hexadecimal digits.
    fn push_address(&mut self) -> String {
        (0..4).map(|_| format!("{:016x}", self.next())).collect()
    }

    /// In the form of a UUID of version 4 (RFC 9562 §5.4).
    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff,
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may fail")]

    use super::*;

    #[test]
    fn addresses_have_the_form_that_the_cloud_expects() {
        let mut random = Uniqueness(0);
        let address = random.push_address();
        assert!(address.len() == 64 && address.bytes().all(|byte| byte.is_ascii_hexdigit()), "{address}");
        let uuid = random.uuid();
        let parts: Vec<&str> = uuid.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{uuid}");
        assert!(parts[2].starts_with('4') && matches!(&parts[3][..1], "8" | "9" | "a" | "b"), "{uuid}");
    }
}
