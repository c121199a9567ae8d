//! mosquitto, where it is installed; skipped with a message otherwise.

use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::mqtt::{Mosquitto, message, next, options, up};
use vehicle_connector::mqtt::{Event, MAX_INCOMING_V5, Tls, TlsError, Version, connect};
use vehicle_connector::wire::message::Outgoing;

#[tokio::test]
async fn the_life_of_a_client() {
    let Some(mut broker) = Mosquitto::start("allow_anonymous true").await else {
        return;
    };
    let (publisher, mut events) = connect(options(broker.port)).unwrap();
    assert_eq!(up(&mut events).await, Version::V5);

    // Retained before the subscription, and while subscribed: marked. Own messages: not echoed.
    broker.publish(&["-t", "b/cmd/old", "-m", "x", "-r", "-q", "1"]);
    publisher.subscribe(&["b/#"]).await.unwrap();
    let old = message(&mut events).await;
    assert_eq!((old.topic.as_str(), old.retain), ("b/cmd/old", true));
    drop(old);
    publisher.publish(Outgoing::new("b/own", "x")).await.unwrap();
    broker.publish(&["-t", "b/cmd/new", "-m", "y", "-r", "-q", "1"]);
    let first = message(&mut events).await;
    assert_eq!((first.topic.as_str(), first.retain), ("b/cmd/new", true));

    // Larger than announced: the broker does not deliver it, and the connection stays.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![b'x'; MAX_INCOMING_V5 as usize + 1]).unwrap();
    broker.publish(&["-t", "b/cmd/big", "-f", file.path().to_str().unwrap(), "-q", "1", "-r"]);
    broker.publish(&["-V", "5", "-t", "b/cmd/next", "-m", "z", "-D", "publish", "response-topic", "r"]);
    let next_one = message(&mut events).await;
    assert_eq!((next_one.topic.as_str(), next_one.response_topic.as_deref()), ("b/cmd/next", Some("r")));

    // The broker restarts; messages that were published meanwhile arrive.
    let _ = broker.process.kill();
    let _ = broker.process.wait();
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    publisher.publish(Outgoing::new("b/state", "1").retained()).await.unwrap();
    publisher.publish(Outgoing::new("b/state", "2").retained()).await.unwrap();
    broker.restart("allow_anonymous true").await;
    assert_eq!(up(&mut events).await, Version::V5);
    assert_eq!(broker.retained("b/state"), "2\n");

    // A goodbye keeps the will back, a crash does not.
    publisher.publish(Outgoing::new("b/bridge/state", "stopped").retained()).await.unwrap();
    publisher.disconnect().await;
    assert_eq!(broker.retained("b/bridge/state"), "stopped\n");
    let (publisher, mut events) = connect(options(broker.port)).unwrap();
    up(&mut events).await;
    drop(publisher);
    assert_eq!(events.next().await, None);
    assert_eq!(broker.retained("b/bridge/state"), "offline\n");
}

#[tokio::test]
async fn a_wrong_password_in_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let passwords = dir.path().join("passwords");
    let hashed =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["car", "right"]).status();
    if hashed.is_err() {
        return eprintln!("skipped: mosquitto_passwd is not installed");
    }
    let extra = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let Some(broker) = Mosquitto::start(&extra).await else {
        return;
    };
    for version in [Version::V5, Version::V4] {
        let mut wrong = options(broker.port);
        wrong.version = version;
        wrong.username = Some("car".into());
        wrong.password = Some("wrong".to_owned().into());
        let (_publisher, mut events) = connect(wrong.clone()).unwrap();
        let Event::Disconnected { reason } = next(&mut events).await else { panic!("connected") };
        assert!(reason.contains("user name or password"), "{reason}");
        wrong.password = Some("right".to_owned().into());
        let (_publisher, mut events) = connect(wrong).unwrap();
        assert_eq!(up(&mut events).await, version);
    }
}

/// Another client of our name that comes back at once (FC-78).
#[tokio::test]
async fn two_clients_of_one_name_slow_down() {
    let Some(broker) = Mosquitto::start("allow_anonymous true").await else {
        return;
    };
    let (_one, mut first) = connect(options(broker.port)).unwrap();
    up(&mut first).await;
    let (_two, mut second) = connect(options(broker.port)).unwrap();
    up(&mut second).await;
    let Event::Disconnected { reason } = next(&mut first).await else { panic!("two of one name") };
    assert!(reason.contains("another client takes our client name"), "{reason}");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut changes = 0;
    while tokio::time::timeout(Duration::from_millis(10), first.next()).await.is_ok() {
        changes += 1;
    }
    assert!(changes < 10, "{changes} changes in ten seconds");
}

#[tokio::test]
async fn tls_with_an_authority_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext",
            "basicConstraints=CA:FALSE",
        ])
        .args(["-keyout", &path("key.pem"), "-out", &path("cert.pem")])
        .stderr(Stdio::null())
        .status();
    if made.is_err() {
        return eprintln!("skipped: openssl is not installed");
    }
    let extra = format!("allow_anonymous true\ncertfile {}\nkeyfile {}", path("cert.pem"), path("key.pem"));
    let Some(broker) = Mosquitto::start(&extra).await else {
        return;
    };
    let own = Tls::Authorities(std::fs::read(path("cert.pem")).unwrap());
    for (host, version) in [("localhost", Version::V5), ("127.0.0.1", Version::V4)] {
        let mut trusting = options(broker.port);
        (trusting.host, trusting.tls, trusting.version) = (host.into(), Some(own.clone()), version);
        let (_publisher, mut events) = connect(trusting).unwrap();
        assert_eq!(up(&mut events).await, version);
    }
    let mut platform = options(broker.port);
    platform.tls = Some(Tls::Platform);
    match connect(platform) {
        Err(TlsError::NoPlatformRoots(_)) => eprintln!("no platform roots here"),
        Err(error) => panic!("{error}"),
        Ok((_publisher, mut events)) => {
            let Event::Disconnected { reason } = next(&mut events).await else { panic!("trusted anybody") };
            assert!(reason.contains("certificate"), "{reason}");
        }
    }
}
