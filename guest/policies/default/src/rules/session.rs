//! What is said of sessions.

use super::words::words;
use super::{TESLA, WordRule};
use crate::types::FailureKind::{Malformed, TokenExpired};

/// The session has ended, in so many words. Asked before what else the message names: those who hand an error
/// on put their own words around it.
pub(crate) static EXPIRED: &[WordRule] = &[
    // RFC 6750 §3.1 ("the access token provided is expired"), in any grammar and in the languages of the
    // accounts, and as the libraries print it that read JWT.
    words(
        "expired",
        &[
            "token|tokens|jwt|session|sid|authentication|authentification|authorization|authorized|login|bearer … expired|outdated|stale",
            "token|sitzung|anmeldung … abgelaufen|verlopen|ungültig",
            "jeton|session … expiré|expirée",
            "session|authentication … timed out",
            "expired … token|session",
            "exp time elapsed",
            "exp claim timestamp check failed",
            "signature has expired",
            "expired signature",
            // The signatures of AWS carry a session's token.
            "security token … request is expired",
        ],
        TokenExpired,
    ),
];

/// Wordings that say that the session is no longer good.
pub(crate) static SESSION_ENDED: &[WordRule] = &[
    // RFC 6750 §3.1 ("revoked, malformed, or invalid for other reasons"), and what vendors and the libraries
    // that read JWT make of it.
    words(
        "token-invalid",
        &[
            "token|tokens|jwt|session|sid|bearer … invalid|invalidated|deleted|inactive|rejected|revoked",
            "token|tokens|session … not|longer valid|active|found|exist|recognized",
            "token|session … does not exist",
            "invalid|wrong|bad … token|session|bearer",
            "jwt malformed",
            "security token … request is invalid",
        ],
        TokenExpired,
    ),
    words(
        "token-missing",
        &[
            "token|session … missing",
            "missing … token|session",
            "token not set",
            "no token|session",
            "no access|bearer token",
            "jwt must be provided",
        ],
        TokenExpired,
    ),
    words(
        "not-authenticated",
        &[
            "unauthenticated",
            "not authenticated",
            "authentication credentials were not provided",
            "new|renewed authorization|authentication|login",
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
        &[
            "another|other|different device|client",
            "multiple devices|sessions|logins",
            "session conflict",
            "logged|signed in elsewhere",
            "kicked",
        ],
        TokenExpired,
    ),
];

/// What a program says of an answer to a sign-in or a refresh that has not in it what it came for. The vendor
/// has refused nothing then.
pub(crate) static ANSWERS_WITHOUT: &[WordRule] = &[words(
    "answer-without",
    &[
        "no sid|token|session|code|cookie|jwt",
        "no auth|authorization|access|id token|code|session",
        "no … form",
    ],
    Malformed,
)];

/// What is said of a session that could not be had or was not accepted, without a reason. Said of a data call
/// it is what HTTP 401 says.
pub(crate) static REFUSALS: &[&str] = &[
    "auth|authentication|authenticate|authorization|authenticating … failed|failure|failed|error|unsuccessful|rejected|denied",
    "failed|unable|could … authenticate",
    "not authorized|authorised",
    "unauthorized|unauthorised",
];

/// What says of a sign-in or a refresh that it was refused for who asked, and no more.
pub(crate) static SESSION_REFUSALS: &[&str] = &[
    "auth|authentication|authenticate|authenticating … failed|failure|failed|unsuccessful|rejected|denied",
    "login failure|rejected|denied|unsuccessful",
    "login error",
    "invalid authentication",
];

/// Services whose tokens a person makes: who says it, and how it is told from others of the cloud. Nothing
/// renews one that is refused.
pub(crate) static STATIC_TOKENS: &[(&[&str], &str)] = &[
    // Its own interface to Tesla's cars, with a token from its settings page.
    (TESLA, "tessie"),
];
