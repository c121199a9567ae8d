//! Event scripts: what the host does about a session in trouble, and so what every keeper of a session in another
//! language has to do (`tests/fixtures/conformance/events.jsonl`).

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FutureExt as _, LocalBoxFuture, join, join_all};
use serde::Deserialize;
use simulator::{Effect, Fault, Refusal, RouteKind};
use testkit::virtual_home::{VirtualHome, compiled};
use testkit::{CCS2, Home, LEGACY, root};
use vehicle_connector::audit::{Decided, Record, records};
use vehicle_connector::plugin::embedded;
use vehicle_connector::store::{Kind, Store as _};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

/// One script, a line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    name: String,
    steps: Vec<Step>,
}

/// What happens, or is done.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    /// The token expires when so many requests have arrived, which are refused then.
    ExpireInFlight { requests: u64 },
    /// Every token given out so far is refused from now on.
    Expire,
    /// How a token is refused from now on.
    Words { text: String },
    /// The refresh token is refused from now on.
    RefuseGrants,
    /// The next so many reads are answered with HTTP 503.
    Unwell { answers: u64 },
    /// Time passes.
    Wait { seconds: u64 },
    /// Another policy decides.
    Swap { policy: String },
    /// The same several times.
    Repeat { times: u32, steps: Vec<Step> },
    /// So many callers read, as many of them at once as the host lets: eight for each car. How they end, and what
    /// was decided meanwhile.
    Call { callers: usize, held: Option<Held>, ended: Counts, decided: Counts },
}

/// Requests that the cloud holds: once it has so many of them, the steps are done, and then they go on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    what: Request,
    requests: u64,
    meanwhile: Vec<Step>,
}

/// What is held.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Request {
    /// Reads.
    Read,
    /// Refresh grants.
    Refresh,
}

type Counts = BTreeMap<String, usize>;

fn scripts() -> Vec<Script> {
    let text = fs::read_to_string(root().join("tests/fixtures/conformance/events.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_host_does_what_the_event_scripts_say() {
    let mut otherwise = Vec::new();
    for script in scripts() {
        let home = Arc::new(VirtualHome::start().await);
        for (at, step) in script.steps.iter().enumerate() {
            follow(&home, step, &format!("{}, step {at}", script.name), &mut otherwise).await;
        }
        home.host.stop().await;
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

/// Does one step. What has come of it otherwise than the script says is added to `otherwise`.
fn follow<'a>(
    home: &'a Arc<VirtualHome>,
    step: &'a Step,
    place: &'a str,
    otherwise: &'a mut Vec<String>,
) -> LocalBoxFuture<'a, ()> {
    async move {
        match step {
            Step::ExpireInFlight { requests } => home.control.expire_when_in_flight(*requests),
            Step::Expire => home.control.expire_access_token(),
            Step::Words { text } => home.control.set_refusal(Refusal::gateway(text)),
            Step::RefuseGrants => home.control.refuse_grants(true),
            Step::Unwell { answers } => {
                home.control.clear_faults();
                // What is refused for its token is refused first.
                let unwell = Fault::new(RouteKind::Status, Effect::unavailable()).once_admitted();
                home.control.inject(unwell.times(*answers));
            }
            Step::Wait { seconds } => home.advance(Duration::from_secs(*seconds)).await,
            Step::Swap { policy } => {
                let component = match policy.as_str() {
                    "default" => embedded::POLICY.to_vec(),
                    other => fs::read(root().join(format!("tests/fixtures/policies/{other}.wasm"))).unwrap(),
                };
                home.decide_with(&compiled(&component)).await;
            }
            Step::Repeat { times, steps } => {
                for time in 0..*times {
                    for step in steps {
                        follow(home, step, &format!("{place}, time {time}"), otherwise).await;
                    }
                }
            }
            Step::Call { callers, held, ended, decided } => {
                let before = decisions(home).await.len();
                let calls = call(home, *callers);
                let (found, reports) = match held {
                    // Before the calls, so that what they send is held.
                    Some(held) => join(meanwhile(home, held, place, otherwise), calls).await.1,
                    None => calls.await,
                };
                let made = counted(decisions(home).await.iter().skip(before).map(summary));
                if (&found, &made) != (ended, decided) {
                    otherwise.push(format!("{place}: {found:?} {made:?}, the last one {:?}", reports.last()));
                }
            }
        }
    }
    .boxed_local()
}

/// Has the cloud hold requests, does the steps once it has them all, and lets them go on.
async fn meanwhile(home: &Arc<VirtualHome>, held: &Held, place: &str, otherwise: &mut Vec<String>) {
    let route = match held.what {
        Request::Read => RouteKind::Status,
        Request::Refresh => RouteKind::Token,
    };
    home.control.inject(Fault::new(route, Effect::Hold).times(held.requests));
    home.control.wait_until(|counters| counters.held == held.requests).await;
    for step in &held.meanwhile {
        follow(home, step, &format!("{place}, meanwhile"), otherwise).await;
    }
    home.control.release();
}

/// Has callers read both cars, and returns how they ended.
async fn call(home: &Arc<VirtualHome>, callers: usize) -> (Counts, Vec<Report>) {
    let cars = [LEGACY, CCS2].into_iter().cycle().take(callers);
    let reports = join_all(cars.map(|(car, _)| home.command(car, "refresh_cached", ""))).await;
    (counted(reports.iter().map(ended)), reports)
}

/// How a read has ended, in the words of the scripts.
fn ended(report: &Report) -> String {
    let word = match (report.state, report.reason) {
        (State::Succeeded, _) => "succeeded",
        (_, Some(Reason::AuthRequired)) => "latched",
        (_, Some(Reason::BreakerOpen | Reason::Cooldown)) => "not-now",
        _ => "failed",
    };
    word.to_owned()
}

async fn decisions(home: &VirtualHome) -> Vec<Record> {
    records(home.store.list(Kind::Audit).await.unwrap())
}

/// A decision in the words of the scripts: what it was about, and what was done, without reasons and numbers.
fn summary(record: &Record) -> String {
    let about = match &record.entry.decided {
        Decided::Failure { .. } => "failure",
        Decided::Refresh { .. } => "refresh",
    };
    let done = record.entry.done.split(':').next().unwrap_or_default();
    let words = done.split(' ').map(|word| if word.parse::<u64>().is_ok() { "N" } else { word });
    format!("{about}: {}", words.collect::<Vec<_>>().join(" "))
}

fn counted(words: impl Iterator<Item = String>) -> Counts {
    words.fold(Counts::new(), |mut counts, word| {
        *counts.entry(word).or_default() += 1;
        counts
    })
}
