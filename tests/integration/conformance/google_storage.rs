//! What Google's storage clients are tested with, for operations of ours.
//!
//! A read is always idempotent; a charging current is an absolute value, which is what a precondition makes of a
//! write; an unlock is neither. An instruction is a fault of the cloud for one attempt.

use testkit::{CCS2, Home};

use super::*;

/// An operation: its topic, its fields, and where the cloud takes it.
type Doing = (&'static str, &'static str, RouteKind);

const READ: Doing = ("refresh_cached", "", RouteKind::Status);
const SET: Doing = ("charging_current", r#""level":2"#, RouteKind::Command);
const UNLOCK: Doing = ("unlock", "", RouteKind::Command);

/// Where ours is meant to be another number: the operation, the instructions, the attempts, and why.
const DEVIATIONS: &[(&str, &str, u64, &str)] = &[
    ("refresh_cached", "return-401", 2, "a 401 is an expired token here: refreshed once, repeated once"),
    ("charging_current", "return-401", 2, "the same; nothing was done before the refusal"),
    ("unlock", "return-401", 2, "the same: a refusal of the token comes before execution"),
    ("refresh_cached", "return-reset-connection return-401", 3, "the same after a repeat"),
];

/// Cases that nothing of ours is like, by class, and why.
const LEFT_OUT: &[(&str, &str, usize)] = &[
    ("resumable_upload", "no request of ours has parts that can be resumed", 4),
    ("download", "an answer of ours is small and read whole; one that breaks off is a reset connection", 2),
];

fn doings(class: &str) -> &'static [Doing] {
    match class {
        "always_idempotent" => &[READ],
        "conditionally_idempotent+precondition" => &[SET],
        "conditionally_idempotent_without_precondition" | "non_idempotent" => &[UNLOCK],
        "any" => &[READ, SET, UNLOCK],
        other => panic!("a class that nobody knows: {other}"),
    }
}

fn effect(instruction: &str) -> Effect {
    match instruction {
        "return-503" => Effect::unavailable(),
        "return-reset-connection" => Effect::Drop,
        "return-400" => Effect::answer(400, r#"{"error":"Bad Request"}"#),
        "return-401" => Effect::answer(401, EXPIRED),
        other => panic!("an instruction that nobody knows: {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_are_those_of_the_table_or_deviate_for_a_reason() {
    let Some(table) = table("gcs_retry_conformance.json") else { return };
    let (mut wrong, mut used, mut left_out) =
        (Vec::new(), BTreeSet::<&(&str, &str, u64, &str)>::new(), Vec::new());
    for case in table["cases"].as_array().unwrap() {
        let class = case["class"].as_str().unwrap();
        if LEFT_OUT.iter().any(|(left_out, ..)| *left_out == class) {
            left_out.push(class);
            continue;
        }
        let instructions = case["instructions"].as_array().unwrap();
        let instructions: Vec<&str> = instructions.iter().map(|it| it.as_str().unwrap()).collect();
        for (operation, fields, route) in doings(class) {
            let home = VirtualHome::start().await;
            // The permission that the PIN gives is there, so that the command itself meets the fault.
            home.command(CCS2.0, "lock", "").await;
            home.advance(seconds(5)).await;
            for instruction in &instructions {
                home.control.inject(Fault::new(*route, effect(instruction)));
            }
            let report = home.command(CCS2.0, operation, fields).await;
            let script = instructions.join(" ");
            let deviation = DEVIATIONS.iter().find(|(of, when, ..)| of == operation && *when == script);
            let table_says = case["expect_attempts"].as_u64().unwrap();
            let expected = deviation.map_or(table_says, |(_, _, attempts, _)| *attempts);
            used.extend(deviation);
            if u64::from(report.attempts) != expected {
                wrong.push(format!("{} {operation} {script}: {expected}, not {report:?}", case["id"]));
            }
            let succeeded = report.state == vehicle_connector::wire::outcome::State::Succeeded;
            let expected = deviation.is_some() || case["expectSuccess"].as_bool().unwrap();
            if succeeded != expected {
                wrong
                    .push(format!("{} {operation} {script}: success {expected}, not {report:?}", case["id"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(used.len(), DEVIATIONS.len(), "each deviation is one: {used:?}");
    for (class, why, count) in LEFT_OUT {
        println!("left out, {count} of {class}: {why}");
        assert_eq!(left_out.iter().filter(|it| *it == class).count(), *count, "{class}");
    }
}
