use std::io;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::primitives::derivation::Encoding;

/// Keys made for these tests: `n`, `e`, `d`. The second one's length is no multiple of eight bits.
const KEYS: [[&str; 3]; 2] = [
    [
        "yJeMq_SdHc4SdbpxjXzWGvABJWNs7speQTh55VyYa-IkOZO9LJkI8qHBTiSm3FPmlQpcKHHUpCsTgUqzZNKow8NICvoRlyN1XM\
         CAgxomhRgplX9w4pu6KwZ28w8HwXkeokspvAgcj0t8ep8g6jHHXFhBmzmGebrC-0X3DusfECE",
        "AQAB",
        "F9S5Z6x2BhZ3ZvkxiGeuYCDnYfO_-1abgBAfmzo2-YoyV4zPyr6bq4fAGXKNSFvHZymF7WAorSBY_uFLEs1cMz_fKcwi5OzThD\
         SRHmUzXFO_F399uBN2BNe4c1DEf8__IEtBnGJbwXzWdjpcEkpftaQo5Dit_lEMoH_qewOm9kk",
    ],
    [
        "ATC3Mox4dw_5qyBo6fXuTqmi27qSGn623FeEsbw74ArRyRz-sDKPhcuFVDoGbDURzkdrCOCbVRZ9UWLyTSTk7Xm6vp34F4PQ9-\
         vCpVg6SNv9Url1HbLZG18BzxY29mCAqCc3JzkG_pge51hM1vudgVgJ-t_hvADaqvynmjENqaVP",
        "Aw",
        "yyTMXaWktVEcwEXxTp7fG8Hn0ba8VHnoOlh2fX1ABzaGE1R1dwpZMlji0VmdeLaJhPIF6xI4uajg7KGIw0NI-klUutO-Nb2a1L\
         -gnoXO1b-6f4io0Oh_-1iC36GijopGQsQhkvFc90Tw1zpSztxp_1CrPOcYFvR4aqyAW8RrWJs",
    ],
];

/// Results of another implementation for the keys above, with the padding of [`counting`].
const EXPECTED: [(&[u8], &str); 2] = [
    (
        b"correct horse",
        "ba2d52189b64377d3c1b63e22f9290b4839b4a347c27f99806961459a8a7b742e6c9d84d2700c739de4f328abb0486d968\
         a2e174407b2a104c760bba9e751cab96e41231f09ed1596ffdba7daf0b0c0e45ef0344901faeb95529e1bae3fb26b37078\
         ce66f69ede54775fae66c9a6a43447690e609711b53b54a554f3bfa8d911",
    ),
    (
        b"",
        "00e1064a8ba2021c18218b127e0a172ada20f5e73188c7c62ae8a90eafc5d066dae2c4fda9f9b362a020c4adb5a09136d0\
         686b78d98850456a49298577f7157303f987b275a3f5c1336a9f1f8530887724e9ebdf918b8e10d4ea80a2013e9f807925\
         3dc8bfc89bd409d54327d86f705bb91effff537b71599231d5cf1ea522806d",
    ),
];

fn key(at: usize) -> PublicKey {
    let [n, e, _] = KEYS[at];
    PublicKey::from_jwk(&json!({"kty": "RSA", "kid": "x", "n": n, "e": e})).unwrap()
}

/// Decrypts with the key at this place, and returns the whole frame (RFC 8017 §5.1.2).
fn frame_of(at: usize, sealed: &[u8]) -> Vec<u8> {
    let key = key(at);
    let d = decode_base64url(KEYS[at][2]).unwrap();
    let sealed = BoxedUint::from_be_slice(sealed, key.modulus.bits_precision()).unwrap();
    let power = BoxedMontyForm::new(sealed, &key.modulus).pow(&BoxedUint::from_be_slice_vartime(&d));
    let bytes = power.retrieve().to_be_bytes();
    bytes[bytes.len() - key.length..].to_vec()
}

/// A source that counts: 1, 2, …, 255, 0, 1, …
fn counting() -> impl FnMut(&mut [u8]) -> io::Result<()> {
    let mut last = 0_u8;
    move |bytes| {
        for byte in bytes {
            last = last.wrapping_add(1);
            *byte = last;
        }
        Ok(())
    }
}

#[test]
fn encrypts_as_another_implementation() {
    for (at, (message, expected)) in EXPECTED.into_iter().enumerate() {
        let sealed = key(at).encrypt(message, &mut counting()).unwrap();
        assert_eq!(*Encoding::HexLower.encode(&sealed).unwrap(), expected);
    }
}

#[test]
fn padding_and_zeros_before_the_numbers_are_let_pass() {
    let [n, _, _] = KEYS[0];
    let with_zero =
        Encoding::Base64UrlUnpadded.encode(&[&[0], &*decode_base64url(n).unwrap()].concat()).unwrap();
    for (n, e) in
        [(format!("{n}="), "AQAB"), (format!(" {n}"), "AAEAAQ=="), (with_zero.to_string(), "AAEAAQ")]
    {
        let other = PublicKey::from_jwk(&json!({"n": n, "e": e})).unwrap();
        let seal = |key: &PublicKey| key.encrypt(b"m", &mut counting()).unwrap();
        assert_eq!(seal(&other), seal(&key(0)));
    }
}

#[test]
fn a_key_that_is_not_to_be_used_is_refused() {
    let [n, e, _] = KEYS[0];
    let number = |bits: usize, last: u8| {
        let mut bytes = vec![0xff; bits / 8];
        bytes[0] = 0x80;
        *bytes.last_mut().unwrap() = last;
        Encoding::Base64UrlUnpadded.encode(&bytes).unwrap().to_string()
    };
    let exponent =
        |bytes: &[u8]| json!({"n": n, "e": Encoding::Base64UrlUnpadded.encode(bytes).unwrap().as_str()});
    for (jwk, expected) in [
        (json!(null), KeyError::Missing("n")),
        (json!([n, e]), KeyError::Missing("n")),
        (json!({"n": n}), KeyError::Missing("e")),
        (json!({"n": n, "e": 65537}), KeyError::Missing("e")),
        (json!({"n": "a+b/", "e": e}), KeyError::NotBase64Url("n")),
        (json!({"n": n, "e": "a b"}), KeyError::NotBase64Url("e")),
        (json!({"n": "", "e": e}), KeyError::TooSmall),
        (json!({"n": number(1016, 1), "e": e}), KeyError::TooSmall),
        (json!({"n": number(8200, 1), "e": e}), KeyError::TooLarge),
        (json!({"n": number(1 << 20, 1), "e": e}), KeyError::TooLarge),
        (json!({"n": number(2048, 2), "e": e}), KeyError::EvenModulus),
        (exponent(&[]), KeyError::Exponent),
        (exponent(&[0]), KeyError::Exponent),
        (exponent(&[1]), KeyError::Exponent),
        (exponent(&[1, 0]), KeyError::Exponent),
        (exponent(&[2, 0, 0, 0, 1]), KeyError::Exponent),
        // Of which the last eight bytes alone would do.
        (exponent(&[1, 0, 0, 0, 0, 0, 0, 0, 3]), KeyError::Exponent),
    ] {
        assert_eq!(PublicKey::from_jwk(&jwk).map(|key| key.length), Err(expected), "{jwk}");
    }
    for jwk in [
        json!({"n": number(1024, 1), "e": e}),
        json!({"n": number(8192, 1), "e": e}),
        exponent(&[3]),
        exponent(&[1, 0xff, 0xff, 0xff, 0xff]),
    ] {
        assert!(PublicKey::from_jwk(&jwk).is_ok(), "{jwk}");
    }
    // 1023 bits in 128 bytes: the length in bytes does not tell.
    let mut bytes = vec![0xff; 128];
    bytes[0] = 0x7f;
    let short = Encoding::Base64UrlUnpadded.encode(&bytes).unwrap();
    let short = PublicKey::from_jwk(&json!({"n": short.as_str(), "e": e}));
    assert_eq!(short.map(|key| key.length), Err(KeyError::TooSmall));
}

#[test]
fn a_message_fits_or_is_refused() {
    let key = key(0);
    assert!(key.encrypt(&[b'm'; 117], &mut counting()).is_ok());
    let error = key.encrypt(&[b'm'; 118], &mut counting()).unwrap_err();
    assert_eq!(error.to_string(), "it is longer than the 117 bytes that the public key takes");
    assert_eq!(key.encrypt(&[b'm'; 4096], &mut counting()), Err(SealError::TooLong { longest: 117 }));
}

#[test]
fn a_source_without_randomness_is_an_error() {
    let failing = &mut |bytes: &mut [u8]| {
        bytes.fill(7);
        Err(io::Error::other("none"))
    };
    let mut zeros = |bytes: &mut [u8]| {
        bytes.fill(0);
        Ok(())
    };
    // One that fails when a byte is drawn anew.
    let mut once = std::iter::once(());
    let breaking = &mut |bytes: &mut [u8]| {
        bytes.fill(0);
        once.next().ok_or_else(|| io::Error::other("none"))
    };
    assert_eq!(key(0).encrypt(b"m", failing), Err(SealError::NoRandomness));
    assert_eq!(key(0).encrypt(b"m", &mut zeros), Err(SealError::NoRandomness));
    assert_eq!(key(0).encrypt(b"m", breaking), Err(SealError::NoRandomness));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_owner_of_the_key_reads_the_message(
        at in 0..KEYS.len(),
        message in proptest::collection::vec(any::<u8>(), 0..=117),
        // Half of what this source gives are zeros.
        drawn in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 16..64),
    ) {
        let mut drawn = drawn.into_iter().chain(1..=255).cycle();
        let random = &mut |bytes: &mut [u8]| {
            bytes.fill_with(|| drawn.next().unwrap());
            Ok(())
        };
        let sealed = key(at).encrypt(&message, random).unwrap();
        let frame = frame_of(at, &sealed);
        prop_assert_eq!(frame.len(), sealed.len());
        let (begin, rest) = frame.split_at(2);
        prop_assert_eq!(begin, &[0, 2]);
        let zero = rest.iter().position(|byte| *byte == 0).unwrap();
        prop_assert!(zero >= 8);
        prop_assert_eq!(&rest[zero + 1..], message.as_slice());
        prop_assert_eq!(rest.len(), frame.len() - 2);
        prop_assert_eq!(zero + 3 + message.len(), frame.len());
    }

    #[test]
    fn no_object_makes_it_panic(n in "[A-Za-z0-9_=-]{0,400}", e in "[A-Za-z0-9_=-]{0,16}") {
        if let Ok(key) = PublicKey::from_jwk(&json!({"n": n, "e": e})) {
            let sealed = key.encrypt(b"m", &mut counting());
            prop_assert_eq!(sealed.map(|sealed| sealed.len()), Ok(key.length));
        }
    }
}
