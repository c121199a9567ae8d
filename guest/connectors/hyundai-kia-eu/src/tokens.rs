//! The token service since 2026 (CCI): a set of seven tokens that rotates as a whole, and the access token of
//! the vehicle service (CCS) that it is exchanged for.
//!
//! The set lives for an hour and is refreshed before it ends. The access token lives for a day; it is
//! exchanged when three hours of it are left, so that an exchange that fails, as it does for hours for some
//! accounts, can be tried again before anything depends on it. Operations need the access token alone: while
//! it lasts nothing that the token service says, or does not say, keeps them from being made.

use vehicle_connector_sdk::log;
use vehicle_connector_sdk::prelude::*;

use crate::cloud::Cloud;
use crate::device;
use crate::kept::{Access, Cci, Device, Route, Session, now};
use crate::session::has_password;

mod headers;
mod service;

pub(crate) use headers::SETTINGS;
pub(crate) use service::GATE;
use service::{Call, Service};

/// The seven, as documents call them, and the secrets that they become.
pub(crate) const SET: [(&str, &str); 7] = [
    ("accessToken", "cci-access-token"),
    ("refreshToken", "cci-refresh-token"),
    ("exchangeableAccessToken", "exchangeable-token"),
    ("exchangeableRefreshToken", "exchangeable-refresh-token"),
    ("nonCcsToken", "non-ccs-token"),
    ("nonCcsRefreshToken", "non-ccs-refresh-token"),
    ("idToken", "id-token"),
];

/// Those that an exchange is made with, and so those without which the others are of no use.
const EXCHANGED: [&str; 3] = ["accessToken", "exchangeableAccessToken", "nonCcsToken"];

/// How long the set lives when the service does not say, in seconds.
const SET_LIFE: i64 = 3_599;

/// How long an access token lives at most, in seconds. The service says a life; what is longer is an instant.
const ACCESS_LIFE: i64 = 86_400;

/// A set with less than this left is refreshed, in seconds: the host comes ten minutes before its end.
const SET_DUE: i64 = 15 * 60;

/// An access token with less than this left is exchanged, in seconds.
const ACCESS_DUE: i64 = 3 * 3_600;

/// The service's code for a session that is over.
const SESSION_OVER: &str = "4111";

/// How long an access token has to last to be used on, in seconds.
const GRACE: i64 = 60;

/// Our own code for a refresh whose signature the gate has refused while the access token lasts: nothing has ended.
const NOT_RENEWED: &str = "not-renewed";

/// Our own code for a service that does not exchange the set that it has just given out.
const NOT_EXCHANGED: &str = "not-exchanged";

/// The session of a sign-in that has brought a code, for a set that is of `device`.
///
/// The set alone is a session: a sign-in that the cloud has confirmed is not lost because the exchange after
/// it failed. Whoever needs the access token has it exchanged then.
///
/// # Errors
///
/// The code gave no set.
pub(crate) fn begin(cloud: &Cloud<'_>, device: Device) -> Result<Step, Failure> {
    let id = device.id.clone();
    let mut service = Service::of(cloud, device, Phase::SignIn, last_route())?;
    let answer = service.call(Call::Token)?;
    for member in EXCHANGED {
        answer.part(&format!("/{member}"))?;
    }
    let lacks: Vec<_> =
        SET.iter().filter(|(member, _)| answer.part(&format!("/{member}")).is_err()).collect();
    if !lacks.is_empty() {
        log::warn(&format!("{}; another sign-in is needed when its access token ends", incomplete(&lacks)));
    }
    let tokens_end = Some(end_of_set(&answer));
    let exchanged = exchange(&mut service);
    if let Err(failure) = &exchanged {
        log::warn(&format!("signed in, but the exchange failed and is tried again: {}", failure.message));
    }
    let exchange_refused = exchanged.as_ref().is_err_and(is_refusal);
    let (route, access) = (service.route(), exchanged.ok());
    Ok(granted(&Cci { route, device: Some(id), tokens_end, access, exchange_refused }, lacks.is_empty()))
}

/// Whether a sign-in by password could be followed by a call to the token service, so that none is made in
/// vain.
///
/// # Errors
///
/// The account lacks the keys of the gate. Nothing was sent.
pub(crate) fn may_sign_in(cloud: &Cloud<'_>) -> Result<(), Failure> {
    cloud.account.endpoint("cci")?;
    service::route(cloud, Phase::SignIn, last_route()).map(|_| ())
}

/// The route of the session that there was, whose sign-in goes the same way: of a gate that was passed by since the start
/// another refusal would cost the password.
fn last_route() -> Option<Route> {
    match Session::read() {
        Some(Session::Cci(session)) => Some(session.route),
        Some(Session::Legacy) | None => None,
    }
}

/// The next session: another set if this one is about to end, another access token if that is.
///
/// # Errors
///
/// No answer, or a refusal. What a failed exchange leaves is reported as the session that it is if there is
/// another set: the host must know of that.
pub(crate) fn refresh(cloud: &Cloud<'_>, session: &Cci) -> Result<Step, Failure> {
    let device = device::of_tokens(cloud, session)?;
    let known = Some(device.id.clone()).filter(|id| crate::kept::is_device(id));
    let mut service = Service::of(cloud, device, Phase::Refresh, Some(session.route))?;
    let next = Next { service: &mut service, session };
    let next = next.made().map_err(|failure| while_access_lasts(failure, session))?;
    let is_whole = SET.iter().all(|(_, name)| cloud.account.has_secret(name));
    Ok(granted(&Cci { route: service.route(), device: known, ..next }, is_whole))
}

/// A session that is about to be replaced.
#[derive(Debug)]
struct Next<'n, 's> {
    service: &'n mut Service<'s>,
    session: &'n Cci,
}

impl Next<'_, '_> {
    fn made(self) -> Result<Cci, Failure> {
        let Self { service, session } = self;
        let set_lasts = session.tokens_end.is_some_and(|end| end - now() > SET_DUE);
        let access_lasts = || session.access_lasts(now() + ACCESS_DUE);
        // Somebody wants another one although nothing is due: then nothing that is known helps, and all is new.
        let all = set_lasts && access_lasts();
        let mut next = session.clone();
        let mut renewed = !set_lasts || all;
        if renewed {
            next.tokens_end = Some(renew(service)?);
        }
        // Asked again: meanwhile the vehicle service may have refused it.
        if !all && access_lasts() {
            return Ok(next);
        }
        let mut exchanged = exchange(service);
        // The set may be over, which only its own refresh says. Not of one that was new when it was refused: the next
        // one would be too, and each operation would cost another.
        if !renewed && !session.exchange_refused && exchanged.as_ref().is_err_and(is_refusal) {
            renewed = true;
            next.tokens_end = Some(renew(service)?);
            exchanged = exchange(service);
        }
        match exchanged {
            Ok(access) => (next.access, next.exchange_refused) = (Some(access), false),
            // There is nothing new to tell of.
            Err(failure) if !renewed => return Err(not_exchanged(failure)),
            Err(failure) => {
                log::warn(&format!("the exchange failed and is tried again: {}", failure.message));
                next.exchange_refused = is_refusal(&failure);
                next.access = next.access.filter(|_| session.access_lasts(now() + GRACE));
            }
        }
        Ok(next)
    }
}

/// Has the set replaced by the next one, and returns when that ends.
fn renew(service: &mut Service<'_>) -> Result<i64, Failure> {
    let account = service.account();
    let lacks: Vec<_> = SET.iter().filter(|(_, name)| !account.has_secret(name)).collect();
    if !lacks.is_empty() {
        return Err(cannot_be_renewed(account, &incomplete(&lacks)));
    }
    let answer = service.call(Call::Refresh).map_err(of_set)?;
    answer.part("/accessToken")?;
    Ok(end_of_set(&answer))
}

/// Says what a set lacks.
fn incomplete(lacks: &[&(&str, &str)]) -> String {
    let lacks: Vec<_> = lacks.iter().map(|(member, _)| format!("`{member}`")).collect();
    format!(
        "the set of tokens lacks {}, and the token service renews a set only as a whole",
        lacks.join(", ")
    )
}

/// A set that nothing renews. Nothing was sent; whoever has a password is signed in again, and others are told to.
fn cannot_be_renewed(account: &Account, why: &str) -> Failure {
    if has_password(account) {
        return Failure {
            message: format!("{why}: only a sign-in brings another one"),
            ..failure::no_refresh()
        };
    }
    let id = &account.id;
    let message = format!("{why}. Sign in again: `vehicle-connector auth login {id}`. Nothing was sent");
    failure::not_sent(Phase::Refresh, &message)
}

/// What the gate has said of a refresh, while the access token lasts: that a signature is refused is to be told, and
/// keeps nobody from using the car.
fn while_access_lasts(failure: Failure, session: &Cci) -> Failure {
    if !service::is_of_gate(&failure) || !session.access_lasts(now() + GRACE) {
        return failure;
    }
    let message = format!("{}. Cars are read and commanded until the access token ends", failure.message);
    Failure { code: Some(NOT_RENEWED.to_owned()), message, ..failure }
}

/// What an exchange has failed with, of a set that the service has given out itself.
fn not_exchanged(failure: Failure) -> Failure {
    if !is_refusal(&failure) {
        return failure;
    }
    let message = format!(
        "the token service does not exchange the tokens that it has given out for an access token of the vehicle \
         service: {}",
        failure.message
    );
    Failure { code: Some(NOT_EXCHANGED.to_owned()), message, ..failure }
}

/// What a refresh of the set has failed with. The service has a code for a session that is over, and others for tokens
/// that it does not take, such as those of a set whose successor was lost on the way: whatever it calls that, this
/// set brings no other one, and nothing is wrong with the password.
fn of_set(failure: Failure) -> Failure {
    if !is_refusal(&failure) || failure.code.as_deref() == Some(SESSION_OVER) {
        return failure;
    }
    let over = failure::no_refresh();
    Failure { code: over.code, message: format!("{}: {}", over.message, failure.message), ..failure }
}

/// Whether the service says no to the tokens, and not that it or a signature is unwell, nor something in front of it.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.http_status, Some(400 | 401 | 403))
        && failure.body == BodyKind::Json
        && !service::is_of_gate(failure)
}

/// Exchanges the set for an access token of the vehicle service.
fn exchange(service: &mut Service<'_>) -> Result<Access, Failure> {
    let answer = service.call(Call::Exchange)?;
    let token = secret("access-token");
    let is_there = ["/accessToken", "/ccsAccessToken"].iter().any(|at| answer.text(at) == Some(&token));
    if !is_there {
        // A success without what was asked for is an answer of a service that is unwell, and refuses nothing.
        let lacks = answer.lacks("access token");
        return Err(Failure { transport: Some(Transport::Other), http_status: None, ..lacks });
    }
    let life = answer.integer("/expiresTime").unwrap_or(ACCESS_LIFE).clamp(0, ACCESS_LIFE);
    Ok(Access { exchanged: now(), ends: now().saturating_add(life) })
}

fn end_of_set(answer: &Answer) -> i64 {
    now().saturating_add(answer.integer("/expiresIn").unwrap_or(SET_LIFE).clamp(0, ACCESS_LIFE))
}

/// The session lasts as long as the access token, which is what operations are made with; until there is one, as long
/// as the set. What a refresh replaces ends with the set, if a refresh can replace it.
fn granted(session: &Cci, is_whole: bool) -> Step {
    let left = |end: i64| end - now();
    let access = session.access.map(|access| access.ends);
    Step::Granted(Grant {
        expires_in: access.or(session.tokens_end).map(left),
        refresh_expires_in: session.tokens_end.filter(|_| is_whole && access.is_some()).map(left),
        ends_in: None,
        value: session.value(),
    })
}

/// `request` with the captures of a set. A newer exchangeable token may come as a cookie.
fn capturing_set(request: Request) -> Request {
    let capture =
        |request: Request, (member, name): &(&str, &str)| request.capture_secret(&format!("/{member}"), name);
    let request = SET.iter().fold(request, capture);
    request.capture_cookie("t", "exchangeable-token")
}
