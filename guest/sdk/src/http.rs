//! Requests to the vendor's cloud, and its answers (`wit/http.wit`).
//!
//! ```
//! use vehicle_connector_sdk::prelude::*;
//!
//! const ENVELOPE: Envelope = Envelope { codes_at: &["/code"], words_at: &["/message"], ..Envelope::PLAIN };
//!
//! fn unlock(account: &Account, vehicle: &str) -> Result<Answer, Failure> {
//!     let url = format!("{}/cars/{}/unlock", account.endpoint("api")?, vehicle_connector_sdk::http::segment(vehicle));
//!     Request::post(url)
//!         .bearer(secret("access-token"))
//!         .json(&json!({ "pin": secret("pin") }))
//!         .acts_on_vehicle()
//!         .send(Phase::Command)?
//!         .success(&ENVELOPE)
//! }
//! ```

use alloc::format;
use alloc::string::String;

mod answer;
mod envelope;
mod request;

pub use crate::bindings::connector::vehicle::connector::http::{
    Body, Capture, CaptureSource, CaptureTarget, Computation, Derivation, Encoding, Joined, Keyed, Method,
    Piece, Request, Response, Sealed, TransportError,
};
pub use answer::{Answer, EXCERPT};
pub use envelope::{Envelope, Says};
pub use request::{hmac_sha256, join, seal, sha256, text};

/// The placeholder of the vehicle's identifier.
pub const VEHICLE_ID: &str = "{vehicle:id}";

/// The placeholder of the vehicle identification number.
pub const VEHICLE_VIN: &str = "{vehicle:vin}";

/// The placeholder of the secret of this name.
#[must_use]
pub fn secret(name: &str) -> String {
    format!("{{secret:{name}}}")
}

/// The placeholder of the derived value of this name.
#[must_use]
pub fn derived(name: &str) -> String {
    format!("{{derived:{name}}}")
}

/// `text` as one segment of a path or one value of a query (RFC 3986 §3.3): everything but letters, digits,
/// `-`, `_` and `~` is percent-encoded, so that nothing in an identifier can end the segment or look like a
/// placeholder.
#[must_use]
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The beginning of `text`, at most so many bytes, not within a character.
#[must_use]
pub fn excerpt(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_cannot_leave_their_place() {
        assert_eq!(segment("../{secret:pin}?"), "%2E%2E%2F%7Bsecret%3Apin%7D%3F");
        assert_eq!(segment("2222-aA_~"), "2222-aA_~");
    }

    #[test]
    fn excerpts_end_between_characters() {
        assert_eq!(excerpt("müde", 2), "m");
        assert_eq!(excerpt(" kurz ", 300), "kurz");
    }
}
