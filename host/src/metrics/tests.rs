use std::collections::BTreeMap;

use super::*;
use crate::protect::circuit::StateName;
use crate::wire::publish::Traffic;

fn vitals() -> Vitals {
    Vitals {
        uptime: Duration::from_secs(90),
        resident: Some(30 << 20),
        traffic: Some(Traffic { connected: true, queued: 3, published: 7, reconnects: 2 }),
        accounts: BTreeMap::from([(
            "home".to_owned(),
            AccountVitals { state: "otp_required".to_owned(), left: Some(12) },
        )]),
        circuits: vec![
            CircuitVitals { account: None, circuit: "cloud".to_owned(), state: StateName::HalfOpen },
            CircuitVitals {
                account: Some("home".to_owned()),
                circuit: "account home".to_owned(),
                state: StateName::Open,
            },
        ],
        vehicles: BTreeMap::from([(
            "ev6".to_owned(),
            VehicleVitals { said: Some(Duration::from_secs(600)), read: None },
        )]),
        queue: 4,
        policy_generation: 5,
        last_swap: None,
        stopping: false,
    }
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let of =
        |line: &str| line.strip_prefix(PREFIX)?.strip_prefix('_')?.strip_prefix(series)?.trim().parse().ok();
    text.lines().find_map(of)
}

#[test]
fn what_nothing_has_happened_to_is_there_at_0() {
    let metrics = Metrics::default();
    metrics.open_account("home");
    metrics.open_vehicle("ev6");
    let text = metrics.encode(&PolicyMeter::default(), &vitals());
    for series in [
        r#"upstream_requests_total{account="home",op="lock",class="unauthorized"}"#,
        r#"upstream_requests_total{account="home",op="refresh_session",class="abandoned"}"#,
        r#"upstream_retries_total{account="home"}"#,
        r#"token_refresh_total{account="home",result="ok"}"#,
        "token_refresh_seconds_count",
        "token_refresh_waiting",
        r#"logins_total{account="home",result="refused"}"#,
        r#"operations_after_refresh_total{result="succeeded"}"#,
        r#"commands_total{op="other",state="rejected"}"#,
        r#"command_seconds_count{effect="actuation"}"#,
        r#"policy_swaps_total{result="rolled_back"}"#,
        r#"policy_faults_total{kind="trap"}"#,
        r#"wakeups_total{vehicle="ev6"}"#,
    ] {
        assert_eq!(value(&text, series), Some(0.0), "{series}: {text}");
    }
}

#[test]
fn how_things_are_is_written_as_it_is() {
    let text = Metrics::default().encode(&PolicyMeter::default(), &vitals());
    for (series, expected) in [
        ("uptime_seconds", 90.0),
        ("resident_memory_bytes", 31_457_280.0),
        ("mqtt_connected", 1.0),
        ("mqtt_publish_queue", 3.0),
        ("mqtt_published_total", 7.0),
        ("mqtt_reconnects_total", 2.0),
        ("policy_generation", 5.0),
        ("command_queue", 4.0),
        (r#"account_state{account="home",state="otp_required"}"#, 1.0),
        (r#"account_state{account="home",state="ok"}"#, 0.0),
        (r#"quota_remaining{account="home"}"#, 12.0),
        (r#"breaker_state{account="",circuit="cloud"}"#, 1.0),
        (r#"breaker_state{account="home",circuit="account home"}"#, 2.0),
        (r#"state_age_seconds{vehicle="ev6"}"#, 600.0),
        (format!(r#"build_info{{version="{}"}}"#, env!("CARGO_PKG_VERSION")).as_str(), 1.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}: {text}");
    }
    assert_eq!(
        value(&text, r#"state_read_age_seconds{vehicle="ev6"}"#),
        None,
        "what is unknown is not there"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn an_exchange_counts_once_whatever_becomes_of_it() {
    let metrics = Metrics::default();
    metrics.exchange("home", "lock").ended(Class::of_status(401));
    drop(metrics.exchange("home", "lock"));
    let text = metrics.encode(&PolicyMeter::default(), &vitals());
    for class in ["unauthorized", "abandoned"] {
        let series = format!(r#"upstream_requests_total{{account="home",op="lock",class="{class}"}}"#);
        assert_eq!(value(&text, &series), Some(1.0), "{text}");
    }
    assert_eq!(text.matches("upstream_requests_total{").count(), 2);
}

#[test]
fn what_a_caller_calls_a_command_is_no_label() {
    let metrics = Metrics::default();
    let before = metrics.encode(&PolicyMeter::default(), &vitals()).lines().count();
    for op in ["honk\"} 1\n", "other/honk", ""] {
        metrics.command_ended(op, State::Rejected, Some(Duration::from_secs(1)));
    }
    let text = metrics.encode(&PolicyMeter::default(), &vitals());
    assert_eq!(text.lines().count(), before, "{text}");
    assert_eq!(value(&text, r#"commands_total{op="other",state="rejected"}"#), Some(3.0));
}

#[test]
fn who_waits_is_counted_for_as_long() {
    let metrics = Metrics::default();
    let (one, other) = (metrics.waits_for_session(), metrics.waits_for_session());
    let waiting = || value(&metrics.encode(&PolicyMeter::default(), &vitals()), "token_refresh_waiting");
    assert_eq!(waiting(), Some(2.0));
    drop((one, other));
    assert_eq!(waiting(), Some(0.0));
}

#[test]
fn an_account_is_as_well_as_the_worst_circuit_that_its_operations_pass() {
    let vitals = vitals();
    assert_eq!(vitals.breaker("home"), StateName::Open);
    assert_eq!(vitals.breaker("other"), StateName::HalfOpen, "that of the cloud");
}
