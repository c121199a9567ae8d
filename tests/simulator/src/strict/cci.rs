//! What the token service checks before anything is done: the gate, then what the app says of itself, then where tokens
//! are and where not.

use crate::cci::{Seven, is_android, is_ios};
use crate::envelope::{self, By, Refused};
use crate::exchange::Incoming;
use crate::route::{CciCall, CciWants};
use crate::world::World;

/// The headers that tokens travel in.
const TOKENS: [&str; 4] = ["authorization", "authentication", "exchangeable-token", "non-ccs-token"];

/// The code of a request that is not as the app makes it. No source tells what the real service says then.
const BAD_REQUEST: u16 = 9030;

/// Checks signature, headers, query and the form of the body. Whether the tokens are good is the route's business.
pub(super) fn admit(world: &World, incoming: &Incoming, call: CciCall) -> Result<(), Refused> {
    let (config, now) = (&world.config, world.now());
    let app = &config.brand.constants().app;
    let passed = if call.signed {
        world.gate.admit(incoming, app, &config.release, now, config.strict.fingerprint_tolerance)
    } else {
        world.gate.admit_unsigned()
    };
    if let Err((code, reason)) = passed {
        let answer = envelope::cci_failure(code, "invalid fingerprint");
        return Err(Refused { reason, by: By::Gate, answer });
    }
    if !config.strict.app {
        return Ok(());
    }
    let identity = if call.signed {
        is_android(incoming, app, &config.release, &config.strict)
    } else {
        is_ios(incoming, app)
    };
    identity
        .and_then(|()| query(incoming, call.wants))
        .and_then(|()| tokens(incoming, call))
        .and_then(|()| body(incoming, call.wants))
        .map_err(|reason| Refused::by_check(reason, envelope::cci_failure(BAD_REQUEST, "invalid request")))
}

fn query(incoming: &Incoming, wants: CciWants) -> Result<(), String> {
    let given: Vec<(&str, &str)> =
        incoming.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    match (wants, given.as_slice()) {
        (CciWants::CodeExchange, [("code", code)]) if !code.is_empty() => Ok(()),
        (CciWants::TokenExchange, [("serviceType", "CCS")]) => Ok(()),
        (CciWants::TokenRefresh | CciWants::OldTokenRefresh, []) => Ok(()),
        (_, given) => {
            let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
            Err(format!("the query is not that of the app, but has {names:?}"))
        }
    }
}

/// Tokens are in the headers of an exchange and, without a signature, of a refresh; nowhere else.
fn tokens(incoming: &Incoming, call: CciCall) -> Result<(), String> {
    let wanted = match call.wants {
        CciWants::CodeExchange => false,
        CciWants::TokenExchange => true,
        CciWants::TokenRefresh | CciWants::OldTokenRefresh => !call.signed,
    };
    for name in TOKENS {
        if incoming.header(name).is_empty() == wanted {
            return Err(if wanted {
                format!("{name} is missing")
            } else {
                format!("{name} does not belong here")
            });
        }
    }
    if wanted && incoming.bearer("authorization").is_none() {
        return Err("authorization is not a bearer token".to_owned());
    }
    if incoming.header("authentication") != incoming.header("non-ccs-token") {
        return Err("authentication and non-ccs-token differ".to_owned());
    }
    Ok(())
}

/// A refresh has JSON with the seven in the app's order; the others have no body at all, and say so.
fn body(incoming: &Incoming, wants: CciWants) -> Result<(), String> {
    let kind = incoming.header("content-type");
    if matches!(wants, CciWants::CodeExchange | CciWants::TokenExchange) {
        let length = incoming.header("content-length");
        if !incoming.body.is_empty() || !matches!(length, "" | "0") || !kind.is_empty() {
            return Err("there is a body where none belongs".to_owned());
        }
        return Ok(());
    }
    if kind != "application/json" {
        return Err(format!("content-type is {kind:?}, not application/json"));
    }
    seven(&incoming.body).map(|_| ())
}

/// The seven of a body, if they are there in their order and nothing else is.
pub(crate) fn seven(body: &[u8]) -> Result<Seven, String> {
    let seven: Seven =
        serde_json::from_slice(body).map_err(|error| format!("not the seven tokens: {error}"))?;
    let text = String::from_utf8_lossy(body);
    let places = Seven::NAMES.map(|(name, _)| text.find(&format!("\"{name}\"")));
    if places.is_sorted() { Ok(seven) } else { Err("the seven tokens are not in the app's order".to_owned()) }
}
