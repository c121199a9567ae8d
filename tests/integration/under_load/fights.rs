//! Something else keeps ending the account's sessions.

use testkit::Home;
use testkit::virtual_home::Load;

use super::*;

/// Ends the session every so often for so long, while cars are read.
async fn kicked(home: &VirtualHome, kick_every: Duration, time: Duration, read_every: Duration) -> Load {
    let kicks = async {
        loop {
            home.advance(kick_every).await;
            home.control.expire_access_token();
        }
    };
    tokio::select! {
        load = home.reads(read_every, time) => load,
        () = kicks => unreachable!(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_ended_every_five_seconds_for_a_minute_fails_nothing() {
    let home = VirtualHome::start().await;
    let load = kicked(&home, seconds(5), seconds(60), TEN_A_SECOND).await;
    assert_eq!((load.reports.len(), load.failed()), (600, vec![]));
    let refreshes = home.counters().grants_asked;
    assert!((11..=12).contains(&refreshes), "one for each: {refreshes}");
    assert!(home.events("session_fight").is_empty());
}

/// A phone that ends the session all the time: refreshes for a while, then one a minute (FC-59).
#[tokio::test(start_paused = true)]
async fn a_fight_slows_refreshes_down_and_is_told_once() {
    const HOURS: u64 = 3;
    let home = VirtualHome::start().await;
    for fight in 1..=2 {
        let began = home.now();
        let load = kicked(&home, seconds(40), seconds(HOURS * 3_600), seconds(5)).await;
        let calls = home.token_calls();
        let within = |from: u64, to: u64| {
            let within = began + seconds(from)..began + seconds(to);
            calls.iter().filter(|at| within.contains(*at)).count()
        };
        // Each kick takes one from a stock of 20, and a minute gives one back.
        let fast = within(0, 2_400);
        assert!((58..=60).contains(&fast), "every kick while there is a stock: {fast}");
        let slow = within(3_600, HOURS * 3_600);
        assert!((116..=122).contains(&slow), "one a minute, not one and a half: {slow}");
        assert_eq!(home.account()["state"], "session_fight");
        assert_eq!(home.events("session_fight").len(), fight, "one event for each fight");
        let failed = load.failed();
        assert!(failed.iter().all(|report| report.reason == Some(Reason::Cooldown)), "{:?}", failed.first());
        assert!(failed.len() * 2 < load.reports.len(), "{} of {}", failed.len(), load.reports.len());

        let load = home.reads(seconds(5), seconds(30 * 60)).await;
        assert!(load.failed().len() <= 12, "it recovers within a minute: {}", load.failed().len());
        assert_eq!(home.account()["state"], "ok");
    }
}
