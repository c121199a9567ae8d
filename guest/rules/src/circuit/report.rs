//! Reports of a circuit.

use core::fmt;
use core::time::Duration;

use serde::Serialize;

use super::Counts;

/// A change of a circuit's state. Each is returned once, to the caller that brought it about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// Refuses from now on.
    Opened {
        /// Time for which it is open; then it lets probes through.
        open_for: Duration,
        /// Reason for opening.
        cause: Cause,
    },
    /// Lets probes through from now on.
    HalfOpened,
    /// Admits every call from now on.
    Closed,
    /// Held open by an operator from now on.
    Isolated,
}

/// Reason why a circuit opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Failures in a row.
    InARow(u32),
    /// Share of failures among the calls in the rolling window.
    Share(Counts),
    /// Failures among the probes.
    Probes(Counts),
    /// An operator wants it left alone for a while.
    Operator,
    /// The vendor wants it left alone for a while.
    Vendor,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InARow(failures) => write!(f, "{failures} failures in a row"),
            Self::Share(Counts { calls, failures }) => write!(f, "{failures} of {calls} calls failed"),
            Self::Probes(Counts { calls, failures }) => write!(f, "{failures} of {calls} probes failed"),
            Self::Operator => f.write_str("an operator wants it"),
            Self::Vendor => f.write_str("the vendor wants it"),
        }
    }
}

/// The name of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// Admits every call.
    Closed,
    /// Refuses every call for a while.
    Open,
    /// Admits probes; also when the time of an open one is over and no probe has come by yet.
    HalfOpen,
    /// Refuses every call until an operator closes it.
    Isolated,
}

/// A circuit at one moment, for displays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Snapshot {
    /// State of the circuit.
    pub state: StateName,
    /// Counts: when closed, the calls in the rolling window; when half open, the results of the probes; when
    /// open, the calls that made it open.
    #[serde(flatten)]
    pub counts: Counts,
    /// Share of failures among them; none as long as there are too few to tell.
    pub ratio: Option<f64>,
    /// Calls refused since it came into this state; those that came when it was due for a probe count as
    /// refused by the open state.
    pub refused: u64,
    /// Time at which an open circuit lets probes through, on the clock that its times are from.
    #[serde(skip)]
    pub until: Option<Duration>,
}
