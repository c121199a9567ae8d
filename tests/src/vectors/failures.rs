//! Attempts that failed: the words and codes of many clouds, in the steps in which they may come.

use vehicle_connector::bindings::policy::{Attempt, BodyKind, Certainty, Effect, Failure, Phase, Transport};
use vehicle_connector::plugin::unanswered;

/// Names of the kinds of failures; the last one is for those that the interface has no name for.
pub(super) const KINDS: [&str; 18] = [
    "token-expired",
    "token-refused-fresh",
    "device-unregistered",
    "control-token-expired",
    "credentials-rejected",
    "challenge-required",
    "client-refused",
    "rate-limited",
    "busy",
    "battery-low",
    "no-data",
    "vehicle-unreachable",
    "transient",
    "unsupported",
    "invalid-request",
    "malformed",
    "unknown",
    "sunspots",
];

/// Names of the scopes of circuits; the last one likewise.
pub(super) const SCOPES: [&str; 5] = ["token-endpoint", "cloud", "account", "vehicle", "satellite"];

/// The default policy's failures of each kind: cloud, status, code and words.
const OF_EACH_KIND: [(&str, u16, &str, &str); 17] = [
    ("hyundai-kia-eu", 401, "", "Key not authorized: Token is expired"),
    ("hyundai-kia-eu", 401, "", "Key not authorized"),
    ("hyundai-kia-eu", 400, "4002", "Invalid request body - Invalid deviceId."),
    ("hyundai-kia-eu", 403, "control-token", "Invalid control token"),
    ("renault", 403, "403042", "Invalid LoginID"),
    ("renault", 403, "403101", "Account Pending TFA Verification"),
    ("hyundai-kia-eu", 403, "9035", "Signature missing"),
    ("hyundai-kia-eu", 429, "", "Too Many Requests"),
    ("hyundai-kia-eu", 400, "4004", "Duplicate request - Duplicate request"),
    ("hyundai-kia-eu", 400, "4007", "Battery is low"),
    ("hyundai-kia-eu", 400, "5921", "No Data Found v2 - No Data Found v2"),
    ("hyundai-kia-eu", 408, "9999", "Undefined Error - Response timeout"),
    ("hyundai-kia-eu", 503, "", "Service Unavailable"),
    ("hyundai-kia-eu", 400, "4005", "Unsupported control request"),
    ("toyota", 400, "", "Bad Request"),
    ("ford", 200, "", "Unknown API response format"),
    ("nowhere", 0, "", "the moon is in the wrong house"),
];

/// Steps: what failed, what the operation does, and whether the vehicle may have acted.
const STEPS: [(Phase, Effect, Certainty); 12] = [
    (Phase::Status, Effect::Read, Certainty::Rejected),
    (Phase::Status, Effect::Read, Certainty::Ambiguous),
    (Phase::Command, Effect::Actuation, Certainty::Rejected),
    (Phase::Command, Effect::Actuation, Certainty::Ambiguous),
    (Phase::Command, Effect::Actuation, Certainty::NotSent),
    (Phase::Command, Effect::Set, Certainty::Ambiguous),
    (Phase::Confirmation, Effect::Actuation, Certainty::Accepted),
    (Phase::Pin, Effect::Actuation, Certainty::Rejected),
    (Phase::Registration, Effect::Actuation, Certainty::NotSent),
    (Phase::SignIn, Effect::Session, Certainty::Rejected),
    (Phase::Refresh, Effect::Session, Certainty::Rejected),
    (Phase::Unknown, Effect::Read, Certainty::Rejected),
];

/// A cloud, and something that it says.
const WORDS: [(&str, &str); 40] = [
    ("hyundai-kia-eu", "classified as an abusing request and blocked"),
    ("hyundai-kia-eu", "Request timeout - Request timeout"),
    ("hyundai-kia-eu", "Received unexpected statusCode"),
    ("hyundai-kia-ca", "Access Token IP Validation failed."),
    ("tesla", "vehicle rejected request: message signature is bad"),
    ("tesla", "Unauthorized missing scopes vehicle_cmds"),
    ("saic-mg", "The remote control instruction failed, please try again later."),
    ("mazda", "Please check the input and try again. (400C01)"),
    ("gm-onstar", "Failed to extract transId from the page"),
    ("vw-group", "x509: certificate signed by unknown authority"),
    ("kia-us", "[SSL: WRONG_SIGNATURE_TYPE] wrong signature type (_ssl.c:997)"),
    ("volvo", "Access denied due to invalid VCC-API-KEY."),
    ("mazda", "An update to the app is required to continue"),
    ("subaru", "User account is locked after too many attempts"),
    ("renault", "invalid loginID or password"),
    ("bmw", "Out of call volume quota."),
    ("mazda", "Request already in progress so can't make another one"),
    ("toyota", "insufficient privileges"),
    ("mercedes", "The given refresh token is not valid or was already used."),
    ("kia-us", "OTP required"),
    ("bmw", "hCaptcha token missing or invalid captcha"),
    ("volvo", "No active subscription"),
    ("evcc", "token is expired by 116h25m26s"),
    ("hyundai-kia-eu", "Key not authorized: token has expired"),
    ("toyota", "invalid token could not authorize"),
    ("hyundai-us", "Token not set"),
    ("polestar", "User not authenticated"),
    ("byd", "Your account was used on another device"),
    ("psa", "Cannot pass the security checks that are required by the target API"),
    ("tesla", "vehicle is offline or asleep"),
    ("kia-us", "System could not process your request. Please try again later."),
    ("jaguar-land-rover", "Cannot connect to host identity.example:443"),
    ("hyundai-us", "Parameter {password} field [Required] validation error."),
    ("vw-group", "Please accept the updated terms and conditions"),
    ("toyota", "This vehicle is not supported"),
    ("subaru", "No vehicles found for this account"),
    ("anywhere", "'vehicleStatus'"),
    // Texts as they come: of another script, from right to left, with a zero byte, with none at all.
    ("anywhere", "セッションの有効期限が切れました 🚗"),
    ("anywhere", "\u{202e}deripxe si nekot\u{0}"),
    ("anywhere", ""),
];

/// A cloud, a code and a second one.
const CODES: [(&str, &str, &str); 24] = [
    ("hyundai-kia-eu", "4002", ""),
    ("hyundai-kia-eu", "4010", ""),
    ("hyundai-kia-eu", "4017", ""),
    ("hyundai-kia-eu", "4111", ""),
    ("hyundai-kia-eu", "5091", ""),
    ("hyundai-kia-eu", "5153", ""),
    ("hyundai-kia-eu", "7501", ""),
    ("hyundai-kia-eu", "9001", ""),
    ("hyundai-kia-eu", "9037", ""),
    ("hyundai-kia-eu", "401-001", ""),
    ("hyundai-kia-ca", "7110", ""),
    ("hyundai-kia-ca", "7402", ""),
    ("hyundai-kia-ca", "7403", ""),
    ("hyundai-kia-ca", "7710", ""),
    ("kia-us", "1001", ""),
    ("kia-us", "1003", ""),
    ("hyundai-us", "502", "HT_533"),
    ("hyundai-us", "502", "HT_534"),
    ("hyundai-us", "502", "IDM_401_1"),
    ("renault", "403013", ""),
    ("renault", "400006", ""),
    ("renault", "500001", ""),
    ("anywhere", "no-refresh", ""),
    ("anywhere", "4004", ""),
];

/// The `error` values of OAuth, and one that nobody knows.
const OAUTH: [&str; 13] = [
    "invalid_token",
    "invalid_request",
    "invalid_grant",
    "invalid_client",
    "insufficient_scope",
    "access_denied",
    "server_error",
    "temporarily_unavailable",
    "authorization_pending",
    "slow_down",
    "login_required",
    "consent_required",
    "odd_error",
];

const STATUSES: [u16; 17] =
    [0, 200, 302, 400, 401, 403, 404, 408, 410, 429, 500, 501, 502, 503, 504, 509, u16::MAX];

/// A command that was refused, with a token that has worked for an hour.
fn plain() -> Failure {
    Failure {
        body: BodyKind::Json,
        token_age: Some(3_600_000),
        token_last_worked: Some(60_000),
        ..Failure::refused("hyundai-kia-eu", "lock", Phase::Command, Effect::Actuation)
    }
}

fn asked(failure: Failure) -> Attempt {
    crate::attempt(failure, unanswered::verdict())
}

fn of_kind((cloud, status, code, words): (&str, u16, &str, &str)) -> Failure {
    Failure {
        cloud: cloud.to_owned(),
        http_status: (status > 0).then_some(status),
        code: some(code),
        message: words.to_owned(),
        ..plain()
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// All of them, each with a verdict that is still to be given.
pub(super) fn attempts() -> Vec<Attempt> {
    let mut all: Vec<_> = in_steps().chain(facts()).map(asked).collect();
    all.extend(circumstances());
    (0_u32..).zip(&mut all).for_each(|(n, attempt)| attempt.random = n.wrapping_mul(2_654_435_761));
    all
}

/// Each kind in each step.
fn in_steps() -> impl Iterator<Item = Failure> {
    OF_EACH_KIND.into_iter().flat_map(|kind| {
        STEPS.into_iter().map(move |(phase, effect, certainty)| {
            let operation = if effect == Effect::Read { "refresh_cached" } else { "lock" };
            Failure { operation: operation.to_owned(), effect, phase, certainty, ..of_kind(kind) }
        })
    })
}

/// Each fact by itself, in the order of the fields.
fn facts() -> impl Iterator<Item = Failure> {
    let words = WORDS.into_iter().flat_map(|(cloud, message)| {
        let said = Failure { cloud: cloud.to_owned(), message: message.to_owned(), ..plain() };
        let session = Failure { phase: Phase::Refresh, effect: Effect::Session, ..said.clone() };
        // Of a sign-in the same words may mean something else.
        [said].into_iter().chain(message.contains("oken").then_some(session))
    });
    let codes = CODES.into_iter().flat_map(|(cloud, code, sub_code)| {
        [(Phase::Command, Effect::Actuation), (Phase::Refresh, Effect::Session)].map(|(phase, effect)| {
            Failure {
                cloud: cloud.to_owned(),
                phase,
                effect,
                http_status: Some(400),
                code: some(code),
                sub_code: some(sub_code),
                ..plain()
            }
        })
    });
    let oauth =
        OAUTH.into_iter().flat_map(|error| {
            [(Phase::Status, Effect::Read), (Phase::Refresh, Effect::Session)].map(|(phase, effect)| {
                Failure { phase, effect, http_status: Some(400), oauth_error: some(error), ..plain() }
            })
        });
    let statuses = STATUSES.map(|status| Failure { http_status: Some(status), ..plain() });
    words.chain(codes).chain(oauth).chain(statuses).chain(transports()).chain(places()).chain(times())
}

fn transports() -> impl Iterator<Item = Failure> {
    use {Certainty as C, Transport as T};
    let cases = [
        (T::NotSent, C::NotSent),
        (T::Interrupted, C::Ambiguous),
        (T::Interrupted, C::Accepted),
        (T::Denied, C::NotSent),
        (T::Other, C::Ambiguous),
    ];
    cases.into_iter().map(|(transport, certainty)| Failure {
        transport: Some(transport),
        certainty,
        body: BodyKind::None,
        message: "no answer in time".to_owned(),
        ..plain()
    })
}

/// What the answer looked like, from where it came and where it led.
fn places() -> impl Iterator<Item = Failure> {
    let bodies = [
        (BodyKind::None, None),
        (BodyKind::Html, Some("text/html")),
        (BodyKind::Other, Some("text/html")),
        (BodyKind::Other, Some("text/plain")),
        (BodyKind::Json, Some("application/json")),
    ];
    let bodies = bodies.into_iter().map(|(body, content_type)| Failure {
        body,
        content_type: content_type.map(str::to_owned),
        http_status: Some(200),
        endpoint: Some("ccapi".to_owned()),
        ..plain()
    });
    let redirects = [
        ("renault", Phase::Status, "https://id.example/login"),
        ("renault", Phase::SignIn, "https://id.example/login"),
        ("hyundai-kia-eu", Phase::SignIn, "https://id.example/web/v1/user/authorization"),
        ("hyundai-kia-eu", Phase::Command, "app://elsewhere"),
    ];
    bodies.chain(redirects.into_iter().map(|(cloud, phase, redirect)| Failure {
        cloud: cloud.to_owned(),
        phase,
        redirect: Some(redirect.to_owned()),
        http_status: Some(302),
        ..plain()
    }))
}

/// Ages of tokens, and what the server asks to wait.
fn times() -> impl Iterator<Item = Failure> {
    let expired = || Failure { http_status: Some(401), message: "token has expired".to_owned(), ..plain() };
    let ages = [
        (None, None),
        (Some(0), None),
        (Some(1_999), None),
        (Some(59_999), None),
        (Some(59_999), Some(0)),
        (Some(u32::MAX), Some(u32::MAX)),
    ];
    let bare = ages.map(|(token_age, token_last_worked)| Failure {
        http_status: Some(401),
        token_age,
        token_last_worked,
        ..plain()
    });
    let told =
        ages.map(|(token_age, token_last_worked)| Failure { token_age, token_last_worked, ..expired() });
    let waits = [0, 1, 9_999, 59_999, u32::MAX].into_iter().flat_map(|wait| {
        [429, 503].map(|status| Failure { http_status: Some(status), retry_after: Some(wait), ..plain() })
    });
    bare.into_iter().chain(told).chain(waits)
}

/// Failures for which it matters how the operation stands.
fn circumstances() -> Vec<Attempt> {
    let [expired, fresh, device, control, .., limited, busy, _, _, unreachable, transient, _, _, _, _] =
        OF_EACH_KIND.map(of_kind);
    let certain = |certainty, failure: Failure| Failure { certainty, ..failure };
    let failures = [
        expired,
        Failure { token_age: Some(500), message: "token has expired".to_owned(), ..fresh },
        device,
        control,
        Failure { retry_after: Some(10_000), ..limited },
        busy,
        certain(Certainty::Ambiguous, unreachable),
        certain(Certainty::NotSent, transient),
    ];
    let mut all = Vec::new();
    for failure in failures {
        let plain = asked(failure);
        all.extend([
            Attempt { number: 2, ..plain.clone() },
            Attempt { number: 4, ..plain.clone() },
            Attempt { number: u32::MAX, ..plain.clone() },
            Attempt { refreshed: true, ..plain.clone() },
            Attempt { superseded: true, ..plain.clone() },
            Attempt { retry_budget: 0, ..plain.clone() },
            Attempt { elapsed: u32::MAX, remaining: 0, ..plain.clone() },
            Attempt { remaining: u32::MAX, ..plain },
        ]);
    }
    all
}
