//! The `[account.NAME]` tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;

use super::broker::quoted;
use super::endpoint::{self, Endpoint};
use super::presets::{self, Configured, Preset};
use super::reader::{Section, advice};
use super::secrets;
use crate::descriptor::{CommandAnswers, Refusals, SecretRules};

/// Logins per day unless the file says otherwise.
const LOGINS: u32 = 4;
/// The host's ceiling on logins per day: more is how accounts get locked.
const MOST_LOGINS: u32 = 10;
/// Ceiling on requests per day; more than any vendor is known to bear.
const MOST_REQUESTS: u32 = 100_000;

/// An account of a vehicle cloud.
#[derive(Clone, Debug)]
pub struct Account {
    /// The proper name of the connector that speaks this cloud, whichever alias the file uses.
    pub connector: String,
    /// The brand in lower case, for instance `kia`.
    pub brand: String,
    /// The region in lower case, for instance `eu`.
    pub region: String,
    /// A language of two lower-case letters; `en` unless the file says otherwise.
    pub language: String,
    /// The services that the connector may reach, and no others, by name.
    pub endpoints: Vec<Endpoint>,
    /// The secrets from the file, by kebab-case name, for instance `refresh-token`; none of them is empty.
    pub secrets: BTreeMap<String, SecretString>,
    /// Rules of every secret of the connector, also of those that are captured later.
    pub rules: SecretRules,
    /// Answers by which this cloud refuses a credential.
    pub refusals: Refusals,
    /// Meaning of its answers to commands: whether the vehicle may have acted.
    pub command_answers: Arc<CommandAnswers>,
    /// Number of times that a password may be sent within a day, 0 to 10; 4 unless the file says otherwise.
    pub max_logins_per_day: u32,
    /// Number of requests that may be sent within a day; without a limit unless the file sets one.
    pub quota_per_day: Option<u32>,
    /// Settings that only the connector understands. Not secret: the plugin sees them.
    pub options: BTreeMap<String, String>,
}

/// Reads one table; `None` if something in it was complained about and has no stand-in.
pub(super) fn read(mut section: Section<'_, '_>) -> Option<Account> {
    let Some(named) = connector(&mut section) else {
        // The connector decides which keys and which brands exist: more complaints would be guesses.
        return None;
    };
    let preset = named.preset;
    let brand = brand(&mut section, &named);
    let region = region(&mut section, preset);
    let language = language(&mut section);
    let endpoints = match brand {
        Some(brand) => endpoints(&mut section, &preset.brands, brand),
        // The brand decides which endpoints exist; that it is missing has been reported.
        None => section.entry("endpoints").and(None),
    };
    let secrets = configured_secrets(&mut section, preset);
    let max_logins_per_day = section.number("max_logins_per_day", 0..=MOST_LOGINS).unwrap_or(LOGINS);
    let quota_per_day = section.number("quota_per_day", 1..=MOST_REQUESTS);
    let options = options(&mut section);
    section.finish();
    Some(Account {
        connector: named.name.to_owned(),
        brand: brand?.to_owned(),
        region: region?,
        language,
        endpoints: endpoints?,
        secrets,
        rules: preset.secrets.iter().map(|(name, secret)| (name.clone(), secret.rule())).collect(),
        refusals: preset.refusals.clone(),
        command_answers: Arc::new(preset.commands.clone()),
        max_logins_per_day,
        quota_per_day,
        options,
    })
}

fn connector(section: &mut Section<'_, '_>) -> Option<presets::Named> {
    let names = presets::names();
    match section.entry("connector") {
        Some(entry) => {
            let given = entry.text()?;
            let named = presets::connector(given.value);
            if named.is_none() {
                let message =
                    format!("{}: {:?} is unknown; {}", given.name, given.value, advice(given.value, &names));
                section.complain(&given.span, message);
            }
            named
        }
        None => {
            let example = names.first().copied().unwrap_or_default();
            let message = format!("connector is missing in [{}]; add connector = {example:?}", section.name);
            section.complain(&section.span, message);
            None
        }
    }
}

fn brand(section: &mut Section<'_, '_>, named: &presets::Named) -> Option<&'static str> {
    let brands: Vec<(&str, &'static str)> =
        named.preset.brands.keys().map(|brand| (brand.as_str(), brand.as_str())).collect();
    match section.entry("brand") {
        None => {
            if named.brand.is_none() {
                let words: Vec<_> = brands.iter().map(|(word, _)| *word).collect();
                let (section_name, example) = (&section.name, words.first().copied().unwrap_or_default());
                let known = words.join(", ");
                let message =
                    format!("brand is missing in [{section_name}]; add brand = {example:?} (known: {known})");
                section.complain(&section.span, message);
            }
            named.brand
        }
        Some(entry) => {
            let chosen = section.choice("brand", &brands)?;
            if let Some(implied) = named.brand.filter(|&implied| implied != chosen) {
                let message = format!(
                    "{}: {chosen:?} does not go with this connector, which is for {implied:?}; use {:?}",
                    entry.name, named.name
                );
                section.complain(&entry.key, message);
                return None;
            }
            Some(chosen)
        }
    }
}

fn region(section: &mut Section<'_, '_>, preset: &'static Preset) -> Option<String> {
    let regions: Vec<(&str, &String)> =
        preset.regions.iter().map(|region| (region.as_str(), region)).collect();
    match section.entry("region") {
        Some(_) => section.choice("region", &regions).cloned(),
        None => preset.regions.first().cloned(),
    }
}

fn language(section: &mut Section<'_, '_>) -> String {
    let Some(given) = section.text("language") else {
        return "en".to_owned();
    };
    if given.value.len() != 2 || !given.value.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let message =
            format!("{}: {:?} is no language; write two small letters, like \"en\"", given.name, given.value);
        section.complain(&given.span, message);
    }
    given.value.to_owned()
}

fn endpoints(
    section: &mut Section<'_, '_>,
    brands: &BTreeMap<String, BTreeMap<String, String>>,
    brand: &str,
) -> Option<Vec<Endpoint>> {
    let overrides = section.entry("endpoints").map(|entry| entry.section());
    let mut overrides = match overrides {
        Some(None) => return None,
        Some(Some(overrides)) => Some(overrides),
        None => None,
    };
    let mut all = Some(Vec::new());
    for (name, preset_url) in brands.get(brand)? {
        let given = overrides.as_mut().and_then(|overrides| overrides.entry(name)).map(|entry| entry.text());
        let url = match given {
            None => endpoint::parse(preset_url).ok(),
            Some(None) => None,
            Some(Some(given)) => endpoint::parse(given.value)
                .map_err(|reason| {
                    let message = format!("{}: {}{reason}", given.name, quoted(given.value));
                    section.complain(&given.span, message);
                })
                .ok(),
        };
        match (&mut all, url) {
            (Some(all), Some(url)) => all.push(Endpoint { name: name.clone(), url }),
            _ => all = None,
        }
    }
    if let Some(overrides) = overrides {
        overrides.finish();
    }
    all
}

fn configured_secrets(section: &mut Section<'_, '_>, preset: &Preset) -> BTreeMap<String, SecretString> {
    let mut found = BTreeMap::new();
    for (name, rule) in preset.secrets.iter().filter(|(_, rule)| rule.configured != Configured::Never) {
        let key = name.replace('-', "_");
        if rule.unused && secrets::is_given(section, &key) {
            let message = format!("this connector does not use {key}; remove it");
            section.reader.warn(&section.span, format!("[{}]: {message}", section.name));
        }
        if let Some(secret) = secrets::secret(section, &key, rule.form) {
            found.insert(name.clone(), secret);
        } else if rule.configured == Configured::Required && !secrets::is_given(section, &key) {
            let message = format!(
                "{key} is missing in [{}]; add {key}_file = \"/path/to/file\" or {key} = \"${{VARIABLE}}\"",
                section.name
            );
            section.complain(&section.span, message);
        }
    }
    found
}

fn options(section: &mut Section<'_, '_>) -> BTreeMap<String, String> {
    let Some(options) = section.section("options") else {
        return BTreeMap::new();
    };
    options.entries().filter_map(|(key, entry)| Some((key.to_owned(), entry.plain()?))).collect()
}
