//! Presence of an account: what its retained state says.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::Account;
use crate::cell::Cell;
use crate::primitives::SESSION;
use crate::protect::doubt::Refused;
use crate::wire::outcome::Reason;
use crate::wire::words::Words;

/// Presence as the last exchanges with the cloud have shown it.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// Whether the last operation that could tell has reached the cloud. Nothing was reached before the first
    /// one.
    reached: AtomicBool,
    /// Generation of the session whose token the cloud has refused; 0 for none.
    refused: AtomicU64,
    /// Generation of the session whose token the cloud has taken last, and when.
    worked: Mutex<Option<(u64, Duration)>>,
    /// Words about why the cloud was not reached, since it was reached last.
    unreached: Mutex<Option<Words>>,
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

    /// Records that the cloud has taken the token of this generation, at this monotonic time.
    pub(super) fn token_worked(&self, generation: u64, now: Duration) {
        *self.worked.lock() = Some((generation, now));
    }

    /// Returns the time since the cloud last took the token of this generation; none if it never did.
    pub(super) fn token_last_worked(&self, generation: u64, now: Duration) -> Option<Duration> {
        let (_, at) = self.worked.lock().filter(|(worked, _)| *worked == generation)?;
        Some(now.saturating_sub(at))
    }

    /// Records that the cloud has answered. Returns whether that is news.
    pub(super) fn reached(&self) -> bool {
        self.note_reached(true)
    }

    /// Records the reason for which an operation has failed. Returns whether it tells news.
    pub(super) fn failed_for(&self, reason: Reason, words: &Words) -> bool {
        match reason {
            Reason::UpstreamUnavailable | Reason::BreakerOpen => {
                let is_first = self.unreached.lock().replace(words.clone()).is_none();
                self.note_reached(false) || is_first
            }
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
        if now {
            *self.unreached.lock() = None;
        }
        self.reached.swap(now, Ordering::Relaxed) != now
    }
}

/// Returns why the cloud is not reached, or no token is to be had, and what others say of it.
fn why_unreached(account: &Account) -> (String, Option<String>) {
    let vendor = account.advice.vendor();
    let last = account.refreshes.lock().last_failure().map(ToString::to_string);
    match account.presence.unreached.lock().clone() {
        Some(Words { ours, theirs }) => {
            let unwell = || format!("the cloud of {vendor}, or the way to it, is unwell");
            (format!("{}; the next command or read finds out", ours.unwrap_or_else(unwell)), theirs)
        }
        None if last.is_some() => (format!("no token of {vendor} can be had now; it is tried again"), last),
        None => (format!("nothing of {vendor} was reached yet; the first read or command finds out"), None),
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
    let ends = session.as_ref().map(|cell| cell.ends).unwrap_or_default();
    let usable =
        session.is_some_and(|cell| !account.is_refused(&cell) && cell.ends.access.is_some_and(|at| at > now));
    let in_doubt =
        [account.grant.shown(clock), account.context.pin.in_doubt(clock), account.registration.shown(clock)];
    let grant_rests = in_doubt.iter().flatten().find(|doubt| doubt.what == Refused::Grant);
    let next_refresh = pause.and_then(|pause| now.checked_add(pause).ok());
    let next_attempt_at: Option<Timestamp> =
        next_refresh.into_iter().chain(grant_rests.map(|doubt| doubt.next_attempt_at)).max();
    let rests = pause.is_some() || grant_rests.is_some();
    let (question, asked) = (account.questions.current(), account.asked());
    let state = match (&latched, &asked) {
        (Some(latched), _) => latched.kind.as_str(),
        (None, Some(asked)) => asked.kind.as_str(),
        (None, None) if fighting => "session_fight",
        (None, None) if throttled.is_some() => "rate_limited",
        (None, None) if rests && !usable || !account.presence.reached.load(Ordering::Relaxed) => {
            "upstream_down"
        }
        (None, None) => "ok",
    };
    let unreached = why_unreached(account);
    let asked = asked.map(|asked| asked.reason);
    let reason = match (latched.as_ref().map(|it| it.reason.clone()).or(asked), &throttled, grant_rests) {
        (Some(reason), ..) => Some(reason),
        (None, Some(throttled), _) => Some(throttled.to_string()),
        (None, None, Some(doubt)) if state == "upstream_down" => Some(doubt.reason.clone()),
        (None, None, None) if state == "upstream_down" => Some(unreached.0),
        _ => None,
    };
    let detail = match &latched {
        Some(latched) => latched.detail.clone(),
        None if state == "upstream_down" => unreached.1,
        None => None,
    };
    let (since, until) = match (&latched, &question, &throttled) {
        (Some(latched), ..) => (Some(latched.since), latched.until),
        (None, Some(question), _) => (Some(question.asked_at), Some(question.expires_at)),
        (None, None, Some(throttled)) => (Some(throttled.since), Some(throttled.until)),
        (None, None, None) => (None, None),
    };
    json!({
        "state": state,
        "reason": reason,
        "detail": detail,
        "since": since,
        "until": until,
        "token_expires_at": ends.access,
        "grant_ends_at": ends.grant,
        "next_attempt_at": next_attempt_at,
        "pin_refused_since": account.context.pin.latched(now).map(|latched| latched.since),
        "in_doubt": in_doubt.iter().flatten().collect::<Vec<_>>(),
        "refreshes_last_hour": refreshed,
        "logins_today": account.context.sign_ins.used(now),
        "requests_today": account.requests.used(now),
        "requests_left": account.requests.left(now),
    })
}
