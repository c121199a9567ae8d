//! The account service: the cookies of the sign-in page, the language, device registration, the PIN.

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::envelope::{self, Answer, Refused};
use crate::exchange::Incoming;
use crate::routes::{bad_body, direct};
use crate::world::World;

const COOKIE: &str = "account=SIMULATED";

/// The sign-in page, which clients fetch for its cookies only.
pub(crate) fn authorize(world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    if world.config.region.signs_in_by_json() {
        return direct::authorize(world, incoming);
    }
    let client = incoming.query.iter().find(|(name, _)| name == "client_id").map(|(_, value)| value.as_str());
    if client != Some(world.config.brand.constants().service_id) {
        return Err(refused(world, 400, "4003", "Invalid values", "wrong client_id"));
    }
    let headers = vec![("Set-Cookie".to_owned(), format!("{COOKIE}; Path=/"))];
    Ok(Answer::raw(200, "<html>login form</html>".to_owned(), headers))
}

/// Accepts any language from who has the cookies.
pub(crate) fn language(world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    if !incoming.header("cookie").contains(COOKIE) {
        return Err(refused(world, 401, "4010", "Require authentication", "no cookie of the sign-in page"));
    }
    Ok(Answer::raw(204, String::new(), Vec::new()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Registration {
    push_reg_id: String,
    push_type: String,
    uuid: Uuid,
}

impl Registration {
    fn check(&self, push_type: &str) -> Result<(), &'static str> {
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if self.push_reg_id.len() != 64 || !self.push_reg_id.bytes().all(hex) {
            Err("pushRegId is not 64 lower-case hex digits")
        } else if self.push_type != push_type {
            Err("pushType of another brand")
        } else if self.uuid.get_version_num() != 4 {
            Err("uuid is not of version 4")
        } else {
            Ok(())
        }
    }
}

/// Every registration gives a new device id.
pub(crate) fn register(world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    let push_type = world.config.client().push_type;
    let registration: Registration =
        serde_json::from_slice(&incoming.body).map_err(|error| bad_body(world, error.to_string()))?;
    registration.check(push_type).map_err(|reason| bad_body(world, reason))?;
    let device = world.session.register(&mut world.ids);
    let message_id = world.ids.uuid();
    Ok(envelope::spa_success(Some(json!({ "deviceId": device })), &message_id))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PinCheck {
    device_id: String,
    pin: String,
}

/// The right PIN gives a control token for that device id. Wrong ones add up to a lock, in which the right PIN
/// is refused with the same answer.
pub(crate) fn pin(world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    let check: PinCheck = match serde_json::from_slice(&incoming.body) {
        Ok(check) => check,
        Err(error) => {
            return Err(refused(world, 400, "4002", "Invalid parameters", &error.to_string()));
        }
    };
    if !incoming.query.iter().any(|(name, _)| name == "token") {
        return Err(refused(world, 400, "4002", "Invalid parameters", "no token in the query"));
    }
    if world.config.strict.device && !world.session.knows_device(&check.device_id) {
        return Err(refused(world, 400, "4002", "Invalid parameters", "device id is not registered"));
    }
    let tries = world.config.strict.pin_tries;
    if tries > 0 && world.session.wrong_pins >= tries {
        return Err(refused(world, 400, "4003", "Invalid values", "PIN entry is locked"));
    }
    if check.pin != world.config.pin {
        world.session.wrong_pins += 1;
        return Err(refused(world, 400, "4003", "Invalid values", "wrong PIN"));
    }
    world.session.wrong_pins = 0;
    let lifetime = world.config.control_token_lifetime;
    let expires = world.expiry(lifetime);
    let token = world.session.give_control(&check.device_id, expires, &mut world.ids);
    let body = json!({
        "controlToken": token,
        "controlTokenExpiresTime": null,
        "expiresTime": lifetime.as_secs(),
    });
    Ok(Answer::json(200, &body))
}

fn refused(world: &mut World, status: u16, code: &str, message: &str, reason: &str) -> Refused {
    let answer = envelope::account_failure(status, code, message, &world.ids.uuid());
    Refused::by_check(reason, answer)
}
