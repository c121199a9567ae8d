//! The answers of which a configuration is made.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::text::{TRIED, tried};
use crate::config::{Config, ConfigError, Problem};

/// Everything that the configuration says.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) broker: String,
    pub(super) broker_user: Option<String>,
    pub(super) broker_password_file: Option<String>,
    pub(super) connector: String,
    pub(super) brand: Option<String>,
    pub(super) region: Option<String>,
    pub(super) account: String,
    /// Secrets of the account in files that there are, by key.
    pub(super) secret_files: BTreeMap<String, String>,
    /// Keys of the account's secrets that were typed, with the names of the files that they go to.
    pub(super) typed_secrets: BTreeMap<String, String>,
    /// Secrets that were typed, by the names of the files that they go to.
    pub(super) typed: BTreeMap<String, SecretString>,
    pub(super) settings: BTreeMap<String, String>,
    /// Name of the car; empty if it has none yet.
    pub(super) vehicle: String,
    /// Key and value that say which car it is.
    pub(super) which: Option<(&'static str, String)>,
    pub(super) allow: Vec<String>,
}

impl Answers {
    /// Name of the file with the broker's password. That of an account's secret is the account's name, which has no
    /// dot, and a key, so it is never this one.
    pub(super) const BROKER_PASSWORD: &'static str = "broker.password";

    /// Takes a secret that was typed for a file of this name.
    ///
    /// # Errors
    ///
    /// When another secret has that name.
    pub(super) fn type_in(&mut self, file: &str, secret: String) -> Result<(), String> {
        if self.typed.contains_key(file) {
            return Err(format!(
                "two secrets would be in the file {file}; choose another name for the account"
            ));
        }
        self.typed.insert(file.to_owned(), secret.into());
        Ok(())
    }

    /// What is wrong with a configuration of these answers in this file.
    pub(super) fn problems(&self, file: &Path) -> Vec<Problem> {
        let secret = |variable: &str| {
            let name = variable.strip_prefix(TRIED)?;
            self.typed.get(name).map(|secret| secret.expose_secret().to_owned())
        };
        match Config::parse(&tried(self), file, &secret) {
            Err(ConfigError::Invalid { problems, .. }) => problems,
            Ok(_) | Err(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_takes_the_place_of_another_one() {
        let mut answers = Answers::default();
        answers.type_in("a", "one".to_owned()).unwrap();
        assert!(answers.type_in("a", "two".to_owned()).unwrap_err().contains("two secrets"));
        assert_eq!(answers.typed.get("a").unwrap().expose_secret(), "one");
    }
}
