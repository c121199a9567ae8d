//! Places in a JSON document.

use serde_json::Value;

/// Calls `visit` on every value that a JSON Pointer (RFC 6901) leads to, where a segment `*` stands for every
/// element.
pub(super) fn each_at(document: &mut Value, pointer: &str, visit: &mut impl FnMut(&mut Value)) {
    let path: Vec<&str> = pointer.split('/').skip(1).collect();
    walk(document, &path, visit);
}

fn walk(document: &mut Value, path: &[&str], visit: &mut impl FnMut(&mut Value)) {
    let Some((segment, rest)) = path.split_first() else {
        return visit(document);
    };
    match document {
        Value::Object(fields) if *segment == "*" => {
            fields.values_mut().for_each(|field| walk(field, rest, visit));
        }
        Value::Array(items) if *segment == "*" => {
            items.iter_mut().for_each(|item| walk(item, rest, visit));
        }
        Value::Object(fields) => {
            let name = segment.replace("~1", "/").replace("~0", "~");
            if let Some(field) = fields.get_mut(&name) {
                walk(field, rest, visit);
            }
        }
        Value::Array(items) => {
            if let Some(item) = segment.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                walk(item, rest, visit);
            }
        }
        _ => {}
    }
}

/// Whether a document of this shape can hold anything at a pointer: an object can, a list if the pointer
/// begins with a place in one.
pub(super) fn may_lead_into(document: &Value, pointer: &str) -> bool {
    let first = pointer.split('/').nth(1);
    match document {
        Value::Object(_) => true,
        Value::Array(_) => first.is_some_and(|first| first == "*" || first.parse::<usize>().is_ok()),
        _ => first.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn visited(pointer: &str) -> Vec<Value> {
        let mut document = json!({"a": [{"b": 1}, {"b": 2}], "c/d": {"~": 3}, "e": null});
        let mut found = Vec::new();
        each_at(&mut document, pointer, &mut |value| found.push(value.clone()));
        found
    }

    #[test]
    fn follows_pointers_and_stars() {
        assert_eq!(visited("/a/1/b"), [json!(2)]);
        assert_eq!(visited("/a/*/b"), [json!(1), json!(2)]);
        assert_eq!(visited("/*/*/b"), [json!(1), json!(2)]);
        assert_eq!(visited("/c~1d/~0"), [json!(3)]);
        assert_eq!(visited("/e"), [json!(null)]);
        assert!(visited("/a/7/b").is_empty());
        assert!(visited("/nothing").is_empty());
    }

    #[test]
    fn a_pointer_leads_into_what_has_members() {
        for (document, pointer, expected) in [
            (json!({}), "/a", true),
            (json!([]), "/a", false),
            (json!([]), "/*/a", true),
            (json!([]), "/0", true),
            (json!("52.520008,13.404954"), "/a", false),
            (json!(52.520008), "/a", false),
            (json!(null), "/a", false),
            (json!("abcdefgh"), "", true),
        ] {
            assert_eq!(may_lead_into(&document, pointer), expected, "{document} {pointer}");
        }
    }
}
