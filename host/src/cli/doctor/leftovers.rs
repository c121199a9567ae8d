//! What the broker has kept: of vehicles and accounts that there are not, and of commands that would be done again.

use std::collections::BTreeSet;

use super::Finding;
use crate::cli::remote::quoted;
use crate::config::{Config, Discovery, Mqtt};
use crate::mqtt::Tls;

/// A retained message.
pub(super) struct Kept {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
}

/// Most topics that are named in one finding.
const NAMED: usize = 5;

/// Prefix of Home Assistant's discovery.
pub(super) fn prefix(config: &Config) -> String {
    config.home_assistant.prefix.clone()
}

/// Judges what was kept below the base topic and the discovery prefix.
pub(super) fn judge(config: &Config, prefix: &str, kept: &[Kept], host_runs: bool) -> Vec<Finding> {
    let base = &config.mqtt.base_topic;
    let owned = Owned::of(config);
    let mut findings = Vec::new();
    let retained = |is: &dyn Fn(&Kept) -> bool| -> BTreeSet<String> {
        kept.iter().filter(|kept| is(kept)).map(|kept| kept.topic.clone()).collect()
    };
    let below = |kept: &Kept| {
        kept.topic.strip_prefix(base.as_str()).and_then(|rest| rest.strip_prefix('/').map(str::to_owned))
    };
    let nobodys = retained(&|kept| below(kept).is_some_and(|below| owned.lacks(&below)));
    let commands = retained(&|kept| {
        below(kept).is_some_and(|below| below.starts_with("bridge/request/") || is_command(&below))
    });
    let documents = retained(&|kept| {
        let is_discovery = kept.topic.starts_with(&format!("{prefix}/")) && kept.topic.ends_with("/config");
        is_discovery && owned.lacks_what_is_named_in(base, &kept.payload)
    });
    for (check, what, topics) in [
        ("retained", "vehicles or accounts that the configuration does not have", &nobodys),
        ("retained", "commands, which must not be retained", &commands),
        ("discovery", "entities of vehicles or accounts that there are not", &documents),
    ] {
        findings.extend(of_leftovers(check, what, topics, &config.mqtt));
    }
    if findings.is_empty() {
        let found =
            format!("nothing below {base} or {prefix} is left of what the configuration does not have");
        findings.push(Finding::ok("retained", found));
    }
    findings.extend(of_state(base, kept, host_runs));
    if config.home_assistant.discovery != Discovery::Off {
        findings.push(of_home_assistant(&config.home_assistant.status_topic, kept));
    }
    findings
}

fn of_leftovers(
    check: &'static str,
    what: &str,
    topics: &BTreeSet<String>,
    broker: &Mqtt,
) -> Option<Finding> {
    let first = topics.first()?;
    let named: Vec<&str> = topics.iter().take(NAMED).map(String::as_str).collect();
    let more = topics.len().checked_sub(NAMED).filter(|more| *more > 0);
    let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
    let found = format!("the broker keeps {} message(s) of {what}: {}{more}", topics.len(), named.join(", "));
    let remedy = format!(
        "if no other host owns them, clear each: {}; a host clears by itself what it has published before",
        clearing(first, broker)
    );
    Some(Finding::warn(check, found, remedy))
}

/// Returns the command that clears a topic, for a shell. Whoever may publish has chosen the topic, so it is quoted. The
/// password is not in it: other users of the machine can read command lines.
fn clearing(topic: &str, broker: &Mqtt) -> String {
    let mut command = format!("mosquitto_pub --host {} --port {}", quoted(&broker.host), broker.port);
    match &broker.tls {
        None => {}
        Some(Tls::Platform) => command.push_str(" --tls-use-os-certs"),
        Some(Tls::Authorities(_)) => command.push_str(" --cafile FILE"),
    }
    if let Some(user) = &broker.username {
        command.push_str(&format!(" --username {}", quoted(user)));
        if broker.password.is_some() {
            command.push_str(" --pw PASSWORD");
        }
    }
    format!("{command} --retain --null-message --topic {}", quoted(topic))
}

/// Compares what the broker says of the host with whether one runs.
fn of_state(base: &str, kept: &[Kept], host_runs: bool) -> Option<Finding> {
    let topic = format!("{base}/bridge/state");
    let state = kept.iter().find(|kept| kept.topic == topic).map(|kept| kept.payload.as_slice());
    match (state, host_runs) {
        (Some(b"online"), false) => Some(Finding::warn(
            "broker",
            format!("{topic} says online, and no host runs on this state directory"),
            "if another host uses this broker, give one of them another mqtt.base_topic and mqtt.client_id",
        )),
        (Some(b"offline") | None, true) => Some(Finding::warn(
            "broker",
            format!("a host runs here, and {topic} does not say online"),
            "look at its log: it may have another configuration, or no connection to this broker",
        )),
        _ => None,
    }
}

/// Says whether Home Assistant has been heard of.
fn of_home_assistant(topic: &str, kept: &[Kept]) -> Finding {
    match kept.iter().find(|kept| kept.topic == topic) {
        Some(kept) => {
            let said = String::from_utf8_lossy(&kept.payload).into_owned();
            Finding::ok("homeassistant", format!("{topic} is retained, and says {said:?}"))
        }
        None => Finding::ok(
            "homeassistant",
            format!("{topic} is not retained, as is usual: Home Assistant says online there when it starts"),
        ),
    }
}

fn is_command(below: &str) -> bool {
    let mut levels = below.split('/');
    levels.next() == Some("vehicle") && levels.nth(1) == Some("cmd")
}

/// What the configuration has.
struct Owned {
    vehicles: BTreeSet<String>,
    accounts: BTreeSet<String>,
}

impl Owned {
    fn of(config: &Config) -> Self {
        Self {
            vehicles: config.vehicles.keys().map(ToString::to_string).collect(),
            accounts: config.accounts.keys().map(ToString::to_string).collect(),
        }
    }

    /// Whether a topic, without the base, is of a vehicle or an account that the configuration does not have.
    fn lacks(&self, below: &str) -> bool {
        match below.split_once('/').map(|(kind, rest)| (kind, rest.split('/').next().unwrap_or_default())) {
            Some(("vehicle", slug)) => !self.vehicles.contains(slug),
            Some(("account", slug)) => !self.accounts.contains(slug),
            _ => false,
        }
    }

    /// Whether a document names a topic of this host, of a vehicle or an account that it does not have.
    fn lacks_what_is_named_in(&self, base: &str, document: &[u8]) -> bool {
        let text = String::from_utf8_lossy(document);
        let ours = format!("\"{base}/");
        let topics = text.split(ours.as_str()).skip(1);
        topics.filter_map(|after| after.split('"').next()).any(|below| self.lacks(below))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::doctor::Level;

    fn config() -> Config {
        let text = "[mqtt]\nurl = \"mqtt://127.0.0.1\"\nbase_topic = \"cars\"\n[account.main]\nconnector = \"kia-eu\"\n\
            refresh_token = \"${T}\"\n[vehicle.ev6]\naccount = \"main\"\nname = \"EV6\"\n";
        Config::parse(text, Path::new("car.toml"), &|_| Some("A".repeat(48))).unwrap()
    }

    fn judged(kept: &[(&str, &str)], host_runs: bool) -> Vec<Finding> {
        let kept: Vec<Kept> = kept
            .iter()
            .map(|(topic, payload)| Kept { topic: (*topic).to_owned(), payload: payload.as_bytes().to_vec() })
            .collect();
        judge(&config(), "homeassistant", &kept, host_runs)
    }

    #[test]
    fn what_nobody_owns_is_named_with_the_command_that_clears_it() {
        let ours = r#"{"state_topic":"cars/vehicle/ev6/state"}"#;
        let gone = r#"{"state_topic":"cars/vehicle/old/state"}"#;
        let findings = judged(
            &[
                ("cars/bridge/state", "online"),
                ("cars/vehicle/ev6/state", "{}"),
                ("cars/vehicle/old/state", "{}"),
                ("cars/account/main/state", "{}"),
                ("cars/vehicle/ev6/cmd/lock", "LOCK"),
                ("homeassistant/device/a/config", ours),
                ("homeassistant/device/b/config", gone),
                ("other/vehicle/old/state", "{}"),
            ],
            true,
        );
        let warned: Vec<&Finding> = findings.iter().filter(|it| it.level == Level::Warn).collect();
        let found: Vec<&str> = warned.iter().map(|it| it.found.rsplit(": ").next().unwrap()).collect();
        assert_eq!(
            found,
            ["cars/vehicle/old/state", "cars/vehicle/ev6/cmd/lock", "homeassistant/device/b/config"]
        );
        let remedy = warned[0].remedy.as_ref().unwrap();
        assert!(
            remedy.contains("--port 1883 --retain --null-message --topic cars/vehicle/old/state;"),
            "{remedy}"
        );
    }

    #[test]
    fn a_topic_is_one_word_of_the_command_whatever_is_in_it() {
        let broker = Mqtt { username: Some("car user".to_owned()), ..config().mqtt };
        let folder = tempfile::tempdir().unwrap();
        for topic in ["cars/vehicle/x'; touch done; '", "cars/vehicle/$(id)", "cars/vehicle/a\nb", "~", ""] {
            let command = clearing(topic, &broker);
            // The shell itself says which words these are.
            let script = command.replacen("mosquitto_pub", "printf '%s\\0'", 1);
            let shell = std::process::Command::new("sh").args(["-c", &script]).current_dir(&folder).output();
            let words = shell.unwrap();
            let words = String::from_utf8(words.stdout).unwrap();
            let words: Vec<&str> = words.trim_end_matches('\0').split('\0').collect();
            let wanted = ["--host", "127.0.0.1", "--port", "1883", "--username", "car user", "--retain"];
            assert_eq!(&words[..7], wanted, "{command}");
            assert_eq!(words.get(9).copied().unwrap_or_default(), topic, "{command}");
        }
    }

    #[test]
    fn a_host_that_is_not_ours_and_one_that_is_not_there_are_told() {
        let level = |kept: &[(&str, &str)], runs| {
            judged(kept, runs).iter().map(|finding| finding.level).max().unwrap()
        };
        assert_eq!(level(&[("cars/bridge/state", "online")], true), Level::Ok);
        assert_eq!(level(&[("cars/bridge/state", "online")], false), Level::Warn);
        assert_eq!(level(&[("cars/bridge/state", "offline")], true), Level::Warn);
        assert_eq!(level(&[], false), Level::Ok);
    }
}
