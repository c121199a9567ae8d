//! Secrets: from a file or from the environment.

use secrecy::{ExposeSecret, SecretString};

use super::access;
use super::form::{Mistaken, variable_meant, wrong_with};
use super::reader::{Section, Text};
use super::text::{self, NoText};
use crate::descriptor::{SecretClass, SecretForm, SecretRule};

/// Most lines of a key: more than any has, so that naming another file is a mistake that is told.
const MOST_LINES: usize = 16;

const EMPTY: &str = "it is empty; put the secret there, or remove the key";

/// What a secret looks like where it is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looks<'m> {
    /// Its form, if that is known.
    form: Option<SecretForm>,
    /// What people take for it.
    mistaken: &'m [Mistaken],
    /// Whether it may be written in several lines: it is then the lines without their ends, one after the other.
    several_lines: bool,
    /// Number of those lines, if that is known.
    lines: Option<usize>,
}

impl<'m> Looks<'m> {
    /// Those of a secret with this rule, for which people take these. A key is often made of parts, of so many lines.
    pub(super) fn of(rule: &SecretRule, mistaken: &'m [Mistaken], lines: Option<u32>) -> Self {
        let lines = lines.and_then(|lines| usize::try_from(lines).ok());
        Self { form: rule.form, mistaken, several_lines: rule.class == SecretClass::Key, lines }
    }
}

/// Upper bound of a secret, in bytes; more than any has: protects from naming a log.
const LARGEST: usize = 64 * 1024;

/// Reads `key_file = "path"` or `key = "${VARIABLE}"`. Returns `None` if there is neither, or if there is a
/// wrong one, which has been complained about then. A secret of a known form has that form when this returns, and
/// a key has no line ends.
pub(super) fn secret(section: &mut Section<'_, '_>, key: &str, looks: Looks<'_>) -> Option<SecretString> {
    let file_key = format!("{key}_file");
    let file = section.text(&file_key);
    let direct = section.text(key);
    if let (Some(file), Some(_)) = (&file, &direct) {
        section.complain(&file.span, format!("{}: {key} is given too; remove one of the two", file.name));
        return None;
    }
    let (found, at) = match (file, direct) {
        (Some(file), _) => (from_file(section, &file), file),
        (None, Some(direct)) => (from_value(section, &direct, &file_key), direct),
        (None, None) => return None,
    };
    let in_words = match key {
        "pin" => "PIN".to_owned(),
        other => other.replace('_', " "),
    };
    let whole = |found: SecretString| {
        if looks.several_lines {
            joined(section, &at, &found, looks.lines)
        } else {
            single_line(section, &at, &found, looks, &in_words)
        }
    };
    match found.and_then(whole) {
        Ok(secret) => Some(secret),
        Err(Wrong(reason)) => {
            section.complain(&at.span, format!("{}: {reason}", at.name));
            None
        }
    }
}

/// Whether the section tries to give this secret, rightly or wrongly.
pub(super) fn is_given(section: &mut Section<'_, '_>, key: &str) -> bool {
    section.entry(key).is_some() | section.entry(&format!("{key}_file")).is_some()
}

/// A mistake and what to do about it; never contains the secret.
struct Wrong(String);

fn from_file(section: &Section<'_, '_>, named: &Text<'_>) -> Result<SecretString, Wrong> {
    let path = section.reader.resolve(named.value);
    let shown = path.display();
    let found = text::read(&path, LARGEST).map_err(|error| match error {
        NoText::Unreadable(why) => Wrong(format!(
            "{shown}: {why}; what is wanted is a file with nothing but the secret, readable for this user"
        )),
        why => Wrong(format!("{shown}: {why}")),
    })?;
    if let Some(open) = access::too_open(&path, true) {
        section.reader.warn(&named.span, format!("{}: {open}", named.name));
    }
    Ok(found.into())
}

fn from_value(section: &Section<'_, '_>, given: &Text<'_>, file_key: &str) -> Result<SecretString, Wrong> {
    if let Some(variable) = given.value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        return match section.reader.environment(variable) {
            Some(value) => Ok(value.into()),
            None => Err(Wrong(format!(
                "the environment variable {variable:?} is not set; set it, or use {file_key} = \"/path/to/file\""
            ))),
        };
    }
    if access::is_private(section.reader.path()) {
        return Ok(given.value.to_owned().into());
    }
    let meant = variable_meant(given.value)
        .map(|variable| format!("; if the environment variable is meant, write \"${{{variable}}}\""));
    Err(Wrong(format!(
        "a secret in plain text, in a file that others may read; use {file_key} = \"/path/to/file\" or \
         \"${{VARIABLE}}\", or give the configuration file the mode 0600{}",
        meant.unwrap_or_default()
    )))
}

/// Returns the lines of a key without their ends, one after the other. Lines with nothing in them do not count;
/// blanks around another one may belong to it, and are reported.
fn joined(
    section: &Section<'_, '_>,
    at: &Text<'_>,
    found: &SecretString,
    wanted: Option<usize>,
) -> Result<SecretString, Wrong> {
    let text = text::without_bom(found.expose_secret());
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return Err(Wrong(EMPTY.to_owned()));
    }
    if text.contains('\0') {
        return Err(Wrong("it has a zero byte, so it is no text; name a text file".to_owned()));
    }
    if lines.len() > MOST_LINES {
        let all = lines.len();
        return Err(Wrong(format!(
            "it has {all} lines, and a key has {MOST_LINES} at most; name the file with the key"
        )));
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != lines.len()) {
        let all = lines.len();
        return Err(Wrong(format!(
            "it has {all} lines, and this key has {wanted}: write its strings one a line"
        )));
    }
    if lines.iter().any(|line| line.trim().len() < line.len()) {
        let message =
            format!("{}: there are blanks around a line; they are taken for a part of the key", at.name);
        section.reader.warn(&at.span, message);
    }
    Ok(lines.concat().into())
}

/// Returns the secret without what editors add: the mark at the beginning of a file, the end of the line.
/// Blanks around it do not belong to a secret whose form has none; to another one they may. Either is
/// reported.
fn single_line(
    section: &Section<'_, '_>,
    at: &Text<'_>,
    found: &SecretString,
    Looks { form, mistaken, .. }: Looks<'_>,
    in_words: &str,
) -> Result<SecretString, Wrong> {
    let text = text::without_bom(found.expose_secret()).trim_end_matches(['\n', '\r']);
    let blanks = text.trim().len() < text.len();
    let secret = if form.is_some() { text.trim() } else { text };
    if secret.trim().is_empty() {
        return Err(Wrong(EMPTY.to_owned()));
    }
    if secret.contains(['\n', '\r', '\0']) {
        return Err(Wrong("it has several lines; a secret is one line".to_owned()));
    }
    if let Some(wrong) = form.and_then(|form| wrong_with(form, secret, in_words, mistaken)) {
        return Err(Wrong(wrong));
    }
    if blanks {
        let taken = match form {
            Some(_) => "they are left out",
            None => "they are taken for a part of it",
        };
        section.reader.warn(&at.span, format!("{}: there are blanks around the secret; {taken}", at.name));
    }
    Ok(secret.to_owned().into())
}
