//! BRK: when circuits open, and what they let through.

use testkit::{CCS2, Home};
use vehicle_connector::protect::circuit::{Circuit, Purpose, Settings};
use vehicle_connector::wire::outcome::{Reason, State};

use super::*;

cases! {
    "BRK-01" => five_failures_in_a_row,
    "BRK-02" => probes_that_never_come_back,
    "BRK-03" => a_command_is_no_probe,
    "BRK-04" => late_failures,
    "BRK-05" => answers_that_make_sense,
    "BRK-06" => one_car_that_is_out_of_reach,
    "BRK-07" => a_swap_while_open,
    "BRK-08" => held_open_by_an_operator,
    "BRK-09" => expired_tokens,
}

/// A home whose cloud answers no read, and whose circuit is open because of that.
async fn open() -> VirtualHome {
    let home = VirtualHome::start().await;
    home.control.inject(unwell(RouteKind::Status).forever());
    while home.circuit(CLOUD)["state"] == "closed" {
        home.read().await;
    }
    assert_eq!(home.circuit(CLOUD)["state"], "open");
    home
}

async fn five_failures_in_a_row() {
    let home = open().await;
    assert_eq!(home.counters().status, 5);
    let requests = home.counters().requests;
    assert_eq!(home.read().await.reason, Some(Reason::BreakerOpen));
    assert_eq!(home.counters().requests, requests);
    for _ in 0..3 {
        home.advance(seconds(60)).await;
        home.read().await;
        assert_eq!(home.circuit(CLOUD)["state"], "open");
    }
    assert_eq!(home.events("breaker_opened").len(), 1, "an outage is told once, however often probes fail");
    home.control.restore();
    home.advance(seconds(60)).await;
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.circuit(CLOUD)["state"], "closed");
    assert_eq!(home.events("breaker_closed").len(), 1);
}

async fn probes_that_never_come_back() {
    let (open_for, lease) = (seconds(60), seconds(60));
    let settings = Settings::default().consecutive_failures(1).open_for(open_for).probes(1, lease);
    let mut circuit = Circuit::new(settings);
    let (permit, _) = circuit.admit(Duration::ZERO, Purpose::Read).unwrap();
    circuit.failed(permit, Duration::ZERO, settings).unwrap();
    let mut now = open_for;
    for _ in 0..10 {
        let _lost = circuit.admit(now, Purpose::Read).unwrap();
        assert!(circuit.admit(now, Purpose::Read).is_err(), "one place");
        now += lease;
    }
    let (probe, _) = circuit.admit(now, Purpose::Read).unwrap();
    circuit.succeeded(probe, now, settings);
    assert!(circuit.is_closed());
    // One that is dropped gives its place back at once.
    let (permit, _) = circuit.admit(now, Purpose::Read).unwrap();
    circuit.failed(permit, now, settings).unwrap();
    for _ in 0..10 {
        let (probe, _) = circuit.admit(now + open_for, Purpose::Read).unwrap();
        circuit.abandoned(probe);
    }
    let (probe, _) = circuit.admit(now + open_for, Purpose::Read).unwrap();
    circuit.succeeded(probe, now + open_for, settings);
    assert!(circuit.is_closed());
}

async fn a_command_is_no_probe() {
    let home = open().await;
    home.advance(seconds(60)).await;
    let reads = home.counters().status;
    let report = home.command(LEGACY.0, "unlock", "").await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::BreakerOpen)), "{report:?}");
    assert!(report.retryable);
    assert_eq!((home.counters().commands, home.counters().status), (0, reads + 1), "a read was the probe");
    home.control.restore();
    home.advance(seconds(60)).await;
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.command(LEGACY.0, "unlock", "").await.state, State::Succeeded);
}

async fn late_failures() {
    let home = VirtualHome::start().await;
    home.control.inject(Fault::new(RouteKind::Status, Effect::Hold).times(11));
    home.control.inject(unwell(RouteKind::Status).forever());
    let mut late = Vec::new();
    for car in [LEGACY.0; 8].into_iter().chain([CCS2.0; 3]) {
        late.push((car, home.begin(car, "refresh_cached", "").await));
    }
    home.advance(seconds(1)).await;
    assert_eq!(home.counters().held, 11);
    while home.circuit(CLOUD)["state"] == "closed" {
        home.command(CCS2.0, "refresh_cached", "").await;
    }
    let until = home.circuit(CLOUD)["until"].clone();
    assert!(until.is_string());
    home.advance(seconds(2)).await;
    assert_eq!(home.counters().held, 11, "they are late");
    home.control.release();
    for (car, id) in late {
        assert_ne!(home.ended(car, &id).await.state, State::Succeeded);
    }
    assert_eq!(home.circuit(CLOUD)["until"], until);
}

async fn answers_that_make_sense() {
    let home = VirtualHome::start().await;
    for code in ["4005", "5921"] {
        home.control.inject(Fault::new(RouteKind::Status, Effect::envelope(code, "No")).times(100));
        for _ in 0..100 {
            assert_ne!(home.read().await.state, State::Succeeded);
        }
    }
    assert_eq!(home.read().await.state, State::Succeeded, "each was asked for once");
    for name in [CLOUD, "account home", "vehicle niro"] {
        assert_eq!(home.circuit(name)["state"], "closed", "{name}");
        assert_eq!(home.circuit(name)["failures"], 0, "{name}");
    }
}

async fn one_car_that_is_out_of_reach() {
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        config.vehicles.values_mut().for_each(|vehicle| vehicle.force.max_per_day = 100);
    })
    .await;
    let fault = Fault::new(RouteKind::ForcedStatus, Effect::vehicle_timeout()).forever();
    home.control.inject(fault.vehicle(LEGACY.1));
    for _ in 0..50 {
        assert_ne!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
    }
    assert_eq!(home.counters().forced_status, 5, "then it is left alone");
    assert_eq!(home.circuit("vehicle niro")["state"], "open");
    assert_eq!(home.circuit(CLOUD)["state"], "closed");
    assert_eq!(home.command(CCS2.0, "refresh_cached", "").await.state, State::Succeeded);
}

async fn a_swap_while_open() {
    let home = open().await;
    let until = home.circuit(CLOUD)["until"].clone();
    home.advance(seconds(20)).await;
    home.decide_with(&four_phrases()).await;
    assert_eq!(home.circuit(CLOUD)["state"], "open");
    assert_eq!(home.circuit(CLOUD)["until"], until);
    home.control.restore();
    home.advance(seconds(38)).await;
    assert_eq!(home.read().await.reason, Some(Reason::BreakerOpen));
    home.advance(seconds(2)).await;
    assert_eq!(home.read().await.state, State::Succeeded);
}

async fn held_open_by_an_operator() {
    let mut home = VirtualHome::start().await;
    let which = format!(r#"{{"circuit":"{CLOUD}"}}"#);
    home.read().await;
    home.deliver("bridge/request/circuit/isolate", which.clone()).await;
    let requests = home.counters().requests;
    home.advance(seconds(86_400)).await;
    assert_eq!(home.read().await.reason, Some(Reason::Isolated));
    home.restart().await;
    assert_eq!(home.read().await.reason, Some(Reason::Isolated), "also after a restart");
    assert_eq!(home.circuit(CLOUD)["state"], "isolated");
    assert_eq!(home.counters().requests, requests, "the cloud is left alone, its token endpoint too");
    home.deliver("bridge/request/circuit/close", which).await;
    assert_eq!(home.read().await.state, State::Succeeded);
}

/// A home that only sends commands: what finds out that all is well again must cope with a token that was ended
/// meanwhile, or nothing ever does.
#[tokio::test(start_paused = true)]
async fn commands_alone_get_through_again_although_the_session_was_ended_meanwhile() {
    let home = open().await;
    home.control.restore();
    home.control.expire_access_token();
    home.control.invalidate_device(None);
    home.advance(seconds(61)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(home.circuit(CLOUD)["state"], "closed");
}

async fn expired_tokens() {
    let cloud = simulator::Config { access_token_lifetime: seconds(20), ..Default::default() };
    let home = VirtualHome::with(cloud, |_| {}).await;
    for _ in 0..100 {
        home.advance(seconds(21)).await;
        let report = home.read().await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    }
    assert_eq!(home.counters().grants_asked, 100);
    for name in [CLOUD, "account home", "token-endpoint home", "vehicle niro"] {
        assert_eq!(home.circuit(name)["failures"], 0, "{name}");
    }
}
