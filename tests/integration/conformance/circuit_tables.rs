//! The circuit breaker against what two well-known ones are tested with.
//!
//! The tables are reference material beside the project, so these tests are skipped where they are absent. Each table is
//! interpreted, so a case that is added to it runs; what is left out is named here with its reason.

mod polly;
mod resilience4j;

use std::time::Duration;

use serde_json::Value;
use vehicle_connector::protect::circuit::{Circuit, Permit, Purpose, Settings, Transition};

/// A circuit and the time that it is told.
struct Bench {
    circuit: Circuit,
    settings: Settings,
    now: Duration,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Self { circuit: Circuit::new(settings), settings, now: Duration::from_secs(1_000) }
    }

    fn admit(&mut self) -> Option<Permit> {
        self.circuit.admit(self.now, Purpose::Read).ok().map(|(permit, _)| permit)
    }

    fn record(&mut self, permit: Permit, failed: bool) -> Option<Transition> {
        if failed {
            self.circuit.failed(permit, self.now, self.settings)
        } else {
            self.circuit.succeeded(permit, self.now, self.settings)
        }
    }

    /// A call that ends at once, if it is admitted.
    fn call(&mut self, failed: bool) -> Option<Transition> {
        let permit = self.admit()?;
        self.record(permit, failed)
    }

    /// The state as the tables name it, in small letters.
    fn state(&self) -> String {
        let snapshot = serde_json::to_value(self.circuit.snapshot(self.now)).unwrap();
        snapshot["state"].as_str().unwrap().to_owned()
    }
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs(value.as_u64().unwrap_or_else(|| panic!("{value} is no number of seconds")))
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|number| number.try_into().ok()).unwrap_or_else(|| panic!("{value} is no count"))
}
