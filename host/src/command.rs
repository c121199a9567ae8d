//! Commands as people and programs send them: a bare word, as Home Assistant does, or a JSON object.

mod asked;
pub(crate) mod legacy;
mod message;
mod options;
mod other;
mod scalar;
mod topic;

use std::time::Duration;

use serde_json::{Map, Value};

pub use self::asked::Asked;
pub use self::options::SMART_MAX_AGE;
use crate::bindings::connector::{self, ChargeLimits, ChargingCurrent, Climate, Signal, Windows};
use crate::descriptor::is_name;
use crate::wire::operation::{OTHER, OperationName};
use crate::wire::outcome::Reason;
use crate::wire::preference::ClimatePreference;

/// The largest payload that is read, in bytes.
pub const LARGEST_PAYLOAD: usize = 16 << 10;

/// The longest identifier that a caller may choose, in bytes.
const LONGEST_ID: usize = 128;

/// A command for a vehicle: what to do, and under which identifier it is done once.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The caller's identifier, if there is one: 1 to 128 characters out of `a-z`, `A-Z`, `0-9`, `.`, `_` and
    /// `-`. A second command with it repeats the result and not the command. Without one the host chooses
    /// another each time.
    pub id: Option<String>,
    /// Action to do.
    pub action: Action,
}

impl Command {
    /// A command without an identifier of its own.
    #[must_use]
    pub const fn new(action: Action) -> Self {
        Self { id: None, action }
    }

    /// Returns the command under an identifier of the caller's.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }
}

impl From<Action> for Command {
    fn from(action: Action) -> Self {
        Self::new(action)
    }
}

/// An action: what a command asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read what the cloud last heard.
    RefreshCached,
    /// Read, and ask the vehicle if what is known is older than this, in whole seconds.
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
    /// Start charging.
    StartCharging,
    /// Stop charging.
    StopCharging,
    /// Set how much is charged at most.
    SetChargeLimits(ChargeLimits),
    /// Limit the charging current.
    SetChargingCurrent(ChargingCurrent),
    /// Make the vehicle noticed.
    Signal(Signal),
    /// Store a preference for every start of the climate that does not say otherwise.
    PreferClimate(ClimatePreference),
    /// Ask what became of an action: the last one, or the one with this identifier.
    CheckActionStatus(Option<String>),
    /// An operation that only the vehicle's connector knows, by the name that the owner has granted.
    Other {
        /// Name of the operation, without `other/`.
        name: String,
        /// Arguments, as the granted schema has them.
        arguments: Map<String, Value>,
    },
}

/// A command that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Identifier of the caller's, if that much could be read.
    pub id: Option<String>,
    /// Operation, as far as it was understood.
    pub op: String,
    /// Kind of mistake.
    pub reason: Reason,
    /// Explanation of what is wrong, and of what would be right.
    pub message: String,
}

impl Action {
    /// Returns the operation's name. `own` looks up the operations of the vehicle's connector; none if that
    /// has no such one.
    #[must_use]
    pub fn name(&self, own: impl FnOnce(&str) -> Option<OperationName>) -> Option<OperationName> {
        Some(match self {
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
            Self::StartCharging => OperationName::StartCharging,
            Self::StopCharging => OperationName::StopCharging,
            Self::SetChargeLimits(_) => OperationName::SetChargeLimits,
            Self::SetChargingCurrent(_) => OperationName::SetChargingCurrent,
            Self::Signal(_) => OperationName::Signal,
            Self::PreferClimate(_) => OperationName::PreferClimate,
            Self::CheckActionStatus(_) => OperationName::CheckActionStatus,
            Self::Other { name, .. } => return own(name),
        })
    }

    /// Returns the operation's name as reports have it, whether the vehicle's connector has it or not.
    #[must_use]
    pub fn op(&self) -> String {
        match self {
            Self::Other { name, .. } => shown(&format!("{OTHER}{name}")),
            action => action.name(|_| None).map_or_else(String::new, |name| name.to_string()),
        }
    }

    /// Returns the command as a connector is told it; none for reads and questions, where that depends on
    /// what is known, and for what the host does by itself.
    #[must_use]
    pub fn to_command(&self) -> Option<connector::Command> {
        Some(match self {
            Self::Lock => connector::Command::Lock,
            Self::Unlock => connector::Command::Unlock,
            Self::StartClimate(climate) => connector::Command::StartClimate(climate.clone()),
            Self::StopClimate => connector::Command::StopClimate,
            Self::SetWindows(windows) => connector::Command::SetWindows(*windows),
            Self::OpenChargePort => connector::Command::OpenChargePort,
            Self::CloseChargePort => connector::Command::CloseChargePort,
            Self::StartCharging => connector::Command::StartCharging,
            Self::StopCharging => connector::Command::StopCharging,
            Self::SetChargeLimits(limits) => connector::Command::SetChargeLimits(*limits),
            Self::SetChargingCurrent(current) => connector::Command::SetChargingCurrent(*current),
            Self::Signal(signal) => connector::Command::Signal(*signal),
            Self::Other { name, arguments } => {
                let arguments = Value::Object(arguments.clone()).to_string();
                connector::Command::Other(connector::OtherCommand { name: name.clone(), arguments })
            }
            Self::RefreshCached
            | Self::RefreshSmart(_)
            | Self::RefreshForce
            | Self::PreferClimate(_)
            | Self::CheckActionStatus(_) => return None,
        })
    }
}

/// Parses the payload of `cmd/<operation>`.
///
/// # Errors
///
/// When it cannot be understood. The caller gets that as the command's result.
pub fn parse(operation: &str, payload: &[u8]) -> Result<Command, Malformed> {
    // Tried first, so that even a command with a mistake is answered under its own identifier.
    let id = peek_id(operation, payload);
    let malformed =
        |reason: Reason, message: String| Malformed { id: id.clone(), op: shown(operation), reason, message };
    let bad = |message: String| malformed(Reason::BadPayload, message);

    let topic = topic::TOPICS.iter().find(|topic| topic.name == operation);
    let own = operation.strip_prefix(OTHER).filter(|name| is_name(name));
    if topic.is_none() && own.is_none() {
        let known: Vec<&str> = topic::TOPICS.iter().map(|topic| topic.name).collect();
        let message = format!("there is no command {operation:?}; there are {}", known.join(", "));
        return Err(malformed(Reason::UnknownOperation, message));
    }
    if payload.len() > LARGEST_PAYLOAD {
        return Err(bad(format!(
            "the payload has {} bytes; at most {LARGEST_PAYLOAD} are read",
            payload.len()
        )));
    }
    let text = std::str::from_utf8(payload).map_err(|_| bad("the payload is not valid UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let understood = match (topic, own) {
        (Some(topic), _) => topic.understand(text),
        (None, own) => other::understand(own.unwrap_or_default(), text),
    };
    let (action, id) = understood.map_err(bad)?;
    if id.as_ref().is_some_and(|id| !is_id(id)) {
        return Err(Malformed { id: None, ..bad(bad_id()) });
    }
    Ok(Command { id, action })
}

/// Checks a command that a program has made, as [`parse`] does one that a message has.
///
/// # Errors
///
/// When no message could ask for it: the identifier has other characters, or a value is not among those that
/// are offered.
pub(crate) fn check(command: Command) -> Result<Command, Malformed> {
    let Command { id, action } = command;
    let op = action.op();
    if id.as_ref().is_some_and(|id| !is_id(id)) {
        return Err(Malformed { id: None, op, reason: Reason::BadPayload, message: bad_id() });
    }
    let (operation, payload) = action.to_message();
    if matches!(&action, Action::Other { arguments, .. } if arguments.contains_key("id")) {
        let message = "no argument is called id: that is the identifier of the command".to_owned();
        return Err(Malformed { id: None, op, reason: Reason::BadPayload, message });
    }
    let malformed = |message: String| Malformed { id: id.clone(), op, reason: Reason::BadPayload, message };
    if let Action::PreferClimate(ClimatePreference::Temperature(Some(celsius))) = &action
        && !celsius.is_finite()
    {
        return Err(malformed("the temperature is not a number like 21 or 21.5".to_owned()));
    }
    if let Action::StartClimate(climate) = &action {
        // JSON cannot write such a number: it would be read as an absent one.
        if climate.temperature.is_some_and(|temperature| !temperature.is_finite()) {
            return Err(malformed("the temperature is not a number like 21 or 21.5".to_owned()));
        }
        let mut others = climate.seats.iter();
        while let Some((seat, _)) = others.next() {
            if others.as_slice().iter().any(|(other, _)| other == seat) {
                return Err(malformed(format!("{seat:?} is named twice")));
            }
        }
    }
    match parse(&operation, payload.as_bytes()) {
        Ok(Command { action, .. }) => Ok(Command { id, action }),
        Err(Malformed { message, .. }) => Err(malformed(message)),
    }
}

/// Says what an identifier must be.
pub(crate) fn bad_id() -> String {
    format!(
        "the id must have 1 to {LONGEST_ID} characters out of a-z, A-Z, 0-9, '.', '_' and '-', and not be `last`"
    )
}

/// The operation of a topic, as far as a report may show it.
pub(crate) fn shown(operation: &str) -> String {
    if operation.strip_prefix(OTHER).is_some_and(is_name) {
        return operation.to_owned();
    }
    operation.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
}

/// Whether a text may be an identifier, which becomes a level of a topic, beside `last`.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id != "last"
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Reads the identifier of a command without the rest; none if there is no valid one.
pub(crate) fn peek_id(operation: &str, payload: &[u8]) -> Option<String> {
    if payload.len() > LARGEST_PAYLOAD {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(payload).ok()?;
    // In that question `id` names the action to ask about, unless `about` does.
    if operation == topic::ACTION_STATUS && value.get("about").is_none() {
        return None;
    }
    let id: scalar::Scalar = serde_json::from_value(value.get("id")?.clone()).ok()?;
    id.identifier().ok().filter(|id| is_id(id))
}

#[cfg(test)]
mod tests;
