//! Connectors in text form that do one thing wrong each.

use super::layout::layout;
use super::text::{Room, assembled};
use super::{component, world};
use crate::{CCS2, LEGACY};

/// Behaviour of a connector that is asked, in instructions that leave a pointer to the answer behind;
/// `connector.wat` has functions for them. The unchanged rest is a connector that behaves: it signs in, finds
/// both cars, reads and locks and unlocks.
///
/// See [`text`](super::text) for what may stand in the instructions.
pub struct Connector<'a> {
    /// Manifest of the connector.
    pub describe: &'a str,
    /// The names of its cells.
    pub cells: Vec<String>,
    /// What it asks the owner for: instructions that put it at `$wants`, where there are zeros, which want
    /// nothing.
    pub wants: &'a str,
    /// Answer to `sign-in` and to `refresh`.
    pub sign_in: &'a str,
    /// Answer to `continue-sign-in`.
    pub continue_sign_in: &'a str,
    /// List of its cars. There is a local `$n`.
    pub list: &'a str,
    /// Answer to any read. There is a local `$n`.
    pub read: &'a str,
    /// Answer to the command `lock`. There are the locals `$n` and `$at`. Any other command is done well, if
    /// the cell `device` is free.
    pub lock: &'a str,
    /// Answer to the question what became of a command.
    pub resume: &'a str,
    /// Anything else that a module may consist of.
    pub more: &'a str,
}

/// Signs in as a connector that behaves.
pub const SIGN_IN: &str = "(call $ok (call $token)) (call $grant `session`)";
/// Says that it is done.
pub const DONE: &str = "(call $done)";

/// A function that lists one car, by its name.
pub const NAMED: &str = "
    (func $named (param $name i32) (param $length i32) (result i32)
      (local $list i32)
      (local.set $list (call $allocate (i32.const <size connector.vehicle>)))
      (call $car (local.get $list) `an id` (local.get $name) (local.get $length))
      (call $vehicles (local.get $list) (i32.const 1)))";

/// Never ends.
pub const ENDLESS: &str = "(loop $again (br $again)) unreachable";

/// Place of the texts.
const TEXTS: Room = Room { from: 4_096, to: 65_536 };

impl Default for Connector<'_> {
    fn default() -> Self {
        Self {
            describe: "(call $manifest `hyundai-kia-eu`)",
            cells: vec!["device".to_owned()],
            wants: "",
            sign_in: SIGN_IN,
            continue_sign_in: SIGN_IN,
            list: "(call $cars)",
            read: DONE,
            lock: DONE,
            resume: DONE,
            more: "",
        }
    }
}

impl Connector<'_> {
    /// Makes a connector that does this when it is to lock.
    pub fn that_locks(lock: &str) -> Connector<'_> {
        Connector { lock, ..Connector::default() }
    }

    /// The component.
    pub fn component(&self) -> Vec<u8> {
        let width = layout().size("connector.manifest.cells.each");
        let cells: String = (0..)
            .zip(&self.cells)
            .map(|(n, name)| {
                format!("(call $put (i32.add (local.get $cells) (i32.const {})) `{name}`)", width * n)
            })
            .collect();
        let text = include_str!("connector.wat")
            .replace("{{describe}}", self.describe)
            .replace("{{cells_size}}", &(width * self.cells.len()).to_string())
            .replace("{{cells_count}}", &self.cells.len().to_string())
            .replace("{{cells}}", &cells)
            .replace("{{wants}}", self.wants)
            .replace("{{sign_in}}", self.sign_in)
            .replace("{{continue_sign_in}}", self.continue_sign_in)
            .replace("{{list}}", self.list)
            .replace("{{read}}", self.read)
            .replace("{{lock}}", self.lock)
            .replace("{{resume}}", self.resume)
            .replace("{{niro}}", LEGACY.1)
            .replace("{{ev6}}", CCS2.1)
            .replace("{{more}}", self.more);
        let (resolve, world) = world("vehicle-connector");
        component(assembled(&text, TEXTS), &resolve, world)
    }
}

/// Repeats the instructions `count` times, one after the other.
pub fn times(count: u32, instructions: &str) -> String {
    format!(
        "(local.set $n (i32.const {count}))
         (loop $again {instructions} (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
    )
}
