//! Field cases: what is published of a vehicle.

mod answers;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulator::{Effect, Fault, RouteKind};
use testkit::network::Outage;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use self::answers::{STATUS, berlin, force, latest, minutes, newer, older, read, state, utc};

async fn home() -> RealHome {
    let home = RealHome::start().await;
    home.settle().await;
    home
}

/// Another host on the same state.
async fn restart(home: &mut RealHome) {
    home.restart_configured(|_| {}).await.unwrap();
}

#[track_caller]
fn is_plain_success(report: &Report) {
    assert_eq!((report.state, report.reason), (State::Succeeded, None), "{report:?}");
}

#[track_caller]
fn says_that_nothing_is_new(report: &Report) {
    assert_eq!((report.state, report.reason), (State::Succeeded, Some(Reason::NothingNew)), "{report:?}");
    assert!(report.message.is_some() && !report.retryable, "{report:?}");
}

cases! {
    /// What a vehicle says of a time that has not come decides nothing about what is read after it.
    ["FC-14", "K7"] a_reading_from_the_future_holds_nothing_back {
        let home = home().await;
        let soc = |percent: u8| json!({"Green": {"BatteryManagement": {"BatteryRemain": {"Ratio": percent}}}});
        is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, -30)), soc(49))).await);
        for ahead in [6, 120, 600] {
            is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, ahead)), soc(50))).await);
            assert_eq!(state(&home, CCS2.0)["meta"]["vehicle_time"], json!(null), "{ahead} minutes");
            // What is older than what was known before is still not taken.
            says_that_nothing_is_new(&read(&home, CCS2.0, &newer(&utc(minutes(&home, -40)), soc(48))).await);
            is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, -5)), soc(60))).await);
            assert_eq!(state(&home, CCS2.0)["soc_percent"], 60.0, "{ahead} minutes");
        }
        // Minutes are a clock that is a little off, and count as now.
        is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, 3)), soc(61))).await);
        let meta = state(&home, CCS2.0)["meta"].clone();
        assert!(meta["vehicle_time"].as_str() <= meta["fetched_at"].as_str() && !meta["vehicle_time"].is_null(), "{meta}");
        home.clock.advance(1);
        is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, 0)), soc(62))).await);
        assert_eq!(state(&home, CCS2.0)["soc_percent"], 62.0);
    }

    /// What a vehicle says that was just asked is taken, whatever zone its clock is told in and however wrong it is.
    ["FC-15", "K7"] a_vehicle_that_was_just_asked_is_believed {
        for clock in ["utc", "berlin", "hours behind", "hours ahead", "none", "odd"] {
            let home = home().await;
            is_plain_success(&read(&home, LEGACY.0, &older(&berlin(minutes(&home, -20)), json!({}))).await);
            assert_eq!(state(&home, LEGACY.0)["locked"], false);
            let time = match clock {
                "utc" => utc(minutes(&home, 0)).into(),
                "berlin" => berlin(minutes(&home, 0)).into(),
                "hours behind" => utc(minutes(&home, -300)).into(),
                "hours ahead" => utc(minutes(&home, 300)).into(),
                "none" => Value::Null,
                _ => "yesterday".into(),
            };
            let asked = home.environment.clock.now();
            let status = json!({"doorLock": true, "time": time, "evStatus": {"batteryStatus": 77}});
            is_plain_success(&force(&home, &status).await);
            let state = state(&home, LEGACY.0);
            assert_eq!((&state["locked"], &state["soc_percent"]), (&json!(true), &json!(77.0)), "{clock}");
            assert_eq!((&state["meta"]["source"], &state["meta"]["stale"]), (&json!("vehicle"), &json!(false)), "{clock}");
            let said: Timestamp = state["meta"]["vehicle_time"].as_str().unwrap().parse().unwrap();
            // Whole seconds.
            assert!(said.duration_since(asked) > SignedDuration::from_secs(-2), "{clock}: {state}");
            // The copy that the cloud had before is old now.
            let copy = older(&berlin(minutes(&home, -20)), json!({}));
            says_that_nothing_is_new(&read(&home, LEGACY.0, &copy).await);
            assert_eq!(latest(&home, LEGACY.0, "state"), Some(state), "{clock}");
        }
    }

    /// The position that a vehicle tells when it is asked is timed in UTC.
    ["FC-17"] a_forced_position_is_of_now {
        let home = home().await;
        assert_eq!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
        let place = latest(&home, LEGACY.0, "location").unwrap();
        let at: Timestamp = place["vehicle_time"].as_str().unwrap().parse().unwrap();
        let age = home.environment.clock.now().duration_since(at);
        assert!(age < SignedDuration::from_mins(5), "{place}");
    }

    /// Of the hour that happens twice the pass is meant that is nearest to now and not ahead of it.
    ["K7"] the_hour_that_happens_twice {
        let home = home().await;
        let next_year = home.environment.clock.now().to_zoned(TimeZone::UTC).year() + 1;
        let last = jiff::civil::date(next_year, 10, 31);
        let days = i64::from(last.weekday().to_sunday_zero_offset());
        let sunday = last.checked_sub(SignedDuration::from_hours(24 * days)).unwrap();
        let midnight = sunday.to_zoned(TimeZone::UTC).unwrap().timestamp();
        let mut ahead = 0;
        for (minute, text, pass) in [(45, "023000", 30), (105, "024000", 100), (106, "024500", 105)] {
            let now = midnight + SignedDuration::from_mins(minute);
            let by = now.duration_since(home.environment.clock.now()).as_secs();
            home.clock.advance(u64::try_from(by).unwrap());
            ahead += by;
            home.control().set_clock_ahead(ahead);
            let text = format!("{}{text}", sunday.strftime("%Y%m%d"));
            is_plain_success(&read(&home, LEGACY.0, &older(&text, json!({}))).await);
            let said: Timestamp = state(&home, LEGACY.0)["meta"]["vehicle_time"].as_str().unwrap().parse().unwrap();
            assert_eq!(said, midnight + SignedDuration::from_mins(pass), "read {minute} minutes after midnight");
        }
    }

    /// After a restart what an earlier host knew is said at once and marked stale, and nothing older takes its place.
    ["FC-18", "K8", "FC-46", "K23"] what_is_known_outlives_a_restart {
        let mut home = home().await;
        let status = json!({"doorLock": true, "time": berlin(minutes(&home, 0)), "evStatus": {"batteryStatus": 63}});
        assert_eq!(force(&home, &status).await.state, State::Succeeded);
        let before = state(&home, LEGACY.0);
        let (place, capabilities) = (latest(&home, LEGACY.0, "location"), latest(&home, LEGACY.0, "capabilities"));
        assert!(place.is_some() && capabilities.is_some());

        restart(&mut home).await;
        home.control().reset_counters();
        let said = home.published.messages().len();
        home.host.announce("5");
        let since = |topic: &str| {
            let topic = format!("vehicle-connector/vehicle/{}/{topic}", LEGACY.0);
            let messages = home.published.messages();
            let message = messages.iter().skip(said).rfind(|message| message.topic == topic).cloned();
            let message = message.unwrap_or_else(|| panic!("{topic} is not said"));
            assert!(message.retain);
            message.payload
        };
        let known = |topic: &str| serde_json::from_slice::<Value>(&since(topic)).ok();
        let mut expected = before.clone();
        (expected["meta"]["stale"], expected["meta"]["seq"]) = (true.into(), 1.into());
        assert_eq!(known("state"), Some(expected));
        assert_eq!((known("location"), known("capabilities")), (place, capabilities));
        assert_eq!(since("availability"), b"online");
        assert_eq!(home.control().counters().requests, 0);

        let unlocked = older(&berlin(minutes(&home, -180)), json!({"doorLock": false}));
        says_that_nothing_is_new(&read(&home, LEGACY.0, &unlocked).await);
        let after = state(&home, LEGACY.0);
        assert_eq!((&after["locked"], &after["meta"]["stale"]), (&json!(true), &json!(false)), "{after}");
        assert_eq!(after["meta"]["seq"], 2, "the next one after what was known");
        assert_eq!(after["meta"]["vehicle_time"], before["meta"]["vehicle_time"]);
        // Nor does an older place.
        assert_eq!(latest(&home, LEGACY.0, "location").unwrap()["vehicle_time"], known("location").unwrap()["vehicle_time"]);
    }

    /// While nothing can be reached the account says so, and what is known stays, marked stale.
    ["FC-46", "K23"] an_outage_after_a_restart_is_told {
        let mut home = home().await;
        is_plain_success(&home.command(LEGACY.0, "refresh_cached", "").await);
        home.control().inject(Fault::new(RouteKind::Any, Effect::Drop).forever());
        restart(&mut home).await;
        home.host.announce("5");
        let account = |home: &RealHome| {
            let messages = home.published.messages();
            let last = messages.iter().rfind(|message| message.topic.ends_with("/account/home/state")).unwrap();
            serde_json::from_slice::<Value>(&last.payload).unwrap()["state"].clone()
        };
        home.host.find_vehicles().await;
        assert_eq!(account(&home), "upstream_down");
        let known = state(&home, LEGACY.0);
        assert!(known["soc_percent"].is_number() && known["meta"]["stale"] == true, "{known}");
        assert_eq!(latest(&home, LEGACY.0, "availability"), Some("online".into()));
    }

    /// Another car under the same slug begins with nothing.
    ["K8"] what_is_known_belongs_to_one_car {
        let mut home = home().await;
        is_plain_success(&home.command(LEGACY.0, "refresh_cached", "").await);
        home.restart_configured(|config| {
            let another = config.vehicles.iter().find(|(slug, _)| slug.as_str() == CCS2.0).unwrap().1.selector.clone();
            config.vehicles.values_mut().for_each(|vehicle| vehicle.selector = another.clone());
        })
        .await
        .unwrap();
        let said = home.published.messages().len();
        home.host.announce("5");
        let messages = home.published.messages();
        let states = messages.iter().skip(said).filter(|message| message.topic.ends_with("/niro/state"));
        assert_eq!(states.count(), 0);
    }

    /// Yes and no are what a field's table lists. Any other number is "not available", and that is not known.
    ["FC-21", "FC-51", "K10"] a_number_that_is_no_truth_value_is_not_known {
        let home = home().await;
        let at = berlin(minutes(&home, -20));
        for (field, written, published) in [
            ("/evStatus/batteryPlugin", json!(255), json!(null)),
            ("/evStatus/batteryPlugin", json!(2), json!(true)),
            ("/evStatus/batteryPlugin", json!(3), json!(true)),
            ("/evStatus/batteryPlugin", json!(4), json!(null)),
            ("/evStatus/batteryCharge", json!(255), json!(null)),
            ("/evStatus/batteryCharge", json!("false"), json!(false)),
            ("/windowOpen/frontLeft", json!(255), json!(null)),
            ("/windowOpen/frontLeft", json!("1"), json!(true)),
            ("/doorOpen/backLeft", json!(-1), json!(null)),
            ("/doorOpen/backLeft", json!("TRUE"), json!(true)),
            ("/doorLock", json!(255), json!(null)),
            ("/doorLock", json!("true"), json!(true)),
            ("/airCtrlOn", json!(255), json!(null)),
            ("/airCtrlOn", json!(2), json!(null)),
            ("/trunkOpen", json!(3), json!(null)),
        ] {
            let mut answer = older(&at, json!({}));
            *answer.pointer_mut(&format!("{STATUS}{field}")).unwrap() = written.clone();
            is_plain_success(&read(&home, LEGACY.0, &answer).await);
            let place = match field {
                "/evStatus/batteryPlugin" => "/plugged_in",
                "/evStatus/batteryCharge" => "/charging",
                "/windowOpen/frontLeft" => "/windows/front_left",
                "/doorOpen/backLeft" => "/doors/rear_left",
                "/doorLock" => "/locked",
                "/airCtrlOn" => "/climate_on",
                _ => "/trunk_open",
            };
            let state = state(&home, LEGACY.0);
            assert_eq!(state.pointer(place), Some(&published), "{field}: {written}");
        }
        let nothing = json!({
            "Green": {"ChargingInformation": {"ConnectorFastening": {"State": 3}, "Charging": {"RemainTime": 65_535}}},
            "Drivetrain": {"Odometer": 16_777_215, "FuelSystem": {"DTE": {"Total": 65_535}}},
            "Cabin": {"HVAC": {"Row1": {"Driver": {"Blower": {"SpeedLevel": 255}}}}},
        });
        is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, -20)), nothing)).await);
        let state = state(&home, CCS2.0);
        for field in ["plugged_in", "charging", "odometer_km", "range_km", "climate_on"] {
            assert_eq!(state[field], json!(null), "{field}");
        }
    }

    /// Nothing charges through a cable that is not plugged in.
    ["FC-23", "K11"] what_contradicts_itself_is_resolved {
        let home = home().await;
        let pulled = json!({"Green": {"ChargingInformation": {
            "Charging": {"RemainTime": 80, "State": 0}, "ConnectorFastening": {"State": 0},
        }}});
        is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, -20)), pulled)).await);
        let ccs2 = state(&home, CCS2.0);
        assert_eq!((&ccs2["charging"], &ccs2["plugged_in"]), (&json!(false), &json!(false)));
        let pulled = json!({"evStatus": {"batteryCharge": true, "batteryPlugin": 0}});
        is_plain_success(&read(&home, LEGACY.0, &older(&berlin(minutes(&home, -20)), pulled)).await);
        assert_eq!(state(&home, LEGACY.0)["charging"], false);
    }

    /// An answer without any value is a failure, and what is known stays.
    ["FC-24", "K12"] an_answer_without_values_is_a_failure {
        let home = home().await;
        let values = |state: &Value| {
            let mut state = state.clone();
            state["meta"] = state["meta"]["vehicle_time"].clone();
            state
        };
        let first = older(&berlin(minutes(&home, -20)), json!({}));
        is_plain_success(&read(&home, LEGACY.0, &first).await);
        is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, -20)), json!({}))).await);
        let before = (values(&state(&home, LEGACY.0)), values(&state(&home, CCS2.0)));
        let envelope = |content: Value| json!({"retCode": "S", "resCode": "0000", "msgId": "m", "resMsg": content});
        let reports = [
            force(&home, &json!({"ServiceNo": "RVS-K", "RetCode": "S"})).await,
            force(&home, &json!({"time": berlin(minutes(&home, 0))})).await,
            read(&home, LEGACY.0, &envelope(json!({"vehicleStatusInfo": {"vehicleStatus": {}}}))).await,
            read(&home, CCS2.0, &envelope(json!({"state": {"Vehicle": {"Date": utc(minutes(&home, 0))}}}))).await,
            read(&home, CCS2.0, &envelope(json!({"state": {"Vehicle": {"Body": {"Hood": {"Open": 255}}}}}))).await,
        ];
        for report in reports {
            let how = (report.state, report.reason, report.retryable);
            assert_eq!(how, (State::Failed, Some(Reason::UpstreamUnavailable), true), "{report:?}");
            assert!(report.message.unwrap().contains("the answer has no values"));
        }
        assert_eq!((values(&state(&home, LEGACY.0)), values(&state(&home, CCS2.0))), before);
        assert_eq!(state(&home, LEGACY.0)["meta"]["stale"], true, "it was asked");
    }

    /// A value that an answer does not have stays, and says of when it is.
    ["FC-26", "K12"] what_an_answer_does_not_have_is_kept_with_its_age {
        let mut home = home().await;
        let at = minutes(&home, -20);
        is_plain_success(&read(&home, LEGACY.0, &older(&berlin(at), json!({}))).await);
        assert_eq!(state(&home, LEGACY.0)["meta"]["kept"], json!({}));
        let said = state(&home, LEGACY.0)["meta"]["vehicle_time"].clone();
        let status = json!({"doorLock": true, "time": berlin(minutes(&home, 0)), "windowOpen": {"frontLeft": 1}});
        is_plain_success(&force(&home, &status).await);
        restart(&mut home).await;
        home.host.announce("5");
        let state = state(&home, LEGACY.0);
        assert_eq!((&state["odometer_km"], &state["soc_percent"]), (&json!(15_234.5), &json!(63.0)));
        assert_eq!((&state["windows"]["front_left"], &state["windows"]["rear_left"]), (&json!(true), &json!(true)));
        let kept = &state["meta"]["kept"];
        assert_eq!((&kept["odometer_km"], &kept["windows"], kept.get("locked")), (&said, &said, None), "{kept}");
    }

    /// An odometer does not go back, and is not 0 again, also over restarts.
    ["FC-27", "K13"] an_odometer_does_not_go_back {
        let mut home = home().await;
        for (before, odometer, published) in [
            (-60, json!(15_234.5), json!(15_234.5)),
            (-50, json!(0), json!(15_234.5)),
            (-40, json!(0), json!(15_234.5)),
            (-30, json!(15_000), json!(15_234.5)),
            (-20, json!(-1), json!(null)),
            (-10, json!(0), json!(15_234.5)),
            (-5, json!(15_240), json!(15_240.0)),
        ] {
            let mut answer = older(&berlin(minutes(&home, before)), json!({}));
            answer["resMsg"]["vehicleStatusInfo"]["odometer"]["value"] = odometer.clone();
            is_plain_success(&read(&home, LEGACY.0, &answer).await);
            assert_eq!(state(&home, LEGACY.0)["odometer_km"], published, "{odometer}, {before} minutes from now");
            restart(&mut home).await;
        }
    }

    /// A battery that falls to nothing is doubted until there is a reason to believe it, also over a restart.
    ["K13", "K8"] an_empty_battery_needs_a_second_word {
        let mut home = home().await;
        let soc = |percent: u8| json!({"evStatus": {"batteryStatus": percent}});
        is_plain_success(&read(&home, LEGACY.0, &older(&berlin(minutes(&home, -60)), soc(63))).await);
        let empty = older(&berlin(minutes(&home, -50)), soc(0));
        for _ in 0..3 {
            is_plain_success(&read(&home, LEGACY.0, &empty).await);
            assert_eq!(state(&home, LEGACY.0)["soc_percent"], 63.0, "one report, however often it is read");
            restart(&mut home).await;
        }
        is_plain_success(&read(&home, LEGACY.0, &older(&berlin(minutes(&home, -40)), soc(0))).await);
        assert_eq!(state(&home, LEGACY.0)["soc_percent"], 0.0, "another report");
    }

    /// 0° N 0° E is no place: the parked position is asked for, and the last one stays if there is none.
    ["FC-29", "K14"] nowhere_is_no_place {
        let home = home().await;
        let at = minutes(&home, -20);
        for coordinate in [0, 255] {
            let mut answer = older(&berlin(at), json!({}));
            answer["resMsg"]["vehicleStatusInfo"]["vehicleLocation"]["coord"] = json!({"lat": coordinate, "lon": coordinate});
            let parked = home.control().counters().of(RouteKind::Location);
            is_plain_success(&read(&home, LEGACY.0, &answer).await);
            assert_eq!(home.control().counters().of(RouteKind::Location), parked + 1, "asked where it is parked");
            let place = latest(&home, LEGACY.0, "location").unwrap();
            assert_eq!((&place["latitude"], &place["longitude"]), (&json!(52.52), &json!(13.405)), "{coordinate}");
        }
        let nowhere = json!({"Location": {"GeoCoord": {"Latitude": 0.0, "Longitude": 0.0}}});
        home.control().inject(Fault::new(RouteKind::Location, Effect::Drop).forever());
        is_plain_success(&read(&home, CCS2.0, &newer(&utc(at), nowhere)).await);
        assert_eq!(latest(&home, CCS2.0, "location"), None);
    }

    /// The time of a place is `Date`, or the time in parts without its offset.
    ["FC-30", "K15"] the_time_of_a_place_is_utc {
        let parts = |at: Timestamp| {
            let at = at.to_zoned(TimeZone::UTC);
            json!({"Year": at.year(), "Mon": at.month(), "Day": at.day(), "Hour": at.hour(), "Min": at.minute(), "Sec": at.second()})
        };
        for (offset, with_date) in [(1, true), (2, true), (1, false), (2, false)] {
            let home = home().await;
            let at = Timestamp::from_second(minutes(&home, -20).as_second()).unwrap();
            let mut location = json!({"TimeStamp": parts(at + SignedDuration::from_hours(offset))});
            if with_date {
                location["Date"] = utc(at).into();
            }
            let answer = newer(&utc(at), json!({"Offset": offset.to_string(), "Location": location}));
            is_plain_success(&read(&home, CCS2.0, &answer).await);
            let place = latest(&home, CCS2.0, "location").unwrap();
            assert_eq!(place["vehicle_time"], json!(at), "offset {offset}, date {with_date}");
        }
    }

    /// What was fine and stays so: miles, vented windows, positions in the west, temperatures and times that are none.
    ["FC-64", "FC-65", "FC-66", "FC-68", "FC-69"] odd_values_that_are_understood {
        let home = home().await;
        let at = berlin(minutes(&home, -20));
        let miles = json!({"evStatus": {"drvDistance": [{"rangeByFuel": {"evModeRange": {"value": 180, "unit": 3}}}]}});
        is_plain_success(&read(&home, LEGACY.0, &older(&at, miles)).await);
        assert_eq!(state(&home, LEGACY.0)["range_km"], 289.7);
        let mut west = older(&at, json!({}));
        west["resMsg"]["vehicleStatusInfo"]["vehicleLocation"]["coord"]["lon"] = json!(-9.139_3);
        is_plain_success(&read(&home, LEGACY.0, &west).await);
        assert_eq!(latest(&home, LEGACY.0, "location").unwrap()["longitude"], -9.139_3);
        for (air, celsius) in [("20.0", json!(null)), ("FFH", json!(null)), ("00H", json!(14.0))] {
            is_plain_success(&read(&home, LEGACY.0, &older(&at, json!({"airTemp": {"value": air}}))).await);
            assert_eq!(state(&home, LEGACY.0)["target_temperature_c"], celsius, "{air}");
        }
        let vented = json!({"Cabin": {"Window": {"Row1": {"Driver": {"Open": 0, "OpenLevel": 1}}}}});
        is_plain_success(&read(&home, CCS2.0, &newer(&utc(minutes(&home, -20)), vented)).await);
        assert_eq!(state(&home, CCS2.0)["windows"]["front_left"], true);
        for (time, is_known) in [
            (json!(format!("{}.123", utc(minutes(&home, -10)))), true),
            (json!(minutes(&home, -10)), false),
            (json!(1_700_000_000), false),
            (json!(0), false),
            (json!("20990101000000"), false),
            (json!(null), false),
        ] {
            let mut answer = newer("", json!({}));
            answer["resMsg"]["state"]["Vehicle"]["Date"] = time.clone();
            is_plain_success(&read(&home, CCS2.0, &answer).await);
            let state = state(&home, CCS2.0);
            assert_eq!(state["meta"]["vehicle_time"].is_string(), is_known, "{time}");
            assert!(state["soc_percent"].is_number());
        }
    }

    /// What a forced read has marked as stale stays so until something newer is read, also over a restart.
    ["F21"] only_what_is_newer_ends_being_stale {
        let mut home = home().await;
        let at = minutes(&home, -20);
        is_plain_success(&read(&home, LEGACY.0, &older(&berlin(at), json!({}))).await);
        home.control().set_reachable(LEGACY.1, false);
        assert_ne!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
        assert_eq!(state(&home, LEGACY.0)["meta"]["stale"], true);
        restart(&mut home).await;
        is_plain_success(&read(&home, LEGACY.0, &older(&berlin(at), json!({}))).await);
        assert_eq!(state(&home, LEGACY.0)["meta"]["stale"], true, "the same old report");
        // So does a vehicle that was asked and has only its old report to show.
        let status = json!({"doorLock": false, "time": berlin(at)});
        says_that_nothing_is_new(&force(&home, &status).await);
        assert_eq!(state(&home, LEGACY.0)["meta"]["stale"], true);
        is_plain_success(&read(&home, LEGACY.0, &older(&berlin(minutes(&home, -10)), json!({}))).await);
        assert_eq!(state(&home, LEGACY.0)["meta"]["stale"], false);
    }
}

/// A newer car that was woken and stays silent has not answered, and is not asked for again and again (FC-67).
#[tokio::test(start_paused = true)]
async fn fc_67_a_woken_car_that_stays_silent() {
    let home = VirtualHome::start().await;
    home.command(CCS2.0, "refresh_cached", "").await;
    home.control.set_reachable(CCS2.1, false);
    home.advance(std::time::Duration::from_secs(600)).await;
    let report = home.command(CCS2.0, "refresh_force", "").await;
    assert_eq!(
        (report.state, report.reason),
        (State::Timeout, Some(Reason::VehicleUnreachable)),
        "{report:?}"
    );
    assert_eq!(home.counters().forced_status, 1);
    assert_eq!(home.retained("vehicle/ev6/state")["meta"]["stale"], true);
}

/// What was not asked has not failed to answer: a forced read that does not get as far as the vehicle makes nothing stale.
#[tokio::test(start_paused = true)]
async fn a_forced_read_that_did_not_leave_makes_nothing_stale() {
    let home = VirtualHome::start().await;
    let stale = || home.retained(&format!("vehicle/{}/state", LEGACY.0))["meta"]["stale"].clone();
    is_plain_success(&home.read().await);
    home.network.set_outage(Outage::Everything);
    let mut reasons = BTreeSet::new();
    for _ in 0..8 {
        let report = home.command(LEGACY.0, "refresh_force", "").await;
        assert_eq!((report.state == State::Succeeded, stale()), (false, json!(false)), "{report:?}");
        reasons.insert(format!("{:?}", report.reason.unwrap()));
    }
    assert!(reasons.contains("BreakerOpen") && reasons.contains("UpstreamUnavailable"), "{reasons:?}");
    home.network.calm_down();
    home.control.set_reachable(LEGACY.1, false);
    home.advance(std::time::Duration::from_secs(600)).await;
    assert_ne!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
    assert_eq!(stale(), true, "it was asked");
}
