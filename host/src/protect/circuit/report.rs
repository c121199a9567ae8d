//! What a circuit tells about itself.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Counts;

/// A change of a circuit's state. Each is told once, to whoever brought it about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It refuses from now on.
    Opened {
        /// For so long; then it lets probes through.
        open_for: Duration,
        /// Why.
        cause: Cause,
    },
    /// It lets probes through from now on.
    HalfOpened,
    /// It admits every call from now on.
    Closed,
    /// An operator holds it open from now on.
    Isolated,
}

/// Why a circuit opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// So many failures in a row.
    InARow(u32),
    /// Too great a share of the calls in the rolling window.
    Share(Counts),
    /// Too many of the probes.
    Probes(Counts),
    /// An operator wants the thing left alone for a while.
    Operator,
    /// The vendor does.
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
    /// The state that it is in.
    pub state: StateName,
    /// When closed, the calls in the rolling window; when half open, the results of the probes; when open, what made
    /// it open.
    #[serde(flatten)]
    pub counts: Counts,
    /// The share of them that failed; none as long as there are too few to tell.
    pub ratio: Option<f64>,
    /// Calls refused since it came into this state; those that came when it was due for a probe count as refused by
    /// the open one.
    pub refused: u64,
    /// When an open circuit lets probes through, on the clock that its times are from.
    #[serde(skip)]
    pub until: Option<Duration>,
}
