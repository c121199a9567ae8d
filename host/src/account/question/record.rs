//! Questions as they are stored: with what is staged, so a restart loses nothing, and without any answer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{Begun, Challenge, Pending};
use crate::primitives::{Jar, Offers};

/// A question as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    /// Digest of the credentials that the sign-in belongs to.
    about: String,
    challenge: Challenge,
    continuation: String,
    asked_at: Timestamp,
    expires_at: Timestamp,
    codes_left: u32,
    steps: u32,
    counted: bool,
    problem: Option<String>,
    staged: BTreeMap<String, String>,
    #[serde(default)]
    offers: Offers,
    #[serde(default)]
    jars: BTreeMap<String, Jar>,
    made: BTreeSet<String>,
    #[serde(default)]
    begun: Begun,
}

impl Record {
    /// Number of a question that an earlier host has asked.
    pub(super) const NUMBER: u64 = 1;

    /// The record of a question of a sign-in with these credentials, which a digest stands for.
    pub(super) fn of(pending: &Pending, credentials: &str) -> Self {
        let pending = pending.clone();
        let staged = pending.staged.iter();
        Self {
            about: credentials.to_owned(),
            staged: staged.map(|(name, secret)| (name.clone(), secret.expose_secret().to_owned())).collect(),
            challenge: pending.challenge,
            continuation: pending.continuation,
            asked_at: pending.asked_at,
            expires_at: pending.expires_at,
            codes_left: pending.codes_left,
            steps: pending.steps,
            counted: pending.counted,
            problem: pending.problem,
            offers: pending.offers,
            jars: pending.jars,
            made: pending.made,
            begun: pending.begun,
        }
    }

    /// Whether the sign-in was one with these credentials.
    pub(super) fn is_about(&self, credentials: &str) -> bool {
        self.about == credentials
    }
}

impl From<Record> for Pending {
    fn from(record: Record) -> Self {
        Self {
            number: Record::NUMBER,
            challenge: record.challenge,
            continuation: record.continuation,
            asked_at: record.asked_at,
            expires_at: record.expires_at,
            codes_left: record.codes_left,
            steps: record.steps,
            counted: record.counted,
            problem: record.problem,
            staged: record.staged.into_iter().map(|(name, value)| (name, value.into())).collect(),
            offers: record.offers,
            jars: record.jars,
            made: record.made,
            tried: Vec::new(),
            given_once: std::sync::Arc::default(),
            begun: record.begun,
        }
    }
}
