//! Days: what they cost, and where they end.

use jiff::Timestamp;
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
        let quiet = Some(Quiet { from: time(22, 0, 0, 0), until: time(7, 0, 0, 0) });
        config.vehicles.values_mut().for_each(|vehicle| vehicle.poll.as_mut().unwrap().quiet = quiet);
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
    // The first read after the start is nobody's polling.
    let reads = home.documents("vehicle/niro/polling").into_iter().filter_map(|plan| {
        let at: Timestamp = plan["last_read_at"].as_str()?.parse().unwrap();
        Some(at).filter(|at| at.duration_since(midnight).as_mins() > 5)
    });
    let hours: Vec<i8> = reads.map(|at| at.to_zoned(zone.clone()).hour()).collect();
    assert!(hours.contains(&7) && hours.iter().all(|hour| (7..22).contains(hour)), "{hours:?}");
    assert_eq!(plan(&home, LEGACY.0)["mode"], "quiet");
}
