//! The retained state of an account.

/// States that an account can be in, as its document has them.
pub const STATES: [&str; 10] = [
    "ok",
    "upstream_down",
    "rate_limited",
    "session_fight",
    "auth_required",
    "otp_required",
    "consent_required",
    "client_refused",
    "locked_out",
    "connector_fault",
];
