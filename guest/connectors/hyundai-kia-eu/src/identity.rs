//! The sign-in by password at the identity provider, up to the code that its redirect brings.
//!
//! Three steps in one cookie jar: the page at which a sign-in begins, for its cookies; the public key that
//! passwords are sealed with, whose answer tells whether the clock of this machine is right; and the form. Nothing is repeated, and every end that is no code has a failure
//! of its own: vendors lock accounts, and users change passwords that were right.

use vehicle_connector_sdk::http::{Encoding, derived, seal, text};
use vehicle_connector_sdk::prelude::*;

use crate::address;
use crate::brand::OneApp;
use crate::cloud::Cloud;

mod clock;
mod outcome;

pub(crate) use outcome::{Outcome, blocked};

/// The identity provider answers only clients that call themselves the app's browser.
const USER_AGENT: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/120.0.0.0 Mobile Safari/537.36_CCS_APP_AOS";

/// The cookies of a sign-in.
const JAR: &str = "identity";

/// The name of the key that passwords are sealed with.
const KEY: &str = "identity-key";

/// What the app sends as `state`, and gets back.
const STATE: &str = "ccsp";

/// How many redirects are followed at most.
const MOST_REDIRECTS: usize = 8;

/// The page of the vendor's that only leads back to the identity provider, slowly.
const DETOUR: &str = "/web/v1/user/authorize";

/// Signs in by the account's user name and password. The code becomes the secret `authorization-code`.
///
/// # Errors
///
/// No answer, or any end of the sign-in that is neither a code nor a wish for consent.
pub(crate) fn sign_in(cloud: &Cloud<'_>) -> Result<Outcome, Failure> {
    let app = cloud.one_app()?;
    begin(cloud, app)?;
    let kid = key(cloud)?;
    let password = seal(KEY, [text(secret("password"))], Encoding::HexLower);
    let form = url(cloud, "/auth/account/signin");
    let request = browser(Request::post(form.clone()))
        .derive("sealed-password", password)
        .field("client_id", app.client_id)
        .field("encryptedPassword", "true")
        .field("password", derived("sealed-password"))
        .field("redirect_uri", app.redirect_uri)
        .field("scope", "")
        .field("nonce", "")
        .field("state", STATE)
        .field("username", secret("username"))
        .field("connector_session_key", "")
        .field("kid", kid)
        .field("_csrf", "")
        .capture_header_parameter("location", "code", "authorization-code");
    Outcome::of(&request.send(Phase::SignIn)?, &form, app.redirect_uri)
}

/// Begins a sign-in, for its cookies.
fn begin(cloud: &Cloud<'_>, app: &OneApp) -> Result<(), Failure> {
    let request = Request::get(url(cloud, "/auth/api/v2/user/oauth2/authorize"))
        .query("response_type", "code")
        .query("client_id", app.client_id)
        .query("redirect_uri", app.redirect_uri)
        .query("lang", &cloud.account.language)
        .query("state", STATE)
        .query("country", "de");
    let mut at = request.url.clone();
    let mut answer = browser(request).send(Phase::SignIn)?;
    for _ in 0..MOST_REDIRECTS {
        if let Some(blocked) = blocked(&answer) {
            return Err(blocked);
        }
        let Some(next) = next(cloud, &at, &answer).filter(|next| *next != at) else { break };
        answer = browser(Request::get(next.clone())).send(Phase::SignIn)?;
        at = next;
    }
    match blocked(&answer) {
        Some(blocked) => Err(blocked),
        // Where it leads does not matter, but for its cookies.
        None if answer.status() < 400 => Ok(()),
        None => Err(answer.refusal(&Envelope::PLAIN)),
    }
}

/// Where to go on from an answer. None if it leads nowhere, or to where this account does not reach.
fn next(cloud: &Cloud<'_>, at: &str, answer: &Answer) -> Option<String> {
    let location = answer.header("location").filter(|_| (300..400).contains(&answer.status()))?;
    let leads = address::resolve(at, location)?;
    let identity = url(cloud, "");
    let leads = if address::place(&leads).ends_with(DETOUR) {
        // Without one the page is of no use: it is a program for a browser.
        address::parameter(&leads, "next_uri").filter(|next| address::is_below(next, &identity))?
    } else {
        leads
    };
    let bases = cloud.account.endpoints.iter().map(|endpoint| endpoint.url.trim_end_matches('/'));
    bases.into_iter().any(|base| address::is_below(&leads, base)).then_some(leads)
}

/// Asks for the public key that passwords are sealed with, and returns its name. A clock that is wrong ends the
/// sign-in here: the code that the password brings could not be exchanged, and the password would be spent.
fn key(cloud: &Cloud<'_>) -> Result<String, Failure> {
    let request = browser(Request::get(url(cloud, "/auth/api/v1/accounts/certs")));
    let answer = request.capture_public_key("/retValue", KEY).send(Phase::SignIn)?;
    if let Some(blocked) = blocked(&answer) {
        return Err(blocked);
    }
    let answer = answer.success(&Envelope::PLAIN)?;
    clock::agrees(&answer)?;
    answer.text("/retValue/kid").map(ToOwned::to_owned).ok_or_else(|| answer.lacks("kid of a key"))
}

fn url(cloud: &Cloud<'_>, path: &str) -> String {
    cloud.url(path, crate::cloud::Proof::Grant)
}

/// `request` as the app's browser sends it.
fn browser(request: Request) -> Request {
    request.header("User-Agent", USER_AGENT).jar(JAR)
}
