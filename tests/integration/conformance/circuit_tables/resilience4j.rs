use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use testkit::reference::table;
use vehicle_connector::protect::circuit::{Permit, Settings};

use super::{Bench, number, seconds};

/// The states and steps that have no meaning here, and why.
const LEFT_OUT: [(&str, &str); 3] = [
    ("slow", "slow calls are not counted; a call that takes too long fails at its deadline"),
    ("DISABLED", "no state admits everything whatever happens; settings with both rules off do"),
    ("METRICS_ONLY", "no shadow mode: a circuit that counts also opens"),
];

/// The parts of the table beside its cases that have no meaning here, and why.
const PARTS_LEFT_OUT: [(&str, &str); 4] = [
    ("defaults", "the default policy has its own"),
    ("exponential_open_interval", "the open time is the policy's to say and does not grow by itself"),
    ("sliding_window_count_4", "the window is one of time, not of a number of calls"),
    ("count_window_10_min_10", "the window is one of time, not of a number of calls"),
];

#[test]
fn resilience4j() {
    let Some(table) = table("resilience4j_circuit_breaker.json") else { return };
    let config = &table["config"];
    let settings = Settings::default()
        .consecutive_failures(0)
        .failure_ratio(
            number(&config["failure_rate_threshold"]) as f32 / 100.0,
            number(&config["minimum_calls"]),
            seconds(&config["window"]["size_s"]),
        )
        .open_for(seconds(&config["wait_in_open_s"]))
        .probes(number(&config["permitted_calls_in_half_open"]), seconds(&config["max_wait_in_half_open_s"]));
    let wait = seconds(&config["wait_in_open_s"]);

    let mut left_out = Vec::new();
    let mut run = 0;
    for case in table["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let steps = case["steps"].as_array().unwrap();
        if let Some((what, why)) = LEFT_OUT.iter().find(|(what, _)| steps.iter().any(|step| says(step, what)))
        {
            println!("left out: {name}: {what}: {why}");
            left_out.push(name);
            continue;
        }
        let mut interpreter =
            Interpreter { bench: Bench::new(settings), held: VecDeque::new(), wait_in_open: wait };
        for (at, step) in steps.iter().enumerate() {
            if let Err(why) = interpreter.step(step) {
                panic!("{name}, step {at} {step}: {why}");
            }
        }
        run += 1;
    }
    let expected = [
        "shouldOpenAfterSlowCallRateThresholdExceeded",
        "shouldTransitionBackToOpenStateWhenSlowCallRateIsAboveThreshold",
        "shouldDisableCircuitBreaker",
        "shouldRecordMetricsInMetricsOnlyState",
    ];
    assert_eq!(left_out, expected);
    for (part, why) in PARTS_LEFT_OUT {
        println!("left out: {part}: {why}");
    }
    let known = ["table", "source", "config", "model", "cases"];
    let is_known =
        |part: &str| known.contains(&part) || PARTS_LEFT_OUT.iter().any(|(left_out, _)| *left_out == part);
    let parts = table.as_object().unwrap().keys();
    assert_eq!(parts.filter(|part| !is_known(part)).collect::<Vec<_>>(), Vec::<&String>::new());
    println!("{run} cases run");
    assert!(run > 0);
}

fn says(step: &Value, what: &str) -> bool {
    step["op"] == what || step["to"] == what
}

struct Interpreter {
    bench: Bench,
    /// Permits whose results are yet to come, the oldest first.
    held: VecDeque<Permit>,
    wait_in_open: Duration,
}

impl Interpreter {
    fn step(&mut self, step: &Value) -> Result<(), String> {
        let bench = &mut self.bench;
        match step["op"].as_str().unwrap() {
            "try_acquire" => {
                let permit = bench.admit();
                self.held.extend(permit);
                same("admitted", permit.is_some(), step["expect"] == true)
            }
            // Their breaker takes results without a permit; here somebody must have been admitted first.
            op @ ("success" | "error") => {
                let permit = self.held.pop_front().or_else(|| bench.admit()).ok_or("not admitted")?;
                bench.record(permit, op == "error");
                Ok(())
            }
            "ignored_error" | "release" => {
                let permit = self.held.pop_front().ok_or("nobody was admitted")?;
                bench.circuit.abandoned(permit);
                Ok(())
            }
            "advance" => {
                bench.now += seconds(&step["s"]);
                Ok(())
            }
            "open_for" => {
                bench.circuit.trip(bench.now, seconds(&step["s"]));
                Ok(())
            }
            "reset" => {
                bench.circuit.close();
                Ok(())
            }
            "force" => {
                let forced = self.force(step["to"].as_str().unwrap());
                same("failed to get there", forced.is_err(), step["expect_error"] == true)
            }
            "state" => {
                let expected = match step["expect"].as_str().unwrap() {
                    "FORCED_OPEN" => "isolated".to_owned(),
                    other => other.to_lowercase(),
                };
                same("state", bench.state(), expected)
            }
            "not_permitted" => {
                same("refused", bench.circuit.snapshot(bench.now).refused, step["expect"].as_u64().unwrap())
            }
            "metrics" => self.metrics(step),
            op => Err(format!("unknown step {op}")),
        }
    }

    /// Brings it into a state by what an operator can do, or by waiting.
    fn force(&mut self, state: &str) -> Result<(), String> {
        let bench = &mut self.bench;
        let forced = match state {
            "OPEN" => {
                self.held.clear();
                bench.circuit.trip(bench.now, self.wait_in_open);
                "open"
            }
            "FORCED_OPEN" => {
                bench.circuit.isolate();
                "isolated"
            }
            "HALF_OPEN" => {
                bench.now += self.wait_in_open;
                "half_open"
            }
            state => return Err(format!("unknown state {state}")),
        };
        same("state", bench.state(), forced.to_owned())
    }

    fn metrics(&self, step: &Value) -> Result<(), String> {
        let snapshot = self.bench.circuit.snapshot(self.bench.now);
        let (calls, failures) = (snapshot.counts.calls, snapshot.counts.failures);
        same("calls", calls, number(&step["buffered"]))?;
        same("failures", failures, number(&step["failed"]))?;
        same("successes", calls - failures, number(&step["success"]))?;
        same("refused", snapshot.refused, step["not_permitted"].as_u64().unwrap())?;
        let rate = snapshot.ratio.map_or(-1.0, |ratio| ratio * 100.0);
        let expected = step["failure_rate"].as_f64().unwrap();
        if (rate - expected).abs() < 0.001 {
            Ok(())
        } else {
            Err(format!("failure rate {rate}, not {expected}"))
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}: {got:?}, not {expected:?}")) }
}
