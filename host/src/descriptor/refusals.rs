//! Refusals, as a cloud reports them.

use serde::Deserialize;

/// Refusals of credentials, and of the daily limit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusals {
    /// Refusals of a sign-in or a refresh.
    pub grant: Vec<Said>,
    /// Refusals of a PIN.
    pub pin: Vec<Said>,
    /// Refusals of any request, because the vendor's limit of requests a day is reached.
    #[serde(default)]
    pub daily_limit: Vec<Said>,
}

/// A code that reports a refusal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Vendor's code.
    pub code: String,
    /// Status that it must come with; none for any status that refuses.
    pub status: Option<u16>,
    /// Words that the vendor's text must contain, in any case.
    pub words: Option<String>,
}
