//! What is only so of connectors.

use simulator::{Effect, Fault, RouteKind};
use testkit::handmade;
use testkit::handmade::connector::Connector;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::deployment::{Action, Offer, Outcome, Refusal};
use vehicle_connector::digest::Digest;
use vehicle_connector::plugin::{PluginKind, embedded};
use vehicle_connector::wire::outcome::{Reason, State};

use super::swap_connector;

/// Longer than a call may, though each pause is short.
const SLEEPS: &str = "(loop $again (drop (call $clock.sleep (i32.const 1000))) (br $again)) unreachable";

#[tokio::test(flavor = "multi_thread")]
async fn another_connector_cannot_take_over_somebody_elses_sessions() {
    let home = RealHome::start().await;
    let (resolve, world) = handmade::world("vehicle-connector");
    // One that traps is refused before anybody looks at its name.
    swap_connector(&home, handmade::trapping(&resolve, world)).await.unwrap_err();
    let policy = swap_connector(&home, embedded::POLICY.to_vec()).await.unwrap_err();
    assert!(policy.to_string().contains("vehicle:connector/connector"), "{policy}");
    // The same program under another name, whose length must stay what it is.
    let mut renamed = embedded::HYUNDAI_KIA.to_vec();
    let at = renamed.windows(14).position(|window| window == b"hyundai-kia-eu").unwrap();
    renamed[at..at + 14].copy_from_slice(b"hyundai-kib-eu");
    match swap_connector(&home, renamed).await {
        Err(Refusal::Activation(error)) => assert!(error.to_string().contains("sessions belong"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_takes_a_refusal_for_a_success_is_refused_with_the_case() {
    let home = RealHome::start().await;
    // It lists a car without asking the cloud.
    let connector = Connector::default().component();
    let refused = swap_connector(&home, connector.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("a token that is refused (HTTP 401) is reported as a success"), "{refused}");
    let offer = Offer::new(connector, "test").without_trial();
    home.host.deployments().swap(PluginKind::Connector, None, &offer).await.unwrap();
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_connector_that_traps_is_gone_after_three_commands_and_each_has_one_end() {
    let home = RealHome::configured(simulator::Config::default(), |config| {
        config.limits.connector.pause = std::time::Duration::from_millis(200);
    })
    .await;
    home.settle().await;
    let before = home.host.deployments().list(PluginKind::Connector).await.unwrap()[0].active.digest;
    for (what, lock) in [
        ("traps", "unreachable"),
        ("never ends", "(loop $again (br $again)) unreachable"),
        ("sleeps", SLEEPS),
    ] {
        let connector = Connector { lock, ..Connector::default() }.component();
        let digest = Digest::of(&connector);
        let offer = Offer::new(connector, "test").without_trial();
        home.host.deployments().swap(PluginKind::Connector, None, &offer).await.unwrap();
        for _ in 0..3 {
            let report = home.command(LEGACY.0, "lock", "").await;
            assert_eq!((report.state, report.attempts), (State::Failed, 1), "{what}: {report:?}");
            assert_eq!(home.finals(LEGACY.0, &report.id).len(), 1, "{what}");
        }
        let mut changes = home.host.deployments().changes();
        let slot = loop {
            let slot = home.host.deployments().list(PluginKind::Connector).await.unwrap().remove(0);
            if slot.bad.iter().any(|bad| bad.digest == digest) {
                break slot;
            }
            changes.changed().await.unwrap();
        };
        assert_eq!(slot.active.digest, before, "{what}");
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(report.state, State::Succeeded, "{what}: {report:?}");
    }
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, simulator::ActionKind::Lock), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_comes_back_from_a_restart_through_its_trial() {
    let mut home = RealHome::start().await;
    // Let in without its trial, which it would not pass.
    let offer = Offer::new(Connector::default().component(), "test").without_trial();
    home.host.deployments().swap(PluginKind::Connector, None, &offer).await.unwrap();
    home.restart_configured(|_| {}).await.unwrap();
    let slot = home.host.deployments().list(PluginKind::Connector).await.unwrap().remove(0);
    assert_eq!(slot.active.digest, Digest::of(embedded::HYUNDAI_KIA));
    let records = home.host.deployments().history(PluginKind::Connector, None, 9).await.unwrap();
    let last = records.last().unwrap();
    assert_eq!((last.action, last.result), (Action::Start, Outcome::Refused), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_the_vendor_refuses_is_tried_again_when_another_connector_is_active() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().expire_access_token();
    home.clock.advance(60);
    let gate = r#"{"errCode":"9036","errMsg":"Invalid signature"}"#;
    home.control().inject(Fault::new(RouteKind::Token, Effect::answer(401, gate)).times(1));
    for _ in 0..2 {
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.reason, Some(Reason::ClientRefused), "{report:?}");
    }
    assert_eq!(home.control().counters().grants_asked, 1, "nothing is sent until then");
    swap_connector(&home, handmade::variant(embedded::HYUNDAI_KIA, 1)).await.unwrap();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}
