//! The connectors that the program carries, and their built-in grants, from the table beside this file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use toml::de::DeTable;

use super::form::Mistaken;
use super::reader::{Reader, Section};
use super::sessions::Sessions;
use super::together::{self, Together};
use super::{grant, takes};
use crate::descriptor::{Grant, Takes};

/// A connector that the program carries.
#[derive(Debug)]
pub(super) struct Preset {
    /// Other names of the connector, with the brand that each implies.
    pub(super) aliases: BTreeMap<String, String>,
    /// Region of an account that names none; none if it has to.
    pub(super) default_region: Option<String>,
    /// Built-in grant, which a configuration may replace.
    pub(super) grant: Arc<Grant>,
    /// Values that its commands take.
    pub(super) takes: Arc<Takes>,
    /// What people take for its secrets, by the names of those.
    pub(super) mistaken: Arc<BTreeMap<String, Vec<Mistaken>>>,
    /// Days that its configured tokens live at most, where nothing renews them.
    pub(super) token_days: Arc<BTreeMap<String, u32>>,
    /// Kinds of sessions that it keeps.
    pub(super) sessions: Arc<Sessions>,
    /// Secrets that are of use together.
    pub(super) together: Arc<Vec<Together>>,
    /// Lines that its keys have, by the names of those.
    pub(super) lines: Arc<BTreeMap<String, u32>>,
}

/// Most days that a token lives which nothing renews.
const MOST_DAYS: u32 = 3_650;

/// Most lines of a key that is made of parts.
const MOST_LINES: u32 = 16;

/// Most characters of what is mistaken for a secret.
const LONGEST: u32 = 8_192;

const TABLE: &str = include_str!("presets.toml");

#[allow(clippy::expect_used, reason = "the table is part of the program, and a test reads it")]
static PRESETS: LazyLock<BTreeMap<String, Preset>> =
    LazyLock::new(|| read(TABLE).expect("the table of connectors"));

/// The connectors that the program carries, by name.
pub(super) fn all() -> &'static BTreeMap<String, Preset> {
    &PRESETS
}

/// Reads the table as a configuration's grants are read; the error is what a configuration would be told.
fn read(text: &str) -> Result<BTreeMap<String, Preset>, String> {
    let reader = Reader::new(Path::new("presets.toml"), text, &|_| None);
    let table = DeTable::parse(text).map_err(|error| error.to_string())?;
    let mut presets = BTreeMap::new();
    for (name, entry) in Section::root(&reader, table.get_ref()).entries() {
        let Some(mut section) = entry.section() else { continue };
        let mut aliases = BTreeMap::new();
        if let Some(table) = section.section("aliases") {
            let brand = |entry: super::reader::Entry<'_, '_>| Some(entry.text()?.value.to_owned());
            aliases
                .extend(table.entries().filter_map(|(name, entry)| Some((name.to_owned(), brand(entry)?))));
        }
        let default_region = section.text("default_region").map(|text| text.value.to_owned());
        let grant = Arc::new(grant::read(&mut section));
        let takes = Arc::new(takes::read(&mut section, Takes::default()));
        let mistaken = Arc::new(mistaken(&mut section));
        let token_days = Arc::new(numbers(&mut section, "token_days", MOST_DAYS));
        let lines = Arc::new(numbers(&mut section, "lines", MOST_LINES));
        let together = Arc::new(together::read(&mut section));
        let sessions = Arc::new(Sessions::read(&mut section));
        section.finish();
        presets.insert(
            name.to_owned(),
            Preset { aliases, default_region, grant, takes, mistaken, token_days, sessions, together, lines },
        );
    }
    let (problems, _) = reader.into_problems();
    if problems.is_empty() {
        Ok(presets)
    } else {
        Err(problems.iter().map(|problem| format!("presets.toml:{problem}\n")).collect())
    }
}

/// Reads a table of numbers by the names of secrets.
fn numbers(section: &mut Section<'_, '_>, key: &str, most: u32) -> BTreeMap<String, u32> {
    let Some(mut table) = section.section(key) else { return BTreeMap::new() };
    let names: Vec<String> = table.entries().map(|(name, _)| name.to_owned()).collect();
    let number = |name: String| table.number(&name, 1..=most).map(|number| (name, number));
    names.into_iter().filter_map(number).collect()
}

/// Reads what people take for the secrets of a connector.
fn mistaken(section: &mut Section<'_, '_>) -> BTreeMap<String, Vec<Mistaken>> {
    let Some(table) = section.section("mistaken") else { return BTreeMap::new() };
    let read = |mut it: Section<'_, '_>| {
        let mut characters =
            |key| it.number(key, 1..=LONGEST).and_then(|number| usize::try_from(number).ok());
        let length = characters("least").zip(characters("most")).map(|(least, most)| least..=most);
        let is = it.text("is").map(|text| text.value.to_owned());
        it.finish();
        Some(Mistaken { length: length?, is: is? })
    };
    let all = table.entries().map(|(name, entry)| {
        let known = entry.sections().unwrap_or_default().into_iter().filter_map(read);
        (name.to_owned(), known.collect())
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::descriptor::is_name;

    #[test]
    fn the_table_is_consistent() {
        let presets = read(TABLE).unwrap_or_else(|problems| panic!("{problems}"));
        for (name, preset) in &presets {
            let Preset { aliases, default_region, grant, mistaken, token_days, sessions, .. } = preset;
            let spoken_of = preset.together.iter().flat_map(Together::names);
            let mut spoken_of = spoken_of.chain(preset.lines.keys().map(String::as_str));
            assert!(spoken_of.all(|secret| grant.secrets.contains_key(secret)), "{name}");
            assert!(sessions.names().all(|token| grant.secrets.contains_key(token)), "{name}");
            assert!(token_days.keys().all(|token| grant.secrets.contains_key(token)), "{name}");
            for (secret, all) in mistaken.as_ref() {
                let form = grant.secrets.get(secret).and_then(|rule| rule.form).unwrap();
                let wanted = usize::try_from(form.length).unwrap();
                assert!(
                    all.iter().all(|it| !it.length.contains(&wanted) && !it.is.is_empty()),
                    "{name} {secret}"
                );
            }
            assert!(is_name(name) && !grant.endpoints.is_empty());
            assert!(grant.endpoints.values().all(|url| url.scheme() == "https"), "{name}");
            // Each brand of a region has all of that region's: the connector need not ask which there are.
            for region in grant.regions() {
                let of = |brand| grant.endpoints_of(region, brand).into_keys().collect::<BTreeSet<_>>();
                let all: BTreeSet<_> = grant.brands_in(region).into_iter().map(of).collect();
                assert!(all.len() <= 1, "{name} {region}: {all:?}");
            }
            assert!(default_region.iter().all(|region| grant.regions().contains(region.as_str())), "{name}");
            for (alias, brand) in aliases {
                assert!(grant.brands().contains(brand.as_str()) && !presets.contains_key(alias), "{alias}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_the_table_is_told_as_of_a_configuration() {
        let problems =
            read("[acme]\naliases = {}\nregion = {}\n[acme.endpoints]\napi = \"http://a.example\"")
                .unwrap_err();
        assert_eq!(
            problems,
            "presets.toml:3: unknown key \"region\" in [acme]; did you mean \"regions\"?\n\
             presets.toml:5: acme.endpoints.api: \"http://a.example\": http:// is for this machine only; use https://\n"
        );
    }
}
