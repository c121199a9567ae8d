//! What is asked of the identity provider, besides the refresh grant.

use super::RouteKind;

/// The places of a sign-in with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdpCall {
    Authorize,
    Certs,
    SignIn,
    Page(Page),
}

/// What a browser is led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The app in the browser that asks for the password.
    App,
    /// Where terms are accepted.
    Consent,
    /// What the firewall says.
    Error,
}

impl IdpCall {
    pub(super) fn parse(method: &str, path: &[&str]) -> Option<Self> {
        Some(match (method, path) {
            ("GET", ["auth", "api", "v2", "user", "oauth2", "authorize"]) => Self::Authorize,
            ("GET", ["auth", "api", "v1", "accounts", "certs"]) => Self::Certs,
            ("POST", ["auth", "account", "signin"]) => Self::SignIn,
            ("GET", ["web", "v1", "user", "authorize"]) => Self::Page(Page::App),
            ("GET", ["web", "v1", "user", "authorization"]) => Self::Page(Page::Consent),
            ("GET", ["error"]) => Self::Page(Page::Error),
            _ => return None,
        })
    }

    pub(super) fn kind(self) -> RouteKind {
        match self {
            Self::Authorize => RouteKind::SignInPage,
            Self::Certs => RouteKind::Certs,
            Self::SignIn => RouteKind::SignIn,
            Self::Page(_) => RouteKind::Page,
        }
    }
}
