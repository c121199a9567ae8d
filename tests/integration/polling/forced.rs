//! Forced reads: the bounds that protect the 12 V battery.

use jiff::civil::time;
use vehicle_connector::config::Quiet;

use super::*;

fn an_hour_apart(config: &mut Config) {
    config.vehicles.values_mut().for_each(|vehicle| vehicle.force.min_gap = HOUR);
}

#[tokio::test(start_paused = true)]
async fn between_two_forced_reads_there_is_a_time_that_restarts_do_not_shorten() {
    let mut home = VirtualHome::with(patient_cloud(), an_hour_apart).await;
    assert_eq!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
    home.advance(30 * MINUTE).await;
    home.restart().await;
    let refused = home.command(LEGACY.0, "refresh_force", "").await;
    assert_eq!((refused.state, refused.reason), (State::Rejected, Some(Reason::Cooldown)), "{refused:?}");
    assert!(refused.message.unwrap().contains("may be again at 2027-01-15T09:0"), "it says when");
    // Who leaves it open gets what the cloud has.
    let smart = home.command(LEGACY.0, "refresh_smart", r#""max_age_s":60"#).await;
    assert_eq!(smart.state, State::Succeeded, "{smart:?}");
    assert_eq!(home.counters().forced_status, 1);
    assert_eq!(home.command(CCS2.0, "refresh_force", "").await.state, State::Succeeded, "another car");
    home.advance(31 * MINUTE).await;
    assert_eq!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_car_whose_12_v_battery_is_low_is_not_woken_up() {
    let mut home = VirtualHome::start().await;
    happens(&home, LEGACY.1, |car| car.aux_battery_percent = 41);
    home.read().await;
    home.restart().await;
    let refused = home.command(LEGACY.0, "refresh_force", "").await;
    assert_eq!(
        (refused.state, refused.reason),
        (State::Rejected, Some(Reason::AuxBatteryLow)),
        "{refused:?}"
    );
    let message = refused.message.unwrap();
    assert!(message.contains("41 %") && message.contains("force.min_aux_soc"), "{message}");
    home.advance(HOUR).await;
    home.command(LEGACY.0, "refresh_smart", r#""max_age_s":60"#).await;
    assert_eq!(home.counters().forced_status, 0);
    happens(&home, LEGACY.1, |car| car.aux_battery_percent = 80);
    home.read().await;
    assert_eq!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_car_of_which_no_12_v_battery_is_known_is_woken_up_and_that_is_told() {
    let home = VirtualHome::start().await;
    let report = home.command(LEGACY.0, "refresh_force", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert!(
        report.message.unwrap().contains("nothing is known of its 12 V battery"),
        "nothing was read before"
    );
    let report = home.command(LEGACY.0, "refresh_force", "").await;
    assert_eq!((report.state, report.message), (State::Succeeded, None));
}

#[tokio::test(start_paused = true)]
async fn a_car_is_woken_up_by_itself_only_as_its_owner_wants_it() {
    let (home, _settling) = home(|config| {
        for (slug, vehicle) in &mut config.vehicles {
            vehicle.force.every = (slug.as_str() == LEGACY.0).then_some(6 * HOUR);
        }
    })
    .await;
    home.advance(30 * HOUR).await;
    let forced = home.counters().forced_status;
    assert!((3..=5).contains(&forced), "every six hours, with the read that comes after them: {forced}");
    let of_ev6 = |entry: &simulator::LogEntry| {
        entry.path.contains(CCS2.1) && entry.route == simulator::RouteKind::ForcedStatus
    };
    assert!(!home.control.log().iter().any(of_ev6), "nobody wants it of this car");
    let reports = home.messages().into_iter().filter(|message| message.topic.contains("/action/"));
    assert_eq!(reports.count(), 0);
    // Its bounds hold for that too.
    happens(&home, LEGACY.1, |car| car.aux_battery_percent = 30);
    home.advance(30 * HOUR).await;
    assert_eq!(home.counters().forced_status, forced);
}

/// A car in a garage without reception: its cloud has nothing newer, however often it is woken up.
#[tokio::test(start_paused = true)]
async fn a_car_that_does_not_answer_is_woken_up_as_rarely_as_its_owner_wants_it() {
    let (mut home, settling) = home(|config| {
        for (slug, vehicle) in &mut config.vehicles {
            vehicle.force.every = (slug.as_str() == CCS2.0).then_some(48 * HOUR);
        }
    })
    .await;
    assert!(home.control.set_reachable(CCS2.1, false));
    home.advance(51 * HOUR).await;
    assert_eq!(home.counters().forced_status, 1, "once it is 48 hours old");
    settling.abort();
    home.restart().await;
    let _settling = settle_in(&home);
    home.advance(44 * HOUR).await;
    assert_eq!(home.counters().forced_status, 1, "a restart forgets nothing");
    home.advance(7 * HOUR).await;
    assert_eq!(home.counters().forced_status, 2);
}

#[tokio::test(start_paused = true)]
async fn what_never_left_this_machine_has_woken_nobody_up() {
    let (home, _settling) = home(|config| {
        config.vehicles.values_mut().for_each(|vehicle| vehicle.force.every = Some(48 * HOUR));
    })
    .await;
    home.advance(44 * HOUR).await;
    home.network.set_outage(Outage::Everything);
    assert_ne!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
    home.network.set_outage(Outage::Nothing);
    home.advance(7 * HOUR).await;
    assert_eq!(home.counters().forced_status, 2, "both cars, once");
}

/// An automation reads the cars more often than the host would, so the host never does.
#[tokio::test(start_paused = true)]
async fn reads_of_an_automation_keep_no_car_from_being_woken_up() {
    let (home, _settling) = home(|config| {
        let quiet = Quiet { from: time(22, 0, 0, 0), until: time(7, 0, 0, 0) };
        let quiet = Poll { quiet: Some(quiet), ..Poll::default() };
        for (slug, vehicle) in &mut config.vehicles {
            vehicle.force.every = (slug.as_str() == LEGACY.0).then_some(6 * HOUR);
            vehicle.poll = Some(quiet);
        }
    })
    .await;
    let press_until = async |until: u32| {
        while home.now() < until * HOUR {
            home.read().await;
            home.advance(20 * MINUTE).await;
        }
        home.counters().forced_status
    };
    // The home begins at 08:00.
    assert_eq!(press_until(5).await, 0);
    assert_eq!(press_until(7).await, 1, "after the first read that brings nothing newer");
    assert_eq!(press_until(13).await, 2);
    assert_eq!(press_until(22).await, 2, "nobody is woken up in quiet hours");
    assert_eq!(press_until(24).await, 3);
}
