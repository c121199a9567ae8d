//! What must hold whatever happens.

mod commands;
pub mod coverage;
pub mod published;
mod session;

use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use crate::home::Run;

/// Everything in this run that must not be.
pub fn violations(run: &Run) -> Vec<String> {
    let mut found = Vec::new();
    commands::check(run, &mut found);
    let dead = session::check(run, &mut found);
    published::check(&run.trace, &run.secrets, &mut found);
    for report in &run.last_reads {
        ends_well(report, dead.before_the_last_credentials, &mut found);
    }
    for report in &run.refreshed_reads {
        ends_well(report, dead.with_the_last_credentials, &mut found);
    }
    found
}

/// When all is well again, reads succeed, unless a person must act first.
fn ends_well(report: &Option<Report>, dead: bool, found: &mut Vec<String>) {
    let Some(report) = report else {
        return found.push("the host is stuck: a read has no end".to_owned());
    };
    let latched = report.state == State::Rejected && report.reason == Some(Reason::AuthRequired);
    if report.state != State::Succeeded && !(dead && latched) {
        found.push(format!("the host is stuck; the grant was refused: {dead}; the read: {report:?}"));
    }
    if dead && !latched {
        found.push(format!("after a refused grant a person must act, but: {report:?}"));
    }
}
