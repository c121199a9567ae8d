//! The sign-in where the account service does it itself: a password in JSON, a code in an address, tokens by Basic.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use crate::config::Config;
use crate::envelope::{self, Answer, Refused};
use crate::exchange::Incoming;
use crate::idp::{BLOCKED, Chain, SignInOutcome};
use crate::route::DirectCall;
use crate::world::{Shared, World};

/// How long a page waits for the password.
const PAGE_LIFETIME: Duration = Duration::from_secs(600);

/// How long a code waits for its exchange.
const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// Where terms are accepted. That a sign-in leads there by JSON as well is a guess.
const CONSENT: &str = "https://simulated.example/web/v1/user/authorization?client_id=simulated";

pub(crate) fn act(
    shared: &Shared,
    world: &mut World,
    incoming: &Incoming,
    call: DirectCall,
) -> Result<Answer, Refused> {
    match call {
        DirectCall::SignIn => sign_in(shared, world, incoming),
        DirectCall::Token => token(shared, world, incoming),
    }
}

/// Sets the cookies that a sign-in wants, for a query that is as the app's.
pub(super) fn authorize(world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    let (client, redirect) = (world.config.client(), world.config.region.redirect_uri(world.config.brand));
    let wanted = [
        ("response_type", "code"),
        ("client_id", client.service_id),
        ("redirect_uri", redirect),
        ("lang", "en"),
    ];
    if let Err(reason) = same(&incoming.query, &wanted) {
        return Err(refused(world, 400, ("4003", "Invalid values"), &reason));
    }
    let expires = world.expiry(PAGE_LIFETIME);
    let cookies = world.provider.chains.begin(expires, &mut world.ids).set_cookies();
    Ok(Answer::raw(200, "<html>login form</html>".to_owned(), cookies))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
}

/// The right password gives an address with a code in it.
fn sign_in(shared: &Shared, world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    let outcome = world.provider.next_outcome();
    if matches!(outcome, SignInOutcome::BlockedPage | SignInOutcome::BlockedRedirect) {
        return Ok(Answer::raw(403, BLOCKED.to_owned(), Vec::new()));
    }
    let given: Credentials = match serde_json::from_slice(&incoming.body) {
        Ok(given) => given,
        Err(error) => return Err(refused(world, 400, PARAMETERS, &error.to_string())),
    };
    let [account, session] = Chain::COOKIES.map(|name| incoming.cookie(name));
    if let Err(reason) = world.provider.chains.knows(account, session, world.now()) {
        return Err(refused(world, 401, ("4010", "Require authentication"), reason));
    }
    if given.email != world.config.username || given.password != world.config.password {
        return Err(refused(world, 400, ("4003", "Invalid values"), "wrong user name or password"));
    }
    match outcome {
        SignInOutcome::Consent => return Ok(Answer::json(200, &json!({ "redirectUrl": CONSENT }))),
        SignInOutcome::LoginPage | SignInOutcome::Refused => {
            return Err(refused(world, 400, ("4003", "Invalid values"), "the sign-in is to end so"));
        }
        _ => {}
    }
    let expires = world.expiry(CODE_LIFETIME);
    let code = world.provider.give_code(expires, &mut world.ids);
    shared.count(|counters| counters.sign_ins += 1);
    let redirect = world.config.region.redirect_uri(world.config.brand);
    Ok(Answer::json(200, &json!({ "redirectUrl": format!("{redirect}?code={code}&state=test") })))
}

const PARAMETERS: (&str, &str) = ("4002", "Invalid parameters");

/// Tokens for a code, or for the refresh token. Basic authentication and stamp are checked first.
fn token(shared: &Shared, world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    if incoming.header("authorization") != basic(&world.config) {
        let unknown = ("4010", "Require authentication");
        return Err(refused(world, 401, unknown, "Authorization is not the client's Basic"));
    }
    let Some(form) = incoming.form() else {
        return Err(refused(world, 400, PARAMETERS, "not a form"));
    };
    let field = |name: &str| form.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value);
    let redirect = world.config.region.redirect_uri(world.config.brand);
    let refreshes = field("grant_type") == "refresh_token";
    let names = if refreshes {
        same(&form, &[("grant_type", "refresh_token"), ("refresh_token", field("refresh_token"))])
    } else {
        let grant = ("grant_type", "authorization_code");
        same(&form, &[grant, ("redirect_uri", redirect), ("code", field("code"))])
    };
    let lifetime = world.config.access_token_lifetime;
    let expires = world.expiry(lifetime);
    let granted = names.and_then(|()| {
        if refreshes {
            let granted = world.session.grant(field("refresh_token"), expires, &mut world.ids);
            return granted.ok_or_else(|| "dead or foreign refresh token".to_owned());
        }
        world.provider.take_code(field("code"), world.now())?;
        let (access, refresh) = world.session.begin(expires, &mut world.ids);
        Ok((access, Some(refresh)))
    });
    let generation = world.session.generation();
    match granted {
        Ok((access_token, refresh_token)) => {
            shared.count(|counters| {
                counters.grants += u64::from(refreshes);
                counters.code_exchanges += u64::from(!refreshes);
                counters.generation = generation;
            });
            let mut body = json!({ "token_type": "Bearer", "access_token": access_token, "expires_in": lifetime.as_secs() });
            if let (Some(refresh_token), Some(body)) = (refresh_token, body.as_object_mut()) {
                body.insert("refresh_token".to_owned(), refresh_token.into());
            }
            Ok(Answer::json(200, &body))
        }
        Err(reason) => {
            shared.count(|counters| counters.refused_grants += 1);
            Err(refused(world, 400, PARAMETERS, &reason))
        }
    }
}

fn basic(config: &Config) -> String {
    let client = config.client();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", client.service_id, client.client_secret)))
}

/// Whether fields are these, in this order.
fn same(given: &[(String, String)], wanted: &[(&str, &str)]) -> Result<(), String> {
    let given: Vec<_> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if given == wanted { Ok(()) } else { Err(format!("the fields are {given:?}, not {wanted:?}")) }
}

fn refused(world: &mut World, status: u16, (code, message): (&str, &str), reason: &str) -> Refused {
    let answer = envelope::account_failure(status, code, message, &world.ids.uuid());
    Refused::by_check(reason, answer)
}
