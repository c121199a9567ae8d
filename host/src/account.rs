//! One account at a vendor: its connector and policy, its cells, its latch and its circuits.

mod advice;
mod asking;
mod clients;
mod described;
mod given;
mod grant;
mod importing;
mod keeping;
mod leaving;
mod listing;
mod opening;
mod ownership;
mod presence;
mod prospect;
pub(crate) mod question;
mod rehearsing;
mod retry;
pub(crate) mod session;
mod signing_in;
mod standing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tokio::sync::Notify;

use self::advice::Advice;
pub(crate) use self::advice::With;
pub use self::clients::Clients;
use self::described::Described;
pub(crate) use self::described::for_trial;
pub use self::given::{Given, NotTaken, SignInTakes};
pub use self::importing::{Imported, NotImported};
pub use self::leaving::{NotSignedOut, SignedOut};
use self::listing::Listing;
pub use self::opening::Accounts;
pub(crate) use self::opening::Opened;
use self::presence::Presence;
pub use self::prospect::Prospect;
use self::question::Questions;
pub use self::question::{Answer, NotUnderstood, Shown};
pub use self::rehearsing::Rehearsed;
pub(crate) use self::retry::Wish;
pub use self::retry::{NotRetried, Retried, Retry};
pub use self::signing_in::{NotProgressed, Progressed};
use crate::account::session::History;
use crate::cell::Cell;
use crate::config;
use crate::descriptor::{Grant, Takes};
use crate::events::{AboutAccount, AboutDoubt, Event};
use crate::judge::evidence::GrantRefusal;
use crate::plugin::{ConnectorSlot, PolicySlot};
use crate::primitives::{AccountContext, SESSION};
use crate::protect::circuit::Circuits;
use crate::protect::day_budget::{Budget, DayBudget};
use crate::protect::doubt::{Doubt, InDoubt};
use crate::protect::latch::{Latch, LatchKind, Latched, SILENCE, Why};
use crate::protect::retry_budget::RetryBudget;
use crate::protect::throttle::{Throttle, Throttled};
use crate::services::Services;
use crate::store::Write;
use crate::time::Clock;
use crate::wire::message::Outgoing;
use crate::wire::outcome::Reason;
use crate::wire::words::Words;

/// Longest time for which operations wait when the vendor wants to be left alone: no operation has longer
/// than a few minutes.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One account.
#[derive(Debug)]
pub struct Account {
    /// Slug of the account.
    pub slug: String,
    /// The services of the host.
    pub services: Arc<Services>,
    /// Slot of the policy.
    pub policy: Arc<PolicySlot>,
    /// The circuits of all clouds.
    pub clouds: Arc<Circuits>,
    /// Number of requests that one operation may send, refreshes and polls included.
    pub requests_per_operation: u32,
    /// Slot of the connector.
    pub connector: Arc<ConnectorSlot>,
    /// The name of that slot.
    pub connector_name: String,
    /// What the connector is granted.
    pub(crate) granted: Arc<Grant>,
    /// Values that its commands take.
    pub(crate) takes: Arc<Takes>,
    advice: Advice,
    latch: Latch,
    client: Arc<Latch>,
    /// Doubt about signing in.
    pub(crate) grant: Doubt,
    /// Doubt about the registration as a device.
    pub(crate) registration: Doubt,
    presence: Presence,
    /// Question to a person, if a sign-in waits for one.
    pub(crate) questions: Questions,
    /// Kinds of sessions that its connector keeps.
    sessions: Arc<config::Sessions>,
    /// Ends of its grants.
    pub(crate) grants: grant::Grants,
    /// Signal that something is to be seen to earlier than was known.
    pub(crate) wake: Arc<Notify>,
    retries_by_hand: retry::ByHand,
    /// Circuits of the token endpoint, of the account and of its vehicles.
    pub circuits: Arc<Circuits>,
    pub(crate) context: Arc<AccountContext>,
    pub(crate) described: Described,
    pub(crate) refreshes: Mutex<History>,
    /// Readings of the vehicle list.
    pub(crate) listing: Listing,
    /// Count of every request to the vendor.
    pub(crate) requests: Arc<DayBudget>,
    /// That count as it was published last.
    budget_shown: Mutex<Option<Budget>>,
    /// Time zone of its owner.
    pub(crate) time_zone: TimeZone,
    /// Signal that its vehicles may have to be read at another time than was known.
    pub(crate) stirred: Notify,
    pub(crate) retries: Arc<RetryBudget>,
    /// Patience that the vendor asks for.
    throttle: Arc<Throttle>,
    /// Seed, different for each account and start, so that not all accounts do the same at the same moment.
    seed: u64,
    /// Whether it is seen to what is due although nobody asks for it.
    kept: AtomicBool,
    /// Whether another configuration has taken this one's place. What has begun with this one ends with it.
    retired: AtomicBool,
}

impl Account {
    /// Returns the latch that only a person, or a long silence, can end; this client's or the account's. While the vendor
    /// blocks this client, nothing that a person does helps.
    #[must_use]
    pub fn latched(&self) -> Option<Latched> {
        let now = self.clock().now();
        let connector = self.connector.active().generation().digest.to_string();
        let own = self.latch.current(now).filter(|latched| latched.holds_with(&connector));
        self.client.current(now).or(own)
    }

    /// Lifts a latch that was about another connector than the one that is active now.
    async fn lift_of_another_connector(&self) {
        let connector = self.connector.active().generation().digest.to_string();
        let latched = self.latch.current(self.clock().now());
        if latched.is_none_or(|latched| latched.holds_with(&connector)) {
            return;
        }
        match self.latch.lift().await {
            Ok(_) => tracing::info!(account = self.slug, "another connector is active, and is tried"),
            Err(error) => {
                tracing::warn!(account = self.slug, "a latch is lifted until the next restart only: {error}")
            }
        }
        self.announce();
    }

    /// Latches the account, or the client if the vendor blocks the client. `words` are the vendor's. Returns
    /// the latch that holds, which is an earlier one if there is one.
    pub(crate) async fn set_latch(&self, kind: LatchKind, words: &str) -> Option<Latched> {
        self.set_latch_of(kind, GrantRefusal::Credentials, words).await
    }

    /// The same of a session that was refused in this way.
    pub(crate) async fn set_latch_of(
        &self,
        kind: LatchKind,
        refusal: GrantRefusal,
        words: &str,
    ) -> Option<Latched> {
        self.set_latch_for(kind, self.why_in_vain(kind, refusal, With::Configured, words)).await
    }

    /// Why a sign-in with this, or a refresh, has come to nothing. `words` are the vendor's.
    pub(crate) fn why_in_vain(&self, kind: LatchKind, refusal: GrantRefusal, with: With, words: &str) -> Why {
        let lacks = with == With::Configured && self.context.lacks_credentials();
        let refusal = match refusal {
            // What was refused is then what the vendor had given out.
            GrantRefusal::Credentials if lacks => GrantRefusal::Session,
            refusal => refusal,
        };
        Why::new(self.advice.on_latch(kind, refusal, with), words)
    }

    /// The same, for a reason.
    pub(crate) async fn set_latch_for(&self, kind: LatchKind, why: Why) -> Option<Latched> {
        let now = self.clock().now();
        let (new, stored) = match kind {
            LatchKind::LockedOut => {
                let until = now.checked_add(SILENCE).ok();
                self.client.set(kind, why, now, until).await
            }
            LatchKind::ClientRefused => {
                let connector = self.connector.active().generation().digest.to_string();
                self.latch.set(kind, why.about_client(connector), now, None).await
            }
            LatchKind::AuthRequired | LatchKind::OtpRequired | LatchKind::ConsentRequired => {
                self.latch.set(kind, why, now, None).await
            }
        };
        if let Err(error) = stored {
            tracing::error!(account = self.slug, "the latch holds only until a restart: {error}");
        }
        let latched = self.latched();
        if new && let Some(latched) = &latched {
            tracing::error!(account = self.slug, kind = kind.as_str(), "a person must act: {latched}");
            self.services.events.say(&Event::latched(kind, &self.slug, latched));
            self.announce();
        }
        latched
    }

    /// The write that lifts the latch which held when a person has wished for a sign-in, if it holds still.
    pub(crate) fn lift(&self, wish: Option<&Wish>) -> Option<Write> {
        self.is_held(wish).then(|| self.latch.removal()).flatten()
    }

    /// Lifts that latch, after its removal was committed or before another one takes its place.
    pub(crate) fn lifted(&self, wish: Option<&Wish>) {
        if self.is_held(wish) {
            self.latch.forget();
        }
    }

    fn is_held(&self, wish: Option<&Wish>) -> bool {
        let latched = self.latch.current(self.clock().now());
        wish.zip(latched).is_some_and(|(wish, latched)| wish.is_about(&latched))
    }

    /// Starts signed out if there is no session, and only a person can obtain one. That is found out anew at every
    /// start, so it is not stored.
    fn open_signed_out(&self) {
        let now = self.clock().now();
        let is_open = self.questions.current().is_some() || self.latch.current(now).is_some();
        if is_open || self.has_session() || !self.context.lacks_credentials() {
            return;
        }
        let why = self.why_login();
        tracing::warn!(account = self.slug, "a person must act: {}", why.reason);
        if let Ok((latched, _not_stored)) = self.latch.made(LatchKind::AuthRequired, why, now, None) {
            self.latch.show(latched);
        }
    }

    /// Latches the account if only a person can sign it in. Called when there is no session. Returns the latch that
    /// holds then.
    pub(crate) async fn require_login(&self) -> Option<Latched> {
        if !self.context.lacks_credentials() {
            return None;
        }
        self.set_latch_for(LatchKind::AuthRequired, self.why_login()).await
    }

    /// Why a person has to sign in, where nothing was refused.
    fn why_login(&self) -> Why {
        let had_one = self.context.cells.slot(SESSION).is_some_and(|slot| slot.current().generation > 0);
        let reason = if had_one {
            self.advice.on_latch(LatchKind::AuthRequired, GrantRefusal::Session, With::Configured)
        } else {
            self.advice.on_nobody_signed_in()
        };
        Why::new(reason, "").not_signed_in()
    }

    /// Whether there is a session.
    pub(crate) fn has_session(&self) -> bool {
        self.context.cells.slot(SESSION).is_some_and(|slot| slot.current().value.is_some())
    }

    /// Latches the PIN, which the vendor has refused. `words` are the vendor's. Returns the latch that holds
    /// now.
    pub(crate) async fn refuse_pin(&self, words: &str) -> Option<Latched> {
        let latched = self.context.refuse_pin(words).await;
        self.announce();
        latched
    }

    /// Reports what is in doubt, once for each streak.
    pub(crate) async fn tell_of_doubt(&self) {
        let clock = self.clock();
        let untold = [
            self.grant.untold(clock).await,
            self.context.pin.untold(clock).await,
            self.registration.untold(clock).await,
        ];
        for InDoubt { what, reason, next_attempt_at, .. } in untold.into_iter().flatten() {
            let reason = self.advice.on_doubt(what, &reason);
            tracing::warn!(account = self.slug, %next_attempt_at, "{reason}");
            let about = AboutDoubt { account: self.slug.clone(), what, reason, next_attempt_at };
            self.services.events.say(&Event::AuthDoubtful(about));
        }
        self.announce();
    }

    /// Whether a session that is over may be followed by a sign-in: the owner has configured a password, so
    /// nobody has to act.
    pub(crate) fn may_sign_in_again(&self) -> bool {
        self.context.has_password()
    }

    /// Settles the account: the cloud has listed its vehicles, so it is there, and so is the account.
    pub(crate) fn settle(&self) {
        self.refreshes.lock().settle();
        self.listing.done(self.clock().monotonic());
    }

    /// Records that the cloud has refused the token of this generation, and that no other was to be had.
    pub(crate) fn token_refused(&self, generation: u64) {
        self.announce_if(self.presence.token_refused(generation));
    }

    /// Records that the cloud has taken the token of this generation.
    pub(crate) fn token_worked(&self, generation: u64) {
        self.presence.token_worked(generation, self.clock().monotonic());
    }

    /// Returns the time since the cloud last took the token of this generation; none if it never did.
    pub(crate) fn token_last_worked(&self, generation: u64) -> Option<Duration> {
        self.presence.token_last_worked(generation, self.clock().monotonic())
    }

    /// Whether the cloud has refused the token in this cell. Sending it again tells nothing new.
    pub(crate) fn is_refused(&self, cell: &Cell) -> bool {
        self.presence.is_refused(cell)
    }

    /// Records that the cloud has answered, and with what was asked for.
    pub(crate) fn reached(&self) {
        self.announce_if(self.presence.reached());
    }

    /// Records the reason for which an operation has failed.
    pub(crate) fn failed_for(&self, reason: Reason, words: &Words) {
        self.announce_if(self.presence.failed_for(reason, words));
    }

    fn announce_if(&self, news: bool) {
        if news {
            self.announce();
        }
    }

    /// Returns the word for the state that the account is in, as its retained state has it.
    #[must_use]
    pub fn state(&self) -> String {
        presence::document(self).get("state").and_then(|state| state.as_str()).unwrap_or_default().to_owned()
    }

    /// Takes the account out of service: another configuration has taken its place, or none. It asks for no
    /// other session, sees to nothing any more, and says nothing of itself; what is under way goes on with
    /// the session that there is. Callers hold the session's lock, so that no session is being asked for.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Whether the account is out of service.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// Announces the presence of the account.
    pub fn announce(&self) {
        if self.is_retired() {
            return;
        }
        let topic = self.services.topics.account_state(&self.slug);
        let document = self.shown().to_string();
        self.services.publisher.publish(Outgoing::new(topic, document).retained());
        self.announce_budget_if_changed();
        // Whatever has changed, it may be what a read waits for.
        self.stirred.notify_one();
    }

    /// Publishes the requests of the day.
    pub fn announce_budget(&self) {
        *self.budget_shown.lock() = None;
        self.announce_budget_if_changed();
    }

    /// Publishes the requests of a day that has begun since they were published.
    pub(crate) fn announce_new_day(&self) {
        if self.budget_shown.lock().is_some() {
            self.announce_budget_if_changed();
        }
    }

    /// Publishes the requests of the day if they are others than was published, or another day's.
    pub(crate) fn announce_budget_if_changed(&self) {
        if self.is_retired() {
            return;
        }
        let mut shown = self.budget_shown.lock();
        let budget = self.requests.shown(self.clock().now());
        if shown.as_ref() == Some(&budget) {
            return;
        }
        let topic = self.services.topics.account_quota(&self.slug);
        // Numbers and names, for which this cannot fail.
        let document = serde_json::to_vec(&budget).unwrap_or_default();
        self.services.publisher.publish(Outgoing::new(topic, document).retained());
        *shown = Some(budget);
    }

    /// Returns the account's retained state.
    pub(crate) fn shown(&self) -> serde_json::Value {
        presence::document(self)
    }

    /// Lifts what keeps the account's credentials from being sent, for one more try with the same ones; the
    /// next operation that needs them makes it. What is refused then latches again. On record when this
    /// returns.
    ///
    /// # Errors
    ///
    /// See [`NotRetried`]. Nothing has changed then, unless the store failed midway.
    pub async fn retry(&self, by: &str) -> Result<Retried, NotRetried> {
        retry::once_more(self, by).await
    }

    /// Returns the retries on record, latest last.
    pub async fn retries(&self) -> Vec<Retry> {
        self.retries_by_hand.on_record().await
    }

    /// Returns the time until which the vendor wants the account to be left alone, if it does now.
    pub(crate) fn throttled(&self) -> Option<Throttled> {
        self.throttle.current(self.clock().now())
    }

    /// Records what an answer asks for: patience for as long as it says, or for as long as the daily limit
    /// may be reached.
    pub(crate) fn asked_for_patience(&self, told: Option<Duration>, daily_limit: bool) {
        let now = self.clock().now();
        let told = told.and_then(|told| self.throttle.told(told, now));
        let limit = if daily_limit { self.throttle.daily_limit(now) } else { None };
        let Some(throttled) = limit.or(told) else { return };
        tracing::warn!(account = self.slug, "{throttled}");
        self.leave_alone(&throttled);
        self.announce();
    }

    /// Records that the vendor has answered as it should.
    pub(crate) fn answered_well(&self) {
        self.throttle.answered_well(self.clock().now());
    }

    /// Lifts the throttle.
    pub(crate) fn lift_throttle(&self) {
        self.announce_if(self.throttle.lift());
    }

    /// Opens the account's circuit for a time that no operation waits for: a read shall find out whether it
    /// is over.
    fn leave_alone(&self, throttled: &Throttled) {
        let left = throttled.left(self.clock().now());
        if left > LONGEST_WAIT {
            self.circuits.leave_alone(&self.circuit_name(), self.clock().monotonic(), left);
            let about = AboutAccount { account: self.slug.clone(), reason: throttled.to_string() };
            self.services.events.say(&Event::RateLimited(about));
        }
    }

    /// The name of the account's own circuit.
    pub(crate) fn circuit_name(&self) -> String {
        format!("account {}", self.slug)
    }

    /// Returns the place within a range, from 0 to 1, at which this account does something: one place for one
    /// generation of its session.
    pub(crate) fn spread(&self, generation: u64) -> f64 {
        fastrand::Rng::with_seed(self.seed.wrapping_add(generation)).f64()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.services.clock.as_ref()
    }
}

#[cfg(test)]
pub(crate) mod tests;
