//! Reading by itself, in virtual time: what days, outages, restarts and commands cost, and what is told of them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulator::{Effect, Fault, RouteKind, VehicleState};
use testkit::network::Outage;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, patient_cloud};
use tokio::task::JoinHandle;
use vehicle_connector::config::{Config, Poll};
use vehicle_connector::store::Kind;
use vehicle_connector::time::Clock as _;
use vehicle_connector::wire::outcome::{Reason, State};

mod days;
mod events;
mod forced;
mod outages;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Reads every vehicle by itself, at the intervals that hold unless a file says otherwise.
fn polling(config: &mut Config) {
    config.vehicles.values_mut().for_each(|vehicle| vehicle.poll = Some(Poll::default()));
}

/// Starts a home whose host reads by itself, and lets it read its cars for the first time.
async fn home(change: impl FnOnce(&mut Config)) -> (VirtualHome, JoinHandle<()>) {
    let home = VirtualHome::with(patient_cloud(), |config| {
        polling(config);
        change(config);
    })
    .await;
    let settling = settle_in(&home);
    home.advance(MINUTE).await;
    (home, settling)
}

/// Lets the host of a home find and read its cars, for as long as the task is not aborted.
fn settle_in(home: &VirtualHome) -> JoinHandle<()> {
    let host = std::sync::Arc::clone(&home.host);
    tokio::spawn(async move { host.settle_in().await })
}

/// Something happens to a car, and it tells its cloud.
fn happens(home: &VirtualHome, car: &str, change: impl FnOnce(&mut VehicleState)) {
    assert!(home.control.change_vehicle(car, change) && home.control.report(car));
}

/// What the plan for a car's next read was last said to be.
fn plan(home: &VirtualHome, slug: &str) -> Value {
    home.retained(&format!("vehicle/{slug}/polling"))
}

/// The kinds of events of a car, in order.
fn told(home: &VirtualHome, slug: &str) -> Vec<String> {
    let events = home.documents(&format!("vehicle/{slug}/event"));
    events.iter().map(|event| event["event_type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_command_is_followed_by_one_read_and_not_by_two() {
    let (home, _settling) = home(|_| {}).await;
    // So long that a read would be due if the interval had not grown.
    home.advance(4 * HOUR + 50 * MINUTE).await;
    let before = home.counters().status;
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
    home.advance(5 * MINUTE).await;
    assert_eq!(home.counters().status, before + 1);
    let plan = plan(&home, LEGACY.0);
    assert_eq!(
        plan["interval_s"], 1_800,
        "what a command may change is looked at as soon as at first: {plan}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_that_somebody_wanted_puts_off_the_next_one() {
    let (home, _settling) = home(|_| {}).await;
    let reads_of_niro = || home.control.log().iter().filter(|entry| entry.path.contains(LEGACY.1)).count();
    for _ in 0..20 {
        home.read().await;
        home.advance(20 * MINUTE).await;
    }
    let asked = reads_of_niro();
    let published = plan(&home, LEGACY.0);
    assert_eq!(published["mode"], "parked", "{published}");
    assert!(asked <= 20 + 2, "{asked} requests for 20 reads, and the first one");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_reads_that_somebody_wanted_is_not_one_of_plans() {
    let (home, _settling) = home(|_| {}).await;
    home.read().await;
    home.advance(MINUTE).await;
    let plans = || home.documents(&format!("vehicle/{}/polling", LEGACY.0)).len();
    let before = plans();
    for _ in 0..20 {
        // What the read has found is taken in, and its result is on the way to a disk that takes its time.
        home.store.hold(Kind::Unpublished);
        let disk = async {
            home.advance(Duration::from_secs(1)).await;
            home.store.release();
        };
        let (report, ()) = tokio::join!(home.read(), disk);
        assert_eq!(report.state, State::Succeeded);
    }
    let published = plans() - before;
    assert!(published <= 1, "a plan moves with the time of the last read, and {published} were published");
    assert_eq!(plan(&home, LEGACY.0)["interval_s"], 1_800);
}

#[tokio::test(start_paused = true)]
async fn a_restart_reads_nothing_that_was_just_read() {
    let (mut home, settling) = home(|_| {}).await;
    home.advance(10 * MINUTE).await;
    let due = plan(&home, LEGACY.0)["next_read_at"].clone();
    let plans = home.published_on("vehicle/niro/polling");
    settling.abort();
    let before = home.counters().status;
    home.restart().await;
    home.host.announce("5");
    let settling = settle_in(&home);
    home.advance(10 * MINUTE).await;
    assert!(home.published_on("vehicle/niro/polling") > plans, "the host has a plan of its own");
    assert_eq!(home.counters().status, before);
    assert_eq!(home.retained("vehicle/niro/state")["meta"]["stale"], false, "it was read when it was due");
    let now = plan(&home, LEGACY.0)["next_read_at"].clone();
    let [due, now] = [due, now].map(|at| at.as_str().unwrap().parse::<Timestamp>().unwrap());
    let apart = now.duration_since(due).abs();
    // Each plan is up to a tenth of half an hour off.
    assert!(apart <= SignedDuration::from_mins(6), "it is due when it would have been, but for {apart:#}");
    home.advance(HOUR).await;
    assert!(home.counters().status > before, "it is read when it is due");
    settling.abort();
    // A day later nothing was just read.
    home.host.stop().await;
    home.advance(24 * HOUR).await;
    let before = home.counters().status;
    home.host = home.another_host().await;
    let _settling = settle_in(&home);
    home.advance(MINUTE).await;
    assert_eq!(home.counters().status, before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_back_keeps_nobody_from_being_read() {
    let (mut home, settling) = home(|_| {}).await;
    let days = |days: i64| days * 86_400;
    home.advance(10 * MINUTE).await;
    home.calendar.step(-days(300));
    let before = home.counters().status;
    home.advance(3 * HOUR).await;
    let read = home.counters().status - before;
    assert!((4..=8).contains(&read), "after half an hour, an hour and two, of two cars: {read}");
    // A host that begins with the times of such a clock does not know when the last read was.
    settling.abort();
    home.host.stop().await;
    home.calendar.step(-days(30));
    home.host = home.another_host().await;
    home.host.announce("5");
    assert_eq!(home.retained("vehicle/niro/state")["meta"]["stale"], true);
    let _settling = settle_in(&home);
    let before = home.counters().status;
    home.advance(MINUTE).await;
    assert_eq!(home.counters().status, before + 2);
    home.advance(3 * HOUR).await;
    assert!(home.counters().status >= before + 4, "and it is read when it is due");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_by_itself_where_that_is_off() {
    let home = VirtualHome::start().await;
    let _settling = settle_in(&home);
    home.advance(MINUTE).await;
    home.host.announce("5");
    let status = home.counters().status;
    home.advance(23 * HOUR).await;
    assert_eq!((status, home.counters().status), (2, 2));
    assert_eq!(plan(&home, CCS2.0)["mode"], "off");
}

#[tokio::test(start_paused = true)]
async fn reads_by_themselves_have_no_reports() {
    let (home, _settling) = home(|_| {}).await;
    home.advance(12 * HOUR).await;
    assert!(home.counters().status > 8);
    let reports = home.messages().into_iter().filter(|message| message.topic.contains("/action/"));
    assert_eq!(reports.map(|message| message.topic).collect::<Vec<_>>(), Vec::<String>::new());
}

/// The configuration of these homes, with this word for the polling of the older car.
fn reloaded(polling: &str) -> Config {
    configured("polling = \"off\"", &format!("polling = \"{polling}\""))
}

/// The configuration of these homes, with something in the place of its first `part`.
fn configured(part: &str, instead: &str) -> Config {
    let text = testkit::configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
    let text = text.replacen(part, instead, 1);
    let cloud = simulator::Config::default();
    let secret =
        |name: &str| Some(if name == "PIN" { cloud.pin.clone() } else { cloud.refresh_token.clone() });
    Config::parse(&text, std::path::Path::new("car.toml"), &secret).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_reload_begins_it_and_ends_it() {
    let home = VirtualHome::with(patient_cloud(), |_| {}).await;
    let _settling = settle_in(&home);
    home.advance(MINUTE).await;
    let before = home.counters().status;
    let changed = home.host.reconfigure(&reloaded("adaptive"), "test").await.unwrap().changed;
    assert_eq!(changed, ["vehicle.niro.polling"]);
    home.advance(6 * HOUR).await;
    let read = home.counters().status - before;
    assert!((3..=8).contains(&read), "{read}");
    assert_eq!(plan(&home, LEGACY.0)["mode"], "parked");
    home.host.reconfigure(&reloaded("off"), "test").await.unwrap();
    home.advance(MINUTE).await;
    let before = home.counters().status;
    home.advance(12 * HOUR).await;
    assert_eq!(home.counters().status, before);
    assert_eq!(plan(&home, LEGACY.0)["mode"], "off");
}
