//! Connectors that let others wait, in virtual time.

use std::time::Duration;

use testkit::handmade::connector::Connector;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use super::in_virtual_time;

/// The longest that a lock may take.
const LIFE: Duration = Duration::from_secs(60);

async fn locked(home: &VirtualHome) -> (Report, Duration) {
    let began = home.now();
    let report = home.command(LEGACY.0, "lock", "").await;
    (report, home.now() - began)
}

/// The next command finds the lock free, the cars can be read, and there was one end.
async fn serves_on(home: &VirtualHome, after: &Report) {
    let next = home.command(LEGACY.0, "unlock", "").await;
    assert_eq!(next.state, State::Succeeded, "{next:?}");
    for (car, _) in [LEGACY, CCS2] {
        let read = home.command(car, "refresh_cached", "").await;
        assert_eq!(read.state, State::Succeeded, "{read:?}");
    }
    assert_eq!(home.finals(LEGACY.0, &after.id).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_sleeps_without_end_is_ended() {
    for with in ["", "(drop (call $acquire `device` (i32.const 0)))"] {
        let lock =
            format!("{with} (loop $again (drop (call $clock.sleep (i32.const -1))) (br $again)) unreachable");
        let home = in_virtual_time(&Connector::that_locks(&lock)).await;
        let (report, took) = locked(&home).await;
        assert_eq!(report.state, State::Failed, "{report:?}");
        assert!(took <= LIFE, "{took:?}");
        serves_on(&home, &report).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_its_own_lock_is_told_so() {
    let lock = "
        (drop (call $acquire `device` (i32.const 0)))
        (call $assert
          (i32.eq (call $try_acquire `device` (i32.const -1)) (i32.const <error lock.lock-error.timed-out>)))
        (call $done)";
    let home = in_virtual_time(&Connector::that_locks(lock)).await;
    let (report, took) = locked(&home).await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert!(took <= Duration::from_secs(30), "{took:?}");
    serves_on(&home, &report).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_its_own_lock_again_and_again_is_ended() {
    let lock = "
        (drop (call $acquire `device` (i32.const 0)))
        (loop $again (drop (call $try_acquire `device` (i32.const -1))) (br $again))
        unreachable";
    let home = in_virtual_time(&Connector::that_locks(lock)).await;
    let (report, took) = locked(&home).await;
    assert_eq!(report.state, State::Failed, "{report:?}");
    assert!(took <= LIFE, "{took:?}");
    serves_on(&home, &report).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_done_is_asked_only_so_often() {
    // The shortest and the longest time between two questions, whatever it wants.
    for (poll_after, questions) in [("0", 100..=130), ("-1", 0..=1)] {
        let lock = format!("(call $pending `later` (i32.const {poll_after}))");
        let resume = format!("(drop (call $publish `question` `x`)) {lock}");
        let home = in_virtual_time(&Connector { resume: &resume, ..Connector::that_locks(&lock) }).await;
        let (report, took) = locked(&home).await;
        let how = (report.state, report.reason, report.attempts);
        assert_eq!(how, (State::Timeout, Some(Reason::VehicleUnreachable), 1), "{report:?}");
        assert!(!report.retryable && took == LIFE, "{took:?} {report:?}");
        let asked = home.published_on("account/home/connector/question");
        assert!(questions.contains(&asked), "{asked}");
        serves_on(&home, &report).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_command_is_never_seen_looks_only_so_often() {
    // The shortest and the longest time between two looks, whatever it wants. The host reads the car once more
    // when the command is over, as after any.
    let read = "(drop (call $publish `look` `x`)) (call $done_with `{\"locked\":false}`)";
    for (read_after, looks) in [("0", 7..=7), ("-1", 1..=2)] {
        let lock = format!("(call $accepted_once `/locked` `true` (i32.const {read_after}))");
        let home = in_virtual_time(&Connector { read, ..Connector::that_locks(&lock) }).await;
        // The host's own first look at each car is not one of these.
        home.advance(LIFE).await;
        let before = home.published_on("account/home/connector/look");
        let (report, took) = locked(&home).await;
        assert!(matches!(report.state, State::Unknown | State::Timeout), "{report:?}");
        assert!(!report.retryable && report.attempts == 1 && took <= LIFE, "{took:?} {report:?}");
        let looked = home.published_on("account/home/connector/look") - before;
        assert!(looks.contains(&looked), "{looked}");
        serves_on(&home, &report).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_at_every_question_is_not_asked_to_lock_again() {
    for resume in ["unreachable", "(call $failed `no`)", "(i32.const -16)"] {
        let lock = "(drop (call $publish `sent` `x`)) (call $pending `later` (i32.const 0))";
        let home = in_virtual_time(&Connector { resume, ..Connector::that_locks(lock) }).await;
        let (report, took) = locked(&home).await;
        assert_eq!((report.state, report.attempts), (State::Unknown, 1), "{resume}: {report:?}");
        assert!(took <= LIFE, "{took:?}");
        assert_eq!(home.published_on("account/home/connector/sent"), 1);
        serves_on(&home, &report).await;
    }
}
