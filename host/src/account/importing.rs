//! Import of a session that another program has obtained, in place of a sign-in.
//!
//! Nothing is sent: whether the cloud still takes the tokens is found out by the first read, or by the refresh that
//! it asks for. The session, and the end of what kept the account from having one, are one write.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::Value;

use super::Account;
use crate::cell::{Cell, CellGuard, Contents, Ends, Secrets, Staged};
use crate::descriptor::{SecretClass, SecretForm, SecretRule};
use crate::primitives::{LARGEST_SECRET, SESSION};
use crate::protect::latch::{LatchKind, Latched};
use crate::store::{StoreError, Write};

/// The largest value of the session's cell, in bytes; as in any other.
const LARGEST_VALUE: usize = 4_096;

/// What was imported: names, and no values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Slug of the account.
    pub account: String,
    /// Names of the secrets that the session has now.
    pub tokens: Vec<String>,
    /// What still keeps the account from being used, in words.
    pub still: Option<String>,
}

/// Reason why nothing was imported. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotImported {
    /// It is no session, or not one of this connector. Says nothing of any value.
    #[error("{0}; nothing was imported")]
    Unfit(String),
    /// Another configuration has taken the account's place.
    #[error("the account was configured anew while this was under way; import once more")]
    Retired,
    /// The session could not be stored.
    #[error("{0}; nothing was imported")]
    NotStored(#[from] StoreError),
}

fn unfit(why: impl Into<String>) -> NotImported {
    NotImported::Unfit(why.into())
}

impl Account {
    /// Takes over a session that another program has obtained: the tokens in place of all those of the session that
    /// there is, and of those of the same names in other cells, such as that of the device; and the value of the session's cell, which the connector finds there. `by` names the requester, for the record. What a
    /// refused credential, or a refused program, has latched is lifted, and a question is over, because there is a session now.
    ///
    /// # Errors
    ///
    /// See [`NotImported`].
    pub async fn import(&self, tokens: Secrets, value: String, by: &str) -> Result<Imported, NotImported> {
        if tokens.is_empty() {
            return Err(unfit("there are no tokens"));
        }
        for (name, token) in &tokens {
            self.check_token(name, token)?;
        }
        if value.len() > LARGEST_VALUE {
            return Err(unfit(format!(
                "the value of the session has {} bytes, and at most {LARGEST_VALUE}",
                value.len()
            )));
        }
        let is_there = |name: &str| tokens.contains_key(name) || self.context.secrets.contains_key(name);
        if let Some(why) = self.sessions.wrong_with(&value, is_there) {
            return Err(unfit(why));
        }
        let names: Vec<String> = tokens.keys().cloned().collect();
        self.take_over(tokens, value).await?;
        tracing::warn!(account = self.slug, by, ?names, "a session was imported");
        self.grant.forget().await;
        self.refreshes.lock().forget_failures();
        self.answered();
        self.announce();
        self.wake.notify_one();
        self.listing.is_possible();
        let still = self.latched().map(|latched| latched.to_string());
        Ok(Imported { account: self.slug.clone(), tokens: names, still })
    }

    /// Stores the session and what ends with it, in one write.
    async fn take_over(&self, tokens: Secrets, value: String) -> Result<(), NotImported> {
        let none = || unfit(format!("the connector {} keeps no session", self.connector_name));
        let slot = self.context.cells.slot(SESSION).ok_or_else(none)?;
        let guard = slot.acquire().await;
        if self.is_retired() {
            return Err(NotImported::Retired);
        }
        let before = guard.cell();
        let lasts = |name: &str| self.context.rules.get(name).is_some_and(|rule| rule.lasting);
        let mut secrets: Secrets = before
            .secrets
            .iter()
            .filter(|(name, _)| lasts(name))
            .map(|(n, s)| (n.clone(), s.clone()))
            .collect();
        secrets.extend(tokens.clone());
        let is_another = before
            .value
            .as_ref()
            .is_some_and(|before_it| *before_it != value || !before.secrets.keys().eq(secrets.keys()));
        let others = self.others_with(&tokens, is_another).await?;
        // What refuses this program may refuse its sign-ins only, and what was imported need not make any.
        let can_go_on = secrets.keys().any(|name| !lasts(name));
        let ends = |latched: Latched| match latched.kind {
            LatchKind::AuthRequired | LatchKind::OtpRequired | LatchKind::ConsentRequired => true,
            LatchKind::ClientRefused => can_go_on,
            LatchKind::LockedOut => false,
        };
        let lifts = self.latch.current(self.clock().now()).is_some_and(ends);
        let lift = self.latch.removal().filter(|_| lifts);
        let writes = others.iter().map(|(_, _, write)| write.clone());
        // Nobody knows who has signed in, so it belongs to what is configured.
        let owner = self.configured_owner().write(&self.slug)?;
        let also = self.questions.removal().into_iter().chain(lift).chain([owner]).chain(writes).collect();
        guard.exchange(Contents { value, secrets, ends: Ends::default() }, also).await?;
        for (guard, staged, _) in others {
            guard.show_staged(staged);
        }
        if lifts {
            self.latch.forget();
        }
        Ok(())
    }

    /// Returns the other cells that have some of these secrets, such as that of the device, with what they have after
    /// the import: a cell that kept its own would be the one that is asked. Where the session has another value or other
    /// secrets than the one before, what is noted elsewhere without a secret of its own may speak of one that is gone, or
    /// hide the one that has come, such as a device: it is empty after the import. Called under the session's lock, which
    /// everybody takes first who takes both.
    async fn others_with(
        &self,
        tokens: &Secrets,
        is_another: bool,
    ) -> Result<Vec<(CellGuard, Staged, Write)>, NotImported> {
        let mut others = Vec::new();
        let has = |cell: &Cell| cell.secrets.keys().any(|name| tokens.contains_key(name));
        let ends = |cell: &Cell| is_another && cell.value.is_some() && cell.secrets.is_empty();
        for slot in self.context.cells.others(SESSION) {
            if !has(&slot.current()) && !ends(&slot.current()) {
                continue;
            }
            let guard = slot.acquire().await;
            let cell = guard.cell();
            if ends(&cell) {
                let (staged, write) = guard.emptied()?;
                others.push((guard, staged, write));
            } else if has(&cell) {
                let same = tokens.iter().filter(|(name, _)| cell.secrets.contains_key(*name));
                let (staged, write) = guard.staged(same.map(|(n, s)| (n.clone(), s.clone())).collect())?;
                others.push((guard, staged, write));
            }
        }
        Ok(others)
    }

    /// Checks that a secret is one that the vendor gives out, and looks like one.
    fn check_token(&self, name: &str, token: &SecretString) -> Result<(), NotImported> {
        let is_importable = |rule: &&SecretRule| rule.class == SecretClass::Token && rule.is_capturable();
        let rules = &self.context.rules;
        let Some(rule) = rules.get(name).filter(is_importable) else {
            let known: Vec<&str> =
                rules.iter().filter(|(_, rule)| is_importable(rule)).map(|(name, _)| name.as_str()).collect();
            let name = crate::redact::cut(name.to_owned(), 64);
            let why = match rules.get(&name) {
                Some(rule) => format!("is a secret of the class {}, which no vendor gives out", rule.class),
                None => format!("is no secret of the connector {}", self.connector_name),
            };
            return Err(unfit(format!("{name:?} {why}; there are: {}", known.join(", "))));
        };
        let text = token.expose_secret();
        if text.len() > LARGEST_SECRET {
            return Err(unfit(format!(
                "{name} has {} bytes, and a token at most {LARGEST_SECRET}",
                text.len()
            )));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unfit(format!("{name} has characters that no token has, such as blanks")));
        }
        let is_one = rule.capturable().is_some_and(|it| it.secret(&Value::from(text)).is_some());
        if !is_one {
            return Err(unfit(format!("{name} is empty, too short, or a word for nothing")));
        }
        if let Some(SecretForm { length, characters }) = rule.form
            && (text.chars().count() != usize::try_from(length).unwrap_or(usize::MAX)
                || !text.chars().all(|char| characters.allow(char)))
        {
            return Err(unfit(format!("{name} has another form than the connector's: {length} characters")));
        }
        Ok(())
    }
}
