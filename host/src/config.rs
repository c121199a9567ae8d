//! The configuration file: TOML in, types that cannot be wrong out.
//!
//! [`Config::load`] reads a file, [`Config::parse`] text. Both find everything that is wrong at once, and say
//! for each thing the line and the way out ([`ConfigError`]). What comes out needs no further checks: URLs
//! are parsed, secrets are read, every vehicle's account exists, and nothing in it prints a secret.
//!
//! # Rules for all tables
//!
//! * An unknown key is an error: a mistyped `allow` that is ignored would open a car, or not.
//! * A secret comes from a file (`pin_file = "…"`) or the environment (`pin = "${PIN}"`). In plain text it is
//!   accepted only if its owner alone can read the configuration file (mode 0600).
//! * Relative paths start at the directory of the configuration file.
//!
//! # Layout
//!
//! `broker`, `homeassistant`, `connectors`, `account`, `vehicle`, `geofence`, `plugins`, `limits`, `network` and
//! `http` read one part each, `polling` how often a vehicle is read.
//! `reader` reads tables in general and keeps the complaints; `secrets`, `slug`, `duration` and `time_zone` read one
//! kind of value each, `grant` what a connector is granted, `takes` what its commands take; `presets` has the
//! built-in grants, `form` the words for forms of secrets. `keys` compares two configurations. `text` reads files,
//! and `access` checks who else may read or write them; `edit` changes one. `legacy` reads the topics of the replaced
//! service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

mod access;
mod account;
mod broker;
mod connectors;
mod duration;
mod edit;
mod endpoint;
mod error;
mod form;
mod geofence;
mod grant;
mod homeassistant;
mod http;
mod keys;
mod legacy;
mod limits;
mod network;
mod plugins;
mod polling;
mod presets;
mod reader;
mod secrets;
mod sessions;
mod slug;
mod takes;
#[cfg(test)]
mod tests;
mod text;
mod time_zone;
mod together;
mod vehicle;

pub(crate) use access::too_open;
pub use account::Account;
pub use broker::Mqtt;
pub use connectors::Connector;
pub use edit::{appended, connector_of, line_of, updated};
pub use endpoint::Endpoint;
pub use error::{ConfigError, Problem};
pub(crate) use form::wrong_with;
pub use geofence::Geofence;
pub use grant::block;
pub use homeassistant::{Discovery, HomeAssistant};
pub use http::Http;
pub use keys::{Key, Keys};
pub use limits::Limits;
pub use plugins::{Install, Plugins};
pub use polling::{Force, Poll, Quiet};
pub use sessions::Sessions;
pub use slug::Slug;
pub use vehicle::{Selector, Vehicle};
pub(crate) use vehicle::{no_vehicle, word_of};

use crate::descriptor::Network;
pub use crate::program_log::LogLevel;
use crate::wire::legacy::Legacy;
use reader::{Reader, Section};
use text::NoText;

/// The configuration of the program.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker.
    pub mqtt: Mqtt,
    /// What Home Assistant is told.
    pub home_assistant: HomeAssistant,
    /// Connectors that accounts can name, with what each is granted; also those that no account names.
    pub connectors: BTreeMap<String, Connector>,
    /// Accounts of vehicle clouds.
    pub accounts: BTreeMap<Slug, Account>,
    /// Vehicles; the account of each is in `accounts`, and no two are the same vehicle.
    pub vehicles: BTreeMap<Slug, Vehicle>,
    /// Circles on earth that vehicles are told to come into and to leave.
    pub geofences: Vec<Geofence>,
    /// The directory that state is kept in.
    pub state_dir: PathBuf,
    /// Components, and which of them may be loaded.
    pub plugins: Plugins,
    /// Resource limits of a plugin's call and of an operation.
    pub limits: Limits,
    /// Level and format of the log.
    pub log: Log,
    /// Hosts that may be reached besides the internet.
    pub network: Network,
    /// Listener for health and metrics; none unless the file wants one.
    pub http: Option<Http>,
    /// Settings that are possible and hardly meant, in the order of the lines.
    pub warnings: Vec<Problem>,
    /// What every key says, to be compared with another configuration.
    pub keys: Keys,
}

/// Upper bound of a configuration file, in bytes; more than any has.
const LARGEST: usize = 1 << 20;

/// Level and format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The least important level that is logged.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object per line, for programs.
    Json,
}

impl Config {
    /// Reads a file, the files with secrets that it names, and the environment variables that it names.
    ///
    /// # Errors
    ///
    /// See [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&text_of(path)?, path, &|variable| std::env::var(variable).ok())
    }

    /// Reads text. `path` is its origin, for messages, for relative paths in it, and because its mode decides
    /// about secrets in plain text; `environment` looks up a variable.
    ///
    /// # Errors
    ///
    /// See [`ConfigError`].
    pub fn parse(
        text: &str,
        path: &Path,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let reader = Reader::new(path, text, environment);
        let config = match DeTable::parse(text) {
            Ok(table) => read(Section::root(&reader, table.get_ref())),
            Err(error) => {
                complain_of_syntax(&reader, text, &error);
                None
            }
        };
        let (problems, warnings) = reader.into_problems();
        match config {
            Some(config) if problems.is_empty() => {
                let keys = Keys::of(text).with_secrets_of(&config);
                Ok(Self { warnings, keys, ..config })
            }
            _ => Err(ConfigError::Invalid { path: path.to_owned(), problems }),
        }
    }
}

/// Returns the state directory that a file names, whatever else is wrong with the file; of a file that is no TOML what
/// can be made out.
///
/// # Errors
///
/// When it is no text that can be read.
pub fn state_dir_of(path: &Path) -> Result<PathBuf, ConfigError> {
    let text = text_of(path)?;
    let nothing = |_: &str| None;
    let reader = Reader::new(path, &text, &nothing);
    let (table, _wrong) = DeTable::parse_recoverable(&text);
    Ok(state_dir(&mut Section::root(&reader, table.get_ref())))
}

/// Returns the limits that a file names, whatever else is wrong with it.
///
/// # Errors
///
/// When it is no text that can be read, or its limits are wrong.
pub(crate) fn limits_of(path: &Path) -> Result<Limits, ConfigError> {
    let text = text_of(path)?;
    let nothing = |_: &str| None;
    let reader = Reader::new(path, &text, &nothing);
    let (table, _wrong) = DeTable::parse_recoverable(&text);
    let limits = Section::root(&reader, table.get_ref()).section("limits").map(limits::read);
    match reader.into_problems().0 {
        problems if problems.is_empty() => Ok(limits.unwrap_or_default()),
        problems => Err(ConfigError::Invalid { path: path.to_owned(), problems }),
    }
}

fn text_of(path: &Path) -> Result<String, ConfigError> {
    text::read(path, LARGEST).map_err(|error| match error {
        NoText::Unreadable(reason) => ConfigError::Unreadable { path: path.to_owned(), reason },
        why => ConfigError::NoText { path: path.to_owned(), why: why.to_string() },
    })
}

impl Config {
    /// The topics of the replaced service, if they are wanted.
    #[must_use]
    pub fn legacy(&self) -> Option<Legacy> {
        let base = self.mqtt.legacy_base.as_ref()?;
        let vehicles = self.vehicles.iter().map(|(slug, vehicle)| {
            (slug.to_string(), vehicle.legacy_id.clone().unwrap_or_else(|| slug.to_string()))
        });
        Some(Legacy::below(base, vehicles))
    }

    /// The number of vehicles of an account that are read by themselves.
    pub(crate) fn read_by_themselves(&self, account: &Slug) -> u32 {
        let vehicles = self.vehicles.values().filter(|it| it.account == *account && it.poll.is_some());
        u32::try_from(vehicles.count()).unwrap_or(u32::MAX)
    }
}

/// Reports a syntax error with the parser's message only: its whole text shows the line, which may hold a
/// secret.
fn complain_of_syntax(reader: &Reader<'_>, text: &str, error: &toml::de::Error) {
    let span = error.span().unwrap_or_default();
    let message = match (error.message(), text.get(span.clone())) {
        ("duplicate key", Some(key)) => {
            format!("{key:?} is here for the second time; rename or remove one of them")
        }
        (message, _) => format!("not valid TOML: {}; see https://toml.io", message.replace('\n', ", ")),
    };
    reader.complain(&span, message);
}

/// Reads the whole file; `None` if something was complained about.
fn read(mut root: Section<'_, '_>) -> Option<Config> {
    let mqtt = match root.entry("mqtt") {
        Some(entry) => entry.section().and_then(broker::read),
        None => {
            root.complain(
                &(0..0),
                "the table [mqtt] is missing; add [mqtt] with url = \"mqtt://127.0.0.1:1883\"",
            );
            None
        }
    };
    let base_topic = mqtt.as_ref().map(|mqtt| mqtt.base_topic.clone());
    let home_assistant = root.section("homeassistant");
    let home_assistant =
        home_assistant.map(|section| homeassistant::read(section, base_topic.as_deref())).unwrap_or_default();
    let legacy_base = mqtt.as_ref().and_then(|mqtt| mqtt.legacy_base.clone());
    let mut plugins = plugins::read(&mut root);
    let connectors = connectors::read(&mut root, &mut plugins);
    let accounts = root.section("account");
    let account_names: Vec<&str> = accounts.iter().flat_map(Section::entries).map(|(name, _)| name).collect();
    let accounts = accounts
        .map_or_else(BTreeMap::new, |section| named(&section, |section| account::read(section, &connectors)));
    let vehicles = root.section("vehicle");
    let vehicles = vehicles.map_or_else(BTreeMap::new, |section| {
        vehicles_of(&section, &account_names, &accounts, legacy_base.as_deref())
    });
    let geofences = geofence::read(&mut root);
    let limits = root.section("limits").map(limits::read).unwrap_or_default();
    let log = root.section("log").map(log).unwrap_or_default();
    let network = root.section("network").map(network::read).unwrap_or_default();
    let http = root.section("http").and_then(http::read);
    let state_dir = state_dir(&mut root);
    if let Some(open) = access::too_open(root.reader.path(), false) {
        root.reader.warn(&(0..0), open);
    }
    if account_names.is_empty() {
        root.reader.warn(&(0..0), "there is no account, so nothing is bridged; add a table [account.NAME]");
    } else if vehicles.is_empty() {
        root.reader.warn(&(0..0), "there is no vehicle, so nothing is bridged; add a table [vehicle.NAME]");
    }
    root.finish();
    let warnings = Vec::new();
    Some(Config {
        mqtt: mqtt?,
        home_assistant,
        connectors,
        accounts,
        vehicles,
        geofences,
        state_dir,
        plugins,
        limits,
        log,
        network,
        http,
        warnings,
        keys: Keys::default(),
    })
}

/// Returns the state directory. Unless the file says otherwise it is beside the configuration file and named
/// after it: two configurations in one directory are two hosts.
fn state_dir(root: &mut Section<'_, '_>) -> PathBuf {
    let beside = root.reader.path().with_extension("state");
    let mut at = 0..0;
    let given = root.section("state").and_then(|mut section| {
        let dir = section.text("dir").map(|dir| {
            at = dir.span.clone();
            section.reader.resolve(dir.value)
        });
        section.finish();
        dir
    });
    let dir = given.unwrap_or(beside);
    let of_the_file = root.reader.path().parent().unwrap_or(Path::new(""));
    if is_same(&dir, of_the_file) {
        root.complain(
            &at,
            "state.dir: this is the directory of the configuration file itself, and the state directory is closed to everybody \
             else; name one of its own",
        );
    }
    if std::fs::metadata(&dir).is_ok_and(|metadata| !metadata.is_dir()) {
        let shown = dir.display();
        root.complain(
            &at,
            format!("state.dir: {shown} is no directory; name one, or what does not exist yet"),
        );
    }
    dir
}

/// Whether two paths lead to the same existing directory.
fn is_same(one: &Path, other: &Path) -> bool {
    let there = |path: &Path| {
        if path.as_os_str().is_empty() { Path::new(".").canonicalize() } else { path.canonicalize() }
    };
    there(one).is_ok_and(|one| there(other).is_ok_and(|other| one == other))
}

/// Reads a table of tables whose keys are slugs.
fn named<'d, 'r, T>(
    tables: &Section<'d, 'r>,
    mut read: impl FnMut(Section<'d, 'r>) -> Option<T>,
) -> BTreeMap<Slug, T> {
    let (mut all, mut alike) = (BTreeMap::new(), BTreeMap::new());
    for (name, entry) in tables.entries() {
        let slug = Slug::parse(name);
        if slug.is_none() {
            let message =
                format!("{name:?} cannot be a name here; use 1 to 64 of a-z, A-Z, 0-9, \"_\" and \"-\"");
            tables.complain(&entry.key, message);
        }
        if let Some(other) = alike.insert(alike_to(name), name) {
            let message =
                format!("{name:?} and {other:?} would have the same entities in Home Assistant; rename one");
            tables.complain(&entry.key, message);
        }
        if let (Some(value), Some(slug)) = (entry.section().and_then(&mut read), slug) {
            all.insert(slug, value);
        }
    }
    all
}

/// Returns a name in the form that it takes without capitals and hyphens, as in Home Assistant's identifiers.
fn alike_to(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

fn vehicles_of(
    tables: &Section<'_, '_>,
    names: &[&str],
    accounts: &BTreeMap<Slug, Account>,
    legacy_base: Option<&str>,
) -> BTreeMap<Slug, Vehicle> {
    let own = |account: &Slug| {
        let operations = &accounts.get(account)?.grant.operations;
        Some(operations.iter().map(|(name, operation)| (name.clone(), operation.effect)).collect())
    };
    let mut seen: BTreeMap<(Option<Slug>, Selector), String> = BTreeMap::new();
    let mut legacy_ids = legacy::Ids::below(legacy_base);
    named(tables, |section| {
        let (name, span) = (section.name.clone(), section.span.clone());
        let vehicle = vehicle::read(section, names, own)?;
        if let Selector::Vin(vin) = &vehicle.selector
            && name.to_ascii_uppercase().contains(vin.as_str())
        {
            let message = "a vehicle is not named by its VIN: names end up in topics, logs and screenshots; choose \
                           another name";
            tables.complain(&span, message);
        }
        // A VIN is one car in the world, anything else only within its account.
        let within = match vehicle.selector {
            Selector::Vin(_) => None,
            Selector::Id(_) | Selector::Name(_) => Some(vehicle.account.clone()),
        };
        if let Some(other) = seen.insert((within, vehicle.selector.clone()), name.clone()) {
            let kind = vehicle.selector.kind();
            tables.complain(&span, format!("[{name}] has the same {kind} as [{other}]; remove one of them"));
        }
        legacy_ids.take(tables, &span, &name, vehicle.legacy_id.as_deref());
        Some(vehicle)
    })
}

fn log(mut section: Section<'_, '_>) -> Log {
    let levels = LogLevel::ALL.map(|level| (level.as_str(), level));
    let level = section.choice("level", &levels).unwrap_or_default();
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let format = section.choice("format", &formats).unwrap_or_default();
    section.finish();
    Log { level, format }
}
