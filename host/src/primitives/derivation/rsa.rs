//! RSAES-PKCS1-v1_5 (RFC 8017 §7.2), the encryption only.
//!
//! A small module over a big-integer library rather than a library for RSA. What is needed is one power
//! modulo a public number and a frame of random bytes. The library for RSA brings the private half as well,
//! whose decryption has a known timing weakness (RUSTSEC-2023-0071): every audit would have to be told anew
//! that nobody here decrypts. The power is taken in constant time, because what is raised holds a password.
//!
//! The public key comes from the network. Exponents that hide nothing are refused: with 1 the result is the
//! message itself.

use std::fmt;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use serde_json::Value;

use super::encoding::decode_base64url;
use super::evaluation::Random;

/// Bits of the smallest modulus. Such keys are broken by the determined, and vendors still use them.
const SMALLEST: u32 = 1024;

/// Bits of the largest modulus. A larger one only keeps the host busy.
const LARGEST: u32 = 8192;

/// The largest exponent. Larger ones are not in use, and the time that the power takes grows with it.
const LARGEST_EXPONENT: u64 = (1 << 33) - 1;

/// Bytes of the frame that are not the message: `00 02`, at least eight of padding, `00`.
const FRAME: usize = 11;

/// How often a byte of padding is drawn until it is not zero. That all these are zero has probability
/// 2⁻¹⁰²⁴, so then there is no randomness.
const MOST_DRAWS: usize = 128;

/// Length of the largest result, in bytes.
pub(super) const LARGEST_RESULT: u64 = LARGEST as u64 / 8;

/// Reason why an object is not a public key that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(in crate::primitives) enum KeyError {
    /// There is no member of this name with a string.
    #[error("the public key has no {0}")]
    Missing(&'static str),
    /// The member of this name is not base64url.
    #[error("the {0} of the public key is not base64url")]
    NotBase64Url(&'static str),
    /// The modulus has fewer than 1024 bits.
    #[error("the public key has fewer than {SMALLEST} bits")]
    TooSmall,
    /// The modulus has more than 8192 bits.
    #[error("the public key has more than {LARGEST} bits")]
    TooLarge,
    /// The modulus is even, so that it is not the product of two large primes.
    #[error("the modulus of the public key is even")]
    EvenModulus,
    /// The exponent is zero, one, even, or larger than 2³³ − 1.
    #[error("the exponent of the public key is not an odd number from 3 to {LARGEST_EXPONENT}")]
    Exponent,
}

/// Reason why a message cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(in crate::primitives) enum SealError {
    /// The message is longer than the key takes.
    #[error("it is longer than the {longest} bytes that the public key takes")]
    TooLong {
        /// Most bytes of a message.
        longest: usize,
    },
    /// The source of random bytes fails, or gives zeros only.
    #[error("there are no random bytes")]
    NoRandomness,
}

/// A public key (RFC 8017 §3.1). Not secret.
#[derive(Clone)]
pub(in crate::primitives) struct PublicKey {
    modulus: BoxedMontyParams,
    exponent: u64,
    /// Length of the modulus and of every result, in bytes.
    length: usize,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("length", &self.length).finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Makes a key of the members `n` and `e` of a JSON object, base64url of big-endian numbers (RFC 7518
    /// §6.3.1). Padding, and zeros before the number, are let pass; other members are not looked at.
    ///
    /// # Errors
    ///
    /// When it is not such an object, or the key is not one to be used.
    pub(in crate::primitives) fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let number = |name: &'static str| {
            let text = jwk.get(name).and_then(Value::as_str).ok_or(KeyError::Missing(name))?;
            let mut bytes = decode_base64url(text.trim()).ok_or(KeyError::NotBase64Url(name))?;
            bytes.drain(..bytes.iter().take_while(|byte| **byte == 0).count());
            Ok(bytes)
        };
        Self::new(&number("n")?, &number("e")?)
    }

    /// Makes a key of two big-endian numbers without zeros before them.
    fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let length = modulus.len();
        // First, so that no large number is made of what an answer says.
        if length > LARGEST as usize / 8 {
            return Err(KeyError::TooLarge);
        }
        let modulus = BoxedUint::from_be_slice_vartime(modulus);
        if modulus.bit_width_vartime() < SMALLEST {
            return Err(KeyError::TooSmall);
        }
        let modulus: Odd<BoxedUint> = Option::from(modulus.into_odd()).ok_or(KeyError::EvenModulus)?;
        let exponent = small(exponent).ok_or(KeyError::Exponent)?;
        if exponent < 3 || exponent.is_multiple_of(2) || exponent > LARGEST_EXPONENT {
            return Err(KeyError::Exponent);
        }
        // The modulus is public, so the time that this takes may tell it.
        Ok(Self { modulus: BoxedMontyParams::new_vartime(modulus), exponent, length })
    }

    /// Returns the length of the longest message, in bytes.
    fn longest(&self) -> usize {
        self.length.saturating_sub(FRAME)
    }

    /// Encrypts a message (RFC 8017 §7.2.1). The result is as long as the modulus. Padding is drawn from
    /// `random`, and has no zero byte.
    ///
    /// # Errors
    ///
    /// When the message is too long for this key, or `random` fails or gives nothing but zeros.
    pub(super) fn encrypt(&self, message: &[u8], random: Random<'_>) -> Result<Vec<u8>, SealError> {
        let longest = self.longest();
        if message.len() > longest {
            return Err(SealError::TooLong { longest });
        }
        let padding = padding(self.length - message.len() - 3, random)?;
        let mut frame = Zeroizing::new(Vec::with_capacity(self.length));
        frame.extend_from_slice(&[0, 2]);
        frame.extend_from_slice(&padding);
        frame.push(0);
        frame.extend_from_slice(message);
        Ok(self.power(&frame))
    }

    /// Returns the power of a number as long as the modulus that begins with a zero byte, so that it is
    /// smaller.
    fn power(&self, frame: &[u8]) -> Vec<u8> {
        let number = BoxedUint::from_be_slice_truncated(frame, self.modulus.bits_precision());
        let mut number = BoxedMontyForm::new(number, &self.modulus);
        let exponent = BoxedUint::from(self.exponent);
        let power = number.pow_bounded_exp(&exponent, u64::BITS - self.exponent.leading_zeros());
        number.zeroize();
        let bytes = power.retrieve().to_be_bytes();
        // A number is as long as the words that it is kept in, and those before the last `length` are zero.
        bytes.iter().skip(bytes.len().saturating_sub(self.length)).copied().collect()
    }
}

/// Returns a big-endian number of at most eight bytes; none if there are more.
fn small(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= size_of::<u64>())
        .then(|| bytes.iter().fold(0, |number, byte| number << u8::BITS | u64::from(*byte)))
}

/// Returns so many random bytes of which none is zero (RFC 8017 §7.2.1, step 2a). A zero would end the
/// padding where the message does not begin.
fn padding(length: usize, random: Random<'_>) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut padding = Zeroizing::new(vec![0; length]);
    let mut draw = |bytes: &mut [u8]| random(bytes).map_err(|_| SealError::NoRandomness);
    draw(&mut padding)?;
    for byte in padding.iter_mut() {
        // Drawn anew and not moved to another value, or that one would come twice as often.
        for _ in 0..MOST_DRAWS {
            if *byte != 0 {
                break;
            }
            draw(std::slice::from_mut(byte))?;
        }
        if *byte == 0 {
            return Err(SealError::NoRandomness);
        }
    }
    Ok(padding)
}

#[cfg(test)]
mod tests;
