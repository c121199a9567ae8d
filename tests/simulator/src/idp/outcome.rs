//! How a sign-in ends.

use serde::{Deserialize, Serialize};

/// How a sign-in ends whose form, cookies, user name and password are right. With a wrong user name or password it
/// ends as [`Self::LoginPage`], whatever is set, unless the firewall is in the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SignInOutcome {
    /// 302 to the app with a code.
    #[default]
    Granted,
    /// 302 to the app with `error=access_denied`, and `error_description` says why.
    Refused,
    /// 302 to `/web/v1/user/authorization`: a person has to accept terms. Lasts until the outcome is set again, which
    /// is the person's doing.
    Consent,
    /// 302 back to the sign-in page. A client cannot tell this from a wrong password.
    LoginPage,
    /// 403 with a page that speaks of an abusing request.
    BlockedPage,
    /// 302 to `/error?status=400`, which speaks of an abusing request.
    BlockedRedirect,
}

/// What the firewall does to who asks for the sign-in page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Firewall {
    /// Answers with a page that speaks of an abusing request, HTTP 200.
    Page,
    /// Leads to `/error?status=400`, HTTP 302.
    Redirect,
}
