//! What a policy takes a failure for, as far as rules depend on it.

use crate::action::Certainty;
use crate::stock::Price;

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The access token is no longer good.
    TokenExpired,
    /// The access token was refused although it was just obtained.
    TokenRefusedFresh,
    /// The device registration is no longer known.
    DeviceUnregistered,
    /// The permission that the PIN gave has ended.
    ControlTokenExpired,
    /// A credential is wrong or was revoked.
    CredentialsRejected,
    /// A person must do something more.
    ChallengeRequired,
    /// The vendor refuses this program.
    ClientRefused,
    /// Too many requests.
    RateLimited,
    /// Busy with an earlier request.
    Busy,
    /// A battery of the vehicle is too low.
    BatteryLow,
    /// There is no data of this vehicle.
    NoData,
    /// The cloud could not reach the vehicle.
    VehicleUnreachable,
    /// The network or the cloud is unwell.
    Transient,
    /// This vehicle cannot do this.
    Unsupported,
    /// The request itself is wrong.
    InvalidRequest,
    /// The answer is not what the protocol says.
    Malformed,
    /// No rule matched, or one of a later version.
    Unknown,
}

impl Kind {
    /// Whether it is a token that was refused, whatever its age.
    #[must_use]
    pub const fn is_about_the_token(self) -> bool {
        matches!(self, Self::TokenExpired | Self::TokenRefusedFresh)
    }

    /// Whether it says that an account is unwell. An expired token does not; one that is refused although it
    /// was just refreshed does, whatever the policy thinks: else a cloud that refuses every token would be
    /// asked for ever.
    #[must_use]
    pub const fn is_refused_again(self, refreshed: bool) -> bool {
        refreshed && self.is_about_the_token()
    }

    /// Price of a repeat after it.
    #[must_use]
    pub const fn price(self) -> Price {
        match self {
            Self::RateLimited | Self::Busy => Price::Throttled,
            _ => Price::Failure,
        }
    }

    /// Whether a failure of this kind, with an answer or without, is an answer about what was asked. One
    /// about a token is not: it comes from before the cloud proper.
    #[must_use]
    pub fn is_sensible(self, is_answered: bool, certainty: Certainty) -> bool {
        let about_the_matter = matches!(
            self,
            Self::Busy | Self::Unsupported | Self::InvalidRequest | Self::NoData | Self::BatteryLow
        );
        about_the_matter && is_answered && certainty == Certainty::Rejected
    }
}

/// The circuit that a failure counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// That of the token endpoint.
    TokenEndpoint,
    /// That of the cloud.
    Cloud,
    /// That of the account.
    Account,
    /// That of the vehicle.
    Vehicle,
    /// None that this version knows.
    Other,
}

/// Returns the circuit about whose health a failure tells, of what the policy says and of what it is.
#[must_use]
pub fn counted(policy: Option<Scope>, kind: Kind, refreshed: bool) -> Option<Scope> {
    policy.or_else(|| kind.is_refused_again(refreshed).then_some(Scope::Account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_refused_although_it_is_new_counts_against_the_account() {
        assert_eq!(counted(None, Kind::TokenExpired, false), None);
        assert_eq!(counted(None, Kind::TokenRefusedFresh, true), Some(Scope::Account));
        assert_eq!(counted(None, Kind::Busy, true), None);
        assert_eq!(counted(Some(Scope::Other), Kind::TokenExpired, true), Some(Scope::Other));
    }
}
