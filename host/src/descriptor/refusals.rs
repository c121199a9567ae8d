//! What a cloud says when it refuses.

use serde::Deserialize;

/// What a cloud says when it refuses a credential.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusals {
    /// Of a sign-in or a refresh.
    pub grant: Vec<Said>,
    /// Of a PIN.
    pub pin: Vec<Said>,
    /// Of anything, because the vendor's limit of requests a day is reached.
    #[serde(default)]
    pub daily_limit: Vec<Said>,
}

/// A code that says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The vendor's code.
    pub code: String,
    /// Only with this status; with any that refuses if there is none.
    pub status: Option<u16>,
    /// Only if the vendor's words have these in them, in any case.
    pub words: Option<String>,
}
