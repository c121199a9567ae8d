//! The device that stands for an account.

use serde_json::json;

use super::bridge::BridgeFacts;
use super::component::Component;
use super::device::{Device, Rank, available};
use crate::wire::account::STATES;
use crate::wire::topics::Topics;

/// What is known of an account.
#[derive(Clone, Debug)]
pub struct AccountFacts<'f> {
    /// Beginning of all identifiers.
    pub node: &'f str,
    /// Slug of the account.
    pub slug: &'f str,
    /// Name of its connector.
    pub connector: &'f str,
    /// Brand, if the connector has several.
    pub brand: &'f str,
    /// Whether a person may have to answer with a code.
    pub asks: bool,
    /// Whether its requests are counted against a limit.
    pub has_quota: bool,
}

impl AccountFacts<'_> {
    /// Describes the device.
    #[must_use]
    pub fn device(&self, topics: &Topics) -> Device {
        let Self { node, slug, connector, brand, .. } = self;
        let id = format!("{node}_account_{slug}");
        let device = Device::new(Rank::Account, id, &format!("account_{slug}"), &format!("Account {slug}"));
        let mut device = device
            .about("model", Some((*connector).to_owned()))
            .about("manufacturer", in_capitals(brand))
            .about("via_device", Some(BridgeFacts::id(node)))
            .available([topics.bridge_state()]);
        let topic = topics.account_state(slug);
        let why = "{{ {'reason': value_json.get('reason'), 'detail': value_json.get('detail'), 'since': \
                   value_json.get('since'), 'until': value_json.get('until'), 'next_attempt_at': \
                   value_json.get('next_attempt_at')} | tojson }}";
        let state = Component::sensor("State", &topic, "{{ value_json.state }}");
        let state = state.with("device_class", "enum").with("options", json!(STATES));
        let state = state.with("icon", "mdi:account-key-outline");
        device.add("state", state.attributes(&topic, why).diagnostic());
        let problem = Component::problem("Problem", &topic, "{{ value_json.state != 'ok' }}");
        device.add("problem", problem.attributes(&topic, why));
        for (key, name, field) in [
            ("token_expires", "Token expires", "token_expires_at"),
            ("grant_ends", "Sign-in ends", "grant_ends_at"),
        ] {
            let time = Component::time(name, &topic, &field_of(field));
            device.add(key, time.diagnostic());
        }
        let count = |name: &str, field: &str, icon: &str| {
            let count = Component::sensor(name, &topic, &field_of(field)).with("icon", icon);
            count.with("state_class", "measurement").diagnostic()
        };
        device.add("logins_today", count("Sign-ins today", "logins_today", "mdi:login"));
        device.add("requests_today", count("Requests today", "requests_today", "mdi:counter"));
        if self.has_quota {
            device.add("requests_left", count("Requests left", "requests_left", "mdi:counter"));
        }
        if self.asks {
            device.add("code", code(&topic, &topics.account_answer(slug), &topics.bridge_state()));
        }
        device
    }
}

/// Template of a field that a document may not have.
fn field_of(field: &str) -> String {
    format!("{{{{ value_json.get('{field}') }}}}")
}

/// Field for the code that a sign-in asks for, available while one is asked for. It shows nothing: what was typed
/// would be in the history. An empty state is an error of an entity whose shortest text is not 0.
fn code(state: &str, answer: &str, bridge: &str) -> Component {
    let asked = "{{ 'online' if value_json.state in ('otp_required', 'consent_required') else 'offline' }}";
    let mut availability = available(&[bridge.to_owned()]);
    if let Some(list) = availability.as_array_mut() {
        list.push(json!({"topic": state, "value_template": asked}));
    }
    Component::new("text", "Code of the sign-in")
        .commands(answer)
        .reads(state, "{{ '' }}")
        .with("availability", availability)
        .with("min", 0)
        .with("max", 255)
        .configuration()
}

/// Returns a brand as people write it.
pub(super) fn in_capitals(brand: &str) -> Option<String> {
    let mut rest = brand.chars();
    let first = rest.next()?;
    Some(first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protect::latch::LatchKind;

    #[test]
    fn every_latch_is_a_state() {
        for latch in [
            LatchKind::AuthRequired,
            LatchKind::OtpRequired,
            LatchKind::ConsentRequired,
            LatchKind::ClientRefused,
            LatchKind::LockedOut,
        ] {
            assert!(STATES.contains(&latch.as_str()), "{latch:?}");
        }
    }
}
