//! Refusals, as a cloud reports them.

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
