//! Vendor codes.

use super::{
    BYD, CANADA, CCSP, CodeRule, GIGYA, HYUNDAI_US, KAMEREON, KIA_US, MAZDA, PSA, SAIC, SUBARU, Steps, TESLA,
    TUYA,
};
use crate::types::FailureKind::{
    self, BatteryLow, Busy, ChallengeRequired, ClientRefused, ControlTokenExpired, CredentialsRejected,
    DeviceUnregistered, InvalidRequest, NoData, RateLimited, TokenExpired, Transient, Unsupported,
    VehicleUnreachable,
};

const fn code(
    id: &'static str,
    clouds: &'static [&'static str],
    code: &'static str,
    patterns: &'static [&'static str],
    kind: FailureKind,
) -> CodeRule {
    CodeRule { id, clouds, code, steps: Steps::All, patterns, kind }
}

/// A code that means this in some steps only.
const fn step(
    steps: Steps,
    id: &'static str,
    clouds: &'static [&'static str],
    code: &'static str,
    kind: FailureKind,
) -> CodeRule {
    CodeRule { id, clouds, code, steps, patterns: &[], kind }
}

/// Our own code, and its rule: a connector says that its cloud has no refresh.
const NO_REFRESH: &str = vehicle_connector_sdk::failure::NO_REFRESH;

/// The rule of a token service whose back end is unwell for one account. Asking again soon is no use.
pub(crate) const UPSTREAM: &str = "ccsp-9001-upstream";

/// Whether the rule of this identifier is a code that says that the session is over: of a refresh it means
/// that nothing but the credentials brings another one, and nothing about those. The codes of standards do
/// not count, which say the same of wrong credentials.
pub(crate) fn ends_session(id: &str) -> bool {
    id == NO_REFRESH
        || CODES.iter().any(|rule| {
            rule.id == id
                && rule.kind == TokenExpired
                && !rule.clouds.is_empty()
                && !rule.id.ends_with(WANTS_SIGN_IN)
        })
}

/// Whether the rule of this identifier is a code of a vendor's.
pub(crate) fn is_code(id: &str) -> bool {
    CODES.iter().any(|rule| rule.id == id)
}

/// How the rules end of codes that want a sign-in and do not say that the token has ended.
pub(crate) const WANTS_SIGN_IN: &str = "-sign-in";

/// Codes that a PIN is refused with, in the step that offers it; elsewhere they mean something else. Those
/// that mean it everywhere are among [`CODES`].
pub(crate) static PIN_REFUSALS: &[CodeRule] = &[
    // The account service's `errCode`.
    code("ccsp-4003-pin", CCSP, "4003", &[], CredentialsRejected),
    code("ccsp-4002-pin", CCSP, "4002", &["invalid parameters"], CredentialsRejected),
    // Our own: a connector says that the cloud counts the tries that are left.
    code("pin-refused", &[], "pin-refused", &[], CredentialsRejected),
];

/// What codes mean. Asked before the status: several clouds put wrong passwords and spent quotas behind a
/// 502.
pub(crate) static CODES: &[CodeRule] = &[
    // Our own: a connector says that the cloud refused the permission that the PIN gave.
    code("control-token", &[], "control-token", &[], ControlTokenExpired),
    // Our own: a connector says that its cloud has no refresh.
    code(NO_REFRESH, &[], NO_REFRESH, &[], TokenExpired),
    // Hyundai, Kia, Genesis outside America: `resCode` of the gateway, `errCode` of the account service.
    code("ccsp-4002-device", CCSP, "4002", &["device id"], DeviceUnregistered),
    code("ccsp-4002-service", CCSP, "4002", &["service problem"], Transient),
    code("ccsp-4002", CCSP, "4002", &[], InvalidRequest),
    // Of a sign-in what was typed: it counts the attempts that are left (`errBody.remainCount`).
    step(Steps::SignIn, "ccsp-4003-password", CCSP, "4003", CredentialsRejected),
    code("ccsp-4003", CCSP, "4003", &[], InvalidRequest),
    // The vehicle's one command channel is taken, whatever was asked.
    code("ccsp-4004", CCSP, "4004", &[], Busy),
    code("ccsp-4005", CCSP, "4005", &[], Unsupported),
    code("ccsp-4007", CCSP, "4007", &[], BatteryLow),
    // The account service wants a sign-in that it can accept. Of a token that may simply have ended it is
    // worth a refresh; of a sign-in or a refresh it is the end.
    code("ccsp-4010-sign-in", CCSP, "4010", &[], TokenExpired),
    // Stamp or application id, or a clock that is wrong: HTTP 401 and yet no token is to blame.
    code("ccsp-4017", CCSP, "4017", &[], InvalidRequest),
    // The session of the token service since 2026 is over.
    code("ccsp-4111-session", CCSP, "4111", &[], TokenExpired),
    code("ccsp-4081", CCSP, "4081", &[], VehicleUnreachable),
    code("ccsp-5031", CCSP, "5031", &[], Transient),
    code("ccsp-5091", CCSP, "5091", &[], RateLimited),
    code("ccsp-5153", CCSP, "5153", &[], CredentialsRejected),
    code("ccsp-5921", CCSP, "5921", &[], NoData),
    // The identity provider, about a refresh token that is dead or somebody else's; elsewhere like 4010.
    code("ccsp-7501-sign-in", CCSP, "7501", &[], TokenExpired),
    // The token service's back end is unwell, for this account and for hours.
    code(UPSTREAM, CCSP, "9001", &[], Transient),
    // The gate before the token service: no signature, or a wrong one. Nobody's credentials are to blame.
    code("ccsp-9035-gate", CCSP, "9035", &[], ClientRefused),
    code("ccsp-9036-gate", CCSP, "9036", &[], ClientRefused),
    // The same about the time in the signature: this machine's clock is wrong.
    code("ccsp-9037-gate", CCSP, "9037", &[], InvalidRequest),
    // Our own: the connector has seen itself, before a password was sent, that this machine's clock is wrong.
    code("wrong-clock", &[], "wrong-clock", &[], InvalidRequest),
    // Our own: the gate has refused to renew a session whose access token lasts, so nothing is over.
    code("not-renewed", &[], "not-renewed", &[], InvalidRequest),
    // Our own: the service gives out tokens, and refuses to exchange them for what vehicles are asked with. No
    // other tokens and no sign-in would change that.
    code("not-exchanged", &[], "not-exchanged", &[], InvalidRequest),
    // An error that nobody has named, but for some whose words say what it is.
    code("ccsp-9999-model", CCSP, "9999", &["vehicle is not"], Unsupported),
    code("ccsp-9999", CCSP, "9999", &[], VehicleUnreachable),
    // Their next protocol (GSPA): `metaInfo.resCode`, an HTTP status and a number.
    code("gspa-duplicate", CCSP, "400-004", &[], Busy),
    code("gspa-401", CCSP, "401-*", &[], TokenExpired),
    code("gspa-403", CCSP, "403-*", &[], InvalidRequest),
    code("gspa-404", CCSP, "404-*", &[], Unsupported),
    // The same in Canada: `errorCode`.
    // Apologies for an error that has no name.
    code("ca-7101-unwell", CANADA, "7101", &[], Transient),
    code("ca-7110-otp", CANADA, "7110", &[], ChallengeRequired),
    code("ca-7310-pin", CANADA, "7310", &[], CredentialsRejected),
    code("ca-7402-locked", CANADA, "7402", &[], CredentialsRejected),
    code("ca-7403-expired", CANADA, "7403", &[], TokenExpired),
    code("ca-7404-password", CANADA, "7404", &[], CredentialsRejected),
    code("ca-7549-otp", CANADA, "7549", &[], ChallengeRequired),
    // Another sign-in ended the session.
    code("ca-7602-deleted", CANADA, "7602", &[], TokenExpired),
    // The token is bound to the address that it was given to.
    code("ca-7606-address", CANADA, "7606", &[], TokenExpired),
    code("ca-7710-device", CANADA, "7710", &[], DeviceUnregistered),
    // Kia in the United States: `status.errorCode`.
    code("kia-us-1001-password", KIA_US, "1001", &[], CredentialsRejected),
    code("kia-us-1003-session", KIA_US, "1003", &[], TokenExpired),
    code("kia-us-1005-session", KIA_US, "1005", &[], TokenExpired),
    code("kia-us-9000", KIA_US, "9000", &[], Transient),
    // The gate before the sign-in does not take the request of this program.
    code("kia-us-9789", KIA_US, "9789", &[], InvalidRequest),
    // Hyundai in the United States: `errorSubCode`; its `errorCode` 502 means any of these.
    code("hyundai-us-expired", HYUNDAI_US, "C401_2", &[], TokenExpired),
    code("hyundai-us-password", HYUNDAI_US, "IDM_401_1", &[], CredentialsRejected),
    code("hyundai-us-pending", HYUNDAI_US, "HT_533", &[], Busy),
    code("hyundai-us-quota", HYUNDAI_US, "HT_534", &[], RateLimited),
    code("hyundai-us-vehicle", HYUNDAI_US, "HT_900", &[], VehicleUnreachable),
    code("hyundai-us-general", HYUNDAI_US, "GEN", &[], Transient),
    // Gigya: `errorCode`, documented with its REST API. A wrong password, or an application key that the vendor
    // has replaced: the answers are the same. Either way only the owner can change something, so it may latch
    // like a refused credential, which a new key ends as a new password does. Never as a client that is
    // blocked or outdated: those latches a new key would not end.
    code("gigya-403042-password-or-key", GIGYA, "403042", &[], CredentialsRejected),
    code("gigya-403041-disabled", GIGYA, "403041", &[], CredentialsRejected),
    code("gigya-403120-locked", GIGYA, "403120", &[], CredentialsRejected),
    code("gigya-403101-otp", GIGYA, "403101", &[], ChallengeRequired),
    code("gigya-206001-pending", GIGYA, "206001", &[], CredentialsRejected),
    code("gigya-403005-user", GIGYA, "403005", &[], TokenExpired),
    code("gigya-403013-user", GIGYA, "403013", &[], TokenExpired),
    code("gigya-403852", GIGYA, "403852", &[], TokenExpired),
    code("gigya-403048-rate", GIGYA, "403048", &[], RateLimited),
    code("gigya-403007-permission", GIGYA, "403007", &[], InvalidRequest),
    // A code that was typed wrong: the same question may be answered again.
    code("gigya-400006-otp", GIGYA, "400006", &[], ChallengeRequired),
    code("gigya-4000-parameter", GIGYA, "4000*", &[], InvalidRequest),
    code("gigya-5000-server", GIGYA, "5000*", &[], Transient),
    code("gigya-5040-network", GIGYA, "5040*", &[], Transient),
    // Our own: the connector has no token of the session yet, as a sign-in failed after its login.
    code("no-id-token", &[], "no-id-token", &[], TokenExpired),
    // Our own: the connector has no access token of the session yet, as the exchange for one has failed so far.
    code("no-access-token", &[], "no-access-token", &[], TokenExpired),
    // Kamereon's gateway, which has no list of errors: the application key was replaced. No token is to blame,
    // and no car; it is said of reads and commands, which latch nothing, so a new key helps at once.
    code("kamereon-access-denied-key", KAMEREON, "access_denied", &[], ClientRefused),
    // Two spellings: no data of this car, and no such address.
    code("kamereon-no-data", KAMEREON, "err.func.wired.notFound", &[], NoData),
    code("kamereon-no-address", KAMEREON, "err.func.wired.not-found", &[], Unsupported),
    code("kamereon-no-method", KAMEREON, "err.func.wired.methodNotAllowed", &[], Unsupported),
    code("kamereon-403-car", KAMEREON, "err.func.403", &["not supported"], Unsupported),
    // The charge mode is being changed.
    code("kamereon-409001-busy", KAMEREON, "409001", &[], Busy),
    code("kamereon-502000", KAMEREON, "502000", &[], Transient),
    // Functional errors are the caller's fault, technical ones the cloud's.
    code("kamereon-overloaded", KAMEREON, "err.func.wired.overloaded", &[], RateLimited),
    code("kamereon-unauthorized", KAMEREON, "err.func.wired.unauthorized", &[], TokenExpired),
    code("kamereon-401", KAMEREON, "err.func.401", &[], TokenExpired),
    code("kamereon-429", KAMEREON, "err.func.429", &[], RateLimited),
    code("kamereon-functional", KAMEREON, "err.func.*", &[], InvalidRequest),
    code("kamereon-501", KAMEREON, "err.tech.501", &[], Unsupported),
    code("kamereon-technical", KAMEREON, "err.tech.*", &[], Transient),
    // Mazda: `errorCode`, and `extraCode` beside 920000.
    // Another device has taken the account's one session.
    code("mazda-600100-session", MAZDA, "600100", &[], TokenExpired),
    code("mazda-600002-expired", MAZDA, "600002", &[], TokenExpired),
    code("mazda-600001-keys", MAZDA, "600001", &[], Transient),
    code("mazda-400s01-running", MAZDA, "400S01", &[], Busy),
    // A limit of the vehicle's, which ends when it is driven.
    code("mazda-400s11-starts", MAZDA, "400S11", &[], InvalidRequest),
    code("mazda-400c01-password", MAZDA, "400C01", &[], CredentialsRejected),
    code("mazda-400c-input", MAZDA, "400C*", &[], InvalidRequest),
    // Subaru: `errorCode` or `data.errorLabel`; SXM codes are those of the first generation of its cars.
    code("subaru-invalid-token", SUBARU, "InvalidToken", &[], TokenExpired),
    code("subaru-credentials", SUBARU, "InvalidCredentials", &[], CredentialsRejected),
    code("subaru-warning", SUBARU, "passwordWarning", &[], CredentialsRejected),
    code("subaru-locked", SUBARU, "accountLocked", &[], CredentialsRejected),
    code("subaru-account", SUBARU, "accountNotFound", &[], CredentialsRejected),
    code("subaru-invalid-account", SUBARU, "invalidAccount", &[], CredentialsRejected),
    code("subaru-attempts", SUBARU, "tooManyAttempts", &[], RateLimited),
    code("subaru-vehicle", SUBARU, "vehicleNotInAccount", &[], InvalidRequest),
    code("subaru-no-vehicles", SUBARU, "noVehicles*", &[], InvalidRequest),
    code("subaru-setup", SUBARU, "VEHICLESETUPERROR", &[], InvalidRequest),
    code("subaru-gateway", SUBARU, "403-soa-unableToParseResponseBody", &[], Transient),
    code("subaru-started", SUBARU, "ServiceAlreadyStarted", &[], Busy),
    code("subaru-sxm-started", SUBARU, "SXM40009", &[], Busy),
    code("subaru-sxm-subscription", SUBARU, "SXM40004", &[], InvalidRequest),
    code("subaru-sxm-stolen", SUBARU, "SXM40005", &[], InvalidRequest),
    code("subaru-sxm-pin", SUBARU, "SXM40006", &[], CredentialsRejected),
    code("subaru-sxm-pin-locked", SUBARU, "SXM40017", &[], CredentialsRejected),
    // SXM codes begin with an HTTP status.
    code("subaru-sxm-400", SUBARU, "SXM400*", &[], InvalidRequest),
    code("subaru-sxm-401", SUBARU, "SXM401*", &[], TokenExpired),
    code("subaru-sxm-403", SUBARU, "SXM403*", &[], InvalidRequest),
    code("subaru-sxm-500", SUBARU, "SXM50*", &[], Transient),
    // Stellantis: `code`, an HTTP status and two digits, by its own documentation.
    code("psa-400", PSA, "400*", &[], InvalidRequest),
    code("psa-401", PSA, "401*", &[], TokenExpired),
    code("psa-403", PSA, "403*", &[], InvalidRequest),
    code("psa-404", PSA, "404*", &[], NoData),
    code("psa-429", PSA, "429*", &[], RateLimited),
    code("psa-500", PSA, "50*", &[], Transient),
    // Tesla's Fleet API and its resellers: `error`, where it is a name.
    code("tesla-mobile-access", TESLA, "mobile_access_disabled", &[], InvalidRequest),
    code("tesla-subscription", TESLA, "subscription_required", &[], InvalidRequest),
    code("tesla-vehicle-subscription", TESLA, "vehicle_subscription_required", &[], InvalidRequest),
    code("tesla-credits", TESLA, "insufficient_credits", &[], RateLimited),
    code("tesla-command", TESLA, "invalid_command", &[], Unsupported),
    code("tesla-field", TESLA, "invalid_field", &[], InvalidRequest),
    // BYD: `code`.
    code("byd-1001-endpoint", BYD, "1001", &[], Unsupported),
    code("byd-1002-session", BYD, "1002", &[], TokenExpired),
    code("byd-1005-session", BYD, "1005", &[], TokenExpired),
    code("byd-1010-session", BYD, "1010", &[], TokenExpired),
    code("byd-5005-pin", BYD, "5005", &[], CredentialsRejected),
    code("byd-5006-pin", BYD, "5006", &[], CredentialsRejected),
    code("byd-6024-rate", BYD, "6024", &[], RateLimited),
    // Tuya's open platform: `code`, from its list of global error codes.
    code("tuya-500-server", TUYA, "500", &[], Transient),
    code("tuya-1000-data", TUYA, "1000", &[], NoData),
    code("tuya-1001-secret", TUYA, "1001", &[], CredentialsRejected),
    code("tuya-1002-token", TUYA, "1002", &[], TokenExpired),
    code("tuya-1004-signature", TUYA, "1004", &[], InvalidRequest),
    code("tuya-1005-client", TUYA, "1005", &[], InvalidRequest),
    code("tuya-1010-expired", TUYA, "1010", &[], TokenExpired),
    code("tuya-1011-invalid", TUYA, "1011", &[], TokenExpired),
    code("tuya-1012-status", TUYA, "1012", &[], TokenExpired),
    // The time of the request: this machine's clock is wrong.
    code("tuya-1013-clock", TUYA, "1013", &[], InvalidRequest),
    code("tuya-1106-permission", TUYA, "1106", &[], InvalidRequest),
    code("tuya-1110-concurrent", TUYA, "1110", &[], RateLimited),
    code("tuya-1111-busy", TUYA, "1111", &[], Transient),
    code("tuya-11-parameter", TUYA, "110*", &[], InvalidRequest),
    code("tuya-2001-offline", TUYA, "2001", &[], VehicleUnreachable),
    code("tuya-28841-subscription", TUYA, "28841*", &[], InvalidRequest),
    // Others whose codes for an ended session are known.
    code("zeekr-079012", &["zeekr"], "079012", &[], TokenExpired),
    code("leapmotor-3", &["leapmotor"], "3", &["token"], TokenExpired),
    code("smart-1402", &["smart"], "1402", &[], TokenExpired),
    code("saic-401", SAIC, "401", &[], TokenExpired),
    // Apigee, the gateway of several vendors, about access tokens.
    code("apigee-expired", &[], "keymanagement.service.access_token_expired", &[], TokenExpired),
    code("apigee-invalid", &[], "keymanagement.service.invalid_access_token", &[], TokenExpired),
    code("apigee-quota", &[], "policies.ratelimit.*", &[], RateLimited),
    // GraphQL servers by Apollo: `extensions.code`.
    code("apollo-unauthenticated", &[], "UNAUTHENTICATED", &[], TokenExpired),
    // Not allowed, as in HTTP 403.
    step(Steps::Data, "apollo-forbidden", &[], "FORBIDDEN", InvalidRequest),
    code("apollo-input", &[], "BAD_USER_INPUT", &[], InvalidRequest),
    code("apollo-validation", &[], "GRAPHQL_VALIDATION_FAILED", &[], InvalidRequest),
    code("apollo-server", &[], "INTERNAL_SERVER_ERROR", &[], Transient),
];
