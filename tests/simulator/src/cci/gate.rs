//! Who is turned away because a request is not signed as the app signs it.

use std::time::Duration;

use jiff::Timestamp;

use super::fingerprint;
use super::identity::{Release, SIGNED, signed};
use crate::brand::App;
use crate::exchange::Incoming;

/// The gate before `/auth/…`, and the way around it.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// Whether signatures are wanted at all.
    pub(crate) on: bool,
    /// Whether the older route without signatures answers.
    pub(crate) unsigned: bool,
    pub(crate) keys: [String; 3],
}

/// Why somebody is turned away, as the code that the gate answers, and why for the log.
pub(crate) type Turned = (u16, String);

/// The signature, or its time, is missing.
const MISSING: u16 = 9035;
/// The signature is not this request's, or is made with other keys.
const WRONG: u16 = 9036;
/// The signature is good, and its time is not now.
const OUT_OF_TIME: u16 = 9037;

impl Gate {
    /// Signatures with these keys are wanted, and the older route answers.
    pub(crate) fn new(keys: [String; 3]) -> Self {
        Self { on: true, unsigned: true, keys }
    }

    /// Looks at a request to a route that wants a signature.
    pub(crate) fn admit(
        &self,
        incoming: &Incoming,
        app: &App,
        release: &Release,
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<(), Turned> {
        if !self.on {
            return Ok(());
        }
        let (given, timestamp) = (incoming.header("x-fingerprint"), incoming.header("x-timestamp"));
        if given.is_empty() || timestamp.is_empty() {
            return Err((MISSING, "X-Fingerprint or X-Timestamp is missing".to_owned()));
        }
        let identity = SIGNED.map(|name| incoming.header(name));
        if identity != signed(app, release) {
            return Err((WRONG, format!("the gate knows no keys of {}", identity.join(" "))));
        }
        let os_version = incoming.header("client-os-version");
        let wanted = fingerprint(&self.keys, &identity.concat(), os_version, timestamp, &incoming.body);
        if given != wanted {
            return Err((WRONG, "X-Fingerprint is made with other keys or of another request".to_owned()));
        }
        let off = timestamp.parse::<i64>().map(|time| time.abs_diff(now.as_millisecond()));
        match off {
            Ok(off) if u128::from(off) <= tolerance.as_millis() => Ok(()),
            Ok(off) => Err((OUT_OF_TIME, format!("X-Timestamp is {} s off", off / 1000))),
            Err(_) => Err((OUT_OF_TIME, "X-Timestamp is not a number of milliseconds".to_owned())),
        }
    }

    /// Looks at a request to the older route.
    pub(crate) fn admit_unsigned(&self) -> Result<(), Turned> {
        if self.unsigned {
            Ok(())
        } else {
            Err((MISSING, "the route without signatures is closed".to_owned()))
        }
    }
}
