//! What is asked of the token service.

use super::RouteKind;

/// One of its places, on the route that wants a signature or on the older one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CciCall {
    pub(crate) wants: CciWants,
    pub(crate) signed: bool,
}

/// What is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CciWants {
    /// A set of tokens for a code.
    CodeExchange,
    /// A CCS token for a set.
    TokenExchange,
    /// The next set for a set.
    TokenRefresh,
    /// The same as it was asked until September 2026.
    OldTokenRefresh,
}

impl CciCall {
    pub(super) fn parse(method: &str, path: &[&str]) -> Option<Self> {
        let (signed, version, name) = match (method, path) {
            ("POST", ["auth", version, name]) => (true, version, name),
            ("POST", ["domain", "api", version, "auth", name]) => (false, version, name),
            _ => return None,
        };
        let wants = match (*version, *name) {
            ("v1", "token") => CciWants::CodeExchange,
            ("v1", "token-exchange") => CciWants::TokenExchange,
            ("v1", "token-refresh") => CciWants::OldTokenRefresh,
            ("v2", "token-refresh") => CciWants::TokenRefresh,
            _ => return None,
        };
        Some(Self { wants, signed })
    }

    pub(super) fn kind(self) -> RouteKind {
        match self.wants {
            CciWants::CodeExchange => RouteKind::CodeExchange,
            CciWants::TokenExchange => RouteKind::TokenExchange,
            CciWants::TokenRefresh | CciWants::OldTokenRefresh => RouteKind::TokenRefresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Call;

    #[test]
    fn every_place_is_there_with_and_without_a_signature() {
        for (name, wants) in [
            ("v1 token", CciWants::CodeExchange),
            ("v1 token-exchange", CciWants::TokenExchange),
            ("v1 token-refresh", CciWants::OldTokenRefresh),
            ("v2 token-refresh", CciWants::TokenRefresh),
        ] {
            let (version, name) = name.split_once(' ').unwrap_or_default();
            let signed = Call::parse("POST", &format!("/auth/{version}/{name}"));
            assert_eq!(signed, Call::Cci(CciCall { wants, signed: true }));
            let unsigned = Call::parse("POST", &format!("/domain/api/{version}/auth/{name}"));
            assert_eq!(unsigned, Call::Cci(CciCall { wants, signed: false }));
        }
        assert_eq!(Call::parse("POST", "/auth/v2/token"), Call::Unknown);
        assert_eq!(Call::parse("GET", "/auth/v1/token"), Call::Unknown);
    }
}
