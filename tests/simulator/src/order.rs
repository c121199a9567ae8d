//! What can be ordered as JSON, and carrying it out.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::action::Outcome;
use crate::control::Control;
use crate::faults::{Fault, Refusal};
use crate::idp::{Firewall, SignInOutcome};

/// What can be ordered over HTTP: the path is `/control/` and the variant's name in kebab case, the body its
/// fields. Each does what the method of [`Control`] does that it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Order {
    /// `expire`: [`Control::expire_access_token`], and a new wording if the body has one.
    Expire(Wording),
    /// `refusal`: [`Control::set_refusal`].
    Refusal(Wording),
    /// `refuse-tokens`: [`Control::refuse_tokens`]; on unless the body says `{"on":false}`.
    RefuseTokens {
        /// Whether it begins or ends.
        #[serde(default = "on")]
        on: bool,
    },
    /// `refuse-grants`: [`Control::refuse_grants`]; on unless the body says `{"on":false}`.
    RefuseGrants {
        /// Whether it begins or ends.
        #[serde(default = "on")]
        on: bool,
    },
    /// `refresh-token`: [`Control::set_refresh_token`].
    RefreshToken {
        /// The only good one from now on.
        token: String,
    },
    /// `sign-in-outcome`: [`Control::set_sign_in_outcome`].
    SignInOutcome {
        /// How they end.
        outcome: SignInOutcome,
    },
    /// `next-sign-in-outcome`: [`Control::queue_sign_in_outcome`].
    NextSignInOutcome {
        /// How it ends.
        outcome: SignInOutcome,
    },
    /// `firewall`: [`Control::set_firewall`]; away unless the body says how it answers.
    Firewall {
        /// How it answers.
        #[serde(default)]
        answers: Option<Firewall>,
    },
    /// `end-sessions`: [`Control::end_sessions`].
    EndSessions {},
    /// `gate`: [`Control::set_gate`] and [`Control::open_unsigned_route`]; what the body does not name stays.
    Gate {
        /// Whether signatures are wanted.
        #[serde(default)]
        on: Option<bool>,
        /// Whether the route without signatures answers.
        #[serde(default)]
        unsigned: Option<bool>,
    },
    /// `gate-keys`: [`Control::set_gate_keys`].
    GateKeys {
        /// The three parts, in the order of the app.
        keys: [String; 3],
    },
    /// `fail-exchanges`: [`Control::fail_exchanges`].
    FailExchanges {
        /// How many.
        times: u64,
    },
    /// `invalidate-control-tokens`: [`Control::invalidate_control_tokens`].
    InvalidateControlTokens {},
    /// `invalidate-device`: [`Control::invalidate_device`]; all of them unless the body names one.
    InvalidateDevice {
        /// A device id.
        #[serde(default)]
        device: Option<String>,
    },
    /// `clock`: [`Control::set_clock_ahead`].
    Clock {
        /// Seconds; negative is behind.
        ahead: i64,
    },
    /// `expire-when-in-flight`: [`Control::expire_when_in_flight`].
    ExpireWhenInFlight {
        /// How many requests open the barrier.
        requests: u64,
    },
    /// `fault`: [`Control::inject`]; the body is a [`Fault`].
    Fault(Fault),
    /// `clear-faults`: [`Control::clear_faults`].
    ClearFaults {},
    /// `release`: [`Control::release`].
    Release {},
    /// `outcome`: [`Control::set_outcome`]; the body is an [`Outcome`].
    Outcome(Outcome),
    /// `next-outcome`: [`Control::queue_outcome`]; the body is an [`Outcome`].
    NextOutcome(Outcome),
    /// `change-vehicle`: [`Control::change_vehicle`].
    ChangeVehicle {
        /// Vehicle id.
        vehicle: String,
        /// The fields of [`crate::VehicleState`] that change.
        state: Map<String, Value>,
    },
    /// `reachable`: [`Control::set_reachable`]; on unless the body says `"on":false`.
    Reachable {
        /// Vehicle id.
        vehicle: String,
        /// Whether it can be reached.
        #[serde(default = "on")]
        on: bool,
    },
    /// `reset-counters`: [`Control::reset_counters`].
    ResetCounters {},
    /// `restore`: [`Control::restore`].
    Restore {},
}

impl Control {
    /// Carries out what came in as JSON.
    ///
    /// # Errors
    ///
    /// Names the vehicle or field that does not exist; nothing was changed then.
    pub fn apply(&self, order: Order) -> Result<(), OrderError> {
        match order {
            Order::Expire(wording) => {
                self.reword(wording);
                self.expire_access_token();
            }
            Order::Refusal(wording) => self.reword(wording),
            Order::RefuseTokens { on } => self.refuse_tokens(on),
            Order::RefuseGrants { on } => self.refuse_grants(on),
            Order::RefreshToken { token } => self.set_refresh_token(token),
            Order::SignInOutcome { outcome } => self.set_sign_in_outcome(outcome),
            Order::NextSignInOutcome { outcome } => self.queue_sign_in_outcome(outcome),
            Order::Firewall { answers } => self.set_firewall(answers),
            Order::EndSessions {} => self.end_sessions(),
            Order::Gate { on, unsigned } => {
                on.into_iter().for_each(|on| self.set_gate(on));
                unsigned.into_iter().for_each(|open| self.open_unsigned_route(open));
            }
            Order::GateKeys { keys } => self.set_gate_keys(keys),
            Order::FailExchanges { times } => self.fail_exchanges(times),
            Order::InvalidateControlTokens {} => self.invalidate_control_tokens(),
            Order::InvalidateDevice { device } => self.invalidate_device(device.as_deref()),
            Order::Clock { ahead } => self.set_clock_ahead(ahead),
            Order::ExpireWhenInFlight { requests } => self.expire_when_in_flight(requests),
            Order::Fault(fault) => self.inject(fault),
            Order::ClearFaults {} => self.clear_faults(),
            Order::Release {} => self.release(),
            Order::Outcome(outcome) => self.set_outcome(outcome),
            Order::NextOutcome(outcome) => self.queue_outcome(outcome),
            Order::ChangeVehicle { vehicle, state } => self.merge_state(&vehicle, state)?,
            Order::Reachable { vehicle, on } => {
                if !self.set_reachable(&vehicle, on) {
                    return Err(OrderError::UnknownVehicle(vehicle));
                }
            }
            Order::ResetCounters {} => self.reset_counters(),
            Order::Restore {} => self.restore(),
        }
        Ok(())
    }

    fn reword(&self, wording: Wording) {
        if let Some(refusal) = wording.into_refusal() {
            self.set_refusal(refusal);
        }
    }

    fn merge_state(&self, id: &str, change: Map<String, Value>) -> Result<(), OrderError> {
        let mut world = self.shared().world();
        let vehicle = world.vehicle_mut(id).ok_or_else(|| OrderError::UnknownVehicle(id.to_owned()))?;
        let bad = |error: serde_json::Error| OrderError::BadState(error.to_string());
        let mut merged = serde_json::to_value(&vehicle.state).map_err(bad)?;
        if let Some(fields) = merged.as_object_mut() {
            fields.extend(change);
        }
        vehicle.state = serde_json::from_value(merged).map_err(bad)?;
        Ok(())
    }
}

/// How a refusal is worded; without any field, as before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wording {
    /// The text in the gateway's envelope `{"error": …}`.
    pub wording: Option<String>,
    /// HTTP status; 401 if absent.
    pub status: Option<u16>,
    /// The whole body in place of the envelope: a JSON value, or a string that is sent as it is.
    pub body: Option<Value>,
}

impl Wording {
    fn into_refusal(self) -> Option<Refusal> {
        if self == Self::default() {
            return None;
        }
        let mut refusal = self.wording.map_or_else(Refusal::default, |wording| Refusal::gateway(&wording));
        refusal.status = self.status.unwrap_or(refusal.status);
        match self.body {
            Some(Value::String(text)) => refusal.body = text,
            Some(json) => refusal.body = json.to_string(),
            None => {}
        }
        Some(refusal)
    }
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderError {
    /// No vehicle has this id.
    UnknownVehicle(String),
    /// The state that would result is none.
    BadState(String),
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVehicle(id) => write!(f, "no vehicle has the id {id}"),
            Self::BadState(error) => write!(f, "not a vehicle state: {error}"),
        }
    }
}

impl std::error::Error for OrderError {}

fn on() -> bool {
    true
}
