//! Presence of an account: what its retained state says.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Account;
use crate::cell::Cell;
use crate::primitives::SESSION;
use crate::protect::doubt::Refused;
use crate::wire::outcome::Reason;

/// Presence as the last exchanges with the cloud have shown it.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// Whether the last operation that could tell has reached the cloud. Nothing was reached before the first
    /// one.
    reached: AtomicBool,
    /// Generation of the session whose token the cloud has refused; 0 for none.
    refused: AtomicU64,
}

impl Presence {
    /// Records that the cloud has refused the token of this generation. Returns whether that is news.
    pub(super) fn token_refused(&self, generation: u64) -> bool {
        self.refused.fetch_max(generation, Ordering::Relaxed) < generation
    }

    /// Whether the cloud has refused the token in this cell.
    pub(super) fn is_refused(&self, cell: &Cell) -> bool {
        cell.generation > 0 && self.refused.load(Ordering::Relaxed) == cell.generation
    }

    /// Records that the cloud has answered. Returns whether that is news.
    pub(super) fn reached(&self) -> bool {
        self.note_reached(true)
    }

    /// Records the reason for which an operation has failed. Returns whether it tells news.
    pub(super) fn failed_for(&self, reason: Reason) -> bool {
        match reason {
            Reason::UpstreamUnavailable | Reason::BreakerOpen => self.note_reached(false),
            // These answers come from the cloud's own judgement, so the cloud was reached.
            Reason::Unsupported
            | Reason::VehicleUnreachable
            | Reason::VehicleRefused
            | Reason::UpstreamRefused => self.note_reached(true),
            // Other reasons tell nothing about the cloud.
            _ => false,
        }
    }

    fn note_reached(&self, now: bool) -> bool {
        self.reached.swap(now, Ordering::Relaxed) != now
    }
}

/// Returns the retained state of an account.
pub(super) fn document(account: &Account) -> Value {
    let clock = account.clock();
    let (now, monotonic) = (clock.now(), clock.monotonic());
    let (latched, throttled) = (account.latched(), account.throttled());
    let (fighting, pause, refreshed) = {
        let mut history = account.refreshes.lock();
        let pause = history.pause_left(monotonic);
        (history.is_fighting(monotonic), pause, history.within_an_hour(monotonic))
    };
    let session = account.context.cells.slot(SESSION).map(|slot| slot.current());
    let expires_at = session.as_ref().and_then(|cell| cell.expires_at);
    let usable =
        session.is_some_and(|cell| !account.is_refused(&cell) && cell.expires_at.is_some_and(|at| at > now));
    let in_doubt =
        [account.grant.shown(clock), account.context.pin.in_doubt(clock), account.registration.shown(clock)];
    let grant_rests = in_doubt.iter().flatten().find(|doubt| doubt.what == Refused::Grant);
    let next_refresh = pause.and_then(|pause| now.checked_add(pause).ok());
    let next_attempt_at: Option<Timestamp> =
        next_refresh.into_iter().chain(grant_rests.map(|doubt| doubt.next_attempt_at)).max();
    let rests = pause.is_some() || grant_rests.is_some();
    let state = match &latched {
        Some(latched) => latched.kind.as_str(),
        None if fighting => "session_fight",
        None if throttled.is_some() => "rate_limited",
        None if rests && !usable || !account.presence.reached.load(Ordering::Relaxed) => "upstream_down",
        None => "ok",
    };
    let reason = match (&latched, &throttled, grant_rests) {
        (Some(latched), ..) => Some(latched.reason.clone()),
        (None, Some(throttled), _) => Some(throttled.to_string()),
        (None, None, Some(doubt)) if state == "upstream_down" => Some(doubt.reason.clone()),
        _ => None,
    };
    json!({
        "state": state,
        "reason": reason,
        "detail": latched.as_ref().and_then(|latched| latched.detail.as_ref()),
        "since": latched.as_ref().map(|it| it.since).or(throttled.as_ref().map(|it| it.since)),
        "until": latched.as_ref().map_or(throttled.as_ref().map(|it| it.until), |latched| latched.until),
        "token_expires_at": expires_at,
        "next_attempt_at": next_attempt_at,
        "pin_refused_since": account.context.pin.latched(now).map(|latched| latched.since),
        "in_doubt": in_doubt.iter().flatten().collect::<Vec<_>>(),
        "refreshes_last_hour": refreshed,
        "logins_today": account.sign_ins.used(now),
        "requests_today": account.requests.used(now),
        "requests_left": account.requests.left(now),
    })
}
