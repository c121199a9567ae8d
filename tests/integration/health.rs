//! How a host is, for whoever watches it: the counts are the cloud's own, readiness follows broker and accounts, and the
//! listener takes no harm.

mod files;
mod listener;
mod log;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::handmade::policy::policy_deciding;
use testkit::handmade::variant;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome, configuration_text, patient_cloud};
use tokio::task::JoinSet;
use vehicle_connector::plugin::embedded;
use vehicle_connector::wire::outcome::State;
use vehicle_connector::wire::publish::Traffic;

/// A broker that is there and has taken everything.
const CONNECTED: Traffic = Traffic { connected: true, queued: 0, published: 0, reconnects: 0 };

/// The series of a scrape, without the prefix.
fn series(home: &impl Home) -> BTreeMap<String, f64> {
    let text = home.host().metrics();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let parse = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.strip_prefix("vehicle_connector_").unwrap().to_owned(), value.parse().unwrap())
    };
    samples.map(parse).collect()
}

/// What was added to a series, or to all that begin like this, between two scrapes.
fn added(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>, series: &str) -> f64 {
    let sum = |scrape: &BTreeMap<String, f64>| -> f64 {
        scrape.iter().filter(|(name, _)| name.starts_with(series)).map(|(_, value)| value).sum()
    };
    sum(after) - sum(before)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_of_ten_operations_and_one_refresh_are_the_clouds_own() {
    let home = Arc::new(RealHome::start().await);
    home.settle().await;
    let before = series(home.as_ref());
    home.control().expire_when_in_flight(10);
    let mut flying = JoinSet::new();
    for (slug, _) in [LEGACY, CCS2] {
        for operation in ["refresh_cached"; 4].into_iter().chain(["lock"]) {
            let home = Arc::clone(&home);
            flying.spawn(async move { home.command(slug, operation, "").await });
        }
    }
    let reports = flying.join_all().await;
    assert!(reports.iter().all(|report| report.state == State::Succeeded), "{reports:?}");
    // The reads that follow the locks are over then.
    home.host.stop().await;

    let (after, cloud) = (series(home.as_ref()), home.control().counters());
    let added = |series: &str| added(&before, &after, series);
    assert_eq!(added(r#"token_refresh_total{account="home",result="ok"}"#), 1.0);
    assert_eq!(added("token_refresh_total"), cloud.grants_asked as f64);
    assert_eq!(added("token_refresh_seconds_count"), 1.0);
    assert_eq!(added("logins_total"), 0.0);
    assert_eq!(added(r#"operations_after_refresh_total{result="succeeded"}"#), 10.0);
    assert_eq!(added("operations_after_refresh_total"), 10.0);
    assert_eq!(added("upstream_retries_total"), 10.0);
    assert_eq!(added("upstream_requests_total"), cloud.requests as f64, "{cloud:?}");
    let refused: f64 = ["refresh_cached", "lock"]
        .map(|op| {
            added(&format!(r#"upstream_requests_total{{account="home",op="{op}",class="unauthorized"}}"#))
        })
        .iter()
        .sum();
    assert_eq!(refused, cloud.refused_tokens as f64);
    assert_eq!(added(r#"commands_total{op="lock",state="succeeded"}"#), 2.0);
    assert_eq!(added(r#"commands_total{op="refresh_cached",state="succeeded"}"#), 8.0);
    assert_eq!(added("commands_total"), 10.0);
    assert_eq!(added("command_seconds_count"), 10.0);
    for (slug, id) in [LEGACY, CCS2] {
        let woken = added(&format!(r#"wakeups_total{{vehicle="{slug}"}}"#));
        assert_eq!(
            woken,
            cloud.actuations_of(id, ActionKind::Lock) as f64,
            "a read from the cloud wakes nothing"
        );
    }
    assert_eq!(after["token_refresh_waiting"], 0.0, "nobody waits any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failure_is_counted_as_says_who_it_was() {
    let home = RealHome::start().await;
    home.settle().await;
    for (status, class) in [(429, "throttled"), (503, "server_error"), (404, "refused")] {
        let before = series(&home);
        let answer = Effect::answer(status, "{}");
        home.control().inject(Fault::new(RouteKind::Status, answer));
        home.command(LEGACY.0, "refresh_cached", "").await;
        let counted =
            format!(r#"upstream_requests_total{{account="home",op="refresh_cached",class="{class}"}}"#);
        assert_eq!(added(&before, &series(&home), &counted), 1.0, "{status}");
        home.request("circuit/close", json!({"circuit": "account home"})).await;
    }
    let before = series(&home);
    home.command(LEGACY.0, "unlock", r#""nonsense":1"#).await;
    let after = series(&home);
    assert_eq!(added(&before, &after, r#"commands_total{op="unlock",state="rejected"}"#), 1.0);
    assert_eq!(added(&before, &after, "command_seconds_count"), 0.0, "it was never accepted");
    assert_eq!(added(&before, &after, "wakeups_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_refusals_and_rollbacks_are_counted_and_so_are_faults() {
    let home = RealHome::start().await;
    home.settle().await;
    let before = series(&home);
    home.swap_policy(variant(embedded::POLICY, 1)).await.unwrap();
    home.swap_policy(b"no component".as_slice()).await.unwrap_err();
    home.request("policy/rollback", json!({})).await;
    // It passes its trial and has no answer afterwards, so it loses its place.
    home.swap_policy(variant(&policy_deciding("unreachable"), 1)).await.unwrap();
    for _ in 0..3 {
        home.control().expire_access_token();
        home.command(LEGACY.0, "refresh_cached", "").await;
    }
    home.published.until(|| (home.events("policy_rolled_back").len() == 2).then_some(())).await;
    let after = series(&home);
    let added = |series: &str| added(&before, &after, series);
    assert_eq!(added(r#"policy_swaps_total{result="active"}"#), 2.0);
    assert_eq!(added(r#"policy_swaps_total{result="rejected"}"#), 1.0);
    assert_eq!(added(r#"policy_swaps_total{result="rolled_back"}"#), 2.0);
    assert_eq!(added(r#"policy_faults_total{kind="trap"}"#), 3.0);
    assert!(added("policy_decision_seconds_count") >= 3.0, "{after:?}");
    assert_eq!(after["policy_generation"], 1.0, "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_things_is_collected_when_somebody_asks() {
    let home = RealHome::configured(patient_cloud(), |config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(100));
    })
    .await;
    home.published.connect(Traffic { queued: 3, published: 9, reconnects: 1, ..CONNECTED });
    home.settle().await;
    home.command(CCS2.0, "refresh_cached", "").await;
    let before = series(&home);
    assert_eq!(before[r#"account_state{account="home",state="ok"}"#], 1.0);
    assert_eq!(before[r#"breaker_state{account="home",circuit="account home"}"#], 0.0);
    assert_eq!((before["mqtt_connected"], before["mqtt_publish_queue"]), (1.0, 3.0));
    assert_eq!((before["mqtt_published_total"], before["mqtt_reconnects_total"]), (9.0, 1.0));
    assert!(before["resident_memory_bytes"] > 1e6, "{before:?}");
    assert!(!before.contains_key(r#"state_age_seconds{vehicle="niro"}"#), "it was not read: {before:?}");

    home.request("circuit/isolate", json!({"circuit": "vehicle ev6"})).await;
    home.clock.advance(3_600);
    let after = series(&home);
    assert_eq!(after[r#"breaker_state{account="home",circuit="vehicle ev6"}"#], 3.0);
    let read = r#"state_read_age_seconds{vehicle="ev6"}"#;
    assert!((3_600.0..3_700.0).contains(&(after[read] - before[read])), "{after:?}");
    assert!(after["uptime_seconds"] >= 3_600.0);
    let left = r#"quota_remaining{account="home"}"#;
    assert!(before[left] > 50.0 && before[left] < 100.0, "{before:?}");
}

/// Age up to which data makes a host ready.
const GOOD_FOR: Duration = Duration::from_secs(3_600);

/// Holds that a host is not ready, for this reason only.
fn not_ready(home: &impl Home, why: &str) {
    let readiness = home.host().readiness(GOOD_FOR);
    let reasons = &readiness.reasons;
    assert!(!readiness.ready && reasons.len() == 1 && reasons[0].contains(why), "{why}: {reasons:?}");
}

fn ready(home: &impl Home) {
    let readiness = home.host().readiness(GOOD_FOR);
    assert!(readiness.ready && readiness.reasons.is_empty(), "{readiness:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_ready_with_a_broker_and_an_account_and_not_while_it_stops() {
    let home = RealHome::start().await;
    let at_first = home.host.readiness(GOOD_FOR);
    assert_eq!(at_first.reasons.len(), 2, "neither a broker nor a cloud: {at_first:?}");
    home.published.connect(CONNECTED);
    not_ready(&home, "no account is usable (home is upstream_down), and nothing was read yet");
    home.settle().await;
    ready(&home);
    home.published.connect(Traffic { connected: false, ..CONNECTED });
    not_ready(&home, "the MQTT broker is not connected");
    home.published.connect(CONNECTED);
    ready(&home);
    home.host.stop().await;
    not_ready(&home, "the host is stopping");
}

#[tokio::test(start_paused = true)]
async fn a_host_without_a_cloud_is_ready_for_as_long_as_its_data_is_young() {
    let home = VirtualHome::start().await;
    home.published.connect(CONNECTED);
    home.read().await;
    home.control.inject(Fault::new(RouteKind::Any, Effect::unavailable()).forever());
    home.read().await;
    home.account_is("upstream_down").await;
    ready(&home);
    home.advance(GOOD_FOR).await;
    not_ready(&home, "no account is usable (home is upstream_down), and the latest data was read 36");
    home.control.clear_faults();
    let report = home.read().await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    ready(&home);
}

#[tokio::test(start_paused = true)]
async fn how_it_is_is_retained_every_minute_and_gone_when_the_host_is() {
    let home = VirtualHome::start().await;
    home.published.connect(Traffic { queued: 1, published: 2, reconnects: 3, ..CONNECTED });
    let host = Arc::clone(&home.host);
    let telling = tokio::spawn(async move { host.tell_health().await });
    home.advance(Duration::from_secs(179)).await;
    assert_eq!(home.published_on("bridge/health"), 3, "at once, and after one and two minutes");
    let health = home.retained("bridge/health");
    assert_eq!(health["mqtt"], json!({"queued": 1, "published": 2, "reconnects": 3}), "{health}");
    assert_eq!(health["accounts"], json!({"home": {"state": "ok", "breaker": "closed"}}), "{health}");
    assert_eq!(health["queue"], 0);
    assert!((120..180).contains(&health["uptime_s"].as_u64().unwrap()), "{health}");
    assert!(health["rss_mb"].as_u64().unwrap() > 1, "{health}");
    assert_eq!(health["last_swap"]["generation"], 1, "{health}");

    home.host.announce("5");
    assert_eq!(home.published_on("bridge/health"), 4, "a broker that has lost it gets it again");
    home.host.stop().await;
    home.host.offline();
    home.advance(Duration::from_secs(120)).await;
    let last = home.messages().into_iter().rfind(|message| message.topic.ends_with("bridge/health")).unwrap();
    assert!(last.retain && last.payload.is_empty(), "{last:?}");
    telling.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_ends_the_start_with_the_place_and_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("car.toml");
    let text = configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
    std::fs::write(&file, format!("{text}\n[http]\nlisten = \"{address}\"\n")).unwrap();
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
    program.args(["run", "-c"]).arg(&file).env("REFRESH_TOKEN", "A".repeat(48)).env("PIN", "1234");
    let ended = program.kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let wanted = format!("http.listen: {address} cannot be listened on");
    assert!(said.contains(&wanted) && said.contains("name another address in [http]"), "{said}");
}
