//! Queue of requests about plugins, done one after the other. Compiling a component takes a while, and a
//! caller that asks for a swap and then for a rollback means them in this order.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Caller, RequestDesk, answer};
use crate::host::Request;

/// Number of requests that may wait while one is worked on.
const WAITING: usize = 8;

/// A request that waits for its turn.
#[derive(Debug)]
pub(in crate::host) struct Waiting {
    verb: String,
    request: Request,
}

/// Queue of requests. What is in it ends with the host.
#[derive(Debug)]
pub(in crate::host) struct Queue(mpsc::Sender<Waiting>);

impl Queue {
    /// Makes a queue, and its other end for [`RequestDesk::work_off`].
    pub(in crate::host) fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (places, waiting) = mpsc::channel(WAITING);
        (Self(places), waiting)
    }
}

impl RequestDesk {
    /// Gives a request its turn after all that came before it, or answers at once that too many wait.
    pub(super) fn in_turn(&self, verb: &str, mut request: Request) {
        // It has arrived: compiling takes so long that whatever comes after it would wait to be acknowledged.
        let hold = request.hold.take();
        let waiting = Waiting { verb: verb.to_owned(), request };
        let (error, Waiting { mut request, .. }) = match self.queue.0.try_send(waiting) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(waiting)) => {
                let error = format!(
                    "the host is busy: {WAITING} requests about plugins wait already; try again later"
                );
                (error, waiting)
            }
            Err(mpsc::error::TrySendError::Closed(waiting)) => (stopping(), waiting),
        };
        request.hold = hold;
        self.respond_to(verb, &request, &answer(Err(error), &request.payload));
    }

    /// Does the requests that wait, in the order of their arrival. The one in hand when the host stops is
    /// done to its end; what comes after it is refused.
    pub(in crate::host) fn work_off(self: &Arc<Self>, mut requests: mpsc::Receiver<Waiting>) {
        let desk = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(Waiting { verb, request }) = requests.recv().await {
                let Some(desk) = desk.upgrade() else { return };
                let working = async move {
                    let answer = if desk.shutdown.is_closed() {
                        answer(Err(stopping()), &request.payload)
                    } else {
                        desk.request(&verb, &request.payload, Caller::Message).await
                    };
                    desk.respond_to(&verb, &request, &answer);
                };
                // A task of its own, so that a panic takes none of the waiting requests along.
                if let Err(error) = tokio::spawn(working).await {
                    tracing::error!("a request about plugins was not done: {error}");
                }
            }
        });
    }
}

fn stopping() -> String {
    "the host is stopping".to_owned()
}
