//! The sign-in at the account service itself, outside Europe: e-mail address and password in JSON, a code in an
//! address, and tokens for that by Basic authentication.
//!
//! The access token lives for six hours. Its refresh is one request, which brings another refresh token or leaves
//! the one that there is. A refresh token that is refused says nothing about the password.

use vehicle_connector_sdk::clock;
use vehicle_connector_sdk::prelude::*;

use crate::address;
use crate::cloud::{Cloud, Proof};
use crate::device;
use crate::identity::{Outcome, blocked};
use crate::kept::DIRECT;
use crate::session::with_access_token;
use crate::stamp::stamp;

/// The cookies of a sign-in.
const JAR: &str = "account";

/// The secret that the code of a sign-in becomes.
pub(crate) const CODE: &str = "account-code";

/// The secret that the refresh token becomes.
pub(crate) const REFRESH_TOKEN: &str = "account-refresh-token";

/// Our own code for e-mail address and password that the account service did not take. Its own codes say the same of
/// any parameter.
pub(crate) const REFUSED: &str = "account-refused";

/// The account service's codes for parameters and values that it does not take, and for who has to sign in.
const OF_ACCOUNT: [&str; 3] = ["4002", "4003", "4010"];

/// The page on which terms are accepted.
const CONSENT: &str = "/web/v1/user/authorization";

/// The account service's envelope, and the gateway's before it.
static ACCOUNT: Envelope = Envelope {
    codes_at: &["/errCode", "/resCode"],
    words_at: &["/errMsg", "/resMsg", "/error", "/message"],
    ..Envelope::PLAIN
};

/// Signs in by e-mail address and password, which are sent once. The code becomes the secret [`CODE`].
///
/// The device comes first: what it is refused for, such as a clock that is wrong, is nothing to spend a password on.
///
/// # Errors
///
/// No answer, or any end that is neither a code nor a wish for consent.
pub(crate) fn sign_in(cloud: &Cloud<'_>) -> Result<Outcome, Failure> {
    device::ensure(cloud)?;
    begin(cloud)?;
    let request = cloud.dressed(Request::post(cloud.url("/signin", Proof::Grant)), Proof::Grant, true);
    let answer = request
        .json(&json!({ "email": secret("username"), "password": secret("password") }))
        .jar(JAR)
        .capture_json_parameter("/redirectUrl", "code", CODE)
        .send(Phase::SignIn)?;
    if let Some(blocked) = blocked(&answer) {
        return Err(blocked);
    }
    let answer = answer.success(&ACCOUNT).map_err(of_account)?;
    let leads = answer.text("/redirectUrl").unwrap_or_default();
    if address::parameter(leads, "code").is_some() {
        return Ok(Outcome::Code);
    }
    let place = address::place(leads);
    if place.ends_with(CONSENT) {
        return Ok(Outcome::Consent(place.to_owned()));
    }
    Err(answer.lacks("code of a sign-in"))
}

/// Begins a sign-in, for its cookies.
fn begin(cloud: &Cloud<'_>) -> Result<(), Failure> {
    let request = Request::get(cloud.url("/oauth2/authorize", Proof::Grant))
        .query("response_type", "code")
        .query("client_id", cloud.brand.service_id)
        .query("redirect_uri", cloud.brand.redirect_uri)
        .query("lang", "en");
    let answer = cloud.dressed(request, Proof::Grant, false).jar(JAR).send(Phase::SignIn)?;
    match blocked(&answer) {
        Some(blocked) => Err(blocked),
        // Only its cookies matter.
        None if answer.status() < 400 => Ok(()),
        None => Err(answer.refusal(&ACCOUNT)),
    }
}

/// The session for the code of a sign-in.
///
/// # Errors
///
/// No answer, or a refusal.
pub(crate) fn grant(cloud: &Cloud<'_>) -> Result<Step, Failure> {
    let request = oauth::token(cloud.url("/oauth2/token", Proof::Grant), "authorization_code")
        .field("redirect_uri", cloud.brand.redirect_uri)
        .field("code", secret(CODE));
    let answer = with_access_token(of_client(cloud, request).send(Phase::SignIn)?)?;
    Ok(Step::Granted(oauth::grant_in(answer, &ACCOUNT, DIRECT)?))
}

/// The next session from the one that there is.
///
/// # Errors
///
/// No answer, or a refusal. When it is the refresh token that is refused, nothing is wrong with the password.
pub(crate) fn refresh(cloud: &Cloud<'_>) -> Result<Step, Failure> {
    let request = oauth::token(cloud.url("/oauth2/token", Proof::Grant), "refresh_token")
        .field("refresh_token", secret(REFRESH_TOKEN));
    let answer = with_access_token(of_client(cloud, request).send(Phase::Refresh)?)?;
    Ok(Step::Granted(oauth::grant_in(answer, &ACCOUNT, DIRECT).map_err(of_session)?))
}

/// `request` to the token endpoint as the vendor's app makes it.
fn of_client(cloud: &Cloud<'_>, request: Request) -> Request {
    cloud
        .dressed(request, Proof::Grant, false)
        .basic(cloud.brand.service_id, cloud.brand.client_secret)
        .header("Stamp", stamp(cloud.brand, clock::now().seconds))
        .capture_secret("/refresh_token", REFRESH_TOKEN)
}

/// What a sign-in has failed with: a refusal of the account, if the account service says so.
fn of_account(failure: Failure) -> Failure {
    if !is_refusal(&failure) {
        return failure;
    }
    let message = format!(
        "the account service did not take e-mail address and password: {}. It says so of both, and of an account \
         that is not active; sign in with the vendor's app to see which it is",
        failure.message
    );
    Failure { code: Some(REFUSED.to_owned()), message, ..failure }
}

/// What a refresh has failed with: a session that is over, if the account service says so.
fn of_session(failure: Failure) -> Failure {
    if !is_refusal(&failure) {
        return failure;
    }
    let over = failure::no_refresh();
    Failure { code: over.code, message: format!("{}: {}", over.message, failure.message), ..failure }
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.http_status, Some(400 | 401 | 403))
        && failure.code.as_deref().is_some_and(|code| OF_ACCOUNT.contains(&code))
}
