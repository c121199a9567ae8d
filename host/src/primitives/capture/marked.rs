//! Marks: what stands in a guest's document for a private value.

use serde_json::Value;

use crate::redact;

const MARK_OPEN: &str = "{private:";

fn mark(index: usize) -> String {
    format!("{MARK_OPEN}{index}}}")
}

/// Returns the index that a mark speaks of; none if the text is not a mark.
fn mark_index(text: &str) -> Option<usize> {
    text.strip_prefix(MARK_OPEN)?.strip_suffix('}')?.parse().ok()
}

/// The values of one call that its guest handles by their marks.
#[derive(Default)]
pub(in crate::primitives) struct Marked(Vec<Value>);

impl Marked {
    /// Puts a mark in the place of a value.
    pub(super) fn hide(&mut self, value: &mut Value) {
        match value {
            Value::Null => return,
            // No satellite is seen: the guest has to know it, to ask where the vehicle was parked.
            Value::Number(number) if is_nowhere(number) => return,
            Value::String(text) if mark_index(text).is_some() => return,
            _ => {}
        }
        if let Some(text) = value.as_str() {
            redact::remember_vin(text);
        }
        let value = std::mem::replace(value, Value::String(mark(self.0.len())));
        self.0.push(value);
    }

    /// Puts the values back where the guest left their marks.
    pub(in crate::primitives) fn reveal(&self, document: &mut Value) {
        match document {
            Value::String(text) => {
                if let Some(value) = mark_index(text).and_then(|index| self.0.get(index)) {
                    *document = value.clone();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.reveal(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.reveal(field)),
            _ => {}
        }
    }

    pub(in crate::primitives) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Numbers that receivers write that do not know where they are: nothing, or all bits of 8, 16, 24 or 32.
/// Such a number places no vehicle. Any other number may be a place in whatever unit.
const NOWHERE: [f64; 5] = [0.0, 255.0, 65_535.0, 16_777_215.0, 4_294_967_295.0];

fn is_nowhere(number: &serde_json::Number) -> bool {
    number.as_f64().is_some_and(|number| NOWHERE.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_recognised_exactly() {
        assert_eq!(mark_index(&mark(7)), Some(7));
        for text in ["{private:}", "{private:x}", "private:1", "{private:1} ", "{private:-1}"] {
            assert_eq!(mark_index(text), None, "{text}");
        }
    }
}
