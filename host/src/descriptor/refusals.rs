//! Refusals, as a cloud reports them.

use serde_json::Value;

use super::RefusedCredential;

/// Refusals of credentials, and of the daily limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Refusals of a sign-in or a refresh.
    pub grant: Vec<Said>,
    /// Refusals of a PIN.
    pub pin: Vec<Said>,
    /// Refusals of any request, because the vendor's limit of requests a day is reached.
    pub daily_limit: Vec<Said>,
}

impl Refusals {
    /// All kinds of refusals, with the words that configurations have for them.
    #[must_use]
    pub fn kinds(&self) -> [(&'static str, &Vec<Said>); 3] {
        [("grant", &self.grant), ("pin", &self.pin), ("daily_limit", &self.daily_limit)]
    }

    /// Returns the refusal of a PIN that an answer is, if it is one. `codes` are those in the document.
    #[must_use]
    pub fn of_pin(&self, status: u16, codes: &[String], document: &Value) -> Option<&Said> {
        self.pin.iter().find(|said| said.is_in(status, codes, document))
    }

    /// Returns every code with its kind.
    pub(super) fn each(&self) -> impl Iterator<Item = (RefusedCredential, &Said)> {
        let kinds = [
            (RefusedCredential::Grant, &self.grant),
            (RefusedCredential::Pin, &self.pin),
            (RefusedCredential::DailyLimit, &self.daily_limit),
        ];
        kinds.into_iter().flat_map(|(kind, said)| said.iter().map(move |said| (kind, said)))
    }
}

/// A code that reports a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Vendor's code.
    pub code: String,
    /// Status that it must come with; none for any status that refuses.
    pub status: Option<u16>,
    /// Words that the vendor's text must contain, in any case.
    pub words: Option<String>,
}

impl Said {
    /// Whether every answer that says `other` says this too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.code == other.code
            && (self.status.is_none() || self.status == other.status)
            && (self.words.is_none() || self.words == other.words)
    }
}

impl Said {
    /// Whether an answer with these codes says this. The words may stand anywhere in the document.
    fn is_in(&self, status: u16, codes: &[String], document: &Value) -> bool {
        codes.contains(&self.code)
            && self.status.is_none_or(|own| own == status)
            && self.words.as_ref().is_none_or(|words| has_words(document, &words.to_ascii_lowercase()))
    }
}

/// Whether a text in a document contains these words, which are in lower case.
fn has_words(document: &Value, words: &str) -> bool {
    match document {
        Value::String(text) => text.to_ascii_lowercase().contains(words),
        Value::Array(all) => all.iter().any(|value| has_words(value, words)),
        Value::Object(all) => all.values().any(|value| has_words(value, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.code)?;
        if let Some(status) = self.status {
            write!(f, " with HTTP {status}")?;
        }
        if let Some(words) = &self.words {
            write!(f, " and the words {words:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_refuses_a_pin_with_its_code_its_status_and_its_words() {
        let said = |code: &str, status, words: Option<&str>| Said {
            code: code.to_owned(),
            status,
            words: words.map(str::to_owned),
        };
        let pin = vec![said("7", None, None), said("8", Some(403), None), said("9", None, Some("wrong Pin"))];
        let refusals = Refusals { pin, ..Refusals::default() };
        let wrong = json!({ "errors": [{ "text": "WRONG PIN, 2 left" }] });
        for (status, code, document, expected) in [
            (400, "7", Value::Null, true),
            (200, "7", Value::Null, true),
            (403, "8", Value::Null, true),
            (400, "8", Value::Null, false),
            (400, "9", wrong.clone(), true),
            (400, "9", json!({ "text": "wrong car" }), false),
            (400, "6", wrong, false),
        ] {
            let found = refusals.of_pin(status, &[code.to_owned()], &document);
            assert_eq!(found.is_some(), expected, "{status} {code} {document}");
        }
    }
}
