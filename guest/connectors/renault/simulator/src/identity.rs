//! Login tokens, id tokens, and the devices that are remembered.
//!
//! Tokens are never forgotten, so that a refusal can say whether one was expired, ended or never given out.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use simulator::kit::Ids;

/// How Gigya says that a login token is over. Both mean the same: sign in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// 403005, "Unauthorized user".
    Unauthorized,
    /// 403013, "Unverified user".
    Unverified,
}

impl Ended {
    /// Gigya's code.
    pub fn code(self) -> u32 {
        match self {
            Self::Unauthorized => 403_005,
            Self::Unverified => 403_013,
        }
    }

    pub(crate) fn details(self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized user",
            Self::Unverified => "Unverified user",
        }
    }
}

/// What an id token says.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    pub(crate) key: &'a str,
    pub(crate) person: &'a str,
    /// Whether it carries what Kamereon wants to read in it.
    pub(crate) complete: bool,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
}

#[derive(Debug)]
struct IdToken {
    expires: Timestamp,
    complete: bool,
    ended: bool,
}

/// For how long a device needs no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    Until(Timestamp),
    /// For the one login that follows the code: the client said that the device is not to be remembered.
    Once,
}

#[derive(Debug)]
struct Device {
    ucid: String,
    memory: Option<Memory>,
}

/// Everything that Gigya has given out.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    login_tokens: HashMap<String, Option<Ended>>,
    id_tokens: HashMap<String, IdToken>,
    devices: HashMap<String, Device>,
}

impl Identity {
    /// A new device: its `gmid` and `ucid`.
    pub(crate) fn device(&mut self, ids: &mut Ids) -> (String, String) {
        let number = self.devices.len() as u64 + 1;
        let (gmid, ucid) = (ids.token("gmid", number), ids.token("ucid", number));
        self.devices.insert(gmid.clone(), Device { ucid: ucid.clone(), memory: None });
        (gmid, ucid)
    }

    pub(crate) fn knows(&self, gmid: &str, ucid: &str) -> bool {
        self.devices.get(gmid).is_some_and(|device| device.ucid == ucid)
    }

    /// Whether this device may sign in without a code. One that is remembered for one login is forgotten now.
    pub(crate) fn recognises(&mut self, gmid: &str, ucid: &str, now: Timestamp) -> bool {
        let Some(device) = self.devices.get_mut(gmid).filter(|device| device.ucid == ucid) else {
            return false;
        };
        match device.memory {
            Some(Memory::Until(end)) => end > now,
            Some(Memory::Once) => {
                device.memory = None;
                true
            }
            None => false,
        }
    }

    pub(crate) fn remember(&mut self, gmid: &str, memory: Memory) {
        if let Some(device) = self.devices.get_mut(gmid) {
            device.memory = Some(memory);
        }
    }

    /// Every device needs a code again.
    pub(crate) fn forget_devices(&mut self) {
        self.devices.values_mut().for_each(|device| device.memory = None);
    }

    pub(crate) fn login(&mut self, ids: &mut Ids) -> String {
        let token = ids.token("login", self.login_tokens.len() as u64 + 1);
        self.login_tokens.insert(token.clone(), None);
        token
    }

    /// Whether a login token is good; one that was never given out is as bad as one that was ended.
    pub(crate) fn login_token(&self, token: &str) -> Result<(), Ended> {
        match self.login_tokens.get(token) {
            Some(None) => Ok(()),
            Some(Some(ended)) => Err(*ended),
            None => Err(Ended::Unauthorized),
        }
    }

    /// Ends every login token that was given out so far. Id tokens live on until they expire.
    pub(crate) fn end_login_tokens(&mut self, ended: Ended) {
        self.login_tokens.values_mut().for_each(|state| *state = Some(ended));
    }

    /// A new id token. Its signature is made up; clients cannot check it, and Kamereon knows what was given
    /// out.
    pub(crate) fn issue(&mut self, claims: &Claims<'_>, ids: &mut Ids) -> String {
        let data = if claims.complete {
            json!({ "data.personId": claims.person, "data.gigyaDataCenter": "EU1" })
        } else {
            json!({})
        };
        let mut payload = json!({
            "iss": format!("https://fidm.gigya.com/jwt/{}/", claims.key),
            "sub": claims.person,
            "iat": claims.issued.as_second(),
            "exp": claims.expires.as_second(),
            "jti": ids.uuid(),
        });
        if let (Some(fields), Value::Object(data)) = (payload.as_object_mut(), data) {
            fields.extend(data);
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signature = URL_SAFE_NO_PAD.encode(ids.uuid());
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "simulated" });
        let token = format!("{}.{}.{signature}", part(&header), part(&payload));
        let state = IdToken { expires: claims.expires, complete: claims.complete, ended: false };
        self.id_tokens.insert(token.clone(), state);
        token
    }

    /// Whether an id token is good, or why not.
    pub(crate) fn id_token(&self, token: &str, now: Timestamp) -> Result<(), &'static str> {
        match self.id_tokens.get(token) {
            None if token.is_empty() => Err("no id token"),
            None => Err("unknown id token"),
            Some(token) if token.ended => Err("id token that was ended"),
            Some(token) if token.expires <= now => Err("expired id token"),
            Some(token) if !token.complete => Err("id token without the person's id or data center"),
            Some(_) => Ok(()),
        }
    }

    /// Ends every id token that was given out so far, whatever it says of its own life.
    pub(crate) fn end_id_tokens(&mut self) {
        self.id_tokens.values_mut().for_each(|token| token.ended = true);
    }
}
