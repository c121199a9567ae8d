//! What is told to people: from what a plugin said, or the host found out, to a reason code.

use super::Reason;
use crate::account::Account;
use crate::bindings::policy::{Failure, Fault, Phase, Transport, Verdict};
use crate::circuit::Shut;
use crate::evidence;
use crate::latch::LatchKind;
use crate::plugin::POLICY_FAULT;
use crate::primitives::{NotOffered, PIN};
use crate::session::NotRenewed;

/// What the default policy calls a token that was refused a moment after it was given out.
pub(super) const FRESH_TOKEN_REFUSED: &str = "fresh-token-refused";

/// The reason of an attempt that failed.
pub(super) fn of_failure(failure: &Failure, verdict: &Verdict, account: &Account) -> Reason {
    if verdict.rule == POLICY_FAULT {
        return Reason::PolicyFault;
    }
    let denied = failure.transport == Some(Transport::Denied);
    match failure.phase {
        Phase::Pin if denied && !account.surroundings.secrets.contains_key(PIN) => Reason::PinMissing,
        Phase::Pin if denied => match account.surroundings.pin.may_offer(account.clock()) {
            Err(NotOffered::Refused(_)) => Reason::PinRejected,
            Err(NotOffered::InDoubt(_)) => Reason::UpstreamUnavailable,
            Ok(()) => of_denied(verdict, account),
        },
        Phase::Pin if is_pin_in_doubt(failure, verdict) => Reason::UpstreamUnavailable,
        Phase::Registration if failure.code.is_none() && evidence::is_doubtful(failure) => {
            Reason::UpstreamUnavailable
        }
        _ if denied => of_denied(verdict, account),
        _ => of_fault(&verdict.fault),
    }
}

/// Whether it may be the vehicle's identifier that was refused: what vendors say of one that they do not know, and of
/// much else. Nothing that has to do with sessions and PINs.
pub(super) fn doubts_the_vehicle(failure: &Failure, verdict: &Verdict) -> bool {
    let about_a_vehicle = matches!(failure.phase, Phase::Status | Phase::Command | Phase::Confirmation);
    let by_status = matches!(failure.http_status, Some(400 | 404 | 410 | 422));
    about_a_vehicle
        && match &verdict.fault {
            Fault::InvalidRequest => true,
            Fault::Unsupported | Fault::Unknown | Fault::Malformed => by_status,
            Fault::Other(what) => by_status && what != FRESH_TOKEN_REFUSED,
            _ => false,
        }
}

/// The reason of what the host did not send.
fn of_denied(verdict: &Verdict, account: &Account) -> Reason {
    match account.requests.left(account.clock().now()) {
        Some(0) => Reason::Quota,
        _ => of_fault(&verdict.fault),
    }
}

/// Whether the answer to a PIN is neither yes nor no, nor about anything else. What says that the PIN is refused is latched
/// before anybody asks this.
pub(super) fn is_pin_in_doubt(failure: &Failure, verdict: &Verdict) -> bool {
    let about_something_else = match &verdict.fault {
        Fault::TokenExpired
        | Fault::DeviceUnregistered
        | Fault::ControlTokenExpired
        | Fault::RateLimited
        | Fault::Busy
        | Fault::VehicleUnreachable
        | Fault::Unsupported => true,
        Fault::Other(what) => what == FRESH_TOKEN_REFUSED,
        _ => false,
    };
    failure.phase == Phase::Pin && evidence::is_doubtful(failure) && !about_something_else
}

/// What is told of it: the vendor's words, and where they mislead what they mean.
pub(super) fn in_words(failure: &Failure, verdict: &Verdict) -> String {
    match &verdict.fault {
        // Vendors say "expired" of a token that was ended a moment after it was given out.
        Fault::Other(what) if what == FRESH_TOKEN_REFUSED => format!(
            "the cloud refused a token that it had just given out ({}): another program ends this account's sessions, \
             or the account may not do this",
            failure.message
        ),
        _ => failure.message.clone(),
    }
}

/// The reason of an operation that has no session.
pub(super) fn of_not_renewed(why: &NotRenewed) -> Reason {
    match why {
        NotRenewed::Latched(latched) => latched.kind.into(),
        NotRenewed::Shut(shut) => of_shut(shut),
        // Whoever comes later is told what the first one was told.
        NotRenewed::NotDue { because: Some(first), .. } => of_not_renewed(first),
        NotRenewed::NotDue { because: None, .. } => Reason::UpstreamUnavailable,
        NotRenewed::Failed { verdict, .. } => of_fault(&verdict.fault),
        NotRenewed::Doubtful(_) => Reason::UpstreamUnavailable,
        NotRenewed::TooManySignIns(_) | NotRenewed::TooManyRenewals | NotRenewed::Fight { .. } => {
            Reason::Cooldown
        }
        NotRenewed::Plugin(_) => Reason::ConnectorFault,
        NotRenewed::Stopping => Reason::HostStopping,
    }
}

/// The reason of an operation that a circuit did not let through.
pub(super) fn of_shut(shut: &Shut) -> Reason {
    match shut.refused.retry_in {
        Some(_) => Reason::BreakerOpen,
        None => Reason::Isolated,
    }
}

impl From<LatchKind> for Reason {
    fn from(kind: LatchKind) -> Self {
        match kind {
            LatchKind::AuthRequired => Self::AuthRequired,
            LatchKind::OtpRequired => Self::OtpRequired,
            LatchKind::LockedOut => Self::LockedOut,
        }
    }
}

/// The reasons that a person must act for are those of latches: what is only called a refusal of credentials keeps
/// nothing from being sent.
fn of_fault(fault: &Fault) -> Reason {
    match fault {
        Fault::RateLimited => Reason::Quota,
        Fault::Busy => Reason::Busy,
        Fault::VehicleUnreachable => Reason::VehicleUnreachable,
        Fault::Transient => Reason::UpstreamUnavailable,
        Fault::Unsupported => Reason::Unsupported,
        Fault::CredentialsRejected
        | Fault::TokenExpired
        | Fault::DeviceUnregistered
        | Fault::ControlTokenExpired
        | Fault::InvalidRequest
        | Fault::Malformed
        | Fault::Unknown
        | Fault::Other(_) => Reason::UpstreamRefused,
    }
}
