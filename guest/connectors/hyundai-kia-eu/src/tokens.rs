//! The token service since 2026 (CCI): a set of seven tokens that rotates as a whole, and the access token of
//! the vehicle service (CCS) that it is exchanged for.
//!
//! The set lives for an hour and is refreshed before it ends. The access token lives for a day; it is
//! exchanged when three hours of it are left, so that an exchange that fails, as it does for hours for some
//! accounts, can be tried again before anything depends on it.

use vehicle_connector_sdk::log;
use vehicle_connector_sdk::prelude::*;

use crate::cloud::Cloud;
use crate::device;
use crate::kept::{Access, Cci, Route, Session, now};

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

/// Those without which the others are of no use.
const NEEDED: [&str; 4] = ["/accessToken", "/refreshToken", "/exchangeableAccessToken", "/nonCcsToken"];

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

/// The session of a sign-in that has brought a code.
///
/// The set alone is a session: a sign-in that the cloud has confirmed is not lost because the exchange after
/// it failed. Whoever needs the access token has it exchanged then.
///
/// # Errors
///
/// The code gave no set.
pub(crate) fn begin(cloud: &Cloud<'_>) -> Result<Step, Failure> {
    let mut service = Service::of(cloud, Phase::SignIn, last_route())?;
    let answer = service.call(Call::Token)?;
    for pointer in NEEDED {
        answer.part(pointer)?;
    }
    let tokens_end = end_of_set(&answer);
    let access = match exchange(&mut service) {
        Ok(access) => Some(access),
        Err(failure) => {
            log::warn(&format!("signed in, but the exchange failed and is tried again: {}", failure.message));
            None
        }
    };
    Ok(granted(&Cci { route: service.route(), tokens_end: Some(tokens_end), access }))
}

/// Whether a sign-in by password could be followed by a call to the token service, so that none is made in
/// vain.
///
/// # Errors
///
/// The account lacks the keys of the gate. Nothing was sent.
pub(crate) fn may_sign_in(cloud: &Cloud<'_>) -> Result<(), Failure> {
    Service::of(cloud, Phase::SignIn, last_route()).map(|_| ())
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
    let mut service = Service::of(cloud, Phase::Refresh, Some(session.route))?;
    device::for_refresh(cloud)?;
    let set_lasts = session.tokens_end.is_some_and(|end| end - now() > SET_DUE);
    // Somebody wants another one although nothing is due: then nothing that is known helps, and all is new.
    let all = set_lasts && session.access_lasts(now() + ACCESS_DUE);
    let mut next = *session;
    let mut renewed = !set_lasts || all;
    if renewed {
        next.tokens_end = Some(renew(&mut service)?);
    }
    if all || !session.access_lasts(now() + ACCESS_DUE) {
        let mut exchanged = exchange(&mut service);
        if !renewed && exchanged.as_ref().is_err_and(is_refusal) {
            // The set may be over, which only its own refresh says.
            renewed = true;
            next.tokens_end = Some(renew(&mut service)?);
            exchanged = exchange(&mut service);
        }
        match exchanged {
            Ok(access) => next.access = Some(access),
            // There is nothing new to tell of.
            Err(failure) if !renewed => return Err(failure),
            Err(failure) => {
                log::warn(&format!("the exchange failed and is tried again: {}", failure.message));
                next.access = next.access.filter(|_| session.access_lasts(now() + GRACE));
            }
        }
    }
    next.route = service.route();
    Ok(granted(&next))
}

/// Has the set replaced by the next one, and returns when that ends.
fn renew(service: &mut Service<'_>) -> Result<i64, Failure> {
    let answer = service.call(Call::Refresh).map_err(of_set)?;
    answer.part("/accessToken")?;
    Ok(end_of_set(&answer))
}

/// What a refresh of the set has failed with. The service has a code for a session that is over, and others for tokens
/// that it does not take, such as those of a set whose successor was lost on the way: whatever it calls that, this
/// set brings no other one, and nothing is wrong with the password.
fn of_set(failure: Failure) -> Failure {
    let refused = is_refusal(&failure) && failure.body == BodyKind::Json;
    if !refused || failure.code.as_deref() == Some(SESSION_OVER) {
        return failure;
    }
    let over = failure::no_refresh();
    Failure { code: over.code, message: format!("{}: {}", over.message, failure.message), ..failure }
}

/// Whether the service says no to the tokens, and not that it or a signature is unwell.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.http_status, Some(400 | 401 | 403)) && !service::is_of_gate(failure)
}

/// Exchanges the set for an access token of the vehicle service.
fn exchange(service: &mut Service<'_>) -> Result<Access, Failure> {
    let answer = service.call(Call::Exchange)?;
    let is_there = ["/accessToken", "/ccsAccessToken"].iter().any(|pointer| answer.text(pointer).is_some());
    if !is_there {
        return Err(answer.lacks("access token"));
    }
    let life = answer.integer("/expiresTime").unwrap_or(ACCESS_LIFE).clamp(0, ACCESS_LIFE);
    Ok(Access { exchanged: now(), ends: now().saturating_add(life) })
}

fn end_of_set(answer: &Answer) -> i64 {
    now().saturating_add(answer.integer("/expiresIn").unwrap_or(SET_LIFE).clamp(0, ACCESS_LIFE))
}

/// The session lasts as long as what ends first in it.
fn granted(session: &Cci) -> Step {
    let ends = [session.tokens_end, session.access.map(|access| access.ends)];
    let ends = ends.into_iter().flatten().min();
    Step::Granted(Grant {
        expires_in: ends.map(|end| end - now()),
        refresh_expires_in: None,
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
