//! The clock of this machine, held against the identity provider's before a password is sent.

use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::time::http_date;

use crate::kept::now;

/// Our own code for a clock that is wrong.
const WRONG: &str = "wrong-clock";

/// How far the clocks may be apart, in seconds. What the gate of the token service allows is not known; less than
/// this is what answers take and what caches add.
const MOST: i64 = 5 * 60;

/// Checks the time that an answer was made at (RFC 9110 §6.6.1), or was so long ago (RFC 9111 §5.1). Of an answer that
/// does not say, or says nonsense, nothing is to be learned.
///
/// # Errors
///
/// The clock of this machine is too far off for what is signed with its time. Nothing of the owner's was sent.
pub(super) fn agrees(answer: &Answer) -> Result<(), Failure> {
    let Some(made) = answer.header("date").and_then(http_date) else { return Ok(()) };
    let age = answer.header("age").and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    let ahead = now().saturating_sub(made.saturating_add(age));
    if ahead.abs() <= MOST {
        return Ok(());
    }
    let message = format!(
        "the clock of this machine is {} {} that of the vendor, and the sign-in is signed with its time: set it \
         right, and let it be kept right (NTP). The password was not sent",
        span(ahead.unsigned_abs()),
        if ahead > 0 { "ahead of" } else { "behind" }
    );
    let code = Some(WRONG.to_owned());
    Err(Failure { code, message, certainty: Certainty::NotSent, ..answer.lacks("time of this machine") })
}

/// A span of time in words.
fn span(seconds: u64) -> String {
    match seconds {
        0..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
