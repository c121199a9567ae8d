//! Policies that bring an interpreter with them: large, slow to compile, and no reason to serve nobody meanwhile.

use std::path::PathBuf;

use testkit::handmade::policy::{Policy, always, policy_deciding};
use testkit::handmade::variant;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::deployment::{Offer, RolloutView, Try};
use vehicle_connector::plugin::{PluginKind, embedded};
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

/// A compiler that compiles what the program carries and what is named besides, and then not before the gate is opened.
struct Gate(tempfile::TempDir);

impl Gate {
    fn new() -> Self {
        Self::after(&[])
    }

    fn after(besides: &[&str]) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        // With nothing but what a shell has built in: it has no environment.
        let free = [&["carried"], besides].concat().join(" ");
        let script = format!(
            "#!/bin/sh\nfor it in {free}; do\n[ -e {at}/$it ] || {{ : > {at}/$it; exec {PROGRAM} \"$@\"; }}\ndone\n\
             read _ < {at}/gate\nexec {PROGRAM} \"$@\"\n"
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

/// Tries a large policy out until one difference was seen.
async fn try_out_a_large_one(home: &RealHome) {
    home.settle().await;
    let candidate = Offer::new(padded(&policy_deciding(&always("give-up")), 5 << 20), "test");
    home.host.deployments().rollouts().try_out(Try::Shadow, Some(&candidate), "test").await.unwrap();
    home.control().expire_access_token();
    home.command(LEGACY.0, "refresh_cached", "").await;
    rollout(home, |seen| seen.is_some_and(|seen| seen.tally.disagreed == 1)).await;
}

/// Waits until the rollout is as wanted.
async fn rollout(home: &RealHome, wanted: impl Fn(Option<&RolloutView>) -> bool) -> Option<RolloutView> {
    let mut changes = home.host.deployments().changes();
    loop {
        let current = home.host.deployments().rollouts().current();
        if wanted(current.as_ref()) {
            return current;
        }
        changes.changed().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_candidate_is_not_waited_for_and_nothing_is_asked_of_it_before() {
    let mut home = RealHome::start().await;
    try_out_a_large_one(&home).await;
    let gate = Gate::new();
    home.environment = home.environment.clone().with_compiler(gate.compiler());
    home.restart_configured(|_| ()).await.unwrap();
    assert_eq!(home.host.deployments().rollouts().current(), None);
    let refused = home.host.deployments().rollouts().stop_trying("test").await.unwrap_err();
    assert!(refused.to_string().contains("is still being compiled"), "{refused}");
    gate.open().await;
    let resumed = rollout(&home, |seen| seen.is_some()).await.unwrap();
    assert_eq!((resumed.mode, resumed.tally.disagreed), ("shadow", 1));
    home.host.deployments().rollouts().stop_trying("test").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_beside_a_policy_that_is_gone_when_a_large_candidate_comes_does_not_count() {
    let mut home = RealHome::start().await;
    home.swap_policy(variant(embedded::POLICY, 1)).await.unwrap();
    try_out_a_large_one(&home).await;
    let gate = Gate::after(&["active"]);
    home.environment = home.environment.clone().with_compiler(gate.compiler());
    home.restart_configured(|_| ()).await.unwrap();
    // What is written down now forgets no component that is still needed.
    home.host.deployments().rollback(PluginKind::Policy, None, "test").await.unwrap();
    gate.open().await;
    let resumed = rollout(&home, |seen| seen.is_some()).await.unwrap();
    assert_eq!((resumed.tally.agreed, resumed.tally.disagreed), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_policy_is_active_again_though_the_last_start_ended_before_it_was_compiled() {
    let mut home = RealHome::start().await;
    home.swap_policy(variant(embedded::POLICY, 1)).await.unwrap();
    home.swap_policy(padded(&Policy::default().component(), 5 << 20)).await.unwrap();
    let (gate, open) = (Gate::after(&["before"]), home.environment.clone());
    home.environment = open.clone().with_compiler(gate.compiler());
    home.restart_configured(|_| ()).await.unwrap();
    let meanwhile = home.host.policy_used();
    assert_eq!((meanwhile.name.as_str(), meanwhile.generation), ("default", 2));
    home.environment = open;
    home.restart_configured(|_| ()).await.unwrap();
    let mut changes = home.host.deployments().policy().changes();
    while home.host.policy_used().name != "wild" {
        changes.changed().await.unwrap();
    }
}
