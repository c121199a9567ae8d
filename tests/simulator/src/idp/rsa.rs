//! The provider's key: RSA of 2048 bits, which passwords are encrypted with on their way.
//!
//! Both halves stand here, made once for this simulator: to make such a key takes longer than most tests do. It
//! protects nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use serde_json::{Value, json};

/// Name of the key, as in the one published answer.
pub(crate) const KEY_ID: &str = "HMGID2_CIPHER_KEY1";

/// Bits of the key.
const BITS: u32 = 2048;

const EXPONENT: [u8; 3] = [1, 0, 1];

const MODULUS: &str = "\
    bdf68479cf5692e44e826e31d6f920566ef935e6b8c100c15afc10b9fe22600bfc5cd61fa900d05b7b8e42ed2f5f9617\
    3bd003b998988c77716a720ae08da03697dfb318612f722be89cf2913f589a3d0862719583d6914b1cffb554a49735f7\
    eb009d7fa1df7cc5ea6f346a0c29952d4db49a1676931d1a484685faec88942a8850845931f5e3bf162875ed70a62141\
    048c3b3efa14e1833c3454d8973a3b7ecf06ecbded1e9fe3e7690ea1a522b2fca4977c33e0872b3594f5ed9a7d3d04c8\
    8b280342108dcd3ceb722c2d86917fd36758fe4c61d65f2cd0f3ba1ec0924b4ec2ee2371c8c7fc2f92bb6c4f25f48531\
    0f68473e8b50558eab7d11a774d24bc3";

const PRIVATE_EXPONENT: &str = "\
    24783d7abd499bade53cb9372c546bd6ec3b4013e9887442aadb15c2ff7d4dff3f15fbaddc5e61a20e988354d1f181f9\
    37ec79aa9a173f7076ffbea143f72cb90e734e08f22f8fb5ca54c765074a55623e47d812a25b014df0654f44cecc90f9\
    e5ce1a6eb47f198f4db0c7d94c3877815917c1356ad25796022637f6b28e8e133fa5fe5e719ff0d81e5477698ec29068\
    9596429b819b33e12b14e565f81f2433c9ddc6a84b308b047d1c99b9ab2853584ae94022369d38e3a031a15c30cb59a2\
    8a84f43127a7e4adc7e4634cc6b5761f393cfaafdbe0522103b188f4732fc49c361b268d360517e71354030048a824a5\
    d566bc0f6ea5fe53bbdf2248902db711";

/// The public half, as the provider gives it out.
pub(crate) fn key() -> Value {
    let modulus = URL_SAFE_NO_PAD.encode(number(MODULUS).to_be_bytes());
    json!({ "kty": "RSA", "kid": KEY_ID, "e": URL_SAFE_NO_PAD.encode(EXPONENT), "n": modulus })
}

/// The message in lower-case hex of an RSAES-PKCS1-v1_5 encryption (RFC 8017 §7.2.2).
///
/// # Errors
///
/// Says what is wrong: the length, the digits, or what came out.
pub(crate) fn decrypt(sealed: &str) -> Result<Vec<u8>, &'static str> {
    if sealed.len() != BITS as usize / 4 {
        return Err("password is not as long as the key");
    }
    let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if !sealed.bytes().all(digit) {
        return Err("password is not lower-case hex");
    }
    let modulus: Odd<BoxedUint> =
        Option::from(number(MODULUS).into_odd()).ok_or("the simulator's modulus is even")?;
    let sealed = number(sealed);
    if sealed >= *modulus.as_ref() {
        return Err("password is not smaller than the modulus");
    }
    let base = BoxedMontyForm::new(sealed, &BoxedMontyParams::new_vartime(modulus));
    let frame = base.pow(&number(PRIVATE_EXPONENT)).retrieve().to_be_bytes();
    message(&frame).map(<[u8]>::to_vec).ok_or("password was not encrypted with this key")
}

/// What stands behind `00 02`, at least eight bytes that are not zero, and a zero.
fn message(frame: &[u8]) -> Option<&[u8]> {
    let rest = frame.strip_prefix(&[0, 2])?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    if end < 8 { None } else { rest.get(end + 1..) }
}

/// A number of hex digits; zero of anything else.
fn number(hex: &str) -> BoxedUint {
    Option::from(BoxedUint::from_be_hex(hex, BITS)).unwrap_or_else(|| BoxedUint::zero_with_precision(BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the public half: `openssl pkeyutl -encrypt` of `correct horse battery`.
    const SEALED: &str = "\
        24f63a5ffee8c1e9a0d1ac7cb84f877a1349d4818366f141edfe1d07824bbc95711a2304af8d7e3c7f61dc49e238192c\
        29baa45c3322fc7243839b0077857aaaa95350d6e4a0a3979a593fa7037642de45d6b286fd02d2d7c3b55136ca617ae9\
        e2648ca6de444bf8be4977f249c869a8c78d41ba3397467d6ebde39976eb606ff1c80c85b90725051e0849fe4d8da67f\
        79ddf190ac7078bf39135ea8642b5a4f2ff4aa6a8364573f8bc4eeac3cf63233f731a7fa7ef30fcd59d904b0740f8133\
        b0059cea2e0a23282a2db7c594b4317c3e97a10115ee0ac270bd57ed7159400b1be76d21bf2261374d64515efee8eede\
        d8d00ab0e4f5322743cb5f44e5f4f966";

    #[test]
    fn what_another_program_encrypted_is_read() {
        assert_eq!(decrypt(SEALED).as_deref(), Ok(&b"correct horse battery"[..]));
    }

    #[test]
    fn what_is_no_encryption_with_this_key_says_why() {
        assert_eq!(decrypt(&SEALED[2..]), Err("password is not as long as the key"));
        assert_eq!(decrypt(&SEALED.to_uppercase()), Err("password is not lower-case hex"));
        assert_eq!(decrypt(&"f".repeat(512)), Err("password is not smaller than the modulus"));
        assert_eq!(decrypt(&format!("0{}", &SEALED[..511])), Err("password was not encrypted with this key"));
    }

    #[test]
    fn a_frame_needs_its_padding() {
        assert_eq!(message(&[0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 7]), Some(&[7][..]));
        assert_eq!(message(&[0, 2, 1, 1, 1, 1, 1, 1, 1, 0, 7]), None);
        assert_eq!(message(&[0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 7]), None);
        assert_eq!(message(&[0, 2, 1, 1, 1, 1, 1, 1, 1, 1]), None);
    }
}
