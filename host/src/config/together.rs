//! Secrets of a connector that are of no use without others: a configuration that lacks those can be run, and signs
//! nothing in.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::reader::{Entry, Section};
use crate::descriptor::SecretRule;

/// Secrets that are of use together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Together {
    /// Name of the one that is of no use alone.
    of: String,
    /// Names of those that it is of use with.
    wants: Vec<String>,
    /// Regions in which that is so.
    regions: Vec<String>,
    /// Brands of which it is so.
    brands: Vec<String>,
}

/// Reads what a connector's table says of that.
pub(super) fn read(section: &mut Section<'_, '_>) -> Vec<Together> {
    let sections = section.entry("together").and_then(Entry::sections);
    let read = |mut it: Section<'_, '_>| {
        let of = it.text("of").map(|text| text.value.to_owned());
        let mut texts = |key| {
            let texts = it.entry(key).and_then(Entry::texts)?;
            Some(texts.iter().map(|text| text.value.to_owned()).collect())
        };
        let (wants, regions, brands) = (texts("wants"), texts("regions"), texts("brands"));
        it.finish();
        Some(Together { of: of?, wants: wants?, regions: regions?, brands: brands? })
    };
    sections.unwrap_or_default().into_iter().filter_map(read).collect()
}

/// Warns of each configured secret of an account that is of no use without one that is not configured.
pub(super) fn warn(
    section: &Section<'_, '_>,
    all: &[Together],
    (region, brand): (&str, &str),
    secrets: &BTreeMap<String, SecretString>,
    rules: &BTreeMap<String, SecretRule>,
) {
    let key = |name: &str| name.replace('-', "_");
    for together in all {
        let is_here =
            together.regions.iter().any(|it| it == region) && together.brands.iter().any(|it| it == brand);
        if !is_here || !secrets.contains_key(&together.of) {
            continue;
        }
        for missing in together.wants.iter().filter(|name| !secrets.contains_key(*name)) {
            let described = rules.get(missing).map(|rule| rule.description.as_str()).unwrap_or_default();
            let described = if described.is_empty() { String::new() } else { format!(" ({described})") };
            let (of, missing) = (key(&together.of), key(missing));
            let message = format!(
                "[{}]: {of} signs nothing in without {missing}, so nothing is sent; add {missing}_file = \
                 \"/path/to/file\"{described}",
                section.name
            );
            section.reader.warn(&section.span, message);
        }
    }
}

#[cfg(test)]
impl Together {
    /// All names of secrets that are spoken of.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.wants.iter().chain([&self.of]).map(String::as_str)
    }
}
