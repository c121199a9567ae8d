//! The signature of a request to the token service.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The `X-Fingerprint` of a request: HMAC-SHA256 in lower-case hex.
///
/// `identity` is client id, client name, client version and client OS code, as they are sent and without anything
/// between them. White space in the body does not matter, that is: space, tab, LF, CR, FF and VT.
pub fn fingerprint(
    keys: &[String; 3],
    identity: &str,
    os_version: &str,
    timestamp: &str,
    body: &[u8],
) -> String {
    let key = format!("{identity}{}", keys.concat());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        // HMAC takes keys of every length. What is empty matches no signature.
        return String::new();
    };
    for part in [identity, os_version, timestamp] {
        mac.update(part.as_bytes());
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    let body: Vec<u8> = body.iter().copied().filter(|byte| !is_space(byte)).collect();
    mac.update(&body);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> String {
        let keys = ["SECRET", "PIECE", "SUFFIX"].map(str::to_owned);
        fingerprint(&keys, "com.kia.oneapp.euKiaEU1.4.0android", "14", "1700000000000", body.as_bytes())
    }

    #[test]
    fn fingerprints_match_the_published_vectors() {
        assert_eq!(of(""), "0912ca4c22deb09ae5f641ff614beeb49ac5dad0ef0dc9428960c2c6f1a2d986");
        let body = "{\"accessToken\": \"A B\",\n \"refreshToken\": \"R\"}";
        assert_eq!(of(body), "cc24691e26acbabe2d2b4a7338bbd215225967668058ce6ca2ff8748c28bc32b");
    }

    #[test]
    fn exactly_six_kinds_of_white_space_do_not_matter() {
        assert_eq!(of("a b\tc\nd\re\u{b}f\u{c}g"), of("abcdefg"));
        assert_ne!(of("a\u{a0}b"), of("ab"));
        assert_ne!(of("a\u{85}b"), of("ab"));
    }
}
