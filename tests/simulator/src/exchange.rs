//! One request, from arrival to answer.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use jiff::Timestamp;

use crate::envelope::{self, Answer, By, Refused};
use crate::kit::{Effect, End, Moment, Received, Wire};
use crate::log::{Labels, LogEntry};
use crate::route::Call;
use crate::world::Shared;
use crate::{barrier, routes, strict};

/// A request that has arrived whole.
pub(crate) type Incoming = Received<Call>;

/// An end and, if it is not the usual one, why.
type Ended = (End, Option<Cow<'static, str>>);

/// Serves everything that is not `/control`.
pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let incoming = match Incoming::read(request, Call::parse).await {
        Ok(incoming) => incoming,
        // It did not arrive whole, so it did not arrive.
        Err(error) => return Answer::raw(400, error.to_string(), Vec::new()).into_response(),
    };
    answer(&shared, &incoming).await.into_response(&wire)
}

/// Everything between the arrival of a request and its end, wherever it came from.
pub(crate) async fn answer(shared: &Arc<Shared>, incoming: &Incoming) -> End {
    let flight = Flight::begin(shared, incoming);
    let (mut end, note) = handle(shared, incoming).await;
    flight.end(end.status(), note);
    if let End::Answered(answer) | End::Truncated(answer, _) = &mut end {
        date(shared, answer);
    }
    end
}

/// Says when an answer was made, by the server's clock (RFC 9110 §6.6.1).
fn date(shared: &Shared, answer: &mut Answer) {
    if answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date")) {
        return;
    }
    let world = shared.world();
    let made = if world.config.dated { world.now() } else { Timestamp::UNIX_EPOCH };
    let made = made.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    answer.headers.push(("Date".to_owned(), made));
}

async fn handle(shared: &Arc<Shared>, incoming: &Incoming) -> Ended {
    barrier::pass(shared, incoming).await;
    if let Some(effect) = strike(shared, Moment::Arrival, incoming).await {
        return fail(shared, incoming, &effect, None);
    }
    let verdict = strict::admit(&mut shared.world(), incoming);
    let admitted = match verdict {
        Ok(admitted) => admitted,
        Err(refused) => return refuse(shared, refused),
    };
    if let Some(effect) = strike(shared, Moment::Admitted, incoming).await {
        return fail(shared, incoming, &effect, None);
    }
    if shared.is_gone() {
        return (End::Dropped, Some("the cloud is gone".into()));
    }
    let answer = match routes::act(shared, incoming, &admitted) {
        Ok(answer) => answer,
        Err(refused) => return refuse(shared, refused),
    };
    if let Some(effect) = strike(shared, Moment::Acted, incoming).await {
        return fail(shared, incoming, &effect, Some(answer));
    }
    (End::Answered(answer), None)
}

/// Lets the faults of this moment have their way; returns the one that ends the request.
async fn strike(shared: &Shared, moment: Moment, incoming: &Incoming) -> Option<Effect> {
    let effects = shared.world().faults.strike(moment, incoming.call.kind(), incoming.call.vehicle());
    shared.suffer(effects).await
}

fn fail(shared: &Shared, incoming: &Incoming, effect: &Effect, answer: Option<Answer>) -> Ended {
    shared.count(|counters| counters.faults += 1);
    let message_id = shared.world().ids.uuid();
    let worded = |code: &str, message: &str| match (&incoming.call, code.parse()) {
        (Call::Cci(_), Ok(code)) => envelope::cci_failure(code, message),
        _ => envelope::spa_failure(code, message, &message_id),
    };
    let (end, note) = effect.end(answer, worded);
    (end, Some(note.into()))
}

fn refuse(shared: &Shared, refused: Refused) -> Ended {
    shared.count(|counters| {
        counters.refused += 1;
        counters.refused_tokens += u64::from(refused.by == By::Token);
        counters.gate_refusals += u64::from(refused.by == By::Gate);
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
        let now = world.now();
        let labels = Labels { session: &world.session, tokens: &world.tokens, provider: &world.provider };
        let seq = world.log.open(|seq| LogEntry::of(seq, incoming, &labels, now));
        // Counted under the lock, so that the log has no fewer requests than the counters say.
        shared.count(|counters| counters.arrive(&incoming.call));
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
