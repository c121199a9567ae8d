//! When circuits open.

use crate::types::{CircuitScope, CircuitSettings};

/// The settings of the circuit of `scope`.
///
/// Five failures in a row open each of them for a minute. The circuit that all accounts share also opens when
/// half of its calls fail, since the successes of some would hide from a row of failures that a cloud is ill.
#[must_use]
pub fn circuit(scope: &CircuitScope) -> CircuitSettings {
    let failure_ratio = match scope {
        CircuitScope::Cloud => 0.5,
        CircuitScope::TokenEndpoint
        | CircuitScope::Account
        | CircuitScope::Vehicle
        | CircuitScope::Other(_) => 0.0,
    };
    CircuitSettings { failure_ratio, ..CircuitSettings::after_five_failures() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_opens_closes_and_probes() {
        let other = CircuitScope::Other("satellite".into());
        for scope in [
            CircuitScope::TokenEndpoint,
            CircuitScope::Cloud,
            CircuitScope::Account,
            CircuitScope::Vehicle,
            other,
        ] {
            let settings = circuit(&scope);
            assert!(settings.consecutive_failures > 0 && settings.probes > 0);
            assert!(settings.open_for > 0 && settings.probe_lease > 0);
            assert!((0.0..=1.0).contains(&settings.failure_ratio));
        }
    }
}
