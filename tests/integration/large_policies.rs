//! Policies that bring an interpreter with them: large, slow to compile, and no reason to serve nobody meanwhile.

use std::path::PathBuf;

use testkit::handmade::policy::Policy;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::sandbox::{Compiler, CompilerLimits};
use vehicle_connector::wire::outcome::State;

/// The program that compiles.
const PROGRAM: &str = env!("CARGO_BIN_EXE_vehicle-connector-under-test");

/// Makes a component larger by a custom section of so many bytes.
fn padded(component: &[u8], more: u32) -> Vec<u8> {
    let mut padded = component.to_vec();
    // Kind of a section (0 is custom), its length as LEB128 of five bytes, and its name.
    padded.push(0);
    let length = more + 4;
    padded.extend((0..4).map(|at| u8::try_from(length >> (7 * at) & 0x7f).unwrap() | 0x80));
    padded.push(u8::try_from(length >> 28).unwrap());
    padded.extend(b"\x03pad");
    padded.extend(vec![0; more as usize]);
    padded
}

/// A compiler that compiles once, and then not before the gate is opened.
struct Gate(tempfile::TempDir);

impl Gate {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        // With nothing but what a shell has built in: it has no environment.
        let script = format!(
            "#!/bin/sh\nif [ -e {at}/once ]; then read _ < {at}/gate; else : > {at}/once; fi\nexec {PROGRAM} \"$@\"\n"
        );
        let program = folder.path().join("compiler");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("gate")).status().unwrap();
        assert!(made.success());
        Self(folder)
    }

    fn compiler(&self) -> Compiler {
        Compiler::in_child(self.0.path().join("compiler"), CompilerLimits::COMPILING)
    }

    async fn open(&self) {
        let gate: PathBuf = self.0.path().join("gate");
        tokio::task::spawn_blocking(move || std::fs::write(gate, "\n").unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_program_carries_decides_until_a_large_policy_is_compiled_again() {
    let mut home = RealHome::start().await;
    home.settle().await;
    home.swap_policy(padded(&Policy::default().component(), 5 << 20)).await.unwrap();
    let gate = Gate::new();
    home.environment = home.environment.clone().with_compiler(gate.compiler());
    home.restart_configured(|_| ()).await.unwrap();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.policy.unwrap().name.as_str()), (State::Succeeded, "default"));

    let mut changes = home.host.deployments().policy().changes();
    gate.open().await;
    changes.changed().await.unwrap();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.policy.unwrap().name.as_str()), (State::Succeeded, "wild"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_policy_is_there_from_the_start() {
    let mut home = RealHome::start().await;
    home.swap_policy(padded(&Policy::default().component(), 1 << 20)).await.unwrap();
    home.restart_configured(|_| ()).await.unwrap();
    assert_eq!(home.host.policy_used().name, "wild");
}
