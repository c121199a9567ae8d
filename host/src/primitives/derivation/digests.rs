//! Digests, with a key and without one.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest as _, Sha256};

/// Length of a digest, in bytes.
pub(super) const LENGTH: u64 = 32;

/// Block of SHA-256, in bytes. A longer key is digested first (RFC 2104 §2).
const BLOCK: usize = 64;

/// Returns HMAC-SHA-256 (RFC 2104) of a message. The key may have any length.
pub(super) fn hmac_sha256(key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
    // A key of one block cannot have a wrong length, so there is no error to be made up.
    let mut block = Zeroizing::new([0; BLOCK]);
    let digest;
    let key = if key.len() > BLOCK {
        digest = sha256(key);
        digest.as_slice()
    } else {
        key
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

/// Returns the SHA-256 (FIPS 180-4) of a message.
pub(super) fn sha256(message: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Sha256::digest(message).to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::Encoding;
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        Encoding::HexLower.encode(bytes).unwrap().to_string()
    }

    /// RFC 4231 §4. Case 5 is about a truncated result, which nobody here asks for.
    #[test]
    fn signs_as_the_test_cases_of_rfc_4231() {
        let long = [0xaa; 131];
        let counted: Vec<u8> = (1..=25).collect();
        let cases: [(&[u8], &[u8], &str); 6] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &long,
                b"This is a test using a larger than block-size key and a larger than block-size data. The \
                  key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, message, expected) in cases {
            assert_eq!(hex(&hmac_sha256(key, message)), expected);
        }
    }

    #[test]
    fn a_key_of_exactly_one_block_is_not_digested() {
        // Checked against another implementation.
        for (length, expected) in [
            (64, "3b7a8d453e76edb519238a515105a57508d0f169f480ebeee120a9e7803289fa"),
            (65, "c2d7d4c2256ddb097409ec0c67e1d58fa1a007fc6932cac0d892a525d08af7cc"),
        ] {
            assert_eq!(hex(&hmac_sha256(&vec![b'k'; length], b"m")), expected);
        }
    }

    /// The examples of FIPS 180-2 appendix B, which FIPS 180-4 refers to, and the empty message.
    #[test]
    fn digests_as_the_examples_of_fips_180() {
        for (message, expected) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(hex(&sha256(message.as_bytes())), expected);
        }
        let million = vec![b'a'; 1_000_000];
        assert_eq!(
            hex(&sha256(&million)),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }
}
