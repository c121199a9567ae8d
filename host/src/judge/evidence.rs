//! Evidence that a credential is refused.
//!
//! A person who is told "refused" must find another credential, so it takes more than a refusal: the answer
//! has to say that it is about the credential, in a form that nothing but the vendor's own service writes.
//! That is an error of OAuth's, or a code of the vendor's, with the status of a refusal. Which codes mean it
//! stands in the host's table (`presets.toml`) for the clouds that it knows; for others, and for codes that
//! are newer than the host, the policy's word for it counts if it is the code that it goes by. Nothing else
//! is a verdict: no status alone, no page, no words, whatever a policy makes of them.

use crate::bindings::policy::{BodyKind, Failure, FailureKind, Latch, Phase};
use crate::descriptor::{Refusals, Said};
use crate::plugin::Policy;

/// Errors of RFC 6749 §5.2 and OpenID Connect Core §3.1.2.6: the grant or the client is not accepted, or a
/// person has to sign in, consent or choose. Not `invalid_request`, which is said of anything, and not
/// `access_denied`.
const GRANT_ERRORS: [&str; 6] = [
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "login_required",
    "consent_required",
    "interaction_required",
];

/// A code that no vendor has.
const NO_CODE: &str = "a-code-that-nobody-has";

/// Whether the vendor says that it refuses the account's credentials.
pub(crate) async fn refuses_grant(failure: &Failure, table: &Refusals, policy: &Policy) -> bool {
    let session = matches!(failure.phase, Phase::SignIn | Phase::Refresh);
    let error = failure.oauth_error.as_deref();
    session && is_listed_with_status(failure, &table.grant)
        || is_refusal(failure)
            && (error.is_some_and(|error| GRANT_ERRORS.contains(&error))
                || session && is_listed(failure, &table.grant)
                || is_code(failure, policy).await)
}

/// What refuses a session, where an answer leaves no doubt that trying the same again does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantRefusal {
    /// The credentials are refused, by a code or an error of OAuth's in a document.
    Credentials,
    /// The session is over, and nothing is said about the credentials.
    Session,
    /// The sign-in is refused, for a reason that the vendor's words tell.
    SignIn,
    /// The sign-in was led back to where it began: the credentials are wrong, or something before the service keeps this
    /// program out. Nobody can tell which.
    Undecidable,
}

/// Errors with which a server refuses a sign-in by a redirect because it is unwell (RFC 6749 §4.1.2.1).
const UNWELL: [&str; 2] = ["server_error", "temporarily_unavailable"];

/// Returns what refuses a sign-in that was answered with a redirect (RFC 6749 §4.1.2.1), as far as that can be told. It is no
/// document, so it counts only together with a policy that latches for it; and then one try is enough, as a wrong
/// password locks the account.
pub(crate) fn refuses_by_redirect(failure: &Failure) -> Option<GrantRefusal> {
    let redirected = failure.transport.is_none() && matches!(failure.http_status, Some(300..=399));
    if failure.phase != Phase::SignIn || !redirected {
        return None;
    }
    match failure.oauth_error.as_deref() {
        Some(error) if UNWELL.contains(&error) => None,
        Some(_) => Some(GrantRefusal::SignIn),
        None => failure.redirect.as_ref().map(|_| GrantRefusal::Undecidable),
    }
}

/// Whether the vendor says that it refuses the PIN.
pub(crate) async fn refuses_pin(failure: &Failure, table: &Refusals, policy: &Policy) -> bool {
    failure.phase == Phase::Pin
        && (is_listed_with_status(failure, &table.pin)
            || is_refusal(failure) && (is_listed(failure, &table.pin) || is_code(failure, policy).await))
}

/// Whether the answer is one of the refusals of a PIN that the host knows of this cloud, whatever was asked for.
pub(crate) fn is_pin_refusal(failure: &Failure, table: &Refusals) -> bool {
    failure.transport.is_none() && failure.body != BodyKind::Html && is_listed(failure, &table.pin)
}

/// Whether an answer could say that the vendor blocks this client. Vendors say that in words only, so the
/// latch ends by itself.
pub(crate) fn may_say_blocked(failure: &Failure) -> bool {
    // A firewall's page may come with any of these.
    let page = failure.body == BodyKind::Html && matches!(failure.http_status, Some(200..=299));
    (page || matches!(failure.http_status, Some(300..=499))) && !failure.message.trim().is_empty()
}

/// Whether an answer could say that the vendor refuses this program, whoever uses it: a document with a code. Words alone
/// are no reason to send nothing any more.
pub(crate) fn may_say_client_refused(failure: &Failure) -> bool {
    let codes = [&failure.code, &failure.oauth_error];
    failure.transport.is_none()
        && failure.body != BodyKind::Html
        && codes.into_iter().flatten().any(|code| !code.trim().is_empty())
}

/// Whether a policy's latch asks for what only a person can give.
pub(crate) const fn is_for_a_person(latch: &Latch) -> bool {
    !matches!(latch, Latch::Blocked | Latch::ClientRefused)
}

/// Whether a service answered, and not just that it cannot answer now: an answer that is neither success nor
/// verdict, and that a service which is only unwell would not give. An answer of which a connector tells
/// nothing is doubtful too.
pub(crate) fn is_doubtful(failure: &Failure) -> bool {
    let says_refused = failure.oauth_error.as_deref().is_some_and(|error| GRANT_ERRORS.contains(&error));
    failure.transport.is_none()
        && match failure.http_status {
            Some(status @ (408 | 425 | 429 | 500..)) => says_refused && status >= 500,
            Some(_) | None => true,
        }
}

/// Returns what was answered, without its words.
pub(crate) fn in_short(failure: &Failure) -> String {
    let status =
        failure.http_status.map_or_else(|| "no status".to_owned(), |status| format!("HTTP {status}"));
    let code = failure.code.as_deref().map(|code| format!(", code {code}")).unwrap_or_default();
    let body = match failure.body {
        BodyKind::None => ", empty",
        BodyKind::Html => ", a page",
        BodyKind::Json | BodyKind::Other => "",
    };
    format!("{status}{code}{body}")
}

/// Whether the answer is a document with a status that says no. In front of a service stand others, which
/// have pages for it.
fn is_refusal(failure: &Failure) -> bool {
    let passing = matches!(failure.http_status, Some(408 | 425 | 429));
    failure.transport.is_none()
        && matches!(failure.http_status, Some(400..=499))
        && !passing
        && failure.body != BodyKind::Html
}

/// Whether an answer says that the vendor's limit of the day is reached, by what the host knows of this
/// cloud: a policy may call it something else, and other limits last for seconds. An answer that names a time
/// says more.
pub(crate) fn is_daily_limit(failure: &Failure, table: &Refusals) -> bool {
    failure.transport.is_none() && failure.retry_after.is_none() && is_listed(failure, &table.daily_limit)
}

fn is_listed(failure: &Failure, table: &[Said]) -> bool {
    table.iter().any(|said| {
        failure.code.as_ref() == Some(&said.code)
            && said.status.is_none_or(|status| failure.http_status == Some(status))
            && said.words.as_ref().is_none_or(|words| contains(&failure.message, words))
    })
}

/// Whether the owner's table has this code with this very status: there are services that say no with HTTP 200.
fn is_listed_with_status(failure: &Failure, table: &[Said]) -> bool {
    failure.transport.is_none()
        && failure.body != BodyKind::Html
        && table.iter().any(|said| said.status.is_some() && is_listed(failure, std::slice::from_ref(said)))
}

fn contains(text: &str, words: &str) -> bool {
    text.to_ascii_lowercase().contains(&words.to_ascii_lowercase())
}

/// Whether a policy knows the code itself as a refusal: it says so of the code alone, and not of another one.
async fn is_code(failure: &Failure, policy: &Policy) -> bool {
    let Some(code) = failure.code.as_deref().filter(|code| !code.trim().is_empty()) else { return false };
    let alone = |code: &str, sub_code: Option<&str>| Failure {
        code: Some(code.to_owned()),
        sub_code: sub_code.map(str::to_owned),
        http_status: None,
        oauth_error: None,
        message: String::new(),
        ..failure.clone()
    };
    let refused = async |failure: Failure| {
        let verdict = policy.classify(&failure).await;
        verdict.is_ok_and(|verdict| verdict.kind == FailureKind::CredentialsRejected)
    };
    refused(alone(code, failure.sub_code.as_deref())).await && !refused(alone(NO_CODE, None)).await
}

#[cfg(test)]
mod tests;
