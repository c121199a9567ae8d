//! Connectors in text form that do one thing wrong each.

use std::fmt::Write as _;

use super::{component, world};
use crate::{CCS2, LEGACY};

/// Behaviour of a connector that is asked, in instructions that leave a pointer to the answer behind;
/// `connector.wat` has functions for them. The unchanged rest is a connector that behaves: it signs in, finds
/// both cars, reads and locks and unlocks.
///
/// Text in backticks stands for its address and its length. `\hh` in it is a byte.
pub struct Connector<'a> {
    /// Manifest of the connector.
    pub describe: &'a str,
    /// The names of its cells.
    pub cells: Vec<String>,
    /// Answer to `sign-in` and to `refresh`.
    pub sign_in: &'a str,
    /// List of its cars.
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
      (local.set $list (call $allocate (i32.const 48)))
      (call $car (local.get $list) `an id` (local.get $name) (local.get $length))
      (call $vehicles (local.get $list) (i32.const 1)))";

/// Never ends.
pub const ENDLESS: &str = "(loop $again (br $again)) unreachable";

/// Address at which texts are placed, and how much room there is, in bytes.
const TEXTS: usize = 4_096;
const ROOM: usize = 65_536;

impl Default for Connector<'_> {
    fn default() -> Self {
        Self {
            describe: "(call $manifest `hyundai-kia`)",
            cells: vec!["device".to_owned()],
            sign_in: SIGN_IN,
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
        let cells: String = (0..)
            .zip(&self.cells)
            .map(|(n, name)| {
                format!("(call $put (i32.add (local.get $cells) (i32.const {})) `{name}`)", 8 * n)
            })
            .collect();
        let module = include_str!("connector.wat")
            .replace("{{describe}}", self.describe)
            .replace("{{cells_size}}", &(8 * self.cells.len()).to_string())
            .replace("{{cells_count}}", &self.cells.len().to_string())
            .replace("{{cells}}", &cells)
            .replace("{{sign_in}}", self.sign_in)
            .replace("{{list}}", self.list)
            .replace("{{read}}", self.read)
            .replace("{{lock}}", self.lock)
            .replace("{{resume}}", self.resume)
            .replace("{{niro}}", LEGACY.1)
            .replace("{{ev6}}", CCS2.1)
            .replace("{{more}}", self.more);
        let (resolve, world) = world("vehicle-connector");
        component(wat::parse_str(placed(&module)).unwrap(), &resolve, world)
    }
}

/// Repeats the instructions `count` times, one after the other.
pub fn times(count: u32, instructions: &str) -> String {
    format!(
        "(local.set $n (i32.const {count}))
         (loop $again {instructions} (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
    )
}

/// Places the texts of a module in memory, and puts what stands for them where they stood.
fn placed(module: &str) -> String {
    let (_comment, module) = module.split_at(module.find("(module").unwrap());
    let (mut code, mut data, mut free) = (String::new(), String::new(), TEXTS);
    for (n, part) in module.split('`').enumerate() {
        if n % 2 == 0 {
            code.push_str(part);
            continue;
        }
        let bytes = bytes(part);
        write!(code, "(i32.const {free}) (i32.const {})", bytes.len()).unwrap();
        let written: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        write!(data, "(data (i32.const {free}) \"{written}\")").unwrap();
        free += bytes.len();
    }
    assert!(free <= ROOM, "too many texts: {free} bytes");
    code.replace("{{texts}}", &data)
}

/// Reads a text's bytes, of which any may be written as `\hh`.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(byte, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}
