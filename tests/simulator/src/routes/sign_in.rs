//! The sign-in with a password: the page, the key, the password.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::envelope::{Answer, Refused};
use crate::exchange::Incoming;
use crate::idp::{self, BLOCKED, Chain, Firewall, SignInOutcome};
use crate::route::{IdpCall, Page};
use crate::strict::{bad_request, value};
use crate::world::{Shared, World};

/// How long a page waits for the password.
const PAGE_LIFETIME: Duration = Duration::from_secs(600);

/// How long a code waits for its exchange.
const CODE_LIFETIME: Duration = Duration::from_secs(60);

const ERROR_PAGE: &str = "/error?status=400&error=Bad+Request\
    &error_description=Bad+Request.+It+was+classified+as+an+abusing+request+and+blocked.";

pub(crate) fn act(
    shared: &Shared,
    world: &mut World,
    incoming: &Incoming,
    call: IdpCall,
) -> Result<Answer, Refused> {
    match call {
        IdpCall::Authorize => Ok(authorize(world, incoming)),
        IdpCall::Certs => Ok(Answer::json(200, &json!({ "retCode": "S", "retValue": idp::key() }))),
        IdpCall::SignIn => sign_in(shared, world, incoming),
        IdpCall::Page(page) => Ok(show(page, incoming)),
    }
}

/// Begins a sign-in: sets its cookies, and leads to the app in the browser, which would come back here with them. Who
/// comes with the cookies is shown the page.
fn authorize(world: &mut World, incoming: &Incoming) -> Answer {
    let asks_older_app = value(&incoming.query, "client_id") == world.config.brand.constants().service_id;
    match world.provider.firewall {
        // Since August 2026 the older app is not let through.
        None if asks_older_app => return redirect(incoming, ERROR_PAGE, Vec::new()),
        Some(Firewall::Page) => return Answer::raw(200, BLOCKED.to_owned(), Vec::new()),
        Some(Firewall::Redirect) => return redirect(incoming, ERROR_PAGE, Vec::new()),
        None => {}
    }
    let page = |cookies| Answer::raw(200, "<html>sign in</html>".to_owned(), cookies);
    if chain(world, incoming).is_ok() {
        return page(Vec::new());
    }
    let expires = world.expiry(PAGE_LIFETIME);
    let cookies = world.provider.chains.begin(expires, &mut world.ids).set_cookies();
    if !world.config.authorize_redirects {
        return page(cookies);
    }
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let fields: Vec<String> =
        incoming.query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let next = encode(&format!("{}{}?{}", origin(incoming), incoming.path, fields.join("&")));
    let app = format!(
        "/web/v1/user/authorize?lang={}&client_id={}&state=ccsp&next_uri={next}",
        value(&incoming.query, "lang"),
        value(&incoming.query, "client_id"),
    );
    redirect(incoming, &app, cookies)
}

fn show(page: Page, incoming: &Incoming) -> Answer {
    let (status, body) = match page {
        Page::App => (200, "<html>sign in</html>"),
        Page::Consent => (200, "<html>terms and conditions</html>"),
        Page::Error if value(&incoming.query, "error_description").contains("abusing") => (400, BLOCKED),
        Page::Error => (400, "<html>Bad Request</html>"),
    };
    Answer::raw(status, body.to_owned(), Vec::new())
}

/// Ends a sign-in, one way or another.
fn sign_in(shared: &Shared, world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    let form = incoming.form().unwrap_or_default();
    let sealed = value(&form, "password");
    let outcome = world.provider.next_outcome();
    match outcome {
        SignInOutcome::BlockedPage => return Ok(Answer::raw(403, BLOCKED.to_owned(), Vec::new())),
        SignInOutcome::BlockedRedirect => return Ok(redirect(incoming, ERROR_PAGE, Vec::new())),
        _ => {}
    }
    if value(&form, "kid") != idp::KEY_ID {
        return Err(bad_request("kid is not that of the key"));
    }
    let password = idp::decrypt(sealed).map_err(bad_request)?;
    let to_page = |reason: &str| Err(Refused::by_check(reason, login_page(world, incoming)));
    if let Err(reason) = chain(world, incoming) {
        return to_page(reason);
    }
    if value(&form, "username") != world.config.username {
        return to_page("wrong user name");
    }
    if password != world.config.password.as_bytes() {
        return to_page("wrong password");
    }
    let redirect_uri = world.config.brand.constants().app.redirect_uri;
    match outcome {
        SignInOutcome::LoginPage => to_page("the sign-in is to end so"),
        SignInOutcome::Consent => {
            Ok(redirect(incoming, "/web/v1/user/authorization?client_id=simulated", Vec::new()))
        }
        SignInOutcome::Refused => Ok(found(
            &format!(
                "{redirect_uri}?error=access_denied&error_description=The+account+is+not+active.&state=ccsp"
            ),
            Vec::new(),
        )),
        _ => {
            let expires = world.expiry(CODE_LIFETIME);
            let code = world.provider.give_code(expires, &mut world.ids);
            shared.count(|counters| counters.sign_ins += 1);
            Ok(found(&format!("{redirect_uri}?code={code}&state=ccsp&login_success=y"), Vec::new()))
        }
    }
}

/// Whether the cookies are those of a sign-in that is not over.
fn chain(world: &World, incoming: &Incoming) -> Result<(), &'static str> {
    let [account, session] = Chain::COOKIES.map(|name| incoming.cookie(name));
    world.provider.chains.knows(account, session, world.now())
}

/// Where a sign-in ends whose password is wrong, and not only then.
fn login_page(world: &World, incoming: &Incoming) -> Answer {
    let client = world.config.brand.constants().app.client_id;
    let place = format!("/auth/api/v2/user/oauth2/authorize?response_type=code&client_id={client}");
    redirect(incoming, &place, Vec::new())
}

/// A redirect to a place of this server, with its whole address where the client says what it asked.
fn redirect(incoming: &Incoming, place: &str, headers: Vec<(String, String)>) -> Answer {
    found(&format!("{}{place}", origin(incoming)), headers)
}

fn origin(incoming: &Incoming) -> String {
    if incoming.host.is_empty() { String::new() } else { format!("http://{}", incoming.host) }
}

fn found(location: &str, mut headers: Vec<(String, String)>) -> Answer {
    headers.push(("Location".to_owned(), location.to_owned()));
    Answer::raw(302, String::new(), headers)
}
