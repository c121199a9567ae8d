//! The `error` values of OAuth.

use crate::types::{FailureKind, Phase};

/// RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8628 §3.5, RFC 9470 §3 and OpenID Connect Core §3.1.2.6, apart
/// from those that [`by_step`] knows. Whether a value is as telling in a message is in the last column: some
/// are what anybody says.
pub(crate) static OAUTH: &[(&str, FailureKind, bool)] = &[
    ("invalid_grant", FailureKind::CredentialsRejected, true),
    ("invalid_client", FailureKind::CredentialsRejected, true),
    // The client is known, and may not do it this way.
    ("unauthorized_client", FailureKind::InvalidRequest, true),
    ("access_denied", FailureKind::InvalidRequest, false),
    ("insufficient_scope", FailureKind::InvalidRequest, true),
    ("invalid_scope", FailureKind::InvalidRequest, true),
    ("invalid_target", FailureKind::InvalidRequest, false),
    ("unsupported_grant_type", FailureKind::InvalidRequest, true),
    ("unsupported_response_type", FailureKind::InvalidRequest, true),
    ("server_error", FailureKind::Transient, false),
    ("temporarily_unavailable", FailureKind::Transient, false),
    ("authorization_pending", FailureKind::Busy, true),
    ("slow_down", FailureKind::RateLimited, true),
    ("expired_token", FailureKind::CredentialsRejected, false),
    ("login_required", FailureKind::CredentialsRejected, true),
    ("consent_required", FailureKind::ChallengeRequired, true),
    ("mfa_required", FailureKind::ChallengeRequired, true),
    ("insufficient_user_authentication", FailureKind::ChallengeRequired, true),
    ("interaction_required", FailureKind::CredentialsRejected, true),
    ("account_selection_required", FailureKind::CredentialsRejected, true),
];

/// The values that mean one thing of a token and another where one is asked for; and their rules.
pub(crate) fn by_step(error: &str, phase: Phase, status: Option<u16>) -> Option<(FailureKind, &'static str)> {
    let session = matches!(phase, Phase::SignIn | Phase::Refresh);
    match error {
        // Of a sign-in it is about something that the sign-in uses and not about what somebody typed.
        "invalid_token" if phase == Phase::SignIn => {
            Some((FailureKind::InvalidRequest, "oauth-invalid-token"))
        }
        "invalid_token" if phase != Phase::Refresh && phase != Phase::Registration => {
            Some((FailureKind::TokenExpired, "oauth-invalid-token"))
        }
        "invalid_token" => Some((FailureKind::CredentialsRejected, "oauth-invalid-token")),
        // The device code of RFC 8628 §3.5; elsewhere what a vendor says of an access token.
        "expired_token" if !session && phase != Phase::Registration => {
            Some((FailureKind::TokenExpired, "oauth-expired-token"))
        }
        // Some token endpoints answer a dead refresh token with it.
        "invalid_request" if phase == Phase::Refresh => {
            Some((FailureKind::CredentialsRejected, "oauth-invalid-request"))
        }
        "invalid_request" => Some((FailureKind::InvalidRequest, "oauth-invalid-request")),
        // The owner, or the server for him, has said no (RFC 6749 §4.1.2.1, RFC 8628 §3.5). With the status of a
        // resource it is about that.
        "access_denied" if session && matches!(status, None | Some(400)) => {
            Some((FailureKind::CredentialsRejected, "oauth-access-denied"))
        }
        _ => None,
    }
}
