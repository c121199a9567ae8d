//! What only a connector has limits of: pauses, locks, messages, and lines of the log.

use std::sync::Arc;
use std::time::Duration;

use testkit::Recording;
use testkit::handmade::alone::Alone;
use testkit::handmade::connector::{Connector, times};
use testkit::log::Log;
use tokio::time::Instant;
use vehicle_connector::plugin::question::ListVehicles;
use vehicle_connector::sandbox::{Budget, CallFault};

/// A connector that does this when it is asked for its vehicles, and then has none.
fn component(it_does: &str) -> Vec<u8> {
    let list = format!("{it_does} (call $vehicles (i32.const 0) (i32.const 0))");
    Connector { list: &list, ..Connector::default() }.component()
}

struct Asked {
    answer: Result<(), CallFault>,
    published: Arc<Recording>,
}

/// Asks a connector for its vehicles. The cell `device` is locked by somebody else if that is wanted.
async fn ask(budget: Budget, it_does: &str, locked: bool) -> Asked {
    let alone = Alone::open(budget, &component(it_does)).await;
    let held = if locked { Some(alone.lock("device").await) } else { None };
    let called = alone.ask(&ListVehicles).await;
    drop(held);
    Asked { answer: called.answer.map(|listed| assert!(listed.is_ok())), published: alone.published }
}

const SLEEP: &str = "(drop (call $clock.sleep (i32.const 1000)))";
const LOG: &str = "(call $log `hello`)";
const ACQUIRE: &str = "(drop (call $try_acquire `device` (i32.const 25000)))";
const PUBLISH: &str = "(drop (call $publish `hello` `hello`))";

#[tokio::test(start_paused = true)]
async fn a_guest_that_sleeps_again_and_again_is_ended() {
    let began = Instant::now();
    let budget = Budget { pause: Duration::from_secs(3), ..Budget::CONNECTOR };
    ask(budget, &times(3, SLEEP), false).await.answer.unwrap();
    assert_eq!(began.elapsed().as_secs(), 3);
    let began = Instant::now();
    let fault = ask(budget, &times(1_000, SLEEP), false).await.answer.unwrap_err();
    assert_eq!((fault.kind(), fault), ("pause", CallFault::PausedTooLong(budget.pause)));
    assert_eq!(began.elapsed().as_secs(), 3, "not a moment longer than it may");
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_waits_for_a_lock_again_and_again_is_ended() {
    let began = Instant::now();
    let budget = Budget::CONNECTOR;
    // The third wait would be the one that is too long.
    ask(budget, &times(2, ACQUIRE), true).await.answer.unwrap();
    let fault = ask(budget, &times(1_000, ACQUIRE), true).await.answer.unwrap_err();
    assert_eq!((fault.kind(), fault), ("lock-wait", CallFault::WaitedForLocksTooLong(budget.lock_wait)));
    assert_eq!(began.elapsed().as_secs(), 50 + 60);
    // Whoever does not wait is only told that the lock is somebody else's.
    let impatient = ACQUIRE.replace("25000", "0");
    let none = Budget { lock_wait: Duration::ZERO, ..budget };
    ask(none, &times(100, &impatient), true).await.answer.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_beyond_the_limit_are_not_taken() {
    let budget = Budget { messages: 3, ..Budget::CONNECTOR };
    // The last answer is "other": with words that the guest may read, and go on.
    let goes_on = "(call $assert (i32.eq
        (call $publish `hello` `hello`) (i32.const <error mqtt.publish-error.other>)))";
    let asked = ask(budget, &format!("{} {goes_on}", times(10, PUBLISH)), false).await;
    asked.answer.unwrap();
    let topics: Vec<_> = asked.published.messages().into_iter().map(|message| message.topic).collect();
    assert_eq!(topics, ["b/hello"; 3]);
}

#[tokio::test]
async fn lines_beyond_the_limit_are_counted_and_dropped() {
    let log = Log::default();
    let _guard = log.of_this_thread();
    ask(Budget::CONNECTOR, &times(1_000, LOG), false).await.answer.unwrap();
    assert_eq!(log.with("hello").len(), 64);
    let closing = log.with("dropped=936");
    assert_eq!(closing.len(), 1, "{}", log.text());
    assert!(closing[0].contains("account=\"home\"") && closing[0].contains("op-1"), "{closing:?}");
}

#[tokio::test]
async fn a_million_lines_cost_no_more_than_the_processor_time_of_the_call() {
    let log = Log::default();
    let _guard = log.of_this_thread();
    // The time that the host spends on lines is the call's own: one that logs for ever is out of it.
    let budget = Budget { cpu: Duration::from_millis(50), ..Budget::CONNECTOR };
    let fault = ask(budget, &format!("(loop $again {LOG} (br $again))"), false).await.answer.unwrap_err();
    assert_eq!(fault, CallFault::OutOfTime(budget.cpu));
    assert_eq!(log.with("hello").len(), 64);
    assert_eq!(log.with("dropped=").len(), 1, "{}", log.text());
}
