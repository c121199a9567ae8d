//! A grant as a block of a configuration, to be pasted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::descriptor::{
    Arguments, Configured, Grant, LEAST, Said, SecretForm, SecretRule, Service, SuccessPlace,
};
use crate::digest::Digest;

/// Region and brand of the accounts that reach some endpoints; none for all.
type Accounts<'g> = (Option<&'g str>, Option<&'g str>);

/// Writes `[connector.NAME]` with a file, its pin and a grant, as a configuration has it. Ends with a line
/// break.
#[must_use]
pub fn block(name: &str, file: &str, digest: Digest, grant: &Grant) -> String {
    let mut text = format!("[connector.{name}]\nfile = {}\nsha256 = \"{digest}\"\n", quoted(file));
    let mut reached: BTreeMap<Accounts<'_>, Vec<(&str, &str)>> = BTreeMap::new();
    for (Service { region, brand, name }, url) in &grant.endpoints {
        let of = reached.entry((region.as_deref(), brand.as_deref())).or_default();
        of.push((name, url.as_str().trim_end_matches('/')));
    }
    for ((region, brand), endpoints) in reached {
        let of =
            |kind: &str, word: Option<&str>| word.map(|word| format!("{kind}.{word}.")).unwrap_or_default();
        let (region, brand) = (of("regions", region), of("brands", brand));
        let lines = endpoints.into_iter().map(|(name, url)| format!("{name} = {}", quoted(url)));
        table(&mut text, name, &format!("{region}{brand}endpoints"), lines);
    }
    let secrets = grant.secrets.iter().map(|(name, rule)| format!("{name} = {}", secret(rule)));
    table(&mut text, name, "secrets", secrets);
    let settings = grant.settings.iter().map(|(name, setting)| {
        let default = setting.default.as_ref().map(|default| format!("default = {}", quoted(default)));
        let required = setting.required.then(|| "required = true".to_owned());
        let parts = required.into_iter().chain(default).chain(described(&setting.description));
        format!("{name} = {}", inline(parts))
    });
    table(&mut text, name, "settings", settings);
    let operations = grant.operations.iter().map(|(name, operation)| {
        let effect = format!("effect = \"{}\"", operation.effect.as_str());
        let arguments = (operation.arguments != Arguments::default())
            .then(|| format!("arguments = {}", quoted(&operation.arguments.schema().to_string())));
        let parts = std::iter::once(effect).chain(described(&operation.description)).chain(arguments);
        format!("{name} = {}", inline(parts))
    });
    table(&mut text, name, "operations", operations);
    let refusals = grant.refusals.kinds().into_iter().filter(|(_, said)| !said.is_empty());
    let refusals = refusals.map(|(kind, said)| format!("{kind} = [{}]", joined(said.iter().map(refusal))));
    table(&mut text, name, "refusals", refusals);
    table(&mut text, name, "answers", answers(grant));
    text
}

/// Writes a table that has lines.
fn table(text: &mut String, connector: &str, key: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _infallible = writeln!(text, "\n[connector.{connector}.{key}]");
        for line in lines {
            let _infallible = writeln!(text, "{line}");
        }
    }
}

fn secret(rule: &SecretRule) -> String {
    let SecretRule { description, class, configured, endpoints, rotates, lasting, least, form, unused } =
        rule;
    let endpoints = joined(endpoints.iter().map(|name| quoted(name)));
    let mut parts = vec![
        format!("class = \"{class}\""),
        format!("configured = \"{}\"", Configured::as_str(*configured)),
        format!("endpoints = [{endpoints}]"),
    ];
    for (key, is_so) in [("rotates", *rotates), ("lasting", *lasting), ("unused", *unused)] {
        if is_so {
            parts.push(format!("{key} = true"));
        }
    }
    if *least != LEAST {
        parts.push(format!("least = {least}"));
    }
    if let Some(SecretForm { length, characters }) = form {
        let characters = characters.as_str();
        parts.push(format!("form = {{ length = {length}, characters = \"{characters}\" }}"));
    }
    inline(parts.into_iter().chain(described(description)))
}

fn refusal(said: &Said) -> String {
    let Said { code, status, words } = said;
    let status = status.map(|status| format!("status = {status}"));
    let words = words.as_ref().map(|words| format!("words = {}", quoted(words)));
    inline(std::iter::once(format!("code = {}", quoted(code))).chain(status).chain(words))
}

fn answers(grant: &Grant) -> impl Iterator<Item = String> {
    let answers = &grant.answers;
    let list = |key: &str, texts: Vec<&String>| {
        let texts: Vec<String> = texts.into_iter().map(|text| quoted(text)).collect();
        (!texts.is_empty()).then(|| format!("{key} = [{}]", texts.join(", ")))
    };
    let success = answers.success.iter().map(|(SuccessPlace { endpoint, pointer }, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), quoted);
        let (endpoint, pointer) = (quoted(endpoint), quoted(pointer));
        let parts = [format!("endpoint = {endpoint}"), format!("at = {pointer}"), format!("is = {value}")];
        inline(parts.into_iter())
    });
    let success = (!answers.success.is_empty()).then(|| format!("success = [{}]", joined(success)));
    [
        success,
        list("codes_at", answers.codes_at.iter().collect()),
        list("before_execution", answers.before_execution.iter().collect()),
        list("undecided", answers.undecided.iter().collect()),
    ]
    .into_iter()
    .flatten()
}

fn described(description: &str) -> Option<String> {
    (!description.is_empty()).then(|| format!("description = {}", quoted(description)))
}

fn inline(parts: impl Iterator<Item = String>) -> String {
    match joined(parts) {
        parts if parts.is_empty() => "{}".to_owned(),
        parts => format!("{{ {parts} }}"),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Writes a text as a string on one line (TOML, basic strings). What a terminal could obey is an escape.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if crate::redact::breaks_out(char) => {
                let code = u32::from(char);
                let _infallible = match code {
                    0..=0xffff => write!(quoted, "\\u{code:04X}"),
                    _ => write!(quoted, "\\U{code:08X}"),
                };
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}
