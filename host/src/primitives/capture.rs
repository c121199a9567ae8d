//! Captures: what the host takes out of a response before the guest sees it.
//!
//! A guest gets an answer in four steps. Its content coding is undone ([`content`](super::content)). The
//! values that it asked to have captured are taken out; then every secret that the host knows, wherever it
//! stands (see `scrub` for how it may be written); then the headers that describe the body as it was, such as
//! its length and its digest, because both would tell something of what was taken out.
//!
//! Where the host cannot look, the guest cannot either, and no error quotes what is there: an answer that
//! succeeds is withheld when its coding cannot be undone, or when something was to be taken out of its JSON
//! and it is not JSON or cannot hold it. The guest is told a description of the answer: its status, type and
//! length. Of a refusal there may be a text to be read; what looks private is masked in it, and no secret is
//! kept of it.
//!
//! A capture of an essential secret that did not happen fails the request, whatever the connector would make
//! of it: an operation never goes on with an empty session, registration or permission. See [`Capturable`]
//! for what is not a secret. What was captured beside it is kept all the same, since a token that has rotated
//! is the only one that is left.
//!
//! A secret that is larger than any token cannot be a token: the whole answer is then over the limit, as one
//! with too large a body is, and nothing of it is kept. To keep what fits, or to cut it, would leave a
//! session that looks whole and is not. Names need no bound: only those that the host knows are captured.
//!
//! A secret shorter than eight bytes, which is a PIN, is searched for only in answers to requests that
//! carried it, and one shorter than any PIN nowhere: it would be found in every word. Of such a secret an
//! answer can tell something all the same, to a plugin that makes a server echo every possible one. What
//! protects it is the endpoint that it is bound to.

mod pointer;
mod private;

use std::collections::BTreeSet;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::content::{self, Unreadable};
use super::placeholder::placeholder;
use super::scrub::Scrubber;
use super::{Call, Withheld};
use crate::bindings::http::{Capture, CaptureSource, CaptureTarget, TransportError};
use crate::bindings::types::BodyKind;
use crate::cell::Secrets;
use crate::descriptor::SHORTEST_SEARCHED;
use crate::redact;

/// Length of the shortest secret that is searched for at all. PINs have four digits.
const SHORTEST_PIN: usize = 4;

/// The largest secret that is captured, in bytes. Tokens have up to 4 KiB, and no server takes a header of
/// more than this.
const LARGEST_SECRET: usize = 8 << 10;

/// The longest media type that is told of an answer, in bytes.
const LONGEST_TYPE: usize = 64;

const MARK_OPEN: &str = "{private:";

fn mark(index: usize) -> String {
    format!("{MARK_OPEN}{index}}}")
}

/// Returns the index that a mark speaks of; none if the text is not a mark.
pub(super) fn mark_index(text: &str) -> Option<usize> {
    text.strip_prefix(MARK_OPEN)?.strip_suffix('}')?.parse().ok()
}

/// Headers that describe the body as it came, which is not the body that a guest gets.
const OF_THE_BODY: [&str; 8] = [
    "content-digest",
    "content-encoding",
    "content-length",
    "content-md5",
    "digest",
    "repr-digest",
    "trailer",
    "transfer-encoding",
];

/// A response on its way to the guest.
pub(super) struct Incoming {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Incoming {
    /// Describes the response without a word of its content: status, media type and length in bytes.
    fn description(&self) -> String {
        let header = self.headers.iter().find(|(name, _)| name == "content-type");
        let media_type = header.and_then(|(_, value)| value.split(';').next()).unwrap_or_default().trim();
        let is_one = |c: char| c.is_ascii_alphanumeric() || "/+.-_".contains(c);
        let media_type = match media_type {
            "" => String::new(),
            text if text.len() <= LONGEST_TYPE && text.chars().all(is_one) => format!(" {text},"),
            _ => " of no media type,".to_owned(),
        };
        format!("HTTP {},{media_type} {} bytes", self.status, self.body.len())
    }

    fn succeeds(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The secrets that were found in one response.
#[derive(Default)]
struct Found {
    secrets: Secrets,
    /// Name of a secret that is too large.
    too_large: Option<String>,
}

impl Found {
    fn insert(&mut self, name: &str, value: &str) {
        if value.len() > LARGEST_SECRET {
            self.too_large = Some(name.to_owned());
        } else {
            self.secrets.insert(name.to_owned(), SecretString::from(value));
        }
    }
}

impl Call {
    /// Takes the captured values out of a response, and then every secret that this account has: a server
    /// that echoes a request must not tell the guest what the host put into it.
    ///
    /// # Errors
    ///
    /// When a value to be captured is too large for a secret; nothing was captured then. And when the answer
    /// is not for the guest, or lacks a secret that it was asked for; [`Call::withheld`] has what there is to
    /// know of it.
    pub(super) fn receive(
        &mut self,
        mut incoming: Incoming,
        captures: &[Capture],
        sent: &[String],
    ) -> Result<Incoming, TransportError> {
        let description = incoming.description();
        match content::plain(&incoming.headers, std::mem::take(&mut incoming.body)) {
            Ok(body) => incoming.body = body,
            Err(unreadable @ Unreadable::TooLarge) => {
                return Err(TransportError::Interrupted(format!("the answer {unreadable}")));
            }
            Err(unreadable) => {
                let why = format!("the answer {unreadable} ({description})");
                return self.unreadable(incoming, BodyKind::Other, why, captures, sent);
            }
        }
        let mut found = Found::default();
        let mut document = None;
        if !captures.is_empty() {
            document = serde_json::from_slice::<Value>(&incoming.body).ok();
            if let Some(why) = unfit(&incoming, document.as_ref(), captures) {
                let kind = body_kind(&incoming.body, document.is_some());
                let why = format!("the answer {why} ({description})");
                return self.unreadable(incoming, kind, why, captures, sent);
            }
            self.capture(&mut incoming.headers, document.as_mut(), captures, &mut found);
        }
        if let Some(name) = found.too_large {
            let why = format!("the {name} in the answer is larger than {LARGEST_SECRET} bytes");
            return Err(TransportError::Interrupted(why));
        }
        let mut missing = self.essential(captures);
        missing.retain(|name| incoming.succeeds() && !found.secrets.contains_key(name));
        // A refusal gives out no secret, and what it echoes is not one, so nothing of it is kept.
        if incoming.status < 400 {
            self.missing.retain(|name| !found.secrets.contains_key(name));
            self.captured.extend(found.secrets);
        }
        if let Some(name) = missing.first() {
            let kind = body_kind(&incoming.body, document.is_some());
            let why = format!("the answer has no {name} ({description})");
            self.missing.extend(missing);
            return Err(self.withhold(incoming.status, kind, why, sent));
        }
        // A document stays one, whatever stands in it: codes are read from it.
        let is_text = incoming.status >= 400
            && document.is_none()
            && serde_json::from_slice::<IgnoredAny>(&incoming.body).is_err();
        if let Some(document) = document {
            incoming.body = document.to_string().into_bytes();
        }
        let mut clean = self.scrub(incoming, sent);
        if is_text {
            // After the secrets: of one in which something is masked the rest would not be found.
            clean.body = redact::mask_private(&String::from_utf8_lossy(&clean.body)).into_bytes();
        }
        Ok(clean)
    }

    /// Takes out what was asked for, and what is called private if anything private was asked for.
    fn capture(
        &mut self,
        headers: &mut [(String, String)],
        mut document: Option<&mut Value>,
        captures: &[Capture],
        found: &mut Found,
    ) {
        for Capture { source, target } in captures {
            match source {
                CaptureSource::Json(pointer) => {
                    if let Some(document) = &mut document {
                        pointer::each_at(document, pointer, &mut |value| self.take(value, target, found));
                    }
                }
                CaptureSource::Header(name) => {
                    let header = headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name));
                    if let Some((_, value)) = header {
                        *value = self.take_text(value, target, found);
                    }
                }
                CaptureSource::Cookie(name) => {
                    for (_, value) in headers.iter_mut().filter(|(n, _)| n == "set-cookie") {
                        let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
                        if let Some((_, cookie)) = pair.split_once('=').filter(|(n, _)| n.trim() == name) {
                            let kept = self.take_text(cookie, target, found);
                            *value = format!("{name}={kept};{attributes}");
                        }
                    }
                }
            }
        }
        let private = captures.iter().any(|capture| matches!(capture.target, CaptureTarget::Private));
        if let Some(document) = document.filter(|_| private) {
            private::each_named(document, &mut |value| self.hide(value));
        }
    }

    fn take(&mut self, value: &mut Value, target: &CaptureTarget, found: &mut Found) {
        match target {
            CaptureTarget::Private => self.hide(value),
            CaptureTarget::Secret(name) => {
                let capturable = self.context.capturable.get(name.as_str());
                let secret = match &*value {
                    // Over the limit, whatever it says.
                    Value::String(text) if text.len() > LARGEST_SECRET => Some(text.as_str()),
                    value => capturable.and_then(|capturable| capturable.secret(value)),
                };
                *value = match secret {
                    Some(secret) => {
                        found.insert(name, secret);
                        Value::String(placeholder(name))
                    }
                    // Not a secret, but it may still be none of the guest's business.
                    None => Value::Null,
                };
            }
        }
    }

    /// Puts a mark in the place of a value.
    fn hide(&mut self, value: &mut Value) {
        match value {
            Value::Null => return,
            // No satellite is seen: the guest has to know it, to ask where the vehicle was parked.
            Value::Number(number) if is_nowhere(number) => return,
            Value::String(text) if mark_index(text).is_some() => return,
            _ => {}
        }
        if let Some(text) = value.as_str() {
            redact::remember_vin(text);
        }
        let value = std::mem::replace(value, Value::String(mark(self.private.len())));
        self.private.push(value);
    }

    fn take_text(&mut self, text: &str, target: &CaptureTarget, found: &mut Found) -> String {
        let mut value = Value::String(text.to_owned());
        self.take(&mut value, target, found);
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Returns an answer in which nothing can be found: a refusal without a word of its own, or an error.
    fn unreadable(
        &mut self,
        incoming: Incoming,
        body: BodyKind,
        why: String,
        captures: &[Capture],
        sent: &[String],
    ) -> Result<Incoming, TransportError> {
        if incoming.succeeds() {
            self.missing.extend(self.essential(captures));
            return Err(self.withhold(incoming.status, body, why, sent));
        }
        Ok(self.scrub(Incoming { body: why.into_bytes(), ..incoming }, sent))
    }

    fn withhold(&mut self, status: u16, body: BodyKind, why: String, sent: &[String]) -> TransportError {
        self.withheld = Some(Withheld { status, body });
        // The media type in it is the answer's own.
        TransportError::Other(self.scrubber(sent).clean(why))
    }

    /// Replaces the values of secrets by their placeholders: long ones everywhere, short ones only in answers
    /// to requests that carried them.
    fn scrub(&self, incoming: Incoming, sent: &[String]) -> Incoming {
        let scrubber = self.scrubber(sent);
        let Incoming { status, headers, body } = incoming;
        let headers = headers
            .into_iter()
            .filter(|(name, _)| !OF_THE_BODY.contains(&name.as_str()))
            .map(|(name, value)| (scrubber.clean_name(name), scrubber.clean(value)))
            .collect();
        // A body that is not UTF-8 may be Latin-1, and a secret in that is searched for as what becomes of it
        // here.
        let body = match String::from_utf8(body) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        Incoming { status, headers, body: scrubber.clean(body).into_bytes() }
    }

    fn scrubber(&self, sent: &[String]) -> Scrubber<'_> {
        let wanted = |(name, value): &(&str, &str)| {
            value.len() >= SHORTEST_SEARCHED
                || (value.len() >= SHORTEST_PIN && sent.iter().any(|sent| sent == name))
        };
        let secrets = self.secrets().map(|(name, secret)| (name, secret.expose_secret()));
        Scrubber::new(secrets.filter(wanted))
    }

    /// Returns the secrets without which an answer to a request with these captures is worthless.
    fn essential(&self, captures: &[Capture]) -> BTreeSet<String> {
        let secrets = captures.iter().filter_map(|capture| match &capture.target {
            CaptureTarget::Secret(name) => Some(name),
            CaptureTarget::Private => None,
        });
        secrets.filter(|name| self.is_essential(name)).cloned().collect()
    }

    /// Whether anything was captured for which there is no other value.
    pub(crate) fn captured_essential(&self) -> bool {
        self.captured.keys().any(|name| self.is_essential(name))
    }

    fn is_essential(&self, name: &str) -> bool {
        self.context.capturable.get(name).is_some_and(|capturable| capturable.essential)
    }
}

/// Numbers that receivers write that do not know where they are: nothing, or all bits of 8, 16, 24 or 32.
/// Such a number places no vehicle. Any other number may be a place in whatever unit.
const NOWHERE: [f64; 5] = [0.0, 255.0, 65_535.0, 16_777_215.0, 4_294_967_295.0];

fn is_nowhere(number: &serde_json::Number) -> bool {
    number.as_f64().is_some_and(|number| NOWHERE.contains(&number))
}

/// Returns why what was to be taken out of an answer cannot be found in it, if so. A refusal that is not JSON
/// holds a text to be read, and neither a token nor a document.
fn unfit(incoming: &Incoming, document: Option<&Value>, captures: &[Capture]) -> Option<&'static str> {
    let mut pointers = captures.iter().filter_map(|capture| match &capture.source {
        CaptureSource::Json(pointer) => Some(pointer),
        CaptureSource::Header(_) | CaptureSource::Cookie(_) => None,
    });
    let first = pointers.next()?;
    match document {
        None if !incoming.succeeds() => None,
        None if incoming.body.trim_ascii().is_empty() => Some("is empty"),
        None => Some("is not JSON"),
        Some(document) => {
            let may_hold =
                std::iter::once(first).chain(pointers).any(|it| pointer::may_lead_into(document, it));
            (!may_hold).then_some("is JSON of another shape")
        }
    }
}

fn body_kind(body: &[u8], is_json: bool) -> BodyKind {
    match body.trim_ascii_start().first() {
        None => BodyKind::None,
        Some(_) if is_json => BodyKind::Json,
        Some(b'<') => BodyKind::Html,
        Some(_) => BodyKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_recognised_exactly() {
        assert_eq!(mark_index(&mark(7)), Some(7));
        for text in ["{private:}", "{private:x}", "private:1", "{private:1} ", "{private:-1}"] {
            assert_eq!(mark_index(text), None, "{text}");
        }
    }
}
