//! One request, from arrival to answer.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use simulator::kit::{Answer, Effect, End, Moment, Received, Wire};

use crate::envelope::{self, Refused};
use crate::log::LogEntry;
use crate::route::{Call, Service};
use crate::world::{Shared, World};
use crate::{gigya, kamereon, strict};

/// A request that has arrived whole.
pub(crate) type Incoming = Received<Call>;

/// The listener that a request came in at.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) service: Service,
    pub(crate) shared: Arc<Shared>,
}

/// A request and all that it can see and change, under the lock.
pub(crate) struct Case<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) shared: &'a Shared,
    pub(crate) incoming: &'a Incoming,
    /// Its number in the log.
    pub(crate) seq: u64,
}

/// An end and, if it is not the usual one, why.
type Ended = (End, Option<Cow<'static, str>>);

/// Serves everything that either service is asked.
pub(crate) async fn serve(
    State(door): State<Door>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let parse = |method: &str, path: &str| Call::parse(door.service, method, path);
    let incoming = match Incoming::read(request, parse).await {
        Ok(incoming) => incoming,
        // It did not arrive whole, so it did not arrive.
        Err(error) => return Answer::raw(400, error.to_string(), Vec::new()).into_response(),
    };
    answer(&door.shared, &incoming).await.into_response(&wire)
}

/// Everything between the arrival of a request and its end, wherever it came from.
pub(crate) async fn answer(shared: &Shared, incoming: &Incoming) -> End {
    let flight = Flight::begin(shared, incoming);
    let (end, note) = handle(shared, incoming, flight.seq).await;
    flight.end(end.status(), note);
    end
}

async fn handle(shared: &Shared, incoming: &Incoming, seq: u64) -> Ended {
    if let Some(effect) = strike(shared, Moment::Arrival, incoming).await {
        return fail(shared, &effect, incoming, None);
    }
    let admitted = locked(shared, incoming, seq, strict::admit);
    if let Err(refused) = admitted {
        return refuse(shared, refused);
    }
    if let Some(effect) = strike(shared, Moment::Admitted, incoming).await {
        return fail(shared, &effect, incoming, None);
    }
    if shared.is_gone() {
        return (End::Dropped, Some("the cloud is gone".into()));
    }
    let acted = locked(shared, incoming, seq, |case| match incoming.call.service {
        Service::Gigya => gigya::act(case),
        Service::Kamereon => kamereon::act(case),
    });
    let answer = match acted {
        Ok(answer) => answer,
        Err(refused) => return refuse(shared, refused),
    };
    if let Some(effect) = strike(shared, Moment::Acted, incoming).await {
        return fail(shared, &effect, incoming, Some(answer));
    }
    (End::Answered(answer), None)
}

fn locked<T>(shared: &Shared, incoming: &Incoming, seq: u64, act: impl FnOnce(&mut Case<'_>) -> T) -> T {
    let mut world = shared.world();
    act(&mut Case { world: &mut world, shared, incoming, seq })
}

/// Lets the faults of this moment have their way; returns the one that ends the request.
async fn strike(shared: &Shared, moment: Moment, incoming: &Incoming) -> Option<Effect> {
    let call = &incoming.call;
    let effects = shared.world().faults.strike(moment, call.kind, call.vin.as_deref());
    shared.suffer(effects).await
}

fn fail(shared: &Shared, effect: &Effect, incoming: &Incoming, answer: Option<Answer>) -> Ended {
    shared.count(|counters| counters.faults += 1);
    let (id, now) = {
        let mut world = shared.world();
        (world.ids.uuid(), world.now())
    };
    let worded =
        |code: &str, message: &str| envelope::injected(incoming.call.service, code, message, &id, now);
    let (end, note) = effect.end(answer, worded);
    (end, Some(note.into()))
}

fn refuse(shared: &Shared, refused: Refused) -> Ended {
    shared.count(|counters| {
        counters.refused += 1;
        counters.refused_tokens += u64::from(refused.by_token);
    });
    (End::Answered(refused.answer), Some(refused.reason.into()))
}

/// A request between arrival and answer.
struct Flight<'a> {
    shared: &'a Shared,
    seq: u64,
}

impl<'a> Flight<'a> {
    fn begin(shared: &'a Shared, incoming: &Incoming) -> Self {
        let mut guard = shared.world();
        let world = &mut *guard;
        let at = world.now().as_millisecond();
        let secrets = &world.secrets;
        let seq = world.log.open(|seq| LogEntry::of(seq, at, incoming, secrets));
        let service = incoming.call.service;
        for arrival in secrets.arrivals(incoming) {
            if !arrival.secret.belongs(service, &arrival.place) {
                world.violate(seq, incoming, format!("{:?} in {}", arrival.secret, arrival.place));
            }
        }
        // Counted under the lock, so that the log has no fewer requests than the counters say.
        shared.count(|counters| counters.arrive(incoming.call.kind));
        Self { shared, seq }
    }

    fn end(self, status: Option<u16>, note: Option<Cow<'static, str>>) {
        self.shared.world().log.close(self.seq, |entry| {
            entry.status = status;
            entry.note = note.map(Cow::into_owned);
        });
    }
}

impl Drop for Flight<'_> {
    /// Also when the client went away and nobody wants the answer any more.
    fn drop(&mut self) {
        self.shared.count(|counters| counters.in_flight -= 1);
    }
}
