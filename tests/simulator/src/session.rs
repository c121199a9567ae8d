//! Access tokens, control tokens, the refresh token and device ids.
//!
//! Tokens are opaque and never forgotten, so that the log can name the ones it sees and a refusal can say
//! whether a token was expired, superseded or never given out.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::kit::Ids;

/// What the account's sign-in state is.
#[derive(Debug)]
pub(crate) struct Session {
    refresh_token: String,
    rotates: bool,
    /// A refused grant stays refused until restored: the refresh token is dead.
    pub(crate) grant_dead: bool,
    /// Every token is refused, even one given out a moment ago.
    pub(crate) tokens_dead: bool,
    newest_only: bool,
    bound: bool,
    generation: u64,
    access: HashMap<String, Access>,
    control: HashMap<String, ControlToken>,
    devices: HashMap<String, bool>,
    pub(crate) wrong_pins: u32,
}

#[derive(Debug)]
struct Access {
    generation: u64,
    expires: Timestamp,
}

#[derive(Debug)]
struct ControlToken {
    number: usize,
    device: String,
    expires: Timestamp,
}

/// Why a token is refused; for the log.
pub(crate) type TokenRefusal = &'static str;

impl Session {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            refresh_token: config.refresh_token.clone(),
            rotates: config.rotate_refresh_token,
            grant_dead: false,
            tokens_dead: false,
            newest_only: config.strict.newest_token_only,
            bound: config.strict.control_token_bound,
            generation: 0,
            access: HashMap::new(),
            control: HashMap::new(),
            devices: config.devices.iter().map(|id| (id.clone(), true)).collect(),
            wrong_pins: 0,
        }
    }

    /// Generation of the newest access token, 0 before the first.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// A new access token, and a new refresh token if they rotate; `None` for a refresh token that is dead.
    pub(crate) fn grant(
        &mut self,
        refresh_token: &str,
        expires: Timestamp,
        ids: &mut Ids,
    ) -> Option<(String, Option<String>)> {
        if self.grant_dead || refresh_token != self.refresh_token {
            return None;
        }
        let token = ids.token("access", self.generation + 1);
        self.give_access(token.clone(), expires);
        let rotated = self.rotates.then(|| ids.refresh_token());
        if let Some(next) = &rotated {
            self.refresh_token.clone_from(next);
        }
        Some((token, rotated))
    }

    /// The access token and the refresh token of a new sign-in, which ends the ones before.
    pub(crate) fn begin(&mut self, expires: Timestamp, ids: &mut Ids) -> (String, String) {
        let token = ids.token("access", self.generation + 1);
        self.give_access(token.clone(), expires);
        self.replace_refresh_token(ids.refresh_token());
        (token, self.refresh_token.clone())
    }

    /// From now on this is the newest access token; returns its generation.
    pub(crate) fn give_access(&mut self, token: String, expires: Timestamp) -> u64 {
        self.generation += 1;
        self.access.insert(token, Access { generation: self.generation, expires });
        self.generation
    }

    /// Only this one is good from now on, and it is not dead.
    pub(crate) fn replace_refresh_token(&mut self, refresh_token: String) {
        self.refresh_token = refresh_token;
        self.grant_dead = false;
    }

    /// The generation of a token that may be used now.
    pub(crate) fn access(&self, token: &str, now: Timestamp) -> Result<u64, TokenRefusal> {
        let Some(access) = self.access.get(token) else {
            return Err(if self.control.contains_key(token) {
                "control token where an access token belongs"
            } else {
                "unknown access token"
            });
        };
        if self.tokens_dead {
            Err("all tokens are refused")
        } else if access.expires <= now {
            Err("expired access token")
        } else if self.newest_only && access.generation != self.generation {
            Err("superseded access token")
        } else {
            Ok(access.generation)
        }
    }

    /// Ends every access token that was given out so far.
    pub(crate) fn expire_access(&mut self) {
        for access in self.access.values_mut() {
            access.expires = Timestamp::MIN;
        }
    }

    pub(crate) fn give_control(&mut self, device: &str, expires: Timestamp, ids: &mut Ids) -> String {
        let number = self.control.len() + 1;
        let token = ids.token("control", number as u64);
        self.control.insert(token.clone(), ControlToken { number, device: device.to_owned(), expires });
        token
    }

    /// Whether this control token may be used now with this device id.
    pub(crate) fn control(&self, token: &str, device: &str, now: Timestamp) -> Result<(), TokenRefusal> {
        let Some(control) = self.control.get(token) else {
            return Err(if self.access.contains_key(token) {
                "access token where a control token belongs"
            } else {
                "unknown control token"
            });
        };
        if self.tokens_dead {
            Err("all tokens are refused")
        } else if control.expires <= now {
            Err("expired control token")
        } else if self.bound && control.device != device {
            Err("control token of another device")
        } else {
            Ok(())
        }
    }

    /// Ends every control token that was given out so far.
    pub(crate) fn expire_control(&mut self) {
        for control in self.control.values_mut() {
            control.expires = Timestamp::MIN;
        }
    }

    pub(crate) fn register(&mut self, ids: &mut Ids) -> String {
        let device = ids.uuid();
        self.devices.insert(device.clone(), true);
        device
    }

    pub(crate) fn knows_device(&self, id: &str) -> bool {
        self.devices.get(id).copied().unwrap_or(false)
    }

    /// Forgets one device id, or all of them, as the cloud does when a push fails.
    pub(crate) fn invalidate_device(&mut self, id: Option<&str>) {
        for (device, valid) in &mut self.devices {
            if id.is_none_or(|id| id == device) {
                *valid = false;
            }
        }
    }

    /// Every access token and control token, and the refresh token.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let given = self.access.keys().chain(self.control.keys());
        given.map(String::as_str).chain([self.refresh_token.as_str()])
    }

    /// The name under which a token appears in the log; `None` for one of somebody else.
    pub(crate) fn label(&self, token: &str) -> Option<String> {
        let access = || self.access.get(token).map(|access| format!("ACCESS-TOKEN-{}", access.generation));
        let control = || self.control.get(token).map(|control| format!("CONTROL-TOKEN-{}", control.number));
        access().or_else(control)
    }
}
