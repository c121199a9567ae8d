//! Wordings that name what is to blame, when it is not the session.

use super::words::{vendor, words};
use super::{VOLKSWAGEN, WordRule};
use crate::types::FailureKind::{
    ChallengeRequired, ClientRefused, CredentialsRejected, InvalidRequest, Malformed, RateLimited, Transient,
};

/// The rule of a consent that the owner has not given.
pub(crate) const CONSENT: &str = "consent";

/// Wordings that decide before an expiry is looked for: what they name has expired, or was refused, and it is
/// not the session.
pub(crate) static NO_SESSION: &[WordRule] = &[
    // Programs that looked for something in an answer and did not find it: scraped pages, missing fields.
    words(
        "not-the-answer",
        &[
            "failed|unable|could|can|cannot … extract|parse|decode|unmarshal|deserialize",
            "cannot find the argument",
            "json … decode|parse|error|invalid",
            "not|non json",
            "at line … column",
            "column … char",
            "invalid json",
            "unexpected token",
            "unexpected end of json",
            "unexpected mimetype",
            "unexpected content type",
            "invalid character",
            "expecting value",
            "key error",
            "object has no attribute",
            "object is not subscriptable",
            "attribute error",
            "index error",
            "list index out of range",
            "indices must be",
            "cannot read propert*",
            "undefined is not",
            "is not defined",
            "is not a function",
            "null reference",
            "null pointer",
            "nil pointer",
            "called on null",
            "no such method",
            "object reference not set",
            "str|int|list|dict|bool object",
            "none type",
            "not iterable",
            "non hexadecimal",
            "invalid literal",
            "could not convert",
            "unexpected character",
            "format exception",
            "json syntax exception",
            "referenced before assignment",
            "range error",
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
            "grant|authorization|access … revoked",
            "refresh token isn|is not|t defined",
        ],
        CredentialsRejected,
    ),
    // The licence of evcc itself, a token that it checks with golang-jwt and that a person has to renew. "Expired by 1h"
    // is how that library words any token's end, so of another cloud it is an expiry.
    vendor("own-token", &["evcc"], &["expired by", "sponsor", "sponsorship"], CredentialsRejected),
    // Tokens that open no session, what is not said, and times that have not come.
    words(
        "other-tokens",
        &[
            "csrf|xsrf|device|push|fcm|apns|registration token",
            "token … not yet valid",
            "used before issued",
            "not expired",
            "not an expired",
        ],
        InvalidRequest,
    ),
    // The time of the request, or of its signature: this machine's clock is wrong.
    words(
        "clock",
        &[
            "request time|timestamp … expired|skewed|invalid",
            "timestamp … expired|outside|window",
            "signature expired",
            "clock skew",
        ],
        InvalidRequest,
    ),
    // What a person was given to prove something with has a life of its own.
    words(
        "expired-proof",
        &[
            "otp|code|pin|link|consent|captcha|invitation expired",
            "otp|code|pin|link|consent|captcha|invitation is|has|was expired",
        ],
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
            "subscription|subscriptions|subscribed",
            "plan|contract … expired|ended|inactive|required|missing|valid",
            "charging session",
            "trial",
            "service … not enabled|activated|active",
            "not enabled",
            "privacy mode",
        ],
        InvalidRequest,
    ),
];

/// Wordings that decide before any other word about sessions is looked at: what they name is to blame, although
/// messages about it like to say "invalid" and "unauthorized" too.
pub(crate) static DENIALS: &[WordRule] = &[
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
            "invalid for client",
            "invalid audience",
            // Of the claims of RFC 7519 §4.1 all but `exp`.
            "sub|aud|iss|nbf|iat|jti claim",
            "jwt audience|issuer|subject",
            "client id … invalid|registered|unknown",
            "invalid|wrong signature",
            "unauthorized device|app|application",
            "device|app|application|client not authorized|authorised",
        ],
        InvalidRequest,
    ),
    // A server that does not know the session's scheme of authentication at all (RFC 9110 §11).
    words(
        "other-scheme",
        &[
            "requires http|basic|digest authentication",
            "www authenticate basic|digest",
            "proxy authentication|authorization",
        ],
        InvalidRequest,
    ),
    // A program that the vendor has retired or switched off: another one is needed, and no other password.
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
            "client disabled|blocked",
            "clients are disabled",
        ],
        ClientRefused,
    ),
    // Locked by too many attempts, before those count as a quota.
    words(
        "account-locked",
        &["account|user … locked|blocked|suspended|disabled|deactivated", "locked out", "temporarily locked"],
        CredentialsRejected,
    ),
    // The vehicle is somebody else's.
    words(
        "not-your-vehicle",
        &[
            "not connected|linked|associated|registered|assigned to driver|user|account|customer|owner",
            "not linked|associated|assigned|enrolled … driver|user|account|customer|owner",
            "no relation|relationship",
            "not belong",
        ],
        InvalidRequest,
    ),
    // What only the vehicle's commands want. The session is as good as before.
    words(
        "pin",
        &[
            "pin|spin … incorrect|wrong|invalid|rejected|required|missing|locked|verification",
            "pin|spin not set",
            "operation password",
        ],
        CredentialsRejected,
    ),
    // Which of the two is wrong is the cloud's secret, also where it counts the attempts.
    words(
        "credentials-wrong",
        &[
            "check … username|password|credentials|email",
            "username|password|credentials|email … wrong|incorrect|invalid|mismatch",
            "missing … credential|credentials",
            "passwort … falsch|ungültig|inkorrekt",
            "mot de passe … incorrect|invalide",
            "wachtwoord … onjuist|ongeldig",
        ],
        CredentialsRejected,
    ),
    words(
        "quota",
        &[
            "quota",
            "too many … requests|calls|attempts|logins",
            "maximum number … requests|commands|calls|attempts|logins",
            "rate limit*",
            "limit … exceed*|reached",
            "exceed* … limit|requests|calls|checks",
            "throttl*",
            "daily limit",
            "request limit",
            "wait … minutes|seconds|before",
        ],
        RateLimited,
    ),
    // What the owner has not agreed to, before its scopes are named.
    words(
        CONSENT,
        &[
            "missing|required … consent|consents",
            "consent|consents … missing|required|needed",
            "accept … terms|conditions|consent|consents",
        ],
        ChallengeRequired,
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
            "not have permission|permissions|access",
            "not enough privileges|permissions",
            "permission denied",
            "no permission*",
        ],
        InvalidRequest,
    ),
    // The Volkswagen gateway refuses a bearer for one vehicle and takes it for the next.
    vendor("vw-gateway", VOLKSWAGEN, &["gw error"], InvalidRequest),
    // A person has to type or to prove something; a new token is not that.
    words(
        "one-time-code",
        &["otp", "one time password|code|pin", "verification code", "mfa", "2fa", "two factor"],
        ChallengeRequired,
    ),
];
