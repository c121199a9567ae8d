//! Secrets of a connector: what each is, where it may go, and where it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Capturable, SHORTEST_SEARCHED};

/// Rules of the secrets of one connector, by their names.
pub type SecretRules = BTreeMap<String, SecretRule>;

/// Class of a secret. The rules hang on it, and not on its name; `wit/http.wit` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretClass {
    /// A user name, a client's id, an application's key: may be sent with every request.
    Identifier,
    /// A password.
    Password,
    /// What a person answers a question with, or brings back from a visit.
    OneTimeCode,
    /// A PIN.
    Pin(PinStyle),
    /// What the cloud gives out.
    Token,
    /// A key of derivations; never sent.
    Key,
}

/// Use of a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinStyle {
    /// An endpoint says yes or no to it.
    Challenge,
    /// It goes with the request that needs it.
    Bearer,
}

impl SecretClass {
    /// All classes, with the words that configurations have for them.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("identifier", Self::Identifier),
        ("password", Self::Password),
        ("one-time-code", Self::OneTimeCode),
        ("pin-challenge", Self::Pin(PinStyle::Challenge)),
        ("pin-bearer", Self::Pin(PinStyle::Bearer)),
        ("token", Self::Token),
        ("key", Self::Key),
    ];

    /// Returns the word for the class.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Password => "password",
            Self::OneTimeCode => "one-time-code",
            Self::Pin(PinStyle::Challenge) => "pin-challenge",
            Self::Pin(PinStyle::Bearer) => "pin-bearer",
            Self::Token => "token",
            Self::Key => "key",
        }
    }

    /// Most requests of one call that may carry such a secret; none if there is no limit. Vendors lock an account
    /// after about five refusals. `configured` says whether the configuration has it: what the cloud has given out
    /// by itself is sent with every request.
    #[must_use]
    pub const fn most_offers(self, configured: bool) -> Option<u32> {
        match self {
            Self::Identifier => None,
            Self::Password | Self::OneTimeCode => Some(2),
            Self::Pin(_) => Some(4),
            Self::Token if configured => Some(4),
            Self::Token => None,
            Self::Key => Some(0),
        }
    }

    /// Whether a request that carries such a secret signs in, as vendors count it.
    #[must_use]
    pub const fn signs_in(self) -> bool {
        matches!(self, Self::Password | Self::OneTimeCode)
    }

    /// Whether only a person or the configuration has such a secret, so that no answer gives it out.
    #[must_use]
    pub const fn is_a_persons(self) -> bool {
        matches!(self, Self::Password | Self::OneTimeCode | Self::Pin(_))
    }

    /// Whether the rules of this class allow nothing that those of `other` forbid. Most classes cannot be
    /// compared: a PIN is guarded against wrong ones, a password against many sign-ins.
    #[must_use]
    pub const fn is_as_strict_as(self, other: Self) -> bool {
        use SecretClass::{Identifier, Key, OneTimeCode, Password, Pin, Token};
        match (self, other) {
            (Identifier, Identifier)
            | (Password, Password | Identifier)
            | (OneTimeCode, OneTimeCode | Identifier)
            | (Token, Token)
            // What is never sent breaks no rule about sending.
            | (Key, Key | Identifier | Password | OneTimeCode | Token) => true,
            // An answer that gives out nothing counts as a refusal with the one style, and with the other not.
            (Pin(PinStyle::Challenge), Pin(_)) | (Pin(PinStyle::Bearer), Pin(PinStyle::Bearer)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for SecretClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Presence of a secret in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configured {
    /// The account's section has it.
    Required,
    /// The account's section may have it.
    Optional,
    /// It is captured, made or given by a person; the configuration never has it.
    Never,
}

impl Configured {
    /// All cases, with the words that configurations have for them.
    pub const WORDS: [(&'static str, Self); 3] =
        [("required", Self::Required), ("optional", Self::Optional), ("never", Self::Never)];

    /// Returns the word for the case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Never => "never",
        }
    }
}

/// Form of a secret, if all of its kind look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretForm {
    /// Number of characters.
    pub length: u32,
    /// Characters that it consists of.
    pub characters: SecretCharacters,
}

/// Characters that a secret consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretCharacters {
    /// 0 to 9, and no digits of other scripts.
    Digits,
    /// A to Z and 0 to 9.
    CapitalsAndDigits,
    /// All of ASCII that can be printed, blanks left out.
    Printable,
}

impl SecretCharacters {
    /// All cases, with the words that configurations have for them.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("digits", Self::Digits),
        ("capitals-and-digits", Self::CapitalsAndDigits),
        ("printable", Self::Printable),
    ];

    /// Returns the word for the case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::CapitalsAndDigits => "capitals-and-digits",
            Self::Printable => "printable",
        }
    }

    /// Whether such a secret may have this character.
    #[must_use]
    pub const fn allow(self, char: char) -> bool {
        match self {
            Self::Digits => char.is_ascii_digit(),
            Self::CapitalsAndDigits => char.is_ascii_uppercase() || char.is_ascii_digit(),
            Self::Printable => char.is_ascii_graphic(),
        }
    }
}

/// Rules of one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRule {
    /// A sentence for people: what it is and where one gets it.
    pub description: String,
    /// Class of the secret.
    pub class: SecretClass,
    /// Presence in the configuration.
    pub configured: Configured,
    /// Names of the endpoints that it may be sent to, or be computed for.
    pub endpoints: BTreeSet<String>,
    /// Whether an answer may replace one that is there, and may lack it.
    pub rotates: bool,
    /// Whether it is kept although the sign-in that brought it fails.
    pub lasting: bool,
    /// Shortest length of such a secret, in bytes; at least 8.
    pub least: u32,
    /// Form of the secret, if known.
    pub form: Option<SecretForm>,
    /// Whether the connector does without it although the configuration may have it.
    pub unused: bool,
}

/// The least length of a secret, in bytes: a shorter one is not searched for in answers.
pub const LEAST: u32 = SHORTEST_SEARCHED as u32;

/// Greatest value of `least`, in bytes, and longest secret with a form, in characters: half of what a captured
/// secret may have.
pub const LONGEST_LEAST: u32 = 4_096;

impl SecretRule {
    /// Rules of a secret of this class that goes to no endpoint yet.
    #[must_use]
    pub const fn new(class: SecretClass, configured: Configured) -> Self {
        Self {
            description: String::new(),
            class,
            configured,
            endpoints: BTreeSet::new(),
            rotates: false,
            lasting: false,
            least: LEAST,
            form: None,
            unused: false,
        }
    }

    /// Whether an answer may bring it: it is no person's, and the configuration never has it, or it is
    /// replaced.
    #[must_use]
    pub fn is_capturable(&self) -> bool {
        !self.class.is_a_persons() && (self.rotates || self.configured == Configured::Never)
    }

    /// Whether an answer that was asked for it must have it: there is no other value to fall back on, and it is
    /// not one that comes only now and then.
    #[must_use]
    pub fn is_essential(&self) -> bool {
        self.is_capturable() && !self.rotates
    }

    /// Whether an answer may replace what the owner has configured.
    #[must_use]
    pub fn replaces_configured(&self) -> bool {
        self.rotates && self.configured != Configured::Never
    }

    /// Returns how a connector may take it out of an answer, if it may. The owner's value stays unless the
    /// vendor replaces it.
    #[must_use]
    pub fn capturable(&self) -> Option<Capturable> {
        self.is_capturable().then(|| Capturable {
            least: usize::try_from(self.least).unwrap_or(usize::MAX).max(SHORTEST_SEARCHED),
            essential: self.is_essential(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_those_of_the_interface() {
        for (class, configured, most) in [
            (SecretClass::Identifier, true, None),
            (SecretClass::Password, true, Some(2)),
            (SecretClass::OneTimeCode, false, Some(2)),
            (SecretClass::Pin(PinStyle::Challenge), true, Some(4)),
            (SecretClass::Pin(PinStyle::Bearer), true, Some(4)),
            (SecretClass::Token, true, Some(4)),
            (SecretClass::Token, false, None),
            (SecretClass::Key, true, Some(0)),
        ] {
            assert_eq!(class.most_offers(configured), most, "{class:?}");
        }
    }

    #[test]
    fn every_word_leads_back_to_its_case() {
        for (word, class) in SecretClass::WORDS {
            assert_eq!(class.as_str(), word);
            assert!(class.is_as_strict_as(class), "{word}");
        }
        assert!(Configured::WORDS.iter().all(|(word, case)| case.as_str() == *word));
        assert!(SecretCharacters::WORDS.iter().all(|(word, case)| case.as_str() == *word));
    }

    #[test]
    fn stricter_is_an_order_and_an_identifier_is_the_least_strict() {
        use SecretClass::{Identifier, Key, Password, Pin, Token};
        let all = SecretClass::WORDS.map(|(_, class)| class);
        for a in all {
            for b in all {
                assert!(a == b || !(a.is_as_strict_as(b) && b.is_as_strict_as(a)), "{a} {b}");
                for c in all {
                    let steps = a.is_as_strict_as(b) && b.is_as_strict_as(c);
                    assert!(!steps || a.is_as_strict_as(c), "{a} {b} {c}");
                }
            }
        }
        assert!(Password.is_as_strict_as(Identifier) && !Identifier.is_as_strict_as(Password));
        assert!(Key.is_as_strict_as(Token) && !Token.is_as_strict_as(Key));
        assert!(!Password.is_as_strict_as(Pin(PinStyle::Bearer)));
    }
}
