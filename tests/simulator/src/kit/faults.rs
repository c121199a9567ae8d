//! What goes wrong, where, how often and at which moment of a request.

use serde::{Deserialize, Serialize};

use super::{Answer, End};

/// The kinds of route of a cloud, at which faults are aimed.
pub trait Route: Copy + PartialEq {
    /// In a fault: every route.
    const ANY: Self;

    /// Whether a fault that names this strikes requests of that kind. Clouds with names for groups of routes
    /// say more here.
    fn covers(self, asked: Self) -> bool {
        self == Self::ANY || self == asked
    }
}

/// One thing that goes wrong for the requests that it matches.
///
/// Faults are consulted in the order in which they were injected; the first one that ends a request ends it.
/// [`Effect::Delay`] and [`Effect::Hold`] do not end a request, so they combine with a later fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "R: Route + Deserialize<'de>"))]
pub struct Fault<R> {
    /// Which routes. JSON default: `any`.
    #[serde(default = "any_route")]
    pub route: R,
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

impl<R> Fault<R> {
    /// Strikes once, on arrival.
    pub fn new(route: R, effect: Effect) -> Self {
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
    /// Answers a failure in the envelope of the service that is asked, with the HTTP status that goes with
    /// the code.
    Envelope {
        /// The vendor's code, such as `4004`.
        code: String,
        /// The vendor's words.
        message: String,
    },
    /// Closes the TCP connection without a byte of answer.
    Drop,
    /// Promises the whole answer but closes the connection after this many bytes of its body. Always strikes
    /// at [`Moment::Acted`], whatever the fault says: before that there is no answer to cut.
    Truncate {
        /// Bytes of the body that are sent.
        keep: usize,
    },
    /// Waits, then goes on.
    Delay {
        /// How long, in milliseconds.
        millis: u64,
    },
    /// Waits until the control's `release`, then goes on.
    Hold,
}

impl Effect {
    /// Any status and body, with no further headers.
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, body: body.into(), headers: Vec::new() }
    }

    /// A failure in the envelope of the service that is asked.
    pub fn envelope(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Envelope { code: code.into(), message: message.into() }
    }

    /// The HTML page of a front server that has nobody behind it, HTTP 503.
    pub fn unavailable() -> Self {
        Self::answer(503, "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>")
    }

    /// How a request ends that this effect struck, and why, for the log. `answer` is the real one, if there
    /// is one already; `envelope` words a failure as the service that was asked.
    pub fn end(
        &self,
        answer: Option<Answer>,
        envelope: impl FnOnce(&str, &str) -> Answer,
    ) -> (End, &'static str) {
        match (self, answer) {
            (Self::Answer { status, body, headers }, _) => {
                (End::Answered(Answer::raw(*status, body.clone(), headers.clone())), "fault: answer")
            }
            (Self::Envelope { code, message }, _) => {
                (End::Answered(envelope(code, message)), "fault: answer")
            }
            (Self::Truncate { keep }, Some(answer)) => (End::Truncated(answer, *keep), "fault: truncate"),
            _ => (End::Dropped, "fault: drop"),
        }
    }
}

/// The faults that are not used up, in order of injection.
#[derive(Debug)]
pub struct FaultTable<R> {
    faults: Vec<Fault<R>>,
}

impl<R> Default for FaultTable<R> {
    fn default() -> Self {
        Self { faults: Vec::new() }
    }
}

impl<R: Route> FaultTable<R> {
    /// Adds a fault behind those that are there.
    pub fn inject(&mut self, mut fault: Fault<R>) {
        if matches!(fault.effect, Effect::Truncate { .. }) {
            fault.moment = Moment::Acted;
        }
        self.faults.push(fault);
    }

    /// Removes all faults.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// What strikes this request now, in order: any number of waits, then at most one end.
    pub fn strike(&mut self, moment: Moment, route: R, vehicle: Option<&str>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for fault in &mut self.faults {
            let matches = fault.moment == moment
                && fault.route.covers(route)
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

fn any_route<R: Route>() -> R {
    R::ANY
}

#[expect(clippy::unnecessary_wraps, reason = "serde's default has the field's type")]
fn once() -> Option<u64> {
    Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::RouteKind;

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
        let fault: Result<Fault<RouteKind>, _> = serde_json::from_str(r#"{"effect":"drop"}"#);
        assert_eq!(fault.ok(), Some(Fault::new(RouteKind::Any, Effect::Drop)));
    }
}
