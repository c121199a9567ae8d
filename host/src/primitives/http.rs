//! Requests for guests.

mod derivations;
mod filling;
mod offers;
mod preparation;

use url::Url;

pub(super) use self::derivations::of as derivations_of;
pub(crate) use self::offers::Offers;
pub(super) use self::preparation::{LONGEST_URL, endpoints_of};
use self::preparation::{Prepared, prepare};
use super::allowance::Before;
use super::capture::{Asked, Incoming, LONGEST_TYPE, clean, receive};
use super::{
    AccountContext, Call, ConnectorCx, HttpRequest, LastAnswer, answer_time, content, rehearsal, transport,
};
use crate::bindings::http::{Host, Request, Response, TransportError};
use crate::descriptor::{PinStyle, SecretClass, Told};
use crate::metrics::Class;

/// Most cookie jars of one call.
const MOST_JARS: usize = 4;

fn denied(why: impl Into<String>) -> TransportError {
    TransportError::Denied(why.into())
}

impl Host for ConnectorCx {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, TransportError>> {
        Ok(self.call.send(request).await)
    }
}

impl Call {
    /// Sends a request of a connector's, and returns what the connector gets of its answer.
    ///
    /// # Errors
    ///
    /// See `transport-error` in `wit/http.wit`.
    pub async fn send(&mut self, request: Request) -> Result<Response, TransportError> {
        let answer = send(self, request).await;
        self.given("an answer", &answer);
        answer
    }
}

/// Sends a request of a guest's, and returns what the guest gets of its answer.
async fn send(call: &mut Call, request: Request) -> Result<Response, TransportError> {
    let prepared = prepare(call, &request);
    let shown = prepared.as_ref().map(|it| (&it.request, it.carries.as_slice()));
    if let Some(why) = rehearsal::withholds(call, &request, shown) {
        return Err(denied(why));
    }
    let Prepared { request: prepared, carries, derived, derived_size, endpoints } = prepared?;
    call.keep_derived(derived, derived_size);
    let mut sending = Sending::of(call, carries, request.acts_on_vehicle);
    sending.admit().await?;
    sending.call.last = LastAnswer { endpoint: endpoints.first().cloned(), ..LastAnswer::default() };
    let answer = sending.send(prepared, &request, &endpoints).await;
    rehearsal::answered(call, &answer);
    answer
}

/// A request of a call that is about to be sent.
struct Sending<'c> {
    call: &'c mut Call,
    /// The names of the secrets that it carries.
    carries: Vec<String>,
    /// Style of the PIN that it carries, if it carries one.
    pin: Option<PinStyle>,
    /// Whether it carries what signs in.
    signs_in: bool,
    /// Whether the sign-in was counted for this request.
    counted: bool,
    acts_on_vehicle: bool,
}

impl<'c> Sending<'c> {
    fn of(call: &'c mut Call, carries: Vec<String>, acts_on_vehicle: bool) -> Self {
        let classes: Vec<SecretClass> = carries.iter().filter_map(|name| call.context.class(name)).collect();
        let pin = classes.iter().find_map(|class| match class {
            SecretClass::Pin(style) => Some(*style),
            _ => None,
        });
        let signs_in = classes.into_iter().any(SecretClass::signs_in);
        Self { call, carries, pin, signs_in, counted: false, acts_on_vehicle }
    }

    /// Admits a request that may be sent now. What has to be known after a crash is written down.
    async fn admit(&mut self) -> Result<(), TransportError> {
        let Self { ref mut call, pin, signs_in, acts_on_vehicle, .. } = *self;
        if pin.is_some() && call.pin_turn.is_none() {
            call.pin_turn = Some(call.context.pin.turn().await);
        }
        if pin.is_some() {
            call.context.pin.may_offer(call.clock()).map_err(|why| denied(why.to_string()))?;
        }
        if acts_on_vehicle && !call.allowance.may_act() {
            return Err(denied("an earlier request of this operation may have moved the vehicle"));
        }
        call.allowance.take_send().map_err(denied)?;
        if acts_on_vehicle && let Err(error) = call.allowance.write_down().await {
            return Err(denied(format!("it could not be written down that the command is sent: {error}")));
        }
        if signs_in {
            let now = call.clock().now();
            let counted = call.sign_in.sends(&call.context.sign_ins, now).await;
            self.counted = counted.map_err(|why| denied(why.to_string()))?;
        }
        if pin.is_some()
            && let Err(error) = call.context.pin.offering(call.clock()).await
        {
            if self.counted {
                call.sign_in.take_back(&call.context.sign_ins, call.context.clock.now()).await;
            }
            return Err(denied(format!("it could not be written down that the PIN is sent: {error}")));
        }
        Ok(())
    }

    /// Sends what was admitted, and takes in the answer.
    async fn send(
        self,
        prepared: HttpRequest,
        request: &Request,
        endpoints: &[String],
    ) -> Result<Response, TransportError> {
        let url = prepared.url.clone();
        let call = &mut *self.call;
        let offers_before = call.offers.clone();
        call.offers.count(&self.carries, &call.context);
        call.carried.clone_from(&self.carries);
        // Until it is back, whether the vehicle acts is unknown: the caller's time may be over, or the host
        // may stop, while it is under way, and then nothing below is reached any more.
        let acting = self.acts_on_vehicle.then(|| BeforeAct::begin(call));
        call.allowance.leaves();
        let answer = exchange(&call.context, call.purpose, prepared).await;
        call.left |= !matches!(answer, Err(TransportError::NotSent(_) | TransportError::Denied(_)));
        if let Err(TransportError::NotSent(_) | TransportError::Denied(_)) = answer {
            call.offers = offers_before;
            call.allowance.not_sent();
            if self.counted {
                call.sign_in.take_back(&call.context.sign_ins, call.context.clock.now()).await;
            }
            if let Some(before) = acting {
                before.take_back(call);
            }
        }
        if self.pin.is_some() && answer.is_err() {
            call.context.pin.unanswered().await;
            call.pin_turn = None;
        }
        let transport::Response { status, headers, body } = answer?;
        note_times(call, status, &headers);
        let kept = match &request.jar {
            Some(jar) => keep_cookies(call, jar, &url, &headers),
            None => Ok(()),
        };
        note_answer(call, &url, status, &headers);
        let pin_refused = match self.pin {
            Some(PinStyle::Bearer) => pin_refusal(&call.context, status, &headers, &body),
            Some(PinStyle::Challenge) | None => None,
        };
        // At once: whatever the connector makes of it, and whether it ever says, the next one is not sent.
        if let Some(said) = pin_refused {
            call.context.refuse_pin(&said).await;
        }
        let asked = Asked { captures: &request.captures, sent: &self.carries, endpoints };
        let received = receive(call, Incoming { status, headers, body }, asked);
        // A policy, and the audit trail, see no more of an answer than the connector does.
        call.last.redirect = call.last.redirect.take().map(|text| clean(call, &self.carries, text));
        call.last.content_type = call.last.content_type.take().map(|text| clean(call, &self.carries, text));
        if let Some(style) = self.pin {
            let success = call.last.gave && (200..300).contains(&status);
            let refused = call.context.pin.answered(style, status, success, call.clock()).await;
            // What was refused is known when the failure has been judged.
            call.pin_turn.take_if(|_| !refused);
        }
        store_captured(call).await;
        if let Some(before) = acting {
            let told = match &received {
                Ok(it) => call.context.command_answers.told(endpoints, status, &it.headers, &it.body),
                // The request was answered, and the answer cannot be read.
                Err(_) => Told::Nothing,
            };
            call.told = call.told.filter(|before| *before != Told::Refused).or(Some(told));
            call.allowance.answered(before.operation, told);
        }
        // Only now: what the answer means is noted, whatever cookies come with it.
        kept?;
        let Incoming { mut headers, body, .. } = received?;
        // What is in a jar is the host's, also where it is too short to be searched for.
        headers.retain(|(name, _)| request.jar.is_none() || name != "set-cookie");
        Ok(Response { status, headers, body })
    }
}

/// Sends a request, and counts it once, whatever becomes of it.
async fn exchange(
    context: &AccountContext,
    purpose: &'static str,
    request: HttpRequest,
) -> Result<transport::Response, TransportError> {
    let AccountContext { account, clock, metrics, transport, .. } = context;
    let (begun, patience) = (clock.monotonic(), request.timeout);
    let exchange = metrics.exchange(account, purpose);
    let answer = transport.send(request).await;
    exchange.ended(match &answer {
        Ok(response) => Class::of_status(response.status),
        Err(_) if clock.monotonic().saturating_sub(begun) >= patience => Class::Timeout,
        Err(_) => Class::Network,
    });
    answer
}

/// Returns the refusal of a PIN that an answer is, in short. It is judged as it came: what the connector captures
/// or makes of it changes nothing.
fn pin_refusal(
    context: &AccountContext,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> Option<String> {
    let body = content::plain(headers, body.to_vec()).ok()?;
    let document = serde_json::from_slice(&body).ok()?;
    let codes = context.command_answers.codes(&document);
    context
        .refusals
        .of_pin(status, &codes, &document)
        .map(|said| format!("HTTP {status}, code {}", said.code))
}

/// Keeps the cookies that an answer sets.
fn keep_cookies(
    call: &mut Call,
    jar: &str,
    url: &Url,
    headers: &[(String, String)],
) -> Result<(), TransportError> {
    let now = call.clock().now();
    let set = headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_bytes());
    let kept = call.jars.entry(jar.to_owned()).or_default().take_in(url, set, now);
    kept.map_err(|error| TransportError::Interrupted(error.to_string()))
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

/// Notes what policies are told of an answer to a request that was sent to `asked`.
fn note_answer(call: &mut Call, asked: &Url, status: u16, headers: &[(String, String)]) {
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let led = header("location").filter(|_| (300..400).contains(&status)).and_then(|to| asked.join(to).ok());
    // Query and fragment may hold a code or a token, and what stands before the host a name and a password.
    let redirect = led.and_then(|mut to| {
        to.set_query(None);
        to.set_fragment(None);
        to.set_username("").ok()?;
        to.set_password(None).ok()?;
        Some(to.to_string())
    });
    let media_type = header("content-type").and_then(|it| it.split(';').next()).map(str::trim);
    let content_type =
        media_type.filter(|it| it.len() <= LONGEST_TYPE && it.is_ascii()).map(str::to_ascii_lowercase);
    call.last = LastAnswer { redirect, content_type, gave: false, ..std::mem::take(&mut call.last) };
}

/// Stores what was captured for a session before the connector goes on, as far as it must not be lost: the cloud
/// may have ended the token before it, and there may be no next moment.
async fn store_captured(call: &Call) {
    let Some(session) = &call.refreshing else { return };
    let secrets = call.store_at_once();
    if !secrets.is_empty()
        && let Err(error) = session.add_secrets(secrets).await
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
