//! Rendering of a host's answers, from JSON to what people read.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn shown<T: DeserializeOwned>(answer: Value, show: impl FnOnce(&T) -> String) -> String {
    show(&serde_json::from_value(answer).unwrap())
}

fn slot() -> Value {
    json!({
        "slot": "policy", "kind": "policy", "state": "probation", "name": "default", "version": "0.4.0",
        "digest": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "generation": 7,
        "since": "2026-11-24T23:50:58.123456Z", "by": "control (uid 1000)", "faults": 1, "answers": 17,
        "pinned": null, "previous": [], "rollout": null, "bad": [],
    })
}

fn tried_out() -> Value {
    json!({
        "mode": "canary", "name": "next", "version": "0.5.0", "digest": "fedcba9876543210ffff", "share": 25,
        "accounts": ["main", "second"], "promote_after": 50, "agreed": 12, "approved": 2, "disagreed": 3,
        "faults": 0, "since": "2026-11-24T23:00:00Z",
    })
}

#[test]
fn a_slot_takes_one_line() {
    let expected = "\
SLOT    STATE      NAME     VERSION  GENERATION  DIGEST        SINCE                 BY                  ANSWERS  FAULTS
policy  probation  default  0.4.0    7           0123456789ab  2026-11-24T23:50:58Z  control (uid 1000)  17       1
";
    assert_eq!(shown(json!([slot()]), slots), expected);
}

#[test]
fn what_there_is_to_say_of_a_slot_besides_is_below_it() {
    let mut slot = slot();
    slot["pinned"] = json!("0123456789abcdef");
    slot["previous"] = json!([
        {"generation": 1, "name": "default", "version": "0.3.0", "digest": "aaaaaaaaaaaaaaaa", "since": "2026-11-01T00:00:00Z"},
        {"generation": 5, "name": "default", "version": "0.3.9", "digest": "bbbbbbbbbbbbbbbb", "since": "2026-11-02T00:00:00Z"},
    ]);
    slot["rollout"] = tried_out();
    slot["bad"] = json!([{"digest": "cccccccccccccccc", "reason": "3 faults: it trapped", "at": "2026-11-03T00:00:00Z"}]);
    let text = shown(json!([slot]), slots);
    let below: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(
        below,
        [
            "",
            "policy",
            "  pinned to 0123456789abcdef",
            "  canary: next 0.5.0 (fedcba987654) for 25 % of the accounts (main, second), since \
             2026-11-24T23:00:00Z: 12 agreed, 3 disagreed, 2 approved, 0 faults; promoted after 50 that agree or \
             are approved",
            "  before: generation 5, default 0.3.9 (bbbbbbbbbbbb), since 2026-11-02T00:00:00Z",
            "  before: generation 1, default 0.3.0 (aaaaaaaaaaaa), since 2026-11-01T00:00:00Z",
            "  bad: cccccccccccc, since 2026-11-03T00:00:00Z: 3 faults: it trapped",
        ]
    );
}

#[test]
fn the_active_one_is_shown_with_its_whole_digest() {
    let text = shown(json!([slot()]), actives);
    assert!(text.contains(&format!("digest      {}\n", slot()["digest"].as_str().unwrap())), "{text}");
    assert!(text.contains("pinned to   nothing\n"), "{text}");
}

#[test]
fn a_swap_names_both_and_how_long_it_took() {
    let answer = json!({
        "slot": "policy", "name": "next", "version": "0.5.0", "digest": "fedcba9876543210ffff", "generation": 8,
        "before": {"slot": "policy", "name": "default", "version": "0.4.0", "digest": "0123456789abcdef", "generation": 7},
        "took_ms": 31,
    });
    let expected = "policy: next 0.5.0 (fedcba987654), generation 8, in 31 ms\n\
                    before: default 0.4.0 (0123456789ab), generation 7\n";
    assert_eq!(shown(answer, swapped), expected);
}

#[test]
fn a_verified_component_is_named() {
    let answer = json!({"slot": "policy", "name": "next", "version": "0.5.0", "digest": "fedcba9876543210ffff", "size": 20480});
    assert_eq!(shown(answer, verified), "policy: next 0.5.0 (fedcba987654), 20480 bytes, would be taken\n");
}

#[test]
fn the_history_shows_whole_reasons() {
    let long = "the trial failed: ".to_owned() + &"case ".repeat(60) + "end";
    let answer = json!([
        {"seq": 1, "at": "2026-11-24T23:00:00Z", "slot": "policy", "action": "start", "by": "configuration",
         "digest": "0123456789abcdef", "name": "default", "version": "0.4.0", "result": "ok", "reason": null},
        {"seq": 2, "at": "2026-11-24T23:00:09Z", "slot": "policy", "action": "swap", "by": "control (uid 0)",
         "digest": null, "name": null, "version": null, "result": "refused", "reason": long},
    ]);
    let text = shown(answer, history);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[1],
        "1    2026-11-24T23:00:00Z  policy  start   ok       default  0.4.0    0123456789ab  configuration    -"
    );
    assert!(
        lines[2].ends_with(&format!("-        -        -             control (uid 0)  -     {long}")),
        "{}",
        lines[2]
    );
    assert_eq!(shown(json!([]), history), "nothing has been tried\n");
}

#[test]
fn a_disagreement_shows_both_judgements() {
    let answer = json!({"rollout": tried_out(), "disagreements": [{
        "seq": 5, "at": "2026-11-24T23:00:00Z", "account": "main", "operation": "lock",
        "summary": "http 401 \"\u{1b}[2Jexpired\"",
        "active": {"kind": "token-expired", "rule": "http.401", "decision": "refresh-and-retry"},
        "candidate": {"kind": null, "rule": null, "decision": "give-up"},
        "approved": true,
    }]});
    let text = shown(answer, diff);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("canary: next 0.5.0"), "{text}");
    assert_eq!(
        lines[1..],
        [
            "",
            "#5  2026-11-24T23:00:00Z main lock: http 401 \"\\u{1b}[2Jexpired\", approved",
            "    active     token-expired (http.401): refresh-and-retry",
            "    candidate  give-up",
        ]
    );
}

#[test]
fn no_rollout_and_no_disagreement_are_said() {
    assert!(shown(json!({"rollout": null, "disagreements": []}), diff).contains("policy shadow FILE"));
    let text = shown(json!({"rollout": tried_out(), "disagreements": []}), diff);
    assert!(text.ends_with("no disagreement so far\n"), "{text}");
}

#[test]
fn circuits_as_a_host_describes_them() {
    let status = crate::protect::circuit::Circuits::default();
    status.ensure("account main");
    let clock = crate::time::SystemClock::start();
    let answer = serde_json::to_value(status.statuses(&clock)).unwrap();
    let expected = "\
CIRCUIT       STATE   CALLS  FAILURES  REFUSED  UNTIL
account main  closed  0      0         0
";
    assert_eq!(shown(answer, circuits), expected);
}
