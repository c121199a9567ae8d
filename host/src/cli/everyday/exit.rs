//! Exit codes of everyday commands: what a script needs to know of how a command ended.

use std::process::ExitCode;

use crate::cli::USAGE;
use crate::cli::answers::Outcome;
use crate::wire::outcome::{Reason, State};

/// Exit codes, for `--help`.
pub(super) const EXIT_CODES: &str = "Exit codes:
  0    done
  1    not done: failed or rejected
  2    wrong arguments or configuration: no such vehicle or operation, a value that is not understood
  3    not known: the vehicle did not answer in time, or the host did not, or nobody knows whether the car did it
  4    somebody has to act: sign in, answer the vendor's question, or give the right PIN
  5    too much: the vendor's or the host's limit is reached, or what failed too often is left alone
  130  no longer waited for (Ctrl-C); the command goes on";

/// Exit code for what failed or was rejected.
pub(super) const NOT_DONE: u8 = 1;

/// Exit code for what is not known.
pub(super) const NOT_KNOWN: u8 = 3;

/// Exit code for what a person has to see to.
const SIGN_IN: u8 = 4;

/// Exit code for what a limit or a circuit keeps from being done.
const TOO_MUCH: u8 = 5;

/// Exit code for a wait that was interrupted: 128 and the number of SIGINT, as a shell has it.
pub(super) const INTERRUPTED: u8 = 130;

/// Returns the exit code for how a command has ended, or how far it is.
pub(super) fn of(outcome: &Outcome) -> ExitCode {
    match outcome.state() {
        Some(State::Succeeded) => ExitCode::SUCCESS,
        Some(State::Failed | State::Rejected) => ExitCode::from(outcome.reason().map_or(NOT_DONE, of_reason)),
        Some(State::Timeout | State::Unknown | State::Accepted | State::Sent | State::Pending) | None => {
            ExitCode::from(NOT_KNOWN)
        }
    }
}

/// Returns the exit code for why a command was not done.
const fn of_reason(reason: Reason) -> u8 {
    match reason {
        Reason::BadPayload | Reason::UnknownVehicle | Reason::UnknownOperation => USAGE,
        Reason::AuthRequired
        | Reason::OtpRequired
        | Reason::ConsentRequired
        | Reason::PinMissing
        | Reason::PinRejected => SIGN_IN,
        Reason::Quota | Reason::Cooldown | Reason::BreakerOpen | Reason::Isolated | Reason::LockedOut => {
            TOO_MUCH
        }
        Reason::Unsupported
        | Reason::NotAllowed
        | Reason::RetainedCommand
        | Reason::Busy
        | Reason::ClientRefused
        | Reason::UpstreamUnavailable
        | Reason::UpstreamRefused
        | Reason::NoData
        | Reason::Unconfirmed
        | Reason::VehicleUnreachable
        | Reason::VehicleRefused
        | Reason::AuxBatteryLow
        | Reason::Superseded
        | Reason::PolicyFault
        | Reason::ConnectorFault
        | Reason::HostFault
        | Reason::HostStopping
        | Reason::NothingNew => NOT_DONE,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_script_can_tell_what_to_do() {
        for (state, reason, code) in [
            ("succeeded", None, 0),
            ("succeeded", Some("nothing_new"), 0),
            ("failed", Some("vehicle_refused"), 1),
            ("rejected", Some("not_allowed"), 1),
            ("failed", Some("of_a_newer_host"), 1),
            ("rejected", Some("unknown_vehicle"), 2),
            ("timeout", Some("vehicle_unreachable"), 3),
            ("unknown", Some("auth_required"), 3),
            ("pending", None, 3),
            ("of_a_newer_host", None, 3),
            ("failed", Some("auth_required"), 4),
            ("failed", Some("pin_rejected"), 4),
            ("failed", Some("quota"), 5),
            ("rejected", Some("breaker_open"), 5),
        ] {
            let outcome: Outcome = serde_json::from_value(json!({"state": state, "reason": reason})).unwrap();
            assert_eq!(of(&outcome), ExitCode::from(code), "{state} {reason:?}");
        }
    }
}
