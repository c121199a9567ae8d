//! Hyundai and Kia accounts outside Europe: the real connector against the simulated clouds of Australia and New
//! Zealand, where the account service signs accounts in itself.

use std::time::Duration;

use simulator::{Brand, Config as Cloud, Region, SignInOutcome};
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome, region};
use vehicle_connector::config::Config;
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::outcome::State;

const HOUR: Duration = Duration::from_secs(3_600);

/// Where this vendor is known to be.
const CLOUDS: [(Region, Brand); 4] = [
    (Region::Au, Brand::Genesis),
    (Region::Au, Brand::Hyundai),
    (Region::Au, Brand::Kia),
    (Region::Nz, Brand::Kia),
];

/// A cloud that does not mind how late it is at home.
fn patient(region: Region, brand: Brand) -> Cloud {
    let mut cloud = Cloud::of(region, brand);
    cloud.strict.stamp_tolerance = testkit::patient_cloud().strict.stamp_tolerance;
    cloud
}

/// A home that has looked for its cars, with what that has cost.
async fn home(cloud: Cloud, change: impl FnOnce(&mut Config)) -> RealHome {
    let signs_in = region::signs_in(&cloud);
    let home = RealHome::configured(cloud, |config| {
        signs_in(config);
        for vehicle in config.vehicles.values_mut() {
            vehicle.allow.extend(OperationName::COMMANDABLE);
        }
        change(config);
    })
    .await;
    home.host.find_vehicles().await;
    home
}

/// A home in virtual time that is signed in; what that has cost is not counted.
async fn signed_in() -> VirtualHome {
    let cloud = Cloud::of(Region::Au, Brand::Kia);
    let signs_in = region::signs_in(&cloud);
    VirtualHome::with(cloud, signs_in).await
}

/// Asks for a read every hour of a day.
async fn a_day(home: &RealHome) {
    for _ in 0..24 {
        home.clock.advance(3_600);
        home.host.find_vehicles().await;
        home.command(LEGACY.0, "refresh_cached", "").await;
    }
}

/// What the cloud has refused, and why.
fn refused(home: &impl Home) -> Vec<String> {
    let noted = home.control().log().into_iter().filter_map(|entry| Some((entry.note?, entry.path)));
    noted.map(|(note, path)| format!("{path}: {note}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_every_region_and_brand_signs_in_as_the_vendors_app_does() {
    for (region, brand) in CLOUDS {
        let home = home(Cloud::of(region, brand), |_| {}).await;
        let counters = home.control().counters();
        let once =
            (counters.registrations, counters.sign_ins_asked, counters.sign_ins, counters.code_exchanges);
        assert_eq!(once, (1, 1, 1, 1), "{region} {brand}");
        for car in [LEGACY.0, CCS2.0] {
            let report = home.command(car, "lock", "").await;
            assert_eq!(report.state, State::Succeeded, "{region} {brand} {car}: {report:?}");
        }
        assert_eq!(refused(&home), Vec::<String>::new(), "{region} {brand}");
        assert_eq!(home.account()["state"], "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cars_are_read_and_commanded_as_by_the_vendors_app() {
    let home = home(Cloud::of(Region::Au, Brand::Kia), |_| {}).await;
    for car in [LEGACY.0, CCS2.0] {
        for (operation, fields) in [
            ("refresh_force", ""),
            ("unlock", ""),
            ("climate", r#""action":"start","set_temp":21.5"#),
            ("charge_port", r#""action":"open""#),
            ("refresh_cached", ""),
        ] {
            let report = home.command(car, operation, fields).await;
            assert_eq!(report.state, State::Succeeded, "{car} {operation}: {report:?}");
        }
    }
    assert_eq!(refused(&home), Vec::<String>::new());
    let state = home.retained(&format!("vehicle/{}/state", LEGACY.0));
    assert_eq!((&state["locked"], &state["charge_port_open"]), (&false.into(), &true.into()), "{state}");
    assert_eq!(state["soc_percent"], 63.0, "{state}");
    assert_eq!(state["odometer_km"], 15_234.5, "{state}");
    assert_eq!(state["target_temperature_c"], 21.5, "{state}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_every_six_hours_is_refreshed_once_each_and_nobody_signs_in() {
    let home = signed_in().await;
    let load = home.reads(Duration::from_secs(600), 24 * HOUR).await;
    assert!(load.failed().is_empty(), "{:?}", load.failed().first());
    let counters = home.counters();
    // After 6, 12 and 18 hours.
    assert_eq!((counters.grants_asked, counters.grants, counters.sign_ins_asked), (3, 3, 0), "{counters:?}");
    assert_eq!((counters.refused_tokens, counters.registrations), (0, 0), "{counters:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_ended_early_is_refreshed_once_for_all_who_find_out() {
    let home = signed_in().await;
    home.advance(HOUR).await;
    home.control.expire_access_token();
    let (one, other) = tokio::join!(home.read(), home.command(CCS2.0, "lock", ""));
    assert_eq!((one.state, other.state), (State::Succeeded, State::Succeeded), "{one:?} {other:?}");
    let counters = home.counters();
    assert_eq!((counters.grants_asked, counters.grants, counters.sign_ins_asked), (1, 1, 0), "{counters:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_is_dead_costs_one_sign_in() {
    let home = signed_in().await;
    home.advance(HOUR).await;
    home.control.set_refresh_token("another");
    home.control.expire_access_token();
    let report = home.read().await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let load = home.reads(Duration::from_secs(600), 12 * HOUR).await;
    assert!(load.failed().is_empty(), "{:?}", load.failed().first());
    let counters = home.counters();
    assert_eq!(
        (counters.refused_grants, counters.sign_ins_asked, counters.sign_ins),
        (1, 1, 1),
        "{counters:?}"
    );
    assert_eq!(home.account()["logins_today"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_sent_once_and_told_with_the_services_words() {
    let wrong = |config: &mut Config| {
        for account in config.accounts.values_mut() {
            account.secrets.insert("password".to_owned(), "a wrong one".to_owned().into());
        }
    };
    let home = home(patient(Region::Au, Brand::Kia), wrong).await;
    let said = home.account_is("auth_required").await.to_string();
    assert!(said.contains("Invalid values") && said.contains("vendor's app"), "{said}");
    a_day(&home).await;
    assert_eq!(home.control().counters().sign_ins_asked, 1);
    assert!(!home.account().to_string().contains("a wrong one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_a_sign_in_has_its_state_and_costs_one_password() {
    for (outcome, state, words) in [
        (SignInOutcome::Refused, "auth_required", "Invalid values"),
        (SignInOutcome::Consent, "consent_required", "terms"),
        (SignInOutcome::BlockedPage, "locked_out", "blocks this program"),
    ] {
        let home = home(patient(Region::Nz, Brand::Kia), |_| {}).await;
        home.control().set_refresh_token("another");
        home.control().expire_access_token();
        home.control().set_sign_in_outcome(outcome);
        home.control().reset_counters();
        home.command(LEGACY.0, "refresh_cached", "").await;
        let said = home.account_is(state).await.to_string();
        assert!(said.contains(words), "{outcome:?}: {said}");
        assert_eq!(home.control().counters().sign_ins_asked, 1, "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_keeps_the_password_here_and_latches_nothing() {
    let cloud = Cloud::of(Region::Au, Brand::Kia);
    let signs_in = region::signs_in(&cloud);
    let home = RealHome::configured(cloud, signs_in).await;
    home.control().set_clock_ahead(7_200);
    home.host.find_vehicles().await;
    let counters = home.control().counters();
    assert!(counters.registrations > 0 && counters.sign_ins_asked == 0, "{counters:?}");
    assert_ne!(home.account()["state"], "auth_required", "{}", home.account());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_goes_to_the_sign_in_and_nowhere_else() {
    let home = home(Cloud::of(Region::Au, Brand::Kia), |_| {}).await;
    let with_password = |path: &str| path == "/api/v1/user/signin";
    let sent: Vec<_> =
        home.control().log().into_iter().filter(|entry| entry.body["password"].is_string()).collect();
    assert!(sent.len() == 1 && sent.iter().all(|entry| with_password(&entry.path)));
    for secret in home.control().secrets() {
        let told =
            home.messages().iter().any(|message| String::from_utf8_lossy(&message.payload).contains(&secret));
        assert!(!told, "a secret was published");
    }
}
