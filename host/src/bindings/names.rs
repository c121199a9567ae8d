//! Names that `wit/policy.wit` has for the cases of its enums and variants: logs, records and command lines
//! show and understand them.

use serde::{Deserialize, Deserializer, Serializer};

use super::policy::{
    BodyKind, Certainty, CircuitScope, Effect, FailureKind, Latch, Phase, RefreshReason, Transport,
};

/// A case with a name.
pub trait Named: Sized {
    /// Name of the case; for `other`, the name that the policy gave it.
    fn name(&self) -> &str;

    /// The case of this name; none if it is unknown and the type has no `other`.
    fn named(name: &str) -> Option<Self>;
}

macro_rules! names {
    ($($type:ident { $($case:ident = $name:literal),* $(,)? } $(or $other:ident)?;)*) => {$(
        impl Named for $type {
            fn name(&self) -> &str {
                match self {
                    $(Self::$case => $name,)*
                    $(Self::$other(name) => name,)?
                }
            }

            fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$case),)*
                    $(name => Some(Self::$other(name.to_owned())),)?
                    #[allow(unreachable_patterns, reason = "types with `other` have a name for everything")]
                    _ => None,
                }
            }
        }
    )*};
}

names! {
    Effect { Read = "read", Set = "set", Actuation = "actuation", Session = "session" };
    Phase {
        SignIn = "sign-in", Refresh = "refresh", Registration = "registration", Pin = "pin", Status = "status",
        Command = "command", Confirmation = "confirmation", Unknown = "unknown",
    };
    Certainty { NotSent = "not-sent", Rejected = "rejected", Ambiguous = "ambiguous", Accepted = "accepted" };
    Transport { NotSent = "not-sent", Interrupted = "interrupted", Denied = "denied", Other = "other" };
    BodyKind { None = "none", Json = "json", Html = "html", Other = "other" };
    RefreshReason { Missing = "missing", Refused = "refused", Expiring = "expiring", Unused = "unused" };
    FailureKind {
        TokenExpired = "token-expired", TokenRefusedFresh = "token-refused-fresh",
        DeviceUnregistered = "device-unregistered",
        ControlTokenExpired = "control-token-expired", CredentialsRejected = "credentials-rejected",
        ChallengeRequired = "challenge-required", ClientRefused = "client-refused",
        RateLimited = "rate-limited", Busy = "busy", BatteryLow = "battery-low", NoData = "no-data",
        VehicleUnreachable = "vehicle-unreachable",
        Transient = "transient", Unsupported = "unsupported", InvalidRequest = "invalid-request",
        Malformed = "malformed", Unknown = "unknown",
    } or Other;
    CircuitScope {
        TokenEndpoint = "token-endpoint", Cloud = "cloud", Account = "account", Vehicle = "vehicle",
    } or Other;
    Latch { AuthRequired = "auth-required", OtpRequired = "otp-required", ConsentRequired = "consent-required",
        Blocked = "blocked", ClientRefused = "client-refused",
    } or Other;
}

/// Serialises a case by its name, for `#[serde(with = "by_name")]`.
pub(crate) mod by_name {
    use super::{Deserialize, Deserializer, Named, Serializer, unknown};

    pub(crate) fn serialize<T: Named, S: Serializer>(case: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(case.name())
    }

    pub(crate) fn deserialize<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let name = String::deserialize(deserializer)?;
        T::named(&name).ok_or_else(|| unknown(&name))
    }
}

/// Serialises a case that may be absent by its name.
pub(crate) mod by_name_if_any {
    use super::{Deserialize, Deserializer, Named, Serializer, unknown};

    pub(crate) fn serialize<T: Named, S: Serializer>(
        case: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match case {
            Some(case) => serializer.serialize_some(case.name()),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: Named, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        name.map(|name| T::named(&name).ok_or_else(|| unknown(&name))).transpose()
    }
}

fn unknown<E: serde::de::Error>(name: &str) -> E {
    E::custom(format_args!("{name:?} is not one of the names in wit/policy.wit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_case() {
        for name in ["token-expired", "device-unregistered", "busy", "something the host has never heard of"]
        {
            assert_eq!(FailureKind::named(name).map(|kind| kind.name().to_owned()).as_deref(), Some(name));
        }
        assert_eq!(FailureKind::named("token-expired"), Some(FailureKind::TokenExpired));
        assert_eq!(Phase::named("sign-in"), Some(Phase::SignIn));
        assert_eq!(Phase::named("sign in"), None);
    }
}
