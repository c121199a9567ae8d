//! Latches: stops that only a person, or a long silence, can end.
//!
//! After a refused grant the next call to the token endpoint would be refused too, and the one after that
//! might lock the account. So one is made and then none, until the credentials change or a person asks for
//! one more try; a restart changes nothing. Only evidence that a credential is refused sets a latch; other
//! refusals lead to [`doubt`](crate::protect::doubt).

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use vehicle_connector_rules::latch as rules;
pub use vehicle_connector_rules::latch::LatchKind;

use crate::digest::Digest;
use crate::store::{Kind, Loaded, Store, StoreError, Write, load_carefully};
use crate::time::{end_not_ahead, not_ahead};

/// [`vehicle_connector_rules::latch::SILENCE`], between times of the calendar.
pub const SILENCE: SignedDuration = SignedDuration::from_secs(rules::SILENCE.as_secs().cast_signed());

/// A latch that is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latched {
    /// Kind of the latch.
    pub kind: LatchKind,
    /// Cause and remedy, in our words.
    pub reason: String,
    /// Vendor's words, without secrets.
    #[serde(default)]
    pub detail: Option<String>,
    /// Time when it was set.
    pub since: Timestamp,
    /// Time when it ends, if it ends by itself.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Digest of the credentials that it is about: it does not hold for others.
    about: String,
    /// Digest of the connector that the vendor refuses, if it is about that: it does not hold for another one.
    #[serde(default)]
    refused_client: Option<String>,
    /// Whether nothing was refused: nobody has signed in, or somebody has signed out.
    #[serde(default)]
    not_signed_in: bool,
}

impl Latched {
    /// Whether it says that nobody is signed in, and not that something was refused.
    #[must_use]
    pub const fn is_not_signed_in(&self) -> bool {
        self.not_signed_in
    }

    /// Whether it holds with a connector of this digest.
    #[must_use]
    pub fn holds_with(&self, connector: &str) -> bool {
        self.refused_client.as_deref().is_none_or(|refused| refused == connector)
    }

    /// Returns cause, remedy and end of the latch, without the vendor's words.
    #[must_use]
    pub fn in_our_words(&self) -> String {
        let Self { reason, since, until, .. } = self;
        match until {
            Some(until) => format!("{reason} (since {since:.0}; nothing is sent before {until:.0})"),
            None if self.not_signed_in => format!("{reason} (since {since:.0}; nothing is sent until then)"),
            None => format!("{reason} (since {since:.0}; it is not sent again until then)"),
        }
    }
}

impl fmt::Display for Latched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_detail(f, &self.in_our_words(), self.detail.as_deref())
    }
}

/// Reason for a latch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Cause and remedy, in our words.
    pub reason: String,
    /// Vendor's words, without secrets.
    pub detail: Option<String>,
    /// Digest of the connector that the vendor refuses, if it is about that.
    refused_client: Option<String>,
    /// Whether nothing was refused.
    not_signed_in: bool,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_detail(f, &self.reason, self.detail.as_deref())
    }
}

/// Writes a reason, and the vendor's words if there are any.
fn write_with_detail(f: &mut fmt::Formatter<'_>, reason: &str, detail: Option<&str>) -> fmt::Result {
    f.write_str(reason)?;
    match detail {
        Some(detail) => write!(f, "; the vendor's words: {detail}"),
        None => Ok(()),
    }
}

impl Why {
    /// Makes a reason, with the vendor's words if there are any.
    #[must_use]
    pub fn new(reason: String, detail: &str) -> Self {
        let detail = detail.trim();
        let detail = (!detail.is_empty()).then(|| detail.to_owned());
        Self { reason, detail, refused_client: None, not_signed_in: false }
    }

    /// The same, about the connector of this digest.
    #[must_use]
    pub(crate) fn about_client(self, connector: String) -> Self {
        Self { refused_client: Some(connector), ..self }
    }

    /// The same, of an account that nobody is signed in to although nothing was refused.
    #[must_use]
    pub(crate) fn not_signed_in(self) -> Self {
        Self { not_signed_in: true, ..self }
    }
}

/// What a latch is about, as digests that tell none of it. It does not hold for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// What signs in, or is refused.
    pub credentials: Digest,
    /// What this program is to the vendor. Only what refuses the program is about that.
    pub client: Digest,
    /// Both in one, as hosts have written it that did not tell them apart.
    pub together: Option<Digest>,
}

impl From<Digest> for About {
    fn from(digest: Digest) -> Self {
        Self { credentials: digest, client: digest, together: None }
    }
}

impl About {
    /// What a latch of this kind is about.
    fn of(&self, kind: LatchKind) -> String {
        let digest = match kind {
            LatchKind::ClientRefused => self.client,
            LatchKind::AuthRequired
            | LatchKind::OtpRequired
            | LatchKind::ConsentRequired
            | LatchKind::LockedOut => self.credentials,
        };
        digest.to_string()
    }

    /// Returns a latch that is on record, if it holds, and the write by which the store learns what is not as it has it.
    fn seen(&self, latched: Latched, key: &str) -> Result<(Option<Latched>, Option<Write>), StoreError> {
        let about = self.of(latched.kind);
        if latched.about == about {
            return Ok((Some(latched), None));
        }
        if self.together.is_some_and(|together| together.to_string() == latched.about) {
            let latched = Latched { about, ..latched };
            let write = Write::document(Kind::Latch, key, &latched)?;
            return Ok((Some(latched), Some(write)));
        }
        // Otherwise it would hold again when what it is about comes back, however much later.
        Ok((None, Some(Write::remove(Kind::Latch, key))))
    }
}

/// A latch of an account or a client.
#[derive(Debug)]
pub struct Latch {
    key: String,
    about: About,
    current: RwLock<Option<Latched>>,
    store: Arc<dyn Store>,
}

impl Latch {
    /// Opens the latch under a key. A latch about something else (other credentials) is lifted. Returns with it the write by
    /// which the store knows that, for the caller to commit.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        key: &str,
        about: impl Into<About>,
        store: &Arc<dyn Store>,
        now: Timestamp,
    ) -> Result<(Self, Option<Write>), StoreError> {
        let about = about.into();
        let (current, write) = match load_carefully(store.as_ref(), Kind::Latch, key).await? {
            Loaded::Whole(latched) => about.seen(latched, key)?,
            // A damaged latch was set. One of a client ends by itself, and a request sent too early sets it
            // again; the others end with a person.
            Loaded::Damaged if !key.starts_with("client/") => {
                let latched = Latched {
                    kind: LatchKind::AuthRequired,
                    reason: format!(
                        "what stopped this account was remembered, and cannot be read any more: have it tried once with \
                     `vehicle-connector account retry {}`, or give other credentials",
                        key.split('/').next().unwrap_or(key)
                    ),
                    detail: None,
                    since: now,
                    until: None,
                    about: about.of(LatchKind::AuthRequired),
                    refused_client: None,
                    not_signed_in: false,
                };
                // The next start finds the damage too.
                if let Err(error) = store.commit(vec![Write::document(Kind::Latch, key, &latched)?]).await {
                    tracing::warn!("what stopped {key} is assumed for this start only: {error}");
                }
                (Some(latched), None)
            }
            Loaded::Damaged | Loaded::Absent => (None, None),
        };
        let (current, store) = (RwLock::new(current), Arc::clone(store));
        Ok((Self { key: key.to_owned(), about, current, store }, write))
    }

    /// The latch, if it is set at this time.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Option<Latched> {
        let held = |current: &Latched| holds(current, now).then(|| current.clone());
        {
            let current = self.current.read();
            let current = current.as_ref()?;
            if not_ahead(current.since, now) == current.since {
                return held(current);
            }
        }
        let mut current = self.current.write();
        let latched = current.as_mut()?;
        self.move_from_the_future(latched, now);
        held(latched)
    }

    /// Dates a latch set by a clock that was ahead from now: a silence of hours must not last for years.
    /// Called under the lock, so that a latch that is lifted meanwhile does not come back.
    fn move_from_the_future(&self, latched: &mut Latched, now: Timestamp) {
        let since = not_ahead(latched.since, now);
        if since == latched.since {
            return;
        }
        latched.until = latched.until.map(|until| end_not_ahead(until, latched.since, now));
        latched.since = since;
        if let Ok(write) = Write::document(Kind::Latch, self.key.clone(), latched) {
            // Not awaited: a move that is not stored is made again at the next start.
            drop(self.store.commit(vec![write]));
        }
    }

    /// Sets the latch, until `until` or for good. Returns whether it was not set before. The first reason
    /// stays.
    ///
    /// # Errors
    ///
    /// When it could not be stored. It holds all the same, until the next restart.
    pub async fn set(
        &self,
        kind: LatchKind,
        why: Why,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> (bool, Result<(), StoreError>) {
        let latched = self.latched(kind, why, now, until);
        {
            let mut current = self.current.write();
            if current.as_ref().is_some_and(|latched| holds(latched, now)) {
                return (false, Ok(()));
            }
            *current = Some(latched.clone());
        }
        let stored = match Write::document(Kind::Latch, self.key.clone(), &latched) {
            Ok(write) => self.store.commit(vec![write]).await,
            Err(error) => Err(error),
        };
        (true, stored)
    }

    /// The write that lifts the latch, for a caller that commits something together with it; none if it is not set.
    pub(crate) fn removal(&self) -> Option<Write> {
        self.current.read().as_ref().map(|_| Write::remove(Kind::Latch, self.key.clone()))
    }

    /// Lifts the latch after its removal was committed.
    pub(crate) fn forget(&self) {
        self.current.write().take();
    }

    /// Makes a latch that takes the place of any other one when it is [shown](Self::show), with the write that stores
    /// it, for a caller that commits something together with it.
    ///
    /// # Errors
    ///
    /// When the write cannot be made.
    pub(crate) fn made(
        &self,
        kind: LatchKind,
        why: Why,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<(Latched, Write), StoreError> {
        let latched = self.latched(kind, why, now, until);
        let write = Write::document(Kind::Latch, self.key.clone(), &latched)?;
        Ok((latched, write))
    }

    /// Lets a latch hold, whatever held before.
    pub(crate) fn show(&self, latched: Latched) {
        *self.current.write() = Some(latched);
    }

    fn latched(&self, kind: LatchKind, why: Why, now: Timestamp, until: Option<Timestamp>) -> Latched {
        let Why { reason, detail, refused_client, not_signed_in } = why;
        let about = self.about.of(kind);
        Latched { kind, reason, detail, since: now, until, about, refused_client, not_signed_in }
    }

    /// Lifts the latch. Returns whether it was set.
    ///
    /// # Errors
    ///
    /// When that could not be stored; then it is set as before.
    pub async fn lift(&self) -> Result<bool, StoreError> {
        if self.current.read().is_none() {
            return Ok(false);
        }
        self.store.commit(vec![Write::remove(Kind::Latch, self.key.clone())]).await?;
        Ok(self.current.write().take().is_some())
    }
}

fn holds(latched: &Latched, now: Timestamp) -> bool {
    latched.until.is_none_or(|until| now < until)
}

#[cfg(test)]
mod tests;
