//! Placeholders of every kind in a text.
//!
//! What only looks like a placeholder is text, as it is where secrets are put in.

/// Part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// Text that stays as it is.
    Text(&'t str),
    /// `{secret:name}`.
    Secret(&'t str),
    /// `{vehicle:name}`.
    Vehicle(&'t str),
    /// `{derived:name}`.
    Derived(&'t str),
}

/// Whether a text is a name: `[a-z0-9-]+`.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Returns the parts of a text, in order. Put together they are the text.
pub(super) fn parts(text: &str) -> Parts<'_> {
    Parts { rest: text, next: None }
}

/// Iterator over the parts of a text.
pub(super) struct Parts<'t> {
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
            let (placeholder, after) = placeholder(from)?;
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
fn placeholder(text: &str) -> Option<(Part<'_>, &str)> {
    let (kind, after) = text.strip_prefix('{')?.split_once(':')?;
    let part = match kind {
        "secret" => Part::Secret,
        "vehicle" => Part::Vehicle,
        "derived" => Part::Derived,
        _ => return None,
    };
    let (name, after) = after.split_once('}').filter(|(name, _)| is_name(name))?;
    Some((part(name), after))
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
                Part::Secret("pin"),
                Part::Vehicle("vin"),
                Part::Text("b"),
                Part::Derived("x-1")
            ]
        );
        assert_eq!(all(""), []);
    }

    #[test]
    fn leaves_lookalikes_alone() {
        for text in ["{secret:}", "{secret:PIN}", "{secret:pin", "{ secret:pin}", "{private:1}", "{}", "{{"] {
            assert_eq!(all(text), [Part::Text(text)], "{text}");
        }
        assert_eq!(all("{secret:{secret:pin}"), [Part::Text("{secret:"), Part::Secret("pin")]);
        assert_eq!(
            all("{secret:{derived:a}}"),
            [Part::Text("{secret:"), Part::Derived("a"), Part::Text("}")]
        );
    }

    proptest! {
        #[test]
        fn the_parts_are_the_text(
            text in "([{}:a-zü]|secret|\\{secret:a\\}|\\{derived:b\\}|\\{vehicle:c\\}){0,12}",
        ) {
            let again: String = parts(&text).map(|part| match part {
                Part::Text(text) => text.to_owned(),
                Part::Secret(name) => format!("{{secret:{name}}}"),
                Part::Vehicle(name) => format!("{{vehicle:{name}}}"),
                Part::Derived(name) => format!("{{derived:{name}}}"),
            }).collect();
            prop_assert_eq!(again, text);
        }
    }
}
