//! What a service manager is told by the program, over the socket that it names.

use std::process::Stdio;
use std::time::Duration;

use testkit::mqtt::Mosquitto;
use tokio::net::UnixDatagram;
use tokio::process::Command;
use tokio::time::timeout;

/// Longer than a start takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until this was told, and returns everything that was until then, a line each.
async fn told_until(socket: &UnixDatagram, line: &str) -> Vec<String> {
    let mut told = Vec::new();
    let mut message = [0; 1024];
    let waiting = async {
        while !told.iter().any(|told| told == line) {
            let length = socket.recv(&mut message).await.unwrap();
            let text = std::str::from_utf8(&message[..length]).unwrap();
            told.extend(text.lines().map(str::to_owned));
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "never told {line:?}, but {told:?}");
    told
}

#[tokio::test]
async fn a_service_manager_hears_when_the_host_serves_waits_lives_reloads_and_stops() {
    let Some(mut broker) = Mosquitto::start("allow_anonymous true").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    let file = folder.path().join("car.toml");
    std::fs::write(&file, format!("[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n", broker.port)).unwrap();
    let mut host = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"))
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .env("WATCHDOG_USEC", "400000")
        .args(["run", "-c"])
        .arg(&file)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();

    let waits = format!("STATUS=waiting for the broker 127.0.0.1:{}", broker.port);
    let serves = format!("STATUS=serving the broker 127.0.0.1:{}", broker.port);
    let told = told_until(&socket, "READY=1").await;
    let words: Vec<_> = told.iter().filter(|line| *line != "WATCHDOG=1").collect();
    assert_eq!(words, [&waits, &serves, "READY=1"]);
    told_until(&socket, "WATCHDOG=1").await;

    broker.restart("allow_anonymous true").await;
    told_until(&socket, &waits).await;
    let told = told_until(&socket, &serves).await;
    assert!(!told.iter().any(|line| line == "READY=1"), "a start is done once: {told:?}");

    let process = host.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-HUP", &process]).status().await.unwrap().success());
    told_until(&socket, "RELOADING=1").await;
    told_until(&socket, "READY=1").await;

    assert!(Command::new("kill").args(["-TERM", &process]).status().await.unwrap().success());
    told_until(&socket, "STOPPING=1").await;
    assert!(host.wait().await.unwrap().success());
}
