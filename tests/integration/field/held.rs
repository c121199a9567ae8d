//! Field cases that passed when they were tried: what was well stays well.

pub(super) mod broker;
mod way;

use std::io::Write as _;
use std::net::{Ipv6Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::mqtt::Mosquitto;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::config::{Config, Selector};
use vehicle_connector::descriptor::Network;
use vehicle_connector::primitives::{HttpClient, Transport as _};
use vehicle_connector::store::{Kind, Write};
use vehicle_connector::time::Clock as _;
use vehicle_connector::wire::outcome::{Reason, State};

use self::way::{Met, free, met_as, met_at, on_the_way, server};
use super::in_virtual_time;

/// The name of the cloud's circuit.
const CLOUD: &str = "hyundai-kia-eu";

/// The paths of a cached read and of a lock of the older car.
const DATA: &[&str] = &["/status/latest", "/control/door"];

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rotating() -> simulator::Config {
    simulator::Config { rotate_refresh_token: true, ..patient_cloud() }
}

/// A home whose cloud answered no read until its circuit was open, and is about to let one in.
async fn half_open() -> VirtualHome {
    let home = VirtualHome::start().await;
    home.control.inject(Fault::new(RouteKind::Status, Effect::unavailable()).forever());
    while home.circuit(CLOUD)["state"] == "closed" {
        home.read().await;
    }
    home.control.clear_faults();
    home.advance(seconds(60)).await;
    home
}

/// A certificate that nobody has signed, as files of this folder; none where there is no `openssl`.
fn self_signed(folder: &Path) -> Option<[String; 2]> {
    let [key, certificate] = ["key.pem", "cert.pem"].map(|name| folder.join(name).display().to_string());
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", &key, "-out", &certificate])
        .stderr(Stdio::null())
        .status();
    made.inspect_err(|error| eprintln!("skipped: openssl: {error}")).ok()?;
    Some([key, certificate])
}

cases! {
    /// Whatever a cloud says of how long a token lives: it works, for one grant.
    ["FC-53"] a_token_of_any_lifetime_works {
        in_virtual_time(async || {
            let mut home = VirtualHome::with(patient_cloud(), |_| {}).await;
            let ms = 1_900_000_000_000_u64;
            for said in [
                Some(json!("3600")), Some(json!(0)), Some(json!(-5)), Some(json!(3600.5)), Some(json!("3600.0")),
                Some(json!(ms / 1_000)), Some(json!(ms)), Some(json!(10_000_000_000_000_000_000_u64)),
                Some(json!(null)), None, Some(json!(true)), Some(json!("abc")), Some(json!([3600])),
            ] {
                let what = format!("{said:?}");
                let change = move |document: &mut Value| {
                    let fields = document.as_object_mut().unwrap();
                    fields.remove("expires_in");
                    fields.extend(said.clone().map(|said| ("expires_in".to_owned(), said)));
                };
                on_the_way(&mut home, &["/oauth2/token"], Met::Changed(Box::new(change))).await;
                home.control.reset_counters();
                home.control.expire_access_token();
                for _ in 0..3 {
                    let report = home.read().await;
                    assert_eq!(report.state, State::Succeeded, "{what}: {report:?}");
                }
                assert_eq!(home.counters().grants_asked, 1, "{what}");
                // So that nobody seems to be fighting for the session.
                home.advance(seconds(120)).await;
            }
        });
    }

    /// Forty reads and two locks on a session that has ended, whose refresh token is good for one use.
    ["FC-55"] a_refresh_token_of_one_use_is_used_once {
        in_virtual_time(async || {
            let home = VirtualHome::with(rotating(), |_| {}).await;
            home.control.expire_access_token();
            let mut sent = Vec::new();
            for (car, _) in [LEGACY, CCS2] {
                for operation in ["refresh_cached"; 20].into_iter().chain(["lock"]) {
                    sent.push((car, home.begin(car, operation, "").await));
                }
            }
            for (car, id) in sent {
                let report = home.ended(car, &id).await;
                assert_eq!(report.state, State::Succeeded, "{report:?}");
            }
            let counters = home.counters();
            assert_eq!((counters.grants_asked, counters.refused_grants), (1, 0));
            assert_eq!(counters.total_actuations(), 2);
        });
    }

    /// The answer with the next refresh token is lost, and the one before is dead: that is told, and costs two tries.
    ["FC-56"] a_refresh_token_that_is_lost_on_the_way_is_told {
        in_virtual_time(async || {
            let home = VirtualHome::with(rotating(), |_| {}).await;
            home.control.inject(Fault::new(RouteKind::Token, Effect::Drop).after_acting());
            home.control.expire_access_token();
            let before = home.token_calls().len();
            for _ in 0..3 {
                let report = home.read().await;
                assert_eq!(report.reason, Some(Reason::AuthRequired), "{report:?}");
            }
            let calls = home.token_calls().split_off(before);
            assert_eq!(calls.len(), 2, "{calls:?}");
            assert!(calls[1] - calls[0] >= Duration::from_millis(500), "no pause: {calls:?}");
            assert_eq!(home.events("auth_required").len(), 1);
        });
    }

    /// A grant that is refused with its reason is refused, whatever the status beside it.
    ["FC-57"] a_dead_refresh_token_is_told_with_403_too {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            let body = r#"{"error":"invalid_grant"}"#;
            home.control.inject(Fault::new(RouteKind::Token, Effect::answer(403, body)).forever());
            home.control.expire_access_token();
            for _ in 0..3 {
                let report = home.read().await;
                assert_eq!(report.reason, Some(Reason::AuthRequired), "{report:?}");
            }
            assert_eq!((home.counters().grants_asked, home.events("auth_required").len()), (1, 1));
            assert_eq!(home.account()["state"], "auth_required");
        });
    }

    /// Of the one read that an open circuit lets in, any answer that makes sense closes it, and any other opens it again.
    ["FC-60"] a_probe_that_fails_leaves_a_circuit_that_goes_on {
        in_virtual_time(async || {
            for (effect, closes) in [
                (Effect::envelope("5921", "No data"), true),
                (Effect::duplicate(), true),
                (Effect::envelope("4003", "No"), true),
                (Effect::answer(404, r#"{"retCode":"F","resCode":"4040","resMsg":"No"}"#), true),
                // The vendor's limit is the account's: its circuit opens, and the account is left alone.
                (Effect::rate_limited(), false),
                (Effect::unavailable(), false),
                (Effect::answer(200, "<html>maintenance</html>"), false),
            ] {
                let home = half_open().await;
                home.control.inject(Fault::new(RouteKind::Status, effect.clone()).forever());
                let report = home.read().await;
                assert_ne!(report.state, State::Succeeded, "{effect:?}: {report:?}");
                let circuit = |name| home.circuit(name)["state"].clone();
                let is_open = circuit(CLOUD) == "open" || circuit("account home") == "open";
                assert_eq!((is_open, circuit(CLOUD) == "closed"), (!closes, closes), "{effect:?}: {report:?}");
                // While that is all that a read is told, the car can be locked.
                if closes {
                    let report = home.command(LEGACY.0, "lock", "").await;
                    assert_eq!(report.state, State::Succeeded, "{effect:?}: {report:?}");
                }
                home.control.clear_faults();
                home.advance(seconds(6 * 3_600)).await;
                let report = home.read().await;
                assert_eq!(report.state, State::Succeeded, "{effect:?}: {report:?}");
                assert_eq!(home.circuit(CLOUD)["state"], "closed", "{effect:?}");
            }
        });
    }

    /// A probe that nobody answers ends by itself, and another one is let in after it.
    ["FC-61"] a_probe_that_hangs_holds_no_circuit {
        in_virtual_time(async || {
            let home = half_open().await;
            home.control.inject(Fault::new(RouteKind::Status, Effect::Hold).times(1));
            let report = home.read().await;
            assert_ne!(report.state, State::Succeeded, "{report:?}");
            let circuit = home.circuit(CLOUD);
            assert!(circuit["state"] == "open" && circuit["until"].is_string(), "{circuit}");
            home.control.release();
            home.advance(seconds(120)).await;
            assert_eq!(home.read().await.state, State::Succeeded);
            assert_eq!(home.circuit(CLOUD)["state"], "closed");
        });
    }

    /// A list without cars is told, and read again by the next operation. An answer without a list is no list without cars.
    ["FC-62"] a_list_that_is_empty_at_first_is_read_again {
        for vehicles in [Some(json!([])), Some(json!(null)), None, Some(json!("none"))] {
            let home = RealHome::start().await;
            let content = vehicles.clone().map_or(json!({}), |vehicles| json!({"vehicles": vehicles}));
            let answer = json!({"retCode": "S", "resCode": "0000", "resMsg": content, "msgId": "x"});
            home.control().inject(Fault::new(RouteKind::Vehicles, Effect::answer(200, answer.to_string())));
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            let is_list = vehicles.as_ref().is_some_and(serde_json::Value::is_array);
            let (reason, words) = if is_list { (Reason::UnknownVehicle, "if it is one of these: none") } else { (Reason::UpstreamUnavailable, "Try again later.") };
            assert_eq!(report.reason, Some(reason), "{vehicles:?}: {report:?}");
            let message = report.message.unwrap();
            assert!(message.ends_with(words), "{vehicles:?}: {message}");
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!(report.state, State::Succeeded, "{vehicles:?}: {report:?}");
        }
    }

    /// Of a car of which the cloud has no data the other one takes no harm.
    ["FC-63"] a_car_without_data_harms_nobody_else {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            let no_data = Effect::envelope("5921", "No data");
            home.control.inject(Fault::new(RouteKind::Status, no_data).vehicle(LEGACY.1).forever());
            for _ in 0..8 {
                let report = home.read().await;
                assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::NoData)), "{report:?}");
                for operation in ["refresh_cached", "lock"] {
                    let report = home.command(CCS2.0, operation, "").await;
                    assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
                }
            }
        });
    }

    /// A newer car whose clock is behind, a little more than half a minute after it was woken, has answered.
    ["FC-67"] a_woken_car_whose_clock_is_behind_has_answered {
        in_virtual_time(async || {
            let mut home = VirtualHome::start().await;
            let calendar = Arc::clone(&home.calendar);
            let change = move |document: &mut Value| {
                let date = calendar.now() - seconds(90);
                document["resMsg"]["state"]["Vehicle"]["Date"] = date.strftime("%Y%m%d%H%M%S").to_string().into();
            };
            on_the_way(&mut home, &["/ccs2/carstatus/latest"], Met::Changed(Box::new(change))).await;
            let report = home.command(CCS2.0, "refresh_force", "").await;
            assert_eq!(report.state, State::Succeeded, "{report:?}");
            assert_eq!(home.retained("vehicle/ev6/state")["meta"]["stale"], false);
            assert_eq!(home.counters().forced_status, 1);
        });
    }

    /// What is cut, is no HTTP, is in no coding that it says or is larger than anybody sends: a read is tried a few times and
    /// may be tried later, a command is sent once and nobody knows.
    ["FC-70", "FC-71"] what_cannot_be_taken_for_an_answer_is_none {
        let good = br#"{"retCode":"S","resCode":"0000","resMsg":{},"msgId":"x"}"#;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(good).unwrap();
        let zipped = encoder.finish().unwrap();
        let answer = |header: &str, body: &[u8]| {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{header}\r\n\r\n");
            [head.as_bytes(), body].concat()
        };
        for (what, bytes) in [
            ("says gzip and is plain", answer("content-encoding: gzip", good)),
            ("ends within its gzip", answer("content-encoding: gzip", &zipped[..zipped.len() / 2])),
            ("ends within a chunk", answer("transfer-encoding: chunked", b"80\r\n{\"retCode\":\"S\",")),
            ("is shorter than it says", answer("content-length: 500", good)),
            ("is another protocol", b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()),
            ("is none", Vec::new()),
            ("is larger than anybody sends", answer("x: y", &[good.as_slice(), &[b' '; 1_200_000]].concat())),
        ] {
            let met = met_as(bytes).await;
            in_virtual_time(async || {
                let mut home = VirtualHome::start().await;
                on_the_way(&mut home, DATA, met).await;
                let report = home.read().await;
                assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::UpstreamUnavailable)), "{what}: {report:?}");
                assert!(report.retryable && (1..=4).contains(&report.attempts), "{what}: {report:?}");
                // Past what an open circuit would keep from being sent at all.
                home.advance(seconds(120)).await;
                home.control.reset_counters();
                let report = home.command(LEGACY.0, "lock", "").await;
                assert_eq!((report.state, report.attempts), (State::Unknown, 1), "{what}: {report:?}");
                assert_eq!(home.counters().commands, 1, "{what}");
                free(&mut home).await;
                home.advance(seconds(120)).await;
                assert_eq!(home.read().await.state, State::Succeeded, "{what}");
            });
        }
    }

    /// A slow answer is waited for, for half a minute and not for ever.
    ["FC-72"] a_slow_answer_is_waited_for_and_ended_in_time {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            let late = |route, millis| home.control.inject(Fault::new(route, Effect::Delay { millis }).forever());
            for millis in [20_000, 29_000] {
                late(RouteKind::Status, millis);
                let report = home.read().await;
                assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{millis}: {report:?}");
                home.control.clear_faults();
            }
            late(RouteKind::Status, 45_000);
            late(RouteKind::Command, 45_000);
            for (operation, state, within) in [("refresh_cached", State::Failed, 61), ("lock", State::Unknown, 31)] {
                let began = home.now();
                let report = home.command(LEGACY.0, operation, "").await;
                assert_eq!(report.state, state, "{report:?}");
                let took = home.now() - began;
                assert!((seconds(30)..seconds(within)).contains(&took), "{operation}: {took:?}");
                home.advance(seconds(120)).await;
            }
            assert_eq!(home.counters().commands, 1);
        });
    }

    /// The time that a request has is for its whole answer: bytes that keep coming do not prolong it.
    ["FC-72"] an_answer_that_dribbles_is_ended_in_time {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _request = stream.read(&mut [0; 1_024]).await;
            let mut bytes = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_owned();
            while stream.write_all(bytes.as_bytes()).await.is_ok() {
                bytes = " ".to_owned();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let request = way::get(&url, Duration::from_millis(200), false);
        let answer = HttpClient::new(&Network::default()).unwrap().send(request).await;
        assert!(matches!(answer, Err(TransportError::Interrupted(_))), "{answer:?}");
    }

    /// A cloud at an IPv6 address is a cloud.
    ["FC-73"] a_cloud_may_have_an_ipv6_address {
        if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
            return eprintln!("skipped: no IPv6");
        }
        let listen = (Ipv6Addr::LOCALHOST, 0).into();
        let home = RealHome::with(simulator::Config { listen, ..Default::default() }).await;
        assert!(home.cloud.base_url().contains("[::1]"), "{}", home.cloud.base_url());
        for operation in ["refresh_cached", "lock"] {
            assert_eq!(home.command(LEGACY.0, operation, "").await.state, State::Succeeded);
        }
    }

    /// A cloud with which there is no connection was asked nothing: that passes, names its cause, and counts as no sign-in.
    ["FC-74"] a_cloud_without_a_connection_was_asked_nothing {
        let folder = tempfile::tempdir().unwrap();
        let plain = server(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        let mut urls = vec![
            (format!("https://127.0.0.1:{plain}/"), "corrupt message"),
            ("https://cloud.invalid/".to_owned(), "cloud.invalid: name or service not known"),
        ];
        let mut broker = None;
        if let Some([key, certificate]) = self_signed(folder.path()) {
            // It says nothing but its certificate.
            broker = Mosquitto::start(&format!("allow_anonymous true\ncertfile {certificate}\nkeyfile {key}")).await;
        }
        urls.extend(broker.iter().map(|broker| (format!("https://127.0.0.1:{}/", broker.port), "certificate")));
        for (url, cause) in urls {
            let met = met_at(&url).await;
            let Met::NotSent(why) = &met else { panic!("{url} was sent to") };
            assert!(why.contains(cause), "{url}: {why}");
            in_virtual_time(async || {
                let mut home = VirtualHome::start().await;
                home.environment.store.commit(vec![Write::remove(Kind::Cell, "home/session")]).await.unwrap();
                on_the_way(&mut home, &["/"], met).await;
                // More often than anybody may sign in within a day.
                for _ in 0..20 {
                    let report = home.read().await;
                    assert!(report.retryable && report.reason.is_some_and(Reason::may_pass), "{url}: {report:?}");
                    if report.reason == Some(Reason::UpstreamUnavailable) {
                        assert!(report.detail.as_ref().is_some_and(|detail| detail.contains(cause)), "{url}: {report:?}");
                    }
                    home.advance(seconds(60)).await;
                }
                free(&mut home).await;
                home.advance(seconds(60)).await;
                let report = home.read().await;
                assert_eq!(report.state, State::Succeeded, "{url}: {report:?}");
            });
        }
    }

    /// Names in any script find their car; where a name becomes a part of a topic, what cannot be one is refused with its
    /// line and what to write.
    ["FC-80"] names_that_topics_cannot_have_are_refused {
        let mut cloud = simulator::Config::default();
        cloud.vehicles[0].nickname = "Käfer 🚗/2".to_owned();
        let home = RealHome::configured(cloud, |config| {
            for (slug, vehicle) in &mut config.vehicles {
                if slug.as_str() == LEGACY.0 {
                    vehicle.selector = Selector::Name("Käfer 🚗/2".to_owned());
                }
            }
        })
        .await;
        assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
        assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);

        let good = testkit::configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
        let complaint = |text: &str| {
            let secret = |name: &str| Some(if name == "PIN" { "1234".to_owned() } else { "A".repeat(48) });
            Config::parse(text, Path::new("car.toml"), &secret).unwrap_err().to_string()
        };
        for slug in ["käfer", "🚗", "a/b", "a b", "a+", "#"] {
            let said = complaint(&good.replace("[vehicle.niro]", &format!("[vehicle.\"{slug}\"]")));
            assert!(said.contains("car.toml:14: ") && said.contains("use 1 to 64 of a-z"), "{slug}: {said}");
        }
        for topic in ["a/+/b", "#", "", "a//b", "$SYS/x", "/a"] {
            let given = format!("[mqtt]\nbase_topic = {topic:?}");
            let said = complaint(&good.replacen("[mqtt]", &given, 1));
            assert!(said.contains("car.toml:3: mqtt.base_topic: "), "{topic:?}: {said}");
        }
    }

    /// A long outage costs a few requests a minute, however much is commanded, and ends without anybody's doing.
    ["FC-83"] a_long_outage_costs_little_and_heals {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            home.control.inject(Fault::new(RouteKind::Any, Effect::unavailable()).forever());
            for _ in 0..20 {
                for (car, _) in [LEGACY, CCS2] {
                    home.begin(car, "refresh_cached", "").await;
                }
                home.advance(seconds(2)).await;
            }
            let requests = home.counters().requests;
            assert!((1..=10).contains(&requests), "{requests} requests in 40 s");
            for _ in 0..6 * 60 {
                home.begin(CCS2.0, "refresh_cached", "").await;
                home.advance(seconds(60)).await;
            }
            let requests = home.counters().requests - requests;
            assert!(requests <= 3 * 6 * 60, "{requests} requests in six hours");
            home.control.clear_faults();
            let well = home.now();
            while home.read().await.state != State::Succeeded {
                home.advance(seconds(1)).await;
            }
            assert!(home.now() - well <= seconds(65), "{:?}", home.now() - well);
            assert_eq!(home.command(CCS2.0, "lock", "").await.state, State::Succeeded);
        });
    }

    /// Whatever a cloud says of how long the permission lives that a PIN gives: two locks work, for one PIN or one each.
    ["FC-84"] a_permission_of_any_lifetime_works {
        in_virtual_time(async || {
            for said in [
                Some(json!(null)), Some(json!(0)), Some(json!("600")), Some(json!(1_900_000_000_000_u64)), None,
                Some(json!(-1)), Some(json!(600.5)),
            ] {
                let what = format!("{said:?}");
                let mut home = VirtualHome::start().await;
                let change = move |document: &mut Value| {
                    let fields = document.as_object_mut().unwrap();
                    fields.remove("expiresTime");
                    fields.extend(said.clone().map(|said| ("expiresTime".to_owned(), said)));
                };
                on_the_way(&mut home, &["/user/pin"], Met::Changed(Box::new(change))).await;
                for _ in 0..2 {
                    let report = home.command(CCS2.0, "lock", "").await;
                    assert_eq!(report.state, State::Succeeded, "{what}: {report:?}");
                }
                let pins = home.counters().of(RouteKind::Pin);
                assert!((1..=2).contains(&pins), "{what}: {pins} PINs");
            }
        });
    }
}
