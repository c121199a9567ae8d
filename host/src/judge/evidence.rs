//! Evidence that a credential is refused.
//!
//! A person who is told "refused" must find another credential, so it takes more than a refusal: the answer
//! has to say that it is about the credential, in a form that nothing but the vendor's own service writes.
//! That is an error of OAuth's, or a code of the vendor's, with the status of a refusal. Which codes mean it
//! stands in the host's table (`presets.toml`) for the clouds that it knows; for others, and for codes that
//! are newer than the host, the policy's word for it counts if it is the code that it goes by. Nothing else
//! is a verdict: no status alone, no page, no words, whatever a policy makes of them.

pub(crate) use vehicle_connector_rules::evidence::GrantRefusal;
use vehicle_connector_rules::evidence::{Answer, Body, Listed, NO_CODE, Step};

use crate::bindings::policy::{BodyKind, Failure, FailureKind, Phase};
use crate::descriptor::{Refusals, Said};
use crate::plugin::Policy;

/// Whether the vendor says that it refuses the account's credentials.
pub(crate) async fn refuses_grant(failure: &Failure, table: &Refusals, policy: &Policy) -> bool {
    let listed = Listed {
        code: is_listed(failure, &table.grant),
        with_status: is_listed_with_status(failure, &table.grant),
    };
    match answer(failure).refuses_grant(listed) {
        Some(refused) => refused,
        None => is_code(failure, policy).await,
    }
}

/// See [`Answer::refuses_by_redirect`].
pub(crate) fn refuses_by_redirect(failure: &Failure) -> Option<GrantRefusal> {
    answer(failure).refuses_by_redirect()
}

/// A failure as far as it can be evidence.
pub(crate) fn answer(failure: &Failure) -> Answer<'_> {
    Answer {
        step: match failure.phase {
            Phase::SignIn => Step::SignIn,
            Phase::Refresh => Step::Refresh,
            _ => Step::Other,
        },
        is_missing: failure.transport.is_some(),
        status: failure.http_status,
        code: failure.code.as_deref(),
        oauth_error: failure.oauth_error.as_deref(),
        body: if failure.body == BodyKind::Html { Body::Page } else { Body::Document },
        has_words: !failure.message.trim().is_empty(),
        redirects: failure.redirect.is_some(),
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

/// See [`Answer::may_say_blocked`].
pub(crate) fn may_say_blocked(failure: &Failure) -> bool {
    answer(failure).may_say_blocked()
}

/// See [`Answer::may_say_client_refused`].
pub(crate) fn may_say_client_refused(failure: &Failure) -> bool {
    answer(failure).may_say_client_refused()
}

/// See [`Answer::is_doubtful`].
pub(crate) fn is_doubtful(failure: &Failure) -> bool {
    answer(failure).is_doubtful()
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

/// See [`Answer::is_refusal`].
fn is_refusal(failure: &Failure) -> bool {
    answer(failure).is_refusal()
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
