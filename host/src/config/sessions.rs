//! Kinds of sessions that a connector keeps: what an imported one needs so that it can be renewed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::reader::Section;

/// A kind of session, by what its cell says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionKind {
    /// Words in the value of its cell that tell it from others.
    is: BTreeMap<String, String>,
    /// What else the value says, such as the device that the tokens were given to.
    says: Vec<String>,
    /// Names of the secrets in the configuration without which it cannot be renewed.
    configured: Vec<String>,
    /// Names of the secrets that renew it; without one of them it ends with its access token.
    renewed_by: Vec<String>,
}

/// The kinds of sessions of a connector; none if nothing is known of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions(Vec<SessionKind>);

impl SessionKind {
    fn fits(&self, value: &Value) -> bool {
        self.is.iter().all(|(key, word)| value.get(key).and_then(Value::as_str) == Some(word.as_str()))
    }
}

impl Sessions {
    /// Reads the kinds of a connector.
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let sections = section.entry("sessions").and_then(super::reader::Entry::sections);
        Self(sections.unwrap_or_default().into_iter().filter_map(kind).collect())
    }

    /// Returns why a session with this value in its cell could not be renewed, as far as that is known. `has` says
    /// whether there is a secret of a name. No value of a secret is told, and nothing of one that is unknown.
    #[must_use]
    pub fn wrong_with(&self, value: &str, has: impl Fn(&str) -> bool) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        let Some(SessionKind { is, says, configured, renewed_by }) =
            self.0.iter().find(|kind| kind.fits(&value))
        else {
            let known: Vec<String> = self.0.iter().map(|kind| json!(kind.is).to_string()).collect();
            return Some(format!("session says of no kind that is known; it is one of {}", known.join(", ")));
        };
        let is_said = |key: &str| value.get(key).and_then(Value::as_str).is_some_and(|word| !word.is_empty());
        let unsaid = says.iter().filter(|key| !is_said(key)).cloned();
        let absent = renewed_by.iter().filter(|name| !has(name)).cloned();
        let key = |name: &String| format!("{}_file of the configuration", name.replace('-', "_"));
        let unconfigured = configured.iter().filter(|name| !has(name)).map(key);
        let missing: Vec<String> = absent.chain(unsaid).chain(unconfigured).collect();
        let words: Vec<&str> = is.values().map(String::as_str).collect();
        let kind =
            if words.is_empty() { String::new() } else { format!(" of the kind {}", words.join(", ")) };
        let all: Vec<String> =
            renewed_by.iter().chain(says).cloned().chain(configured.iter().map(key)).collect();
        (!missing.is_empty()).then(|| {
            format!(
                "a session{kind} is renewed with {}, and without {} nobody can renew it",
                all.join(", "),
                missing.join(", ")
            )
        })
    }

    /// All names of secrets that are spoken of.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|kind| kind.renewed_by.iter().chain(&kind.configured)).map(String::as_str)
    }
}

fn kind(mut section: Section<'_, '_>) -> Option<SessionKind> {
    let words = section.section("is").map(|table| {
        let word = |(key, entry): (&str, super::reader::Entry<'_, '_>)| {
            Some((key.to_owned(), entry.text()?.value.to_owned()))
        };
        table.entries().filter_map(word).collect()
    });
    let mut texts = |key| {
        let texts = section.entry(key).and_then(super::reader::Entry::texts)?;
        Some(texts.iter().map(|text| text.value.to_owned()).collect())
    };
    let (says, configured, renewed_by) = (texts("says"), texts("configured"), texts("renewed_by"));
    section.finish();
    Some(SessionKind {
        is: words.unwrap_or_default(),
        says: says.unwrap_or_default(),
        configured: configured.unwrap_or_default(),
        renewed_by: renewed_by?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::presets;

    fn of(connector: &str) -> &'static Sessions {
        &presets::all()[connector].sessions
    }

    #[test]
    fn what_is_missing_is_named_for_each_kind_and_no_other_session_is_taken() {
        let none = |_: &str| false;
        let legacy = of("hyundai-kia-eu").wrong_with(r#"{"family":"legacy"}"#, none).unwrap();
        assert!(
            legacy
                .contains("kind legacy is renewed with refresh-token, and without refresh-token nobody can"),
            "{legacy}"
        );
        let cci = r#"{"family":"cci","route":"unsigned","device":"D","tokens_end":7}"#;
        let all_but = |left_out: &'static str| move |name: &str| name != left_out;
        for name in [
            "cci-access-token",
            "cci-refresh-token",
            "exchangeable-token",
            "exchangeable-refresh-token",
            "non-ccs-token",
            "non-ccs-refresh-token",
            "id-token",
        ] {
            let why = of("hyundai-kia-eu").wrong_with(cci, all_but(name)).unwrap();
            assert!(why.contains(&format!("and without {name} nobody can renew it")), "{why}");
        }
        for unbound in
            [r#"{"family":"cci","route":"signed"}"#, r#"{"family":"cci","route":"unsigned","device":""}"#]
        {
            let why = of("hyundai-kia-eu").wrong_with(unbound, |_| true).unwrap();
            assert!(why.contains("and without device nobody can renew it"), "{why}");
        }
        for optional in ["access-token", "device-id", "refresh-token", "control-token"] {
            assert_eq!(of("hyundai-kia-eu").wrong_with(cci, all_but(optional)), None);
        }
        let direct = |has: bool| of("hyundai-kia-eu").wrong_with(r#"{"family":"direct"}"#, |_| has);
        assert!(
            direct(false).unwrap().contains("without account-refresh-token nobody") && direct(true).is_none()
        );
        let signed = r#"{"family":"cci","route":"signed","device":"D"}"#;
        let why = of("hyundai-kia-eu").wrong_with(signed, all_but("gate-keys")).unwrap();
        assert!(
            why.contains("kind cci, signed is")
                && why.contains("without gate_keys_file of the configuration nobody"),
            "{why}"
        );
        assert_eq!(of("hyundai-kia-eu").wrong_with(cci, all_but("gate-keys")), None);
        for value in [
            "",
            "{}",
            r#"{"family":"cc1"}"#,
            r#"{"family":"cci","route":"x","device":"D"}"#,
            "SECRET-VALUE",
            r#"{"family":["cci"]}"#,
        ] {
            let why = of("hyundai-kia-eu").wrong_with(value, |_| true).unwrap();
            assert!(
                why.contains(r#"{"family":"legacy"}, {"family":"cci","route":"signed"}, {"#)
                    && !why.contains("SECRET"),
                "{why}"
            );
        }
        assert_eq!(of("renault").wrong_with("", |_| true), None);
        assert!(
            of("renault")
                .wrong_with("", none)
                .unwrap()
                .contains("a session is renewed with login-token, and without login-token")
        );
        assert_eq!(Sessions::default().wrong_with("whatever", none), None, "nothing is known of others");
    }
}
