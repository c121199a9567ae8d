//! The interface's types as those of the rules, [`vehicle_connector_rules`].

use vehicle_connector_rules::action::{self, Later};
use vehicle_connector_rules::circuit::Settings;
use vehicle_connector_rules::judged::Kind;
use vehicle_connector_rules::latch::LatchKind;
use vehicle_connector_rules::refresh::RefreshDecision;

use super::names::Named as _;
use super::policy;
use crate::time::of_milliseconds;

impl From<policy::Decision> for action::Decision {
    fn from(decision: policy::Decision) -> Self {
        match decision {
            policy::Decision::RefreshAndRetry => Self::RefreshAndRetry,
            policy::Decision::SignInAgain => Self::SignInAgain,
            policy::Decision::DiscardAndRetry(cell) => Self::DiscardAndRetry(cell),
            policy::Decision::Retry(after) => Self::Retry(of_milliseconds(after)),
            policy::Decision::Confirm(policy::Confirmation { after, within }) => {
                Self::Confirm(Later { after: of_milliseconds(after), within: within.map(of_milliseconds) })
            }
            policy::Decision::GiveUp => Self::GiveUp,
            policy::Decision::Latch(latch) => Self::Latch(LatchKind::from(&latch)),
            policy::Decision::Other(_) => Self::Other,
        }
    }
}

impl From<policy::Certainty> for action::Certainty {
    fn from(certainty: policy::Certainty) -> Self {
        match certainty {
            policy::Certainty::NotSent => Self::NotSent,
            policy::Certainty::Rejected => Self::Rejected,
            policy::Certainty::Ambiguous => Self::Ambiguous,
            policy::Certainty::Accepted => Self::Accepted,
        }
    }
}

impl From<&policy::Latch> for LatchKind {
    fn from(latch: &policy::Latch) -> Self {
        match latch {
            policy::Latch::OtpRequired => Self::OtpRequired,
            policy::Latch::ConsentRequired => Self::ConsentRequired,
            policy::Latch::ClientRefused => Self::ClientRefused,
            policy::Latch::Blocked => Self::LockedOut,
            policy::Latch::AuthRequired | policy::Latch::Other(_) => Self::AuthRequired,
        }
    }
}

impl From<policy::CircuitSettings> for Settings {
    fn from(settings: policy::CircuitSettings) -> Self {
        let window = of_milliseconds(settings.window);
        Self::default()
            .consecutive_failures(settings.consecutive_failures)
            .failure_ratio(settings.failure_ratio, settings.minimum_calls, window)
            .open_for(of_milliseconds(settings.open_for))
            .probes(settings.probes, of_milliseconds(settings.probe_lease))
    }
}

impl From<&policy::RefreshDecision> for RefreshDecision {
    fn from(decision: &policy::RefreshDecision) -> Self {
        match decision {
            policy::RefreshDecision::Refresh => Self::Refresh,
            policy::RefreshDecision::Adopt => Self::Adopt,
            policy::RefreshDecision::Wait(pause) => Self::Wait(of_milliseconds(*pause)),
            policy::RefreshDecision::Stop(latch) => Self::Stop(latch.name().to_owned()),
            policy::RefreshDecision::Other(what) => Self::Other(what.clone()),
        }
    }
}

impl From<&policy::FailureKind> for Kind {
    fn from(kind: &policy::FailureKind) -> Self {
        match kind {
            policy::FailureKind::TokenExpired => Self::TokenExpired,
            policy::FailureKind::TokenRefusedFresh => Self::TokenRefusedFresh,
            policy::FailureKind::DeviceUnregistered => Self::DeviceUnregistered,
            policy::FailureKind::ControlTokenExpired => Self::ControlTokenExpired,
            policy::FailureKind::CredentialsRejected => Self::CredentialsRejected,
            policy::FailureKind::ChallengeRequired => Self::ChallengeRequired,
            policy::FailureKind::ClientRefused => Self::ClientRefused,
            policy::FailureKind::RateLimited => Self::RateLimited,
            policy::FailureKind::Busy => Self::Busy,
            policy::FailureKind::BatteryLow => Self::BatteryLow,
            policy::FailureKind::NoData => Self::NoData,
            policy::FailureKind::VehicleUnreachable => Self::VehicleUnreachable,
            policy::FailureKind::Transient => Self::Transient,
            policy::FailureKind::Unsupported => Self::Unsupported,
            policy::FailureKind::InvalidRequest => Self::InvalidRequest,
            policy::FailureKind::Malformed => Self::Malformed,
            policy::FailureKind::Unknown | policy::FailureKind::Other(_) => Self::Unknown,
        }
    }
}
