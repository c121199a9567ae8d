//! What goes wrong, where, how often and at which moment of a request.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::envelope::{self, Answer};
use crate::route::RouteKind;

/// One thing that goes wrong for the requests that it matches.
///
/// Faults are consulted in the order in which they were injected; the first one that ends a request ends it.
/// [`Effect::Delay`] and [`Effect::Hold`] do not end a request, so they combine with a later fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which routes. JSON default: `any`.
    #[serde(default = "any_route")]
    pub route: RouteKind,
    /// Only requests about this vehicle id.
    #[serde(default)]
    pub vehicle: Option<String>,
    /// At which moment. JSON default: `arrival`.
    #[serde(default)]
    pub moment: Moment,
    /// How many matching requests pass untouched first.
    #[serde(default)]
    pub skip: u64,
    /// How many requests it strikes; `None` (JSON `null`) for ever. JSON default: 1.
    #[serde(default = "once")]
    pub times: Option<u64>,
    /// What happens to them.
    pub effect: Effect,
}

impl Fault {
    /// Strikes once, on arrival.
    pub fn new(route: RouteKind, effect: Effect) -> Self {
        Self { route, vehicle: None, moment: Moment::Arrival, skip: 0, times: Some(1), effect }
    }

    /// Strikes `count` requests.
    pub fn times(self, count: u64) -> Self {
        Self { times: Some(count), ..self }
    }

    /// Strikes until it is cleared.
    pub fn forever(self) -> Self {
        Self { times: None, ..self }
    }

    /// Lets `count` matching requests pass first.
    pub fn skip(self, count: u64) -> Self {
        Self { skip: count, ..self }
    }

    /// Only requests about this vehicle.
    pub fn vehicle(self, id: impl Into<String>) -> Self {
        Self { vehicle: Some(id.into()), ..self }
    }

    /// Strikes requests whose headers and tokens are right, before they act: a request that is refused anyway
    /// does not use the fault up.
    pub fn once_admitted(self) -> Self {
        Self { moment: Moment::Admitted, ..self }
    }

    /// Strikes requests that succeeded, after they had their effect.
    pub fn after_acting(self) -> Self {
        Self { moment: Moment::Acted, ..self }
    }
}

/// When a fault strikes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before the server looked at anything but the path.
    #[default]
    Arrival,
    /// After headers and tokens were found right, before anything is done.
    Admitted,
    /// After the request was carried out with success; a command was executed and counted.
    Acted,
}

/// What a fault does to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Effect {
    /// Answers this in place of the real answer.
    Answer {
        /// HTTP status, 100 to 999.
        status: u16,
        /// The whole body. `Content-Type` follows from its first character unless `headers` has one.
        #[serde(default)]
        body: String,
        /// Further headers, such as `retry-after`.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// Answers a failure in the vehicle service's envelope, with the HTTP status that goes with the code.
    Envelope {
        /// `resCode`, such as `4004`.
        code: String,
        /// `resMsg`.
        message: String,
    },
    /// Closes the TCP connection without a byte of answer.
    Drop,
    /// Promises the whole answer but closes the connection after this many bytes of its body. Always strikes at
    /// [`Moment::Acted`], whatever the fault says: before that there is no answer to cut.
    Truncate {
        /// Bytes of the body that are sent.
        keep: usize,
    },
    /// Waits, then goes on.
    Delay {
        /// How long, in milliseconds.
        millis: u64,
    },
    /// Waits until [`crate::Control::release`], then goes on.
    Hold,
}

impl Effect {
    /// Any status and body, with no further headers.
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, body: body.into(), headers: Vec::new() }
    }

    /// A failure in the vehicle service's envelope.
    pub fn envelope(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Envelope { code: code.into(), message: message.into() }
    }

    /// The HTML page of a front server that has nobody behind it, HTTP 503.
    pub fn unavailable() -> Self {
        Self::answer(503, "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>")
    }

    /// The daily quota is used up: 5091 with HTTP 509.
    pub fn rate_limited() -> Self {
        Self::envelope("5091", "Exceeds number of requests")
    }

    /// The car still has a command to do: 4004.
    pub fn duplicate() -> Self {
        Self::envelope("4004", "Duplicate request - Duplicate request")
    }

    /// The car cannot do this: 4005.
    pub fn unsupported() -> Self {
        Self::envelope("4005", "Unsupported control request - Unsupported control request")
    }

    /// The car did not answer in time: 4081.
    pub fn vehicle_timeout() -> Self {
        Self::envelope("4081", "Request timeout - Request timeout")
    }

    /// The answer that this effect gives, for effects that give one.
    pub(crate) fn as_answer(&self, message_id: &str) -> Option<Answer> {
        match self {
            Self::Answer { status, body, headers } => {
                Some(Answer::raw(*status, body.clone(), headers.clone()))
            }
            Self::Envelope { code, message } => Some(envelope::spa_failure(code, message, message_id)),
            _ => None,
        }
    }
}

/// How the gateway words the refusal of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// HTTP status, usually 401.
    pub status: u16,
    /// The whole body.
    pub body: String,
}

impl Refusal {
    /// The gateway's envelope `{"error": wording}` with HTTP 401.
    pub fn gateway(wording: &str) -> Self {
        Self { status: 401, body: json!({ "error": wording }).to_string() }
    }
}

impl Default for Refusal {
    fn default() -> Self {
        Self::gateway("Key not authorized: Token is expired")
    }
}

/// The faults that are not used up, in order of injection.
#[derive(Debug, Default)]
pub(crate) struct FaultTable {
    faults: Vec<Fault>,
}

impl FaultTable {
    pub(crate) fn inject(&mut self, mut fault: Fault) {
        if matches!(fault.effect, Effect::Truncate { .. }) {
            fault.moment = Moment::Acted;
        }
        self.faults.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    /// What strikes this request now, in order: any number of waits, then at most one end.
    pub(crate) fn strike(&mut self, moment: Moment, route: RouteKind, vehicle: Option<&str>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for fault in &mut self.faults {
            let matches = fault.moment == moment
                && (fault.route == RouteKind::Any || fault.route == route)
                && (fault.vehicle.is_none() || fault.vehicle.as_deref() == vehicle)
                && fault.times != Some(0);
            if !matches {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|left| left - 1);
            effects.push(fault.effect.clone());
            if !matches!(fault.effect, Effect::Delay { .. } | Effect::Hold) {
                break;
            }
        }
        self.faults.retain(|fault| fault.times != Some(0));
        effects
    }
}

fn any_route() -> RouteKind {
    RouteKind::Any
}

#[expect(clippy::unnecessary_wraps, reason = "serde's default has the field's type")]
fn once() -> Option<u64> {
    Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_skips_strikes_and_is_used_up() {
        let mut table = FaultTable::default();
        table.inject(Fault::new(RouteKind::Command, Effect::Drop).skip(1).times(2));
        let mut strike = || table.strike(Moment::Arrival, RouteKind::Command, None).len();
        assert_eq!((strike(), strike(), strike(), strike()), (0, 1, 1, 0));
    }

    #[test]
    fn waits_combine_with_the_first_end_only() {
        let mut table = FaultTable::default();
        table.inject(Fault::new(RouteKind::Any, Effect::Delay { millis: 1 }));
        table.inject(Fault::new(RouteKind::Any, Effect::Drop));
        table.inject(Fault::new(RouteKind::Any, Effect::unavailable()));
        let effects = table.strike(Moment::Arrival, RouteKind::Pin, None);
        assert_eq!(effects, [Effect::Delay { millis: 1 }, Effect::Drop]);
    }

    #[test]
    fn a_fault_minds_moment_and_vehicle() {
        let mut table = FaultTable::default();
        table.inject(Fault::new(RouteKind::Any, Effect::Drop).vehicle("a").once_admitted());
        assert!(table.strike(Moment::Arrival, RouteKind::Status, Some("a")).is_empty());
        assert!(table.strike(Moment::Admitted, RouteKind::Status, Some("b")).is_empty());
        assert_eq!(table.strike(Moment::Admitted, RouteKind::Status, Some("a")), [Effect::Drop]);
    }

    #[test]
    fn json_defaults_are_any_route_once_on_arrival() {
        let fault: Result<Fault, _> = serde_json::from_str(r#"{"effect":"drop"}"#);
        assert_eq!(fault.ok(), Some(Fault::new(RouteKind::Any, Effect::Drop)));
    }
}
