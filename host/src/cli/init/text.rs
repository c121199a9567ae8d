//! The configuration as text.

use std::fmt::Write as _;

use super::answers::Answers;
use crate::config::Slug;

/// Where the secrets come from while the answers are tried.
pub(super) const TRIED: &str = "INIT_";

/// A name in the name of a table; what cannot be one there is for `check-config` to say.
fn slug(text: &str) -> String {
    Slug::parse(text).map_or_else(|| quoted(text), |slug| slug.to_string())
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The configuration with the secrets that were typed in files of this folder.
pub(super) fn written(answers: &Answers, folder: &str) -> String {
    let of_file = |name: &str| format!("_file = {}", quoted(&format!("{folder}/{name}")));
    text(answers, &of_file)
}

/// The configuration with those secrets in variables.
pub(super) fn tried(answers: &Answers) -> String {
    text(answers, &|name| format!(" = \"${{{TRIED}{name}}}\""))
}

/// `typed` says where a secret that was typed is, by the name of its file, as what follows its key.
fn text(answers: &Answers, typed: &dyn Fn(&str) -> String) -> String {
    let mut text = String::from(
        "# Written by `vehicle-connector init`. docs/configuration.md has every key.\n\n[mqtt]\n",
    );
    let mut line = |line: String| {
        let _infallible = writeln!(text, "{line}");
    };
    line(format!("url = {}", quoted(&answers.broker)));
    if let Some(user) = &answers.broker_user {
        line(format!("username = {}", quoted(user)));
    }
    match &answers.broker_password_file {
        Some(file) => line(format!("password_file = {}", quoted(file))),
        None if answers.typed.contains_key(Answers::BROKER_PASSWORD) => {
            line(format!("password{}", typed(Answers::BROKER_PASSWORD)));
        }
        None => {}
    }
    line(format!("\n[account.{}]", slug(&answers.account)));
    line(format!("connector = {}", quoted(&answers.connector)));
    if let Some(brand) = &answers.brand {
        line(format!("brand = {}", quoted(brand)));
    }
    if let Some(region) = &answers.region {
        line(format!("region = {}", quoted(region)));
    }
    for (name, file) in &answers.secret_files {
        line(format!("{name}_file = {}", quoted(file)));
    }
    for (key, name) in &answers.typed_secrets {
        line(format!("{key}{}", typed(name)));
    }
    if !answers.settings.is_empty() {
        let settings = answers.settings.iter().map(|(name, value)| format!("{name} = {}", quoted(value)));
        line(format!("settings = {{ {} }}", settings.collect::<Vec<_>>().join(", ")));
    }
    if !answers.vehicle.is_empty() {
        line(format!("\n[vehicle.{}]", slug(&answers.vehicle)));
        line(format!("account = {}", quoted(&answers.account)));
        if let Some((key, value)) = &answers.which {
            line(format!("{key} = {}", quoted(value)));
        }
        let words: Vec<String> = answers.allow.iter().map(|word| quoted(word)).collect();
        line(format!("allow = [{}]", words.join(", ")));
    }
    text
}
