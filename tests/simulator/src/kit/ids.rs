//! Ids that are unique within a run and equal between runs with the same seed.

use uuid::Builder;

/// A sequence of ids. Not random in any sense that matters for security: these tokens protect nothing.
#[derive(Debug)]
pub struct Ids {
    seed: u64,
    drawn: u64,
}

impl Ids {
    /// Equal seeds give equal sequences.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A UUID of version 4's form.
    pub fn uuid(&mut self) -> String {
        let bytes = (u128::from(self.draw()) << 64 | u128::from(self.draw())).to_be_bytes();
        Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// 48 characters of `[A-Z0-9]`, the form of a refresh token.
    pub fn refresh_token(&mut self) -> String {
        let mut text = String::with_capacity(48);
        while text.len() < 48 {
            text.push_str(&format!("{:016X}", self.draw()));
        }
        text
    }

    /// An opaque token, recognisable to people by its label and number.
    pub fn token(&mut self, label: &str, number: u64) -> String {
        format!("{label}-{number}-{:016x}{:016x}", self.draw(), self.draw())
    }

    /// So many bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.draw().to_be_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// The next 64 bits of SplitMix64 (Steele, Lea, Flood 2014): distinct for distinct positions.
    fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        let mut z = self
            .seed
            .wrapping_mul(0xA076_1D64_78BD_642F)
            .wrapping_add(self.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_repeat_and_other_seeds_do_not() {
        let (mut one, mut same, mut other) = (Ids::new(1), Ids::new(1), Ids::new(2));
        let first = one.uuid();
        assert_eq!(first, same.uuid());
        assert_ne!(first, other.uuid());
        assert_ne!(first, one.uuid());
    }

    #[test]
    fn refresh_tokens_have_the_real_form() {
        let token = Ids::new(7).refresh_token();
        assert_eq!(token.len(), 48);
        assert!(token.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()));
    }
}
