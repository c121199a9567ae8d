//! Components that are made on the spot, without a toolchain.

pub mod connector;

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

use crate::root;

/// A world of `wit/`.
pub fn world(name: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some(name)).unwrap();
    (resolve, world)
}

/// Returns a world where a file of `wit/` has `to` in the place of `from`.
pub fn altered_world(name: &str, file: &str, from: &str, to: &str) -> (Resolve, WorldId) {
    let copies = tempfile::tempdir().unwrap();
    for original in std::fs::read_dir(root().join("wit")).unwrap() {
        let original = original.unwrap();
        let text = std::fs::read_to_string(original.path()).unwrap();
        let text = match original.file_name() == file {
            true => {
                assert!(text.contains(from), "{file} does not say: {from}");
                text.replace(from, to)
            }
            false => text,
        };
        std::fs::write(copies.path().join(original.file_name()), text).unwrap();
    }
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(copies.path()).unwrap();
    let world = resolve.select_world(&[package], Some(name)).unwrap();
    (resolve, world)
}

/// Makes a component of a world that traps whatever is asked of it.
pub fn trapping(resolve: &Resolve, world: WorldId) -> Vec<u8> {
    component(dummy_module(resolve, world, ManglingAndAbi::Standard32), resolve, world)
}

/// Makes the component of a core module that has the imports and exports of the world.
pub fn component(mut module: Vec<u8>, resolve: &Resolve, world: WorldId) -> Vec<u8> {
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

/// Makes the component anew with another digest: a custom section at its end changes nothing else.
pub fn variant(component: &[u8], number: u32) -> Vec<u8> {
    let mut section = vec![4];
    section.extend(b"test");
    section.extend(number.to_le_bytes());
    let mut varied = component.to_vec();
    // Kind of a section (0 is custom) and its length.
    varied.extend([0, u8::try_from(section.len()).unwrap()]);
    varied.extend(section);
    varied
}

/// A module's memory from 8192 on, given out and never taken back.
pub const ALLOCATOR: &str = r#"
    (global $free (mut i32) (i32.const 8192))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (local $place i32)
      (local.set $place (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $place) (local.get 3)))
      (local.get $place))"#;

/// Returns instructions that tell whether a trial asks, for a pointer to a failure, or to an attempt, which
/// begins with one: all failures of a trial come with a token that is an hour old.
pub fn asked_in_trial(failure: &str) -> String {
    format!("(i64.eq (i64.load offset=104 {failure}) (i64.const 3600000))")
}

/// Classification of a policy that passes its trial, in instructions that leave a pointer to a verdict
/// behind: a failure with the status 401 is an expired token (0), but for what happens during a refresh (1);
/// all else is unknown (12).
pub const CLASSIFY: &str = "
    (i32.store8 (i32.const 1024)
      (select (i32.const 0) (i32.const 12)
        (i32.and
          (i32.ne (i32.load8_u offset=17 (local.get $failure)) (i32.const 1))
          (i32.and (i32.load8_u offset=22 (local.get $failure))
            (i32.eq (i32.load16_u offset=24 (local.get $failure)) (i32.const 401))))))
    (i32.const 1024)";

/// Decision of a policy that passes its trial: an expired token is refreshed (0), all else given up (4).
pub const DECIDE: &str = "
    (i32.store8 (i32.const 1024)
      (select (i32.const 4) (i32.const 0) (i32.load8_u offset=112 (local.get $attempt))))
    (i32.const 1024)";

/// Makes a policy that decides in this way once its trial is over.
pub fn policy_deciding(decide: &str) -> Vec<u8> {
    policy(CLASSIFY, decide)
}

/// Makes a policy that classifies and decides in this way once its trial is over. It admits every refresh and
/// opens no circuit.
pub fn policy(classify: &str, decide: &str) -> Vec<u8> {
    let (classifying, deciding) =
        (asked_in_trial("(local.get $failure)"), asked_in_trial("(local.get $attempt)"));
    let interface = "vehicle:connector/policy@0.1.0";
    let module = format!(
        r#"(module
            (memory (export "memory") 2)
            (data (i32.const 16) "\40\00\00\00" "\04\00\00\00" "\47\00\00\00" "\05\00\00\00")
            (data (i32.const 64) "wild   0.1.0")
            {ALLOCATOR}
            (func (export "{interface}#describe") (result i32) (i32.const 16))
            (func (export "{interface}#classify") (param $failure i32) (result i32)
              (if (result i32) {classifying} (then {CLASSIFY}) (else {classify})))
            (func (export "{interface}#decide") (param $attempt i32) (result i32)
              (if (result i32) {deciding} (then {DECIDE}) (else {decide})))
            (func (export "{interface}#admit-refresh")
              (param i32 i32 i32 i64 i32 i64 i32 i64 i32 i32 i64 i32 i64 i32 i64) (result i32)
              (i32.const 1024))
            (func (export "{interface}#circuit") (param i32 i32 i32) (result i32) (i32.const 1024)))"#
    );
    let (resolve, world) = world("policy-module");
    component(wat::parse_str(module).unwrap(), &resolve, world)
}
