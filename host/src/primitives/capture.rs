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

mod claim;
mod cleaning;
mod extraction;
mod marked;
mod parameter;
mod pointer;
mod private;

use std::collections::BTreeSet;

use serde::de::IgnoredAny;
use serde_json::Value;

use self::cleaning::{scrub, scrubber};
pub(crate) use self::extraction::LARGEST_SECRET;
use self::extraction::{Extraction, Found};
pub(super) use self::marked::Marked;
use super::content::{self, Unreadable};
use super::{Call, CapturedKey, Withheld};
use crate::bindings::http::{Capture, CaptureSource, CaptureTarget, TransportError};
use crate::bindings::types::BodyKind;
use crate::cell::Secrets;
use crate::redact;

/// The longest media type that is told of an answer, in bytes.
pub(super) const LONGEST_TYPE: usize = 64;

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

/// Takes the captured values out of a response, and then every secret that this account has: a server that
/// echoes a request must not tell the guest what the host put into it.
///
/// # Errors
///
/// When a value to be captured is too large for a secret; nothing was captured then. And when the answer is
/// not for the guest, or lacks a secret that it was asked for; [`Call::withheld`] has what there is to know of
/// it.
pub(super) fn receive(
    call: &mut Call,
    incoming: Incoming,
    asked: Asked<'_>,
) -> Result<Incoming, TransportError> {
    let Asked { captures, sent, endpoints } = asked;
    Capturing { call, captures, sent, endpoints }.receive(incoming)
}

/// Returns a text of an answer to a request that carried `sent`, without the secrets in it.
pub(super) fn clean(call: &Call, sent: &[String], text: String) -> String {
    scrubber(call, sent).clean(text)
}

/// What was asked for, and with what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'c> {
    pub(super) captures: &'c [Capture],
    /// The names of the secrets that the request carried.
    pub(super) sent: &'c [String],
    /// The names of the endpoints that it went to.
    pub(super) endpoints: &'c [String],
}

/// A call that takes in the answer to one of its requests.
struct Capturing<'c> {
    call: &'c mut Call,
    captures: &'c [Capture],
    /// The names of the secrets that the request carried.
    sent: &'c [String],
    /// The names of the endpoints that it went to.
    endpoints: &'c [String],
}

impl Capturing<'_> {
    fn receive(mut self, mut incoming: Incoming) -> Result<Incoming, TransportError> {
        let description = incoming.description();
        match content::plain(&incoming.headers, std::mem::take(&mut incoming.body)) {
            Ok(body) => incoming.body = body,
            Err(unreadable @ Unreadable::TooLarge) => {
                return Err(TransportError::Interrupted(format!("the answer {unreadable}")));
            }
            Err(unreadable) => {
                let why = format!("the answer {unreadable} ({description})");
                return self.unreadable(incoming, BodyKind::Other, why);
            }
        }
        let mut found = Found::default();
        let mut document = None;
        if !self.captures.is_empty() {
            document = serde_json::from_slice::<Value>(&incoming.body).ok();
            if let Some(why) = unfit(&incoming, document.as_ref(), self.captures) {
                let kind = body_kind(&incoming.body, document.is_some());
                let why = format!("the answer {why} ({description})");
                return self.unreadable(incoming, kind, why);
            }
            let tokens = self.tokens();
            let extraction = Extraction::new(&self.call.context.rules, &tokens, &mut self.call.private);
            found = extraction.take_out(self.captures, &mut incoming.headers, document.as_mut());
        }
        if let Some(name) = found.too_large {
            let why = format!("the {name} in the answer is larger than {LARGEST_SECRET} bytes");
            return Err(TransportError::Interrupted(why));
        }
        if incoming.succeeds() {
            let endpoints: BTreeSet<String> = self.endpoints.iter().cloned().collect();
            let captured = |key| CapturedKey { key, endpoints: endpoints.clone() };
            let keys = found.public_keys.into_iter().map(|(name, key)| (name, captured(key)));
            self.call.public_keys.extend(keys);
        }
        let unusable = found.unusable;
        let says_no =
            document.as_ref().is_some_and(|it| self.call.context.command_answers.says_no(self.endpoints, it));
        self.call.last.gave = !found.secrets.is_empty() && !says_no;
        let lacks = self.keep(found.secrets, &incoming);
        if let Some((name, why)) = unusable.filter(|_| incoming.succeeds()) {
            let kind = body_kind(&incoming.body, document.is_some());
            let why = format!("the public key {name} in the answer cannot be used: {why} ({description})");
            return Err(self.withhold(incoming.status, kind, why));
        }
        // Of one that says no nothing was to be expected, and the guest has to see why.
        if let Some(missing) = lacks.filter(|_| !says_no) {
            let kind = body_kind(&incoming.body, document.is_some());
            let why = format!("the answer has no {missing} ({description})");
            return Err(self.withhold(incoming.status, kind, why));
        }
        Ok(self.clean(incoming, document))
    }

    /// The secrets whose claims are asked for, as they were before this answer.
    fn tokens(&self) -> Secrets {
        let wanted = self.captures.iter().filter_map(|capture| match &capture.source {
            CaptureSource::Claim((secret, _)) => Some(secret),
            _ => None,
        });
        wanted.filter_map(|name| Some((name.clone(), self.call.secret(name)?.clone()))).collect()
    }

    /// Keeps the secrets that were found. Returns an essential one that is missing, if any is.
    fn keep(&mut self, found: Secrets, incoming: &Incoming) -> Option<String> {
        let mut missing = self.essential();
        missing.retain(|name| incoming.succeeds() && !found.contains_key(name));
        // A refusal gives out no secret, and what it echoes is not one, so nothing of it is kept.
        if incoming.status < 400 {
            self.call.missing.retain(|name| !found.contains_key(name));
            // What an answer has brought is not what was made here, whatever its name.
            self.call.made.retain(|name| !found.contains_key(name));
            self.call.capture(found);
        }
        let first = missing.first().cloned();
        self.call.miss(missing);
        first
    }

    /// Returns what the guest gets of an answer, with the secrets replaced.
    fn clean(&self, mut incoming: Incoming, document: Option<Value>) -> Incoming {
        // A document stays one, whatever stands in it: codes are read from it.
        let is_text = incoming.status >= 400
            && document.is_none()
            && serde_json::from_slice::<IgnoredAny>(&incoming.body).is_err();
        if let Some(document) = document {
            incoming.body = document.to_string().into_bytes();
        }
        let mut clean = scrub(self.call, incoming, self.sent);
        if is_text {
            // After the secrets: of one in which something is masked the rest would not be found.
            clean.body = redact::mask_private(&String::from_utf8_lossy(&clean.body)).into_bytes();
        }
        clean
    }

    /// Returns an answer in which nothing can be found: a refusal without a word of its own, or an error.
    fn unreadable(
        &mut self,
        incoming: Incoming,
        body: BodyKind,
        why: String,
    ) -> Result<Incoming, TransportError> {
        if incoming.succeeds() {
            let missing = self.essential();
            self.call.miss(missing);
            return Err(self.withhold(incoming.status, body, why));
        }
        Ok(scrub(self.call, Incoming { body: why.into_bytes(), ..incoming }, self.sent))
    }

    fn withhold(&mut self, status: u16, body: BodyKind, why: String) -> TransportError {
        self.call.withheld = Some(Withheld { status, body });
        // The media type in it is the answer's own.
        TransportError::Other(scrubber(self.call, self.sent).clean(why))
    }

    /// Returns the secrets without which an answer to a request with these captures is worthless.
    fn essential(&self) -> BTreeSet<String> {
        let secrets = self.captures.iter().filter_map(|capture| match &capture.target {
            CaptureTarget::Secret(name) => Some(name),
            CaptureTarget::Private | CaptureTarget::PublicKey(_) => None,
        });
        secrets.filter(|name| self.call.is_essential(name)).cloned().collect()
    }
}

/// Returns why what was to be taken out of an answer cannot be found in it, if so. A refusal that is not JSON
/// holds a text to be read, and neither a token nor a document.
fn unfit(incoming: &Incoming, document: Option<&Value>, captures: &[Capture]) -> Option<&'static str> {
    let mut pointers = captures.iter().filter_map(|capture| match &capture.source {
        CaptureSource::Json(pointer) | CaptureSource::JsonParameter((pointer, _)) => Some(pointer),
        CaptureSource::Header(_)
        | CaptureSource::Cookie(_)
        | CaptureSource::HeaderParameter(_)
        | CaptureSource::Claim(_) => None,
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
