//! Parts of a text: what stays, and the placeholders in it.
//!
//! What only looks like a placeholder is text.

use super::Placeholder;

/// Part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::primitives) enum Part<'t> {
    /// Text that stays as it is.
    Text(&'t str),
    /// A placeholder.
    Placeholder(Placeholder<'t>),
}

/// Returns the parts of a text, in order. Put together they are the text.
pub(in crate::primitives) fn parts(text: &str) -> Parts<'_> {
    Parts { rest: text, next: None }
}

/// Iterator over the parts of a text.
pub(in crate::primitives) struct Parts<'t> {
    rest: &'t str,
    /// The placeholder that ends the text before it.
    next: Option<Part<'t>>,
}

impl<'t> Iterator for Parts<'t> {
    type Item = Part<'t>;

    fn next(&mut self) -> Option<Part<'t>> {
        if let Some(placeholder) = self.next.take() {
            return Some(placeholder);
        }
        let text = self.rest;
        let found = text.match_indices('{').find_map(|(at, _)| {
            let (before, from) = text.split_at_checked(at)?;
            let (placeholder, after) = leading(from)?;
            Some((before, placeholder, after))
        });
        let (before, placeholder, after) = match found {
            Some((before, placeholder, after)) => (before, Some(placeholder), after),
            None => (text, None, ""),
        };
        self.rest = after;
        if before.is_empty() {
            return placeholder;
        }
        self.next = placeholder;
        Some(Part::Text(before))
    }
}

/// Returns the placeholder that a text begins with, and what follows it.
fn leading(text: &str) -> Option<(Part<'_>, &str)> {
    let (kind, after) = text.strip_prefix('{')?.split_once(':')?;
    let placeholder = match kind {
        "secret" => Placeholder::Secret,
        "vehicle" => Placeholder::Vehicle,
        "derived" => Placeholder::Derived,
        _ => return None,
    };
    let (name, after) = after.split_once('}').filter(|(name, _)| looks_like_a_name(name))?;
    Some((Part::Placeholder(placeholder(name)), after))
}

/// Whether a text has the characters of a name, of whatever length: what is too long for one is refused as unknown
/// and not sent as it stands.
fn looks_like_a_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<Part<'_>> {
        parts(text).collect()
    }

    #[test]
    fn finds_placeholders_of_each_kind() {
        assert_eq!(
            all("a{secret:pin}{vehicle:vin}b{derived:x-1}"),
            [
                Part::Text("a"),
                Part::Placeholder(Placeholder::Secret("pin")),
                Part::Placeholder(Placeholder::Vehicle("vin")),
                Part::Text("b"),
                Part::Placeholder(Placeholder::Derived("x-1"))
            ]
        );
        assert_eq!(all(""), []);
    }

    #[test]
    fn leaves_lookalikes_alone() {
        for text in ["{secret:}", "{secret:PIN}", "{secret:pin", "{ secret:pin}", "{private:1}", "{}", "{{"] {
            assert_eq!(all(text), [Part::Text(text)], "{text}");
        }
        assert_eq!(
            all("{secret:{secret:pin}"),
            [Part::Text("{secret:"), Part::Placeholder(Placeholder::Secret("pin"))]
        );
        assert_eq!(
            all("{secret:{derived:a}}"),
            [Part::Text("{secret:"), Part::Placeholder(Placeholder::Derived("a")), Part::Text("}")]
        );
    }

    proptest! {
        #[test]
        fn the_parts_are_the_text(
            text in "([{}:a-zü]|secret|\\{secret:a\\}|\\{derived:b\\}|\\{vehicle:c\\}){0,12}",
        ) {
            let again: String = parts(&text).map(|part| match part {
                Part::Text(text) => text.to_owned(),
                Part::Placeholder(Placeholder::Secret(name)) => format!("{{secret:{name}}}"),
                Part::Placeholder(Placeholder::Vehicle(name)) => format!("{{vehicle:{name}}}"),
                Part::Placeholder(Placeholder::Derived(name)) => format!("{{derived:{name}}}"),
            }).collect();
            prop_assert_eq!(again, text);
        }
    }
}
