//! One request, from arrival to answer.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::stream;
use percent_encoding::percent_decode_str;

use crate::envelope::{Answer, Refused};
use crate::faults::{Effect, Moment};
use crate::route::Call;
use crate::wire::Wire;
use crate::world::Shared;
use crate::{barrier, routes, strict};

/// No known request comes near this.
const BODY_LIMIT: usize = 64 * 1024;

/// A request that has arrived whole.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) call: Call,
}

impl Incoming {
    async fn read(request: Request) -> Result<Self, axum::Error> {
        let (head, body) = request.into_parts();
        Ok(Self::new(head, to_bytes(body, BODY_LIMIT).await?))
    }

    pub(crate) fn new(head: Parts, body: Bytes) -> Self {
        let method = head.method.as_str().to_owned();
        let path = head.uri.path().to_owned();
        let call = Call::parse(&method, &path);
        let query = pairs(head.uri.query().unwrap_or(""));
        Self { method, query, headers: head.headers, body, call, path }
    }

    /// A header's text; empty if it is absent or no text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The token in a header of the form `Bearer <token>`.
    pub(crate) fn bearer(&self, name: &str) -> Option<&str> {
        self.header(name).strip_prefix("Bearer ")
    }

    /// The fields of a form, if this is one.
    pub(crate) fn form(&self) -> Option<Vec<(String, String)>> {
        let is_form = self.header("content-type").starts_with("application/x-www-form-urlencoded");
        is_form.then(|| pairs(&String::from_utf8_lossy(&self.body)))
    }
}

/// Decodes `a=b&c=d`.
fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// How a request ends.
#[derive(Debug)]
pub enum End {
    /// With this answer.
    Answered(Answer),
    /// Without one: the connection is cut.
    Dropped,
    /// With the head of this answer, of whose body only so many bytes arrive.
    Truncated(Answer, usize),
}

/// An end and, if it is not the usual one, why.
type Ended = (End, Option<Cow<'static, str>>);

/// Serves everything that is not `/control`.
pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let incoming = match Incoming::read(request).await {
        Ok(incoming) => incoming,
        // It did not arrive whole, so it did not arrive.
        Err(error) => return Answer::raw(400, error.to_string(), Vec::new()).into_response(),
    };
    match answer(&shared, &incoming).await {
        End::Answered(answer) => answer.into_response(),
        End::Truncated(answer, keep) => truncated(&answer, keep),
        End::Dropped => {
            wire.cut();
            Response::default()
        }
    }
}

/// Everything between the arrival of a request and its end, wherever it came from.
pub(crate) async fn answer(shared: &Arc<Shared>, incoming: &Incoming) -> End {
    let flight = Flight::begin(shared, incoming);
    let (end, note) = handle(shared, incoming).await;
    let status = match &end {
        End::Answered(answer) | End::Truncated(answer, _) => Some(answer.status),
        End::Dropped => None,
    };
    flight.end(status, note);
    end
}

async fn handle(shared: &Arc<Shared>, incoming: &Incoming) -> Ended {
    barrier::pass(shared, incoming).await;
    if let Some(effect) = strike(shared, Moment::Arrival, incoming).await {
        return fail(shared, &effect, None);
    }
    let verdict = strict::admit(&mut shared.world(), incoming);
    let admitted = match verdict {
        Ok(admitted) => admitted,
        Err(refused) => return refuse(shared, refused),
    };
    if let Some(effect) = strike(shared, Moment::Admitted, incoming).await {
        return fail(shared, &effect, None);
    }
    if shared.is_gone() {
        return (End::Dropped, Some("the cloud is gone".into()));
    }
    let answer = match routes::act(shared, incoming, &admitted) {
        Ok(answer) => answer,
        Err(refused) => return refuse(shared, refused),
    };
    if let Some(effect) = strike(shared, Moment::Acted, incoming).await {
        return fail(shared, &effect, Some(answer));
    }
    (End::Answered(answer), None)
}

/// Lets the faults of this moment have their way; returns the one that ends the request.
async fn strike(shared: &Shared, moment: Moment, incoming: &Incoming) -> Option<Effect> {
    let effects = shared.world().faults.strike(moment, incoming.call.kind(), incoming.call.vehicle());
    for effect in effects {
        match effect {
            Effect::Delay { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
            Effect::Hold => shared.hold().await,
            end => return Some(end),
        }
    }
    None
}

fn fail(shared: &Shared, effect: &Effect, answer: Option<Answer>) -> Ended {
    shared.count(|counters| counters.faults += 1);
    let message_id = shared.world().ids.uuid();
    match (effect.as_answer(&message_id), effect, answer) {
        (Some(instead), _, _) => (End::Answered(instead), Some("fault: answer".into())),
        (None, Effect::Truncate { keep }, Some(answer)) => {
            (End::Truncated(answer, *keep), Some("fault: truncate".into()))
        }
        _ => (End::Dropped, Some("fault: drop".into())),
    }
}

fn refuse(shared: &Shared, refused: Refused) -> Ended {
    shared.count(|counters| {
        counters.refused += 1;
        counters.refused_tokens += u64::from(refused.by_token);
    });
    (End::Answered(refused.answer), Some(refused.reason.into()))
}

/// The head of the whole answer, then less body than it promises.
fn truncated(answer: &Answer, keep: usize) -> Response {
    let kept = answer.body.as_bytes().iter().copied().take(keep).collect::<Bytes>();
    let parts = stream::unfold(Some(kept), |kept| async {
        match kept {
            Some(kept) => Some((Ok(kept), None)),
            None => {
                // HTTP flushes what it has only when there is nothing to do; an error at once would lose it.
                tokio::task::yield_now().await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
            }
        }
    });
    answer.promise().map(|()| Body::from_stream(parts))
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
        let seq = world.log.open(incoming, &world.session, world.now());
        // Counted under the lock, so that the log has no fewer requests than the counters say.
        shared.count(|counters| counters.arrive(incoming.call.kind()));
        Self { shared, seq }
    }

    fn end(self, status: Option<u16>, note: Option<Cow<'static, str>>) {
        self.shared.world().log.close(self.seq, status, note.map(Cow::into_owned));
    }
}

impl Drop for Flight<'_> {
    /// Also when the client went away and nobody wants the answer any more.
    fn drop(&mut self) {
        self.shared.count(|counters| counters.in_flight -= 1);
    }
}
