//! Modules in text form.
//!
//! Text in backticks stands for its address and its length. `\hh` in it is a byte. A text of its own is
//! placed only once. What stands in angle brackets follows from `wit/`: see [`layout`](super::layout).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layout::layout;

/// Place of the texts of a module, which are put where `{{texts}}` stands.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Address of the first one.
    pub from: usize,
    /// Address at which something else begins.
    pub to: usize,
}

/// Makes a core module of a text, whose comment before `(module` is left out.
pub fn assembled(text: &str, room: Room) -> Vec<u8> {
    let text = written(text, room);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// Places the texts of a module in memory, and puts what stands for them where they stood.
fn written(text: &str, room: Room) -> String {
    let (_comment, text) = text.split_at(text.find("(module").unwrap());
    let (mut code, mut data, mut free) = (String::new(), String::new(), room.from);
    let mut placed: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (n, part) in text.split('`').enumerate() {
        if n % 2 == 0 {
            code += &layout().written(part);
            continue;
        }
        let (address, length) = *placed.entry(part).or_insert_with(|| {
            let (address, bytes) = (free, bytes(part));
            let digits: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
            write!(data, "(data (i32.const {address}) \"{digits}\")").unwrap();
            free += bytes.len();
            (address, bytes.len())
        });
        write!(code, "(i32.const {address}) (i32.const {length})").unwrap();
    }
    assert!(free <= room.to, "too many texts: up to {free}");
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
