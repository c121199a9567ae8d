//! Randomness for guests: plain bytes, and secrets that they never see.

use std::io;

use super::{Call, ConnectorCx};
use crate::bindings::random::{Alphabet, Host, RandomError};
use crate::cell::Secrets;
use crate::entropy::Entropy;

/// Most bytes that a guest is given at once.
const MOST_BYTES: usize = 64;

/// Shortest and longest secret that is made, in characters.
const SECRET: std::ops::RangeInclusive<usize> = 16..=128;

const HEX: &[u8; 16] = b"0123456789abcdef";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const DIGITS: &[u8; 10] = b"0123456789";

impl Host for ConnectorCx {
    async fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(MOST_BYTES).min(MOST_BYTES)];
        self.call.context.entropy.fill(&mut bytes)?;
        self.call.given("random bytes", &bytes);
        Ok(bytes)
    }

    async fn secret(
        &mut self,
        name: String,
        alphabet: Alphabet,
        length: u32,
    ) -> wasmtime::Result<Result<(), RandomError>> {
        Ok(self.call.make_secret(name, alphabet, length))
    }
}

impl Call {
    /// Makes the secret of this name a fresh one of so many characters, kept as if it had been captured.
    ///
    /// # Errors
    ///
    /// See `random-error` in `wit/random.wit`.
    pub fn make_secret(&mut self, name: String, alphabet: Alphabet, length: u32) -> Result<(), RandomError> {
        let rule = self.context.rules.get(&name);
        if !rule.is_some_and(|rule| rule.is_capturable() && !rule.replaces_configured()) {
            return Err(RandomError::Denied(format!("the secret {name} is not made, or not granted")));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX).clamp(*SECRET.start(), *SECRET.end());
        let letters: &[u8] = match alphabet {
            Alphabet::Hex => HEX,
            Alphabet::UrlSafe => URL_SAFE,
            Alphabet::Digits => DIGITS,
        };
        let made = letters_of(letters, length, self.context.entropy.as_ref());
        let secret = made.map_err(|error| RandomError::Other(format!("there is no randomness: {error}")))?;
        self.made.insert(name.clone());
        self.capture(Secrets::from([(name, secret.into())]));
        Ok(())
    }
}

/// Returns so many letters, each as likely as any other: bytes that would make some likelier are drawn again.
fn letters_of(letters: &[u8], length: usize, entropy: &dyn Entropy) -> io::Result<String> {
    let fair = 256 - 256 % letters.len();
    let mut text = String::with_capacity(length);
    let mut drawn = [0; 32];
    while text.len() < length {
        entropy.fill(&mut drawn)?;
        let fit = drawn.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let chosen = fit.filter_map(|byte| letters.get(byte % letters.len()));
        text.extend(chosen.take(length - text.len()).map(|letter| char::from(*letter)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// All bytes, one after the other.
    #[derive(Debug, Default)]
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
            bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
            Ok(())
        }
    }

    #[test]
    fn every_letter_is_as_likely_as_any_other() {
        // Of ten letters the last six of 256 bytes are drawn again.
        let text = letters_of(DIGITS, 250, &Counting::default()).unwrap();
        for digit in DIGITS {
            assert_eq!(text.bytes().filter(|it| it == digit).count(), 25, "{}", char::from(*digit));
        }
    }
}
