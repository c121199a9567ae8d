//! Where a grant is larger or stricter than what its connector asks for: no danger, and worth a word.

use super::excess::of_refusals;
use super::{Excess, Grant};

/// Returns what a connector is granted and does not ask for, a sentence each.
#[must_use]
pub fn unused(wanted: &Grant, granted: &Grant) -> Vec<String> {
    let mut all = Vec::new();
    for service in granted.endpoints.keys() {
        if !wanted.endpoints.keys().any(|other| service.covers(other) || other.covers(service)) {
            all.push(format!("the endpoint {service} is granted, and the connector does not ask for it"));
        }
    }
    let mut not_asked = |what: &str, name: &str| {
        all.push(format!("the {what} {name} is granted, and the connector does not ask for it"));
    };
    for (name, rule) in &granted.secrets {
        match wanted.secrets.get(name) {
            // The grant says so itself.
            None if rule.unused => {}
            None => not_asked("secret", name),
            Some(wanted) => {
                for endpoint in rule.endpoints.difference(&wanted.endpoints) {
                    not_asked("secret", &format!("{name} for {endpoint}"));
                }
            }
        }
    }
    for name in granted.settings.keys().filter(|name| !wanted.settings.contains_key(*name)) {
        not_asked("setting", name);
    }
    for name in granted.operations.keys().filter(|name| !wanted.operations.contains_key(*name)) {
        not_asked("operation", name);
    }
    let (mut refused, mut before) = (Vec::new(), Vec::new());
    of_refusals(&granted.refusals, &wanted.refusals, &mut refused);
    before.extend(granted.answers.before_execution.difference(&wanted.answers.before_execution));
    for excess in refused {
        if let Excess::Refusal { kind, said } = excess {
            not_asked("refusal", &format!("{said} ({kind})"));
        }
    }
    for code in before {
        not_asked("code before execution", code);
    }
    all
}

/// Returns where a grant is stricter than what the connector asks for, or lets an account lack what it cannot
/// do without: it may be denied at work what it counts on. A sentence each.
#[must_use]
pub fn stricter(wanted: &Grant, granted: &Grant) -> Vec<String> {
    let mut all = Vec::new();
    for (name, rule) in &wanted.secrets {
        let Some(class) = granted.secrets.get(name).map(|rule| rule.class) else { continue };
        if class != rule.class && class.is_as_strict_as(rule.class) {
            all.push(format!(
                "the connector calls the secret {name} {}, and the rules of {class} hold",
                rule.class
            ));
        }
    }
    for name in wanted.settings.iter().filter(|(_, setting)| setting.required).map(|(name, _)| name) {
        let is_left_open = |granted: &super::Setting| !granted.required && granted.default.is_none();
        if granted.settings.get(name).is_some_and(is_left_open) {
            all.push(format!(
                "the connector cannot be used without the setting {name}, and the grant does not say so; add \
                 required = true"
            ));
        }
    }
    for (name, operation) in &wanted.operations {
        let Some(own) = granted.operations.get(name) else { continue };
        if own.effect > operation.effect {
            let (wanted, granted) = (operation.effect.as_str(), own.effect.as_str());
            all.push(format!(
                "the connector calls the operation {name} {wanted}, and the rules of {granted} hold"
            ));
        }
        if own.arguments != operation.arguments {
            all.push(format!(
                "the arguments of the operation {name} are granted otherwise than the connector has them"
            ));
        }
    }
    all
}
