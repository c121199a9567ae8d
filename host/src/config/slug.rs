//! Names that become part of topics.

use std::fmt;

/// The name of an account or a vehicle: 1 to 64 of `a-z`, `A-Z`, `0-9`, `_` and `-`.
///
/// Slugs end up in topics, file names and Home Assistant identifiers, which is why nothing else is allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

impl Slug {
    /// Parses a name if it follows the rule.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        ((1..=64).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Allows a map by slug to be asked with text.
impl std::borrow::Borrow<str> for Slug {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule() {
        for good in ["a", "EV6_2", "my-car", &"x".repeat(64)] {
            assert_eq!(Slug::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "a+", "ä", "a.b", &"x".repeat(65)] {
            assert_eq!(Slug::parse(bad), None, "{bad:?}");
        }
    }
}
