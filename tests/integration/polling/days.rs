//! Days: what they cost, and where they end.

use jiff::civil::time;
use jiff::tz::TimeZone;
use vehicle_connector::config::Quiet;

use super::*;

/// Lets a day pass in which both cars charge at night and one is driven for 40 minutes, in steps of five minutes.
async fn live_for_a_day(home: &VirtualHome) {
    for step in 0..288_u32 {
        match step {
            // 17:00: the first of two ways.
            108..112 | 116..120 => happens(home, CCS2.1, |car| {
                car.odometer_km += 4.0;
                car.longitude += 0.05;
                car.battery_percent -= 1;
            }),
            // From 22:00 until 05:00.
            168..252 => {
                for (_, car) in [LEGACY, CCS2] {
                    happens(home, car, |car| {
                        (car.plugged_in, car.charging) = (true, true);
                        car.battery_percent =
                            car.battery_percent.saturating_add(u8::from(step % 4 == 0)).min(100);
                    });
                }
            }
            252 => {
                for (_, car) in [LEGACY, CCS2] {
                    happens(home, car, |car| car.charging = false);
                }
            }
            _ => {}
        }
        home.advance(5 * MINUTE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_of_two_cars_costs_about_a_hundred_requests_and_wakes_nobody() {
    let (home, _settling) = home(|config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(200));
    })
    .await;
    home.control.reset_counters();
    live_for_a_day(&home).await;
    let counters = home.counters();
    println!(
        "two cars, 24 hours: {} requests, {} of them cached reads, {} of them forced ones",
        counters.requests, counters.status, counters.forced_status
    );
    assert_eq!((counters.forced_status, counters.commands), (0, 0));
    assert!((40..=160).contains(&counters.requests), "{counters:?}");
    assert_eq!(told(&home, LEGACY.0), ["charge_started", "charge_ended"]);
    assert_eq!(told(&home, CCS2.0), ["charge_started", "charge_ended"]);
    let modes: Vec<Value> =
        home.documents("vehicle/ev6/polling").into_iter().map(|plan| plan["mode"].clone()).collect();
    for mode in ["parked", "charging", "driving"] {
        assert!(modes.iter().any(|seen| seen == mode), "{mode}: {modes:?}");
    }
    assert_eq!(home.retained("vehicle/ev6/state")["charging"], false);
}

#[tokio::test(start_paused = true)]
async fn a_small_budget_is_spread_over_the_day_and_leaves_something_for_commands() {
    let (home, _settling) = home(|config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(40));
    })
    .await;
    // Until midnight: the day began at 08:00.
    live_for_a_day(&home).await;
    let quotas = home.documents("account/home/quota");
    let spent = quotas.iter().map(|quota| quota["used"].as_u64().unwrap()).max().unwrap();
    assert!(spent <= 34, "eight of 40 are kept, and a token may come on top: {spent}");
    assert!(home.counters().status > 20, "but it is read: {:?}", home.counters());
    let quota = home.retained("account/home/quota");
    assert_eq!(
        (&quota["limit"], &quota["resets_at"]),
        (&40.into(), &"2027-01-17T00:00:00Z".into()),
        "{quota}"
    );
    assert!(quota["by_op"]["refresh_cached"].is_u64(), "{quota}");
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_car_that_stands_for_days_stays_cheap() {
    let (home, _settling) = home(|_| {}).await;
    home.advance(12 * HOUR).await;
    home.control.reset_counters();
    home.advance(24 * HOUR).await;
    let counters = home.counters();
    println!("two parked cars, 24 hours: {} requests, {} of them reads", counters.requests, counters.status);
    assert!((16..=32).contains(&counters.status), "{counters:?}");
}

fn quiet_at_night(config: &mut Config) {
    let quiet = Some(Quiet { from: time(22, 0, 0, 0), until: time(7, 0, 0, 0) });
    config.vehicles.values_mut().for_each(|vehicle| vehicle.poll.as_mut().unwrap().quiet = quiet);
}

#[tokio::test(start_paused = true)]
async fn a_start_in_quiet_hours_reads_nothing_of_which_something_is_known() {
    for is_well in [true, false] {
        let (mut home, settling) = home(quiet_at_night).await;
        // From 08:00 to 01:00.
        home.advance(15 * HOUR).await;
        settling.abort();
        home.host.stop().await;
        home.advance(2 * HOUR).await;
        if !is_well {
            home.control.inject(Fault::new(RouteKind::Status, Effect::unavailable()).forever());
        }
        home.host = home.another_host().await;
        home.host.announce("5");
        let _settling = settle_in(&home);
        let before = home.counters().status;
        home.advance(HOUR).await;
        assert_eq!(home.counters().status, before, "{is_well}");
        assert_eq!(home.retained("vehicle/niro/state")["meta"]["stale"], true, "nobody has looked");
        let planned = plan(&home, LEGACY.0);
        assert_eq!(planned["mode"], "quiet", "{planned}");
        assert!(planned["next_read_at"].as_str().unwrap().starts_with("2027-01-16T07:0"), "{planned}");
        home.control.restore();
        // Who commands something wants to see it.
        assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
        home.advance(MINUTE).await;
        assert_eq!(home.counters().status, before + 1);
        home.advance(5 * HOUR + 14 * MINUTE).await;
        assert_eq!(home.counters().status, before + 3);
        assert_eq!(home.retained("vehicle/ev6/state")["meta"]["stale"], false);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_spends_nothing_that_is_spread_over_the_day() {
    let (mut home, settling) = home(|config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(40));
    })
    .await;
    let before = home.counters().status;
    // Longer than half an hour; but two cars have about an hour from one read to the next.
    home.advance(45 * MINUTE).await;
    settling.abort();
    home.restart().await;
    home.host.announce("5");
    let _settling = settle_in(&home);
    home.advance(5 * MINUTE).await;
    assert_eq!(home.counters().status, before);
    assert_eq!(home.retained("vehicle/niro/state")["meta"]["stale"], false, "it was read when it was due");
}

/// Requests for the list so far.
fn lists(home: &VirtualHome) -> u64 {
    home.counters().of(RouteKind::Vehicles)
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_commands_is_not_spent_at_a_start() {
    let (mut home, settling) = home(|config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(60));
    })
    .await;
    let left = |home: &VirtualHome| home.retained("account/home/quota")["remaining"].as_u64().unwrap();
    while left(&home) > 12 {
        assert_eq!(home.read().await.state, State::Succeeded);
    }
    settling.abort();
    home.host.stop().await;
    home.control.inject(Fault::new(RouteKind::Vehicles, Effect::unavailable()).forever());
    let (listed, read) = (lists(&home), home.counters().status);
    home.advance(4 * HOUR).await;
    home.host = home.another_host().await;
    home.host.announce("5");
    let _settling = settle_in(&home);
    home.advance(HOUR).await;
    let at_first = lists(&home) - listed;
    assert!((1..=4).contains(&at_first), "one look at the list: {at_first}");
    home.control.restore();
    // Until midnight.
    home.advance(10 * HOUR + 50 * MINUTE).await;
    assert_eq!((lists(&home) - listed, home.counters().status), (at_first, read));
    assert!(left(&home) >= 4, "the rest is there for commands");
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
    home.advance(HOUR).await;
    assert!(home.counters().status > read + 1, "another day has other requests");
}

#[tokio::test(start_paused = true)]
async fn a_car_of_which_something_is_known_waits_for_a_day_with_more_requests() {
    let (mut home, settling) = home(|config| {
        config.accounts.values_mut().for_each(|account| account.quota_per_day = Some(40));
        config.vehicles.values_mut().for_each(|vehicle| vehicle.force.every = Some(HOUR));
    })
    .await;
    while home.retained("account/home/quota")["remaining"].as_u64().unwrap() > 8 {
        assert_eq!(home.read().await.state, State::Succeeded);
    }
    settling.abort();
    home.host.stop().await;
    home.advance(4 * HOUR).await;
    let before = home.counters().status;
    home.host = home.another_host().await;
    home.host.announce("5");
    let settling = settle_in(&home);
    home.advance(6 * HOUR).await;
    assert_eq!(home.counters().status, before, "neither a first read nor one that wakes a car up");
    let planned = plan(&home, CCS2.0);
    assert_eq!(
        (&planned["mode"], &planned["next_read_at"]),
        (&"waiting".into(), &"2027-01-16T00:00:00Z".into())
    );
    settling.abort();
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_asked_for_ever_more_rarely_while_no_car_is_missing() {
    let (home, _settling) = home(|_| {}).await;
    home.control.inject(Fault::new(RouteKind::Vehicles, Effect::unavailable()).forever());
    home.advance(23 * HOUR).await;
    let before = lists(&home);
    home.advance(48 * HOUR).await;
    let asked = lists(&home) - before;
    assert!((4..=60).contains(&asked), "{asked}");
    assert!(!home.messages().iter().any(|message| message.payload == b"offline"));
}

/// Seconds from the beginning of these tests, 2027-01-15 08:00 UTC, to the last midnight in Berlin before clocks are set
/// forward.
const TO_SPRING: i64 = 71 * 86_400 + 15 * 3_600;

#[tokio::test(start_paused = true)]
async fn a_day_of_23_hours_ends_at_midnight_and_has_quiet_hours() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let home = VirtualHome::with(patient_cloud(), |config| {
        polling(config);
        config.accounts.values_mut().for_each(|account| {
            account.quota_per_day = Some(200);
            account.time_zone = zone.clone();
        });
        quiet_at_night(config);
    })
    .await;
    home.calendar.step(TO_SPRING);
    let midnight: Timestamp = "2027-03-27T23:00:00Z".parse().unwrap();
    assert!(home.calendar.now().duration_since(midnight).abs().as_mins() < 1);
    home.host.announce("5");
    let _settling = settle_in(&home);
    home.advance(22 * HOUR + 50 * MINUTE).await;
    let before = home.retained("account/home/quota");
    assert_eq!(before["resets_at"], "2027-03-28T22:00:00Z", "{before}");
    assert!(before["used"].as_u64().unwrap() > 8, "{before}");
    home.advance(20 * MINUTE).await;
    let after = home.retained("account/home/quota");
    assert_eq!((&after["used"], &after["resets_at"]), (&0.into(), &"2027-03-29T22:00:00Z".into()), "{after}");
    // Nothing was known at the start, so it was read.
    let reads = home.documents("vehicle/niro/polling").into_iter().filter_map(|plan| {
        let at: Timestamp = plan["last_read_at"].as_str()?.parse().unwrap();
        Some(at).filter(|at| at.duration_since(midnight).as_mins() > 5)
    });
    let hours: Vec<i8> = reads.map(|at| at.to_zoned(zone.clone()).hour()).collect();
    assert!(hours.contains(&7) && hours.iter().all(|hour| (7..22).contains(hour)), "{hours:?}");
    assert_eq!(plan(&home, LEGACY.0)["mode"], "quiet");
}
