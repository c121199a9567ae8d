//! The token service of 2026: a code against a set of tokens, a set against the next, a set against a CCS token.

use serde_json::{Map, json};

use crate::cci::{self, Dead, Seven, jwt};
use crate::envelope::{self, Answer, Refused};
use crate::exchange::Incoming;
use crate::route::{CciCall, CciWants};
use crate::strict::{seven, value};
use crate::world::{Shared, World};

/// The session is over; nothing but a sign-in helps.
const SESSION_OVER: u16 = 4111;
/// A token or code that is none.
const BAD_TOKEN: u16 = 9013;
/// What the older refresh answers since September 2026.
const NOT_ANY_MORE: u16 = 9009;
/// A body that is not the app's.
const BAD_BODY: u16 = 9030;

/// Who asks.
const DEVICE: &str = "client-device-id";

/// Characters of a CCS token.
const CCS_LENGTH: usize = 1100;

pub(crate) fn act(
    shared: &Shared,
    world: &mut World,
    incoming: &Incoming,
    call: CciCall,
) -> Result<Answer, Refused> {
    match call.wants {
        CciWants::CodeExchange => code_exchange(shared, world, incoming),
        CciWants::TokenExchange => token_exchange(shared, world, incoming),
        CciWants::TokenRefresh => token_refresh(shared, world, incoming, call.signed),
        CciWants::OldTokenRefresh => {
            Err(refused(NOT_ANY_MORE, "internal server error", "refresh of version 1"))
        }
    }
}

fn code_exchange(shared: &Shared, world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    let now = world.now();
    world
        .provider
        .take_code(value(&incoming.query, "code"), now)
        .map_err(|reason| refused(BAD_TOKEN, "invalid authorization code", reason))?;
    let seven = give(world, incoming);
    shared.count(|counters| {
        counters.code_exchanges += 1;
        counters.cci_generation = world.tokens.generation();
    });
    Ok(Answer::json(200, &cci::answer(&seven, world.config.cci_token_lifetime)))
}

fn token_refresh(
    shared: &Shared,
    world: &mut World,
    incoming: &Incoming,
    signed: bool,
) -> Result<Answer, Refused> {
    let given = seven(&incoming.body).map_err(|reason| refused(BAD_BODY, "invalid request", &reason))?;
    let now = world.now();
    let in_headers = signed
        || [
            (incoming.bearer("authorization").unwrap_or(""), &given.access_token),
            (incoming.header("exchangeable-token"), &given.exchangeable_access_token),
            (incoming.header("non-ccs-token"), &given.non_ccs_token),
        ]
        .into_iter()
        .all(|(header, body)| header == body);
    if !in_headers {
        return Err(refused(BAD_TOKEN, "invalid token", "the tokens of headers and body differ"));
    }
    world.tokens.supersede(&given, bound_to(world, incoming), now).map_err(dead)?;
    let next = give(world, incoming);
    shared.count(|counters| {
        counters.refreshes += 1;
        counters.cci_generation = world.tokens.generation();
    });
    let mut body = cci::answer(&next, world.config.cci_token_lifetime);
    let mut headers = Vec::new();
    if world.config.exchangeable_in_cookie {
        headers.push((
            "Set-Cookie".to_owned(),
            format!("t={}; Path=/; HttpOnly", next.exchangeable_access_token),
        ));
        if let Some(token) = body.get_mut("exchangeableAccessToken") {
            *token = given.exchangeable_access_token.into();
        }
    }
    Ok(Answer::raw(200, body.to_string(), headers))
}

fn token_exchange(shared: &Shared, world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    let now = world.now();
    let access = incoming.bearer("authorization").unwrap_or("");
    let (exchangeable, non_ccs) = (incoming.header("exchangeable-token"), incoming.header("non-ccs-token"));
    let device = bound_to(world, incoming);
    world.tokens.exchangeable([access, exchangeable, non_ccs], device, now).map_err(dead)?;
    let lifetime = world.config.ccs_token_lifetime;
    let expires = world.expiry(lifetime);
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), "simulated".into());
    claims.insert("uid".to_owned(), world.config.user_id.clone().into());
    claims.insert("iat".to_owned(), now.as_second().into());
    claims.insert("exp".to_owned(), expires.as_second().into());
    let token = jwt(claims, CCS_LENGTH, &mut world.ids);
    let generation = world.session.give_access(token.clone(), expires);
    shared.count(|counters| {
        counters.token_exchanges += 1;
        counters.generation = generation;
    });
    Ok(Answer::json(200, &json!({ "accessToken": token, "expiresTime": lifetime.as_secs() })))
}

fn give(world: &mut World, incoming: &Incoming) -> Seven {
    let now = world.now();
    let config = &world.config;
    let lives = [config.cci_token_lifetime, config.cci_refresh_lifetime];
    world.tokens.give([&config.user_id, incoming.header(DEVICE)], now, lives, &mut world.ids)
}

/// The device that a set has to be of, if it is asked.
fn bound_to<'i>(world: &World, incoming: &'i Incoming) -> Option<&'i str> {
    world.config.strict.set_bound.then(|| incoming.header(DEVICE))
}

fn dead(dead: Dead) -> Refused {
    match dead {
        Dead::Ended => refused(SESSION_OVER, "session expired", "the session is over"),
        Dead::Unknown(reason) => refused(BAD_TOKEN, "invalid token", reason),
    }
}

fn refused(code: u16, message: &str, reason: &str) -> Refused {
    Refused::by_check(reason, envelope::cci_failure(code, message))
}
