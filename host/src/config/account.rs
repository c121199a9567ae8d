//! The `[account.NAME]` tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use secrecy::SecretString;

use super::broker::quoted;
use super::connectors::{self, Connector, Named};
use super::endpoint::Endpoint;
use super::reader::{Section, advice};
use super::secrets::{self, Looks};
use super::sessions::Sessions;
use super::time_zone::time_zone;
use super::together;
use crate::descriptor::{
    CommandAnswers, Configured, Grant, Refusals, SecretRule, SecretRules, Takes, base_url,
};

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
    /// What the connector is granted.
    pub grant: Arc<Grant>,
    /// Values that the connector's commands take.
    pub takes: Arc<Takes>,
    /// The brand in lower case, for instance `kia`; empty if the connector has none.
    pub brand: String,
    /// The region in lower case, for instance `eu`; empty if the connector has none.
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
    /// Number of requests that may be sent on one day of its time zone; without a limit unless the file sets
    /// one.
    pub quota_per_day: Option<u32>,
    /// Time zone of its owner: a day and quiet hours are those of its clocks. That of this machine unless the
    /// file names one.
    pub time_zone: TimeZone,
    /// Days that a configured token lives at most, by its name, where nothing renews it.
    pub token_days: BTreeMap<String, u32>,
    /// Kinds of sessions that its connector keeps, as far as they are known.
    pub sessions: Arc<Sessions>,
    /// Settings that only the connector understands, with the defaults of those that the file does not have.
    /// Not secret: the plugin sees them.
    pub settings: BTreeMap<String, String>,
}

/// Reads one table; `None` if something in it was complained about and has no stand-in.
pub(super) fn read(
    mut section: Section<'_, '_>,
    connectors: &BTreeMap<String, Connector>,
) -> Option<Account> {
    let Some(named) = connector(&mut section, connectors) else {
        // The connector decides which keys and which brands exist: more complaints would be guesses.
        return None;
    };
    let grant = &named.connector.grant;
    let region = region(&mut section, named.connector);
    let brand = brand(&mut section, &named, region.as_deref());
    let language = language(&mut section);
    let endpoints = match (&region, &brand) {
        (Some(region), Some(brand)) => endpoints(&mut section, grant, region, brand),
        // They decide which endpoints exist; that one is missing has been reported.
        _ => section.entry("endpoints").and(None),
    };
    let secrets = configured_secrets(&mut section, named.connector);
    if let (Some(endpoints), Some(region)) = (&endpoints, &region) {
        warn_of_no_use(&section, grant, region, endpoints, &secrets);
    }
    if let (Some(region), Some(brand)) = (&region, &brand) {
        together::warn(&section, &named.connector.together, (region, brand), &secrets, &grant.secrets);
    }
    let max_logins_per_day = section.number("max_logins_per_day", 0..=MOST_LOGINS).unwrap_or(LOGINS);
    let quota_per_day = section.number("quota_per_day", 1..=MOST_REQUESTS);
    let time_zone = time_zone(&mut section);
    let settings = settings(&mut section, grant);
    section.finish();
    Some(Account {
        connector: named.name.to_owned(),
        grant: Arc::clone(grant),
        takes: Arc::clone(&named.connector.takes),
        brand: brand?,
        region: region?,
        language,
        endpoints: endpoints?,
        secrets,
        rules: grant.secrets.clone(),
        refusals: grant.refusals.clone(),
        command_answers: Arc::new(grant.answers.clone()),
        max_logins_per_day,
        quota_per_day,
        time_zone,
        token_days: named.connector.token_days.as_ref().clone(),
        sessions: Arc::clone(&named.connector.sessions),
        settings,
    })
}

fn connector<'c>(
    section: &mut Section<'_, '_>,
    connectors: &'c BTreeMap<String, Connector>,
) -> Option<Named<'c>> {
    let names = connectors::names(connectors);
    match section.entry("connector") {
        Some(entry) => {
            let given = entry.text()?;
            let named = connectors::named(connectors, given.value);
            if named.is_none() {
                let message = format!(
                    "{}: {:?} is unknown; {}; `vehicle-connector connector install FILE.wasm` adds another one",
                    given.name,
                    given.value,
                    advice(given.value, &names)
                );
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

/// Reads the brand; empty if the connector has none in this region.
fn brand(section: &mut Section<'_, '_>, named: &Named<'_>, region: Option<&str>) -> Option<String> {
    let grant = &named.connector.grant;
    let all = grant.brands();
    let here = region.map_or_else(|| all.clone(), |region| grant.brands_in(region));
    // One of another region is known, and told apart from one that is not.
    let is_given = section.entry("brand").is_some() && !here.is_empty();
    let chosen = one_of(section, "brand", if is_given { &all } else { &here }, named.brand)?;
    if !here.is_empty() && !here.contains(chosen.as_str()) {
        let span = section.entry("brand").map_or_else(|| section.span.clone(), |entry| entry.key.clone());
        let message = format!(
            "{}.brand: this connector knows no {chosen:?} in region {:?}; it knows {}",
            section.name,
            region.unwrap_or_default(),
            pairs(grant)
        );
        section.complain(&span, message);
        return None;
    }
    if let Some(implied) = named.brand.filter(|&implied| implied != chosen)
        && let Some(entry) = section.entry("brand")
    {
        let message = format!(
            "{}: {chosen:?} does not go with this connector, which is for {implied:?}; use {:?}",
            entry.name, named.name
        );
        section.complain(&entry.key, message);
        return None;
    }
    Some(chosen)
}

/// The brands of each region, for people.
fn pairs(grant: &Grant) -> String {
    let regions = grant.regions().into_iter();
    let brands = |region| grant.brands_in(region).into_iter().collect::<Vec<_>>().join(", ");
    regions.map(|region| format!("in {region:?} {}", brands(region))).collect::<Vec<_>>().join("; ")
}

/// Reads the region; empty if the connector has none.
fn region(section: &mut Section<'_, '_>, connector: &Connector) -> Option<String> {
    let regions = connector.grant.regions();
    let only = regions.first().copied().filter(|_| regions.len() == 1);
    let default = connector.default_region.as_deref().filter(|region| regions.contains(region));
    one_of(section, "region", &regions, only.or(default))
}

/// Warns of secrets that no endpoint of the account is given.
fn warn_of_no_use(
    section: &Section<'_, '_>,
    grant: &Grant,
    region: &str,
    endpoints: &[Endpoint],
    secrets: &BTreeMap<String, SecretString>,
) {
    let of_no_use = |rule: &SecretRule| {
        !rule.unused && !endpoints.iter().any(|endpoint| rule.endpoints.contains(&endpoint.name))
    };
    for name in secrets.keys().filter(|name| grant.secrets.get(*name).is_some_and(of_no_use)) {
        let key = name.replace('-', "_");
        let place = if region.is_empty() { String::new() } else { format!(" in region {region:?}") };
        let message = format!("{key} is of no use{place}: no endpoint of the account is sent it; remove it");
        section.reader.warn(&section.span, format!("[{}]: {message}", section.name));
    }
}

/// Reads one of the words that a grant has for accounts. `implied` is the one of an account that names none.
fn one_of(
    section: &mut Section<'_, '_>,
    key: &str,
    words: &BTreeSet<&str>,
    implied: Option<&str>,
) -> Option<String> {
    let words: Vec<(&str, &str)> = words.iter().map(|word| (*word, *word)).collect();
    let Some(entry) = section.entry(key) else {
        if let (None, Some((example, _))) = (implied, words.first()) {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let (name, known) = (&section.name, known.join(", "));
            let message = format!("{key} is missing in [{name}]; add {key} = {example:?} (known: {known})");
            section.complain(&section.span, message);
            return None;
        }
        return Some(implied.unwrap_or_default().to_owned());
    };
    if words.is_empty() {
        section.complain(&entry.key, format!("{}: this connector has no {key}; remove it", entry.name));
        return None;
    }
    section.choice(key, &words).map(str::to_owned)
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
    grant: &Grant,
    region: &str,
    brand: &str,
) -> Option<Vec<Endpoint>> {
    let overrides = section.entry("endpoints").map(|entry| entry.section());
    let mut overrides = match overrides {
        Some(None) => return None,
        Some(Some(overrides)) => Some(overrides),
        None => None,
    };
    let granted = grant.endpoints_of(region, brand);
    let mut all = Some(Vec::new());
    if granted.is_empty() {
        let message = format!(
            "[{}]: the connector has no endpoints for region {region:?} and brand {brand:?}; choose another one",
            section.name
        );
        section.complain(&section.span, message);
        all = None;
    }
    for (name, granted) in granted {
        let given = overrides.as_mut().and_then(|overrides| overrides.entry(name)).map(|entry| entry.text());
        let url = match given {
            None => Some(granted.clone()),
            Some(None) => None,
            Some(Some(given)) => base_url(given.value)
                .map_err(|reason| {
                    let message = format!("{}: {}{reason}", given.name, quoted(given.value));
                    section.complain(&given.span, message);
                })
                .ok(),
        };
        match (&mut all, url) {
            (Some(all), Some(url)) => all.push(Endpoint { name: name.to_owned(), url }),
            _ => all = None,
        }
    }
    if let Some(overrides) = overrides {
        overrides.finish();
    }
    all
}

fn configured_secrets(
    section: &mut Section<'_, '_>,
    Connector { grant, mistaken, lines, .. }: &Connector,
) -> BTreeMap<String, SecretString> {
    let mut found = BTreeMap::new();
    for (name, rule) in grant.secrets.iter().filter(|(_, rule)| rule.configured != Configured::Never) {
        let key = name.replace('-', "_");
        if rule.unused && secrets::is_given(section, &key) {
            let message = format!("this connector does not use {key}; remove it");
            section.reader.warn(&section.span, format!("[{}]: {message}", section.name));
        }
        let looks = Looks::of(rule, mistaken.get(name).map_or(&[], Vec::as_slice), lines.get(name).copied());
        if let Some(secret) = secrets::secret(section, &key, looks) {
            found.insert(name.clone(), secret);
        } else if rule.configured == Configured::Required && !secrets::is_given(section, &key) {
            let message = format!(
                "{key} is missing in [{}]; add {key}_file = \"/path/to/file\" or {key} = \"${{VARIABLE}}\"{}",
                section.name,
                described(&rule.description)
            );
            section.complain(&section.span, message);
        }
    }
    found
}

/// A description in brackets, if there is one.
fn described(description: &str) -> String {
    if description.is_empty() { String::new() } else { format!(" ({description})") }
}

/// Reads the settings that the connector is granted; with "_" for "-", as other keys have.
fn settings(section: &mut Section<'_, '_>, grant: &Grant) -> BTreeMap<String, String> {
    let mut given = section.section("settings");
    let mut all = BTreeMap::new();
    for (name, setting) in &grant.settings {
        let key = name.replace('-', "_");
        let entry = given.as_mut().and_then(|given| given.entry(&key));
        if setting.required && entry.is_none() {
            let message = format!(
                "settings.{key} is missing in [{}], and the account cannot be used without it; add settings = {{ \
                 {key} = \"…\" }}{}",
                section.name,
                described(&setting.description)
            );
            section.complain(given.as_ref().map_or(&section.span, |given| &given.span), message);
        }
        let value = entry.and_then(super::reader::Entry::plain).or_else(|| setting.default.clone());
        all.extend(value.map(|value| (name.clone(), value)));
    }
    if let Some(given) = given {
        given.finish();
    }
    all
}
