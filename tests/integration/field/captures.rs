//! Captures that did not happen, and answers that cannot be read.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::descriptor::Network;
use vehicle_connector::primitives::transport::Response;
use vehicle_connector::primitives::{HttpClient, HttpRequest, Transport};
use vehicle_connector::store::{Kind, MemoryStore, Record, Store, StoreError, Write};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use super::in_virtual_time;

const TOKEN: &str = "/oauth2/token";

/// What an answer becomes on its way from the path that it is about.
type Reshape = Box<dyn Fn(&str, &mut Response) + Send + Sync>;

/// The network, with something on the way that changes answers.
struct OnTheWay {
    network: HttpClient,
    reshape: Reshape,
}

impl OnTheWay {
    fn around(reshape: impl Fn(&str, &mut Response) + Send + Sync + 'static) -> Arc<dyn Transport> {
        Arc::new(Self { network: HttpClient::new(&Network::default()).unwrap(), reshape: Box::new(reshape) })
    }
}

impl fmt::Debug for OnTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnTheWay")
    }
}

impl Transport for OnTheWay {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        let path = request.url.path().to_owned();
        async move {
            let mut response = self.network.send(request).await?;
            (self.reshape)(&path, &mut response);
            Ok(response)
        }
        .boxed()
    }
}

/// Replaces a member of a JSON answer.
fn set(response: &mut Response, member: &str, value: Value) {
    let mut document: Value = serde_json::from_slice(&response.body).unwrap();
    document[member] = value;
    response.body = document.to_string().into_bytes();
}

/// What clouds write where a secret should be, and is none.
fn nothings() -> [Value; 10] {
    [
        json!(null),
        json!(""),
        json!("   \t"),
        json!("null"),
        json!("undefined"),
        json!("[object Object]"),
        json!("x"),
        json!(true),
        json!(1_234_567_890_123_u64),
        json!("00000000-0000-0000-0000-000000000000"),
    ]
}

/// The host again, with this on the way to the cloud.
async fn over(home: &mut RealHome, transport: Arc<dyn Transport>) {
    let simulator::Config { refresh_token, pin, .. } = simulator::Config::default();
    home.environment = home.environment.clone().with_transport(transport);
    home.restart(&refresh_token, &pin).await;
}

/// Whether it failed for something that passes, with nobody refusing anything.
fn is_later(report: &Report) -> bool {
    matches!(report.state, State::Failed | State::Rejected)
        && report.reason == Some(Reason::UpstreamUnavailable)
        && report.retryable
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn coded(response: &mut Response, coding: &str) {
    response.headers.retain(|(name, _)| name != "content-encoding");
    response.headers.push(("content-encoding".to_owned(), coding.to_owned()));
}

/// A store that keeps what was written to the session's cell, in order.
#[derive(Debug, Default)]
struct Watched {
    store: MemoryStore,
    sessions: Arc<Mutex<Vec<Value>>>,
}

impl Store for Watched {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.store.load(kind, key)
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.store.list(kind)
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        let session = writes.iter().filter(|write| write.kind == Kind::Cell && write.key == "home/session");
        let written = session.filter_map(|write| serde_json::from_slice(write.value.as_deref()?).ok());
        self.sessions.lock().extend(written);
        self.store.commit(writes)
    }
}

cases! {
    /// What stands in the place of the next refresh token and is none leaves the good one where it is.
    ["FC-05", "FC-54", "K3"] an_empty_refresh_token_takes_no_good_ones_place {
        let mut home = RealHome::with(patient_cloud()).await;
        for nothing in nothings() {
            let value = nothing.clone();
            let way = OnTheWay::around(move |path, response| {
                if path.ends_with(TOKEN) {
                    set(response, "refresh_token", value.clone());
                }
            });
            over(&mut home, way).await;
            // The first refresh gets it, and the second one has to do with what was kept.
            for _ in 0..2 {
                home.control().expire_access_token();
                home.clock.advance(30);
                let report = home.command(LEGACY.0, "refresh_cached", "").await;
                assert_eq!(report.state, State::Succeeded, "{nothing}: {report:?}");
            }
        }
    }

    /// Without an access token there is no session: it failed, the account says so, and nothing latches.
    ["FC-05", "K3"] an_access_token_that_is_none_is_no_session {
        in_virtual_time(async || {
            // The others are those of the host's own tests.
            for nothing in [json!(null), json!(""), json!("null"), json!(12_345_678)] {
                let home = VirtualHome::start().await;
                let body = json!({"token_type": "Bearer", "access_token": nothing, "expires_in": 3_600});
                home.control.expire_access_token();
                home.control.inject(Fault::new(RouteKind::Token, Effect::answer(200, body.to_string())).forever());
                let report = home.read().await;
                assert!(is_later(&report), "{nothing}: {report:?}");
                let told = serde_json::to_string(&report).unwrap();
                assert!(told.contains("HTTP 200") && !told.contains("auth_required"), "{told}");
                assert_eq!(home.account()["state"], "upstream_down", "{nothing}");

                home.control.clear_faults();
                home.advance(Duration::from_secs(600)).await;
                let report = home.read().await;
                assert_eq!(report.state, State::Succeeded, "{nothing}: {report:?}");
            }
        });
    }

    /// A registration that gives no device id is none: it failed, and the next operation registers, also of the next host.
    ["FC-10", "K5"] a_registration_without_its_device_is_made_again {
        let mut home = RealHome::with(patient_cloud()).await;
        let contents = [json!({}), json!(null), json!([]), json!("deviceId")];
        let contents = contents.into_iter().chain(nothings().map(|nothing| json!({"deviceId": nothing})));
        for (row, content) in contents.enumerate() {
            let body = json!({"retCode": "S", "resCode": "0000", "resMsg": content, "msgId": "x"});
            home.control().inject(Fault::new(RouteKind::Register, Effect::answer(200, body.to_string())));
            // The first row is that of a new account.
            home.control().invalidate_device(None);
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert!(is_later(&report), "{content}: {report:?}");
            let told = serde_json::to_string(&report).unwrap();
            assert!(told.contains("the answer has no device-id (HTTP 200"), "{told}");
            if row == 0 {
                let simulator::Config { refresh_token, pin, .. } = patient_cloud();
                home.restart(&refresh_token, &pin).await;
            }
            home.clock.advance(600);
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!(report.state, State::Succeeded, "{content}: {report:?}");
        }
    }

    /// A permission without its token is none, and no command is sent with it.
    ["K5"] a_permission_without_its_token_sends_nothing {
        let home = RealHome::with(patient_cloud()).await;
        home.settle().await;
        let body = json!({"controlToken": "", "expiresTime": 600}).to_string();
        home.control().inject(Fault::new(RouteKind::Pin, Effect::answer(200, body)));
        let report = home.command(CCS2.0, "lock", "").await;
        assert_ne!(report.state, State::Succeeded, "{report:?}");
        assert_eq!(home.control().counters().commands, 0);
        let cells = home.environment.store.list(Kind::Cell).await.unwrap();
        let permission = cells.iter().find(|(key, _)| key == "home/control-token");
        let committed = permission.and_then(|(_, cell)| serde_json::from_slice::<Value>(cell).ok());
        assert!(committed.is_none_or(|cell| cell["value"].is_null()), "a permission without its token was kept");
    }

    /// A refresh token that has rotated is stored when it comes, before the connector goes on: the host may be killed in
    /// between, and the cloud takes no other one any more.
    ["S14", "FC-58"] a_token_that_has_rotated_is_stored_at_once {
        let mut home = RealHome::with(simulator::Config { rotate_refresh_token: true, ..patient_cloud() }).await;
        let watched = Watched::default();
        let sessions = Arc::clone(&watched.sessions);
        home.environment.store = Arc::new(watched);
        let simulator::Config { refresh_token, pin, .. } = simulator::Config::default();
        home.restart(&refresh_token, &pin).await;
        // Of a sign-in the access token is not: without the session that it belongs to it would be of no use.
        for at_once in [&["refresh-token"][..], &["refresh-token", "access-token"]] {
            sessions.lock().clear();
            home.control().expire_access_token();
            home.clock.advance(60);
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!(report.state, State::Succeeded, "{report:?}");
            let mut written = sessions.lock().clone();
            // What is written before anything has come tells that it can be.
            written.retain(|session| session["secrets"]["refresh-token"].is_string());
            let [first, .., last] = written.as_slice() else { unreachable!("{} writes", written.len()) };
            assert_eq!(first["generation"].as_u64().map(|it| it + 1), last["generation"].as_u64());
            for &secret in at_once {
                assert!(first["secrets"][secret].is_string(), "{secret} was not stored at once");
                assert_eq!(first["secrets"][secret], last["secrets"][secret]);
            }
            // As if it had been killed right after the first write.
            let key = "home/session".to_owned();
            let write = Write { kind: Kind::Cell, key, value: Some(first.to_string().into_bytes()) };
            home.host.stop().await;
            home.environment.store.commit(vec![write]).await.unwrap();
            home.restart(&refresh_token, &pin).await;
            home.control().expire_access_token();
            home.clock.advance(60);
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!(report.state, State::Succeeded, "after a kill: {report:?}");
        }
    }

    /// Codings that are none, a byte order mark and the older name of gzip make no answer unreadable.
    ["FC-37", "FC-12", "K19"] what_the_rest_of_the_world_reads_is_read {
        let mut home = RealHome::with(patient_cloud()).await;
        let wide = |body: &[u8]| {
            let units = std::str::from_utf8(body).unwrap().encode_utf16();
            [0xff, 0xfe].into_iter().chain(units.flat_map(u16::to_le_bytes)).collect::<Vec<u8>>()
        };
        let ways: [(&str, Reshape); 6] = [
            ("x-gzip", Box::new(|_, it| { it.body = zipped(&it.body); coded(it, "x-gzip") })),
            ("gzip", Box::new(|_, it| { it.body = zipped(&it.body); coded(it, "GZIP") })),
            ("utf-8", Box::new(|_, it| coded(it, "utf-8"))),
            ("none", Box::new(|_, it| coded(it, "none"))),
            ("a mark", Box::new(|_, it| it.body = [b"\xef\xbb\xbf", it.body.as_slice()].concat())),
            ("UTF-16", Box::new(move |_, it| it.body = wide(&it.body))),
        ];
        for (name, reshape) in ways {
            over(&mut home, OnTheWay::around(reshape)).await;
            home.control().expire_access_token();
            home.clock.advance(30);
            for operation in ["refresh_cached", "lock"] {
                let report = home.command(CCS2.0, operation, "").await;
                assert_eq!(report.state, State::Succeeded, "{name}, {operation}: {report:?}");
            }
        }
    }

    /// What cannot be undone is told, and a command whose answer is so has perhaps been executed.
    ["FC-37", "K19"] a_coding_that_cannot_be_undone_is_named {
        let mut home = RealHome::with(patient_cloud()).await;
        for coding in ["br", "deflate", "zstd", "gzip, gzip"] {
            over(&mut home, OnTheWay::around(move |path, it| {
                if path.contains("/status/") || path.ends_with("/control/door") || path.ends_with("/ccs2/control/door") {
                    coded(it, coding);
                }
            })).await;
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert!(is_later(&report), "{coding}: {report:?}");
            let told = serde_json::to_string(&report).unwrap();
            let wanted = format!("the answer comes in the coding `{coding}`, which this host cannot undo (HTTP 200");
            assert!(told.contains(&wanted), "{told}");
        }
        home.control().reset_counters();
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(report.state, State::Unknown, "{report:?}");
        assert_eq!(home.control().counters().commands, 1);
        assert_eq!(home.control().counters().actuations[LEGACY.1][&ActionKind::Lock], 1);
    }

    /// A page, nothing, or a redirect in the place of an answer to a read is somebody in between, and passes.
    ["FC-39", "K19"] what_is_no_answer_to_a_read_is_for_later {
        let home = RealHome::with(patient_cloud()).await;
        home.settle().await;
        let redirect = Effect::Answer {
            status: 302,
            body: String::new(),
            headers: vec![("location".to_owned(), "/login?next=%2F".to_owned())],
        };
        for effect in [
            Effect::answer(200, "<html><body>We are working on it. Key not authorized.</body></html>"),
            Effect::answer(200, ""),
            Effect::answer(204, ""),
            Effect::answer(200, "null"),
            Effect::answer(200, "OK"),
            Effect::answer(200, "[]"),
            Effect::answer(203, "{\"status\":\"maintenance\"}"),
            redirect,
        ] {
            for vehicle in [LEGACY, CCS2] {
                let fault = Fault::new(RouteKind::Status, effect.clone()).forever();
                home.control().inject(fault);
                let report = home.command(vehicle.0, "refresh_cached", "").await;
                home.control().clear_faults();
                assert!(is_later(&report), "{effect:?}: {report:?}");
                // A cloud that answers nonsense is left alone after a few of them; that is no part of this.
                home.clock.advance(120);
                let report = home.command(vehicle.0, "refresh_cached", "").await;
                assert_eq!(report.state, State::Succeeded, "{report:?}");
            }
        }
    }
}
