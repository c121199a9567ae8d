//! Commands as people and programs send them: a bare word, as Home Assistant does, or a JSON object.

mod asked;
mod options;
mod scalar;
mod topic;

use std::time::Duration;

pub use self::asked::Asked;
pub use self::options::SMART_MAX_AGE;
use crate::bindings::connector::{Climate, Command, Windows};
use crate::wire::operation::OperationName;
use crate::wire::outcome::Reason;

/// The largest payload that is read, in bytes.
pub const LARGEST_PAYLOAD: usize = 16 << 10;

/// The longest identifier that a caller may choose, in bytes.
const LONGEST_ID: usize = 128;

/// A command that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The caller's identifier, if there is one.
    pub id: Option<String>,
    /// What to do.
    pub action: Action,
}

/// What a command asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read what the cloud last heard.
    RefreshCached,
    /// Read, and ask the vehicle if what is known is older than this.
    RefreshSmart(Duration),
    /// Ask the vehicle.
    RefreshForce,
    /// Lock the doors.
    Lock,
    /// Unlock the doors.
    Unlock,
    /// Start the climate.
    StartClimate(Climate),
    /// Stop the climate.
    StopClimate,
    /// Move windows.
    SetWindows(Windows),
    /// Open the charge port.
    OpenChargePort,
    /// Close the charge port.
    CloseChargePort,
    /// Limit the charging current, in percent.
    SetChargingCurrent(u8),
    /// Ask what became of an action: the last one, or the one with this identifier.
    CheckActionStatus(Option<String>),
}

/// A command that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The caller's identifier, if that much could be read.
    pub id: Option<String>,
    /// The operation as far as it was understood.
    pub op: String,
    /// Which kind of mistake.
    pub reason: Reason,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Action {
    /// Which operation it is.
    #[must_use]
    pub const fn name(&self) -> OperationName {
        match self {
            Self::RefreshCached => OperationName::RefreshCached,
            Self::RefreshSmart(_) => OperationName::RefreshSmart,
            Self::RefreshForce => OperationName::RefreshForce,
            Self::Lock => OperationName::Lock,
            Self::Unlock => OperationName::Unlock,
            Self::StartClimate(_) => OperationName::StartClimate,
            Self::StopClimate => OperationName::StopClimate,
            Self::SetWindows(_) => OperationName::SetWindows,
            Self::OpenChargePort => OperationName::OpenChargePort,
            Self::CloseChargePort => OperationName::CloseChargePort,
            Self::SetChargingCurrent(_) => OperationName::SetChargingCurrent,
            Self::CheckActionStatus(_) => OperationName::CheckActionStatus,
        }
    }
}

impl Action {
    /// As a connector is told it; none for reads and questions, where that depends on what is known.
    #[must_use]
    pub fn to_command(&self) -> Option<Command> {
        Some(match self {
            Self::Lock => Command::Lock,
            Self::Unlock => Command::Unlock,
            Self::StartClimate(climate) => Command::StartClimate(climate.clone()),
            Self::StopClimate => Command::StopClimate,
            Self::SetWindows(windows) => Command::SetWindows(*windows),
            Self::OpenChargePort => Command::OpenChargePort,
            Self::CloseChargePort => Command::CloseChargePort,
            Self::SetChargingCurrent(percent) => Command::SetChargingCurrent(*percent),
            Self::RefreshCached | Self::RefreshSmart(_) | Self::RefreshForce | Self::CheckActionStatus(_) => {
                return None;
            }
        })
    }
}

/// Understands the payload of `cmd/<operation>`.
///
/// # Errors
///
/// When it cannot be understood. The caller gets that as the command's result.
pub fn parse(operation: &str, payload: &[u8]) -> Result<Parsed, Malformed> {
    // Tried first, so that even a command with a mistake is answered under its own identifier.
    let id = peek_id(operation, payload);
    let malformed =
        |reason: Reason, message: String| Malformed { id: id.clone(), op: shown(operation), reason, message };
    let bad = |message: String| malformed(Reason::BadPayload, message);

    let Some(topic) = topic::TOPICS.iter().find(|topic| topic.name == operation) else {
        let known: Vec<&str> = topic::TOPICS.iter().map(|topic| topic.name).collect();
        let message = format!("there is no command {operation:?}; there are {}", known.join(", "));
        return Err(malformed(Reason::UnknownOperation, message));
    };
    if payload.len() > LARGEST_PAYLOAD {
        return Err(bad(format!(
            "the payload has {} bytes; at most {LARGEST_PAYLOAD} are read",
            payload.len()
        )));
    }
    let text = std::str::from_utf8(payload).map_err(|_| bad("the payload is not valid UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let (action, id) = topic.understand(text).map_err(bad)?;
    if id.as_ref().is_some_and(|id| !is_id(id)) {
        let message = format!(
            "the id must have 1 to {LONGEST_ID} characters out of a-z, A-Z, 0-9, '.', '_' and '-', and not be `last`"
        );
        return Err(Malformed { id: None, ..malformed(Reason::BadPayload, message) });
    }
    Ok(Parsed { id, action })
}

/// The last level of a topic, as far as a report may show it.
pub(crate) fn shown(operation: &str) -> String {
    operation.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
}

/// An identifier becomes a level of a topic, beside `last`.
fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id != "last"
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The identifier of a command, read without the rest; none if there is no valid one.
pub(crate) fn peek_id(operation: &str, payload: &[u8]) -> Option<String> {
    if payload.len() > LARGEST_PAYLOAD {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(payload).ok()?;
    // There the id is the one to ask about, unless something else is.
    if operation == topic::ACTION_STATUS && value.get("about").is_none() {
        return None;
    }
    let id: scalar::Scalar = serde_json::from_value(value.get("id")?.clone()).ok()?;
    id.identifier().ok().filter(|id| is_id(id))
}

#[cfg(test)]
mod tests;
