//! What can be ordered as JSON, and carrying it out.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Fault;
use crate::car::{Aspect, Lag};
use crate::control::Control;
use crate::identity::Ended;

/// What can be ordered over HTTP: the path is `/` and the variant's name in kebab case, the body its fields.
/// Each does what the method of [`Control`] does that it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Order {
    /// `expire-id-tokens`: [`Control::expire_id_tokens`].
    ExpireIdTokens {},
    /// `end-login-tokens`: [`Control::end_login_tokens`].
    EndLoginTokens {
        /// How it is said.
        ended: Ended,
    },
    /// `id-token-lifetime`: [`Control::set_id_token_lifetime`].
    IdTokenLifetime {
        /// Absent for as long as the client asks.
        #[serde(default)]
        seconds: Option<u64>,
    },
    /// `second-factor`: [`Control::require_second_factor`]; on unless the body says `{"on":false}`.
    SecondFactor {
        /// Whether it begins or ends.
        #[serde(default = "on")]
        on: bool,
    },
    /// `forget-devices`: [`Control::forget_devices`].
    ForgetDevices {},
    /// `password`: [`Control::set_password`].
    Password {
        /// The new one.
        password: String,
    },
    /// `rotate-gigya-key`: [`Control::rotate_gigya_key`].
    RotateGigyaKey {
        /// The new one.
        key: String,
    },
    /// `rotate-kamereon-key`: [`Control::rotate_kamereon_key`].
    RotateKamereonKey {
        /// The new one.
        key: String,
    },
    /// `clock`: [`Control::set_clock_ahead`].
    Clock {
        /// Seconds; negative is behind.
        ahead: i64,
    },
    /// `fault`: [`Control::inject`]; the body is a [`Fault`].
    Fault(Fault),
    /// `clear-faults`: [`Control::clear_faults`].
    ClearFaults {},
    /// `release`: [`Control::release`].
    Release {},
    /// `lag`: [`Control::set_lag`].
    Lag {
        /// Of which commands.
        aspect: Aspect,
        /// How long.
        lag: Lag,
    },
    /// `settle`: [`Control::settle`].
    Settle {},
    /// `change-car`: [`Control::change_car`].
    ChangeCar {
        /// Which car.
        vin: String,
        /// The fields of [`crate::CarState`] that change.
        state: Map<String, Value>,
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
    /// Names the car or field that does not exist; nothing was changed then.
    pub fn apply(&self, order: Order) -> Result<(), OrderError> {
        match order {
            Order::ExpireIdTokens {} => self.expire_id_tokens(),
            Order::EndLoginTokens { ended } => self.end_login_tokens(ended),
            Order::IdTokenLifetime { seconds } => {
                self.set_id_token_lifetime(seconds.map(Duration::from_secs));
            }
            Order::SecondFactor { on } => self.require_second_factor(on),
            Order::ForgetDevices {} => self.forget_devices(),
            Order::Password { password } => self.set_password(password),
            Order::RotateGigyaKey { key } => self.rotate_gigya_key(key),
            Order::RotateKamereonKey { key } => self.rotate_kamereon_key(key),
            Order::Clock { ahead } => self.set_clock_ahead(ahead),
            Order::Fault(fault) => self.inject(fault),
            Order::ClearFaults {} => self.clear_faults(),
            Order::Release {} => self.release(),
            Order::Lag { aspect, lag } => self.set_lag(aspect, lag),
            Order::Settle {} => self.settle(),
            Order::ChangeCar { vin, state } => self.merge_state(&vin, state)?,
            Order::ResetCounters {} => self.reset_counters(),
            Order::Restore {} => self.restore(),
        }
        Ok(())
    }

    fn merge_state(&self, vin: &str, change: Map<String, Value>) -> Result<(), OrderError> {
        let mut world = self.shared().world();
        let car = world.car(vin).ok_or_else(|| OrderError::UnknownCar(vin.to_owned()))?;
        let bad = |error: serde_json::Error| OrderError::BadState(error.to_string());
        let mut merged = serde_json::to_value(&car.state).map_err(bad)?;
        if let Some(fields) = merged.as_object_mut() {
            fields.extend(change);
        }
        car.state = serde_json::from_value(merged).map_err(bad)?;
        Ok(())
    }
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderError {
    /// No car has this VIN.
    UnknownCar(String),
    /// The state that would result is none.
    BadState(String),
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCar(vin) => write!(f, "no car has the VIN {vin}"),
            Self::BadState(error) => write!(f, "not a state of a car: {error}"),
        }
    }
}

impl std::error::Error for OrderError {}

fn on() -> bool {
    true
}
