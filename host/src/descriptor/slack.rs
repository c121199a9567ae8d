//! Where a grant is larger or stricter than what its connector asks for: no danger, and worth a word.

use super::excess::of_refusals;
use super::{Excess, Grant};

/// Something about a grant that is worth a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Keys below the connector's section that lead to it.
    pub keys: Vec<String>,
    /// A sentence about it.
    pub text: String,
}

impl Remark {
    fn new(keys: &[&str], text: String) -> Self {
        Self { keys: keys.iter().map(|&key| key.to_owned()).collect(), text }
    }
}

/// Returns what a connector is granted and does not ask for.
#[must_use]
pub fn unused(wanted: &Grant, granted: &Grant) -> Vec<Remark> {
    let mut all = Vec::new();
    let mut not_asked = |keys: &[&str], what: &str, name: &str| {
        let text = format!("the {what} {name} is granted, and the connector does not ask for it");
        all.push(Remark::new(keys, text));
    };
    for service in granted.endpoints.keys() {
        if !wanted.endpoints.keys().any(|other| service.covers(other) || other.covers(service)) {
            let below = |kind, word: &'_ Option<String>| word.clone().map(|word| [kind, word]);
            let (region, brand) = (&service.region, &service.brand);
            let places = [below("regions".to_owned(), region), below("brands".to_owned(), brand)];
            let own = ["endpoints".to_owned(), service.name.clone()];
            let keys: Vec<String> = places.into_iter().flatten().flatten().chain(own).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            not_asked(&keys, "endpoint", &service.to_string());
        }
    }
    for (name, rule) in &granted.secrets {
        match wanted.secrets.get(name) {
            // The grant says so itself.
            None if rule.unused => {}
            None => not_asked(&["secrets", name], "secret", name),
            Some(wanted) => {
                for endpoint in rule.endpoints.difference(&wanted.endpoints) {
                    not_asked(&["secrets", name, "endpoints"], "secret", &format!("{name} for {endpoint}"));
                }
            }
        }
    }
    for name in granted.settings.keys().filter(|name| !wanted.settings.contains_key(*name)) {
        not_asked(&["settings", name], "setting", name);
    }
    for name in granted.operations.keys().filter(|name| !wanted.operations.contains_key(*name)) {
        not_asked(&["operations", name], "operation", name);
    }
    let (mut refused, mut before) = (Vec::new(), Vec::new());
    of_refusals(&granted.refusals, &wanted.refusals, &mut refused);
    before.extend(granted.answers.before_execution.difference(&wanted.answers.before_execution));
    for excess in refused {
        if let Excess::Refusal { kind, said } = excess {
            not_asked(&["refusals", kind], "refusal", &format!("{said} ({kind})"));
        }
    }
    for code in before {
        not_asked(&["answers", "before_execution"], "code before execution", code);
    }
    all
}

/// Returns where a grant is stricter than what the connector asks for, or lets an account lack what it cannot
/// do without: it may be denied at work what it counts on.
#[must_use]
pub fn stricter(wanted: &Grant, granted: &Grant) -> Vec<Remark> {
    let mut all = Vec::new();
    for (name, rule) in &wanted.secrets {
        let Some(class) = granted.secrets.get(name).map(|rule| rule.class) else { continue };
        if class != rule.class && class.is_as_strict_as(rule.class) {
            let text = format!(
                "the connector calls the secret {name} {}, and the rules of {class} hold",
                rule.class
            );
            all.push(Remark::new(&["secrets", name, "class"], text));
        }
    }
    for name in wanted.settings.iter().filter(|(_, setting)| setting.required).map(|(name, _)| name) {
        let is_left_open = |granted: &super::Setting| !granted.required && granted.default.is_none();
        if granted.settings.get(name).is_some_and(is_left_open) {
            let text = format!(
                "the connector cannot be used without the setting {name}, and the grant does not say so; add \
                 required = true"
            );
            all.push(Remark::new(&["settings", name], text));
        }
    }
    for (name, operation) in &wanted.operations {
        let Some(own) = granted.operations.get(name) else { continue };
        if own.effect > operation.effect {
            let (wanted, granted) = (operation.effect.as_str(), own.effect.as_str());
            let text =
                format!("the connector calls the operation {name} {wanted}, and the rules of {granted} hold");
            all.push(Remark::new(&["operations", name, "effect"], text));
        }
        if own.arguments != operation.arguments {
            let text = format!(
                "the arguments of the operation {name} are granted otherwise than the connector has them"
            );
            all.push(Remark::new(&["operations", name, "arguments"], text));
        }
    }
    all
}
