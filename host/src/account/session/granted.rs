//! A session that was granted: what is kept of it, and until when.

use jiff::{SignedDuration, Timestamp};

use super::attempt::Attempt;
use super::token_endpoint;
use crate::bindings::connector::Grant;
use crate::cell::{Contents, Ends, Secrets};
use crate::protect::circuit::Permit;
use crate::store::Write;

/// Shortest life, in seconds, that a token is believed to have: a cloud that hands out tokens that have
/// already ended would otherwise be asked for a new one before every request.
const SHORTEST_LIFE: i64 = 10;

/// Longest life, in seconds, that a token or a grant is believed to have.
const LONGEST_LIFE: i64 = 10 * 365 * 86_400;

impl Attempt<'_> {
    /// Keeps a new session, and in the same write ends the question that has led to it.
    pub(super) async fn keep(&self, grant: Grant, secrets: Secrets, permit: Permit) {
        let refresh = self.refresh;
        let account = &refresh.account;
        let (ends, noted) = self.ends(&grant);
        let contents = Contents { value: grant.value, secrets, ends };
        let removal = account.questions.removal();
        let also = removal.into_iter().chain(noted).chain(self.owner()).collect();
        let (cell, stored) = self.guard.keep(contents, also).await;
        if let Err(error) = stored {
            // It may be the only token that the cloud still accepts, so it is used all the same.
            tracing::error!(account = account.slug, "the new token is lost at the next restart: {error}");
        }
        let now = account.clock().monotonic();
        account.circuits.succeeded(&token_endpoint(account), permit, now, refresh.circuit_settings().await);
        refresh.history().succeeded(now);
        account.grant.forget().await;
        tracing::info!(
            account = account.slug,
            operation = self.refresh.operation,
            generation = cell.generation,
            "{} finished",
            self.what()
        );
        account.questions.note_end(None);
        account.answered();
        account.announce();
        account.wake.notify_one();
        if self.signs_in() {
            account.listing.is_possible();
        }
    }

    /// Returns the write by which the store knows who was signed in, if that was given for this sign-in.
    fn owner(&self) -> Option<Write> {
        self.begun().given?.write(&self.refresh.account.slug).ok()
    }

    /// Returns when the session ends, as the cloud says, and the write that remembers that of a configured token. The
    /// whole grant ends when it was first said to: no refresh renews that, whatever it says of it. What a refresh does
    /// not say of the refresh token is not known any more.
    fn ends(&self, grant: &Grant) -> (Ends, Option<Write>) {
        let at = |seconds: Option<i64>| seconds.map(|seconds| self.ends_at(seconds));
        let account = &self.refresh.account;
        let now = account.clock().now();
        let (told, noted) = match at(grant.ends_in) {
            Some(told) => {
                let (first, noted) = account.grants.first_told(told, now);
                (Some(first), noted)
            }
            None => (None, None),
        };
        let before =
            self.guard.cell().ends.grant.filter(|end| !self.signs_in() && (*end > now || told.is_none()));
        let ends = Ends {
            access: at(grant.expires_in),
            refresh: at(grant.refresh_expires_in),
            grant: told.into_iter().chain(before).min(),
        };
        (ends, noted)
    }

    /// Returns the end of what lives `seconds`, as the cloud says.
    fn ends_at(&self, seconds: i64) -> Timestamp {
        let now = self.refresh.account.clock().now();
        let life = SignedDuration::from_secs(seconds.clamp(SHORTEST_LIFE, LONGEST_LIFE));
        now.checked_add(life).unwrap_or(Timestamp::MAX)
    }
}
