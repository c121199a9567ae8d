//! Grants: what the owner of the host lets a connector reach, know and do.
//!
//! A connector asks for things in its manifest, and that is a proposal. Only what stands in a grant counts:
//! the built-in one of a connector that the program carries, or the owner's `[connector.NAME]`. What a
//! component asks for has the same form, so that the two can be compared ([`excess`](super::excess)) and the
//! one written down as the other.
//!
//! Everything here has a bound, since a component may ask for anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use url::Url;

use super::service::base_url;
use super::texts::{TEXT, code, named, short, within};
use super::{
    CommandAnswers, LEAST, LONGEST_LEAST, OwnOperation, Refusals, Said, SecretClass, SecretRule, Service,
};

/// What a connector is granted, or asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant {
    /// Base URLs of the services that it may reach.
    pub endpoints: BTreeMap<Service, Url>,
    /// Secrets that it may use, by name.
    pub secrets: BTreeMap<String, SecretRule>,
    /// Settings of an account that it is told, by name.
    pub settings: BTreeMap<String, Setting>,
    /// Its own operations, by name.
    pub operations: BTreeMap<String, OwnOperation>,
    /// Answers by which its cloud refuses a credential.
    pub refusals: Refusals,
    /// Meaning of answers to commands: whether the vehicle may have acted.
    pub answers: CommandAnswers,
}

/// A setting of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// A sentence for people.
    pub description: String,
    /// Value where the account has none.
    pub default: Option<String>,
    /// Whether an account cannot be used without it.
    pub required: bool,
}

/// Kind of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedCredential {
    /// Password or refresh token.
    Grant,
    /// The PIN.
    Pin,
    /// Nothing: the requests of a day are used up.
    DailyLimit,
}

/// Bounds of a grant: how many of each there may be, and how long texts are, in bytes.
mod bounds {
    pub(super) const ENDPOINTS: usize = 64;
    pub(super) const SECRETS: usize = 32;
    pub(super) const SETTINGS: usize = 32;
    pub(super) const OPERATIONS: usize = 32;
    pub(super) const REFUSALS: usize = 64;
    pub(super) const CODES: usize = 256;
    pub(super) const POINTERS: usize = 16;
    pub(super) const URL: usize = 512;
    pub(super) const DESCRIPTION: usize = 512;
}

/// Keys of an account's section that are no secrets.
const TAKEN: [&str; 9] = [
    "connector",
    "brand",
    "region",
    "language",
    "endpoints",
    "settings",
    "max_logins_per_day",
    "quota_per_day",
    "options",
];

impl Grant {
    /// Adds a service.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to do.
    pub fn add_endpoint(&mut self, service: Service, url: &str) -> Result<(), String> {
        named(&service.name)?;
        for word in service.region.iter().chain(&service.brand) {
            named(word)?;
        }
        within("endpoints", self.endpoints.len(), bounds::ENDPOINTS)?;
        short("the URL", url, bounds::URL)?;
        let url = base_url(url)?;
        // Of two that are equally precise neither would be meant more than the other.
        let rival = |other: &&Service| {
            other.name == service.name
                && other.precision() == service.precision()
                && (other.region.is_some(), other.brand.is_some())
                    != (service.region.is_some(), service.brand.is_some())
        };
        if let Some(other) = self.endpoints.keys().find(rival) {
            return Err(format!(
                "{other} and {service} would both hold for some accounts; name region and brand of one of them"
            ));
        }
        match self.endpoints.insert(service.clone(), url) {
            None => Ok(()),
            Some(_) => Err(format!("the endpoint {service} is there twice; remove one of them")),
        }
    }

    /// Adds a secret. Its endpoints are added before.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to do.
    pub fn add_secret(&mut self, name: &str, rule: SecretRule) -> Result<(), String> {
        named(name)?;
        within("secrets", self.secrets.len(), bounds::SECRETS)?;
        short("the description", &rule.description, bounds::DESCRIPTION)?;
        let key = name.replace('-', "_");
        let is_file_of = |one: &str, other: &str| one.strip_suffix("-file") == Some(other);
        if TAKEN.contains(&key.as_str())
            || self.secrets.keys().any(|other| is_file_of(name, other) || is_file_of(other, name))
        {
            return Err(format!("a secret cannot be called {name}: an account has another use for that key"));
        }
        if rule.endpoints.is_empty() {
            return Err("it has no endpoints, so it could be sent nowhere; name some".to_owned());
        }
        let known: BTreeSet<&str> = self.endpoints.keys().map(|service| service.name.as_str()).collect();
        if let Some(unknown) = rule.endpoints.iter().find(|name| !known.contains(name.as_str())) {
            let known: Vec<&str> = known.into_iter().collect();
            return Err(format!("there is no endpoint {unknown:?}; known: {}", known.join(", ")));
        }
        if rule.class == SecretClass::OneTimeCode && rule.configured != super::Configured::Never {
            return Err(
                "a one-time code is good once, so no configuration has it; write configured = \"never\""
                    .to_owned(),
            );
        }
        if rule.class.is_a_persons() && (rule.rotates || rule.lasting) {
            return Err(format!("no answer gives out a {}, so it neither rotates nor lasts", rule.class));
        }
        if rule.class.is_a_persons()
            && rule.class != SecretClass::OneTimeCode
            && rule.configured == super::Configured::Never
        {
            return Err(format!(
                "nothing but the configuration has a {}; write configured = \"required\"",
                rule.class
            ));
        }
        if rule.form.is_some_and(|form| form.length == 0 || form.length > LONGEST_LEAST) {
            return Err(format!("a secret with a form has 1 to {LONGEST_LEAST} characters"));
        }
        if !(LEAST..=LONGEST_LEAST).contains(&rule.least) {
            return Err(format!(
                "a secret has at least {LEAST} to {LONGEST_LEAST} bytes, and not {}",
                rule.least
            ));
        }
        match self.secrets.insert(name.to_owned(), rule) {
            None => Ok(()),
            Some(_) => Err(format!("the secret {name} is there twice")),
        }
    }

    /// Adds a setting.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to do.
    pub fn add_setting(&mut self, name: &str, setting: Setting) -> Result<(), String> {
        named(name)?;
        within("settings", self.settings.len(), bounds::SETTINGS)?;
        short("the description", &setting.description, bounds::DESCRIPTION)?;
        short("the default", setting.default.as_deref().unwrap_or_default(), TEXT)?;
        if setting.required && setting.default.is_some() {
            return Err(
                "it is required and has a default, so it could never be missing; remove one of the two"
                    .to_owned(),
            );
        }
        match self.settings.insert(name.to_owned(), setting) {
            None => Ok(()),
            Some(_) => Err(format!("the setting {name} is there twice")),
        }
    }

    /// Adds an operation.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to do.
    pub fn add_operation(&mut self, name: &str, operation: OwnOperation) -> Result<(), String> {
        named(name)?;
        within("operations", self.operations.len(), bounds::OPERATIONS)?;
        short("the description", &operation.description, bounds::DESCRIPTION)?;
        match self.operations.insert(name.to_owned(), operation) {
            None => Ok(()),
            Some(_) => Err(format!("the operation {name} is there twice")),
        }
    }

    /// Adds a code by which a cloud refuses.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to do.
    pub fn add_refusal(&mut self, refused: RefusedCredential, said: Said) -> Result<(), String> {
        let all = self.refusals.kinds().iter().map(|(_, said)| said.len()).sum();
        within("refusals", all, bounds::REFUSALS)?;
        code(&said.code)?;
        short("the words", said.words.as_deref().unwrap_or_default(), TEXT)?;
        if said.words.as_deref().is_some_and(|words| words.trim().is_empty()) {
            return Err("the words are empty, so every answer has them; remove them".to_owned());
        }
        if said.status.is_some_and(|status| !(100..600).contains(&status)) {
            return Err("there is no such status; write 100 to 599".to_owned());
        }
        match refused {
            RefusedCredential::Grant => self.refusals.grant.push(said),
            RefusedCredential::Pin => self.refusals.pin.push(said),
            RefusedCredential::DailyLimit => self.refusals.daily_limit.push(said),
        }
        Ok(())
    }

    /// Sets how answers to commands are read.
    ///
    /// # Errors
    ///
    /// What is wrong with that, and what to do.
    pub fn set_answers(&mut self, answers: CommandAnswers) -> Result<(), String> {
        let CommandAnswers { success, codes_at, before_execution, undecided } = &answers;
        let known: BTreeSet<&str> = self.endpoints.keys().map(|service| service.name.as_str()).collect();
        if let Some(place) = success.keys().find(|place| !known.contains(place.endpoint.as_str())) {
            let known: Vec<&str> = known.into_iter().collect();
            return Err(format!("there is no endpoint {:?}; known: {}", place.endpoint, known.join(", ")));
        }
        for pointer in success.keys().map(|place| &place.pointer).chain(codes_at) {
            short("the pointer", pointer, TEXT)?;
            if !pointer.starts_with('/') {
                return Err(format!("{pointer:?} is no JSON Pointer; begin it with \"/\""));
            }
        }
        within("pointers", (success.len() + codes_at.len()).saturating_sub(1), bounds::POINTERS)?;
        for value in success.values() {
            if !matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
                return Err(format!("{value} reports no success; use a text, a number, true or false"));
            }
            short("the value of success", &value.to_string(), TEXT)?;
        }
        let codes = before_execution.len() + undecided.len();
        within("codes", codes.saturating_sub(1), bounds::CODES)?;
        for (key, codes) in [("before_execution", before_execution), ("undecided", undecided)] {
            codes.iter().try_for_each(|text| code(text)).map_err(|why| format!("{key}: {why}"))?;
        }
        if let Some(both) = before_execution.intersection(undecided).next() {
            return Err(format!("{both:?} cannot say both that the vehicle was told and that it was not"));
        }
        if codes_at.is_empty() && codes > 0 {
            return Err("there are codes, and codes_at does not say where an answer has them".to_owned());
        }
        self.answers = answers;
        Ok(())
    }

    /// Regions that endpoints are named for.
    #[must_use]
    pub fn regions(&self) -> BTreeSet<&str> {
        self.endpoints.keys().filter_map(|service| service.region.as_deref()).collect()
    }

    /// Brands that endpoints are named for.
    #[must_use]
    pub fn brands(&self) -> BTreeSet<&str> {
        self.endpoints.keys().filter_map(|service| service.brand.as_deref()).collect()
    }

    /// Brands that accounts of this region have to choose from.
    #[must_use]
    pub fn brands_in(&self, region: &str) -> BTreeSet<&str> {
        let there =
            self.endpoints.keys().filter(|service| service.region.as_deref().is_none_or(|own| own == region));
        there.filter_map(|service| service.brand.as_deref()).collect()
    }

    /// The services that an account of this region and brand may reach, by name. Of several that hold for it
    /// the most precise one.
    #[must_use]
    pub fn endpoints_of(&self, region: &str, brand: &str) -> BTreeMap<&str, &Url> {
        let mut found: BTreeMap<&str, (usize, &Url)> = BTreeMap::new();
        for (service, url) in self.endpoints.iter().filter(|(service, _)| service.is_for(region, brand)) {
            let best = found.entry(&service.name).or_insert((service.precision(), url));
            if service.precision() > best.0 {
                *best = (service.precision(), url);
            }
        }
        found.into_iter().map(|(name, (_, url))| (name, url)).collect()
    }
}

#[cfg(test)]
mod tests;
