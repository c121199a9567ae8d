//! What is known about clouds, as tables.
//!
//! A row stands for a code in a vendor's protocol, a standard, or a family of wordings; never for one message
//! that somebody saw. To teach the policy something, add a row. Rows are asked from top to bottom.

use crate::types::Fault;

/// A vendor's code. Numbers mean nothing without the cloud that says them.
pub(crate) struct CodeRule {
    /// The identifier for the audit trail.
    pub id: &'static str,
    /// The clouds that say it; empty for all.
    pub clouds: &'static [&'static str],
    /// The code, or the sub-code.
    pub code: &'static str,
    /// Words that must be in the message, where one code means several things.
    pub words: &'static [&'static str],
    /// What it is.
    pub fault: Fault,
}

/// A family of wordings.
pub(crate) struct WordRule {
    /// The identifier for the audit trail.
    pub id: &'static str,
    /// What vendors say: one of these phrases.
    pub phrases: &'static [&'static str],
    /// What it is.
    pub fault: Fault,
}

/// The clouds that share the CCSP protocol.
const CCSP: &[&str] = &["hyundai-kia-eu", "hyundai-kia-au", "hyundai-kia-in", "hyundai-kia-cn"];
const CANADA: &[&str] = &["hyundai-kia-ca"];
const KIA_US: &[&str] = &["kia-us"];
const HYUNDAI_US: &[&str] = &["hyundai-us"];

const fn code(
    id: &'static str,
    clouds: &'static [&'static str],
    code: &'static str,
    words: &'static [&'static str],
    fault: Fault,
) -> CodeRule {
    CodeRule { id, clouds, code, words, fault }
}

/// Vendor codes.
pub(crate) static CODES: &[CodeRule] = &[
    // Our own: a connector says that the cloud refused the permission that the PIN gave.
    code("control-token", &[], "control-token", &[], Fault::ControlTokenExpired),
    // Hyundai, Kia, Genesis outside America: `resCode` of the gateway.
    code("ccsp-4002-device", CCSP, "4002", &["device id"], Fault::DeviceUnregistered),
    code("ccsp-4002", CCSP, "4002", &[], Fault::InvalidRequest),
    code("ccsp-4003", CCSP, "4003", &[], Fault::InvalidRequest),
    code("ccsp-4004", CCSP, "4004", &[], Fault::Busy),
    code("ccsp-4005", CCSP, "4005", &[], Fault::Unsupported),
    // The vehicle's 12 V battery is too low for remote control.
    code("ccsp-4007", CCSP, "4007", &[], Fault::VehicleUnreachable),
    // The account service wants a sign-in that it can accept; a new access token is not that.
    code("ccsp-4010", CCSP, "4010", &[], Fault::CredentialsRejected),
    // Stamp or application id, or a clock that is wrong: HTTP 401 and yet no token at fault.
    code("ccsp-4017", CCSP, "4017", &[], Fault::InvalidRequest),
    code("ccsp-4081", CCSP, "4081", &[], Fault::VehicleUnreachable),
    code("ccsp-5031", CCSP, "5031", &[], Fault::Transient),
    code("ccsp-5091", CCSP, "5091", &[], Fault::RateLimited),
    code("ccsp-5153", CCSP, "5153", &[], Fault::CredentialsRejected),
    code("ccsp-5921", CCSP, "5921", &[], Fault::InvalidRequest),
    // The identity provider, about a refresh token that is dead or somebody else's.
    code("ccsp-7501", CCSP, "7501", &[], Fault::CredentialsRejected),
    code("ccsp-9999", CCSP, "9999", &[], Fault::VehicleUnreachable),
    // The same in Canada: `errorCode`.
    code("ca-7110-otp", CANADA, "7110", &[], Fault::CredentialsRejected),
    code("ca-7402-locked", CANADA, "7402", &[], Fault::CredentialsRejected),
    code("ca-7403-expired", CANADA, "7403", &[], Fault::TokenExpired),
    code("ca-7404-password", CANADA, "7404", &[], Fault::CredentialsRejected),
    code("ca-7549-otp", CANADA, "7549", &[], Fault::CredentialsRejected),
    // Another sign-in ended the session.
    code("ca-7602-deleted", CANADA, "7602", &[], Fault::TokenExpired),
    // The token is bound to the address that it was given to.
    code("ca-7606-address", CANADA, "7606", &[], Fault::TokenExpired),
    code("ca-7710-device", CANADA, "7710", &[], Fault::DeviceUnregistered),
    // Kia in the United States: `status.errorCode`.
    code("kia-us-1001-password", KIA_US, "1001", &[], Fault::CredentialsRejected),
    code("kia-us-1003-session", KIA_US, "1003", &[], Fault::TokenExpired),
    code("kia-us-1005-session", KIA_US, "1005", &[], Fault::TokenExpired),
    code("kia-us-9000", KIA_US, "9000", &[], Fault::Transient),
    // Hyundai in the United States: `errorSubCode`; its `errorCode` 502 means any of these.
    code("hyundai-us-expired", HYUNDAI_US, "C401_2", &[], Fault::TokenExpired),
    code("hyundai-us-password", HYUNDAI_US, "IDM_401_1", &[], Fault::CredentialsRejected),
    code("hyundai-us-pending", HYUNDAI_US, "HT_533", &[], Fault::Busy),
    code("hyundai-us-quota", HYUNDAI_US, "HT_534", &[], Fault::RateLimited),
    code("hyundai-us-vehicle", HYUNDAI_US, "HT_900", &[], Fault::VehicleUnreachable),
    // Others whose codes for an ended session are documented.
    code("zeekr-079012", &["zeekr"], "079012", &[], Fault::TokenExpired),
    code("leapmotor-3", &["leapmotor"], "3", &["token"], Fault::TokenExpired),
    code("saic-401", &["saic-mg"], "401", &[], Fault::TokenExpired),
    code("subaru-invalid-token", &["subaru"], "InvalidToken", &[], Fault::TokenExpired),
];

const fn words(id: &'static str, phrases: &'static [&'static str], fault: Fault) -> WordRule {
    WordRule { id, phrases, fault }
}

/// Wordings that decide before any word about tokens is looked at: what they name is at fault, although
/// messages about it like to say "expired", "invalid" and "unauthorized" too.
pub(crate) static DENIALS: &[WordRule] = &[
    // A web application firewall that took a dislike to this client; any repetition makes it worse.
    words("blocked-client", &["abusing request"], Fault::CredentialsRejected),
    words(
        "certificate",
        &[
            "certificate verify failed",
            "certificate has expired",
            "certificate is not yet valid",
            "cert expired",
        ],
        Fault::Transient,
    ),
    words(
        "quota",
        &[
            "quota",
            "too many requests",
            "exceeds number of requests",
            "exceeding this limit",
            "rate limit",
            "rate limited",
            "daily limit",
        ],
        Fault::RateLimited,
    ),
    words("duplicate-request", &["duplicate request", "duplicated request"], Fault::Busy),
    // RFC 6750 §3.1 and its paraphrases: the token is good, but not for this.
    words(
        "scope",
        &[
            "insufficient scope",
            "missing scopes",
            "required scope",
            "missing token scopes",
            "insufficient scopes",
        ],
        Fault::InvalidRequest,
    ),
    // Keys and identifiers of the client itself.
    words(
        "client-identity",
        &[
            "application id",
            "api key",
            "api user",
            "app version",
            "public key",
            "client disabled",
            "invalid client",
        ],
        Fault::InvalidRequest,
    ),
    // The Volkswagen gateway refuses a bearer for one vehicle and takes it for the next.
    words("vw-gateway", &["gw error"], Fault::InvalidRequest),
    // Which is not the session's token.
    words(
        "refresh-token",
        &["refresh token", "invalid grant", "access grant", "grant is invalid"],
        Fault::CredentialsRejected,
    ),
    // A licence, a plan, a subscription: somebody has to pay, not to sign in.
    words("entitlement", &["licence", "license", "sponsor", "subscription", "plan"], Fault::InvalidRequest),
    // golang-jwt says "token is expired by 1h" of a token that the program itself checked: its own.
    words("own-token", &["expired by"], Fault::InvalidRequest),
    words("not-about-sessions", &["not expired", "csrf token", "security token"], Fault::InvalidRequest),
];

/// What can expire so that a new session helps.
pub(crate) static SESSION_WORDS: &[&str] =
    &["token", "tokens", "jwt", "session", "authentication", "authorized"];

/// Wordings that say that the session is no longer good, apart from those with "expired".
pub(crate) static SESSION_ENDED: &[WordRule] = &[
    // RFC 6750 §3.1 `invalid_token`, and what vendors make of it.
    words(
        "token-invalid",
        &[
            "invalid token",
            "token invalid",
            "token is invalid",
            "token is not valid",
            "invalid access token",
            "access token invalid",
        ],
        Fault::TokenExpired,
    ),
    words("token-missing", &["token missing", "token not set", "token deleted"], Fault::TokenExpired),
    // GraphQL's conventional code, and the phrase that goes with it.
    words(
        "not-authenticated",
        &["unauthenticated", "not authenticated", "not logged in", "authentication required"],
        Fault::TokenExpired,
    ),
    // Spring Security's text for a request without valid credentials.
    words("spring-full-authentication", &["full authentication is required"], Fault::TokenExpired),
    // IBM API Connect's text for the same.
    words("ibm-security-checks", &["cannot pass the security checks"], Fault::TokenExpired),
];

/// Wordings that decide when nothing was said about tokens.
pub(crate) static REMARKS: &[WordRule] = &[
    words(
        "vehicle-asleep",
        &["vehicle is offline", "offline or asleep", "vehicle unavailable", "low battery", "non response"],
        Fault::VehicleUnreachable,
    ),
    words(
        "service-unwell",
        &[
            "temporary unavailable",
            "temporarily unavailable",
            "service unavailable",
            "bad gateway",
            "internal server error",
            "try again later",
            "service problem",
            "server error",
        ],
        Fault::Transient,
    ),
    words(
        "network",
        &[
            "connection aborted",
            "connection refused",
            "connection reset",
            "cannot connect",
            "socket closed",
            "read timed out",
            "request timed out",
            "request timeout",
            "could not reach",
        ],
        Fault::Transient,
    ),
    words(
        "person-needed",
        &[
            "password",
            "credentials",
            "otp",
            "captcha",
            "terms of service",
            "consent",
            "account locked",
            "login failure",
            "wrong account",
            "invalid email",
        ],
        Fault::CredentialsRejected,
    ),
    words("unsupported", &["not supported", "unsupported"], Fault::Unsupported),
    words(
        "wrong-request",
        &[
            "invalid parameter",
            "invalid parameters",
            "invalid device id",
            "not found",
            "forbidden",
            "access denied",
        ],
        Fault::InvalidRequest,
    ),
    words(
        "not-the-protocol",
        &["key error", "traceback", "json parse", "invalid json", "object has no attribute"],
        Fault::Malformed,
    ),
];

/// OAuth `error` values (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8628 §3.5) other than `invalid_token`
/// and `invalid_request`, which depend on the step.
pub(crate) static OAUTH: &[(&str, Fault)] = &[
    ("invalid_grant", Fault::CredentialsRejected),
    ("invalid_client", Fault::CredentialsRejected),
    ("unauthorized_client", Fault::CredentialsRejected),
    ("access_denied", Fault::InvalidRequest),
    ("insufficient_scope", Fault::InvalidRequest),
    ("invalid_scope", Fault::InvalidRequest),
    ("unsupported_grant_type", Fault::InvalidRequest),
    ("unsupported_response_type", Fault::InvalidRequest),
    ("server_error", Fault::Transient),
    ("temporarily_unavailable", Fault::Transient),
    ("authorization_pending", Fault::Busy),
    ("slow_down", Fault::RateLimited),
    ("expired_token", Fault::CredentialsRejected),
];
