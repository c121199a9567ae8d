//! Placeholders: where a guest writes `{secret:name}`, `{vehicle:name}` or `{derived:name}`, and the host puts
//! the value.

mod parts;

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::IgnoredAny;
use url::Url;

pub(super) use self::parts::{Part, parts};

/// Reason why a placeholder cannot be filled where it stands; names no value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misplaced(pub(super) String);

fn misplaced<E: From<Misplaced>>(why: impl Into<String>) -> E {
    Misplaced(why.into()).into()
}

/// Encoding of a value, so that it stays one value in the place where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Everything but unreserved characters as `%XX` (RFC 3986 §2.1 and §2.3): a value can end no segment and start no
    /// query.
    Url,
    /// As it is. The place itself refuses what does not fit, or encodes it.
    Plain,
    /// With the escapes of a JSON string (RFC 8259 §7).
    Json,
}

/// All but the unreserved characters.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Encoding {
    pub(super) fn encode(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Url => utf8_percent_encode(value, &RESERVED).into(),
            Self::Plain => value.into(),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                inner.unwrap_or_default().to_owned().into()
            }
        }
    }
}

/// A placeholder, by its kind and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placeholder<'t> {
    /// `{secret:name}`.
    Secret(&'t str),
    /// `{vehicle:name}`.
    Vehicle(&'t str),
    /// `{derived:name}`.
    Derived(&'t str),
}

/// Returns what stands in the place of a secret.
pub(super) fn placeholder(name: &str) -> String {
    match name {
        VEHICLE_VIN => format!("{{{name}}}"),
        _ => format!("{{secret:{name}}}"),
    }
}

/// What a vehicle's identification number is called where secrets are by their names. No secret is called so.
pub(super) const VEHICLE_VIN: &str = "vehicle:vin";

/// Whether a text has a placeholder.
pub(super) fn has_placeholder(text: &str) -> bool {
    parts(text).any(|part| matches!(part, Part::Placeholder(_)))
}

/// Text with every placeholder replaced. What only looks like one stays as it is.
///
/// # Errors
///
/// Those of `value`, which is asked for the value of each.
pub(super) fn fill<'s, E>(
    template: &str,
    encoding: Encoding,
    mut value: impl FnMut(Placeholder<'_>) -> Result<&'s str, E>,
) -> Result<String, E> {
    let mut filled = String::with_capacity(template.len());
    for part in parts(template) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Placeholder(placeholder) => filled.push_str(&encoding.encode(value(placeholder)?)),
        }
    }
    Ok(filled)
}

/// Returns a URL with every placeholder replaced. The text around them is parsed before the values are there,
/// and the result must read as exactly that with the values in it: a value cannot be a `..` that leaves the
/// place, however it is encoded.
///
/// # Errors
///
/// Those of `value`; and when the text is not a URL, a value would change more than its own place, or a
/// placeholder stands where the digits of a percent-encoded byte should.
pub(super) fn fill_url<'s, E: From<Misplaced>>(
    template: &str,
    mut value: impl FnMut(Placeholder<'_>) -> Result<&'s str, E>,
) -> Result<Url, E> {
    let parse = |text: &str| {
        Url::parse(text).map_err(|error| misplaced::<E>(format!("the URL is not valid: {error}")))
    };
    let mut stand_in = "standin".to_owned();
    while template.contains(&stand_in) {
        stand_in.push('0');
    }
    let mut values = Vec::new();
    let outline = fill(template, Encoding::Plain, |placeholder| {
        values.push(Encoding::Url.encode(value(placeholder)?));
        Ok::<_, E>(stand_in.as_str())
    })?;
    let outline = parse(&outline)?;
    let mut pieces = outline.as_str().split(&stand_in);
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    let mut values = values.iter();
    let changed = || misplaced::<E>("a value in the URL would change where it leads");
    for piece in pieces {
        if ends_within_percent(&filled) {
            return Err(misplaced("a placeholder stands within a percent-encoded byte of the URL"));
        }
        // Parsing has made one more, as in the name of a host.
        filled.push_str(values.next().ok_or_else(changed)?);
        filled.push_str(piece);
    }
    let url = parse(&filled)?;
    if values.next().is_some() || url.as_str() != filled {
        return Err(changed());
    }
    Ok(url)
}

/// Whether the next character may be a digit of `%XX`. The beginning of a value would read as something else
/// there, for a server as for a search of its answer.
fn ends_within_percent(text: &str) -> bool {
    let text = text.as_bytes();
    matches!(text, [.., b'%'] | [.., b'%', b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F'])
}

/// A JSON document with every placeholder in its strings replaced, and nothing else changed.
///
/// # Errors
///
/// Those of `value`; and when there are placeholders but the text is not JSON, or one of them stands in a
/// member's name. JSON has no other place for them than strings.
pub(super) fn fill_json<'s, E: From<Misplaced>>(
    template: &str,
    mut value: impl FnMut(Placeholder<'_>) -> Result<&'s str, E>,
) -> Result<String, E> {
    if !has_placeholder(template) {
        return Ok(template.to_owned());
    }
    if serde_json::from_str::<IgnoredAny>(template).is_err() {
        return Err(misplaced("the body is not JSON; a placeholder stands inside a string of it"));
    }
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('"') {
        let (string, after) = after.split_at(string_end(after));
        rest = after.strip_prefix('"').unwrap_or_default();
        filled.push_str(before);
        filled.push('"');
        if !rest.trim_start().starts_with(':') {
            filled.push_str(&fill(string, Encoding::Json, &mut value)?);
        } else if has_placeholder(string) {
            return Err(misplaced("a placeholder stands in the name of a member of the body"));
        } else {
            filled.push_str(string);
        }
        filled.push('"');
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Returns the place of the quotation mark that ends a JSON string.
fn string_end(after_opening: &str) -> usize {
    let mut escaped = false;
    let end = after_opening.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(after_opening.len())
}

#[cfg(test)]
mod tests;
