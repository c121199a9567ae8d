//! The component: each question reads the state of an account from its text, and writes it again.

mod facts;

use alloc::string::{String, ToString as _};
use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use vehicle_connector_sdk as _;

use self::bindings::exports::vehicle::rules::keeper as wit;
use crate::account::{self, Account, Admission, Admitted, Attempt, Outcome, Renewal, Scopes, Session};
use crate::action::Action;

#[allow(
    missing_docs,
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    reason = "generated; the documentation is in wit/"
)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "vehicle:rules/rules",
        generate_all,
    });
}

struct Rules;

#[allow(unsafe_code, missing_docs, reason = "generated exports")]
mod exported {
    use super::{Rules, bindings};

    bindings::export!(Rules with_types_in bindings);
}

impl wit::Guest for Rules {
    fn check(state: String) -> wit::Checked {
        match serde_json::from_str::<Account>(&state) {
            Ok(_) => wit::Checked::Good,
            Err(_) if state.is_empty() => wit::Checked::Good,
            Err(why) => wit::Checked::Unreadable(why.to_string()),
        }
    }

    fn configure(configuration: wit::Configuration) -> wit::Remembered {
        let now = of(configuration.now);
        let text = configuration.state.unwrap_or_default();
        remembering(&text, now, |account| {
            account.configure(Scopes {
                token_endpoint: facts::settings(configuration.token_endpoint),
                cloud: facts::settings(configuration.cloud),
                account: facts::settings(configuration.account),
                vehicle: facts::settings(configuration.vehicle),
            });
        })
    }

    fn admit(admission: wit::Admission) -> wit::Admitted {
        let now = of(admission.now);
        let mut account = read(&admission.state, now);
        let admitted = account.admit(
            Admission {
                before: admission.attempt.as_deref().and_then(parsed),
                vehicle: admission.vehicle,
                reads: admission.reads,
                remaining: of(admission.remaining.into()),
            },
            now,
        );
        match admitted {
            Admitted::Go(attempt, retry_budget) => wit::Admitted::Go(wit::Leave {
                state: changed(&admission.state, &account),
                number: attempt.number(),
                refreshed: attempt.refreshed(),
                attempt: text(&attempt),
                retry_budget,
            }),
            Admitted::Wait(left) => wit::Admitted::Wait(milliseconds(left)),
            Admitted::Refused(refusal) => {
                wit::Admitted::Refused(refused(refusal, &admission.state, &account))
            }
        }
    }

    fn succeeded(end: wit::End) -> wit::Remembered {
        remembering(&end.state, of(end.now), |account| {
            account.succeeded(parsed(&end.attempt).unwrap_or_default(), of(end.now));
        })
    }

    fn failed(failed: wit::FailedAttempt) -> wit::Consequence {
        let now = of(failed.now);
        let mut account = read(&failed.state, now);
        let attempt: Attempt = parsed(&failed.attempt).unwrap_or_default();
        let followed = account.failed(attempt, &facts::failed(&failed), now);
        wit::Consequence {
            state: changed(&failed.state, &account),
            attempt: text(&followed.attempt),
            done: followed.done,
            action: match followed.action {
                Action::Refresh => wit::Action::Refresh,
                Action::SignInAgain => wit::Action::SignInAgain,
                Action::Discard(cell) => wit::Action::Discard(cell),
                Action::Pause(pause) => wit::Action::Pause(milliseconds(pause)),
                Action::AskLater(later) => wit::Action::Ask(wit::Confirmation {
                    after: milliseconds(later.after),
                    within: later.within.map(milliseconds),
                }),
                Action::GiveUp => wit::Action::GiveUp,
                Action::Latch(kind) => wit::Action::Latch(facts::latch(kind)),
            },
        }
    }

    fn abandoned(end: wit::End) -> wit::Remembered {
        remembering(&end.state, of(end.now), |account| {
            if let Some(renewal) = parsed::<Renewal>(&end.attempt) {
                account.gave_up(&renewal);
            } else if let Some(attempt) = parsed::<Attempt>(&end.attempt) {
                account.abandoned(attempt);
            }
        })
    }

    fn consider_refresh(wanted: wit::Wanted) -> wit::Considered {
        let mut account = read(&wanted.state, of(wanted.now));
        match account.consider(of(wanted.now)) {
            Ok(reported) => wit::Considered::Due(wit::History {
                failures: reported.failures,
                since_failure: reported.since_failure.map(milliseconds),
                retry_after: reported.retry_after.map(milliseconds),
                refreshes_last_hour: reported.last_hour,
            }),
            Err(refusal) => wit::Considered::Refused(refused(refusal, &wanted.state, &account)),
        }
    }

    fn admit_refresh(admission: wit::RefreshAdmission) -> wit::RefreshAdmitted {
        let now = of(admission.now);
        let mut account = read(&admission.state, now);
        let session = Session {
            generation: admission.generation,
            refused: matches!(admission.reason, wit::RefreshReason::Refused),
            unhurried: matches!(admission.reason, wit::RefreshReason::Expiring | wit::RefreshReason::Unused),
            age: admission.age.map(|age| of(age.into())),
            life: admission.life.map(|life| of(life.into())),
        };
        match account.admit_renewal(session, &facts::refresh_decision(admission.decision), now) {
            Ok(Some(renewal)) => wit::RefreshAdmitted::Renew(wit::RefreshLeave {
                state: changed(&admission.state, &account),
                refresh: text(&renewal),
            }),
            Ok(None) => wit::RefreshAdmitted::Adopt,
            Err(refusal) => wit::RefreshAdmitted::Refused(refused(refusal, &admission.state, &account)),
        }
    }

    fn refreshed(end: wit::End) -> wit::Remembered {
        remembering(&end.state, of(end.now), |account| {
            if let Some(renewal) = parsed(&end.attempt) {
                account.renewed(&renewal, of(end.now));
            }
        })
    }

    fn not_refreshed(failed: wit::FailedAttempt) -> wit::RefreshConsequence {
        let now = of(failed.now);
        let mut account = read(&failed.state, now);
        let Some(renewal) = parsed::<Renewal>(&failed.attempt) else {
            return wit::RefreshConsequence::Refused(wit::Refusal {
                state: None,
                latch: None,
                why: "no refresh was under way".into(),
                done: String::new(),
                retry_in: None,
                worth_waiting: false,
            });
        };
        match account.not_renewed(&renewal, &facts::failed(&failed), now) {
            Outcome::SignIn(renewal) => wit::RefreshConsequence::SignIn(wit::RefreshLeave {
                state: changed(&failed.state, &account),
                refresh: text(&renewal),
            }),
            Outcome::Refused(refusal) => {
                wit::RefreshConsequence::Refused(refused(refusal, &failed.state, &account))
            }
        }
    }

    fn lift(wanted: wit::Wanted) -> wit::Remembered {
        remembering(&wanted.state, of(wanted.now), Account::lift)
    }
}

fn remembering(state: &str, now: Duration, work: impl FnOnce(&mut Account)) -> wit::Remembered {
    let mut account = read(state, now);
    work(&mut account);
    wit::Remembered { state: changed(state, &account) }
}

fn read(state: &str, now: Duration) -> Account {
    if state.is_empty() {
        return Account::new(now);
    }
    parsed(state).unwrap_or_else(|| Account::unreadable(now))
}

fn parsed<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn text(value: &impl Serialize) -> String {
    // Nothing in it can fail to be written.
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns the text of a state, if it is another one.
fn changed(before: &str, account: &Account) -> Option<String> {
    let after = text(account);
    (after != before).then_some(after)
}

fn refused(refusal: account::Refusal, before: &str, account: &Account) -> wit::Refusal {
    wit::Refusal {
        done: refusal.done,
        state: changed(before, account),
        latch: refusal.latch.map(facts::latch),
        why: refusal.why,
        retry_in: refusal.retry_in.map(milliseconds),
        worth_waiting: refusal.worth_waiting,
    }
}

fn of(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
