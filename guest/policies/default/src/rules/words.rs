//! Families of wordings.

use super::{CANADA, CCSP, MAZDA, SAIC, TESLA, WordRule};
use crate::types::FailureKind::{
    self, Busy, ChallengeRequired, CredentialsRejected, DeviceUnregistered, InvalidRequest, Malformed,
    RateLimited, TokenExpired, Transient, Unsupported, VehicleUnreachable,
};

pub(super) const fn words(
    id: &'static str,
    patterns: &'static [&'static str],
    kind: FailureKind,
) -> WordRule {
    WordRule { id, clouds: &[], patterns, kind }
}

const fn vendor(
    id: &'static str,
    clouds: &'static [&'static str],
    patterns: &'static [&'static str],
    kind: FailureKind,
) -> WordRule {
    WordRule { id, clouds, patterns, kind }
}

/// The rule of terms that a person has to accept.
pub(crate) const TERMS: &str = "terms";

/// A web application firewall that took a dislike to this client. Asked first, and in every step: any
/// repetition makes it worse.
pub(crate) static BLOCKED: &[WordRule] = &[words(
    "blocked-client",
    &["abusing request", "blocked by the waf", "blocked by … firewall"],
    CredentialsRejected,
)];

/// What one vendor means by its own words, whatever the status: the words of its codes, for when the code is
/// lost, and refusals that it puts behind a 5xx.
pub(crate) static VENDOR_WORDS: &[WordRule] = &[
    // The words of 4081 and 9999: the vehicle did not answer.
    vendor(
        "ccsp-timeout",
        CCSP,
        &["request timeout request timeout", "response timeout"],
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
    vendor("tesla-refusal", TESLA, &["vehicle rejected request", "public key"], InvalidRequest),
    // What the owner has not consented to. RFC 6750 would call it insufficient scope.
    vendor("tesla-consent", TESLA, &["missing scopes", "missing token scopes"], CredentialsRejected),
    // Fleet accounts that are not registered in this region or at all.
    vendor("tesla-account", TESLA, &["api user"], CredentialsRejected),
    // Event codes of the gateway to the vehicle.
    vendor("saic-instruction", SAIC, &["control instruction failed"], VehicleUnreachable),
    // 400C01: the account service does not accept what was typed.
    vendor("mazda-input", MAZDA, &["check the input", "400c01"], CredentialsRejected),
];

/// The vehicle or the account is at work for somebody. Asked before a 429 is taken for a quota.
pub(crate) static BUSY: &[WordRule] = &[words(
    "in-progress",
    &[
        "duplicate|duplicated request",
        "already in progress|running|pending|started|executing",
        "request|command|operation|action … in progress|pending",
        "previous|another|other|pending request|command|operation|action",
        "job in progress",
        "concurrent request|requests|job|jobs|command|operation",
        "currently busy",
        "vehicle … busy",
    ],
    Busy,
)];

/// Wordings that decide before any word about sessions is looked at: what they name is to blame, although
/// messages about it like to say "expired", "invalid" and "unauthorized" too.
pub(crate) static DENIALS: &[WordRule] = &[
    // Programs that looked for something in an answer and did not find it: scraped pages, missing fields.
    words(
        "not-the-answer",
        &[
            "failed|unable|could|can|cannot … extract|parse|decode|unmarshal|deserialize",
            "cannot find the argument",
            "json … decode|parse|error|invalid",
            "invalid json",
            "unexpected token",
            "unexpected end of json",
            "unexpected mimetype",
            "unexpected content type",
            "invalid character",
            "expecting value",
            "key error",
            "traceback",
            "object has no attribute",
            "object is not subscriptable",
            "attribute error",
            "index error",
            "list index out of range",
            "indices must be",
            "cannot read propert*",
            "undefined is not",
            "none type",
            "not iterable",
            "non hexadecimal",
            "invalid literal",
            "no such element",
        ],
        Malformed,
    ),
    // Certificates of the server: X.509 verification, as OpenSSL, Go and Node put it.
    words(
        "certificate",
        &[
            "certificate verify failed",
            "certificate has expired",
            "certificate is not yet valid",
            "self signed certificate",
            "local issuer certificate",
            "verify the first certificate",
            "unknown authority",
        ],
        Transient,
    ),
    // TLS that the two sides cannot agree on, which no repetition changes.
    words(
        "tls-parameters",
        &[
            "wrong signature type",
            "handshake failure",
            "unsupported protocol",
            "no shared cipher",
            "legacy renegotiation",
            "key too small",
            "wrong version number",
        ],
        InvalidRequest,
    ),
    // Keys, certificates and identifiers of the client itself, and tokens that are for somebody else.
    words(
        "client-identity",
        &[
            "client cert|certificate",
            "cert expired",
            "application id",
            "api key",
            "app key",
            "subscription key",
            "client disabled",
            "clients are disabled",
            "invalid for client",
            "invalid audience",
            "client id … invalid|registered|unknown",
            "invalid|wrong signature",
            "unauthorized device|app|application",
        ],
        InvalidRequest,
    ),
    // A program that the vendor has retired.
    words(
        "app-outdated",
        &[
            "update* … required|available",
            "upgrade required",
            "latest version",
            "please update",
            "app version",
            "deprecated",
            "no longer supported",
        ],
        InvalidRequest,
    ),
    // Locked by too many attempts, before those count as a quota.
    words(
        "account-locked",
        &["account|user … locked|blocked|suspended|disabled|deactivated", "locked out", "temporarily locked"],
        CredentialsRejected,
    ),
    // Which of the two is wrong is the cloud's secret, also where it counts the attempts.
    words(
        "credentials-wrong",
        &[
            "check … username|password|credentials|email",
            "username|password|credentials|email … wrong|incorrect|invalid|mismatch",
        ],
        CredentialsRejected,
    ),
    words(
        "quota",
        &[
            "quota",
            "too many requests|calls|attempts|logins",
            "rate limit*",
            "limit … exceed*|reached",
            "exceed* … limit|number|maximum|requests",
            "throttl*",
            "daily limit",
            "request limit",
            "wait … minutes|seconds|before",
        ],
        RateLimited,
    ),
    // RFC 6750 §3.1 and its paraphrases: the token is good, but not for this.
    words(
        "scope",
        &[
            "insufficient scope|scopes|permission|permissions|privileges",
            "missing … scope|scopes|permission|permissions|rights",
            "required scope",
            "not authorized|authorised to",
            "not authorized|authorised … vehicle|resource|action|operation|command",
            "access rights",
            "security 9007",
            "not permitted|allowed|entitled|eligible",
            "permission denied",
            "no permission*",
        ],
        InvalidRequest,
    ),
    // The Volkswagen gateway refuses a bearer for one vehicle and takes it for the next.
    words("vw-gateway", &["gw error"], InvalidRequest),
    // Refresh tokens and grants, which are not the session's token.
    words(
        "refresh-token",
        &[
            "refresh token|tokens … expired|invalid|revoked|rejected|unknown|used|valid|reuse|required|missing|malformed|inactive",
            "invalid grant",
            "access grant",
            "grant is invalid",
            "authorization code",
            "offline session|token",
            "user session not found",
            "session not active",
            "token is not active",
            "revoked",
        ],
        CredentialsRejected,
    ),
    // A person has to type or to prove something; a new token is not that.
    words(
        "one-time-code",
        &["otp", "one time password|code|pin", "verification code", "mfa", "2fa", "two factor"],
        ChallengeRequired,
    ),
    words(
        "person-at-a-browser",
        &["captcha|hcaptcha", "recaptcha", "password … expired|changed|reset"],
        CredentialsRejected,
    ),
    // A licence, a plan, a subscription: somebody has to pay or to switch on, not to sign in.
    words(
        "entitlement",
        &[
            "licence|license",
            "sponsor",
            "subscription|subscriptions|subscribed",
            "plan",
            "contract",
            "charging session",
            "service … not enabled|activated|available|active",
            "not enabled",
            "privacy mode",
        ],
        InvalidRequest,
    ),
    // golang-jwt says "token is expired by 1h" of a token that the program itself checked: its own.
    words("own-token", &["expired by"], InvalidRequest),
    // Tokens that open no session, and times that have not come.
    words(
        "other-tokens",
        &[
            "csrf|xsrf|device|push|fcm|apns|security|registration token",
            "token … not yet valid",
            "used before issued",
            "not expired",
        ],
        InvalidRequest,
    ),
];

/// Wordings that decide when nothing was said about sessions.
pub(crate) static REMARKS: &[WordRule] = &[
    words(
        "vehicle-asleep",
        &[
            "vehicle|car|device … offline|asleep|sleep*|unreachable|unavailable",
            "vehicle|car … not reachable|respond|responding|online|connected|reached|answer",
            "unable to connect|reach|contact|wake vehicle|car",
            "not able to connect with your vehicle",
            "reach|wake … vehicle|car",
            "deep sleep|sleeping",
            "could not wake",
            "failed to wake",
            // It was fetched by nobody before its time to live ended.
            "command … expired",
            "low battery",
            "battery … low",
            "non response",
            "no response from vehicle|car",
        ],
        VehicleUnreachable,
    ),
    // Apologies of a cloud that is unwell, whatever its status says.
    words(
        "service-unwell",
        &[
            "temporary|temporarily unavailable|failure|error|problem",
            "service|server unavailable|problem|error",
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
            "validation error|failed",
            "field required",
            "invalid parameter|parameters|params|argument|value|values|command|request",
            "missing … parameter|header|field",
            "is not valid",
            "not provided",
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
    words("unsupported", &["not supported", "unsupported", "not implemented"], Unsupported),
    words(
        "wrong-request",
        &[
            "invalid device id",
            "invalid account",
            "no vehicle|vehicles|vin|data",
            "vehicle|vin … not found",
            "not found in|on|for",
            "does not exist",
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
    ("forbidden", 403),
    ("access denied", 403),
    ("not found", 404),
    ("method not allowed", 405),
    ("conflict", 409),
    ("unprocessable", 422),
];
