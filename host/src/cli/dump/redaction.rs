//! Redaction of a document that is given away.
//!
//! By value: every secret of the configuration and of the state, every vehicle's identifiers and last position, in
//! every encoding in which the host itself looks for secrets in what clouds echo, and in keys as well as in values.
//! By shape: vehicle identification numbers, positions, mail addresses, signed tokens. By key: whatever is called a
//! password, a token, an address.

use std::collections::BTreeSet;

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use crate::config::{Config, Selector};
use crate::primitives::scrub::Scrubber;
use crate::redact::{mask_mails, mask_private};
use crate::store::{Kind, Reader};

/// What stands in the place of a value whose key says that it is private.
const REDACTED: &str = "(redacted)";

/// Shortest value that is searched for: a shorter one is found everywhere, and tells nothing.
const SHORTEST: usize = 4;

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
const OF_VEHICLES: [&str; 3] = ["vin", "id", "name"];

/// What is private.
#[derive(Default)]
pub(super) struct Redaction {
    /// Private values, each with what it is.
    known: BTreeSet<(String, String)>,
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
    }

    fn know(&mut self, what: &str, value: &str) {
        if value.len() >= SHORTEST {
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
                        Value::Number(number) if is_private(key) => {
                            self.know("position", &number.to_string())
                        }
                        value => self.know_positions(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns a document without what is private.
    pub(super) fn redact(&self, document: &Value) -> Value {
        let known = self.known.iter().map(|(what, value)| (what.as_str(), value.as_str()));
        Redacting { scrubber: Scrubber::new(known) }.value(document, false)
    }
}

struct Redacting<'r> {
    scrubber: Scrubber<'r>,
}

impl Redacting<'_> {
    fn value(&self, value: &Value, of_vehicle: bool) -> Value {
        match value {
            Value::Object(all) => Value::Object(self.object(all, of_vehicle)),
            Value::Array(all) => all.iter().map(|value| self.value(value, of_vehicle)).collect(),
            Value::String(text) => self.text(text).into(),
            Value::Number(number) => {
                let (text, clean) = (number.to_string(), self.text(&number.to_string()));
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
            Value::Object(tables) if key == "vehicle" => {
                let tables = tables.iter().map(|(slug, table)| (self.text(slug), self.value(table, true)));
                Value::Object(tables.collect())
            }
            value => self.value(value, false),
        }
    }

    fn text(&self, text: &str) -> String {
        let text = self.scrubber.clean(text.to_owned());
        mask_tokens(&mask_private(&mask_mails(&text)))
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
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    fn redaction(known: &[(&str, &str)]) -> Redaction {
        let mut redaction = Redaction::default();
        for (what, value) in known {
            redaction.know(what, value);
        }
        redaction
    }

    #[test]
    fn a_value_is_found_wherever_and_however_it_is_written() {
        let secret = "p@ss word/7";
        let redaction = redaction(&[("pw", secret)]);
        let document = json!({
            "plain": secret,
            "percent": "x=p%40ss%20word%2F7&y",
            "base64": STANDARD.encode(format!("user:{secret}")),
            secret: 1,
            "path": format!("/home/{secret}/car.toml"),
            "in json": json!({"a": secret}).to_string(),
        });
        let text = redaction.redact(&document).to_string();
        for form in [secret, "p%40ss", &STANDARD.encode(secret)[..8], "word%2F", "ss wo"] {
            assert!(!text.contains(form), "{form}: {text}");
        }
        assert_eq!(text.matches("{secret:pw}").count(), 6, "{text}");
    }

    #[test]
    fn what_has_the_shape_of_something_private_goes_whoever_knows_it() {
        let document = json!({
            "file": "/var/lib/KNATESTDUMP000001/state.db",
            "said": "mail anna.b@example.org at 52.520008, 13.404954",
            "number": 52.520_008,
            "jwt": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl, and so on",
        });
        let text = Redaction::default().redact(&document).to_string();
        for private in ["KNATESTDUMP", "anna", "52.52", "13.40", "eyJ"] {
            assert!(!text.contains(private), "{private}: {text}");
        }
        assert!(text.contains("/state.db") && text.contains("and so on"), "{text}");
    }

    #[test]
    fn a_key_says_that_its_value_is_private_and_a_time_of_it_is_not() {
        let document = json!({
            "account": {"main": {"refresh_token": "x", "pin": 7, "pin_file": "/run/pin", "username": "y"}},
            "vehicle": {"ev6": {"vin": "z", "name": "Anna", "id": 5, "allow": ["lock"]}},
            "token_expires_at": "2026-01-01", "token_refreshed": true, "name": "default",
            "latitude": 1, "geofence": [{"name": "home", "lat": 1.5, "lon": 2}],
        });
        let redacted = Redaction::default().redact(&document);
        assert_eq!(
            redacted,
            json!({
                "account": {"main": {
                    "refresh_token": REDACTED, "pin": REDACTED, "pin_file": "/run/pin", "username": REDACTED
                }},
                "vehicle": {"ev6": {"vin": REDACTED, "name": REDACTED, "id": REDACTED, "allow": ["lock"]}},
                "token_expires_at": "2026-01-01", "token_refreshed": true, "name": "default",
                "latitude": REDACTED, "geofence": [{"name": "home", "lat": REDACTED, "lon": REDACTED}],
            })
        );
    }
}
