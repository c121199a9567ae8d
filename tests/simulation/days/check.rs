//! What must hold on all days.

use serde_json::Value;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use super::home::Run;
use crate::check::published;

pub use self::account::is_for_a_person;

mod account;
mod passwords;
mod sets;

/// Everything in this run that must not be.
pub fn violations(run: &Run) -> Vec<String> {
    let mut found = Vec::new();
    ordinary(run, &mut found);
    passwords::check(run, &mut found);
    sets::check(run, &mut found);
    account::check(run, &mut found);
    ends_well(run, &mut found);
    published::check(&run.trace, &run.secrets, &mut found);
    found
}

/// On the ordinary day, and when the session is over after it: no operation fails, each generation is refreshed once,
/// and each end of a session costs one password.
fn ordinary(run: &Run, found: &mut Vec<String>) {
    for report in &run.reads {
        match report {
            Some(report) if report.state == State::Succeeded => {}
            Some(report) => found.push(format!("an ordinary read has failed: {report:?}")),
            None => found.push("an ordinary read has no end".to_owned()),
        }
    }
    let (day, afterwards) = (&run.day, &run.afterwards);
    let over = 1 + run.losses;
    if (afterwards.sign_ins_asked, afterwards.sign_ins) != (1 + over, 1 + over) {
        found.push(format!("{over} sessions were over, and after the first sign-in: {afterwards:?}"));
    }
    if day.cci_generation != day.refreshes + day.code_exchanges {
        found.push(format!("sets are made by refreshes and sign-ins: {day:?}"));
    }
    if !(20..=40).contains(&day.refreshes) {
        found.push(format!("{} refreshes on a day", day.refreshes));
    }
    // The exchange of the day and those of sign-ins; one more where it failed or the token ended early.
    let exchanges = day.token_exchanges - day.code_exchanges;
    if !(1 - run.losses.min(1)..=2).contains(&exchanges) {
        found.push(format!("{exchanges} exchanges on a day beside those of sign-ins: {day:?}"));
    }
    if (afterwards.gate_refusals, afterwards.unsigned) != (0, 0) {
        found.push(format!("the gate has turned somebody away: {afterwards:?}"));
    }
}

/// When all is well again and a day has passed, reads succeed, or the account says what a person has to do; and when the
/// person has done it, they succeed.
fn ends_well(run: &Run, found: &mut Vec<String>) {
    let succeeded =
        |report: &Option<Report>| report.as_ref().is_some_and(|report| report.state == State::Succeeded);
    let waits_for_person = |report: &Option<Report>| {
        report.as_ref().is_some_and(|report| {
            let reasons =
                [Reason::AuthRequired, Reason::ConsentRequired, Reason::OtpRequired, Reason::ClientRefused];
            report.state == State::Rejected && report.reason.is_some_and(|reason| reasons.contains(&reason))
        })
    };
    let told = account::is_for_a_person(&run.account) && account::has_sentence(&run.account);
    for report in &run.last_reads {
        if !(succeeded(report) || waits_for_person(report) && told) {
            found.push(format!("the host is stuck: {report:?}; the account: {}", run.account));
        }
    }
    if run.signed_in["data"]["outcome"] != "signed_in" {
        found.push(format!("a person cannot sign in: {}", brief(&run.signed_in)));
    }
    for report in run.reads_after_login.iter().filter(|report| !succeeded(report)) {
        found.push(format!("the account is signed in, and yet: {report:?}"));
    }
}

fn brief(answer: &Value) -> String {
    answer.to_string().chars().take(600).collect()
}
