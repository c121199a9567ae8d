//! The handle that tests steer and watch the cloud with.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::action::Outcome;
use crate::barrier::Barrier;
use crate::counters::Counters;
use crate::faults::{Fault, Refusal};
use crate::idp::{Firewall, SignInOutcome};
use crate::kit::Effect;
use crate::log::LogEntry;
use crate::route::RouteKind;
use crate::vehicle::{VehicleConfig, VehicleState};
use crate::world::Shared;

/// Watches and steers a [`crate::Simulator`]. Clones steer the same one; nothing here waits except
/// [`Self::wait_until`], and everything has happened when the call returns.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

/// Tokens and device ids.
impl Control {
    /// Every access token given out so far is expired, CCS tokens among them. Control tokens live on; see
    /// [`Self::invalidate_control_tokens`].
    pub fn expire_access_token(&self) {
        self.shared.world().session.expire_access();
    }

    /// The same, and refused tokens are worded like this from now on.
    pub fn expire_access_token_with(&self, refusal: Refusal) {
        let mut world = self.shared.world();
        world.refusal = refusal;
        world.session.expire_access();
    }

    /// How refused access and control tokens are answered from now on.
    pub fn set_refusal(&self, refusal: Refusal) {
        self.shared.world().refusal = refusal;
    }

    /// While on, every access and control token is refused, also one that was given out a moment ago.
    pub fn refuse_tokens(&self, on: bool) {
        self.shared.world().session.tokens_dead = on;
    }

    /// While on, the refresh grant is refused whatever the refresh token: it is dead.
    pub fn refuse_grants(&self, on: bool) {
        self.shared.world().session.grant_dead = on;
    }

    /// A person signed in again: only this refresh token is good now, and grants are given again.
    pub fn set_refresh_token(&self, refresh_token: impl Into<String>) {
        self.shared.world().session.replace_refresh_token(refresh_token.into());
    }

    /// Every control token given out so far is expired.
    pub fn invalidate_control_tokens(&self) {
        self.shared.world().session.expire_control();
    }

    /// This device id, or every one, is forgotten, as if a push to it had failed.
    pub fn invalidate_device(&self, device_id: Option<&str>) {
        self.shared.world().session.invalidate_device(device_id);
    }

    /// Sets the server's clock this many seconds ahead of the real one; negative is behind. Tokens age with it,
    /// and stamps of clients with the right time become wrong.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.shared.world().ahead = SignedDuration::from_secs(seconds);
    }

    /// Until `requests` requests with a good access token have arrived, all such requests are held; then the
    /// token expires and all of them go on, to be refused. Replaces an earlier barrier, whose requests go on
    /// unharmed. Grants, registrations and commands with a control token are not held.
    pub fn expire_when_in_flight(&self, requests: u64) {
        self.shared.world().barrier = Some(Barrier::new(requests));
    }
}

/// The sign-in with a password, and the tokens that it gives.
impl Control {
    /// How sign-ins end from now on whose credentials are right, unless one is queued for them.
    pub fn set_sign_in_outcome(&self, outcome: SignInOutcome) {
        self.shared.world().provider.outcome = outcome;
    }

    /// How the next sign-in ends that has nothing queued for it yet.
    pub fn queue_sign_in_outcome(&self, outcome: SignInOutcome) {
        self.shared.world().provider.next_outcomes.push_back(outcome);
    }

    /// What the firewall does to who asks for the sign-in page; `None` takes it away.
    pub fn set_firewall(&self, firewall: Option<Firewall>) {
        self.shared.world().provider.firewall = firewall;
    }

    /// Every set of tokens is dead: its next refresh is answered 4111. A CCS token lives on until it expires; see
    /// [`Self::expire_access_token`].
    pub fn end_sessions(&self) {
        self.shared.world().tokens.end();
    }

    /// Whether the token service wants signatures.
    pub fn set_gate(&self, on: bool) {
        self.shared.world().gate.on = on;
    }

    /// Whether the older route without signatures answers. Closed, it turns everybody away as the gate does who has
    /// none: 9035.
    pub fn open_unsigned_route(&self, open: bool) {
        self.shared.world().gate.unsigned = open;
    }

    /// Only signatures with these keys are good from now on, as after a release of the app.
    pub fn set_gate_keys(&self, keys: [String; 3]) {
        self.shared.world().gate.keys = keys;
    }

    /// The next so many exchanges against a CCS token that are otherwise right are answered 9001 with HTTP 502.
    pub fn fail_exchanges(&self, times: u64) {
        self.inject(
            Fault::new(RouteKind::TokenExchange, Effect::service_behind_fails()).times(times).once_admitted(),
        );
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

    /// How commands that are accepted from now on end, unless one is queued for them.
    pub fn set_outcome(&self, outcome: Outcome) {
        self.shared.world().outcome = outcome;
    }

    /// How the next accepted command ends that has nothing queued for it yet.
    pub fn queue_outcome(&self, outcome: Outcome) {
        self.shared.world().next_outcomes.push_back(outcome);
    }

    /// What a car is really doing, whatever the cloud has of it; `None` for an unknown id.
    pub fn vehicle(&self, id: &str) -> Option<VehicleState> {
        self.shared.world().vehicle(id).map(|vehicle| vehicle.state.clone())
    }

    /// Something happens to a car. The cloud learns of it with the next forced status or successful command.
    /// `false` for an unknown id. The closure runs under the cloud's lock: it must not call this handle.
    pub fn change_vehicle(&self, id: &str, change: impl FnOnce(&mut VehicleState)) -> bool {
        self.shared.world().vehicle_mut(id).map(|vehicle| change(&mut vehicle.state)).is_some()
    }

    /// A car tells the cloud how it is, as cars do by themselves when they are driven or charged. One that is out of
    /// reach does not. `false` for an unknown id.
    pub fn report(&self, id: &str) -> bool {
        let mut world = self.shared.world();
        let now = world.now();
        world.vehicle_mut(id).map(|vehicle| vehicle.report(now)).is_some()
    }

    /// Whether a car can be reached. Out of reach it reports nothing and its commands end as `non-response`.
    /// `false` for an unknown id.
    pub fn set_reachable(&self, id: &str, reachable: bool) -> bool {
        self.shared.world().vehicle_mut(id).map(|vehicle| vehicle.reachable = reachable).is_some()
    }

    /// Who a car is changes: the vendor gives it another id, its owner another name. `false` for an unknown id. The
    /// closure runs under the cloud's lock: it must not call this handle.
    pub fn change_car(&self, id: &str, change: impl FnOnce(&mut VehicleConfig)) -> bool {
        self.shared.world().vehicle_mut(id).map(|vehicle| change(&mut vehicle.config)).is_some()
    }

    /// A car leaves the account, as one that is sold. `false` for an unknown id.
    pub fn remove_car(&self, id: &str) -> bool {
        let mut world = self.shared.world();
        let before = world.vehicles.len();
        world.vehicles.retain(|vehicle| vehicle.config.id != id);
        world.vehicles.len() < before
    }

    /// A car comes into the account, at the end of the list.
    pub fn add_car(&self, car: VehicleConfig) {
        self.shared.world().add_vehicle(car);
    }

    /// Turns the order of the vehicle list around.
    pub fn turn_list_around(&self) {
        self.shared.world().vehicles.reverse();
    }

    /// Takes back faults, barrier, held requests, refusals, wordings, outcomes, firewall, gate, the clock, the PIN lock
    /// and unreachable cars. Tokens and device ids that were ended stay ended; counters, log and cars stay.
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

    /// Sets all counters to zero, except what describes the present, and empties the log.
    pub fn reset_counters(&self) {
        let mut world = self.shared.world();
        world.log.clear();
        self.shared.count(Counters::reset);
    }

    /// The newest requests, oldest first.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.world().log.entries()
    }

    /// All that nobody else may see: what the account signs in with, and every token, code and cookie that was given
    /// out.
    pub fn secrets(&self) -> Vec<String> {
        let world = self.shared.world();
        let config = &world.config;
        let of_account = [config.password.as_str(), &config.pin]
            .into_iter()
            .chain(config.gate_keys.iter().map(String::as_str));
        let given = world.session.all().chain(world.provider.all()).chain(world.tokens.all());
        of_account.chain(given).map(str::to_owned).collect()
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}
