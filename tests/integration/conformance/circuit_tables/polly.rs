use std::time::Duration;

use serde_json::Value;
use testkit::reference::table;
use vehicle_connector::protect::circuit::{Purpose, Settings, StateName};

use super::{Bench, number, seconds};

/// The entries that have no meaning here, and why.
const LEFT_OUT: [(&str, &str); 5] = [
    ("defaults", "the default policy has its own"),
    (
        "break_duration_generator_half_open_attempts",
        "the open time is the policy's to say and does not grow by itself",
    ),
    (
        "failure_counted_in_state.open",
        "a result of an earlier state is counted nowhere, not even for display",
    ),
    (
        "failure_counted_in_state.isolated",
        "a result of an earlier state is counted nowhere, not even for display",
    ),
    (
        "failure_counted_in_state.half_open",
        "results of probes are counted until they decide; theirs has one, which decides",
    ),
];

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn polly() {
    let Some(table) = table("polly_circuit_breaker.json") else { return };
    let mut left_out = Vec::new();
    for (entry, value) in table.as_object().unwrap() {
        match entry.as_str() {
            "table" | "source" => {}
            "should_break" => value.as_array().unwrap().iter().for_each(should_break),
            "failure_counted_in_state" => {
                for (state, counted) in value.as_object().unwrap() {
                    match state.as_str() {
                        "closed" => {
                            let mut bench = in_state("closed", never());
                            bench.call(true);
                            let failures = bench.circuit.snapshot(bench.now).counts.failures;
                            assert_eq!(failures == 1, counted == true);
                        }
                        state => left_out.push(format!("{entry}.{state}")),
                    }
                }
            }
            "on_success" => value.as_array().unwrap().iter().for_each(|row| result(row, false)),
            "on_failure" => value.as_array().unwrap().iter().for_each(|row| result(row, true)),
            "half_open" => half_open(value),
            "late_results_while_open" => late_results(),
            "retry_after" => {
                let mut bench = Bench::new(at_once().open_for(seconds(&value["break_s"])));
                bench.call(true);
                bench.now += Duration::from_millis(value["advance_ms"].as_u64().unwrap());
                let refused = bench.circuit.admit(bench.now, Purpose::Read).unwrap_err();
                let expected = Duration::from_millis(value["expect_ms"].as_u64().unwrap());
                assert_eq!(refused.retry_in, Some(expected));
            }
            "break_overflow" => {
                let mut bench = Bench::new(at_once());
                bench.now = Duration::MAX - Duration::from_millis(1);
                bench.call(true);
                assert_eq!(bench.circuit.snapshot(bench.now).until, Some(Duration::MAX));
            }
            "rolling_window" => rolling_window(value),
            _ => left_out.push(entry.clone()),
        }
    }
    for (entry, why) in LEFT_OUT {
        println!("left out: {entry}: {why}");
    }
    left_out.sort();
    let mut expected = LEFT_OUT.map(|(entry, _)| entry);
    expected.sort_unstable();
    assert_eq!(left_out, expected);
}

/// Opens with the first failure.
fn at_once() -> Settings {
    Settings::default().consecutive_failures(1)
}

/// Counts and never opens.
fn never() -> Settings {
    Settings::default().consecutive_failures(0).failure_ratio(1.0, u32::MAX, MINUTE)
}

fn should_break(row: &Value) {
    let share = |field: &str| row[field].as_f64().unwrap();
    let throughput = number(&row["throughput"]);
    // Eleven calls have no fifth; the nearest there is.
    let failures = (f64::from(throughput) * share("failure_rate")).round() as u32;
    let settings = never().failure_ratio(share("threshold") as f32, number(&row["min_throughput"]), MINUTE);
    let mut bench = Bench::new(settings);
    for call in 0..throughput {
        bench.call(call >= throughput - failures);
    }
    assert_eq!(bench.state() == "open", row["expect"] == true, "{row}");
}

/// A circuit brought into a state by calls, waiting, and what an operator can do; from now on under these settings.
fn in_state(state: &str, settings: Settings) -> Bench {
    let mut bench = Bench::new(at_once());
    match state {
        "closed" => {}
        "open" => {
            bench.call(true);
        }
        "half_open" => {
            bench.call(true);
            bench.now += MINUTE;
        }
        "isolated" => {
            bench.circuit.isolate();
        }
        state => panic!("unknown state {state}"),
    }
    assert_eq!(bench.state(), state);
    bench.settings = settings;
    bench
}

/// The result of a call in a state. Open and isolated it is that of a call which was admitted before.
fn result(row: &Value, failed: bool) {
    let state = row["state"].as_str().unwrap();
    let settings = if row["should_break"] == true { at_once() } else { never() };
    let mut bench = match state {
        "open" | "isolated" => {
            let mut bench = Bench::new(at_once());
            let late = bench.admit().unwrap();
            if state == "open" {
                bench.call(true);
            } else {
                bench.circuit.isolate();
            }
            bench.settings = settings;
            assert_eq!(bench.record(late, failed), None, "{row}");
            bench
        }
        state => in_state(state, settings),
    };
    bench.call(failed);
    assert_eq!(bench.state(), row["expect"].as_str().unwrap(), "{row}");
}

fn half_open(value: &Value) {
    let permitted = number(&value["permitted_probes"]);
    let mut bench = in_state("half_open", at_once().probes(permitted, MINUTE));
    for _ in 0..permitted {
        assert!(bench.admit().is_some());
    }
    let refused = bench.circuit.admit(bench.now, Purpose::Read).unwrap_err();
    assert!(refused.retry_in.is_some_and(|retry_in| !retry_in.is_zero()), "{refused:?}");
}

/// No second event, the break is not extended, and what opened it stays to be seen.
fn late_results() {
    let mut bench = Bench::new(at_once());
    let late: Vec<_> = (0..20).map(|_| bench.admit().unwrap()).collect();
    bench.call(true);
    let before = bench.circuit.snapshot(bench.now);
    assert_eq!(before.state, StateName::Open);
    for (nth, permit) in late.into_iter().enumerate() {
        bench.now += Duration::from_secs(1);
        assert_eq!(bench.record(permit, nth % 2 == 0), None);
        assert_eq!(bench.circuit.snapshot(bench.now), before);
    }
}

fn rolling_window(value: &Value) {
    let length = seconds(&value["sampling_s"]);
    let counting = never().failure_ratio(1.0, u32::MAX, length);
    let mut bench = Bench::new(counting);
    for step in value["steps"].as_array().unwrap() {
        for outcome in step["record"].as_array().unwrap() {
            bench.call(outcome == "F");
        }
        bench.now += seconds(&step["advance_s"]);
        let expected = &step["expect"];
        if !expected.is_null() {
            let counts = bench.circuit.snapshot(bench.now).counts;
            assert_eq!(counts.calls, number(&expected["throughput"]), "{step}");
            assert_eq!(counts.failures, number(&expected["failures"]), "{step}");
            assert_eq!(counts.ratio(), expected["failure_rate"].as_f64(), "{step}");
        }
    }

    // "capacity"
    let second = length / number(&value["windows"]);
    let mut bench = Bench::new(counting);
    for _ in 0..number(&value["windows"]) {
        bench.call(false);
        bench.now += second;
    }
    assert_eq!(bench.circuit.snapshot(bench.now).counts.calls, 9);
    bench.now += second;
    assert_eq!(bench.circuit.snapshot(bench.now).counts.calls, 8);
}
