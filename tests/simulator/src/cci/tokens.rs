//! Sets of seven tokens, of which a refresh makes the next.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::jwt;
use crate::kit::Ids;

/// Why a set is refused to whoever calls itself another device than that which it was given to.
const FOREIGN: &str = "client-device-id is not of the device that the set was given to";

/// Bytes of a refresh token, of which 87 characters are made.
const REFRESH: usize = 65;

/// The tokens of one set, under the names that they have in bodies and in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Seven {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) exchangeable_access_token: String,
    pub(crate) exchangeable_refresh_token: String,
    pub(crate) non_ccs_token: String,
    pub(crate) non_ccs_refresh_token: String,
    pub(crate) id_token: String,
}

impl Seven {
    /// Names in bodies, and in the log.
    pub(crate) const NAMES: [(&'static str, &'static str); 7] = [
        ("accessToken", "CCI-ACCESS-TOKEN"),
        ("refreshToken", "CCI-REFRESH-TOKEN"),
        ("exchangeableAccessToken", "EXCHANGEABLE-TOKEN"),
        ("exchangeableRefreshToken", "EXCHANGEABLE-REFRESH-TOKEN"),
        ("nonCcsToken", "NON-CCS-TOKEN"),
        ("nonCcsRefreshToken", "NON-CCS-REFRESH-TOKEN"),
        ("idToken", "ID-TOKEN"),
    ];

    fn values(&self) -> [&str; 7] {
        [
            &self.access_token,
            &self.refresh_token,
            &self.exchangeable_access_token,
            &self.exchangeable_refresh_token,
            &self.non_ccs_token,
            &self.non_ccs_refresh_token,
            &self.id_token,
        ]
    }
}

/// All sets that were given out. None is forgotten, so that the log can name what it sees.
#[derive(Debug, Default)]
pub(crate) struct TokenSets {
    sets: Vec<Held>,
    labels: HashMap<String, String>,
}

#[derive(Debug)]
struct Held {
    seven: Seven,
    /// The device that it was given to.
    device: String,
    state: State,
    access_expires: Timestamp,
    refresh_expires: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Alive,
    /// A refresh has made the next.
    Superseded,
    /// The service has ended the session: only a sign-in helps.
    Ended,
}

/// Why tokens are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dead {
    /// These are not the tokens of a set that is alive, and why for the log.
    Unknown(&'static str),
    /// The session is over: 4111.
    Ended,
}

impl TokenSets {
    /// Number of the newest set, 0 before the first.
    pub(crate) fn generation(&self) -> u64 {
        self.sets.len() as u64
    }

    /// A new set for this user, as which device somebody asks for it.
    pub(crate) fn give(
        &mut self,
        [user, device]: [&str; 2],
        now: Timestamp,
        lives: [Duration; 2],
        ids: &mut Ids,
    ) -> Seven {
        let [access_expires, refresh_expires] =
            lives.map(|life| now.checked_add(life).unwrap_or(Timestamp::MAX));
        let claims = |expires: Timestamp, uid: bool| {
            let mut claims = Map::new();
            claims.insert("iss".to_owned(), "simulated".into());
            claims.insert("sub".to_owned(), user.into());
            claims.insert("iat".to_owned(), now.as_second().into());
            claims.insert("exp".to_owned(), expires.as_second().into());
            if uid {
                claims.insert("uid".to_owned(), user.into());
            }
            claims
        };
        let mut make = |expires, uid, length| jwt(claims(expires, uid), length, ids);
        let seven = Seven {
            access_token: make(access_expires, false, 1500),
            exchangeable_access_token: make(access_expires, false, 1300),
            exchangeable_refresh_token: make(refresh_expires, false, 900),
            non_ccs_token: make(access_expires, false, 1500),
            non_ccs_refresh_token: make(refresh_expires, false, 900),
            id_token: make(access_expires, true, 1200),
            refresh_token: URL_SAFE_NO_PAD.encode(ids.bytes(REFRESH)),
        };
        let (device, state) = (device.to_owned(), State::Alive);
        self.sets.push(Held { seven: seven.clone(), device, state, access_expires, refresh_expires });
        let number = self.sets.len();
        for ((_, label), value) in Seven::NAMES.into_iter().zip(seven.values()) {
            self.labels.insert(value.to_owned(), format!("{label}-{number}"));
        }
        seven
    }

    /// Takes the set out of service whose seven these are, so that the next can be given. `device` is who asks, where
    /// that has to be the one that the set was given to.
    pub(crate) fn supersede(
        &mut self,
        given: &Seven,
        device: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Dead> {
        let held = self.sets.iter_mut().find(|held| held.seven.refresh_token == given.refresh_token);
        let held = held.ok_or(Dead::Unknown("unknown refresh token"))?;
        match held.state {
            State::Ended => Err(Dead::Ended),
            State::Superseded => Err(Dead::Unknown("superseded refresh token")),
            State::Alive if held.refresh_expires <= now => Err(Dead::Ended),
            State::Alive if held.seven != *given => Err(Dead::Unknown("not the seven tokens of one set")),
            State::Alive if device.is_some_and(|device| held.device != device) => Err(Dead::Unknown(FOREIGN)),
            State::Alive => {
                held.state = State::Superseded;
                Ok(())
            }
        }
    }

    /// The set that these three can be exchanged of; `device` as in [`Self::supersede`].
    pub(crate) fn exchangeable(
        &self,
        [access, exchangeable, non_ccs]: [&str; 3],
        device: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Dead> {
        let held = self.sets.iter().find(|held| held.seven.access_token == access);
        let held = held.ok_or(Dead::Unknown("unknown CCI access token"))?;
        if held.state != State::Alive {
            Err(Dead::Unknown("CCI access token of a set that is dead"))
        } else if held.access_expires <= now {
            Err(Dead::Unknown("expired CCI access token"))
        } else if held.seven.exchangeable_access_token != exchangeable {
            Err(Dead::Unknown("exchangeable-token is not of the same set"))
        } else if held.seven.non_ccs_token != non_ccs {
            Err(Dead::Unknown("Authentication or non-ccs-token is not of the same set"))
        } else if device.is_some_and(|device| held.device != device) {
            Err(Dead::Unknown(FOREIGN))
        } else {
            Ok(())
        }
    }

    /// Ends every session.
    pub(crate) fn end(&mut self) {
        for held in self.sets.iter_mut().filter(|held| held.state == State::Alive) {
            held.state = State::Ended;
        }
    }

    /// Every token of every set.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.labels.keys().map(String::as_str)
    }

    /// The name under which a token appears in the log; `None` for one of somebody else.
    pub(crate) fn label(&self, token: &str) -> Option<&str> {
        self.labels.get(token).map(String::as_str)
    }
}

/// The answer that gives a set out.
pub(crate) fn answer(seven: &Seven, life: Duration) -> Value {
    let mut body = json!({ "scope": null, "tokenType": "Bearer", "expiresIn": life.as_secs() });
    if let (Some(fields), Ok(Value::Object(tokens))) = (body.as_object_mut(), serde_json::to_value(seven)) {
        fields.extend(tokens);
    }
    body
}
