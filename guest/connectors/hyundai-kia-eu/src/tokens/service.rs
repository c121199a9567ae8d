//! How the token service is asked: by signed calls, or by the older ones without a signature.
//!
//! Since October 2026 a gate stands before the service and wants every call signed, with keys that are in the
//! vendor's app and that this program does not have: the owner gives them, or nothing is sent. Of a gate that
//! refuses a signature the older calls are tried instead, once for each start of the host: whether they are
//! still answered is not known, and every refresh would ask again. When they are, the session goes on with
//! them until the next start, which begins with a signature again.

use vehicle_connector_sdk::http::secret;
use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::{clock, log};

use super::{SET, capturing_set, headers};
use crate::brand::OneApp;
use crate::cloud::Cloud;
use crate::kept::{Device, Route};

/// The cell of a refusal by the gate.
pub(crate) const GATE: &str = "gate";

/// Our own code for an account without the keys of the gate.
const NO_KEYS: &str = "no-gate-keys";

/// The service's envelope.
static SERVICE: Envelope = Envelope {
    codes_at: &["/code", "/errCode", "/resCode"],
    words_at: &["/message", "/errMsg", "/resMsg", "/error_description", "/error"],
    ..Envelope::PLAIN
};

/// The gate's codes: no signature, a wrong one, a time that is off.
const GATE_CODES: [&str; 3] = ["9035", "9036", "9037"];

/// The gate's code for a time that is off.
const TIME_IS_OFF: &str = "9037";

/// What the service is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// The first set, for the code of a sign-in.
    Token,
    /// An access token of the vehicle service, for the set.
    Exchange,
    /// The next set, for the one that there is.
    Refresh,
}

/// The token service, for one account and one step.
#[derive(Debug)]
pub(super) struct Service<'a> {
    cloud: &'a Cloud<'a>,
    app: &'static OneApp,
    base: &'a str,
    device: Device,
    phase: Phase,
    route: Route,
}

impl<'a> Service<'a> {
    /// The service, as it is spoken to as `device`, by the [`route`] of the account.
    ///
    /// # Errors
    ///
    /// The account lacks the keys of the gate, or the endpoint. Nothing was sent.
    pub(super) fn of(
        cloud: &'a Cloud<'a>,
        device: Device,
        phase: Phase,
        session: Option<Route>,
    ) -> Result<Self, Failure> {
        let route = route(cloud, phase, session)?;
        Ok(Self { cloud, app: cloud.one_app()?, base: cloud.account.endpoint("cci")?, device, phase, route })
    }

    /// The account.
    pub(super) fn account(&self) -> &'a Account {
        self.cloud.account
    }

    /// How it was asked last.
    pub(super) fn route(&self) -> Route {
        self.route
    }

    /// Asks once; and once more without a signature if the gate refuses the first one since the host's start.
    ///
    /// # Errors
    ///
    /// No answer, or a refusal.
    pub(super) fn call(&mut self, call: Call) -> Result<Answer, Failure> {
        let answer = self.send(call)?;
        let refusal = match answer.clone().success(&SERVICE) {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        let is_signed = self.route == Route::Signed;
        let code = refusal.code.clone().filter(|_| is_signed && is_of_gate(&refusal));
        let Some(code) = code else { return Err(refusal) };
        let refusal = Failure { message: in_words(&code, &refusal.message), ..refusal };
        if refused_since_start() {
            return Err(refusal);
        }
        log::warn(&format!("{}; the older calls without a signature are tried once", refusal.message));
        self.route = Route::Unsigned;
        let second = self.send(call).and_then(|answer| answer.success(&SERVICE));
        if second.as_ref().is_err_and(is_passing) {
            // Whether they are still answered is not known yet, so the next call may ask again.
            self.route = Route::Signed;
            return second;
        }
        note_refusal(&code, self.phase)?;
        match second {
            Ok(answer) => {
                log::warn(
                    "the token service is asked without a signature from now on, by the route `unsigned`",
                );
                Ok(answer)
            }
            Err(second) => {
                self.route = Route::Signed;
                let message = format!("{}. Without a signature: {}", refusal.message, second.message);
                Err(Failure { message, ..refusal })
            }
        }
    }

    fn send(&self, call: Call) -> Result<Answer, Failure> {
        let url = |signed: &str, unsigned: &str| {
            format!("{}{}", self.base, if self.route == Route::Signed { signed } else { unsigned })
        };
        let request = match call {
            Call::Token => Request::post(url("/auth/v1/token", "/domain/api/v1/auth/token"))
                .query_secret("code", "authorization-code"),
            Call::Exchange => {
                Request::post(url("/auth/v1/token-exchange", "/domain/api/v1/auth/token-exchange"))
                    .query("serviceType", "CCS")
            }
            Call::Refresh => {
                Request::post(url("/auth/v2/token-refresh", "/domain/api/v2/auth/token-refresh"))
            }
        };
        let request = match (self.route, &self.app.signed) {
            (Route::Signed, Some(signed)) => {
                let request = headers::signed(request, self.cloud, (self.app, signed), &self.device);
                if call == Call::Exchange {
                    with_tokens(request, [AUTHORIZATION, AUTHENTICATION])
                } else {
                    request
                }
            }
            _ => {
                let request = headers::unsigned(request, self.cloud, self.app, &self.device);
                if call == Call::Token {
                    request
                } else {
                    with_tokens(request, [AUTHENTICATION, AUTHORIZATION])
                }
            }
        };
        let request = match call {
            Call::Token => capturing_set(request),
            Call::Refresh => capturing_set(with_set(request)),
            Call::Exchange => request
                .capture_secret("/accessToken", "access-token")
                .capture_secret("/ccsAccessToken", "access-token"),
        };
        request.send(self.phase)
    }
}

/// The route of a signature if the account's brand has keys, unless the gate has refused one since this start and the
/// session went on without.
///
/// # Errors
///
/// The account lacks the keys of the gate.
pub(super) fn route(cloud: &Cloud<'_>, phase: Phase, session: Option<Route>) -> Result<Route, Failure> {
    let has_keys = cloud.account.has_secret("gate-keys");
    let went_on = session == Some(Route::Unsigned);
    match cloud.one_app()?.signed {
        None => Ok(Route::Unsigned),
        Some(_) if has_keys && !(went_on && refused_since_start()) => Ok(Route::Signed),
        Some(_) if went_on => Ok(Route::Unsigned),
        Some(_) => Err(no_keys(phase)),
    }
}

/// Whether it says nothing about the call: no answer, or one of a service that is unwell or busy.
fn is_passing(failure: &Failure) -> bool {
    failure.transport.is_some() || matches!(failure.http_status, Some(408 | 425 | 429 | 500..))
}

/// Whether the gate has said it, and not the service.
pub(super) fn is_of_gate(failure: &Failure) -> bool {
    failure.code.as_deref().is_some_and(|code| GATE_CODES.contains(&code))
}

/// A header, what stands before the token in it, and the token.
type TokenHeader = (&'static str, &'static str, &'static str);

const AUTHORIZATION: TokenHeader = ("authorization", "Bearer ", "cci-access-token");
const AUTHENTICATION: TokenHeader = ("Authentication", "", "non-ccs-token");

/// `request` with the tokens that stand in headers: these two in their order, and two more.
fn with_tokens(request: Request, first: [TokenHeader; 2]) -> Request {
    let more = [("exchangeable-token", "", "exchangeable-token"), ("non-ccs-token", "", "non-ccs-token")];
    first.into_iter().chain(more).fold(request, |request, (header, scheme, token)| {
        request.header(header, format!("{scheme}{}", secret(token)))
    })
}

/// `request` with all seven in its body, in the order and with the white space of the vendor's app.
fn with_set(request: Request) -> Request {
    let members: Vec<_> =
        SET.iter().map(|(member, name)| format!("\"{member}\": \"{}\"", secret(name))).collect();
    let body = vehicle_connector_sdk::http::Body::Json(format!("{{{}}}", members.join(", ")));
    request.header("Content-Type", "application/json").body(body)
}

fn no_keys(phase: Phase) -> Failure {
    let message = "`gate_keys_file` is missing: the token service takes signed calls only, and the three keys, one a \
                   line, are the owner's to supply. Nothing was sent";
    Failure { code: Some(NO_KEYS.to_owned()), ..failure::not_sent(phase, message) }
}

/// What a refusal of the gate's means for whoever can mend it.
fn in_words(code: &str, said: &str) -> String {
    if code == TIME_IS_OFF {
        return format!(
            "the gate of the token service does not take the time of the signature (code {code}: {said}): the \
             clock of this machine is wrong"
        );
    }
    format!(
        "the gate of the token service does not take the signature (code {code}: {said}): `gate_keys_file` or the \
         setting `client_version` do not go with the vendor's app of today"
    )
}

/// Whether the gate has refused a signature since the host started.
fn refused_since_start() -> bool {
    cell::read(GATE).is_some_and(|cell| cell.age <= clock::monotonic())
}

fn note_refusal(code: &str, phase: Phase) -> Result<(), Failure> {
    let held = cell::hold(GATE, phase)?;
    held.commit(&format!("{}", json!({ "code": code }))).map(|_| ())
}
