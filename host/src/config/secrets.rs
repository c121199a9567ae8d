//! Secrets: from a file or from the environment.

use std::fs::File;
use std::io::Read;

use secrecy::{ExposeSecret, SecretString};

use super::reader::{Section, Text};

/// More than any secret has, in bytes: protects from naming a device or a log.
const LARGEST: u64 = 64 * 1024;

/// Reads `key_file = "path"` or `key = "${VARIABLE}"`. `None` if there is neither, or if what there is is wrong,
/// which has been complained about then.
pub(super) fn secret(section: &mut Section<'_, '_>, key: &str) -> Option<SecretString> {
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
    match found.and_then(single_line) {
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

/// What is wrong and what to do; never contains the secret.
struct Wrong(String);

fn from_file(section: &Section<'_, '_>, named: &Text<'_>) -> Result<SecretString, Wrong> {
    let path = section.reader.resolve(named.value);
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Wrong(format!("{shown}: {error}; create it with the secret as its only line, readable for this user"))
    };
    let mut content = String::new();
    let read = File::open(&path)
        .and_then(|file| file.take(LARGEST + 1).read_to_string(&mut content))
        .map_err(unreadable)?;
    let content = SecretString::from(content);
    if read as u64 > LARGEST {
        return Err(Wrong(format!(
            "{shown}: larger than {LARGEST} bytes; name a file with only the secret in it"
        )));
    }
    Ok(content)
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
    if is_private(section.reader.path()) {
        return Ok(given.value.to_owned().into());
    }
    Err(Wrong(format!(
        "a secret in plain text, in a file that others may read; use {file_key} = \"/path/to/file\" or \
         \"${{VARIABLE}}\", or give the configuration file the mode 0600"
    )))
}

/// Trims the line ending that editors add; anything else around a secret is part of it.
fn single_line(secret: SecretString) -> Result<SecretString, Wrong> {
    let text = secret.expose_secret();
    let trimmed = text.trim_end_matches(['\n', '\r']);
    if trimmed.is_empty() {
        return Err(Wrong("it is empty; put the secret there, or remove the key".to_owned()));
    }
    if trimmed.contains(['\n', '\r', '\0']) {
        return Err(Wrong("it has several lines; a secret is one line".to_owned()));
    }
    Ok(trimmed.to_owned().into())
}

/// Whether nobody but its owner can read the configuration file.
#[cfg(unix)]
fn is_private(path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_path: &std::path::Path) -> bool {
    false
}
