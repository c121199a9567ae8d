//! The program under test, as a process with a configuration of its own.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::configuration_text;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longer than anything that the program does in a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program in a folder, with nothing on its standard input.
pub(crate) fn under_test(folder: &Path, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
    program
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    program
}

/// A run of the program: how it ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The one JSON value that was printed.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one line: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Waits for the end of a run.
pub(crate) async fn ended(program: Child) -> Ran {
    let output = tokio::time::timeout(PATIENCE, program.wait_with_output()).await.expect("an end in time");
    let output = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap_or(-1);
    Ran { code, out: text(output.stdout), err: text(output.stderr) }
}

/// The program with a configuration that reaches nobody.
pub(crate) struct Program {
    pub(crate) dir: TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
        std::fs::write(dir.path().join("car.toml"), text).unwrap();
        Self { dir }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut program = under_test(self.dir.path(), arguments);
        program.env("REFRESH_TOKEN", simulator::Config::default().refresh_token).env("PIN", "1234");
        program
    }

    /// Runs a command with the configuration, to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).args(["-c", "car.toml"]).output().await.unwrap()
    }

    /// What a command prints that goes well.
    pub(crate) async fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What a command complains of.
    pub(crate) async fn complains(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
        text(&output.stderr)
    }

    /// What a command prints that needs no more than the host.
    pub(crate) async fn prints_of_host(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).args(["--state", "car.state"]).output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What such a command complains of.
    pub(crate) async fn complains_of_host(&self, arguments: &[&str], code: i32) -> String {
        let output = self.command(arguments).args(["--state", "car.state"]).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stderr)
    }

    /// A host, as soon as it can be asked.
    pub(crate) async fn host(&self) -> Child {
        self.host_with_log().await.0
    }

    /// The same, with the lines of its log from then on.
    pub(crate) async fn host_with_log(&self) -> (Child, UnboundedReceiver<String>) {
        serving(self.command(&["run", "-c", "car.toml"]).stderr(Stdio::piped()).spawn().unwrap()).await
    }
}

/// Waits until a host that was just started can be asked. Its log must be piped; its lines from then on go along.
pub(crate) async fn serving(mut host: Child) -> (Child, UnboundedReceiver<String>) {
    let mut log = BufReader::new(host.stderr.take().unwrap()).lines();
    let open = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains("control socket open") {
                return;
            }
        }
        panic!("the host ended");
    };
    tokio::time::timeout(PATIENCE, open).await.expect("open in time");
    // So that it is never held up by a log that nobody reads.
    let (said, lines) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(line)) = log.next_line().await {
            // Without anybody who reads it, it is nobody's loss.
            drop(said.send(line));
        }
    });
    (host, lines)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
