//! Progress of a command while it is waited for, on the standard error output: a line that is rewritten on a
//! terminal, and a line for each step anywhere else.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::answers::Outcome;
use crate::cli::table::plain;
use crate::wire::outcome::State;

/// Pause between two looks at the clock.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// Begins a line anew and removes what stands in it (ECMA-48 §8.3.41).
const REWRITE: &str = "\r\u{1b}[2K";

/// Progress of one command.
#[derive(Debug)]
pub(super) struct Progress {
    /// Name of the command, and of its vehicle.
    what: String,
    since: Instant,
    /// Words for how far it is.
    step: Option<&'static str>,
    is_rewritten: bool,
}

impl Progress {
    pub(super) fn of(what: String) -> Self {
        let can_rewrite = std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
        let is_rewritten = io::stderr().is_terminal() && can_rewrite;
        Self { what, since: Instant::now(), step: None, is_rewritten }
    }

    /// Shows that nothing is known of it yet.
    pub(super) fn begin(&mut self) {
        if self.is_rewritten {
            self.show();
        }
    }

    /// Takes in how far the command is.
    pub(super) fn tell(&mut self, step: &Outcome) {
        let words = match step.state() {
            Some(State::Accepted) => "taken by the host",
            Some(State::Sent) => "on its way to the cloud",
            Some(State::Pending) => "taken by the cloud; the vehicle is yet to answer",
            _ => return,
        };
        if self.step.replace(words) != Some(words) {
            self.show();
        }
    }

    /// Shows how long it takes.
    pub(super) fn tick(&self) {
        if self.is_rewritten {
            self.show();
        }
    }

    /// Removes the line that was rewritten.
    pub(super) fn end(&self) {
        if self.is_rewritten {
            write(REWRITE);
        }
    }

    fn show(&self) {
        let step = self.step.unwrap_or("asking the host");
        let line = self.line(step, self.since.elapsed());
        match self.is_rewritten {
            true => write(&format!("{REWRITE}{line}")),
            false => write(&format!("{line}\n")),
        }
    }

    fn line(&self, step: &str, taken: Duration) -> String {
        let what = plain(&self.what);
        match self.is_rewritten {
            true => format!("{what}: {step}, {} s", taken.as_secs()),
            // Whatever reads it has a clock of its own.
            false => format!("{what}: {step}"),
        }
    }
}

/// Writes to where nobody may be listening any more.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_rewritten_tells_the_time_and_no_line_breaks_out() {
        let mut progress = Progress::of("lock a\u{1b}[2J".to_owned());
        progress.is_rewritten = true;
        let taken = Duration::from_secs(7);
        assert_eq!(
            progress.line("on its way to the cloud", taken),
            "lock a\\u{1b}[2J: on its way to the cloud, 7 s"
        );
        progress.is_rewritten = false;
        assert_eq!(
            progress.line("on its way to the cloud", taken),
            "lock a\\u{1b}[2J: on its way to the cloud"
        );
    }
}
