//! BUD: what repeats and requests cost at most.

use std::sync::Arc;

use testkit::Home;
use testkit::paused::PausedClock;
use vehicle_connector::protect::retry_budget::{Price, RetryBudget};
use vehicle_connector::store::{MemoryStore, Store};
use vehicle_connector::wire::outcome::{Reason, State};

use super::*;

cases! {
    "BUD-01" => an_outage,
    "BUD-02" => the_stock_of_the_aws_sdks,
    "BUD-03" => a_refresh_costs_nothing,
    "BUD-04" => the_daily_quota,
}

async fn an_outage() {
    let home = VirtualHome::start().await;
    home.control.inject(unwell(RouteKind::Status).forever());
    let load = home.reads(Duration::from_millis(100), seconds(1_000)).await;
    assert_eq!((load.reports.len(), load.failed().len()), (10_000, 10_000));
    let attempts = home.counters().status;
    assert!((5..=11_036).contains(&attempts), "{attempts}");
}

/// What the table says of the quota; its delays are not ours, and where it says nothing else there is nothing to hold.
async fn the_stock_of_the_aws_sdks() {
    const WITHOUT_A_QUOTA: [&str; 3] = [
        "Long-polling max attempts exceeded must NOT delay",
        "Long-polling success must NOT delay",
        "Long-polling non-retryable errors must NOT delay",
    ];
    let Some(table) = table("aws_standard_retry_2_1.json") else { return };
    let mut left_out = Vec::new();
    for case in table["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let clock = PausedClock::start();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let budget = RetryBudget::open("home", &store, &clock).await.unwrap();
        if let Some(initial) = case["given"]["initial_retry_tokens"].as_u64() {
            while u64::from(budget.left(&clock)) > initial && budget.take(Price::Throttled, &clock) {}
            while u64::from(budget.left(&clock)) < initial {
                budget.succeeded(None, &clock);
            }
        }
        let none = Vec::new();
        let threads: Vec<_> = match case["threads"].as_array() {
            Some(threads) => threads.iter().map(|thread| thread.as_array().unwrap()).collect(),
            None => vec![case["responses"].as_array().unwrap_or(&none)],
        };
        // One thread after the other: of several, only the end is said.
        let (several, mut held) = (threads.len() > 1, 0);
        for thread in threads {
            let mut paid = None;
            for step in thread {
                let response = &step["response"];
                let price = match response["error_code"].as_str() {
                    Some("Throttling") => Price::Throttled,
                    _ => Price::Failure,
                };
                match step["expected"]["outcome"].as_str().unwrap() {
                    "retry_request" => {
                        assert!(budget.take(price, &clock), "{name}: {step}");
                        paid = Some(price);
                    }
                    "retry_quota_exceeded" => assert!(!budget.take(price, &clock), "{name}: {step}"),
                    "success" => budget.succeeded(paid.take(), &clock),
                    "max_attempts_exceeded" | "fail_request" => {}
                    other => panic!("{name}: {other}"),
                }
                if let (Some(quota), false) = (step["expected"]["retry_quota"].as_u64(), several) {
                    assert_eq!(u64::from(budget.left(&clock)), quota, "{name}: {step}");
                    held += 1;
                }
            }
        }
        if let Some(quota) = case["expected_final_quota"].as_u64() {
            assert_eq!(u64::from(budget.left(&clock)), quota, "{name}");
            held += 1;
        }
        if held == 0 {
            left_out.push(name);
        }
    }
    println!("they say nothing of a quota: {left_out:?}");
    assert_eq!(left_out, WITHOUT_A_QUOTA);
}

async fn a_refresh_costs_nothing() {
    let home = VirtualHome::start().await;
    home.decide_with(&eager()).await;
    home.control.inject(unwell(RouteKind::Status).forever());
    let mut reads = 0;
    while home.read().await.attempts > 1 {
        reads += 1;
        assert!(reads < 100, "the stock does not end");
    }
    home.control.restore();
    home.decide_with(testkit::virtual_home::own_policy()).await;
    home.control.expire_access_token();
    let report = home.read().await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
}

async fn the_daily_quota() {
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(20));
    })
    .await;
    while home.retained("account/home/state")["requests_left"] != 1 {
        assert_eq!(home.read().await.state, State::Succeeded);
    }
    home.control.reset_counters();
    home.control.inject(unwell(RouteKind::Status));
    let report = home.read().await;
    assert_eq!((report.reason, report.attempts), (Some(Reason::Quota), 1), "{report:?}");
    assert_eq!(home.counters().requests, 1);
}
