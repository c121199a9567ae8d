//! The session: which family of tokens it is of, and how it is obtained and refreshed.
//!
//! An account may have a refresh token of 48 characters and a password. The token goes first, for as long as
//! it is alive: it costs no sign-in, it is no person's, and the vendor's gate does not stand before it. When
//! the identity provider says that it is dead, the password takes over, and no operation fails for it.

use vehicle_connector_sdk::connector::Challenge;
use vehicle_connector_sdk::log;
use vehicle_connector_sdk::prelude::*;

use crate::cloud::{Cloud, Proof};
use crate::device;
use crate::direct;
use crate::envelope;
use crate::identity::{self, Outcome};
use crate::kept::{LEGACY, Session};
use crate::region::SignIn;
use crate::tokens;

/// The identity provider's code for a refresh token that is dead, or somebody else's.
pub(crate) const DEAD: &str = "7501";

/// What a sign-in that waits for consent goes on from.
const CONSENT: &str = r#"{"waits":"consent"}"#;

/// A session from what the owner has configured.
///
/// # Errors
///
/// No answer, a refusal, or nothing to sign in with.
pub(crate) fn sign_in(cloud: &Cloud<'_>) -> Result<Step, Failure> {
    let by_password = has_password(cloud.account);
    let is_direct = cloud.region.sign_in == SignIn::AccountService;
    if !is_direct && cloud.account.has_secret("refresh-token") && !(by_password && Session::read().is_some())
    {
        match grant(cloud, Phase::SignIn) {
            Err(failure) if by_password && is_dead(&failure) => {
                log::warn("the refresh token is dead; signing in by password");
            }
            granted => return granted,
        }
    }
    if !by_password {
        return Err(nothing_to_sign_in_with(cloud.account));
    }
    sign_in_by_password(cloud)
}

/// What follows when terms were accepted: the same sign-in once more.
///
/// # Errors
///
/// As for [`sign_in`]; or a reply to another question.
pub(crate) fn go_on(cloud: &Cloud<'_>, continuation: &str, reply: &Reply) -> Result<Step, Failure> {
    match reply {
        Reply::Confirmed if continuation == CONSENT => sign_in_by_password(cloud),
        _ => Err(failure::not_sent(Phase::SignIn, "this question wants nothing but a confirmation")),
    }
}

/// The next session from the one that there is.
///
/// # Errors
///
/// No answer, or a refusal.
pub(crate) fn refresh(cloud: &Cloud<'_>) -> Result<Step, Failure> {
    if cloud.region.sign_in == SignIn::AccountService {
        return direct::refresh(cloud);
    }
    if let Some(Session::Cci(session)) = Session::read() {
        return tokens::refresh(cloud, &session);
    }
    grant(cloud, Phase::Refresh).map_err(|failure| {
        if !is_dead(&failure) || !has_password(cloud.account) {
            return failure;
        }
        // Nothing is wrong with what the next session comes from.
        let over = failure::no_refresh();
        Failure { code: over.code, message: format!("{}: {}", over.message, failure.message), ..failure }
    })
}

/// Exchanges the refresh token, of the configuration or of the session, for an access token, and for the next
/// refresh token if the cloud gives one. `phase` is what the grant is for; the request is the same.
fn grant(cloud: &Cloud<'_>, phase: Phase) -> Result<Step, Failure> {
    let request = oauth::refresh(cloud.url("/auth/api/v2/user/oauth2/token", Proof::Grant))
        .field("client_id", cloud.brand.service_id)
        .field("client_secret", cloud.brand.client_secret);
    let answer = cloud.dressed(request, Proof::Grant, false).send(phase)?;
    let answer = with_access_token(envelope::open(answer, Proof::Grant)?)?;
    Ok(Step::Granted(oauth::grant(answer, LEGACY)?))
}

/// An answer of a token endpoint, unless something stands in it in place of the access token that is none: it was not
/// captured then.
///
/// # Errors
///
/// It has no access token.
pub(crate) fn with_access_token(answer: Answer) -> Result<Answer, Failure> {
    match answer.text("/access_token") {
        Some(text) if text != secret(oauth::ACCESS_TOKEN) => Err(answer.lacks("access token")),
        _ => Ok(answer),
    }
}

fn sign_in_by_password(cloud: &Cloud<'_>) -> Result<Step, Failure> {
    let (outcome, device) = if cloud.region.sign_in == SignIn::AccountService {
        (direct::sign_in(cloud)?, None)
    } else {
        // A password is not spent on what cannot be used then.
        tokens::may_sign_in(cloud)?;
        let device = device::for_new_tokens(cloud)?;
        (identity::sign_in(cloud)?, Some(device))
    };
    match (outcome, device) {
        (Outcome::Code, Some(device)) => tokens::begin(cloud, device),
        (Outcome::Code, None) => direct::grant(cloud),
        (Outcome::Consent(page), _) => Ok(Step::ask(Challenge::Consent(consent(cloud, &page)), CONSENT)),
    }
}

fn consent(cloud: &Cloud<'_>, page: &str) -> String {
    format!(
        "The vendor wants terms accepted before it lets this account in. Sign in to the app of {} with the \
         account, or with a browser at {page}, accept them, and confirm that here",
        cloud.brand.name
    )
}

/// Whether the account can be signed in without a person.
pub(crate) fn has_password(account: &Account) -> bool {
    account.has_secret("username") && account.has_secret("password")
}

fn is_dead(failure: &Failure) -> bool {
    failure.code.as_deref() == Some(DEAD)
}

fn nothing_to_sign_in_with(account: &Account) -> Failure {
    let message = match (account.has_secret("username"), account.has_secret("password")) {
        (false, true) => "`password` is configured and `username` is not; nothing was sent".to_owned(),
        _ => format!(
            "there is no session and nothing to sign in with; run `vehicle-connector auth login {}`. Nothing was sent",
            account.id
        ),
    };
    failure::not_sent(Phase::SignIn, &message)
}
