//! Families of wordings.

use super::{CANADA, CCSP, MAZDA, NISSAN, SAIC, TESLA, VOLKSWAGEN, VOLVO, WordRule};
use crate::types::FailureKind::{
    self, Busy, ChallengeRequired, ClientRefused, CredentialsRejected, DeviceUnregistered, InvalidRequest,
    Malformed, TokenExpired, Transient, Unsupported, VehicleUnreachable,
};

pub(super) const fn words(
    id: &'static str,
    patterns: &'static [&'static str],
    kind: FailureKind,
) -> WordRule {
    WordRule { id, clouds: &[], patterns, kind }
}

pub(super) const fn vendor(
    id: &'static str,
    clouds: &'static [&'static str],
    patterns: &'static [&'static str],
    kind: FailureKind,
) -> WordRule {
    WordRule { id, clouds, patterns, kind }
}

/// The rule of terms that a person has to accept.
pub(crate) const TERMS: &str = "terms";

/// The rule of a client that a firewall keeps out.
pub(crate) const BLOCKED_CLIENT: &str = "blocked-client";

/// A web application firewall that took a dislike to this client. Asked first, and in every step: any
/// repetition makes it worse.
pub(crate) static BLOCKED: &[WordRule] = &[words(
    BLOCKED_CLIENT,
    &["abusing request", "blocked by the waf", "blocked by … firewall"],
    ClientRefused,
)];

/// What one vendor means by its own words, whatever the status: the words of its codes, for when the code is
/// lost, and refusals that it puts behind a 5xx.
pub(crate) static VENDOR_WORDS: &[WordRule] = &[
    // The words of 4081 and 9999: the vehicle did not answer.
    vendor(
        "ccsp-timeout",
        CCSP,
        // The telematics unit is the vehicle's end of the line.
        &["request timeout request timeout", "response timeout", "tmu timeout"],
        VehicleUnreachable,
    ),
    // The words of 7501, by the identity provider.
    vendor("ccsp-identity", CCSP, &["received unexpected status code"], CredentialsRejected),
    // The account service names the step at which the account needs its owner.
    vendor("ccsp-step", CCSP, &["step … upgrade"], CredentialsRejected),
    // The words of 4002, where they name the device.
    vendor("ccsp-device", CCSP, &["invalid device id"], DeviceUnregistered),
    // The words of 7606: the token is bound to the address that it was given to.
    vendor("ca-address", CANADA, &["ip validation"], TokenExpired),
    // The vehicle's own answer, which the command proxy hands on as a 500.
    vendor(
        "tesla-refusal",
        TESLA,
        &["vehicle rejected request", "public key", "key is paired", "fault on signed command"],
        InvalidRequest,
    ),
    // The vehicle has begun a new session for signed commands, which the next command takes up.
    vendor("tesla-epoch", TESLA, &["incorrect epoch"], Transient),
    // The reasons of its documentation for a command that a car does not carry out.
    vendor(
        "tesla-reason",
        TESLA,
        &[
            "reason complete|disconnected|requested",
            "reason is|not|no charging|power",
            "reason already set|open|closed|locked",
        ],
        InvalidRequest,
    ),
    // What the owner has not consented to. RFC 6750 would call it insufficient scope.
    vendor("tesla-consent", TESLA, &["missing scopes", "missing token scopes"], CredentialsRejected),
    // Fleet accounts that are not registered in this region or at all.
    vendor("tesla-account", TESLA, &["api user"], CredentialsRejected),
    // The gateway speaks of what stands behind it, under a status of its own.
    vendor(
        "vw-upstream",
        VOLKSWAGEN,
        &["upstream service responded with 400|404|500|502|503|504"],
        Transient,
    ),
    // How a command ended, by the documentation of its interface.
    vendor(
        "volvo-vehicle",
        VOLVO,
        &["connection failure", "delivery timeout", "vehicle|car in sleep", "car timeout|error"],
        VehicleUnreachable,
    ),
    // What this service answers to a password, an outage and a wrong region alike.
    vendor("nissan-params", NISSAN, &["invalid params"], Transient),
    // Event codes of the gateway to the vehicle.
    vendor("saic-instruction", SAIC, &["instruction failed"], VehicleUnreachable),
    // The account service does not accept what was typed.
    vendor("mazda-input", MAZDA, &["400c01"], CredentialsRejected),
];

/// The vehicle or the account is at work for somebody. Asked before a 429 is taken for a quota.
pub(crate) static BUSY: &[WordRule] = &[words(
    "in-progress",
    &[
        "duplicate|duplicated request",
        "already in progress",
        "already running|pending|started|executing|processing|queued",
        "request|command|operation|action … in progress|pending",
        "request|commands|command|operation|action … ongoing",
        "previous|another|other|pending|earlier request|command|operation|action|inquiry|job",
        "job in progress",
        "concurrent … request|requests|job|jobs|command|operation",
        "currently busy|processing",
        "is being processed",
        "vehicle … busy",
    ],
    Busy,
)];

/// Wordings that decide when nothing was said about sessions.
pub(crate) static REMARKS: &[WordRule] = &[
    words(
        "vehicle-asleep",
        &[
            "asleep",
            "vehicle|car|device … offline|sleep*|unreachable|unavailable",
            "vehicle|car … not reachable|respond|responding|online|connected|reached|answer",
            "vehicle|car … be reached",
            "vehicle|car|tcu|telematics timeout|timed",
            "vehicle|car connection timeout|timed",
            "out of coverage",
            "power save|saving",
            "unable to connect|reach|contact|wake vehicle|car",
            "not able to connect with your vehicle",
            "reach|wake … vehicle|car",
            "deep sleep|sleeping",
            "could not wake",
            "failed to wake",
            // It was fetched by nobody before its time to live ended.
            "command … expired|timeout",
            "low battery",
            "battery … low",
            "non response",
            "no response from vehicle|car",
            "message never received",
        ],
        VehicleUnreachable,
    ),
    // The vehicle is not in a state for it.
    words(
        "vehicle-condition",
        &[
            "door|doors|hood|trunk|window|windows|tailgate … open|closed|ajar",
            "not in park",
            "must be in park",
            "ignition is on|off",
            "engine … running",
            "not plugged",
            "consecutive times",
            "negative acknowledge",
        ],
        InvalidRequest,
    ),
    // Apologies of a cloud that is unwell, whatever its status says.
    words(
        "service-unwell",
        &[
            "temporary|temporarily unavailable|failure|error|problem",
            "service|server unavailable|problem|error",
            "service|server|system currently|is|are|temporarily unavailable|busy",
            "service|server|system is currently|temporarily unavailable|busy",
            "system|network busy",
            "something went wrong",
            "server is not available|responding",
            "bad gateway",
            "gateway timeout|time",
            "internal error",
            "internal server error",
            "no healthy upstream",
            "try again later",
            "maintenance",
            "technical error|problem|issue|difficulties",
            "system error",
            "could not process",
            "please try again",
            "transient",
            "系统异常*|系统繁忙*|请稍后*",
        ],
        Transient,
    ),
    // Networks, as the libraries of Python, Go, Node, Java, Rust and Elixir put it.
    words(
        "network",
        &[
            "connection aborted|refused|reset|closed|error|lost|failed|timed|timeout",
            "cannot connect",
            "unable to connect",
            "could not connect|reach",
            "failed to connect",
            "all connection attempts failed",
            "max retries exceeded",
            "name resolution",
            "dns",
            "failed to resolve",
            "could not resolve",
            "unknown host",
            "non existing domain",
            "nodename nor servname",
            "internet connection",
            "server misbehaving",
            "socket disconnected",
            "goaway",
            "request canceled",
            "name or service not known",
            "no such host",
            "getaddrinfo",
            "no route to host",
            "network … unreachable|error",
            "fetch failed",
            "socket closed|hang",
            "server disconnected",
            "remote end closed",
            "remote disconnected",
            "broken pipe",
            "econnreset|econnrefused|etimedout|enotfound|ehostunreach|eai|epipe|nxdomain|esockettimedout",
            "eof|eofexception",
            "eof exception",
            "request exception",
            "i o timeout",
            "deadline exceeded",
            "timed out",
            "timeout",
            "time out",
            "connect|read|protocol|transport error",
        ],
        Transient,
    ),
    // Validation by frameworks, before fields that happen to be called "password".
    words(
        "validation",
        &[
            "validation error|errors|failed",
            "field required",
            "invalid parameter|parameters|params|argument|value|values|command|request",
            "missing … parameter|header|field",
            "is not valid",
            "not provided",
            "request is invalid|malformed",
        ],
        InvalidRequest,
    ),
    words(
        "person-needed",
        &[
            "password|passcode|passwd",
            "credential|credentials",
            "invalid|wrong|incorrect|unknown … email|username|user|login|pin|spin",
            "wrong account",
            "user|account not found",
            "unknown user",
            "login failure",
            "reauth*|re auth*",
            "open|via|in|through|using|use the … app",
            "via app",
        ],
        CredentialsRejected,
    ),
    words(TERMS, &["terms", "consent", "agreement"], ChallengeRequired),
    words("unsupported", &["not support|supported", "unsupported", "not implemented"], Unsupported),
    words(
        "wrong-request",
        &[
            "invalid device id",
            "invalid account",
            "no vehicle|vehicles|vin|data",
            "vehicle|vin … not found",
            "not found in|on|for",
            "not exist",
            "out of region",
            "invalid … vin|vehicle",
        ],
        InvalidRequest,
    ),
];

/// What programs say of an answer that they did not understand, when there is no better reason.
pub(crate) static ODD: &[WordRule] = &[words(
    "odd-answer",
    &[
        "unexpected|unknown|invalid|empty|malformed|unrecognized … response|reply|answer|format|content|payload",
    ],
    Malformed,
)];

/// What a status means to one vendor, and to nobody else.
pub(crate) static STATUSES: &[(&str, u16, FailureKind, &str)] =
    // The vehicle did not answer the cloud.
    &[("tesla", 408, VehicleUnreachable, "tesla-408")];

/// The reason phrases of RFC 9110 §15, which stand for their status where that was lost.
pub(crate) static REASONS: &[(&str, u16)] = &[
    ("bad request", 400),
    ("unauthorized", 401),
    ("payment required", 402),
    ("forbidden", 403),
    ("access denied", 403),
    ("not found", 404),
    ("method not allowed", 405),
    ("not acceptable", 406),
    ("conflict", 409),
    ("precondition failed", 412),
    ("unsupported media type", 415),
    ("misdirected request", 421),
    ("unprocessable", 422),
];
