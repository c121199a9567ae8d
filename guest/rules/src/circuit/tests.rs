#![allow(clippy::unwrap_used, reason = "a test may fail")]

use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Settings: five in a row for a minute, one probe for half a minute.
fn five() -> Settings {
    Settings::default()
}

/// Settings: half of at least four calls within ten seconds, nothing else.
fn half() -> Settings {
    five().consecutive_failures(0).failure_ratio(0.5, 4, at(10))
}

fn admit(circuit: &mut Circuit, now: Duration, purpose: Purpose) -> Permit {
    circuit.admit(now, purpose).unwrap().0
}

fn refusal(circuit: &mut Circuit, now: Duration, purpose: Purpose) -> Refused {
    circuit.admit(now, purpose).unwrap_err()
}

/// Makes one call: `S` went well, `F` failed.
fn call(circuit: &mut Circuit, now: Duration, outcome: char, settings: Settings) -> Option<Transition> {
    let permit = admit(circuit, now, Purpose::Read);
    match outcome {
        'S' => circuit.succeeded(permit, now, settings),
        _ => circuit.failed(permit, now, settings),
    }
}

/// Makes calls one after the other, of which only the last may change the state. Returns the last one's
/// transition.
fn calls(circuit: &mut Circuit, now: Duration, outcomes: &str, settings: Settings) -> Option<Transition> {
    let mut transition = None;
    for outcome in outcomes.chars() {
        assert_eq!(transition, None, "before the last of {outcomes}");
        transition = call(circuit, now, outcome, settings);
    }
    transition
}

/// A circuit opened at 0 by `five`, until 60.
fn opened() -> Circuit {
    let mut circuit = Circuit::default();
    calls(&mut circuit, at(0), "FFFFF", five()).unwrap();
    circuit
}

#[test]
fn opens_after_so_many_failures_in_a_row_and_not_before() {
    let mut circuit = Circuit::default();
    for _ in 0..100 {
        assert_eq!(calls(&mut circuit, at(0), "FFFFS", five()), None);
    }
    assert!(circuit.is_closed());
    let cause = Cause::InARow(5);
    assert_eq!(
        calls(&mut circuit, at(0), "FFFFF", five()),
        Some(Transition::Opened { open_for: at(60), cause })
    );
    let refused = Refused { retry_in: Some(at(1)), probe_wanted: false };
    assert_eq!(refusal(&mut circuit, at(59), Purpose::Read), refused);
}

#[test]
fn a_rule_that_is_off_opens_nothing() {
    let off = five().consecutive_failures(0);
    let mut circuit = Circuit::default();
    assert_eq!(calls(&mut circuit, at(0), &"F".repeat(200), off), None);
    assert!(circuit.is_closed());
}

#[test]
fn opens_when_enough_calls_failed_by_a_share() {
    let mut circuit = Circuit::default();
    assert_eq!(calls(&mut circuit, at(0), "FFS", half()), None, "too few calls to tell");
    let opened = call(&mut circuit, at(0), 'S', half());
    let cause = Cause::Share(Counts { calls: 4, failures: 2 });
    assert_eq!(
        opened,
        Some(Transition::Opened { open_for: at(60), cause }),
        "a success can make the window tell"
    );

    let mut circuit = Circuit::default();
    assert_eq!(calls(&mut circuit, at(0), "FSSSSSFS", half()), None, "a quarter is less than half");
    assert!(circuit.is_closed());
}

#[test]
fn one_of_ten_calls_is_a_tenth() {
    let tenth = half().failure_ratio(0.1, 10, at(10));
    assert!(calls(&mut Circuit::default(), at(0), "SSSSSSSSSF", tenth).is_some());
    assert_eq!(calls(&mut Circuit::default(), at(0), "SSSSSSSSSSF", tenth), None);
}

#[test]
fn what_is_older_than_the_window_is_forgotten_piece_by_piece() {
    let mut circuit = Circuit::default();
    let measured = |circuit: &Circuit, seconds| circuit.snapshot(at(seconds)).counts;
    call(&mut circuit, at(0), 'F', half());
    call(&mut circuit, at(3), 'F', half());
    call(&mut circuit, at(6), 'S', half());
    assert_eq!(measured(&circuit, 9), Counts { calls: 3, failures: 2 });
    assert_eq!(measured(&circuit, 10), Counts { calls: 2, failures: 1 });
    assert_eq!(measured(&circuit, 13), Counts { calls: 1, failures: 0 });
    assert_eq!(call(&mut circuit, at(13), 'F', half()), None);
    assert_eq!(call(&mut circuit, at(13), 'F', half()), None);
    assert_eq!(measured(&circuit, 15), Counts { calls: 3, failures: 2 });
    assert!(call(&mut circuit, at(15), 'F', half()).is_some(), "three of the four that are left");
}

#[test]
fn a_swap_of_settings_keeps_what_was_measured() {
    let mut circuit = Circuit::default();
    assert_eq!(calls(&mut circuit, at(0), "FFFF", five().consecutive_failures(0)), None);
    assert!(call(&mut circuit, at(1), 'F', five()).is_some(), "four were counted before");

    let mut circuit = Circuit::default();
    assert_eq!(calls(&mut circuit, at(0), "SSSSSFFFF", half()), None);
    let third = half().failure_ratio(0.33, 4, at(100));
    assert!(call(&mut circuit, at(50), 'F', third).is_some(), "a longer window sees what a shorter one left");

    let mut circuit = opened();
    let longer = five().open_for(at(3_600)).probes(2, at(30));
    let probe = admit(&mut circuit, at(60), Purpose::Read);
    assert_eq!(circuit.succeeded(probe, at(60), longer), None, "the new settings want a second probe");
    let probe = admit(&mut circuit, at(60), Purpose::Read);
    assert_eq!(circuit.succeeded(probe, at(60), longer), Some(Transition::Closed));
}

#[test]
fn probes_decide_together_by_the_share_that_failed() {
    let four = half().probes(4, at(30));
    for (outcomes, closes) in [("FSSS", true), ("SFSF", false), ("FFSS", false)] {
        let mut circuit = Circuit::default();
        calls(&mut circuit, at(0), "FFFF", four).unwrap();
        let transition = calls(&mut circuit, at(60), outcomes, four);
        assert_eq!(transition == Some(Transition::Closed), closes, "{outcomes}: {transition:?}");
        assert_eq!(circuit.is_closed(), closes, "{outcomes}");
    }
}

#[test]
fn without_a_share_one_failed_probe_is_enough() {
    let four = five().probes(4, at(30));
    let mut circuit = Circuit::default();
    calls(&mut circuit, at(0), "FFFFF", four).unwrap();
    let cause = Cause::Probes(Counts { calls: 4, failures: 1 });
    let opened = Transition::Opened { open_for: at(60), cause };
    assert_eq!(calls(&mut circuit, at(60), "SSFS", four), Some(opened));
    assert_eq!(calls(&mut circuit, at(120), "SSSS", four), Some(Transition::Closed));
}

#[test]
fn there_are_no_more_probes_than_results_to_come() {
    let three = five().probes(3, at(30));
    let mut circuit = Circuit::default();
    calls(&mut circuit, at(0), "FFFFF", three).unwrap();
    let first = admit(&mut circuit, at(60), Purpose::Read);
    let _second = admit(&mut circuit, at(61), Purpose::Read);
    let _third = admit(&mut circuit, at(62), Purpose::Read);
    let full = Refused { retry_in: Some(at(27)), probe_wanted: false };
    assert_eq!(refusal(&mut circuit, at(63), Purpose::Read), full);
    assert_eq!(circuit.succeeded(first, at(63), three), None);
    assert_eq!(refusal(&mut circuit, at(63), Purpose::Read).retry_in, Some(at(28)), "one result is in");
}

#[test]
fn a_result_after_its_lease_counts_for_nothing() {
    let mut circuit = opened();
    let late = admit(&mut circuit, at(60), Purpose::Read);
    assert_eq!(circuit.succeeded(late, at(90), five()), None);
    let probe = admit(&mut circuit, at(90), Purpose::Read);
    assert_eq!(circuit.failed(late, at(91), five()), None);
    assert_eq!(circuit.succeeded(probe, at(119), five()), Some(Transition::Closed));
}

#[test]
fn each_change_is_told_once() {
    let mut circuit = opened();
    let (first, half_opened) = circuit.admit(at(60), Purpose::Read).unwrap();
    assert_eq!(half_opened, Some(Transition::HalfOpened));
    circuit.abandoned(first);
    let (second, again) = circuit.admit(at(60), Purpose::Read).unwrap();
    assert_eq!(again, None);
    assert!(circuit.failed(second, at(60), five()).is_some());
    assert_eq!(circuit.failed(second, at(60), five()), None);
    assert_eq!(circuit.isolate(), Some(Transition::Isolated));
    assert_eq!(circuit.isolate(), None);
    assert_eq!(circuit.close(), Some(Transition::Closed));
    assert_eq!(circuit.close(), None);
}

#[test]
fn closing_by_hand_forgets_what_was_measured_and_what_is_under_way() {
    let mut circuit = Circuit::default();
    calls(&mut circuit, at(0), "FFFF", five());
    let under_way = admit(&mut circuit, at(0), Purpose::Act);
    assert_eq!(circuit.close(), None);
    assert_eq!(circuit.failed(under_way, at(0), five()), None);
    assert_eq!(calls(&mut circuit, at(0), "FFFF", five()), None);

    let mut circuit = opened();
    assert_eq!(circuit.close(), Some(Transition::Closed));
    assert_eq!(circuit.snapshot(at(0)).counts, Counts::default());
    let _admitted = admit(&mut circuit, at(0), Purpose::Act);
}

#[test]
fn tripped_it_is_open_for_as_long_as_the_operator_wants() {
    let mut circuit = Circuit::default();
    let cause = Cause::Operator;
    assert_eq!(circuit.trip(at(0), at(7_200)), Some(Transition::Opened { open_for: at(7_200), cause }));
    assert_eq!(refusal(&mut circuit, at(7_199), Purpose::Read).retry_in, Some(at(1)));
    assert_eq!(circuit.trip(at(7_199), at(60)), None, "it was open already");
    assert_eq!(refusal(&mut circuit, at(7_200), Purpose::Read).retry_in, Some(at(59)));
    assert_eq!(call(&mut circuit, at(7_259), 'S', five()), Some(Transition::Closed));

    circuit.isolate();
    assert_eq!(circuit.trip(at(0), at(0)), None);
    assert!(circuit.is_isolated());
}

#[test]
fn an_end_beyond_all_time_is_the_end_of_time() {
    let mut circuit = Circuit::default();
    circuit.trip(Duration::MAX - at(5), at(60));
    assert_eq!(circuit.snapshot(at(0)).until, Some(Duration::MAX));
    let mut circuit = Circuit::default();
    calls(&mut circuit, Duration::MAX - at(5), "FFFFF", five()).unwrap();
    assert_eq!(refusal(&mut circuit, Duration::MAX - at(5), Purpose::Act).retry_in, Some(at(5)));
}

#[test]
fn tells_displays_how_it_is() {
    let json = |circuit: &Circuit, seconds| serde_json::to_value(circuit.snapshot(at(seconds))).unwrap();
    let mut circuit = Circuit::default();
    calls(&mut circuit, at(0), "SSFS", half());
    let closed = serde_json::json!(
        { "state": "closed", "calls": 4, "failures": 1, "ratio": 0.25, "refused": 0 });
    assert_eq!(json(&circuit, 0), closed);
    calls(&mut circuit, at(0), "FF", half()).unwrap();
    refusal(&mut circuit, at(1), Purpose::Read);
    refusal(&mut circuit, at(2), Purpose::Act);
    let open = serde_json::json!(
        { "state": "open", "calls": 6, "failures": 3, "ratio": 0.5, "refused": 2 });
    assert_eq!(json(&circuit, 2), open);
    assert_eq!(circuit.snapshot(at(2)).until, Some(at(60)));
    assert_eq!(circuit.snapshot(at(60)).state, StateName::HalfOpen);
    let _probe = admit(&mut circuit, at(60), Purpose::Read);
    let half_open = serde_json::json!(
        { "state": "half_open", "calls": 0, "failures": 0, "ratio": null, "refused": 0 });
    assert_eq!(json(&circuit, 60), half_open);
    circuit.isolate();
    assert_eq!(json(&circuit, 60)["state"], "isolated");
}

#[test]
fn settings_are_within_bounds_however_they_are_made() {
    for ratio in [f32::NAN, -1.0, f32::NEG_INFINITY, 0.0] {
        let off = five().consecutive_failures(0).failure_ratio(ratio, 0, at(0));
        assert_eq!(calls(&mut Circuit::default(), at(0), &"F".repeat(50), off), None, "{ratio}");
    }
    let all = five().consecutive_failures(0).failure_ratio(50.0, 0, at(0));
    assert!(call(&mut Circuit::default(), at(0), 'F', all).is_some(), "more than all is all");

    let zero = five().open_for(at(0)).probes(0, at(0));
    assert_eq!(zero, five().open_for(at(1)).probes(1, at(1)));
    let endless = five().open_for(Duration::MAX).probes(u32::MAX, Duration::MAX);
    assert_eq!(endless, five().open_for(at(3_600)).probes(32, at(60)));
    let window = |length| five().failure_ratio(0.5, 1, length);
    assert_eq!(window(at(0)), window(at(1)));
    assert_eq!(window(Duration::MAX), window(at(3_600)));
}

#[test]
fn brk_02_a_probe_that_was_cancelled_does_not_keep_it_half_open() {
    let mut circuit = opened();
    for _ in 0..10 {
        let cancelled = admit(&mut circuit, at(60), Purpose::Read);
        circuit.abandoned(cancelled);
    }
    // The last probe is lost: its cancellation is never reported.
    let _lost = admit(&mut circuit, at(60), Purpose::Read);
    let full = Refused { retry_in: Some(at(10)), probe_wanted: false };
    assert_eq!(refusal(&mut circuit, at(80), Purpose::Read), full);
    assert_eq!(call(&mut circuit, at(90), 'S', five()), Some(Transition::Closed), "open for 60, lease of 30");
}

#[test]
fn a_refusal_that_makes_sense_is_what_a_probe_was_to_find_out() {
    let mut circuit = opened();
    let probe = admit(&mut circuit, at(60), Purpose::Read);
    assert_eq!(circuit.answered(probe, at(60), five()), Some(Transition::Closed));
    // Refusals neither make up for a failure in a closed circuit nor count as one.
    for outcome in "FFFF".chars() {
        assert_eq!(call(&mut circuit, at(61), outcome, five()), None);
        let answered = admit(&mut circuit, at(61), Purpose::Act);
        assert_eq!(circuit.answered(answered, at(61), five()), None);
    }
    assert!(call(&mut circuit, at(61), 'F', five()).is_some());
}

#[test]
fn brk_03_half_open_it_admits_reads_and_no_command() {
    let mut circuit = opened();
    let wanted = Refused { retry_in: Some(at(1)), probe_wanted: true };
    assert_eq!(refusal(&mut circuit, at(60), Purpose::Act), wanted, "nobody has looked yet");
    let probe = admit(&mut circuit, at(60), Purpose::Read);
    let full = Refused { retry_in: Some(at(30)), probe_wanted: false };
    assert_eq!(refusal(&mut circuit, at(60), Purpose::Act), full);
    circuit.abandoned(probe);
    assert_eq!(refusal(&mut circuit, at(60), Purpose::Act), wanted);
    call(&mut circuit, at(60), 'S', five());
    let _admitted = admit(&mut circuit, at(60), Purpose::Act);
}

#[test]
fn brk_04_late_results_do_not_extend_what_is_open_nor_close_it() {
    let mut circuit = Circuit::default();
    let late: Vec<Permit> = (0..25).map(|_| admit(&mut circuit, at(0), Purpose::Act)).collect();
    let (opening, late) = late.split_at(5);
    for permit in opening {
        circuit.failed(*permit, at(30), five());
    }
    let before = circuit.snapshot(at(30));
    assert_eq!(before.until, Some(at(90)));
    for permit in late {
        assert_eq!(circuit.failed(*permit, at(40), five()), None);
        assert_eq!(circuit.succeeded(*permit, at(40), five()), None);
    }
    assert_eq!(circuit.snapshot(at(40)), before);
    assert_eq!(refusal(&mut circuit, at(40), Purpose::Read).retry_in, Some(at(50)));
}

#[test]
fn brk_08_isolated_it_stays_until_an_operator_closes_it() {
    let mut circuit = Circuit::default();
    let under_way = admit(&mut circuit, at(0), Purpose::Read);
    assert_eq!(circuit.isolate(), Some(Transition::Isolated));
    let refused = Refused { retry_in: None, probe_wanted: false };
    for seconds in [0, 60, 86_400, 365 * 86_400] {
        for purpose in [Purpose::Read, Purpose::Act] {
            assert_eq!(refusal(&mut circuit, at(seconds), purpose), refused);
        }
        assert_eq!(circuit.succeeded(under_way, at(seconds), five()), None);
        assert!(circuit.is_isolated());
    }
    assert_eq!(circuit.snapshot(at(86_400)).refused, 8);
    assert_eq!(circuit.close(), Some(Transition::Closed));
    let _admitted = admit(&mut circuit, at(86_400), Purpose::Act);
}
