//! A directory with a configuration, and the program that is run in it.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A directory with the example and a configuration that knows nothing of it.
pub(crate) struct Desk {
    dir: tempfile::TempDir,
}

/// A configuration without accounts, of three lines.
pub(crate) const CONFIGURATION: &str = "# my cars\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\" # the broker\n";

impl Desk {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let desk = Self { dir };
        desk.write("car.toml", CONFIGURATION.as_bytes());
        std::fs::create_dir(desk.path("downloads")).unwrap();
        desk.write("downloads/example.wasm", &example());
        desk.write("password", b"acme-password-1\n");
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(self.path(name), private).unwrap();
        }
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs the program; nobody answers its questions.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
        program
            .current_dir(self.dir.path())
            .args(arguments)
            .stdin(Stdio::null())
            .env("CLIENT", "acme-client-1");
        let Output { status, stdout, stderr } = program.output().unwrap();
        let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (status.code().unwrap(), said)
    }

    pub(crate) fn install(&self) -> (i32, String) {
        self.run(&["connector", "install", "downloads/example.wasm", "-c", "car.toml", "--yes"])
    }

    pub(crate) fn check(&self) -> (i32, String) {
        self.run(&["check-config", "-c", "car.toml"])
    }
}

/// The component of the kit's example.
pub(crate) fn example() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/dist/example.wasm")).unwrap()
}

/// An account of the example, and its car.
pub(crate) const ACCOUNT: &str = "[account.main]\nconnector = \"example\"\nclient_id = \"${CLIENT}\"\npassword_file = \"password\"\n\
    [vehicle.one]\naccount = \"main\"\nid = \"car-1\"\n";
