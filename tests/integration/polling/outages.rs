//! Outages, and what a vendor asks for.

use vehicle_connector::wire::message::Outgoing;

use super::*;

/// How a cloud is away.
#[derive(Debug, Clone, Copy)]
enum Away {
    Unreachable,
    Unavailable,
    Hanging,
}

fn begin(home: &VirtualHome, away: Away) {
    match away {
        Away::Unreachable => home.network.set_outage(Outage::Everything),
        Away::Unavailable => home.control.inject(Fault::new(RouteKind::Any, Effect::unavailable()).forever()),
        Away::Hanging => home.control.inject(Fault::new(RouteKind::Any, Effect::Hold).forever()),
    }
}

fn end(home: &VirtualHome) {
    home.network.set_outage(Outage::Nothing);
    home.control.restore();
}

/// Both cars charge, so they would be read every ten minutes; and the list would be read again, as it is every day.
#[tokio::test(start_paused = true)]
async fn six_hours_without_the_cloud_cost_sixty_requests_at_most() {
    for (away, cars) in [
        (Away::Unreachable, 2),
        (Away::Unavailable, 2),
        (Away::Hanging, 2),
        (Away::Unreachable, 1),
        (Away::Unavailable, 1),
        (Away::Hanging, 1),
    ] {
        let (home, _settling) = home(|config| {
            config.vehicles.retain(|slug, _| cars == 2 || slug.as_str() == CCS2.0);
        })
        .await;
        home.advance(21 * HOUR).await;
        for (_, car) in [LEGACY, CCS2] {
            happens(&home, car, |car| (car.plugged_in, car.charging) = (true, true));
        }
        home.advance(2 * HOUR).await;
        let before = home.departures();
        begin(&home, away);
        home.advance(6 * HOUR).await;
        let asked = home.departures() - before;
        println!("six hours without the cloud ({away:?}), {cars} cars: {asked} requests");
        assert!((4..=60).contains(&asked), "{away:?}: {asked}");
        let state = home.retained("vehicle/ev6/state");
        assert_eq!((&state["meta"]["stale"], &state["charging"]), (&true.into(), &true.into()), "{away:?}");
        let offline =
            |message: &Outgoing| message.topic.ends_with("/availability") && message.payload != b"online";
        assert!(!home.messages().iter().any(offline), "{away:?}: the car is there");
        let waiting = plan(&home, CCS2.0);
        assert_eq!(waiting["mode"], "waiting", "{away:?}: {waiting}");
        assert!(waiting["reason"].is_string() && waiting["next_read_at"].is_string(), "{away:?}: {waiting}");
        end(&home);
        home.advance(2 * HOUR).await;
        assert_eq!(home.retained("vehicle/ev6/state")["meta"]["stale"], false, "{away:?}");
        assert_eq!(told(&home, CCS2.0), ["charge_started", "data_stale", "data_fresh"], "{away:?}");
        assert_eq!(plan(&home, CCS2.0)["mode"], "charging", "{away:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_vendor_asks_for_is_waited_for() {
    let (home, _settling) = home(|_| {}).await;
    let headers = vec![("retry-after".to_owned(), "14400".to_owned())];
    let effect = Effect::Answer { status: 429, body: "slow down".to_owned(), headers };
    home.control.inject(Fault::new(RouteKind::Status, effect));
    home.advance(HOUR).await;
    let waiting = plan(&home, LEGACY.0);
    assert_eq!(waiting["mode"], "waiting", "{waiting}");
    assert!(waiting["reason"].as_str().unwrap().contains("left alone until"), "{waiting}");
    let before = home.departures();
    home.advance(3 * HOUR).await;
    assert_eq!(home.departures(), before);
    home.advance(2 * HOUR).await;
    assert!(home.departures() > before);
    assert_ne!(plan(&home, LEGACY.0)["mode"], "waiting");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_waits_for_a_person_is_not_asked() {
    let (home, _settling) = home(|_| {}).await;
    home.control.refuse_grants(true);
    home.control.refuse_tokens(true);
    home.advance(2 * HOUR).await;
    assert_eq!(home.account()["state"], "auth_required");
    let before = home.departures();
    home.advance(10 * HOUR).await;
    assert_eq!(home.departures(), before);
    let waiting = plan(&home, LEGACY.0);
    assert_eq!((&waiting["mode"], &waiting["next_read_at"]), (&"waiting".into(), &Value::Null), "{waiting}");
    assert_eq!(told(&home, LEGACY.0), ["data_stale"], "once");
    home.control.restore();
    home.control.refuse_grants(false);
    home.control.refuse_tokens(false);
    home.request("account/retry", serde_json::json!({"account": "home"})).await;
    home.advance(10 * MINUTE).await;
    assert_eq!(told(&home, LEGACY.0), ["data_stale", "data_fresh"]);
}

/// One car of which the cloud has nothing keeps the other one from nothing.
#[tokio::test(start_paused = true)]
async fn a_car_without_data_is_asked_for_rarely_and_the_other_one_as_ever() {
    let (home, _settling) = home(|_| {}).await;
    let fault = Fault::new(RouteKind::Status, Effect::envelope("5921", "No data")).forever();
    home.control.inject(fault.vehicle(LEGACY.1));
    home.control.reset_counters();
    home.advance(24 * HOUR).await;
    let of = |car: &str| home.control.log().iter().filter(|entry| entry.path.contains(car)).count();
    let (niro, ev6) = (of(LEGACY.1), of(CCS2.1));
    assert!((3..=16).contains(&niro), "{niro}");
    assert!(ev6 >= 12, "{ev6}");
}
