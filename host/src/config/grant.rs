//! What a connector is granted, as configurations have it: in the tables of `[connector.NAME]`, and in the
//! same form for the connectors that the program carries.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::broker::quoted;
use super::reader::{Entry, Section, Text};
use crate::descriptor::{
    Arguments, CommandAnswers, Configured, Grant, LEAST, LONGEST_LEAST, OwnEffect, OwnOperation,
    RefusedCredential, Said, SecretCharacters, SecretClass, SecretForm, SecretRule, Service, Setting,
    SuccessPlace,
};

mod written;

pub use written::block;

/// Keys of the tables that a grant consists of.
const KEYS: [&str; 8] =
    ["endpoints", "regions", "brands", "secrets", "settings", "operations", "refusals", "answers"];

/// Whether a section grants anything.
pub(super) fn is_there(section: &mut Section<'_, '_>) -> bool {
    KEYS.iter().filter(|key| section.entry(key).is_some()).count() > 0
}

/// Reads the tables of a grant. What is complained about is left out.
pub(super) fn read(section: &mut Section<'_, '_>) -> Grant {
    let mut grant = Grant::default();
    reached(section, None, None, &mut grant);
    for (region, mut table) in tables(section, "regions") {
        reached(&mut table, Some(region), None, &mut grant);
        brands(&mut table, Some(region), &mut grant);
        table.finish();
    }
    brands(section, None, &mut grant);
    for (name, table) in tables(section, "secrets") {
        let span = table.span.clone();
        let full = table.name.clone();
        if let Some(rule) = secret(table)
            && let Err(why) = grant.add_secret(name, rule)
        {
            section.complain(&span, format!("{full}: {why}"));
        }
    }
    for (name, mut table) in tables(section, "settings") {
        let description = text(&mut table, "description");
        let default = table.entry("default").and_then(Entry::plain);
        let required = truth(&mut table, "required");
        add(table, |_| grant.add_setting(name, Setting { description, default, required }));
    }
    for (name, mut table) in tables(section, "operations") {
        let description = text(&mut table, "description");
        let effect = table.choice("effect", &OwnEffect::WORDS).unwrap_or_default();
        let arguments = table.text("arguments").map(|text| Arguments::parse(text.value));
        let arguments = match arguments {
            Some(Ok(arguments)) => Ok(arguments),
            Some(Err(why)) => Err(format!("arguments: {why}")),
            None => Ok(Arguments::default()),
        };
        let operation = |arguments| OwnOperation { description, effect, arguments };
        add(table, |_| grant.add_operation(name, operation(arguments?)));
    }
    if let Some(table) = section.section("refusals") {
        refusals(table, &mut grant);
    }
    if let Some(table) = section.section("answers") {
        answers(table, &mut grant);
    }
    grant
}

/// The tables in a table whose keys are names.
fn tables<'d, 'r>(section: &mut Section<'d, 'r>, key: &str) -> Vec<(&'d str, Section<'d, 'r>)> {
    let Some(table) = section.section(key) else { return Vec::new() };
    table.entries().filter_map(|(name, entry)| Some((name, entry.section()?))).collect()
}

/// Adds what a table describes, or complains about it, and about keys that nobody asked for.
fn add(table: Section<'_, '_>, add: impl FnOnce(&str) -> Result<(), String>) {
    if let Err(why) = add(&table.name) {
        table.complain(&table.span, format!("{}: {why}", table.name));
    }
    table.finish();
}

fn text(section: &mut Section<'_, '_>, key: &str) -> String {
    section.text(key).map(|text| text.value.to_owned()).unwrap_or_default()
}

fn truth(section: &mut Section<'_, '_>, key: &str) -> bool {
    section.entry(key).and_then(Entry::truth) == Some(true)
}

fn brands(section: &mut Section<'_, '_>, region: Option<&str>, grant: &mut Grant) {
    for (brand, mut table) in tables(section, "brands") {
        reached(&mut table, region, Some(brand), grant);
        table.finish();
    }
}

/// Reads the endpoints that accounts of this region and brand reach.
fn reached(section: &mut Section<'_, '_>, region: Option<&str>, brand: Option<&str>, grant: &mut Grant) {
    let Some(table) = section.section("endpoints") else { return };
    for (name, entry) in table.entries() {
        let Some(Text { value, span, name: full }) = entry.text() else { continue };
        let [region, brand] = [region, brand].map(|word| word.map(str::to_owned));
        let service = Service { region, brand, name: name.to_owned() };
        if let Err(why) = grant.add_endpoint(service, value) {
            table.complain(&span, format!("{full}: {}{why}", quoted(value)));
        }
    }
}

/// Reads the rules of a secret; `None` if something was complained about.
fn secret(mut section: Section<'_, '_>) -> Option<SecretRule> {
    let class = chosen(&mut section, "class", &SecretClass::WORDS);
    let configured = chosen(&mut section, "configured", &Configured::WORDS);
    let endpoints: Option<BTreeSet<String>> = section.entry("endpoints").and_then(Entry::texts).map(owned);
    let rotates = truth(&mut section, "rotates");
    let lasting = truth(&mut section, "lasting");
    let unused = truth(&mut section, "unused");
    let least = section.number("least", LEAST..=LONGEST_LEAST).unwrap_or(LEAST);
    let form = section.section("form").and_then(form);
    let description = text(&mut section, "description");
    section.finish();
    let (class, configured) = (class?, configured?);
    let endpoints = endpoints.unwrap_or_default();
    Some(SecretRule { description, class, configured, endpoints, rotates, lasting, least, form, unused })
}

fn form(mut section: Section<'_, '_>) -> Option<SecretForm> {
    let length = section.number("length", 1..=LONGEST_LEAST);
    let characters = chosen(&mut section, "characters", &SecretCharacters::WORDS);
    section.finish();
    Some(SecretForm { length: length?, characters: characters? })
}

/// Reads one of a few words, without which the table means nothing.
fn chosen<T: Copy>(section: &mut Section<'_, '_>, key: &str, words: &[(&str, T)]) -> Option<T> {
    if section.entry(key).is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("{}: {key} is missing; known: {}", section.name, known.join(", "));
        section.complain(&section.span, message);
    }
    section.choice(key, words)
}

fn owned<C: FromIterator<String>>(texts: Vec<Text<'_>>) -> C {
    texts.into_iter().map(|text| text.value.to_owned()).collect()
}

fn refusals(mut section: Section<'_, '_>, grant: &mut Grant) {
    for (key, refused) in [
        ("grant", RefusedCredential::Grant),
        ("pin", RefusedCredential::Pin),
        ("daily_limit", RefusedCredential::DailyLimit),
    ] {
        for mut said in section.entry(key).and_then(Entry::sections).unwrap_or_default() {
            let code = text(&mut said, "code");
            let status = said.number("status", 100..=599).and_then(|status| u16::try_from(status).ok());
            let words = said.text("words").map(|text| text.value.to_owned());
            add(said, |_| grant.add_refusal(refused, Said { code, status, words }));
        }
    }
    section.finish();
}

fn answers(mut section: Section<'_, '_>, grant: &mut Grant) {
    let success = section.entry("success").and_then(Entry::sections).unwrap_or_default();
    let success = success.into_iter().filter_map(|mut mark| {
        let (endpoint, pointer) = (text(&mut mark, "endpoint"), text(&mut mark, "at"));
        let value = mark.entry("is").map(Entry::scalar);
        if value.is_none() {
            mark.complain(&mark.span, format!("is is missing in [{}]", mark.name));
        }
        mark.finish();
        Some((SuccessPlace { endpoint, pointer }, value.flatten()?))
    });
    let success: BTreeMap<SuccessPlace, Value> = success.collect();
    let mut texts = |key| section.entry(key).and_then(Entry::texts);
    let answers = CommandAnswers {
        success,
        codes_at: texts("codes_at").map(owned).unwrap_or_default(),
        before_execution: texts("before_execution").map(owned).unwrap_or_default(),
        undecided: texts("undecided").map(owned).unwrap_or_default(),
    };
    add(section, |_| grant.set_answers(answers));
}

#[cfg(test)]
mod tests;
