//! The token endpoint is down for two minutes.

use super::*;

/// How the token endpoint is down.
#[derive(Debug, Clone, Copy)]
enum Down {
    Unavailable,
    Unreachable,
    Hanging,
}

const OUTAGE: Duration = seconds(120);

async fn begin(home: &VirtualHome, down: Down) {
    match down {
        Down::Unavailable => {
            home.control.inject(Fault::new(RouteKind::Token, Effect::unavailable()).forever())
        }
        Down::Unreachable => home.network.set_outage(Outage::Tokens),
        Down::Hanging => home.control.inject(Fault::new(RouteKind::Token, Effect::Hold).forever()),
    }
}

fn end(home: &VirtualHome) {
    home.control.restore();
    home.network.set_outage(Outage::Nothing);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_still_good_is_used_while_no_new_one_can_be_had() {
    for down in [Down::Unavailable, Down::Unreachable, Down::Hanging] {
        let home = VirtualHome::start().await;
        home.advance(seconds(3_600 - 250)).await;
        begin(&home, down).await;
        let load = home.reads(TEN_A_SECOND, OUTAGE).await;
        let calls = home.token_calls().len() - 1;
        assert_eq!(load.failed(), Vec::<&_>::new(), "{down:?}");
        assert!((1..=12).contains(&calls), "{down:?}: {calls} calls");
        assert!(load.longest() < seconds(1), "{down:?}: {:?}", load.longest());
        assert_eq!(home.counters().grants, 0);
        end(&home);
        let load = home.reads(TEN_A_SECOND, seconds(60)).await;
        assert_eq!(load.failed(), Vec::<&_>::new(), "{down:?}");
        // What hung arrives late and is answered to nobody, so there may be more than the one that is needed.
        let grants = home.counters().grants;
        let most = if matches!(down, Down::Hanging) { 5 } else { 1 };
        assert!((1..=most).contains(&grants), "{down:?}: refreshed before its end: {grants}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_makes_nobody_wait_for_a_refusal() {
    let home = VirtualHome::start().await;
    home.advance(seconds(3_590)).await;
    begin(&home, Down::Unavailable).await;
    let load = home.reads(TEN_A_SECOND, OUTAGE).await;
    let calls = home.token_calls().len() - 1;
    assert!((1..=12).contains(&calls), "{calls} calls");
    // For the next refresh, if it is due within the minute that a read has.
    assert!(load.longest() <= seconds(61), "{:?}", load.longest());
    assert!(!load.failed().is_empty(), "there is no token");
    end(&home);
    let load = home.reads(TEN_A_SECOND, seconds(60)).await;
    let failed = load.failed().len();
    assert!(failed <= 300, "recovered within 30 s, not after {failed} failures");
    assert_eq!(home.counters().grants, 1);
    assert_eq!(load.reports.iter().rev().take(300).filter(|it| it.state == State::Succeeded).count(), 300);
}

#[tokio::test(start_paused = true)]
async fn what_never_left_uses_up_no_quota() {
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(20));
    })
    .await;
    assert_eq!(home.read().await.state, State::Succeeded);
    let left = home.retained("account/home/state")["requests_left"].clone();
    home.network.set_outage(Outage::Everything);
    for _ in 0..30 {
        let report = home.read().await;
        assert_ne!(report.state, State::Succeeded, "{report:?}");
        assert_ne!(report.reason, Some(Reason::Quota), "{report:?}");
        home.advance(seconds(120)).await;
    }
    home.network.set_outage(Outage::Nothing);
    home.advance(seconds(120)).await;
    assert_eq!(home.read().await.state, State::Succeeded);
    let needed =
        left.as_u64().unwrap() - home.retained("account/home/state")["requests_left"].as_u64().unwrap();
    assert!(needed <= 4, "a read, and a session if it has ended meanwhile: {needed}");
}
