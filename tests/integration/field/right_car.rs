//! Field cases: which vehicle is meant, and vehicles that are not there.

use std::time::Duration;

use serde_json::Value;
use simulator::{ActionKind, Effect, Fault, RouteKind, VehicleConfig};
use testkit::network::Outage;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::config::{Config, Selector};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};

/// Makes the configuration mean a car by this.
fn mean(config: &mut Config, slug: &str, selector: Selector) {
    let vehicle = config.vehicles.iter_mut().find(|(name, _)| name.as_str() == slug);
    vehicle.unwrap().1.selector = selector;
}

fn named(name: &str) -> Selector {
    Selector::Name(name.to_owned())
}

/// Two cars of one name.
fn twins() -> simulator::Config {
    let mut config = simulator::Config::default();
    for vehicle in &mut config.vehicles {
        vehicle.nickname = "IONIQ 5".to_owned();
    }
    config
}

/// A topic of the car of the older generation.
fn of_legacy(what: &str) -> String {
    format!("vehicle-connector/vehicle/{}/{what}", LEGACY.0)
}

/// What was published last on a topic.
fn last(messages: &[Outgoing], topic: &str) -> Option<Vec<u8>> {
    messages.iter().rev().find(|message| message.topic == topic).map(|message| message.payload.clone())
}

/// Waits until this is what was published last on a topic.
async fn comes_to(home: &RealHome, topic: &str, wanted: impl Fn(&[u8]) -> bool) {
    home.published.find(|messages| last(messages, topic).filter(|payload| wanted(payload)).map(|_| ())).await;
}

/// Lets time pass for the host and for the cloud.
fn days_pass(home: &RealHome, days: u32) {
    let seconds = days * 86_400;
    home.clock.advance(seconds.into());
    home.control().set_clock_ahead(seconds.into());
}

/// Lets the host settle as the program does, in the background, until the test ends.
fn settle(home: &RealHome) -> tokio::task::JoinHandle<()> {
    let host = std::sync::Arc::clone(&home.host);
    tokio::spawn(async move { host.settle_in().await })
}

cases! {
    /// Neither of two cars of one name is commanded, whatever their order in the list; the answer tells them apart without
    /// their numbers and names what to write.
    ["FC-20", "K9"] two_cars_of_one_name_are_none {
        let mut home = RealHome::configured(twins(), |config| mean(config, LEGACY.0, named("IONIQ 5"))).await;
        for _ in 0..2 {
            let report = home.command(LEGACY.0, "lock", r#""action":"unlock""#).await;
            assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::UnknownVehicle)), "{report:?}");
            let message = report.message.unwrap();
            for part in ["2 vehicles", "VIN …0001", "VIN …0002", "id …1111", "id …2222", "vin or id"] {
                assert!(message.contains(part), "{part}: {message}");
            }
            assert!(!message.contains("KNA"), "{message}");
            home.control().turn_list_around();
            home.restart_configured(|config| mean(config, LEGACY.0, named("IONIQ 5"))).await.unwrap();
        }
        assert_eq!(home.control().counters().total_actuations(), 0);
        // The other one is meant by its id, and is not affected.
        assert_eq!(home.command(CCS2.0, "refresh_cached", "").await.state, State::Succeeded);
    }

    /// A second car that gets the name later makes both doubtful too, at the next look at the list.
    ["FC-20", "K9"] a_name_that_becomes_ambiguous_means_nobody {
        let home = RealHome::configured(simulator::Config::default(), |config| {
            mean(config, LEGACY.0, named("Legacy car"));
        })
        .await;
        assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
        home.control().change_car(CCS2.1, |car| car.nickname = "Legacy car ".to_owned());
        days_pass(&home, 2);
        let settling = settle(&home);
        comes_to(&home, &of_legacy("availability"), |payload| payload == b"offline").await;
        settling.abort();
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(report.reason, Some(Reason::UnknownVehicle), "{report:?}");
    }

    /// Blanks and the way a letter is written make no other name; case does, and is told.
    ["FC-34", "K17"] names_are_compared_in_one_form {
        for (configured, listed, found) in [
            ("Kona", "Kona ", true),
            ("Kona", "\u{a0}Kona\t", true),
            ("Zoé", "Zoe\u{301}", true),
            ("Zoe\u{301}", "Zoé", true),
            ("kona", "Kona", false),
        ] {
            let mut cloud = simulator::Config::default();
            cloud.vehicles[0].nickname = listed.to_owned();
            let home = RealHome::configured(cloud, |config| mean(config, LEGACY.0, named(configured))).await;
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            if found {
                assert_eq!(report.state, State::Succeeded, "{configured:?} {listed:?}: {report:?}");
            } else {
                assert_eq!(report.reason, Some(Reason::UnknownVehicle), "{report:?}");
                assert!(report.message.unwrap().contains("only case or blanks differ from \"Kona\""));
            }
        }
    }

    /// A car that got another identifier is found again by its VIN: a read is repeated once, a command is told to be sent
    /// again, and the next one works. Whether the configuration means it by VIN, by name, or by the identifier itself.
    ["FC-31", "K16"] a_new_identifier_heals_by_itself {
        let vin = VehicleConfig::recorded_legacy().vin;
        for selector in [Selector::Vin(vin), named("Legacy car"), Selector::Id(LEGACY.1.to_owned())] {
            for read_first in [true, false] {
                let mut home = RealHome::configured(simulator::Config::default(), |config| {
                    mean(config, LEGACY.0, selector.clone());
                })
                .await;
                home.settle().await;
                let new = "33333333-3333-4333-8333-333333333333";
                home.control().change_car(LEGACY.1, |car| car.id = new.to_owned());
                if read_first {
                    let report = home.command(LEGACY.0, "refresh_cached", "").await;
                    assert_eq!(report.state, State::Succeeded, "{selector:?}: {report:?}");
                } else {
                    let report = home.command(LEGACY.0, "lock", "").await;
                    assert_ne!(report.state, State::Succeeded, "{report:?}");
                    assert!(report.message.as_deref().unwrap().contains("another identifier"), "{report:?}");
                    assert_eq!(home.control().counters().commands, 1, "sent once");
                }
                assert_eq!(home.control().counters().of(RouteKind::Vehicles), 1, "{selector:?}");
                assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
                assert_eq!(home.control().counters().actuations_of(new, ActionKind::Lock), 1);
                // Also after a restart, whose configuration still has the old identifier.
                home.restart_configured(|config| mean(config, LEGACY.0, selector.clone())).await.unwrap();
                assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
            }
        }
    }

    /// What the vendor refuses for good for other reasons does not read the list each time.
    ["FC-31", "K16"] the_list_is_read_again_now_and_then_only {
        let home = RealHome::start().await;
        home.settle().await;
        let gone = Effect::envelope("4002", "Invalid parameter - Invalid vehicleId.");
        home.control().inject(Fault::new(RouteKind::Status, gone).forever());
        for _ in 0..8 {
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_ne!(report.state, State::Succeeded, "{report:?}");
        }
        assert_eq!(home.control().counters().of(RouteKind::Vehicles), 1);
        days_pass(&home, 1);
        home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(home.control().counters().of(RouteKind::Vehicles), 2);
    }

    /// A car that has left the account goes offline with a reason and an event, and comes back when it does.
    ["K16", "F11"] a_car_that_has_left_is_offline {
        let home = RealHome::start().await;
        home.settle().await;
        let car = VehicleConfig::recorded_legacy();
        home.control().remove_car(LEGACY.1);
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_ne!(report.state, State::Succeeded, "{report:?}");
        comes_to(&home, &of_legacy("availability"), |payload| payload == b"offline").await;
        let problem = last(&home.published.messages(), &of_legacy("problem")).unwrap();
        let problem: Value = serde_json::from_slice(&problem).unwrap();
        assert_eq!(problem["reason"], "unknown_vehicle", "{problem}");
        assert!(problem["message"].as_str().unwrap().contains("has no vehicle with the id"), "{problem}");
        let is_event = |message: &&Outgoing| {
            message.topic.ends_with("/bridge/event")
                && String::from_utf8_lossy(&message.payload).contains("\"vehicle_missing\"")
        };
        assert_eq!(home.published.messages().iter().filter(is_event).count(), 1);
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::UnknownVehicle)), "{report:?}");
        assert_eq!(home.command(CCS2.0, "lock", "").await.state, State::Succeeded, "the other one stays");

        home.control().change_car(CCS2.1, |other| other.nickname = car.nickname.clone());
        home.control().add_car(car);
        assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
        comes_to(&home, &of_legacy("availability"), |payload| payload == b"online").await;
        comes_to(&home, &of_legacy("problem"), |payload| payload == b"null").await;
    }

    /// What a read of the car before brings is not known of the one that has its name by now.
    ["K8", "K16"] a_read_of_the_car_before_is_not_taken_in {
        let home = RealHome::configured(simulator::Config::default(), |config| {
            mean(config, LEGACY.0, named("Legacy car"));
        })
        .await;
        assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
        home.control().inject(Fault::new(RouteKind::Status, Effect::Hold).after_acting());
        home.send(LEGACY.0, "refresh_cached", r#"{"id":"before"}"#).await;
        home.control().wait_until(|counters| counters.held == 1).await;
        home.control().inject(Fault::new(RouteKind::Status, Effect::Drop).forever());
        home.control().change_car(LEGACY.1, |car| car.vin = "KNALEGACY00000009".to_owned());
        days_pass(&home, 2);
        let settling = settle(&home);
        comes_to(&home, &of_legacy("state"), <[u8]>::is_empty).await;
        settling.abort();
        home.control().release();
        let report = home.ended(LEGACY.0, "before").await;
        assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::UnknownVehicle)), "{report:?}");
        assert!(report.message.as_deref().unwrap().contains("another car"), "{report:?}");
        for what in ["state", "location"] {
            assert_eq!(last(&home.published.messages(), &of_legacy(what)), Some(Vec::new()), "{what}");
        }
    }

    /// One car that the account lacks keeps nobody else from being read, and is offline itself.
    ["F4", "K16"] a_name_that_is_wrong_blinds_nobody_else {
        let home = RealHome::configured(simulator::Config::default(), |config| {
            mean(config, LEGACY.0, named("no such car"));
        })
        .await;
        let settling = settle(&home);
        comes_to(&home, &format!("vehicle-connector/vehicle/{}/state", CCS2.0), |_| true).await;
        comes_to(&home, &of_legacy("availability"), |payload| payload == b"offline").await;
        settling.abort();
    }

    /// A car that a command has found is read at once, not with the next look of the host.
    ["F4"] what_a_command_finds_is_read {
        let home = RealHome::start().await;
        home.control().inject(Fault::new(RouteKind::Vehicles, Effect::envelope("4010", "no")));
        let settling = settle(&home);
        home.control().wait_until(|counters| counters.of(RouteKind::Vehicles) >= 1).await;
        home.command(LEGACY.0, "lock", "").await;
        comes_to(&home, &format!("vehicle-connector/vehicle/{}/state", CCS2.0), |_| true).await;
        settling.abort();
    }

    /// On which side the driver sits is a setting of the vehicle, for what is read and for what is sent.
    ["FC-36", "K18"] the_driver_sits_where_the_vehicle_says {
        for right in [None, Some(false), Some(true)] {
            let home = RealHome::configured(simulator::Config::default(), |config| {
                for (slug, vehicle) in &mut config.vehicles {
                    vehicle.allow.extend(vehicle_connector::wire::operation::OperationName::COMMANDABLE);
                    vehicle.right_hand_drive = right.filter(|_| slug.as_str() == CCS2.0);
                }
            })
            .await;
            home.control().change_vehicle(CCS2.1, |state| state.windows.front_left = simulator::Window::Open);
            assert_eq!(home.command(CCS2.0, "refresh_force", "").await.state, State::Succeeded);
            let state = last(&home.published.messages(), &format!("vehicle-connector/vehicle/{}/state", CCS2.0));
            let state: Value = serde_json::from_slice(&state.unwrap()).unwrap();
            // The cloud speaks of the driver's window; the simulated one takes drivers to sit on the left.
            let open = if right == Some(true) { "front_right" } else { "front_left" };
            assert_eq!(state["windows"][open], true, "{right:?}: {state}");
            home.send(CCS2.0, "climate", r#"{"id":"warm","action":"start","seats":{"fr":6}}"#).await;
            assert_eq!(home.ended(CCS2.0, "warm").await.state, State::Succeeded);
            let log = home.control().log();
            let sent = log.iter().rev().find(|entry| entry.path.ends_with("/control/temperature")).unwrap();
            let side = if right == Some(true) { "R" } else { "L" };
            assert_eq!(sent.body["drvSeatLoc"], side, "{right:?}: {sent:?}");
        }
    }

    /// A vehicle or an account that is not configured any more leaves nothing retained behind.
    ["F11"] what_left_the_configuration_leaves_the_broker {
        let mut home = RealHome::start().await;
        home.settle().await;
        home.command(LEGACY.0, "refresh_cached", "").await;
        home.host.announce("5");
        home.restart_configured(|config| config.vehicles.retain(|name, _| name.as_str() != LEGACY.0)).await.unwrap();
        let before = home.published.messages().len();
        home.host.announce("5");
        let messages = home.published.messages();
        let since = &messages[before..];
        for what in ["availability", "capabilities", "state", "location", "controls", "action/last", "problem"] {
            let topic = of_legacy(what);
            let cleared = since.iter().rev().find(|message| message.topic == topic);
            assert!(cleared.is_some_and(|message| message.retain && message.payload.is_empty()), "{topic}");
        }
        let availability = of_legacy("availability");
        let first = since.iter().find(|message| message.topic == availability).unwrap();
        assert_eq!(first.payload, b"offline", "whoever listens is told");
        let of_the_other = format!("vehicle-connector/vehicle/{}/", CCS2.0);
        // Where there is no geofence, an earlier configuration may have had one.
        let clears = |message: &Outgoing| message.payload.is_empty() && !message.topic.ends_with("/geofence");
        assert!(since.iter().all(|message| !message.topic.starts_with(&of_the_other) || !clears(message)));
        // Once is enough: the next host has nothing to clear.
        home.restart_configured(|config| config.vehicles.retain(|name, _| name.as_str() != LEGACY.0)).await.unwrap();
        let before = home.published.messages().len();
        home.host.announce("5");
        let of_vehicles = |message: &&Outgoing| message.topic.contains("/vehicle/");
        let messages = home.published.messages();
        assert!(!messages[before..].iter().filter(of_vehicles).any(clears));
    }
}

/// A home whose host has just started after a power cut: it has a session, whose token has ended meanwhile.
async fn beginning(outage: impl FnOnce(&VirtualHome)) -> VirtualHome {
    let mut home = VirtualHome::start().await;
    home.host.stop().await;
    home.control.expire_access_token();
    outage(&home);
    home.restart().await;
    home
}

/// How long after the cloud is back both cars have their first state.
async fn first_states(home: &VirtualHome, back: impl FnOnce(&VirtualHome)) -> Duration {
    let states = || [LEGACY.0, CCS2.0].map(|car| home.published_on(&format!("vehicle/{car}/state")));
    let before = states();
    back(home);
    let since = home.now();
    while states().iter().zip(before).any(|(now, before)| *now == before) {
        assert!(
            home.now() - since < Duration::from_secs(600),
            "no first state: {} {} {}",
            home.retained("account/home/state"),
            home.circuit("account home"),
            home.circuit("token-endpoint home"),
        );
        home.advance(Duration::from_millis(250)).await;
    }
    home.now() - since
}

/// The longest time from the cloud's return to the first states.
const SOON: Duration = Duration::from_secs(10);

/// However long nothing can be reached at the start, the first states come soon after.
#[tokio::test(start_paused = true)]
async fn after_an_outage_at_the_start_the_first_state_comes_soon() {
    for minutes in [0, 1, 7, 60] {
        let home = beginning(|home| home.network.set_outage(Outage::Everything)).await;
        let host = std::sync::Arc::clone(&home.host);
        let settling = tokio::spawn(async move { host.settle_in().await });
        home.advance(Duration::from_secs(8 + 60 * minutes)).await;
        let took = first_states(&home, |home| home.network.calm_down()).await;
        settling.abort();
        assert!(took <= SOON, "{took:?} after {minutes} min");
    }
}

/// So they do when the cloud answers, but not well: circuits that opened meanwhile make nobody wait for a minute.
#[tokio::test(start_paused = true)]
async fn after_a_cloud_that_was_unwell_at_the_start_the_first_state_comes_soon() {
    for (route, effect) in [
        (RouteKind::Token, Effect::unavailable()),
        (RouteKind::Vehicles, Effect::envelope("5031", "Unavailable remote control")),
        (RouteKind::Status, Effect::unavailable()),
        (RouteKind::Any, Effect::answer(502, "")),
    ] {
        let fault = Fault::new(route, effect).forever();
        let home = beginning(|home| home.control.inject(fault.clone())).await;
        let host = std::sync::Arc::clone(&home.host);
        let settling = tokio::spawn(async move { host.settle_in().await });
        home.advance(Duration::from_secs(45)).await;
        let took = first_states(&home, |home| home.control.clear_faults()).await;
        settling.abort();
        assert!(took <= SOON, "{took:?} after {fault:?}");
    }
}
