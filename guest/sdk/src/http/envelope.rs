//! What a cloud's documents look like.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};

use serde_json::Value;

use crate::certainty::Told;

/// What a cloud wraps its answers in: where it says yes, where its codes and words are, and what the codes
/// mean for a vehicle. All places are JSON Pointers (RFC 6901).
///
/// The same table goes into the manifest ([`Manifest::answers`](crate::connector::Manifest::answers)), where
/// the host has it from.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// What stands in an answer of success, and where. None for a cloud that says it by the status alone.
    pub success: &'static [(&'static str, Says)],
    /// Codes; of those that are there the first one counts. A code is a text or a number.
    pub codes_at: &'static [&'static str],
    /// Second codes, which tell apart what the first ones do not.
    pub sub_codes_at: &'static [&'static str],
    /// The vendor's words; the first text counts.
    pub words_at: &'static [&'static str],
    /// Further words, which are set behind those.
    pub details_at: &'static [&'static str],
    /// Codes of refusals before the vehicle is told. A command may be sent again after them.
    pub before_execution: &'static [&'static str],
    /// Codes that leave open whether the vehicle has acted.
    pub undecided: &'static [&'static str],
}

/// A value by which a cloud says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// A text.
    Text(&'static str),
    /// A number.
    Number(i64),
    /// A truth value.
    Truth(bool),
}

impl Says {
    fn is(self, value: &Value) -> bool {
        *value == self.value()
    }

    /// The value as it stands in a document.
    pub(crate) fn value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => number.into(),
            Self::Truth(truth) => truth.into(),
        }
    }
}

impl Envelope {
    /// No envelope: the status says all, and the words of OAuth and of RFC 9457 are looked for.
    pub const PLAIN: Self = Self {
        success: &[],
        codes_at: &[],
        sub_codes_at: &[],
        words_at: &["/message", "/error_description", "/error", "/detail", "/title"],
        details_at: &[],
        before_execution: &[],
        undecided: &[],
    };

    /// Whether the document is a success.
    #[must_use]
    pub fn is_success(&self, document: Option<&Value>) -> bool {
        let stands = |(pointer, says): &(&str, Says)| {
            document.and_then(|document| document.pointer(pointer)).is_some_and(|value| says.is(value))
        };
        self.success.iter().all(stands)
    }

    /// The vendor's code.
    #[must_use]
    pub fn code(&self, document: Option<&Value>) -> Option<String> {
        first(self.codes_at, document, code)
    }

    /// The vendor's second code.
    #[must_use]
    pub fn sub_code(&self, document: Option<&Value>) -> Option<String> {
        first(self.sub_codes_at, document, code)
    }

    /// The vendor's words.
    #[must_use]
    pub fn words(&self, document: Option<&Value>) -> Option<String> {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let words = first(self.words_at, document, text)?;
        let more = first(self.details_at, document, text);
        Some(more.map_or_else(|| words.clone(), |more| format!("{words}: {more}")))
    }

    /// What the document says of the vehicle, of which the codes are these.
    #[must_use]
    pub fn told(&self, document: Option<&Value>, codes: [Option<&str>; 2]) -> Told {
        let is = |known: &[&str]| codes.into_iter().flatten().any(|code| known.contains(&code));
        let says_yes = !self.success.is_empty() && self.is_success(document);
        if says_yes || is(self.undecided) {
            Told::Perhaps
        } else if is(self.before_execution) {
            Told::Not
        } else {
            Told::Unsaid
        }
    }
}

fn first(
    places: &[&str],
    document: Option<&Value>,
    read: impl Fn(&Value) -> Option<String>,
) -> Option<String> {
    places.iter().find_map(|pointer| read(document?.pointer(pointer)?))
}

fn code(value: &Value) -> Option<String> {
    match value {
        Value::String(code) if !code.is_empty() => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}
