//! A case for each rule.

use alloc::string::String;

use super::*;
use crate::testing::plain;
use crate::types::Phase;

#[test]
fn rule_ids_are_unique_and_speakable() {
    let codes = CODES.iter().map(|rule| rule.id);
    let mut ids: Vec<_> = codes.chain(word_rules().map(|rule| rule.id)).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let speakable = |id: &str| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    assert!(ids.iter().all(|id| speakable(id)), "{ids:?}");
}

fn word_rules() -> impl Iterator<Item = &'static WordRule> {
    [BLOCKED, VENDOR_WORDS, BUSY, ANSWERS_WITHOUT, NO_SESSION, EXPIRED, DENIALS, SESSION_ENDED, REMARKS, ODD]
        .into_iter()
        .flatten()
}

/// What a pattern describes, in its first words.
fn example(pattern: &str) -> String {
    let word = |word: &str| word.split('|').next().unwrap().replace(['*', '…'], "");
    pattern.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn patterns_can_be_matched() {
    for pattern in word_rules().flat_map(|rule| rule.patterns).chain(REFUSALS) {
        assert!(Words::of(&example(pattern)).say(pattern), "{pattern}");
    }
}

fn failure(cloud: &str, phase: Phase, message: &str) -> Failure {
    Failure { cloud: cloud.into(), message: message.into(), ..plain(phase) }
}

#[test]
fn every_code_is_found_in_its_clouds_and_nowhere_else() {
    for rule in CODES {
        let words = rule.patterns.first().map(|pattern| example(pattern)).unwrap_or_default();
        let phase = match rule.steps {
            Steps::SignIn => Phase::SignIn,
            Steps::All | Steps::Data => Phase::Status,
        };
        for cloud in if rule.clouds.is_empty() { &["anywhere"] } else { rule.clouds } {
            let mut failure = failure(cloud, phase, &words);
            failure.code = Some(rule.code.replace('*', "x"));
            assert_eq!(crate::classify(&failure).rule, rule.id, "{cloud}");
            failure.cloud = "elsewhere".into();
            assert!(rule.clouds.is_empty() || crate::classify(&failure).rule != rule.id, "{}", rule.id);
        }
    }
}

/// The rule, a cloud, and something that it says.
const CASES: &[(&str, &str, &str)] = &[
    ("blocked-client", "hyundai-kia-eu", "classified as an abusing request and blocked"),
    ("ccsp-timeout", "hyundai-kia-eu", "Request timeout - Request timeout"),
    ("ccsp-identity", "hyundai-kia-eu", "Received unexpected statusCode"),
    ("ccsp-step", "hyundai-kia-in", "{'step': 3, 'upgrade': True}"),
    ("ccsp-device", "hyundai-kia-eu", "Invalid request body - Invalid deviceId."),
    ("ca-address", "hyundai-kia-ca", "Access Token IP Validation failed."),
    ("tesla-refusal", "tesla", "vehicle rejected request: message signature is bad"),
    ("tesla-epoch", "tesla", "Command failed: Incorrect Epoch"),
    ("vw-upstream", "vw-group", r#"{"error":{"message":"Upstream service responded with 404 Not Found"}}"#),
    ("consent", "vw-group", r#"Missing consent for client "technical" scopes: profile"#),
    ("tesla-reason", "tesla", "{'response': {'reason': 'not_charging', 'result': False}}"),
    ("volvo-vehicle", "volvo", "invokeStatus: CAR_IN_SLEEP_MODE"),
    ("tesla-consent", "tesla", "Unauthorized missing scopes vehicle_cmds"),
    ("tesla-account", "tesla", "Invalid Tesla API User"),
    ("saic-instruction", "saic-mg", "The remote control instruction failed, please try again later."),
    ("mazda-input", "mazda", "Please check the input and try again. (400C01)"),
    ("nissan-params", "nissan", "CarwingsError: INVALID PARAMS"),
    ("not-the-answer", "gm-onstar", "Failed to extract transId from the page"),
    ("certificate", "vw-group", "x509: certificate signed by unknown authority"),
    ("tls-parameters", "kia-us", "[SSL: WRONG_SIGNATURE_TYPE] wrong signature type (_ssl.c:997)"),
    ("client-identity", "volvo", "Access denied due to invalid VCC-API-KEY."),
    ("other-scheme", "nissan", "This request requires HTTP authentication."),
    ("app-outdated", "mazda", "An update to the app is required to continue"),
    ("account-locked", "subaru", "User account is locked after too many attempts"),
    ("credentials-wrong", "renault", "invalid loginID or password"),
    ("quota", "bmw", "Out of call volume quota."),
    ("in-progress", "mazda", "Request already in progress so can't make another one"),
    ("scope", "toyota", "insufficient privileges"),
    ("vw-gateway", "vw-group", "gw.error.authentication"),
    ("refresh-token", "mercedes", "The given refresh token is not valid or was already used."),
    ("one-time-code", "kia-us", "OTP required"),
    ("person-at-a-browser", "bmw", "hCaptcha token missing or invalid captcha"),
    ("entitlement", "volvo", "No active subscription"),
    ("not-your-vehicle", "renault", "vehicle is not connected to driver"),
    ("pin", "byd", "The control PIN is incorrect"),
    ("clock", "toyota", "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z"),
    ("expired-proof", "toyota", "The verification link has expired"),
    ("own-token", "evcc", "token is expired by 116h25m26s"),
    ("other-tokens", "vw-group", "missing-device-token"),
    ("expired", "hyundai-kia-eu", "Key not authorized: token has expired"),
    // As golang-jwt words it.
    ("expired", "smart", "token is expired by 2h3m4s"),
    ("answer-without", "kia-us", "No session id returned in login"),
    ("token-invalid", "toyota", "invalid token could not authorize"),
    ("token-missing", "hyundai-us", "Token not set"),
    ("not-authenticated", "polestar", "User not authenticated"),
    ("signed-in-elsewhere", "byd", "Your account was used on another device"),
    ("vehicle-condition", "subaru", "NegativeAcknowledge:doorNotClosed"),
    ("vehicle-asleep", "tesla", "vehicle is offline or asleep"),
    ("service-unwell", "kia-us", "System could not process your request. Please try again later"),
    ("network", "jaguar-land-rover", "Cannot connect to host identity.example:443"),
    ("validation", "hyundai-us", "Parameter {password} field [Required] validation error."),
    ("person-needed", "mazda", "Wrong account. Please authenticate with the same account."),
    ("terms", "vw-group", "The terms and conditions have changed"),
    ("unsupported", "toyota", "This vehicle is not supported"),
    ("odd-answer", "ford", "Unknown API response format"),
    ("wrong-request", "subaru", "No vehicles found for this account"),
];

/// In a read, but for what is said of sign-ins only.
fn case(id: &str, cloud: &str, message: &str) -> Failure {
    let sign_in = ANSWERS_WITHOUT.iter().any(|rule| rule.id == id);
    failure(cloud, if sign_in { Phase::SignIn } else { Phase::Status }, message)
}

/// What clients say around what they were told. It says nothing about the failure.
const NEUTRAL: &[&str] = &[
    "{}",
    "Error: {}",
    "Exception: {}",
    "Failed to lock vehicle: {}",
    "Failed to lock the vehicle: {}",
    "Vehicle operation failed: {}",
    "Command lock failed: {}",
    "Error during lock operation: {}",
    "lock for vehicle KNA0001: {}",
    "Error communicating with API: {}",
    "Unexpected error fetching acme data: {}",
    "Config Not Ready: {}",
    "Failed setup, will retry: {}",
    "Update failed: {}",
    "Could not update the state of the car: {}",
    "Unable to complete the request: {}",
    "HTTPError: {}",
    "acme_api.exceptions.APIError: {}",
    "java.lang.RuntimeException: {}",
    "[custom_components.acme.coordinator] {}",
    "Request failed ({})",
    "{} (while updating)",
    "{}. See the log for details.",
    "for url https://api.example/oauth2/token/session?vehicle=1: {}",
];

#[test]
fn what_clients_say_around_it_changes_no_verdict() {
    let told = [
        ("expired", "hyundai-kia-eu", "Key not authorized: Token is expired"),
        ("missing-key", "kia-us", "'vehicleStatus'"),
        ("bare-401", "psa", "Unauthorized"),
    ];
    for (id, cloud, message) in CASES.iter().chain(&told) {
        for neutral in NEUTRAL {
            let wrapped = neutral.replace("{}", message);
            let verdict = crate::classify(&case(id, cloud, &wrapped));
            assert_eq!(verdict.rule, *id, "{wrapped}");
        }
    }
}

#[test]
fn every_family_has_a_case_that_it_is_for() {
    for (id, cloud, message) in CASES {
        assert_eq!(crate::classify(&case(id, cloud, message)).rule, *id, "{message}");
    }
    for rule in word_rules() {
        assert!(CASES.iter().any(|(id, ..)| *id == rule.id), "no case for {}", rule.id);
    }
}
