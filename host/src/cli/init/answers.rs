//! The answers of which a configuration is made: from options, or from a person.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::InitOptions;
use super::text::{TRIED, tried};
use crate::cli::auth::terminal::Echo;
use crate::config::{Config, ConfigError, Problem, connector_of};
use crate::descriptor::{Configured, Grant, SecretClass, SecretRule};
use crate::plugin::embedded;

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
    /// Slug of the car, and the key and value that say which one it is.
    pub(super) vehicle: Option<(String, &'static str, String)>,
    pub(super) allow: Vec<String>,
}

impl Answers {
    /// Name of the file with the broker's password.
    pub(super) const BROKER_PASSWORD: &'static str = "mqtt_password";
}

/// Reason why there are none.
pub(super) enum NoAnswers {
    /// The person has had enough.
    Ended,
    /// Something is missing or wrong.
    Wrong(String),
    /// The terminal failed.
    Failed(io::Error),
}

impl From<io::Error> for NoAnswers {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// A brand, and who speaks to its cloud.
struct Offered {
    brand: String,
    connector: &'static str,
    grant: Arc<Grant>,
}

/// A person who answers, or nobody.
pub(super) trait Person {
    /// Asks, and returns the line that is typed; none if there is none to come.
    fn ask(&mut self, prompt: &str, echo: Echo) -> io::Result<Option<String>>;

    /// Shows a line.
    fn say(&mut self, line: &str) -> io::Result<()>;
}

/// Gathers answers.
pub(super) struct Gathering<'g> {
    options: &'g InitOptions,
    /// The person who is asked, if there is one.
    person: Option<&'g mut dyn Person>,
    answers: Answers,
}

impl<'g> Gathering<'g> {
    pub(super) fn new(options: &'g InitOptions, person: Option<&'g mut dyn Person>) -> Self {
        Self { options, person, answers: Answers::default() }
    }

    fn say(&mut self, line: &str) -> Result<(), NoAnswers> {
        self.person.as_mut().map_or(Ok(()), |person| person.say(line)).map_err(NoAnswers::from)
    }

    fn ask(&mut self, prompt: &str, echo: Echo) -> Result<String, NoAnswers> {
        let typed = self.person.as_mut().map_or(Ok(None), |person| person.ask(prompt, echo))?;
        typed.ok_or(NoAnswers::Ended)
    }

    pub(super) fn gather(mut self) -> Result<Answers, NoAnswers> {
        let options = self.options;
        self.say("A few questions; Enter takes what is in brackets, Ctrl-D ends without writing anything.")?;
        self.broker()?;
        let grant = self.connector()?;
        self.answers.account =
            self.text("Name of the account in topics", "--account", &options.account, Some("main"))?;
        self.settings(&grant)?;
        self.secrets(&grant)?;
        self.vehicle()?;
        // Last: an option may have been wrong from the beginning.
        match self.problems().first() {
            Some(Problem { message, .. }) => Err(NoAnswers::Wrong(message.clone())),
            None => Ok(self.answers),
        }
    }

    /// What an option says, what a person says, or what is usual.
    fn text(
        &mut self,
        question: &str,
        option: &str,
        given: &Option<String>,
        usual: Option<&str>,
    ) -> Result<String, NoAnswers> {
        if let Some(given) = given {
            return Ok(given.clone());
        }
        if self.person.is_none() {
            let missing = || NoAnswers::Wrong(format!("{option} is missing"));
            return usual.map(str::to_owned).ok_or_else(missing);
        }
        let brackets =
            usual.filter(|usual| !usual.is_empty()).map(|usual| format!(" [{usual}]")).unwrap_or_default();
        loop {
            let typed = self.ask(&format!("{question}{brackets}: "), Echo::On)?;
            match (typed.as_str(), usual) {
                ("", Some(usual)) => return Ok(usual.to_owned()),
                ("", None) => self.say("this is needed")?,
                (typed, _) => return Ok(typed.to_owned()),
            }
        }
    }

    fn broker(&mut self) -> Result<(), NoAnswers> {
        let options = self.options;
        let usual = Some("mqtt://127.0.0.1:1883");
        self.answers.broker = self.text("Broker", "--broker", &options.broker, usual)?;
        let user = self.text("User name for the broker (none: Enter)", "", &options.broker_user, Some(""))?;
        self.answers.broker_user = Some(user).filter(|user| !user.is_empty());
        if let Some(file) = &options.broker_password_file {
            self.answers.broker_password_file = Some(absolute(file));
        } else if self.person.is_some() && self.answers.broker_user.is_some() {
            let typed = self.ask("Password for the broker (not shown): ", Echo::Off)?;
            if !typed.is_empty() {
                self.answers.typed.insert(Answers::BROKER_PASSWORD.to_owned(), typed.into());
            }
        }
        Ok(())
    }

    /// Finds the connector by the brand.
    fn connector(&mut self) -> Result<Arc<Grant>, NoAnswers> {
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
        let regions: Vec<&str> = found.grant.regions().into_iter().collect();
        self.answers.region = match regions.as_slice() {
            [] | [_] => options.region.clone(),
            [first, ..] => {
                let question = format!("Region of the account ({})", regions.join(", "));
                Some(self.text(&question, "--region", &options.region, Some(first))?)
            }
        };
        Ok(Arc::clone(&found.grant))
    }

    fn settings(&mut self, grant: &Grant) -> Result<(), NoAnswers> {
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

    fn secrets(&mut self, grant: &Grant) -> Result<(), NoAnswers> {
        for (key, file) in &self.options.secrets {
            self.answers.secret_files.insert(key.clone(), absolute(Path::new(file)));
        }
        let of = |configured: Configured| {
            let rules = grant.secrets.iter();
            rules.filter(move |(_, rule)| !rule.unused && rule.configured == configured)
        };
        // What is needed comes first.
        for (name, rule) in of(Configured::Required).chain(of(Configured::Optional)) {
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
            self.answers.typed.insert(file.clone(), typed.into());
            self.answers.typed_secrets.insert(key.to_owned(), file.clone());
            let about = format!("account.{}.{key}:", self.answers.account);
            match self.problems().into_iter().find(|problem| problem.message.starts_with(&about)) {
                None => return Ok(()),
                Some(Problem { message, .. }) => self.say(&message)?,
            }
        }
    }

    fn vehicle(&mut self) -> Result<(), NoAnswers> {
        let options = self.options;
        let is_given = options.vehicle.is_some() || options.vin.is_some() || options.named.is_some();
        if self.person.is_none() && !is_given {
            return Err(NoAnswers::Wrong(
                "--vehicle NAME, with --vin VIN or --named NAME, is missing".to_owned(),
            ));
        }
        let slug = self.text("Name of the car in topics", "--vehicle", &options.vehicle, Some("car"))?;
        let (key, value) = match (&options.vin, &options.named) {
            (Some(vin), _) => ("vin", vin.clone()),
            (None, Some(name)) => ("name", name.clone()),
            (None, None) => {
                let question = "Its vehicle identification number, or its name in the vendor's app";
                let value = self.text(question, "--vin or --named", &None, None)?;
                (if is_vin(&value) { "vin" } else { "name" }, value)
            }
        };
        self.answers.vehicle = Some((slug, key, value));
        self.answers.allow = options.allow.clone();
        if options.allow.is_empty() {
            let question = "What may be commanded (also: unlock, climate, windows, charge_port, charging, …)";
            let words = self.text(question, "--allow", &None, Some("refresh, lock"))?;
            let words = words.split([',', ' ']).filter(|word| !word.is_empty());
            self.answers.allow = words.map(str::to_owned).collect();
        }
        Ok(())
    }

    /// What is wrong with the answers so far.
    fn problems(&self) -> Vec<Problem> {
        let text = tried(&self.answers);
        let secret = |variable: &str| {
            let name = variable.strip_prefix(TRIED)?;
            self.answers.typed.get(name).map(|secret| secret.expose_secret().to_owned())
        };
        match Config::parse(&text, &self.options.configured.config, &secret) {
            Err(ConfigError::Invalid { problems, .. }) => problems,
            Ok(_) | Err(_) => Vec::new(),
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

fn is_vin(text: &str) -> bool {
    text.len() == 17 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A path that is right wherever the configuration is.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use clap::Parser;

    use super::*;
    use crate::cli::init::text;

    /// Someone who answers each question with the next of these, and hears what is said.
    struct Scripted {
        answers: VecDeque<&'static str>,
        said: Vec<String>,
        hidden: usize,
    }

    impl Person for Scripted {
        fn ask(&mut self, prompt: &str, echo: Echo) -> io::Result<Option<String>> {
            self.said.push(prompt.to_owned());
            self.hidden += usize::from(echo == Echo::Off);
            Ok(self.answers.pop_front().map(str::to_owned))
        }

        fn say(&mut self, line: &str) -> io::Result<()> {
            self.said.push(line.to_owned());
            Ok(())
        }
    }

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        options: InitOptions,
    }

    fn options(arguments: &[&str]) -> InitOptions {
        Arguments::parse_from([&["init"], arguments].concat()).options
    }

    const TOKEN: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789ABCDEFGHJKLMNP";

    #[test]
    fn a_person_is_asked_again_for_what_cannot_be_right() {
        let mut person = Scripted {
            answers: VecDeque::from([
                "",
                "car",
                "broker-password",
                "volvo",
                "Kia",
                "",
                "1",
                TOKEN,
                "12",
                "1234",
                "ev6",
                "My EV6",
                "refresh lock,unlock",
            ]),
            said: Vec::new(),
            hidden: 0,
        };
        let options = options(&[]);
        let Ok(answers) = Gathering::new(&options, Some(&mut person)).gather() else {
            panic!("{:?}", person.said)
        };
        assert_eq!((person.answers.len(), person.hidden), (0, 5), "{:?}", person.said);
        assert!(person.said.iter().any(|said| said.contains("not one of hyundai, kia")), "{:?}", person.said);
        let text = text::written(&answers, "car.secrets");
        for line in [
            "url = \"mqtt://127.0.0.1:1883\"",
            "username = \"car\"",
            "password_file = \"car.secrets/mqtt_password\"",
            "brand = \"kia\"",
            "refresh_token_file = \"car.secrets/main_refresh_token\"",
            "pin_file = \"car.secrets/main_pin\"",
            "name = \"My EV6\"",
            "allow = [\"refresh\", \"lock\", \"unlock\"]",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}: {text}");
        }
        assert!(!text.contains(TOKEN) && !text.contains("broker-password"), "{text}");
    }

    #[test]
    fn who_has_had_enough_ends_it_and_nobody_is_asked_for_nothing() {
        let mut person = Scripted { answers: VecDeque::from([""]), said: Vec::new(), hidden: 0 };
        let options = options(&[]);
        let ended = Gathering::new(&options, Some(&mut person)).gather();
        assert!(matches!(ended, Err(NoAnswers::Ended)));
        let missing = Gathering::new(&options, None).gather();
        assert!(matches!(missing, Err(NoAnswers::Wrong(why)) if why == "--brand is missing"));
    }
}
