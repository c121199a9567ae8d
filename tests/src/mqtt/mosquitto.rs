//! The broker mosquitto, where it is installed.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::free_port;

/// A broker of its own on a free port.
#[derive(Debug)]
pub struct Mosquitto {
    /// Process of the broker.
    pub process: Child,
    /// Port at which it listens.
    pub port: u16,
    _dir: tempfile::TempDir,
}

impl Mosquitto {
    /// Starts a broker; none, with a message, where it is not installed.
    pub async fn start(extra: &str) -> Option<Self> {
        let port = free_port();
        let dir = tempfile::tempdir().unwrap();
        let mut broker = Self { process: Self::spawn(port, extra, dir.path())?, port, _dir: dir };
        broker.reachable().await;
        Some(broker)
    }

    fn spawn(port: u16, extra: &str, dir: &std::path::Path) -> Option<Child> {
        let file = dir.join("mosquitto.conf");
        // Started by root it would change to a user that cannot read the test's files.
        std::fs::write(&file, format!("user root\nlistener {port} 127.0.0.1\n{extra}\n")).unwrap();
        let started = Command::new("mosquitto").arg("-c").arg(&file).stderr(Stdio::null()).spawn();
        started.inspect_err(|error| eprintln!("skipped: mosquitto: {error}")).ok()
    }

    /// Ends the broker without a goodbye and starts it again on the same port, with nothing of what it had.
    pub async fn restart(&mut self, extra: &str) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.process = Self::spawn(self.port, extra, self._dir.path()).unwrap();
        self.reachable().await;
    }

    async fn reachable(&mut self) {
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(self.process.try_wait().unwrap().is_none(), "mosquitto ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Publishes as `mosquitto_pub` does, with its arguments.
    pub fn publish(&self, arguments: &[&str]) {
        let port = self.port.to_string();
        let done = Command::new("mosquitto_pub").args(["-p", &port]).args(arguments).status().unwrap();
        assert!(done.success());
    }

    /// Returns what a user sees of everything that is retained, a topic and a payload in a line.
    pub fn seen_by(&self, user: &str) -> String {
        let port = self.port.to_string();
        let arguments = ["-p", &port, "-u", user, "-t", "#", "-v", "--retained-only", "-W", "2"];
        String::from_utf8(Command::new("mosquitto_sub").args(arguments).output().unwrap().stdout).unwrap()
    }

    /// Returns what a new subscriber sees at once.
    pub fn retained(&self, topic: &str) -> String {
        let port = self.port.to_string();
        let arguments = ["-p", &port, "-t", topic, "-C", "1", "-W", "3"];
        String::from_utf8(Command::new("mosquitto_sub").args(arguments).output().unwrap().stdout).unwrap()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
