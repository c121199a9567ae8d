//! Rehearsal of a call: its requests are shown, and sent only up to the first one that carries what is its owner's.
//!
//! A request is checked and prepared as any other, so what is shown is what would leave, but for its secrets: where one
//! stands, its placeholder is shown. The first one that would count with the vendor, or would tell whose account it is,
//! is not sent, and none after it. None is sent at all while the vendor is to be left alone.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Call, HttpRequest};
use crate::bindings::http::{Body, Computation, Derivation, Piece, Request, Response, TransportError};
use crate::descriptor::SecretClass;

/// Rehearsal that a call is.
#[derive(Debug, Default)]
pub(crate) struct Rehearsal {
    /// Names of the secrets that stand in for those that the owner has not given: they are sent nowhere.
    pub(crate) stand_ins: BTreeSet<String>,
    /// Why nothing is sent at all, if nothing is.
    pub(crate) silence: Option<String>,
    /// Requests so far.
    pub(crate) requests: Vec<RehearsedRequest>,
    /// Why it is over, if it is.
    pub(crate) over: Option<String>,
}

/// A request as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RehearsedRequest {
    /// Method.
    pub method: String,
    /// URL, with placeholders.
    pub url: String,
    /// Headers in their order, with placeholders. Of cookies that the host keeps the names only.
    pub headers: Vec<(String, String)>,
    /// Body with placeholders; of a form a line for each field.
    pub body: String,
    /// Values that are computed for it: the name, and in words how.
    pub derived: Vec<(String, String)>,
    /// What became of it.
    pub went: Went,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Went {
    /// It was sent, and answered with this HTTP status.
    Answered {
        /// The status.
        status: u16,
    },
    /// It was sent, and not answered, or with what nobody can read.
    Unanswered {
        /// Why.
        why: String,
    },
    /// It was not sent, because the host allows no such request.
    Denied {
        /// Why.
        why: String,
    },
    /// It was not sent, because it counts.
    Withheld {
        /// Why.
        why: String,
    },
}

/// Notes a request of a rehearsal. Returns why it is not sent, if it is not; a call that is no rehearsal sends it.
pub(super) fn withholds(
    call: &mut Call,
    request: &Request,
    prepared: Result<(&HttpRequest, &[String]), &TransportError>,
) -> Option<String> {
    let why = {
        let rehearsal = call.rehearsal.as_ref()?;
        match (&rehearsal.over, prepared, &rehearsal.silence) {
            (Some(_), ..) => return Some("the rehearsal is over".to_owned()),
            (None, Ok(_), Some(silence)) => Some(silence.clone()),
            (None, Ok((_, carries)), None) => counts(call, rehearsal, carries, request.acts_on_vehicle),
            (None, Err(_), _) => None,
        }
    };
    let went = match (&why, prepared) {
        (Some(why), _) => Went::Withheld { why: why.clone() },
        (None, Err(denied)) => Went::Denied { why: in_words(denied) },
        (None, Ok(_)) => Went::Unanswered { why: "the call was over before".to_owned() },
    };
    let shown = show(request, prepared.ok().map(|(prepared, _)| prepared), went);
    let rehearsal = call.rehearsal.as_mut()?;
    rehearsal.requests.push(shown);
    // What a connector goes on with although nothing is sent is shown too.
    if rehearsal.silence.is_none() {
        rehearsal.over.clone_from(&why);
    }
    why
}

/// Notes the answer to the last request of a rehearsal.
pub(super) fn answered(call: &mut Call, answer: &Result<Response, TransportError>) {
    let Some(last) = call.rehearsal.as_mut().and_then(|rehearsal| rehearsal.requests.last_mut()) else {
        return;
    };
    last.went = match answer {
        Ok(answer) => Went::Answered { status: answer.status },
        Err(error) => Went::Unanswered { why: in_words(error) },
    };
}

/// Returns why a request counts with the vendor, or belongs to the owner's session, if it does.
fn counts(call: &Call, rehearsal: &Rehearsal, carries: &[String], acts_on_vehicle: bool) -> Option<String> {
    if acts_on_vehicle {
        return Some("a vehicle may act on it".to_owned());
    }
    let class = |name: &String| call.context.class(name);
    // What counts most is told, whatever comes with it.
    let signs_in = carries.iter().find(|name| class(name).is_some_and(SecretClass::signs_in));
    if let Some(name) = signs_in {
        return Some(format!("it carries the {}, so the vendor counts it as a sign-in", words(name)));
    }
    carries.iter().find_map(|name| {
        let in_words = words(name);
        match class(name)? {
            SecretClass::Pin(_) => Some(format!("it carries the {in_words}, and vendors count wrong ones")),
            SecretClass::Key => Some(format!("it is signed with the {in_words}")),
            // What this call was given is nothing that a later one would miss.
            SecretClass::Token if !call.captured.contains_key(name) => {
                Some(format!("it carries the {in_words}, and the vendor may give another one for it"))
            }
            SecretClass::Identifier if rehearsal.stand_ins.contains(name) => {
                Some(format!("it carries the {in_words}, which is not configured"))
            }
            SecretClass::Identifier => {
                Some(format!("it carries the {in_words}, which tells whose account it is"))
            }
            SecretClass::Token | SecretClass::Password | SecretClass::OneTimeCode => None,
        }
    })
}

/// A secret's name as people write it.
fn words(name: &str) -> String {
    name.replace('-', " ")
}

fn in_words(error: &TransportError) -> String {
    match error {
        TransportError::NotSent(why) => format!("it did not leave: {why}"),
        TransportError::Denied(why) | TransportError::Interrupted(why) | TransportError::Other(why) => {
            why.clone()
        }
    }
}

/// Shows a request. What the host adds to it is taken from `prepared`.
fn show(request: &Request, prepared: Option<&HttpRequest>, went: Went) -> RehearsedRequest {
    let mut headers = request.headers.clone();
    let is_there = |wanted: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let added = |name: &str| {
        let value = prepared.filter(|_| !is_there(name))?.headers.get(name)?;
        Some(value.to_str().unwrap_or_default().to_owned())
    };
    headers.extend(added("content-type").map(|value| ("content-type".to_owned(), value)));
    headers.extend(added("cookie").map(|value| ("cookie".to_owned(), names_of_cookies(&value))));
    RehearsedRequest {
        method: http::Method::from(request.method).to_string(),
        url: request.url.clone(),
        headers,
        body: body(&request.body),
        derived: request.derivations.iter().map(|it| (it.name.clone(), derivation(it))).collect(),
        went,
    }
}

/// The cookies of a header, without their values.
fn names_of_cookies(header: &str) -> String {
    let names = header.split("; ").map(|cookie| cookie.split('=').next().unwrap_or_default());
    names.map(|name| format!("{name}={{cookie}}")).collect::<Vec<_>>().join("; ")
}

fn body(body: &Body) -> String {
    match body {
        Body::Empty => String::new(),
        Body::Json(text) | Body::Text(text) => text.clone(),
        Body::Form(fields) => {
            fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")
        }
        Body::Bytes((_, bytes)) => format!("({} bytes)", bytes.len()),
    }
}

/// Says how a value is computed.
fn derivation(derivation: &Derivation) -> String {
    match &derivation.how {
        Computation::HmacSha256(it) => {
            format!("HMAC-SHA-256 with the key {} of {}", pieces(&it.key), pieces(&it.message))
        }
        Computation::Sha256(it) => format!("SHA-256 of {}", pieces(&it.pieces)),
        Computation::RsaPkcs1(it) => {
            format!("RSA encryption with the public key {} of {}", it.public_key, pieces(&it.pieces))
        }
        Computation::Join(it) => format!("{} in a row", pieces(&it.pieces)),
    }
}

fn pieces(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => format!("{text:?}"),
        Piece::Header(name) => format!("the header {name}"),
        Piece::Body => "the body".to_owned(),
        Piece::BodyWithoutWhiteSpace => "the body without white space".to_owned(),
        Piece::TimeMs => "the time in ms".to_owned(),
        Piece::TimeS => "the time in s".to_owned(),
    };
    pieces.iter().map(piece).collect::<Vec<_>>().join(" + ")
}
