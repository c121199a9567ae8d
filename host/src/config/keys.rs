//! What a configuration says, key by key, so that two of them can be compared without either being shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::Config;
use crate::digest::Digest;

/// A key with the tables around it, from the outside in: `vehicle`, `ev6`, `allow`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Vec<String>);

impl Key {
    /// The names from the outside in.
    pub fn parts(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Every key of a configuration with a digest of what it says, which may be a secret. What a file with a secret
/// says belongs to the key of the secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<Key, Digest>);

/// Omits the digests: that of a PIN tells the PIN.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(ToString::to_string)).finish()
    }
}

impl Keys {
    /// Reads the keys of a text that is a configuration already.
    pub(super) fn of(text: &str) -> Self {
        let mut keys = Self::default();
        if let Ok(table) = text.parse::<toml::Table>() {
            keys.add_table(&[], &table);
        }
        keys
    }

    /// Adds what the secrets of a configuration are, wherever they come from.
    pub(super) fn with_secrets_of(mut self, config: &Config) -> Self {
        for (slug, account) in &config.accounts {
            for (name, secret) in &account.secrets {
                self.add_secret(["account", slug.as_str(), &name.replace('-', "_")], secret);
            }
        }
        if let Some(password) = &config.mqtt.password {
            self.add_secret(["mqtt", "password"], password);
        }
        if let Some(token) = config.http.as_ref().and_then(|http| http.auth_token.as_ref()) {
            self.add_secret(["http", "auth_token"], token);
        }
        self
    }

    fn add_secret<'k>(&mut self, key: impl IntoIterator<Item = &'k str>, secret: &SecretString) {
        let key = Key(key.into_iter().map(str::to_owned).collect());
        self.0.insert(key, Digest::of(secret.expose_secret().as_bytes()));
    }

    fn add_table(&mut self, outside: &[String], table: &toml::Table) {
        for (name, value) in table {
            let mut key = outside.to_vec();
            key.push(name.clone());
            match value {
                toml::Value::Table(table) => self.add_table(&key, table),
                value => drop(self.0.insert(Key(key), Digest::of(value.to_string().as_bytes()))),
            }
        }
    }

    /// Returns the keys that only one of both has, or that say something else.
    #[must_use]
    pub fn differing(&self, other: &Self) -> BTreeSet<Key> {
        let keys = self.0.keys().chain(other.0.keys());
        keys.filter(|key| self.0.get(key) != other.0.get(key)).cloned().collect()
    }

    /// Whether there is any key within these tables.
    #[must_use]
    pub fn has(&self, tables: &[&str]) -> bool {
        self.0.keys().any(|key| is_within(key, tables))
    }

    /// Takes what another configuration says about this key.
    pub fn take(&mut self, key: &Key, from: &Self) {
        match from.0.get(key) {
            Some(digest) => drop(self.0.insert(key.clone(), *digest)),
            None => drop(self.0.remove(key)),
        }
    }
}

fn is_within(key: &Key, tables: &[&str]) -> bool {
    key.0.len() > tables.len() && key.0.iter().zip(tables).all(|(part, table)| part == table)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn shown(keys: &BTreeSet<Key>) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_differs_is_named_and_neither_order_nor_form_counts() {
        let before = Keys::of("[log]\nlevel = \"info\"\n[vehicle.ev6]\nallow = [\"lock\"]\nname = 'x'\n");
        let same = Keys::of(
            "vehicle = { ev6 = { name = \"x\", allow = [ \"lock\" ] } } # mine\n[log]\nlevel = 'info'",
        );
        assert_eq!(before, same);
        let after =
            Keys::of("[log]\nlevel = \"info\"\nformat = \"json\"\n[vehicle.ev6]\nallow = [\"unlock\"]");
        assert_eq!(shown(&before.differing(&after)), ["log.format", "vehicle.ev6.allow", "vehicle.ev6.name"]);
        assert!(before.has(&["vehicle", "ev6"]) && !before.has(&["vehicle", "ev"]));
        let mut taken = before.clone();
        before.differing(&after).iter().for_each(|key| taken.take(key, &after));
        assert_eq!(taken, after);
    }

    #[test]
    fn a_secret_that_is_another_one_is_noticed_wherever_it_comes_from() {
        let text = "[mqtt]\nurl = \"mqtt://127.0.0.1\"\nusername = \"u\"\npassword = \"${T}\"\n\
            [http]\nlisten = \"127.0.0.1:8080\"\nauth_token = \"${T}\"\n\
            [account.main]\nconnector = \"kia-eu\"\nrefresh_token = \"${T}\"\n\
            [vehicle.ev6]\naccount = \"main\"\nname = \"EV6\"\n";
        let keys = |letter: &str| {
            let secret = letter.repeat(48);
            Config::parse(text, Path::new("car.toml"), &move |_| Some(secret.clone())).unwrap().keys
        };
        let differing = shown(&keys("A").differing(&keys("B")));
        assert_eq!(differing, ["account.main.refresh_token", "http.auth_token", "mqtt.password"]);
    }

    #[test]
    fn no_value_is_printed() {
        let keys = Keys::of("[account.main]\npin = \"7319\"\n");
        let digest = Digest::of(b"\"7319\"").to_string();
        let shown = format!("{keys:?}");
        assert!(shown.contains("account.main.pin"), "{shown}");
        assert!(!shown.contains("7319") && !shown.contains(&digest), "{shown}");
    }
}
