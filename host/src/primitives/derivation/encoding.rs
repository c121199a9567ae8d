//! Encodings: how computed bytes become text.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::zeroize::Zeroizing;

/// Encoding of bytes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::primitives) enum Encoding {
    /// Two digits `0-9a-f` a byte.
    HexLower,
    /// Two digits `0-9A-F` a byte.
    HexUpper,
    /// Base64 (RFC 4648 §4), padded.
    Base64,
    /// Base64 without padding.
    Base64Unpadded,
    /// Base64url (RFC 4648 §5) without padding.
    Base64UrlUnpadded,
    /// As it is. Only of what is UTF-8.
    Text,
}

impl Encoding {
    /// Returns the text of these bytes; none if they are to stay as they are and are not UTF-8.
    pub(super) fn encode(self, bytes: &[u8]) -> Option<Zeroizing<String>> {
        let text = match self {
            Self::HexLower => hex(bytes, |text, byte| write!(text, "{byte:02x}")),
            Self::HexUpper => hex(bytes, |text, byte| write!(text, "{byte:02X}")),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Unpadded => STANDARD_NO_PAD.encode(bytes),
            Self::Base64UrlUnpadded => URL_SAFE_NO_PAD.encode(bytes),
            Self::Text => std::str::from_utf8(bytes).ok()?.to_owned(),
        };
        Some(Zeroizing::new(text))
    }

    /// Returns a length, in bytes, that the text of so many bytes does not exceed.
    pub(super) fn at_most(self, bytes: u64) -> u64 {
        match self {
            Self::Text => bytes,
            // Base64 makes 4 characters of 1 to 3 bytes.
            Self::HexLower | Self::HexUpper => bytes.saturating_mul(2),
            Self::Base64 | Self::Base64Unpadded | Self::Base64UrlUnpadded => {
                bytes.div_ceil(3).saturating_mul(4)
            }
        }
    }
}

fn hex(bytes: &[u8], digits: impl Fn(&mut String, u8) -> std::fmt::Result) -> String {
    // So large that it never moves, which would leave digits behind.
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = digits(&mut text, *byte);
    }
    text
}

/// Base64url as others write it: RFC 7515 §2 leaves the padding out, and not everybody reads that.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Returns the bytes of a base64url text (RFC 4648 §5), padded or not; none if it is not that.
pub(in crate::primitives) fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_bytes_as_the_encoding_says() {
        for (encoding, expected) in [
            (Encoding::HexLower, "0bfbff0a"),
            (Encoding::HexUpper, "0BFBFF0A"),
            (Encoding::Base64, "C/v/Cg=="),
            (Encoding::Base64Unpadded, "C/v/Cg"),
            (Encoding::Base64UrlUnpadded, "C_v_Cg"),
        ] {
            let text = encoding.encode(&[0x0b, 0xfb, 0xff, 0x0a]).unwrap();
            assert_eq!(*text, expected);
            assert!(text.len() as u64 <= encoding.at_most(4), "{encoding:?}");
            assert_eq!(encoding.encode(b"").as_deref().map(String::as_str), Some(""));
        }
    }

    #[test]
    fn text_is_only_what_is_text() {
        assert_eq!(Encoding::Text.encode("ü".as_bytes()).as_deref().map(String::as_str), Some("ü"));
        assert_eq!(Encoding::Text.encode(&[0xfc]), None);
    }

    #[test]
    fn padding_is_read_and_may_be_absent() {
        for text in ["C_v_Cg", "C_v_Cg=="] {
            assert_eq!(decode_base64url(text).as_deref(), Some(&[0x0b, 0xfb, 0xff, 0x0a][..]), "{text}");
        }
        for text in ["C/v/Cg==", "C_v_C g", "C_v_Cg===", "C", "ü"] {
            assert_eq!(decode_base64url(text), None, "{text}");
        }
    }
}
