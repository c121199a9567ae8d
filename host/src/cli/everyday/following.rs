//! A command from its sending to the end of the wait for its result.
//!
//! The program chooses the identifier of its command. So it can ask again what became of it, whatever has happened
//! to the answer, and never sends it a second time.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::exit::{self, INTERRUPTED, NOT_DONE, NOT_KNOWN};
use super::progress::{Progress, TICK};
use super::sending::{Sent, Wanted};
use super::{Reached, shown};
use crate::cli::answers::Outcome;
use crate::cli::signals::Interrupt;
use crate::cli::table::{json_line, plain};
use crate::cli::way::{Unanswered, Way};
use crate::cli::{USAGE, complain};
use crate::output::{Output, Stopped, print};

/// Number of steps that may wait to be shown.
const STEPS: usize = 16;

/// End of a wait.
enum Ended {
    /// The host has answered, with a report.
    Answered(Value),
    /// The host has not.
    Unanswered(Unanswered),
    /// The time to wait is over.
    TimedOut,
    /// Somebody does not want to wait any more.
    Interrupted,
}

/// Sends a command, waits for its result, and shows that.
pub(super) async fn send(sent: &Sent, wanted: &Wanted) -> ExitCode {
    let way = match Way::find(&sent.host.located).await {
        Ok(way) => way,
        Err(code) => return code,
    };
    let id = uuid::Uuid::now_v7().to_string();
    let Wanted { vehicle, op, arguments } = wanted;
    let payload =
        json!({"vehicle": vehicle, "op": op, "arguments": arguments, "id": id, "wait": !sent.no_wait});
    let Sent { host, timeout, .. } = sent;
    let following = Following { host, timeout: *timeout, way: &way, vehicle, id: &id };
    if sent.no_wait {
        return following.begin_only(&payload).await;
    }
    let what = format!("{op} {vehicle}");
    let (code, outcome) = following.see_through("command/send", &payload, what).await;
    if outcome.is_some_and(|outcome| op.starts_with("refresh") && outcome.state == "succeeded")
        && !sent.host.json
    {
        return shown::status_of(&way, vehicle, code).await;
    }
    code
}

/// Waits for the result of a command that was sent before, for so many seconds at most, and shows that.
pub(super) async fn wait(
    host: &Reached,
    timeout: Option<u64>,
    way: &Way,
    (vehicle, id): (&str, &str),
) -> ExitCode {
    let following = Following { host, timeout, way, vehicle, id };
    let payload = following.which();
    following.see_through("command/wait", &payload, format!("command {id}")).await.0
}

/// A command that is followed.
struct Following<'f> {
    host: &'f Reached,
    timeout: Option<u64>,
    way: &'f Way,
    vehicle: &'f str,
    id: &'f str,
}

impl Following<'_> {
    /// Sends the command and shows its identifier.
    async fn begin_only(&self, payload: &Value) -> ExitCode {
        if self.way.is_own() {
            return complain(
                USAGE,
                format_args!(
                    "--no-wait needs a host that goes on with the command, and none runs: start one with \
                     `vehicle-connector run`, or leave --no-wait out"
                ),
            );
        }
        match self.way.ask_at_once("command/send", payload).await {
            Ok(report) => match outcome_of(&report) {
                Some(outcome) if outcome.is_final() => self.host.show(&report).0,
                _ if self.host.json => print_json(&report, ExitCode::SUCCESS),
                _ => print(&format!("{}\n", plain(self.id))),
            },
            Err(why) => self.explain(why),
        }
    }

    /// Asks, waits for the answer and shows it. Returns the exit code, and the report if there is one.
    async fn see_through(
        &self,
        verb: &'static str,
        payload: &Value,
        what: String,
    ) -> (ExitCode, Option<Outcome>) {
        let mut interrupt = match Interrupt::listen() {
            Ok(interrupt) => interrupt,
            Err(error) => return (complain(1, format_args!("no signal can be listened to: {error}")), None),
        };
        let mut progress = Progress::of(what);
        let until = self.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut ended = self.ended(verb, payload, &mut progress, (until, &mut interrupt)).await;
        if let Ended::Unanswered(Unanswered::NoAnswer(_)) = &ended {
            // Once more, and by its identifier: whether it has begun is not known, so it is not sent again.
            let again =
                self.ended("command/wait", &self.which(), &mut progress, (until, &mut interrupt)).await;
            if let Ended::Answered(_) | Ended::TimedOut | Ended::Interrupted = again {
                ended = again;
            }
        }
        progress.end();
        match ended {
            Ended::Answered(report) => {
                let shown = self.host.show(&report);
                self.way.leave().await;
                shown
            }
            Ended::Unanswered(why) => {
                self.way.leave().await;
                (self.explain(why), None)
            }
            Ended::TimedOut => self.wait_no_longer(NOT_KNOWN).await,
            Ended::Interrupted => self.wait_no_longer(INTERRUPTED).await,
        }
    }

    /// Leaves the command to the host that runs. A host of this program's own ends here: what it has come to by then is
    /// shown, and what the cloud has taken goes on.
    async fn wait_no_longer(&self, code: u8) -> (ExitCode, Option<Outcome>) {
        self.way.leave().await;
        if self.way.is_own()
            && let Ok(report) = self.way.ask_at_once("command/show", &self.which()).await
            && outcome_of(&report).is_some_and(|outcome| outcome.is_final())
        {
            let (shown, outcome) = self.host.show(&report);
            return (if code == INTERRUPTED { ExitCode::from(code) } else { shown }, outcome);
        }
        let goes_on = if self.way.is_own() { "the next host learns its result" } else { "it goes on" };
        let how = self.how_to_look();
        let said = complain(code, format_args!("the command is waited for no longer, and {goes_on}; {how}"));
        (said, None)
    }

    async fn ended(
        &self,
        verb: &'static str,
        payload: &Value,
        progress: &mut Progress,
        (until, interrupt): (Option<Instant>, &mut Interrupt),
    ) -> Ended {
        let (told, mut steps) = mpsc::channel(STEPS);
        let answering = self.way.ask(verb, payload, told);
        tokio::pin!(answering);
        let mut ticks = tokio::time::interval(TICK);
        progress.begin();
        loop {
            tokio::select! {
                biased;
                Some(step) = steps.recv() => {
                    if let Some(step) = outcome_of(&step) {
                        progress.tell(&step);
                    }
                }
                answer = &mut answering => return match answer {
                    Ok(report) => Ended::Answered(report),
                    Err(why) => Ended::Unanswered(why),
                },
                () = interrupt.arrived() => return Ended::Interrupted,
                () = at(until) => return Ended::TimedOut,
                _ = ticks.tick() => progress.tick(),
            }
        }
    }

    /// What names the command to a host.
    fn which(&self) -> Value {
        json!({"id": self.id, "vehicle": self.vehicle})
    }

    /// Says why there is no result.
    fn explain(&self, why: Unanswered) -> ExitCode {
        match why {
            Unanswered::Refused(why) => complain(NOT_DONE, format_args!("{}", plain(&why))),
            Unanswered::NotReached(why) => {
                complain(NOT_DONE, format_args!("{}; nothing was sent", plain(&why)))
            }
            Unanswered::NoAnswer(why) => {
                complain(NOT_KNOWN, format_args!("{}; {}", plain(&why), self.how_to_look()))
            }
        }
    }

    fn how_to_look(&self) -> String {
        self.host.how_to_look(self.id)
    }
}

impl Reached {
    /// Shows a report: what was wanted on the standard output, what was not on the standard error output. Returns the
    /// exit code, and the report as it was understood.
    pub(super) fn show(&self, report: &Value) -> (ExitCode, Option<Outcome>) {
        let Some(outcome) = outcome_of(report) else {
            let what = "the host is of a version whose answer this one does not know; --json shows it";
            return (complain(NOT_KNOWN, format_args!("{what}")), None);
        };
        let code = exit::of(&outcome);
        if self.json {
            return (print_json(report, code), Some(outcome));
        }
        if outcome.state == "succeeded" {
            let code = finding(Output::lock().write(&shown::succeeded(&outcome)), code);
            return (code, Some(outcome));
        }
        let mut words = shown::not_succeeded(&outcome, self.located.file());
        if !outcome.is_final() {
            words = format!("{words}; {}", self.how_to_look(&outcome.id));
        }
        let _said = complain(0, format_args!("{words}"));
        (code, Some(outcome))
    }

    fn how_to_look(&self, id: &str) -> String {
        let given = self.located.given();
        format!("see what became of it with `vehicle-connector action {} --wait{given}`", plain(id))
    }
}

fn print_json(report: &Value, code: ExitCode) -> ExitCode {
    match json_line(report) {
        Ok(line) => finding(Output::lock().write(&line), code),
        Err(error) => complain(NOT_KNOWN, format_args!("the report of the command is no JSON: {error}")),
    }
}

/// Waits until a time, or for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn outcome_of(report: &Value) -> Option<Outcome> {
    report.is_object().then(|| serde_json::from_value(report.clone()).ok()).flatten()
}

/// Returns the exit code of a command whose end is known and was to be shown: a reader who has seen enough does not
/// change how it has ended.
fn finding(shown: Result<(), Stopped>, code: ExitCode) -> ExitCode {
    match shown {
        Ok(()) | Err(Stopped::Closed) => code,
        Err(failed) => failed.code(),
    }
}
