//! Questions of a step, and the first look at their answers.

use crate::bindings::connector::{Outcome, Vehicle, VehicleRef};
use crate::operation::limits::{self, TooLarge};
use crate::plugin::Question;
use crate::plugin::question::{Execute, ListVehicles, Look, Resume};
use crate::primitives::Call;
use crate::redact;

/// Subject of a step's question, as far as the rules about it depend on that.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'q> {
    /// The list of the account's vehicles.
    Vehicles,
    /// A command or a read of this vehicle.
    Command(&'q VehicleRef),
    /// The outcome of a command that is on its way.
    Outcome,
}

/// A question that a step can ask. That of a session is not among them: it has its own rules.
pub(crate) trait StepQuestion: Question<Answer: StepAnswer> {
    /// Returns the subject of the question.
    fn asked(&self) -> Asked<'_>;

    /// Returns the vehicle that the question is about; none if it is about the account.
    fn vehicle(&self) -> Option<&VehicleRef> {
        None
    }
}

/// An answer that a step can get.
pub(crate) trait StepAnswer {
    /// Cuts what is too long.
    ///
    /// # Errors
    ///
    /// When cutting would change what the answer means.
    fn keep_to_limits(&mut self) -> Result<(), TooLarge>;

    /// Puts private values back into what leaves the connector.
    fn reveal(&mut self, call: &Call);

    /// Whether the connector says that it has not tried.
    fn is_untried(&self) -> bool {
        false
    }
}

impl StepQuestion for ListVehicles {
    fn asked(&self) -> Asked<'_> {
        Asked::Vehicles
    }
}

impl StepQuestion for Execute<'_> {
    fn asked(&self) -> Asked<'_> {
        Asked::Command(self.vehicle)
    }

    fn vehicle(&self) -> Option<&VehicleRef> {
        Some(self.vehicle)
    }
}

impl StepQuestion for Resume<'_> {
    fn asked(&self) -> Asked<'_> {
        Asked::Outcome
    }

    fn vehicle(&self) -> Option<&VehicleRef> {
        Some(self.vehicle)
    }
}

impl StepQuestion for Look<'_> {
    fn asked(&self) -> Asked<'_> {
        Asked::Outcome
    }

    fn vehicle(&self) -> Option<&VehicleRef> {
        Some(self.vehicle)
    }
}

impl StepAnswer for Vec<Vehicle> {
    fn keep_to_limits(&mut self) -> Result<(), TooLarge> {
        limits::keep_vehicles(self)
    }

    fn reveal(&mut self, call: &Call) {
        for vehicle in self {
            let mut vin = serde_json::Value::from(std::mem::take(&mut vehicle.vin));
            call.reveal(&mut vin);
            vehicle.vin = vin.as_str().unwrap_or_default().to_owned();
            // The connector may take the VIN for public.
            redact::remember_vin(&vehicle.vin);
        }
    }
}

impl StepAnswer for Outcome {
    fn keep_to_limits(&mut self) -> Result<(), TooLarge> {
        limits::keep_outcome(self)
    }

    fn reveal(&mut self, call: &Call) {
        if let Self::Done(report) = self
            && let Some(text) = &mut report.state
            && let Ok(mut document) = serde_json::from_str(text)
        {
            call.reveal(&mut document);
            *text = document.to_string();
        }
    }

    fn is_untried(&self) -> bool {
        matches!(self, Self::Invalid(_) | Self::Unsupported(_))
    }
}
