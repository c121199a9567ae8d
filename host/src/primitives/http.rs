//! Requests for guests.

mod offers;
mod preparation;

pub(super) use self::offers::Offers;
use self::preparation::{Prepared, prepare};
use super::allowance::Before;
use super::capture::{Incoming, receive};
use super::{AccountContext, Call, ConnectorCx, HttpRequest, answer_time, transport};
use crate::bindings::http::{Capture, Host, Request, Response, TransportError};
use crate::descriptor::Told;

/// The secret that the host stops sending for good once it was refused.
pub(crate) const PIN: &str = "pin";

fn denied(why: impl Into<String>) -> TransportError {
    TransportError::Denied(why.into())
}

impl Host for ConnectorCx {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, TransportError>> {
        let answer = send(&mut self.call, request).await;
        self.call.given("an answer", &answer);
        Ok(answer)
    }
}

/// Sends a request of a guest's, and returns what the guest gets of its answer.
async fn send(call: &mut Call, request: Request) -> Result<Response, TransportError> {
    let Prepared { request: prepared, carries } = prepare(call, &request)?;
    let carries_pin = carries.iter().any(|name| name == PIN);
    let mut sending = Sending { call, carries, carries_pin, acts_on_vehicle: request.acts_on_vehicle };
    sending.admit().await?;
    sending.send(prepared, &request.captures).await
}

/// A request of a call that is about to be sent.
struct Sending<'c> {
    call: &'c mut Call,
    /// The names of the secrets that it carries.
    carries: Vec<String>,
    carries_pin: bool,
    acts_on_vehicle: bool,
}

impl Sending<'_> {
    /// Admits a request that may be sent now. What has to be known after a crash is written down.
    async fn admit(&mut self) -> Result<(), TransportError> {
        let Self { ref mut call, carries_pin, acts_on_vehicle, .. } = *self;
        if carries_pin && call.pin_turn.is_none() {
            call.pin_turn = Some(call.context.pin.turn().await);
        }
        if carries_pin && let Err(why) = call.context.pin.may_offer(call.clock()) {
            return Err(denied(why.to_string()));
        }
        if acts_on_vehicle && !call.allowance.may_act() {
            return Err(denied("an earlier request of this operation may have moved the vehicle"));
        }
        call.allowance.take_send().map_err(denied)?;
        if acts_on_vehicle && let Err(error) = call.allowance.write_down().await {
            return Err(denied(format!("it could not be written down that the command is sent: {error}")));
        }
        if carries_pin && let Err(error) = call.context.pin.offering(call.clock()).await {
            return Err(denied(format!("it could not be written down that the PIN is sent: {error}")));
        }
        Ok(())
    }

    /// Sends what was admitted, and takes in the answer.
    async fn send(self, prepared: HttpRequest, captures: &[Capture]) -> Result<Response, TransportError> {
        let call = &mut *self.call;
        let offers_before = call.offers.clone();
        call.offers.count(&self.carries, &call.context.secrets);
        // Until it is back, whether the vehicle acts is unknown: the caller's time may be over, or the host
        // may stop, while it is under way, and then nothing below is reached any more.
        let acting = self.acts_on_vehicle.then(|| BeforeAct::begin(call));
        call.allowance.leaves();
        let answer = call.context.transport.send(prepared).await;
        call.left |= !matches!(answer, Err(TransportError::NotSent(_) | TransportError::Denied(_)));
        if let Err(TransportError::NotSent(_) | TransportError::Denied(_)) = answer {
            call.offers = offers_before;
            call.allowance.not_sent();
            if let Some(before) = acting {
                before.take_back(call);
            }
        }
        if self.carries_pin && answer.is_err() {
            call.context.pin.unanswered().await;
            call.pin_turn = None;
        }
        let transport::Response { status, headers, body } = answer?;
        note_times(call, status, &headers);
        let captured_before = call.captured.len();
        let received = receive(call, Incoming { status, headers, body }, captures, &self.carries);
        if self.carries_pin {
            let success = call.captured.len() > captured_before;
            let refused = call.context.pin.answered(status, success, call.clock()).await;
            // What was refused is known when the failure has been judged.
            call.pin_turn.take_if(|_| !refused);
        }
        store_captured(call).await;
        if let Some(before) = acting {
            let told = match &received {
                Ok(it) => call.context.command_answers.told(status, &it.headers, &it.body),
                // The request was answered, and the answer cannot be read.
                Err(_) => Told::Nothing,
            };
            call.told = call.told.filter(|before| *before != Told::Refused).or(Some(told));
            call.allowance.answered(before.operation, told);
        }
        let Incoming { headers, body, .. } = received?;
        Ok(Response { status, headers, body })
    }
}

/// Notes what an answer says of time. Of a success `Retry-After` says nothing (RFC 9110 §10.2.3).
fn note_times(call: &mut Call, status: u16, headers: &[(String, String)]) {
    let AccountContext { account, clock, skew, .. } = call.context.as_ref();
    let now = clock.now();
    let names_a_time = status >= 300 && headers.iter().any(|(name, _)| name == "retry-after");
    call.told_to_wait = names_a_time.then(|| answer_time::retry_after(headers, now).unwrap_or_default());
    call.patience = call.patience.max(call.told_to_wait.filter(|told| !told.is_zero()));
    if let Some(skewed) = skew.observe(headers, now) {
        tracing::warn!(account, "{}", answer_time::in_words(skewed));
    }
}

/// Stores what was captured for a session that is being refreshed before the connector goes on: the cloud
/// may have ended the token before it, and there may be no next moment.
async fn store_captured(call: &Call) {
    if let Some(session) = call.refreshing.as_ref().filter(|_| !call.captured.is_empty())
        && let Err(error) = session.add_secrets(call.captured.clone()).await
    {
        tracing::warn!(
            account = call.context.account,
            operation = call.operation,
            "a new token could not be stored yet: {error}"
        );
    }
}

/// State of a call before a request left on which the vehicle may act.
#[derive(Clone, Copy)]
struct BeforeAct {
    acted: bool,
    operation: Before,
}

impl BeforeAct {
    /// Records that a request is about to leave on which the vehicle may act.
    fn begin(call: &mut Call) -> Self {
        Self { acted: std::mem::replace(&mut call.acted, true), operation: call.allowance.begin_act() }
    }

    /// Records that the request has not left.
    fn take_back(self, call: &mut Call) {
        call.acted = self.acted;
        call.allowance.take_back_act(self.operation);
    }
}

#[cfg(test)]
mod tests;
