//! The `error` values of OAuth.

use crate::types::Fault;

/// RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8628 §3.5 and OpenID Connect Core §3.1.2.6, apart from
/// `invalid_token` and `invalid_request`, which depend on the step. Whether a value is as telling in a message
/// is in the last column: some are what anybody says.
pub(crate) static OAUTH: &[(&str, Fault, bool)] = &[
    ("invalid_grant", Fault::CredentialsRejected, true),
    ("invalid_client", Fault::CredentialsRejected, true),
    ("unauthorized_client", Fault::CredentialsRejected, true),
    ("access_denied", Fault::InvalidRequest, false),
    ("insufficient_scope", Fault::InvalidRequest, true),
    ("invalid_scope", Fault::InvalidRequest, true),
    ("unsupported_grant_type", Fault::InvalidRequest, true),
    ("unsupported_response_type", Fault::InvalidRequest, true),
    ("server_error", Fault::Transient, false),
    ("temporarily_unavailable", Fault::Transient, false),
    ("authorization_pending", Fault::Busy, true),
    ("slow_down", Fault::RateLimited, true),
    ("expired_token", Fault::CredentialsRejected, false),
    ("login_required", Fault::CredentialsRejected, true),
    ("consent_required", Fault::CredentialsRejected, true),
    ("interaction_required", Fault::CredentialsRejected, true),
];
