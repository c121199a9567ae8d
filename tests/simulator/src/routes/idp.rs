//! The sign-in service: the refresh grant.

use serde_json::json;

use crate::envelope::{self, Answer, Refused};
use crate::exchange::Incoming;
use crate::world::{Shared, World};

/// A new access token for the right refresh token; the service's own envelope for anything else.
pub(crate) fn grant(shared: &Shared, world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    match try_grant(world, incoming) {
        Ok(answer) => {
            let generation = world.session.generation();
            shared.count(|counters| {
                counters.grants += 1;
                counters.generation = generation;
            });
            Ok(answer)
        }
        Err(reason) => {
            shared.count(|counters| counters.refused_grants += 1);
            let answer = envelope::grant_refused(&world.ids.uuid());
            Err(Refused::by_check(reason, answer))
        }
    }
}

fn try_grant(world: &mut World, incoming: &Incoming) -> Result<Answer, &'static str> {
    let form = incoming.form().ok_or("grant is not a form")?;
    let field =
        |name: &str| form.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
    let constants = world.config.brand.constants();
    if field("grant_type") != "refresh_token" {
        return Err("unsupported grant_type");
    }
    if field("client_id") != constants.service_id {
        return Err("wrong client_id");
    }
    if field("client_secret") != constants.client_secret {
        return Err("wrong client_secret");
    }
    let lifetime = world.config.access_token_lifetime;
    let expires = world.expiry(lifetime);
    let granted = world.session.grant(field("refresh_token"), expires, &mut world.ids);
    let (access_token, refresh_token) = granted.ok_or("dead or foreign refresh token")?;
    let body = json!({
        "idp_cd": "hmgid1.0",
        "token_type": "Bearer",
        "scope": null,
        "refresh_token": refresh_token,
        "access_token": access_token,
        "expires_in": lifetime.as_secs(),
    });
    Ok(Answer::json(200, &body))
}
