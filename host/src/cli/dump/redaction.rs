//! Redaction of a document that is given away.
//!
//! By value: every secret of the configuration and of the state, every vehicle's identifiers and last position, in
//! every encoding in which the host itself looks for secrets in what clouds echo, and in keys as well as in values.
//! By shape: vehicle identification numbers, positions, mail addresses, signed tokens, identifiers that are UUIDs. By
//! key: whatever is called a password, a token, an address.
//!
//! A short number, such as a PIN, is not searched for by its value: it would be found in digests, identifiers and times
//! by chance, and the mark in its place would tell everybody what it is. In its place every number of as many digits
//! that stands alone in a text is masked, whatever it is. So the document is the same for every such number.

mod text;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use self::text::{Part, mask_numbers, parts};
use crate::config::{Config, Selector};
use crate::primitives::scrub::Scrubber;
use crate::redact::{mask_mails, mask_private};
use crate::store::{Kind, Reader};

/// What stands in the place of a value whose key says that it is private.
const REDACTED: &str = "(redacted)";

/// Shortest value that is searched for: a shorter one is found everywhere, and tells nothing.
const SHORTEST: usize = 4;

/// Most digits of a secret that is nothing but digits, and not searched for by value: one with more is not found
/// anywhere by chance.
const SHORT_NUMBER: usize = 8;

/// Fewest decimals of a position that is searched for by value. With fewer it is found in other numbers, and tells a
/// place to a hundred metres at best.
const DECIMALS: usize = 4;

/// Keys of a vendor's codes, which are words of its own and the most useful part of a dump.
const CODES: [&str; 3] = ["code", "sub_code", "codes"];

/// Keys of private values, in small letters: alone, or as the end of a longer one after `_`.
const PRIVATE: [&str; 27] = [
    "password",
    "passwd",
    "secret",
    "token",
    "pin",
    "authorization",
    "cookie",
    "username",
    "user",
    "email",
    "mail",
    "phone",
    "name_of_owner",
    "vin",
    "latitude",
    "longitude",
    "lat",
    "lon",
    "lng",
    "position",
    "location",
    "address",
    "street",
    "gigya_key",
    "kamereon_key",
    "api_key",
    "client_secret",
];

/// Keys of `[vehicle.NAME]` that say which car it is.
const OF_VEHICLES: [&str; 4] = ["vin", "id", "name", "legacy_id"];

/// What is private.
#[derive(Default)]
pub(super) struct Redaction {
    /// Private values, each with what it is.
    known: BTreeSet<(String, String)>,
    /// Numbers of digits of the private values that are short numbers.
    numbers: BTreeSet<usize>,
}

impl Redaction {
    /// Learns what a configuration knows.
    pub(super) fn know_configuration(&mut self, config: &Config) {
        for account in config.accounts.values() {
            for (name, secret) in &account.secrets {
                self.know(name, secret.expose_secret());
            }
        }
        if let Some(password) = &config.mqtt.password {
            self.know("password", password.expose_secret());
        }
        if let Some(username) = &config.mqtt.username {
            self.know("username", username);
        }
        for vehicle in config.vehicles.values() {
            match &vehicle.selector {
                Selector::Vin(vin) => self.know_vin(vin),
                Selector::Id(id) => self.know("id", id),
                Selector::Name(name) => self.know("name", name),
            }
            if let Some(id) = &vehicle.legacy_id {
                self.know("id", id);
            }
        }
    }

    /// Learns what the state knows: every text of the sessions and of the questions of a sign-in, and where the
    /// vehicles are.
    pub(super) fn know_state(&mut self, reader: &Reader) {
        for kind in [Kind::Cell, Kind::Question] {
            for (_, value) in reader.list(kind).unwrap_or_default() {
                let record = serde_json::from_slice(&value).unwrap_or(Value::Null);
                for part in ["secrets", "staged"] {
                    self.know_texts(part, field(&record, part), &|_| true);
                }
                // What a guest sees of a session may be a document in a text. Not every word in it is private.
                let shown = field(&record, "value").as_str().and_then(|text| serde_json::from_str(text).ok());
                self.know_texts("session", &shown.unwrap_or(Value::Null), &is_identifier);
                self.know_texts("cookie", field(&record, "jars"), &is_identifier);
            }
        }
        for (_, value) in reader.list(Kind::Known).unwrap_or_default() {
            self.know_positions(&serde_json::from_slice(&value).unwrap_or(Value::Null));
        }
        for (_, value) in reader.list(Kind::Pending).unwrap_or_default() {
            let record: Value = serde_json::from_slice(&value).unwrap_or(Value::Null);
            if let Some(id) = field(&record, "vehicle_id").as_str() {
                self.know("id", id);
            }
        }
    }

    fn know(&mut self, what: &str, value: &str) {
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && (SHORTEST..=SHORT_NUMBER).contains(&value.len()) {
            self.numbers.insert(value.len());
        } else if value.len() >= SHORTEST {
            self.known.insert((what.to_owned(), value.to_owned()));
        }
    }

    fn know_vin(&mut self, vin: &str) {
        for form in [vin.to_owned(), vin.to_ascii_lowercase()] {
            self.know("vin", &form);
        }
    }

    fn know_texts(&mut self, what: &str, value: &Value, is_private: &dyn Fn(&str) -> bool) {
        match value {
            Value::String(text) if is_private(text) => self.know(what, text),
            Value::Array(all) => all.iter().for_each(|value| self.know_texts(what, value, is_private)),
            Value::Object(all) => {
                all.iter().for_each(|(name, value)| self.know_texts(name, value, is_private));
            }
            _ => {}
        }
    }

    fn know_positions(&mut self, value: &Value) {
        match value {
            Value::Array(all) => all.iter().for_each(|value| self.know_positions(value)),
            Value::Object(all) => {
                for (key, value) in all {
                    match value {
                        Value::Number(number) if is_private(key) => self.know_position(&number.to_string()),
                        value => self.know_positions(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn know_position(&mut self, number: &str) {
        if number.split_once('.').is_some_and(|(_, decimals)| decimals.len() >= DECIMALS) {
            self.know("position", number);
        }
    }

    /// Returns a document without what is private.
    pub(super) fn redact(&self, document: &Value) -> Value {
        let known = self.known.iter().map(|(what, value)| (what.as_str(), value.as_str()));
        let redacting = Redacting {
            scrubber: Scrubber::new(known),
            numbers: &self.numbers,
            identifiers: RefCell::default(),
        };
        redacting.value(document, false)
    }
}

struct Redacting<'r> {
    scrubber: Scrubber<'r>,
    numbers: &'r BTreeSet<usize>,
    /// Identifiers that were masked, with the number of each: the same one is recognised, and not known.
    identifiers: RefCell<BTreeMap<String, usize>>,
}

impl Redacting<'_> {
    fn value(&self, value: &Value, of_vehicle: bool) -> Value {
        match value {
            Value::Object(all) => Value::Object(self.object(all, of_vehicle)),
            Value::Array(all) => all.iter().map(|value| self.value(value, of_vehicle)).collect(),
            Value::String(text) => self.text(text).into(),
            // Numbers that are no texts are the host's own: counts, sizes, ports. Only a position may be among them.
            Value::Number(number) => {
                let (text, clean) = (number.to_string(), self.text_with_numbers(&number.to_string()));
                if text == clean { value.clone() } else { clean.into() }
            }
            other => other.clone(),
        }
    }

    fn object(&self, all: &Map<String, Value>, of_vehicle: bool) -> Map<String, Value> {
        let redacted = all.iter().map(|(key, value)| {
            let is_scalar = value.is_string() || value.is_number();
            let private = is_private(key) && !value.is_boolean() && !value.is_null()
                || of_vehicle && is_scalar && OF_VEHICLES.contains(&key.as_str());
            let value = if private { REDACTED.into() } else { self.below(key, value) };
            (self.text(key), value)
        });
        redacted.collect()
    }

    /// A value below a key. Below `vehicle` are tables by slug, and in these the keys that say which car it is.
    fn below(&self, key: &str, value: &Value) -> Value {
        match value {
            Value::String(text) if CODES.contains(&key) => self.text_with_numbers(text).into(),
            Value::Array(codes) if CODES.contains(&key) => {
                codes.iter().map(|code| self.below(key, code)).collect()
            }
            Value::Object(tables) if key == "vehicle" => {
                let tables = tables.iter().map(|(slug, table)| (self.text(slug), self.value(table, true)));
                Value::Object(tables.collect())
            }
            value => self.value(value, false),
        }
    }

    fn text(&self, text: &str) -> String {
        self.masked(text, &|text| mask_numbers(text, self.numbers))
    }

    fn text_with_numbers(&self, text: &str) -> String {
        self.masked(text, &str::to_owned)
    }

    fn masked(&self, text: &str, mask_numbers: &dyn Fn(&str) -> String) -> String {
        let text = self.scrubber.clean(text.to_owned());
        let by_shape = |text: &str| mask_tokens(&mask_private(&mask_mails(text)));
        let masked = parts(&text).into_iter().map(|part| match part {
            Part::Own(own) => own,
            Part::Address(address) => by_shape(address),
            Part::Identifier(identifier) => self.numbered(identifier),
            // Numbers last: a position of which a part is masked already is not recognised.
            Part::Other(other) => mask_numbers(&by_shape(other)),
        });
        masked.collect()
    }

    /// Returns the mark of an identifier.
    fn numbered(&self, identifier: &str) -> String {
        let mut identifiers = self.identifiers.borrow_mut();
        let next = identifiers.len() + 1;
        format!("{{uuid:{}}}", identifiers.entry(identifier.to_ascii_lowercase()).or_insert(next))
    }
}

/// A field of a document; null if it does not have it.
fn field<'v>(document: &'v Value, name: &str) -> &'v Value {
    document.get(name).unwrap_or(&Value::Null)
}

/// Whether a text is not a word of the language, but of one person, one car or one session.
fn is_identifier(text: &str) -> bool {
    text.len() >= 8 && text.contains(|c: char| c.is_ascii_digit())
}

/// Whether a key says that its value is private. Times and files of such values are not.
fn is_private(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    PRIVATE.iter().any(|private| {
        key.strip_suffix(private).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

/// Replaces signed tokens (RFC 7519): three parts of Base64, of which the first begins as JSON does.
fn mask_tokens(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let (before, from) = rest.split_at(at);
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
        let length = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (token, after) = from.split_at(length);
        masked.push_str(before);
        masked.push_str(if token.matches('.').count() >= 2 { REDACTED } else { token });
        rest = after;
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests;
