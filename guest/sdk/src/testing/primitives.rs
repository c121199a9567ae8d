//! The primitives of a host in memory.

use super::{State, captures, with};
use crate::bindings::connector::vehicle::connector::clock::Datetime;
use crate::bindings::connector::vehicle::connector::mqtt::PublishError;
use crate::bindings::connector::vehicle::connector::random::{Alphabet, RandomError};
use crate::connector::Milliseconds;
use crate::http::{Request, Response, TransportError};
use crate::lock::{Cell, LockError};
use crate::log::Level;

/// The longest pause of a call at once, in milliseconds.
const LONGEST_SLEEP: Milliseconds = 1_000;

/// Now. May jump when a test says so.
#[must_use]
pub fn now() -> Datetime {
    let now = with(|state| state.now);
    let nanoseconds = u32::try_from(now % 1_000).unwrap_or_default() * 1_000_000;
    Datetime { seconds: now / 1_000, nanoseconds }
}

/// Since an arbitrary start, in milliseconds.
#[must_use]
pub fn monotonic() -> Milliseconds {
    let since = with(|state| state.now.saturating_sub(state.started));
    Milliseconds::try_from(since).unwrap_or(Milliseconds::MAX)
}

/// Pauses, which here takes no time. Returns how long.
pub fn sleep(duration: Milliseconds) -> Milliseconds {
    let duration = duration.min(LONGEST_SLEEP);
    with(|state| {
        state.now += u64::from(duration);
        state.slept = state.slept.saturating_add(duration);
    });
    duration
}

pub(crate) fn send(request: &Request) -> Result<Response, TransportError> {
    let objection = with(|state| state.grants.as_ref().and_then(|grants| grants.objection(request)));
    if let Some(why) = objection {
        return Err(TransportError::Denied(why));
    }
    let (scripted, cloud) = with(|state| {
        state.requests.push(request.clone());
        let scripted = state.script.pop_front();
        let cloud = if scripted.is_none() { state.cloud.take() } else { None };
        (scripted, cloud)
    });
    let said = match (scripted, cloud) {
        (Some(said), _) => said,
        (None, Some(mut cloud)) => {
            let said = cloud(request);
            with(|state| state.cloud = Some(cloud));
            said
        }
        (None, None) => Err(TransportError::Denied("the test has no answer for this request".to_owned())),
    };
    with(|state| captures::take(state, request, said?))
}

pub(crate) fn read(name: &str) -> Option<Cell> {
    with(|state| state.cell(name))
}

#[derive(Debug)]
pub(crate) struct Guard(String);

pub(crate) fn acquire(name: &str, _: Milliseconds) -> Result<Guard, LockError> {
    with(|state: &mut State| match state.lock_failures.pop_front() {
        Some(error) => Err(error),
        // Whoever holds it is this call, which would wait for itself.
        None if !state.held.insert(name.to_owned()) => Err(LockError::TimedOut),
        None => Ok(Guard(name.to_owned())),
    })
}

impl Guard {
    pub(crate) fn cell(&self) -> Option<Cell> {
        read(&self.0)
    }

    pub(crate) fn commit(&self, value: &str) -> Result<u64, LockError> {
        Ok(with(|state| state.commit(&self.0, value)))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        with(|state| state.held.remove(&self.0));
    }
}

pub(crate) fn write(_: Level, message: &str) {
    with(|state| state.lines.push(message.to_owned()));
}

/// Queues a message of the connector's own.
///
/// # Errors
///
/// Never.
pub fn publish(topic: &str, payload: &[u8], retain: bool) -> Result<(), PublishError> {
    with(|state| state.messages.push((topic.to_owned(), payload.to_vec(), retain)));
    Ok(())
}

/// So many bytes, at most 64, that are the same in every run.
#[must_use]
pub fn bytes(length: u32) -> Vec<u8> {
    with(|state| (0..length.min(64)).map(|_| state.next_byte()).collect())
}

/// Makes the secret of this name one of so many characters, which are the same in every run.
///
/// # Errors
///
/// The manifest does not want one of this name that answers may set.
pub fn secret(name: &str, alphabet: Alphabet, length: u32) -> Result<(), RandomError> {
    let characters = match alphabet {
        Alphabet::Hex => "0123456789abcdef",
        Alphabet::UrlSafe => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        Alphabet::Digits => "0123456789",
    };
    with(|state| {
        if state.grants.as_ref().is_some_and(|grants| !grants.gives_out(name)) {
            return Err(RandomError::Denied(format!("the manifest has no secret `{name}` to be made")));
        }
        let value = (0..length.clamp(16, 128))
            .filter_map(|_| characters.chars().nth(usize::from(state.next_byte()) % characters.len()))
            .collect();
        state.secrets.insert(name.to_owned(), value);
        Ok(())
    })
}

impl State {
    /// The next byte of the SplitMix64 sequence.
    fn next_byte(&mut self) -> u8 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 56) as u8
    }
}
