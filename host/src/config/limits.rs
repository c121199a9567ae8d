//! The tables `[limits]`, `[limits.policy]` and `[limits.connector]`: resources that plugins may use.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::reader::Section;
use crate::sandbox::Budget;

/// The named budgets of a policy.
const POLICY_PROFILES: [(&str, Budget); 2] = [("default", Budget::POLICY), ("large", Budget::LARGE_POLICY)];

/// Resource limits of a plugin's call and of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Budget of one call of a policy, its trial included.
    pub policy: Budget,
    /// Budget of one call of a connector.
    pub connector: Budget,
    /// Number of requests that one operation may send, refreshes and polls included.
    pub requests_per_operation: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { policy: Budget::POLICY, connector: Budget::CONNECTOR, requests_per_operation: 64 }
    }
}

pub(super) fn read(mut section: Section<'_, '_>) -> Limits {
    let mut limits = Limits::default();
    set(&mut section, "requests_per_operation", 8..=1_000, &mut limits.requests_per_operation);
    policy(&mut section, &mut limits.policy);
    if let Some(mut connector) = section.section("connector") {
        // With less time than one request may take, no request could end.
        budget(&mut connector, 1_000..=600_000, &mut limits.connector);
        set(&mut connector, "messages", 0..=1_000, &mut limits.connector.messages);
        if let Some(milliseconds) = connector.number("pause_ms", 0..=60_000) {
            limits.connector.pause = Duration::from_millis(milliseconds.into());
        }
        if let Some(seconds) = connector.number("lock_wait_s", 0..=600) {
            limits.connector.lock_wait = Duration::from_secs(seconds.into());
        }
        connector.finish();
    }
    section.finish();
    limits
}

/// Reads the limits of a policy: the name of a profile, or a table, which may begin with one and change it.
fn policy(section: &mut Section<'_, '_>, limits: &mut Budget) {
    if section.entry("policy").is_some_and(|entry| entry.is_text()) {
        if let Some(profile) = section.choice("policy", &POLICY_PROFILES) {
            *limits = profile;
        }
        return;
    }
    let Some(mut policy) = section.section("policy") else { return };
    if let Some(profile) = policy.choice("profile", &POLICY_PROFILES) {
        *limits = profile;
    }
    budget(&mut policy, 100..=60_000, limits);
    policy.finish();
}

/// Reads the limits that every kind of plugin has.
fn budget(section: &mut Section<'_, '_>, wall: RangeInclusive<u32>, budget: &mut Budget) {
    if let Some(milliseconds) = section.number("cpu_ms", 10..=10_000) {
        budget.cpu = Duration::from_millis(milliseconds.into());
    }
    if let Some(milliseconds) = section.number("wall_ms", wall) {
        budget.wall = Duration::from_millis(milliseconds.into());
    }
    size(section, "memory_mb", 1..=1_024, 20, &mut budget.memory);
    size(section, "table_elements", 100..=1_000_000, 0, &mut budget.table_elements);
    size(section, "instances", 1..=256, 0, &mut budget.instances);
    size(section, "transfer_kb", 64..=65_536, 10, &mut budget.transfer);
    size(section, "handles", 16..=10_000, 0, &mut budget.handles);
    set(section, "log_lines", 0..=10_000, &mut budget.log_lines);
}

fn set(section: &mut Section<'_, '_>, key: &str, range: RangeInclusive<u32>, value: &mut u32) {
    if let Some(number) = section.number(key, range) {
        *value = number;
    }
}

/// Reads a number of units of 2 to the power of `shift`.
fn size(section: &mut Section<'_, '_>, key: &str, range: RangeInclusive<u32>, shift: u32, value: &mut usize) {
    if let Some(number) = section.number(key, range) {
        *value = usize::try_from(u64::from(number) << shift).unwrap_or(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    const BROKER: &str = "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n";

    fn parse(limits: &str) -> Result<Limits, String> {
        let config = Config::parse(&format!("{BROKER}{limits}"), Path::new("car.toml"), &|_| None);
        config.map(|config| config.limits).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_leaves_the_defaults() {
        let expected =
            Limits { policy: Budget::POLICY, connector: Budget::CONNECTOR, requests_per_operation: 64 };
        assert_eq!(parse("").unwrap(), expected);
        assert_eq!(parse("[limits]\n[limits.policy]\n[limits.connector]\n").unwrap(), expected);
    }

    #[test]
    fn every_limit_can_be_set() {
        let both = "memory_mb = 48\ntable_elements = 20000\ninstances = 40\ntransfer_kb = 512\nhandles = 100\nlog_lines = 3\n";
        let limits = parse(&format!(
            "[limits]\nrequests_per_operation = 10\n\
             [limits.policy]\ncpu_ms = 200\nwall_ms = 2000\n{both}\
             [limits.connector]\ncpu_ms = 700\nwall_ms = 90000\nmessages = 5\npause_ms = 1500\nlock_wait_s = 30\n{both}"
        ))
        .unwrap();
        let policy = Budget {
            cpu: Duration::from_millis(200),
            wall: Duration::from_secs(2),
            memory: 48 << 20,
            table_elements: 20_000,
            instances: 40,
            transfer: 512 << 10,
            handles: 100,
            log_lines: 3,
            ..Budget::POLICY
        };
        let connector = Budget {
            cpu: Duration::from_millis(700),
            wall: Duration::from_secs(90),
            messages: 5,
            pause: Duration::from_millis(1_500),
            lock_wait: Duration::from_secs(30),
            ..policy
        };
        assert_eq!(limits, Limits { policy, connector, requests_per_operation: 10 });
    }

    #[test]
    fn a_policy_has_a_profile_by_name_and_may_change_it() {
        let large = Limits { policy: Budget::LARGE_POLICY, ..Limits::default() };
        assert_eq!(parse("[limits]\npolicy = \"large\"\n").unwrap(), large);
        assert_eq!(parse("[limits.policy]\nprofile = \"large\"\n").unwrap(), large);
        assert_eq!(parse("[limits]\npolicy = \"default\"\n").unwrap(), Limits::default());
        let policy = Budget { memory: 100 << 20, ..Budget::LARGE_POLICY };
        let changed = parse("[limits.policy]\nmemory_mb = 100\nprofile = \"large\"\n").unwrap();
        assert_eq!(changed, Limits { policy, ..Limits::default() });
    }

    #[test]
    fn what_is_wrong_is_named_with_the_way_out() {
        for (limits, complaint) in [
            (
                "[limits]\nrequests_per_operation = 2",
                "limits.requests_per_operation: 2 is out of range; write 8 to 1000",
            ),
            ("[limits.policy]\nmemory_mb = 0", "limits.policy.memory_mb: 0 is out of range; write 1 to 1024"),
            (
                "[limits.connector]\nwall_ms = 10",
                "limits.connector.wall_ms: 10 is out of range; write 1000 to 600000",
            ),
            ("[limits.policy]\npause_ms = 10", "unknown key \"pause_ms\" in [limits.policy]"),
            ("[limits.connector]\ncpu_s = 1", "did you mean \"cpu_ms\"?"),
            ("[limits]\npolicy = \"larg\"", "limits.policy: \"larg\" is unknown; did you mean \"large\"?"),
            (
                "[limits.policy]\nprofile = \"huge\"",
                "limits.policy.profile: \"huge\" is unknown; known: default, large",
            ),
            ("[limits]\npolicy = 3", "limits.policy: found an integer; write a table"),
            ("[limits.plugin]\n", "unknown key \"plugin\" in [limits]"),
        ] {
            let complaints = parse(limits).unwrap_err();
            assert!(complaints.contains(complaint), "{complaints}");
        }
    }
}
