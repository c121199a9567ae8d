//! The handle that tests steer and watch the cloud with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::Fault;
use crate::car::{Aspect, CarState, Lag};
use crate::counters::{self, Counters};
use crate::factor::Mail;
use crate::identity::Ended;
use crate::log::{LogEntry, Violation};
use crate::route::Service;
use crate::secrets::SecretKind;
use crate::world::Shared;

/// Watches and steers a [`crate::Simulator`]. Clones steer the same one; nothing here waits except
/// [`Self::wait_until`], and everything has happened when the call returns.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

/// Tokens, keys and the second factor.
impl Control {
    /// Every id token given out so far is refused with 401 `err.func.wired.unauthorized`, whatever it says of
    /// its own life. The login token is good for another.
    pub fn expire_id_tokens(&self) {
        self.shared.world().identity.end_id_tokens();
    }

    /// Every login token given out so far is over, and said to be so. Id tokens live on until they expire.
    pub fn end_login_tokens(&self, ended: Ended) {
        self.shared.world().identity.end_login_tokens(ended);
    }

    /// How long id tokens live that are given out from now on; `None` for as long as the client asks.
    pub fn set_id_token_lifetime(&self, lifetime: Option<Duration>) {
        self.shared.world().config.id_token_lifetime = lifetime;
    }

    /// While on, a login from a device that is not remembered is answered with 403101 and a `regToken`.
    pub fn require_second_factor(&self, on: bool) {
        self.shared.world().config.second_factor = on;
    }

    /// No device is remembered any more, as 30 days after the last code.
    pub fn forget_devices(&self) {
        self.shared.world().identity.forget_devices();
    }

    /// The person has another password from now on. Tokens live on.
    pub fn set_password(&self, password: impl Into<String>) {
        let mut world = self.shared.world();
        world.config.password = password.into();
        let password = world.config.password.clone();
        world.secrets.add(SecretKind::Password, &password);
    }

    /// Gigya takes this application key and the one before it no more. What users saw when that happened, a
    /// login with the old one and the right password: 403042, "invalid loginID or password". What other calls
    /// answer then was not published; here it is 403005, and for a key that never was good 400093.
    pub fn rotate_gigya_key(&self, key: impl Into<String>) {
        let mut world = self.shared.world();
        let key = key.into();
        world.secrets.add(SecretKind::GigyaKey, &key);
        let old = std::mem::replace(&mut world.config.gigya_key, key);
        world.retired_keys.push(old);
    }

    /// Kamereon takes this application key and no other: 403, `{"error":"access_denied"}`, as users saw it.
    pub fn rotate_kamereon_key(&self, key: impl Into<String>) {
        let mut world = self.shared.world();
        world.config.kamereon_key = key.into();
        let key = world.config.kamereon_key.clone();
        world.secrets.add(SecretKind::KamereonKey, &key);
    }

    /// All mails with codes that were sent, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.world().factor.mails.clone()
    }

    /// Sets the server's clock this many seconds ahead of the real one; negative is behind. Tokens age with
    /// it.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.shared.world().ahead = SignedDuration::from_secs(seconds);
    }
}

/// Faults and cars.
impl Control {
    /// Adds a fault behind those that are there.
    pub fn inject(&self, fault: Fault) {
        self.shared.world().faults.inject(fault);
    }

    /// Removes all faults. Requests that are held stay held.
    pub fn clear_faults(&self) {
        self.shared.world().faults.clear();
    }

    /// Lets every request go on that is held by [`crate::Effect::Hold`] now.
    pub fn release(&self) {
        self.shared.release();
    }

    /// How long commands take that are accepted from now on and are about this.
    pub fn set_lag(&self, aspect: Aspect, lag: Lag) {
        self.shared.world().lags.insert(aspect, lag);
    }

    /// Every car does now what it has accepted.
    pub fn settle(&self) {
        let mut world = self.shared.world();
        for car in world.accounts.iter_mut().flat_map(|account| &mut account.cars) {
            for kind in car.settle() {
                self.shared.count(|all| counters::add(&mut all.executed, &car.config.vin, kind));
            }
        }
    }

    /// What a car is really doing, whatever the cloud has said of it; `None` for an unknown VIN.
    pub fn car(&self, vin: &str) -> Option<CarState> {
        self.shared.world().car(vin).map(|car| car.state.clone())
    }

    /// Changes a car, as its driver would. `false` for an unknown VIN. The closure runs under the cloud's
    /// lock: it must not call this handle.
    pub fn change_car(&self, vin: &str, change: impl FnOnce(&mut CarState)) -> bool {
        self.shared.world().car(vin).map(|car| change(&mut car.state)).is_some()
    }

    /// Takes back faults, lags and the clock, and lets go what is held. Tokens that were ended stay ended,
    /// keys stay rotated; the second factor, counters, log and cars stay.
    pub fn restore(&self) {
        self.shared.world().restore();
        self.shared.release();
    }
}

/// What was asked.
impl Control {
    /// All counters, at one moment.
    pub fn counters(&self) -> Counters {
        self.shared.counters().borrow().clone()
    }

    /// Waits until the counters are so, and returns them. Checks at once and after every change; never times
    /// out by itself. The closure must not call this handle.
    pub async fn wait_until(&self, predicate: impl FnMut(&Counters) -> bool) -> Counters {
        let mut counters = self.shared.counters();
        match counters.wait_for(predicate).await {
            Ok(counters) => counters.clone(),
            // The sender lives in what this handle owns, so this cannot happen.
            Err(_) => self.counters(),
        }
    }

    /// Sets all counters to zero, except what describes the present, and empties the log. Violations stay.
    pub fn reset_counters(&self) {
        let mut world = self.shared.world();
        world.log.clear();
        self.shared.count(Counters::reset);
    }

    /// The newest requests, oldest first.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.world().log.entries()
    }

    /// Which secrets have arrived at a service, by the requests of the log.
    pub fn secrets_at(&self, service: Service) -> BTreeSet<SecretKind> {
        let log = self.log().into_iter().filter(|entry| entry.service == service);
        log.flat_map(|entry| entry.secrets).map(|arrival| arrival.secret).collect()
    }

    /// Everything that clients did and must not do, since the start. A good client's list is empty.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.world().violations.clone()
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}
