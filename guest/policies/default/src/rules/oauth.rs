//! The `error` values of OAuth.

use crate::types::FailureKind;

/// RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8628 §3.5 and OpenID Connect Core §3.1.2.6, apart from
/// `invalid_token` and `invalid_request`, which depend on the step. Whether a value is as telling in a
/// message is in the last column: some are what anybody says.
pub(crate) static OAUTH: &[(&str, FailureKind, bool)] = &[
    ("invalid_grant", FailureKind::CredentialsRejected, true),
    ("invalid_client", FailureKind::CredentialsRejected, true),
    ("unauthorized_client", FailureKind::CredentialsRejected, true),
    ("access_denied", FailureKind::InvalidRequest, false),
    ("insufficient_scope", FailureKind::InvalidRequest, true),
    ("invalid_scope", FailureKind::InvalidRequest, true),
    ("unsupported_grant_type", FailureKind::InvalidRequest, true),
    ("unsupported_response_type", FailureKind::InvalidRequest, true),
    ("server_error", FailureKind::Transient, false),
    ("temporarily_unavailable", FailureKind::Transient, false),
    ("authorization_pending", FailureKind::Busy, true),
    ("slow_down", FailureKind::RateLimited, true),
    ("expired_token", FailureKind::CredentialsRejected, false),
    ("login_required", FailureKind::CredentialsRejected, true),
    ("consent_required", FailureKind::ChallengeRequired, true),
    ("interaction_required", FailureKind::CredentialsRejected, true),
];
