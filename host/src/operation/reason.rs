//! Reason codes: from what a plugin said, or the host found out, to what people are told.

use crate::account::Account;
use crate::account::session::RefreshError;
use crate::bindings::policy::{Certainty, Effect, FailureKind, Phase, Transport};
use crate::judge::{Judged, evidence};
use crate::primitives::NotOffered;
use crate::protect::circuit::Shut;
use crate::protect::latch::LatchKind;
use crate::wire::outcome::Reason;
use crate::wire::words::Words;

/// The reason of an attempt that failed.
pub(super) fn of_failure(judged: &Judged, account: &Account) -> Reason {
    if !judged.is_answered() {
        return Reason::PolicyFault;
    }
    let failure = &judged.failure;
    let denied = failure.transport == Some(Transport::Denied);
    match failure.phase {
        Phase::Pin if denied && !account.context.has_pin() => Reason::PinMissing,
        Phase::Pin if denied => match account.context.pin.may_offer(account.clock()) {
            Err(NotOffered::Refused(_)) => Reason::PinRejected,
            Err(NotOffered::InDoubt(_)) => Reason::UpstreamUnavailable,
            Ok(()) => of_denied(account),
        },
        Phase::Pin if is_pin_in_doubt(judged) => Reason::UpstreamUnavailable,
        Phase::Registration if failure.code.is_none() && evidence::is_doubtful(failure) => {
            Reason::UpstreamUnavailable
        }
        _ if denied => of_denied(account),
        // The cloud has the command; what failed came later.
        Phase::Command if failure.transport.is_none() && failure.certainty == Certainty::Accepted => {
            Reason::Unconfirmed
        }
        _ if is_no_answer(judged) => Reason::UpstreamUnavailable,
        _ => of_kind(judged.kind()),
    }
}

/// Whether the vehicle's identifier may have been refused: the answer is one that vendors give for an
/// identifier that they do not know, and for much else. Nothing that has to do with sessions and PINs.
pub(super) fn doubts_the_vehicle(judged: &Judged) -> bool {
    let failure = &judged.failure;
    let about_a_vehicle = matches!(failure.phase, Phase::Status | Phase::Command | Phase::Confirmation);
    let by_status = matches!(failure.http_status, Some(400 | 404 | 410 | 422));
    about_a_vehicle
        && match judged.kind() {
            FailureKind::InvalidRequest => true,
            FailureKind::Unsupported | FailureKind::Unknown | FailureKind::Malformed => by_status,
            FailureKind::Other(_) | FailureKind::NoData => by_status,
            _ => false,
        }
}

/// The reason of what the host did not send.
fn of_denied(account: &Account) -> Reason {
    let now = account.clock().now();
    match (account.requests.left(now), account.context.sign_ins.left(now)) {
        (Some(0), _) => Reason::Quota,
        (_, Some(0)) if account.context.has_password() => Reason::Cooldown,
        _ => Reason::HostFault,
    }
}

/// Whether the answer to a PIN is neither yes nor no, nor about anything else. An answer that says that the
/// PIN is refused is latched before this is asked.
pub(super) fn is_pin_in_doubt(judged: &Judged) -> bool {
    let failure = &judged.failure;
    let about_something_else = matches!(
        judged.kind(),
        FailureKind::TokenExpired
            | FailureKind::TokenRefusedFresh
            | FailureKind::DeviceUnregistered
            | FailureKind::ControlTokenExpired
            | FailureKind::RateLimited
            | FailureKind::Busy
            | FailureKind::VehicleUnreachable
            | FailureKind::Unsupported
    );
    failure.phase == Phase::Pin && evidence::is_doubtful(failure) && !about_something_else
}

/// Whether what came back is not an answer of this cloud (a page, nothing, a redirect, a success without its
/// content) to something that moves no vehicle. Something is unwell or stands in between then, and that
/// passes: a service that refuses names a code or an error.
fn is_no_answer(judged: &Judged) -> bool {
    let failure = &judged.failure;
    let moves_nothing = failure.effect == Effect::Read
        || !matches!(failure.phase, Phase::Command | Phase::Confirmation | Phase::Unknown);
    let refused = failure.code.is_some() || failure.oauth_error.is_some();
    let happened = matches!(failure.certainty, Certainty::Ambiguous | Certainty::Accepted);
    *judged.kind() == FailureKind::Malformed && moves_nothing && !refused && !happened
}

/// Explains a failure: the vendor's words, and where they mislead what they mean.
pub(super) fn in_words(judged: &Judged, account: &Account) -> Words {
    let failure = &judged.failure;
    let words = Words::theirs(failure.message.clone());
    match judged.kind() {
        _ if failure.transport == Some(Transport::Denied) && failure.phase == Phase::Pin => {
            let context = &account.context;
            match context.pin.may_offer(account.clock()) {
                _ if !context.has_pin() => words,
                Err(NotOffered::Refused(latched)) => latched.as_ref().into(),
                Err(why @ NotOffered::InDoubt(_)) => why.to_string().into(),
                Ok(()) => words,
            }
        }
        _ if failure.transport == Some(Transport::Denied) => {
            Words { ours: Some("this host did not send a request that is needed".to_owned()), ..words }
        }
        // Vendors say "expired" of a token that was ended a moment after it was given out.
        FailureKind::TokenRefusedFresh => {
            let ours = "the cloud refused a token that it had just given out: another program ends this account's \
                        sessions, or the account may not do this";
            Words { ours: Some(ours.to_owned()), ..words }
        }
        _ => words,
    }
}

/// Explains a session that could not be refreshed.
pub(super) fn of_refresh_in_words(why: &RefreshError) -> Words {
    match why {
        RefreshError::Failed { message, .. } => Words::theirs(message.clone()),
        RefreshError::Plugin(fault) => Words::theirs(fault.to_string()),
        RefreshError::Doubtful(answer) => {
            let ours = "the sign-in was refused without a reason; it is tried again after a pause";
            Words { ours: Some(ours.to_owned()), theirs: Some(answer.clone()) }
        }
        RefreshError::NotDue { retry_in, why, because } => {
            let because = because.as_deref().map(of_refresh_in_words).and_then(|words| words.ours);
            let because = because.map(|ours| format!(" ({ours})")).unwrap_or_default();
            let seconds = retry_in.as_secs();
            let ours = format!("no session could be had{because}; the next try is due in {seconds} s");
            Words { ours: Some(ours), theirs: Some(why.clone()) }
        }
        RefreshError::Released(message) => {
            let ours = "the sign-in was refused, and the refusal was lifted meanwhile";
            Words { ours: Some(ours.to_owned()), theirs: Some(message.clone()) }
        }
        RefreshError::Latched(_)
        | RefreshError::Asked(_)
        | RefreshError::Nonsense(_)
        | RefreshError::Shut(_)
        | RefreshError::Fight { .. }
        | RefreshError::TooManySignIns(_)
        | RefreshError::TooManyRefreshes
        | RefreshError::TooManyRetries(_)
        | RefreshError::NotStored(_)
        | RefreshError::Unexplained(_)
        | RefreshError::Spared(_)
        | RefreshError::NoSession
        | RefreshError::Panicked
        | RefreshError::Retired
        | RefreshError::Stopping => why.to_string().into(),
    }
}

/// The reason of an operation that has no session.
pub(super) fn of_refresh_error(why: &RefreshError) -> Reason {
    match why {
        RefreshError::Latched(latched) => latched.kind.into(),
        RefreshError::Asked(asked) => asked.kind.into(),
        RefreshError::Shut(shut) => of_shut(shut),
        // A later caller is told what the first one was told.
        RefreshError::NotDue { because: Some(first), .. } => of_refresh_error(first),
        RefreshError::NotDue { because: None, .. } => Reason::UpstreamUnavailable,
        // No session came of it, and none was refused.
        RefreshError::Failed { kind: FailureKind::Malformed, .. } => Reason::UpstreamUnavailable,
        RefreshError::Failed { kind, .. } => of_kind(kind),
        RefreshError::Doubtful(_) | RefreshError::Unexplained(_) => Reason::UpstreamUnavailable,
        RefreshError::TooManySignIns(_)
        | RefreshError::TooManyRefreshes
        | RefreshError::TooManyRetries(_)
        | RefreshError::Fight { .. } => Reason::Cooldown,
        RefreshError::Plugin(_) | RefreshError::Nonsense(_) => Reason::ConnectorFault,
        // It was refused, and there is nothing else to send.
        RefreshError::Released(_) | RefreshError::Spared(_) | RefreshError::NoSession => {
            Reason::UpstreamRefused
        }
        RefreshError::NotStored(_) | RefreshError::Panicked => Reason::HostFault,
        RefreshError::Retired => Reason::Busy,
        RefreshError::Stopping => Reason::HostStopping,
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
            LatchKind::ConsentRequired => Self::ConsentRequired,
            LatchKind::ClientRefused => Self::ClientRefused,
            LatchKind::LockedOut => Self::LockedOut,
        }
    }
}

/// Returns the reason of a kind of failure. The reasons that a person must act for are those of latches: what
/// is only called a refusal of credentials keeps nothing from being sent.
fn of_kind(kind: &FailureKind) -> Reason {
    match kind {
        FailureKind::RateLimited => Reason::Quota,
        FailureKind::Busy => Reason::Busy,
        FailureKind::VehicleUnreachable => Reason::VehicleUnreachable,
        FailureKind::Transient => Reason::UpstreamUnavailable,
        FailureKind::Unsupported => Reason::Unsupported,
        FailureKind::BatteryLow => Reason::AuxBatteryLow,
        FailureKind::NoData => Reason::NoData,
        FailureKind::CredentialsRejected
        | FailureKind::ChallengeRequired
        | FailureKind::ClientRefused
        | FailureKind::TokenExpired
        | FailureKind::TokenRefusedFresh
        | FailureKind::DeviceUnregistered
        | FailureKind::ControlTokenExpired
        | FailureKind::InvalidRequest
        | FailureKind::Malformed
        | FailureKind::Unknown
        | FailureKind::Other(_) => Reason::UpstreamRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_that_stops_is_told_as_one() {
        for (why, reason) in [
            (RefreshError::Stopping, Reason::HostStopping),
            (RefreshError::Panicked, Reason::HostFault),
            (RefreshError::NoSession, Reason::UpstreamRefused),
            (RefreshError::Released("invalid_grant".to_owned()), Reason::UpstreamRefused),
        ] {
            assert_eq!(of_refresh_error(&why), reason, "{why}");
        }
    }
}
