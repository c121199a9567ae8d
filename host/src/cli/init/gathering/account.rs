//! Questions about the account: its brand, and what it signs in with.

use std::path::Path;
use std::sync::Arc;

use super::{Gathering, NoAnswers, Wanted, absolute, cannot_be_a_name};
use crate::cli::auth::terminal::Echo;
use crate::cli::init::answers::Answers;
use crate::config::connector_of;
use crate::descriptor::{Configured, Grant, SecretClass, SecretRule};
use crate::plugin::embedded;

/// A brand, and who speaks to its cloud.
struct Offered {
    brand: String,
    connector: &'static str,
    grant: Arc<Grant>,
    default_region: Option<String>,
}

impl Gathering<'_> {
    /// Finds the connector by the brand.
    pub(super) fn connector(&mut self) -> Result<Arc<Grant>, NoAnswers> {
        let options = self.options;
        let offered = offered();
        let brands: Vec<&str> = offered.iter().map(|offered| offered.brand.as_str()).collect();
        let known = brands.join(", ");
        let question = format!("Brand of the car ({known})");
        let mut given = options.brand.clone();
        let found = loop {
            let brand = self.text(&question, "--brand", &given, None)?.to_lowercase();
            match offered.iter().find(|offered| offered.brand == brand) {
                Some(found) => break found,
                None if self.person.is_some() && given.is_none() => {
                    self.say(&format!("it is not one of {known}"))?;
                }
                None => return Err(NoAnswers::Wrong(format!("--brand: {brand:?} is not one of {known}"))),
            }
            given = None;
        };
        self.answers.connector = found.connector.to_owned();
        self.answers.brand = Some(found.brand.clone());
        let is_there = |region: &&str| found.grant.brands_in(region).contains(found.brand.as_str());
        let regions: Vec<&str> = found.grant.regions().into_iter().filter(is_there).collect();
        self.answers.region = match regions.as_slice() {
            [] | [_] => options.region.clone(),
            [first, ..] => {
                let default = found.default_region.as_deref().filter(|default| regions.contains(default));
                let usual = default.unwrap_or(first);
                let question = format!("Region of the account ({})", regions.join(", "));
                Some(self.one_of(&question, "--region", &options.region, (usual, &regions))?)
            }
        };
        Ok(Arc::clone(&found.grant))
    }

    /// Takes what an option says, or asks until it is one of these words.
    fn one_of(
        &mut self,
        question: &str,
        option: &str,
        given: &Option<String>,
        (usual, words): (&str, &[&str]),
    ) -> Result<String, NoAnswers> {
        loop {
            let word = self.text(question, option, given, Some(usual))?.to_lowercase();
            if words.contains(&word.as_str()) {
                return Ok(word);
            }
            let known = words.join(", ");
            if given.is_some() || self.person.is_none() {
                return Err(NoAnswers::Wrong(format!("{option}: {word:?} is not one of {known}")));
            }
            self.say(&format!("it is not one of {known}"))?;
        }
    }

    pub(super) fn account(&mut self) -> Result<(), NoAnswers> {
        let wanted = Wanted {
            question: "Name of the account in topics",
            option: "--account",
            given: &self.options.account,
            usual: Some("main"),
        };
        let put = |answers: &mut Answers, name| answers.account = name;
        self.right(wanted, put, |answers, message| cannot_be_a_name(&answers.account, message))
    }

    /// Takes the settings and the secrets that options name. One of them may name what there is not, or a file that is
    /// of no use.
    pub(super) fn given_for_the_account(&mut self) -> Result<(), NoAnswers> {
        self.answers.settings.extend(self.options.settings.iter().cloned());
        for (key, file) in &self.options.secrets {
            self.answers.secret_files.insert(key.clone(), absolute(Path::new(file)));
        }
        let within = format!("account.{}.", self.answers.account);
        let is_of_options =
            |message: &str| message.starts_with(&within) || message.starts_with("unknown key");
        self.problem(is_of_options).map_or(Ok(()), |message| Err(NoAnswers::Wrong(message)))
    }

    pub(super) fn settings(&mut self, grant: &Grant) -> Result<(), NoAnswers> {
        self.answers.settings = self.options.settings.iter().cloned().collect();
        for (name, setting) in &grant.settings {
            let key = name.replace('-', "_");
            if setting.required && !self.answers.settings.contains_key(&key) {
                let question = described(&key, &setting.description);
                let value = self.text(&question, &format!("--setting {key}=VALUE"), &None, None)?;
                self.answers.settings.insert(key, value);
            }
        }
        Ok(())
    }

    pub(super) fn secrets(&mut self, grant: &Grant) -> Result<(), NoAnswers> {
        self.given_for_the_account()?;
        let region = self.answers.region.clone().unwrap_or_default();
        let brand = self.answers.brand.clone().unwrap_or_default();
        let reached = grant.endpoints_of(&region, &brand);
        // Without a region all that there is may be meant.
        let is_sent = |rule: &SecretRule| {
            region.is_empty() || rule.endpoints.iter().any(|name| reached.contains_key(name.as_str()))
        };
        // A key of several lines is not typed: whoever has one names its file.
        let is_asked = |rule: &SecretRule| !rule.unused && rule.class != SecretClass::Key && is_sent(rule);
        let of = |configured: Configured| {
            let rules = grant.secrets.iter();
            rules.filter(move |(_, rule)| rule.configured == configured)
        };
        // What is needed comes first.
        let all = of(Configured::Required).chain(of(Configured::Optional));
        for (name, rule) in all.filter(|(_, rule)| is_asked(rule)) {
            let key = name.replace('-', "_");
            if self.answers.secret_files.contains_key(&key) {
                continue;
            }
            if self.person.is_some() {
                self.secret(&key, rule)?;
            } else if rule.configured == Configured::Required {
                let missing = format!("--secret {key}=FILE is missing{}", in_brackets(&rule.description));
                return Err(NoAnswers::Wrong(missing));
            }
        }
        Ok(())
    }

    /// Has a secret typed until it has the form that it must have.
    fn secret(&mut self, key: &str, rule: &SecretRule) -> Result<(), NoAnswers> {
        let optional = rule.configured == Configured::Optional;
        let echo = if rule.class == SecretClass::Identifier { Echo::On } else { Echo::Off };
        let hint = match (optional, echo) {
            (true, Echo::Off) => " (not shown; none: Enter)",
            (true, Echo::On) => " (none: Enter)",
            (false, Echo::Off) => " (not shown)",
            (false, Echo::On) => "",
        };
        let question = format!("{}{hint}: ", described(key, &rule.description));
        let file = format!("{}_{key}", self.answers.account);
        loop {
            let typed = self.ask(&question, echo)?;
            if typed.is_empty() {
                if optional {
                    return Ok(());
                }
                self.say("this is needed")?;
                continue;
            }
            self.answers.type_in(&file, typed).map_err(NoAnswers::Wrong)?;
            self.answers.typed_secrets.insert(key.to_owned(), file.clone());
            let about = format!("account.{}.{key}:", self.answers.account);
            let Some(message) = self.problem(|message| message.starts_with(&about)) else { return Ok(()) };
            self.answers.typed.remove(&file);
            self.answers.typed_secrets.remove(key);
            self.say(&message)?;
        }
    }
}

/// The brands of the connectors that the program carries.
fn offered() -> Vec<Offered> {
    let mut all = Vec::new();
    for (name, _) in embedded::CONNECTORS.iter() {
        let Ok(Some(connector)) = connector_of("", Path::new(""), name) else { continue };
        let brands = connector.grant.brands();
        all.extend(brands.into_iter().map(|brand| Offered {
            brand: brand.to_owned(),
            connector: name,
            grant: Arc::clone(&connector.grant),
            default_region: connector.default_region.clone(),
        }));
    }
    all
}

/// A key as a question.
fn described(key: &str, description: &str) -> String {
    let words = if key == "pin" { "PIN".to_owned() } else { key.replace('_', " ") };
    format!("{words}{}", in_brackets(description))
}

fn in_brackets(description: &str) -> String {
    if description.is_empty() { String::new() } else { format!(" ({description})") }
}
