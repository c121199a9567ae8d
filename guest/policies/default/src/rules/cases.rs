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
    [BLOCKED, VENDOR_WORDS, BUSY, DENIALS, SESSION_ENDED, REMARKS, ODD].into_iter().flatten()
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
        for cloud in if rule.clouds.is_empty() { &["anywhere"] } else { rule.clouds } {
            let mut failure = failure(cloud, Phase::Status, &words);
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
    ("tesla-consent", "tesla", "Unauthorized missing scopes vehicle_cmds"),
    ("tesla-account", "tesla", "Invalid Tesla API User"),
    ("saic-instruction", "saic-mg", "The remote control instruction failed, please try again later."),
    ("mazda-input", "mazda", "Please check the input and try again. (400C01)"),
    ("not-the-answer", "gm-onstar", "Failed to extract transId from the page"),
    ("certificate", "vw-group", "x509: certificate signed by unknown authority"),
    ("tls-parameters", "kia-us", "[SSL: WRONG_SIGNATURE_TYPE] wrong signature type (_ssl.c:997)"),
    ("client-identity", "volvo", "Access denied due to invalid VCC-API-KEY."),
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
    ("own-token", "evcc", "token is expired by 116h25m26s"),
    ("other-tokens", "vw-group", "missing-device-token"),
    ("expired", "hyundai-kia-eu", "Key not authorized: token has expired"),
    ("token-invalid", "toyota", "invalid token could not authorize"),
    ("token-missing", "hyundai-us", "Token not set"),
    ("not-authenticated", "polestar", "User not authenticated"),
    ("signed-in-elsewhere", "byd", "Your account was used on another device"),
    ("spring-full-authentication", "volvo", "Full authentication is required to access this resource"),
    ("ibm-security-checks", "psa", "Cannot pass the security checks that are required by the target API"),
    ("vehicle-asleep", "tesla", "vehicle is offline or asleep"),
    ("service-unwell", "kia-us", "System could not process your request. Please try again later."),
    ("network", "jaguar-land-rover", "Cannot connect to host identity.example:443"),
    ("validation", "hyundai-us", "Parameter {password} field [Required] validation error."),
    ("person-needed", "mazda", "Wrong account. Please authenticate with the same account."),
    ("terms", "vw-group", "Please accept the updated terms and conditions"),
    ("unsupported", "toyota", "This vehicle is not supported"),
    ("odd-answer", "ford", "Unknown API response format"),
    ("wrong-request", "subaru", "No vehicles found for this account"),
];

#[test]
fn every_family_has_a_case_that_it_is_for() {
    for (id, cloud, message) in CASES {
        assert_eq!(crate::classify(&failure(cloud, Phase::Status, message)).rule, *id, "{message}");
    }
    for rule in word_rules() {
        assert!(CASES.iter().any(|(id, ..)| *id == rule.id), "no case for {}", rule.id);
    }
}
