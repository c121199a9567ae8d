//! Values of `wit/` in a guest's memory, written as JSON.
//!
//! A record is an object whose members may be left out: then they are what zeros are, such as an empty list, nothing,
//! or the first case. A tuple and a list are arrays, an option is its value or null. A case is its name, with a
//! payload an object with that one member; so is a result, by `ok` or `err`.

use std::fmt::Write as _;

use serde_json::Value;
use wit_parser::{Type, TypeDefKind};

use super::{Layout, Place, layout};

/// Returns instructions that put a value of this type, or this answer of a function, into memory and leave its
/// address behind. What is in no type of that name is not written at all.
pub fn value(place: &str, value: &Value) -> String {
    let mut writing = Writing { layout: layout(), size: layout().size(place), stores: String::new() };
    writing.put(layout().place(place), value);
    let Writing { size, stores, .. } = writing;
    format!("(global.set $value (call $allocate (i32.const {size}))){stores} (global.get $value)")
}

/// A value on its way into memory: one block, with whatever the value points to behind it.
struct Writing {
    layout: &'static Layout,
    /// Size of the block so far, in bytes.
    size: usize,
    stores: String,
}

impl Writing {
    fn put(&mut self, place: Place, value: &Value) {
        match self.layout.aliased(place.ty) {
            Type::String => self.text(place, value.as_str().unwrap_or_else(|| panic!("no text: {value}"))),
            Type::Bool => self.number(place, i64::from(value.as_bool().unwrap())),
            Type::Id(_) => self.put_defined(place, value),
            _ => self.number(place, value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))),
        }
    }

    fn put_defined(&mut self, place: Place, value: &Value) {
        let kind = self.layout.kind(place.ty).unwrap();
        let none = |it: &Value| -> ! { panic!("{it} is nothing of {kind:?}") };
        match kind {
            TypeDefKind::Record(_) => {
                for (name, field) in value.as_object().unwrap_or_else(|| none(value)) {
                    self.put(self.within(place, name), field);
                }
            }
            TypeDefKind::Tuple(_) => {
                for (at, member) in value.as_array().unwrap_or_else(|| none(value)).iter().enumerate() {
                    self.put(self.within(place, &at.to_string()), member);
                }
            }
            TypeDefKind::Option(_) if value.is_null() => {}
            TypeDefKind::Option(_) => {
                self.number(place, 1);
                self.put(self.within(place, "some"), value);
            }
            TypeDefKind::List(element) => {
                self.list(place, *element, value.as_array().unwrap_or_else(|| none(value)))
            }
            TypeDefKind::Enum(_) | TypeDefKind::Variant(_) | TypeDefKind::Result(_) => {
                let payload = value.as_object().and_then(|it| it.iter().next());
                let case = payload.map(|(name, _)| name.as_str()).or(value.as_str());
                let case = case.unwrap_or_else(|| none(value));
                self.number(place, self.number_of(place, case));
                if let Some((name, payload)) = payload {
                    self.put(self.within(place, name), payload);
                }
            }
            other => panic!("no value of {other:?} is written"),
        }
    }

    fn number_of(&self, place: Place, case: &str) -> i64 {
        let names: Vec<&str> = match self.layout.kind(place.ty) {
            Some(TypeDefKind::Enum(it)) => it.cases.iter().map(|case| case.name.as_str()).collect(),
            Some(TypeDefKind::Variant(it)) => it.cases.iter().map(|case| case.name.as_str()).collect(),
            _ => vec!["ok", "err"],
        };
        let number = names.iter().position(|name| *name == case);
        i64::try_from(number.unwrap_or_else(|| panic!("{case} is none of {names:?}"))).unwrap()
    }

    fn list(&mut self, place: Place, element: Type, values: &[Value]) {
        let sizes = &self.layout.sizes.0;
        let width = sizes.size(&element).size_wasm32();
        let from = self.size.next_multiple_of(sizes.align(&element).align_wasm32());
        self.size = from + width * values.len();
        for (at, value) in values.iter().enumerate() {
            self.put(Place { ty: element, offset: from + width * at }, value);
        }
        self.pair(
            place,
            &format!("(i32.add (global.get $value) (i32.const {from})) (i32.const {})", values.len()),
        );
    }

    fn text(&mut self, place: Place, text: &str) {
        let written = text.replace('\\', "\\5c").replace('`', "\\60");
        self.pair(place, &format!("`{written}`"));
    }

    /// An address and a length.
    fn pair(&mut self, Place { offset, .. }: Place, pair: &str) {
        let at = format!("(i32.add (global.get $value) (i32.const {offset}))");
        write!(self.stores, " (call $put {at} {pair})").unwrap();
    }

    fn number(&mut self, place: Place, number: i64) {
        let store = self.layout.access("store", place);
        write!(self.stores, " ({store} (global.get $value) ({}.const {number}))", &store[..3]).unwrap();
    }

    fn within(&self, place: Place, word: &str) -> Place {
        self.layout.within(place, word, word)
    }
}
