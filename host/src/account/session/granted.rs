//! A session that was granted: what is kept of it, and until when.

use jiff::{SignedDuration, Timestamp};

use super::attempt::Attempt;
use super::token_endpoint;
use crate::account::ownership::Owner;
use crate::bindings::connector::Grant;
use crate::cell::{Contents, Emptied, Ends, Secrets};
use crate::protect::circuit::Permit;
use crate::store::Write;

/// Shortest life, in seconds, that a token is believed to have: a cloud that hands out tokens that have
/// already ended would otherwise be asked for a new one before every request.
const SHORTEST_LIFE: i64 = 10;

/// Longest life, in seconds, that a token or a grant is believed to have.
const LONGEST_LIFE: i64 = 10 * 365 * 86_400;

impl Attempt<'_> {
    /// Keeps a new session, and in the same write ends the question that has led to it. Of a sign-in it is on record whose
    /// session it is; if it is another one's than the one before, nothing of that one stays.
    pub(super) async fn keep(&self, grant: Grant, secrets: Secrets, permit: Permit) {
        let refresh = self.refresh;
        let account = &refresh.account;
        let (ends, noted) = self.ends(&grant);
        let contents = Contents { value: grant.value, secrets, ends };
        let removal = account.questions.removal();
        let owner = self.owner();
        let of_another = match &owner {
            Some(owner) if account.may_belong_to_another(owner).await => Some(self.emptied()),
            _ => None,
        };
        let owner = owner.and_then(|owner| owner.write(&account.slug).ok());
        let mut also: Vec<Write> = removal
            .into_iter()
            .chain(noted)
            .chain(owner)
            .chain(account.lift(refresh.wish.as_ref()))
            .collect();
        let (cell, stored) = match of_another {
            Some(emptied) => {
                also.extend(emptied.writes());
                let kept = self.guard.keep_alone(contents, also).await;
                emptied.show();
                kept
            }
            None => self.guard.keep(contents, also).await,
        };
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
        account.lifted(refresh.wish.as_ref());
        account.questions.note_end(None);
        account.answered();
        account.announce();
        account.wake.notify_one();
        if self.signs_in() {
            account.listing.is_possible();
        }
    }

    /// The owner of a session that was obtained in a sign-in. A refresh changes nothing of that.
    fn owner(&self) -> Option<Owner> {
        let account = &self.refresh.account;
        self.signs_in().then(|| self.begun().given.unwrap_or_else(|| account.configured_owner()))
    }

    /// What was found in the account's other cells, to be forgotten: the device that another one's sign-in has
    /// registered, the permission that another one's PIN gave.
    fn emptied(&self) -> Emptied {
        let account = &self.refresh.account;
        account.context.cells.emptied(self.found()).unwrap_or_else(|error| {
            tracing::error!(
                account = account.slug,
                "what another one's cells have is not forgotten: {error}"
            );
            Emptied::default()
        })
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
