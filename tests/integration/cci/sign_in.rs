//! From a password to a locked car.

use simulator::{ActionKind, Config as Cloud, Effect, Fault, RouteKind};
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::State;

use super::{asked, home, set, unset};

#[tokio::test(flavor = "multi_thread")]
async fn a_password_leads_to_a_locked_car() {
    for cloud in [Cloud::default(), Cloud { authorize_redirects: false, ..Cloud::default() }] {
        let home = home(cloud, |_| {}).await;
        let counters = home.control().counters();
        assert_eq!(asked(&counters), [1, 1, 1, 0], "one sign-in, and the set is exchanged once");
        assert_eq!((counters.gate_refusals, counters.unsigned, counters.grants_asked), (0, 0, 0));
        for (car, id) in [LEGACY, CCS2] {
            let report = home.command(car, "lock", "").await;
            assert_eq!(report.state, State::Succeeded, "{report:?}");
            assert_eq!(home.control().counters().actuations_of(id, ActionKind::Lock), 1);
        }
        assert_eq!(asked(&home.control().counters()), [1, 1, 1, 0]);
        let account = home.account_is("ok").await;
        assert_eq!(account["logins_today"], 1, "{account}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_host() {
    let mut home = home(Cloud::default(), |_| {}).await;
    let signs_in = testkit::password::signs_in(&Cloud::default());
    home.restart_configured(signs_in).await.unwrap();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(asked(&home.control().counters()), [1, 1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_cannot_be_registered_keeps_nobody_out() {
    let mut cloud = Cloud::default();
    // A made-up device is one that the vehicle service does not know.
    cloud.strict.device = false;
    // Without keys nothing is sent, so the cloud can be told first.
    let mut home = home(cloud.clone(), |config| unset(config, "gate-keys")).await;
    home.control().inject(Fault::new(RouteKind::Register, Effect::answer(503, "unavailable")));
    home.restart_configured(testkit::password::signs_in(&cloud)).await.unwrap();
    home.host.find_vehicles().await;
    let counters = home.control().counters();
    assert_eq!(asked(&counters), [1, 1, 1, 0], "{counters:?}");
    assert_eq!((counters.registrations, counters.faults), (1, 1), "{counters:?}");
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_goes_first_and_the_password_takes_over_when_it_is_dead() {
    let token = Cloud::default().refresh_token;
    let home = home(Cloud::default(), |config| set(config, "refresh-token", &token)).await;
    let counters = home.control().counters();
    assert_eq!((counters.grants, asked(&counters)), (1, [0, 0, 0, 0]));

    home.control().refuse_grants(true);
    home.control().expire_access_token();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let counters = home.control().counters();
    assert_eq!(
        (counters.refused_grants, asked(&counters)),
        (1, [1, 1, 1, 0]),
        "the dead token is not tried again"
    );
    home.account_is("ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_set_is_kept_in_one_cell() {
    let home = home(Cloud::default(), |_| {}).await;
    let stored = home.environment.store.load(Kind::Cell, "home/session").await.unwrap().unwrap();
    let cell: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    let text = cell.to_string();
    for name in [
        "cci-access-token",
        "cci-refresh-token",
        "exchangeable-token",
        "exchangeable-refresh-token",
        "non-ccs-token",
        "non-ccs-refresh-token",
        "id-token",
        "access-token",
    ] {
        assert!(text.contains(&format!("\"{name}\"")), "{name}");
    }
    let value: serde_json::Value = serde_json::from_str(cell["value"].as_str().unwrap()).unwrap();
    let device = value["device"].as_str().unwrap();
    let log = home.control().log();
    let asked_as = |entry: &simulator::LogEntry| {
        entry.headers.iter().find(|(name, _)| name == "client-device-id").map(|(_, device)| device.clone())
    };
    assert!(log.iter().filter_map(asked_as).all(|asked_as| asked_as == device), "and its device with it");
    assert!(
        text.contains(r#"\"family\":\"cci\""#) && text.contains(r#"\"route\":\"signed\""#),
        "{}",
        cell["value"]
    );
}
