//! Reloads of the configuration: what takes effect while the host runs, and what does not.

mod under_way;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Ending, Outcome};
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, configuration_text};
use vehicle_connector::config::Config;
use vehicle_connector::host::{Reloaded, Request};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use crate::program::{PATIENCE, Program};

/// The configuration of the homes with these replacements, and this refresh token.
fn configured(token: &str, replacements: &[(&str, &str)]) -> Config {
    let mut text = configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
    for (old, new) in replacements {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    let cloud = simulator::Config::default();
    let token = token.to_owned();
    let secret = move |name: &str| Some(if name == "PIN" { cloud.pin.clone() } else { token.clone() });
    Config::parse(&text, Path::new("car.toml"), &secret).unwrap()
}

fn good() -> String {
    simulator::Config::default().refresh_token
}

/// What the broker has of a topic; none if it was cleared, or nothing was ever published.
fn kept(home: &VirtualHome, topic: &str) -> Option<String> {
    let topic = format!("vehicle-connector/{topic}");
    let last = home.messages().into_iter().rfind(|message| message.topic == topic)?;
    String::from_utf8(last.payload).ok().filter(|payload| !payload.is_empty())
}

async fn reload(home: &VirtualHome, config: &Config) -> Reloaded {
    home.host.reconfigure(config, "test").await.unwrap()
}

/// Waits until the cloud has taken a command of the older car.
async fn pending(home: &VirtualHome, id: &str) {
    let topic = format!("vehicle-connector/vehicle/{}/action/{id}", LEGACY.0);
    let is_pending = |report: &Report| report.state == State::Pending;
    home.published().until(|| home.published().reports(&topic).iter().any(is_pending).then_some(())).await;
}

const NIRO: &str = "allow = [\"refresh\", \"lock\", \"unlock\"]";

#[tokio::test(start_paused = true)]
async fn a_command_ends_as_it_began_and_the_next_one_finds_the_new_configuration() {
    let home = VirtualHome::start().await;
    home.control().queue_outcome(Outcome::new(Ending::Success).pending(3));
    let begun = home.begin(LEGACY.0, "unlock", "").await;
    pending(&home, &begun).await;

    let config = configured(&good(), &[(NIRO, "allow = [\"refresh\"]\nmax_forced_reads_per_day = 0")]);
    let reloaded = reload(&home, &config).await;
    let keys = ["vehicle.niro.allow", "vehicle.niro.max_forced_reads_per_day"];
    assert_eq!(
        (&reloaded.changed[..], &reloaded.restart_needed[..]),
        (&keys.map(str::to_owned)[..], &[][..])
    );
    let refused = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((refused.state, refused.reason), (State::Rejected, Some(Reason::NotAllowed)), "{refused:?}");
    let forced = home.command(LEGACY.0, "refresh_force", "").await;
    assert_eq!(forced.reason, Some(Reason::Cooldown), "{forced:?}");
    assert_eq!(home.ended(LEGACY.0, &begun).await.state, State::Succeeded);

    // The other car is as it was, and back again is as at first.
    assert_eq!(home.command(CCS2.0, "lock", "").await.state, State::Succeeded);
    assert_eq!(reload(&home, &configured(&good(), &[])).await.changed, reloaded.changed);
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
    assert_eq!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
    assert_eq!(reload(&home, &configured(&good(), &[])).await, Reloaded::default());
    let events = home.events("config_reloaded");
    assert_eq!((events.len(), &events[0]["by"], &events[0]["changed"]), (3, &json!("test"), &json!(keys)));
}

/// Whether anything is retained on a topic, whatever it is below.
fn is_kept(home: &VirtualHome, topic: &str) -> bool {
    home.messages()
        .iter()
        .rfind(|message| message.topic == topic)
        .is_some_and(|last| !last.payload.is_empty())
}

#[tokio::test(start_paused = true)]
async fn a_position_is_switched_off_and_a_legacy_name_changed_while_the_host_runs() {
    let wanted = ("[mqtt]", "[mqtt]\nlegacy_topics = \"mqtt-hyundai-kia\"");
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        let limits = config.limits;
        *config = Config { limits, ..configured(&good(), &[wanted]) };
    })
    .await;
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
    let (location, before, after) = (
        "vehicle-connector/vehicle/niro/location",
        "hyundai/niro/battery/level",
        "hyundai/old/battery/level",
    );
    assert_eq!([location, before, after].map(|topic| is_kept(&home, topic)), [true, true, false]);

    let changed = format!("{NIRO}\nlocation = false\nlegacy_id = \"old\"");
    let reloaded = reload(&home, &configured(&good(), &[wanted, (NIRO, changed.as_str())])).await;
    assert_eq!(reloaded.changed, ["vehicle.niro.legacy_id", "vehicle.niro.location"]);
    assert!(reloaded.restart_needed.is_empty(), "{reloaded:?}");
    assert_eq!([location, before, after].map(|topic| is_kept(&home, topic)), [false, false, true]);

    let topic = "hyundai/old/commands/lock".to_owned();
    let payload = br#"{"action":"lock"}"#.to_vec();
    home.host.handle(Request { topic, payload, ..Request::default() }).await;
    let is_locked = || {
        let last = home.retained("vehicle/niro/action/last");
        (last["op"] == "lock" && last["state"] == "succeeded").then_some(())
    };
    home.published().until(is_locked).await;
}

#[tokio::test(start_paused = true)]
async fn commands_of_both_configurations_are_done_one_at_a_time() {
    let home = VirtualHome::start().await;
    home.control().queue_outcome(Outcome::new(Ending::Success).pending(5));
    let first = home.begin(LEGACY.0, "unlock", "").await;
    pending(&home, &first).await;
    reload(&home, &configured(&good(), &[(NIRO, "allow = [\"lock\"]")])).await;
    let second = home.begin(LEGACY.0, "lock", "").await;
    let report = home.ended(LEGACY.0, &second).await;
    assert_eq!(report.state, State::Succeeded);
    let before = home.finals(LEGACY.0, &first);
    assert_eq!(before.len(), 1, "the first one has ended");
    assert!(report.sent_at.unwrap() >= before[0].finished_at.unwrap(), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn other_credentials_lift_what_the_earlier_ones_had_latched() {
    let wrong = "B".repeat(48);
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        let limits = config.limits;
        *config = Config { limits, ..configured(&wrong, &[]) };
    })
    .await;
    let refused = home.read().await;
    assert_eq!(refused.reason, Some(Reason::AuthRequired), "{refused:?}");
    let asked = home.token_calls().len();
    home.read().await;
    assert_eq!(home.token_calls().len(), asked, "it is not sent again");

    let reloaded = reload(&home, &configured(&good(), &[])).await;
    assert_eq!(reloaded.changed, ["account.home.refresh_token"]);
    let report = home.read().await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(home.retained("account/home/state")["state"], "ok");
    // The next host begins with what this one has.
    let mut home = home;
    home.config = configured(&good(), &[]);
    home.restart().await;
    let asked = home.token_calls().len();
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.token_calls().len(), asked, "the session is kept");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_no_more_asks_for_no_session_and_says_nothing() {
    let home = VirtualHome::start().await;
    home.control().queue_outcome(Outcome::new(Ending::Success).pending(5));
    let begun = home.begin(LEGACY.0, "unlock", "").await;
    pending(&home, &begun).await;
    // What is under way meets a refused token, and must not sign in with what the owner has replaced.
    let other = "C".repeat(48);
    reload(&home, &configured(&other, &[])).await;
    let grants = home.token_calls().len();
    home.control().expire_access_token();
    let report = home.ended(LEGACY.0, &begun).await;
    assert!(report.state.is_final());
    assert_eq!(home.token_calls().len(), grants, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_vehicle_that_leaves_is_cleared_and_one_that_comes_is_read() {
    let home = VirtualHome::start().await;
    let host = Arc::clone(&home.host);
    let settling = tokio::spawn(async move { host.settle_in().await });
    for topic in ["vehicle/niro/state", "vehicle/ev6/state"] {
        home.published().until(|| kept(&home, topic)).await;
    }

    let text = configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
    let of_niro = &text[text.find("[vehicle.niro]").unwrap()..text.find("[vehicle.ev6]").unwrap()];
    let reloaded = reload(&home, &configured(&good(), &[(of_niro, "")])).await;
    let keys =
        ["account", "allow", "force.min_gap", "id", "polling"].map(|key| format!("vehicle.niro.{key}"));
    assert_eq!(reloaded.changed, keys);
    for topic in ["state", "availability", "capabilities", "action/last"] {
        assert_eq!(kept(&home, &format!("vehicle/niro/{topic}")), None, "{topic}");
    }
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.reason, Some(Reason::UnknownVehicle));
    assert!(kept(&home, "vehicle/ev6/state").is_some());

    let before = home.published_on("vehicle/niro/state");
    reload(&home, &configured(&good(), &[])).await;
    let read = || (home.published_on("vehicle/niro/state") > before).then_some(());
    tokio::time::timeout(Duration::from_secs(30), home.published().until(read)).await.unwrap();
    assert_eq!(kept(&home, "vehicle/niro/availability").as_deref(), Some("online"));
    settling.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_told_to_reload_and_a_bad_file_changes_nothing() {
    let program = Program::new();
    let file = program.dir.path().join("car.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let (host, mut log) = program.host_with_log().await;
    assert_eq!(program.prints_of_host(&["reload"]).await, "nothing has changed\n");

    write(&text.replace("id = \"11111111", "typo = 1\nid = \"11111111"));
    let refused = program.complains_of_host(&["reload"], 1).await;
    assert!(refused.contains("car.toml:") && refused.contains("unknown key \"typo\""), "{refused}");
    let capabilities = |allowed: &str| format!("allow = [{allowed}]");
    let other = text.replace(&capabilities("\"refresh\", \"lock\", \"unlock\""), &capabilities("\"lock\""));
    write(&format!("{other}\n[log]\nlevel = \"debug\"\nformat = \"json\"\n"));
    let done = program.prints_of_host(&["reload"]).await;
    assert_eq!(done, "in effect: log.level, vehicle.niro.allow\nafter a restart: log.format\n");
    let again: Value = serde_json::from_str(&program.prints_of_host(&["reload", "--json"]).await).unwrap();
    assert_eq!(again, json!({"changed": [], "restart_needed": ["log.format"], "warnings": []}));

    // By signal, which nobody answers: the host says in its log what it did.
    write(&text);
    let pid = host.id().unwrap().to_string();
    let told = tokio::process::Command::new("kill").args(["-HUP", &pid]).status().await.unwrap();
    assert!(told.success());
    let reloaded = async {
        loop {
            let line = log.recv().await.expect("the host goes on");
            if line.contains("configuration reloaded") && line.contains("by=\"SIGHUP\"") {
                return line;
            }
        }
    };
    let line = tokio::time::timeout(PATIENCE, reloaded).await.expect("reloaded in time");
    assert!(line.contains("log.level") && line.contains("vehicle.niro.allow"), "{line}");
    assert_eq!(program.prints_of_host(&["reload"]).await, "nothing has changed\n");
}
