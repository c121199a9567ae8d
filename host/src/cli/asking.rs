//! What a connector asks for, or is granted, as people and programs are shown it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::table::{Table, plain};
use crate::descriptor::{Grant, Said, SecretRule, Service, SuccessPlace};

/// Shows everything that a connector asks for, in sections; the empty ones are left out.
pub(super) fn for_people(wanted: &Grant) -> String {
    let mut text = String::new();
    section(&mut text, "It reaches", &reached(wanted));
    section(&mut text, "It uses the secrets", &secrets(wanted));
    section(&mut text, "It knows the settings", &settings(wanted));
    section(&mut text, "It has operations of its own", &operations(wanted));
    section(&mut text, "It takes for refusals", &refusals(wanted));
    if text.is_empty() { "It asks for nothing.\n".to_owned() } else { text }
}

fn section(text: &mut String, title: &str, table: &str) {
    if table.lines().count() > 1 {
        let between = if text.is_empty() { "" } else { "\n" };
        let _infallible = writeln!(text, "{between}{title}");
        for line in table.lines() {
            let _infallible = writeln!(text, "  {line}");
        }
    }
}

fn reached(wanted: &Grant) -> String {
    let mut table = Table::new(["ENDPOINT", "REGION", "BRAND", "URL"]);
    let or_all = |word: &Option<String>| word.clone().unwrap_or_else(|| "all".to_owned());
    for (Service { region, brand, name }, url) in &wanted.endpoints {
        let url = url.as_str().trim_end_matches('/').to_owned();
        table.row([name.clone(), or_all(region), or_all(brand), url]);
    }
    table.to_string()
}

fn secrets(wanted: &Grant) -> String {
    let mut table = Table::new(["SECRET", "CLASS", "GOES TO", "COMES FROM", "WHAT IT IS"]);
    for (name, rule) in &wanted.secrets {
        let endpoints: Vec<&str> = rule.endpoints.iter().map(String::as_str).collect();
        let class = rule.class.as_str().to_owned();
        table.row([name.clone(), class, endpoints.join(", "), source(rule), rule.description.clone()]);
    }
    table.to_string()
}

/// Where a secret comes from, in words.
fn source(rule: &SecretRule) -> String {
    use crate::descriptor::{Configured, SecretClass};
    let mut source = match rule.configured {
        Configured::Required => "you",
        Configured::Optional => "you, if you like",
        Configured::Never if rule.class == SecretClass::OneTimeCode => "you, when asked",
        Configured::Never => "its cloud",
    }
    .to_owned();
    if rule.replaces_configured() {
        source.push_str(", then its cloud");
    }
    if rule.lasting {
        source.push_str("; kept if a sign-in fails");
    }
    source
}

fn settings(wanted: &Grant) -> String {
    let mut table = Table::new(["SETTING", "DEFAULT", "WHAT IT IS"]);
    for (name, setting) in &wanted.settings {
        let default = match &setting.default {
            Some(default) => default.clone(),
            None if setting.required => "none: you set it".to_owned(),
            None => "none".to_owned(),
        };
        table.row([name.clone(), default, setting.description.clone()]);
    }
    table.to_string()
}

fn operations(wanted: &Grant) -> String {
    let mut table = Table::new(["OPERATION", "EFFECT", "WHAT IT DOES"]);
    for (name, operation) in &wanted.operations {
        let effect = operation.effect.as_str().to_owned();
        table.row([format!("other/{name}"), effect, operation.description.clone()]);
    }
    table.to_string()
}

fn refusals(wanted: &Grant) -> String {
    let mut table = Table::new(["OF", "WHAT ITS CLOUD SAYS"]);
    for (place, value) in &wanted.answers.success {
        table.row(["no, unless".to_owned(), format!("{value} at {place}")]);
    }
    if !wanted.answers.codes_at.is_empty() {
        table.row(["codes".to_owned(), format!("at {}", wanted.answers.codes_at.join(", "))]);
    }
    for (kind, said) in wanted.refusals.kinds() {
        let what = match kind {
            "grant" => "a sign-in",
            "pin" => "a PIN",
            _ => "all, for today",
        };
        for said in said {
            table.row([what.to_owned(), said.to_string()]);
        }
    }
    let answers = &wanted.answers;
    let codes =
        |codes: &std::collections::BTreeSet<String>| codes.iter().cloned().collect::<Vec<_>>().join(", ");
    if !answers.before_execution.is_empty() {
        table.row(["a command, before the car".to_owned(), codes(&answers.before_execution)]);
    }
    if !answers.undecided.is_empty() {
        table.row(["nothing: the car may have acted".to_owned(), codes(&answers.undecided)]);
    }
    table.to_string()
}

/// Shows what a connector asks for to programs.
pub(super) fn for_programs(wanted: &Grant) -> Value {
    let endpoints = wanted.endpoints.iter().map(|(Service { region, brand, name }, url)| {
        json!({"name": name, "region": region, "brand": brand, "url": url.as_str().trim_end_matches('/')})
    });
    let secrets = wanted.secrets.iter().map(|(name, rule)| {
        json!({
            "name": name,
            "class": rule.class.as_str(),
            "configured": rule.configured.as_str(),
            "endpoints": rule.endpoints,
            "rotates": rule.rotates,
            "lasting": rule.lasting,
            "least": rule.least,
            "description": rule.description,
        })
    });
    let settings = wanted.settings.iter().map(|(name, setting)| {
        json!({
            "name": name,
            "default": setting.default,
            "required": setting.required,
            "description": setting.description,
        })
    });
    let operations = wanted.operations.iter().map(|(name, operation)| {
        json!({
            "name": name,
            "effect": operation.effect.as_str(),
            "arguments": operation.arguments.schema(),
            "description": operation.description,
        })
    });
    let refusals = wanted.refusals.kinds().into_iter().flat_map(|(kind, said)| {
        let of = move |Said { code, status, words }: &Said| {
            json!({"credential": kind, "code": code, "status": status, "words": words})
        };
        said.iter().map(of).collect::<Vec<_>>()
    });
    let answers = &wanted.answers;
    json!({
        "endpoints": endpoints.collect::<Vec<_>>(),
        "secrets": secrets.collect::<Vec<_>>(),
        "settings": settings.collect::<Vec<_>>(),
        "operations": operations.collect::<Vec<_>>(),
        "refusals": refusals.collect::<Vec<_>>(),
        "answers": {
            "success": answers.success.iter().map(|(SuccessPlace { endpoint, pointer }, value)| {
                json!({"endpoint": endpoint, "at": pointer, "is": value})
            }).collect::<Vec<_>>(),
            "codes_at": answers.codes_at,
            "before_execution": answers.before_execution,
            "undecided": answers.undecided,
        },
    })
}

/// Shows what a connector asks for beyond what it is granted, a line each.
pub(super) fn more(excess: &[crate::descriptor::Excess]) -> String {
    excess.iter().map(|excess| format!("  {}\n", plain(&excess.to_string()))).collect()
}
