//! The listener: who is answered, and what it takes from whom it does not answer.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use testkit::virtual_home::VirtualHome;
use testkit::{Home, RealHome};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vehicle_connector::config::Http;
use vehicle_connector::watching::{CONNECTIONS, Listener, Patience, Watching};

use super::CONNECTED;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(300);

fn config() -> Http {
    Http {
        listen: "127.0.0.1:0".parse().unwrap(),
        auth_token: None,
        hosts: BTreeSet::from(["car.lan".to_owned()]),
        good_for: Duration::from_secs(3_600),
    }
}

async fn watched(home: &RealHome, config: &Http, patience: Patience) -> Watching {
    Listener::open(config).await.unwrap().patient(patience).serve(&home.host)
}

/// Sends these bytes, and returns everything that comes until the connection ends.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may have hung up before it has read all.
    let _closed = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    exchange(address, format!("GET {path} HTTP/1.1\r\n{headers}\r\n").as_bytes()).await
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics_are_answered_and_nothing_private_is_in_them() {
    let home = RealHome::start().await;
    let watching = watched(&home, &config(), Patience::default()).await;
    let ask = async |path: &str| get(watching.address(), path, "Host: 127.0.0.1:1\r\n").await;
    assert_eq!(status(&ask("/healthz").await), 200, "the process is there");
    let not_ready = ask("/readyz").await;
    assert!(
        status(&not_ready) == 503 && not_ready.contains("the MQTT broker is not connected"),
        "{not_ready}"
    );
    home.published.connect(CONNECTED);
    home.settle().await;
    home.command("ev6", "refresh_cached", "").await;
    let ready = ask("/readyz").await;
    assert!(status(&ready) == 200 && ready.ends_with("{\"ready\":true,\"reasons\":[]}\n"), "{ready}");
    let metrics = ask("/metrics").await;
    assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0"), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let cloud = simulator::Config::default();
    for car in &cloud.vehicles {
        for private in [&car.vin, &car.id, &car.state.latitude.to_string()] {
            assert!(!metrics.contains(private.as_str()) && !ready.contains(private.as_str()), "{private}");
        }
    }
    let head = exchange(watching.address(), b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(status(&head) == 200 && head.ends_with("\r\n\r\n"), "{head}");
    home.host.stop().await;
    let stopping = ask("/readyz").await;
    assert!(status(&stopping) == 503 && stopping.contains("the host is stopping"), "{stopping}");
    let address = watching.address();
    watching.close().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_another_host_or_wants_something_else_is_refused() {
    let home = RealHome::start().await;
    let watching = watched(&home, &config(), Patience::default()).await;
    for (request, wanted) in [
        ("GET /healthz HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", 200),
        ("GET /healthz HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200),
        ("GET /healthz HTTP/1.1\r\nHost: Car.LAN\r\n\r\n", 200),
        ("GET /healthz HTTP/1.1\r\nHost: rebound.example\r\n\r\n", 421),
        ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.rebound.example\r\n\r\n", 421),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: rebound.example\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 413),
        ("GET /metrics/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    ] {
        let answer = exchange(watching.address(), request.as_bytes()).await;
        assert_eq!(status(&answer), wanted, "{request}{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_only_who_has_it_reads_more_than_that_it_is_there() {
    let home = RealHome::start().await;
    let config = Http { auth_token: Some("0123456789abcdef".to_owned().into()), ..config() };
    let watching = watched(&home, &config, Patience::default()).await;
    let ask = async |path: &str, authorization: &str| {
        status(&get(watching.address(), path, &format!("Host: localhost\r\n{authorization}")).await)
    };
    for path in ["/metrics", "/readyz"] {
        assert_eq!(ask(path, "").await, 401);
        assert_eq!(ask(path, "Authorization: Bearer 0123456789abcdeg\r\n").await, 401);
        assert_eq!(ask(path, "Authorization: Basic 0123456789abcdef\r\n").await, 401);
        assert!(matches!(ask(path, "Authorization: bearer 0123456789abcdef\r\n").await, 200 | 503));
    }
    assert_eq!(ask("/healthz", "").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bytes_and_slow_clients_end_and_others_are_answered() {
    let home = RealHome::start().await;
    let patience = Patience { head: Duration::from_millis(100), lifetime: LONG };
    let watching = watched(&home, &config(), patience).await;
    let address = watching.address();
    let mut long = b"GET /".to_vec();
    long.resize(64 << 10, b'x');
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", &long]
    {
        let answer = exchange(address, bytes).await;
        assert!(answer.is_empty() || (400..500).contains(&status(&answer)), "{answer}");
    }
    // It sends half a head and waits; the connection ends by itself.
    let answer = exchange(address, b"GET /healthz HTTP/1.1\r\nHost: local").await;
    assert_ne!(status(&answer), 200, "{answer}");
    // It asks and never reads.
    let mut lazy = TcpStream::connect(address).await.unwrap();
    lazy.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(status(&get(address, "/healthz", "Host: localhost\r\n").await), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_are_served_so_many_at_once_and_the_next_one_after_them() {
    let home = RealHome::start().await;
    let patience = Patience { head: LONG, lifetime: LONG };
    let watching = watched(&home, &config(), patience).await;
    let address = watching.address();
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
        held.push(stream);
    }
    for number in 0..1_000 {
        let answer = get(address, "/healthz", "Host: localhost\r\n").await;
        assert_eq!(answer, "", "connection {number}: there is no place for it");
    }
    for stream in &mut held {
        stream.write_all(b"Host: localhost\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(status(&answer), 200, "those that were first are served: {answer}");
    }
    // A place is free a moment after its answer was read.
    while status(&get(address, "/healthz", "Host: localhost\r\n").await) != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_nothing_is_not_waited_for() {
    let home = VirtualHome::start().await;
    let watching = Listener::open(&config()).await.unwrap().serve(&home.host);
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(Arc::new(TcpStream::connect(watching.address()).await.unwrap()));
    }
    // In virtual time the seconds that they have are over at once.
    for stream in streams {
        let mut nothing = [0; 1];
        stream.readable().await.unwrap();
        assert_eq!(stream.try_read(&mut nothing).unwrap_or(0), 0, "it is closed");
    }
}
