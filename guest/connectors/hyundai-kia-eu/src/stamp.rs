//! The `Stamp` header.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::brand::Brand;

/// The stamp of `brand` for a request that is sent at `seconds` since the epoch: application id and time,
/// XORed with the brand's key. The cloud refuses one whose time is off, as if the application id were wrong.
pub(crate) fn stamp(brand: &Brand, seconds: u64) -> String {
    // A key that is not base64 gives an empty stamp, which the cloud refuses; the tests would have told.
    let key = STANDARD.decode(brand.stamp_key).unwrap_or_default();
    let plain = format!("{}:{seconds}", brand.application_id);
    let mixed: Vec<u8> = key.iter().zip(plain.bytes()).map(|(key, plain)| key ^ plain).collect();
    STANDARD.encode(mixed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn published_vectors_and_those_of_other_regions() {
        for (name, region, expected) in [
            ("kia", "eu", "oYa3/zyroR0vT6ZgagTzPJcFq9FRkgRPjU5ih3eFC/Og5gc/7ggOgH3KR8bB1ME="),
            ("Hyundai", "eu", "dGpcIp3dP0dLfkNRUItk/sCdmouaEMW4JAlLv76lGxrWLqMbn3rSYiqWOyDGh9A="),
            ("kia", "au", "fADmOX+IqgF3uwH/Ji7gULbqOLksozVVyiRMbP1EtOWc8AG2eJRXODCOybNbE2s="),
            ("kia", "nz", "cVa1OS7Y/VN3ugWuIy7gCRgsnxFHITDNFDcmcJW9yZentCb8M0ODl9Rq+z5dLBE="),
            ("genesis", "au", "AkkzhBl2w15B/F2eLIloemEsWQcOjCzVZIho0oVn8Af2ivDVRdkIq0zjm1cRXxI="),
        ] {
            assert_eq!(stamp(Brand::named(name, region).unwrap(), 1_700_000_000), expected);
        }
    }
}
