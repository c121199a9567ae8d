//! The connectors that the host knows, from the table beside this file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::form::Form;
use crate::descriptor::{
    Capturable, CommandAnswers, PinStyle, Refusals, SHORTEST_SEARCHED, SecretClass, SecretRule,
};

/// The clouds of one connector.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preset {
    pub(super) regions: BTreeSet<String>,
    /// Other names of the connector, with the brand that each implies.
    aliases: BTreeMap<String, String>,
    /// Base URLs of the endpoints, by brand.
    pub(super) brands: BTreeMap<String, BTreeMap<String, String>>,
    /// Rules of the secrets, by kebab-case name.
    pub(super) secrets: BTreeMap<String, PresetSecret>,
    pub(super) refusals: Refusals,
    /// Meaning of answers to commands: whether the vehicle may have acted.
    pub(super) commands: CommandAnswers,
}

/// Facts about one secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresetSecret {
    /// What it is.
    class: Class,
    /// Of a PIN: how it is used.
    #[serde(default)]
    style: Option<PinStyle>,
    pub(super) configured: Configured,
    /// The endpoints that it may be sent to.
    pub(super) endpoints: BTreeSet<String>,
    /// Form of the secret, if known.
    #[serde(default)]
    pub(super) form: Option<Form>,
    /// Whether the connector can do without it, and does, although it stands in the configuration.
    #[serde(default)]
    pub(super) unused: bool,
    /// Whether an answer may replace it although the configuration has it, as those that rotate are.
    #[serde(default)]
    rotates: bool,
    /// Whether it is kept although the sign-in that brought it fails.
    #[serde(default)]
    lasting: bool,
    /// Shortest length of such a secret, in bytes.
    #[serde(default = "least")]
    least: usize,
}

const fn least() -> usize {
    SHORTEST_SEARCHED
}

/// The word for a class.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    Identifier,
    Password,
    OneTimeCode,
    Pin,
    Token,
    Key,
}

impl PresetSecret {
    /// Returns the rule of the secret.
    pub(super) fn rule(&self) -> SecretRule {
        SecretRule {
            class: self.class(),
            endpoints: self.endpoints.clone(),
            lasting: self.lasting,
            capturable: self.capturable(),
        }
    }

    /// Returns what the secret is. A PIN of which nothing else is said is one that an endpoint says yes or no to.
    pub(super) fn class(&self) -> SecretClass {
        match self.class {
            Class::Identifier => SecretClass::Identifier,
            Class::Password => SecretClass::Password,
            Class::OneTimeCode => SecretClass::OneTimeCode,
            Class::Pin => SecretClass::Pin(self.style.unwrap_or(PinStyle::Challenge)),
            Class::Token => SecretClass::Token,
            Class::Key => SecretClass::Key,
        }
    }

    /// Returns how a connector may take it out of an answer, if it may. The owner's value stays unless the
    /// vendor replaces it.
    fn capturable(&self) -> Option<Capturable> {
        let essential = self.configured == Configured::Never;
        let given_out = !self.class().is_a_persons() && (self.rotates || essential);
        given_out.then(|| Capturable { least: self.least.max(SHORTEST_SEARCHED), essential })
    }
}

/// Presence of a secret in the configuration.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Configured {
    Required,
    Optional,
    /// Captured from a response.
    Never,
}

/// A connector as a configuration names it.
#[derive(Debug)]
pub(super) struct Named {
    /// Proper name of the connector.
    pub(super) name: &'static str,
    pub(super) preset: &'static Preset,
    /// Brand that the name implies.
    pub(super) brand: Option<&'static str>,
}

#[allow(clippy::expect_used, reason = "the table is part of the program, and a test reads it")]
static PRESETS: LazyLock<BTreeMap<String, Preset>> =
    LazyLock::new(|| toml::from_str(include_str!("presets.toml")).expect("the table of connectors"));

/// Looks a connector up by its name or an alias.
pub(super) fn connector(wanted: &str) -> Option<Named> {
    PRESETS.iter().find_map(|(name, preset)| {
        let named = |brand| Named { name, preset, brand };
        if name == wanted {
            return Some(named(None));
        }
        preset.aliases.get(wanted).map(|brand| named(Some(brand)))
    })
}

/// The proper names of all connectors.
pub(super) fn proper_names() -> Vec<&'static str> {
    PRESETS.keys().map(String::as_str).collect()
}

/// All names that [`connector`] knows.
pub(super) fn names() -> Vec<&'static str> {
    PRESETS
        .iter()
        .flat_map(|(name, preset)| std::iter::once(name).chain(preset.aliases.keys()))
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::endpoint;
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        for (name, preset) in PRESETS.iter() {
            let kebab =
                |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(kebab(name) && !preset.regions.is_empty());
            let endpoints: BTreeSet<_> = preset.brands.values().flat_map(BTreeMap::keys).collect();
            for (brand, urls) in &preset.brands {
                assert_eq!(urls.keys().collect::<BTreeSet<_>>(), endpoints, "{brand}");
                for url in urls.values() {
                    let parsed = endpoint::parse(url).unwrap();
                    assert_eq!(parsed.scheme(), "https", "{url}");
                }
            }
            for (secret, rule) in &preset.secrets {
                assert!(kebab(secret) && !rule.endpoints.is_empty(), "{secret}");
                assert!(rule.endpoints.iter().all(|endpoint| endpoints.contains(endpoint)), "{secret}");
                let is_pin = matches!(rule.class(), SecretClass::Pin(_));
                assert_eq!(rule.style.is_some(), is_pin, "{secret}: a PIN has a style, and nothing else has");
                assert!(!rule.lasting || rule.rule().is_essential(), "{secret}: only what is captured lasts");
            }
            for (alias, brand) in &preset.aliases {
                assert!(preset.brands.contains_key(brand) && !PRESETS.contains_key(alias), "{alias}");
            }
        }
    }

    #[test]
    fn names_and_aliases() {
        let kia = connector("kia-eu").unwrap();
        assert_eq!((kia.name, kia.brand), ("hyundai-kia-eu", Some("kia")));
        assert_eq!(connector("hyundai-kia-eu").unwrap().brand, None);
        assert!(connector("vw-eu").is_none());
        assert_eq!(names(), ["hyundai-kia-eu", "hyundai-eu", "kia-eu"]);
    }
}
