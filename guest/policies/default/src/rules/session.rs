//! What is said of sessions.

use super::WordRule;
use super::words::words;
use crate::types::FailureKind::TokenExpired;

/// Wordings that say that the session is no longer good.
pub(crate) static SESSION_ENDED: &[WordRule] = &[
    // RFC 6750 §3.1 ("the access token provided is expired"), in any grammar and in the languages of the
    // accounts.
    words(
        "expired",
        &[
            "token|tokens|jwt|session|sid|authentication|authorization|authorized|login|bearer … expired|outdated|stale",
            "token|sitzung|anmeldung … abgelaufen|verlopen|ungültig",
            "jeton|session … expiré|expirée",
            "session|authentication … timed out",
            "expired … token|session",
        ],
        TokenExpired,
    ),
    // RFC 6750 §3.1 ("revoked, malformed, or invalid for other reasons"), and what vendors make of it.
    words(
        "token-invalid",
        &[
            "token|jwt|session|sid|bearer … invalid|invalidated|deleted|inactive|unknown|rejected",
            "token|session … not|longer valid|active|found|exist",
            "token|session … does not exist",
            "invalid|wrong|bad … token|session|bearer",
        ],
        TokenExpired,
    ),
    words(
        "token-missing",
        &["token|session … missing", "missing … token|session", "token not set", "no token|session"],
        TokenExpired,
    ),
    // GraphQL's conventional code, and what others say instead.
    words(
        "not-authenticated",
        &[
            "unauthenticated",
            "not authenticated",
            "not logged in",
            "not signed in",
            "authentication required|needed",
            "requires authentication",
            "must|please|need log|login|sign|relogin",
            "need|needs|have|has to log|login|sign|relogin",
            "login first",
            "login|log in again",
            "logged out",
        ],
        TokenExpired,
    ),
    // One session for each account: somebody else signed in.
    words(
        "signed-in-elsewhere",
        &["another|other device|client", "logged|signed in elsewhere", "kicked"],
        TokenExpired,
    ),
    // Spring Security's text for a request without valid credentials.
    words("spring-full-authentication", &["full authentication is required"], TokenExpired),
    // IBM API Connect's text for the same.
    words("ibm-security-checks", &["cannot pass the security checks"], TokenExpired),
];

/// What is said of a session that could not be had or was not accepted, without a reason. Said of a data call
/// it is what HTTP 401 says.
pub(crate) static REFUSALS: &[&str] = &[
    "auth|authentication|authenticate|authorization|authenticating … failed|failure|failed|error|unsuccessful|rejected|denied",
    "failed|unable|could … authenticate",
    "not authorized|authorised",
    "unauthorized|unauthorised",
];

/// The same, said of nothing but a sign-in or a refresh.
pub(crate) static SESSION_REFUSALS: &[&str] =
    &["login|logon|signin … failed|failure|error|unsuccessful|rejected|denied", "sign|log in failed|error"];
