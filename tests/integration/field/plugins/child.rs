//! The process that compiles: what it may take, and what becomes of it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use vehicle_connector::plugin::{ActivationError, Compiled, PolicySlot, embedded};
use vehicle_connector::sandbox::{Compiler, CompilerFault, CompilerLimits, Sandbox};

use super::bombs::{functions, nest};
use super::{PROGRAM, compile};

/// A program that does this in place of compiling.
struct Script(TempDir);

impl Script {
    fn new(it_does: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("compiler");
        std::fs::write(&script, format!("#!/bin/sh\n{it_does}\n")).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self(dir)
    }

    /// What comes of it within this.
    async fn fault(&self, allowance: CompilerLimits) -> CompilerFault {
        let program = self.0.path().join("compiler");
        fault(program.to_str().unwrap(), allowance, embedded::POLICY).await
    }
}

async fn fault(program: &str, allowance: CompilerLimits, component: &[u8]) -> CompilerFault {
    match compile(program, allowance, component).await.map(|compiled| compiled.digest) {
        Err(ActivationError::NotCompiled(fault)) => fault,
        Err(ActivationError::NotAComponent(why)) => CompilerFault::Refused(why),
        other => panic!("{other:?}"),
    }
}

/// Gives a child its component as a host does, and keeps its input open.
fn hand_over(child: &mut Child, component: &[u8]) -> ChildStdin {
    let mut input = child.stdin.take().unwrap();
    input.write_all(&(component.len() as u64).to_le_bytes()).unwrap();
    input.write_all(component).unwrap();
    input
}

cases! {
    /// What a child has compiled is the component, and it decides.
    ["S2"] what_a_child_compiles_runs {
        let sandbox = Sandbox::new().unwrap().with_compiler(Compiler::in_child(PROGRAM, CompilerLimits::COMPILING));
        let compiled = Compiled::of(&sandbox, embedded::POLICY).await.unwrap();
        let provenance = testkit::provenance();
        let slot = Arc::new(PolicySlot::open(&sandbox, &compiled, provenance).await.unwrap());
        assert_eq!(slot.active().generation().name, "default");
    }

    /// What the compiler itself has against a component comes back in its words.
    ["S2"] a_child_says_why_it_refuses {
        let component = wat::parse_str("(component (core module (func unreachable) (export \"f\" (func 7))))").unwrap();
        let CompilerFault::Refused(why) = fault(PROGRAM, CompilerLimits::COMPILING, &component).await else { panic!() };
        assert!(why.contains("unknown function 7"), "{why}");
    }

    /// Memory without bound is the child's end and not the host's.
    ["S2"] a_child_has_so_much_memory_and_no_more {
        let allowance = CompilerLimits { memory: 16 << 20, ..CompilerLimits::COMPILING };
        // Larger than what it may take at all, so that it fails wherever the program itself has come to by then.
        let component = functions(1, &"(drop (i32.const 1))".repeat(300_000));
        let large = wat::parse_str(format!("(component (@custom \"x\" {:?}))", "x".repeat(20 << 20))).unwrap();
        for component in [component, large] {
            let ended = fault(PROGRAM, allowance, &component).await;
            assert!(matches!(ended, CompilerFault::Memory(memory) if memory == 16 << 20), "{ended}");
        }
    }

    /// Processor time without bound is the child's end.
    ["S2"] a_child_has_so_much_processor_time_and_no_more {
        let second = Duration::from_secs(1);
        let allowance = CompilerLimits { processor: second, ..CompilerLimits::COMPILING };
        let ended = fault(PROGRAM, allowance, &functions(100_000, "(drop (i32.const 1))")).await;
        assert!(matches!(ended, CompilerFault::Processor(time) if time == second), "{ended}");
    }

    /// A child that does nothing at all does so for a bounded time.
    ["S2"] a_child_that_hangs_is_ended {
        let wall = Duration::from_millis(200);
        let fault = Script::new("exec sleep 3600").fault(CompilerLimits { wall, ..CompilerLimits::COMPILING }).await;
        assert!(matches!(fault, CompilerFault::TooSlow(time) if time == wall), "{fault}");
    }

    /// A child that is killed before it has answered leaves a refusal, whatever it has said until then.
    ["S2"] a_child_that_is_killed_is_no_answer {
        for script in ["kill -9 $$", "head -c 1000 /dev/zero; kill -9 $$", "cat >/dev/null & kill -9 $$"] {
            let fault = Script::new(script).fault(CompilerLimits::COMPILING).await;
            assert!(matches!(&fault, CompilerFault::Died(why) if why.contains("SIGKILL")), "{script}: {fault}");
        }
    }

    /// No more is read of a child than code may have, whichever way it floods.
    ["S2"] a_child_that_floods_is_cut_off {
        let allowance = CompilerLimits { code: 1 << 20, ..CompilerLimits::COMPILING };
        let fault = Script::new("exec cat /dev/zero").fault(allowance).await;
        assert!(matches!(fault, CompilerFault::TooMuchCode(most) if most == 1 << 20), "{fault}");
        let fault = Script::new("exec cat /dev/zero >&2").fault(allowance).await;
        assert!(matches!(&fault, CompilerFault::Died(why) if why.len() < 1_000), "{fault}");
    }

    /// What is no code, or of another version, is not taken over.
    ["S2"] what_is_no_code_is_not_run {
        for script in ["cat >/dev/null & exit 0", "echo nonsense", "head -c 4096 /dev/zero"] {
            let fault = Script::new(script).fault(CompilerLimits::COMPILING).await;
            assert!(matches!(fault, CompilerFault::Unfit(_)), "{script}: {fault}");
        }
    }

    /// A child is given nothing of the environment, which may hold secrets.
    ["S2"] a_child_has_no_environment {
        let script = Script::new("cat /proc/$$/environ >&2; exit 3");
        let CompilerFault::Refused(environment) = script.fault(CompilerLimits::COMPILING).await else { panic!() };
        assert!(std::env::vars().count() > 1);
        // Not from there: so that a build that measures its coverage writes no file.
        assert_eq!(environment.trim_end_matches('\0').trim(), "LLVM_PROFILE_FILE=/dev/null");
    }

    /// A child has its input and its outputs open and nothing else, whatever whoever started the host had, and it is
    /// under its limits before it has read anything.
    ["S2"] a_child_inherits_nothing {
        let mut child = Command::new("/bin/sh")
            .args(["-c", &format!("exec 9</dev/null; exec {PROGRAM} compile-component --memory 4294967296 --processor 77")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // More than fits into a pipe: when it is gone, the child has read.
        let _input = hand_over(&mut child, &functions(100_000, "(drop (i32.const 1))"));
        let open = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        let mut open: Vec<_> = open.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        open.sort();
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(open, ["0", "1", "2"]);
        let limit = |name: &str| {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap()
        };
        let names = ["Max address space", "Max cpu time", "Max file size", "Max core file size", "Max open files"];
        assert_eq!(names.map(limit), [4_294_967_296, 77, 0, 0, 16]);
    }

    /// A program that cannot be started is a refusal, and nothing is compiled in its place.
    ["S2"] no_compiler_is_a_refusal {
        let ended = fault("/nowhere/compiler", CompilerLimits::COMPILING, embedded::POLICY).await;
        assert!(matches!(ended, CompilerFault::NotStarted(_)), "{ended}");
    }

    /// A child ends with its parent, in the middle of its work.
    ["S2"] a_child_does_not_outlive_its_parent {
        let mut child = Command::new(PROGRAM)
            .args(["compile-component", "--memory", "4294967296", "--processor", "3600"])
            .env("LLVM_PROFILE_FILE", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        drop(hand_over(&mut child, &functions(100_000, "(drop (i32.const 1))")));
        assert_eq!(child.wait().unwrap().code(), Some(5), "as one that nobody waits for");
    }

    /// Giving up waiting ends the child and gives its turn to the next one.
    ["S2"] nobody_waits_for_a_child_that_nobody_wants {
        let endless = Script::new("exec sleep 3600");
        let program = endless.0.path().join("compiler");
        let sandbox = Sandbox::new().unwrap();
        let stuck = sandbox.with_compiler(Compiler::in_child(program, CompilerLimits::COMPILING));
        let abandoned = Compiled::of(&stuck, embedded::POLICY);
        tokio::time::timeout(Duration::from_millis(200), abandoned).await.unwrap_err();
        let well = sandbox.with_compiler(Compiler::in_child(PROGRAM, CompilerLimits::COMPILING));
        Compiled::of(&well, &nest("", 2, 2)).await.unwrap();
    }

    /// What the program carries is compiled by the child too, whose memory goes with it; and by the host where there
    /// is none.
    ["S2"] what_is_carried_is_compiled_by_a_child_where_there_is_one {
        let noted = Script::new(&format!("echo compiled >> \"$(dirname \"$0\")/noted\"; exec {PROGRAM} \"$@\""));
        let sandbox = Sandbox::new().unwrap();
        let by = |program: PathBuf| sandbox.with_compiler(Compiler::in_child(program, CompilerLimits::COMPILING));
        Compiled::carried(&by(noted.0.path().join("compiler")), embedded::POLICY).await.unwrap();
        assert_eq!(std::fs::read_to_string(noted.0.path().join("noted")).unwrap(), "compiled\n");
        Compiled::carried(&by(PathBuf::from("/nowhere/compiler")), embedded::POLICY).await.unwrap();
    }
}
