//! Alert rules, dashboard and runbook: what they name is there.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::{CCS2, Home, RealHome, root};
use vehicle_connector::wire::publish::Traffic;

const PREFIX: &str = "vehicle_connector_";

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let in_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let names = text.match_indices(PREFIX).map(|(at, _)| {
        let name = &text[at..];
        name[..name.find(|c| !in_name(c)).unwrap_or(name.len())].to_owned()
    });
    names.collect()
}

/// What stands below a heading, up to the next one.
fn section<'t>(text: &'t str, heading: &str) -> Option<&'t str> {
    let (_, after) = text.split_once(&format!("\n### {heading}\n"))?;
    after.split("\n##").next()
}

/// Whether a section says everything that a section of the runbook has to say.
fn is_whole(section: &str) -> bool {
    ["* **Means**:", "* **The host**", "* **Look**:", "* **Do**:", "* **Do not**"]
        .iter()
        .all(|part| section.contains(part))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_rules_and_dashboard_is_in_the_programs_own_output() {
    let home = RealHome::configured(simulator::Config::default(), |config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(100));
    })
    .await;
    home.published.connect(Traffic::default());
    home.settle().await;
    home.command(CCS2.0, "refresh_cached", "").await;
    let there = named(&home.host.metrics());
    for file in ["docs/prometheus-alerts.yml", "docs/grafana-dashboard.json"] {
        let wanted = named(&read(file));
        let missing: Vec<_> = wanted.difference(&there).collect();
        assert!(wanted.len() > 15 && missing.is_empty(), "{file}: {missing:?}");
    }
    // And the other way round: the reference has every name, and no other.
    let families: BTreeSet<String> = home
        .host
        .metrics()
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| match line.split_once(' ').unwrap() {
            (name, "counter") => format!("{name}_total"),
            (name, "info") => format!("{name}_info"),
            (name, _) => name.to_owned(),
        })
        .collect();
    let reference = read("docs/mqtt.md");
    let reference =
        section(&reference.replace("\n## Metrics\n", "\n### Metrics\n"), "Metrics").unwrap().to_owned();
    let listed: BTreeSet<String> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split(['`', '{']).next())
        .map(|name| format!("{PREFIX}{name}"))
        .collect();
    assert_eq!(listed, families);
}

#[test]
fn every_alert_has_a_section_in_the_runbook_and_every_section_an_alert() {
    let (rules, runbook) = (read("docs/prometheus-alerts.yml"), read("docs/runbook.md"));
    let value =
        |line: &str, key: &str| line.trim().strip_prefix(key).map(|value| value.trim_matches('"').to_owned());
    let alerts: Vec<String> = rules.lines().filter_map(|line| value(line, "- alert: ")).collect();
    let links: Vec<String> = rules.lines().filter_map(|line| value(line, "runbook_url: ")).collect();
    assert!(alerts.len() > 20, "{alerts:?}");
    let wanted: Vec<String> =
        alerts.iter().map(|alert| format!("runbook.md#{}", alert.to_ascii_lowercase())).collect();
    assert_eq!(links, wanted, "the link of each alert is its own section");
    for alert in &alerts {
        let section = section(&runbook, alert).unwrap_or_else(|| panic!("{alert} has no section"));
        assert!(is_whole(section), "{alert}: {section}");
    }
    let (_, sections) = runbook.split_once("\n## Alerts\n").unwrap();
    let (sections, _) = sections.split_once("\n## Reasons\n").unwrap();
    let sections: Vec<&str> = sections.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(sections, alerts, "in the order of the rules");
}

#[test]
fn every_reason_has_a_section_in_the_runbook() {
    let runbook = read("docs/runbook.md");
    let schema: Value = serde_json::from_str(&read("docs/report.schema.json")).unwrap();
    // The test `state_schema` holds the schema to the program's reasons.
    let reasons = schema["properties"]["reason"]["enum"].as_array().unwrap();
    let reasons: Vec<&str> = reasons.iter().filter_map(Value::as_str).collect();
    assert!(reasons.len() > 25, "{reasons:?}");
    for reason in reasons {
        let section = section(&runbook, reason).unwrap_or_else(|| panic!("{reason} has no section"));
        assert!(is_whole(section), "{reason}: {section}");
    }
}

#[test]
fn links_of_the_runbook_lead_somewhere() {
    let runbook = read("docs/runbook.md");
    let anchors: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')))
        .map(|heading| heading.to_ascii_lowercase().replace(' ', "-"))
        .collect();
    for (at, _) in runbook.match_indices("](#") {
        let anchor = runbook[at + 3..].split(')').next().unwrap();
        assert!(anchors.contains(anchor), "{anchor}");
    }
}
