//! Requests, piece by piece.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde_json::Value;

use super::{
    Answer, Body, Capture, CaptureSource, CaptureTarget, Computation, Derivation, Encoding, Joined, Keyed,
    Method, Piece, Request, Sealed, derived, secret, segment,
};
use crate::certainty::Doing;
use crate::connector::{Failure, Milliseconds, Phase};
use crate::{failure, host};

impl Request {
    /// A request without body, on which no vehicle acts.
    #[must_use]
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Body::Empty,
            derivations: Vec::new(),
            captures: Vec::new(),
            jar: None,
            timeout: None,
            acts_on_vehicle: false,
        }
    }

    /// A request that reads.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// A request that does what the resource does.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    /// A request that replaces.
    #[must_use]
    pub fn put(url: impl Into<String>) -> Self {
        Self::new(Method::Put, url)
    }

    /// A request that changes in part.
    #[must_use]
    pub fn patch(url: impl Into<String>) -> Self {
        Self::new(Method::Patch, url)
    }

    /// A request that removes.
    #[must_use]
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new(Method::Delete, url)
    }

    /// With a parameter in the query. The value is percent-encoded; for a secret see
    /// [`Request::query_secret`].
    #[must_use]
    pub fn query(self, name: &str, value: &str) -> Self {
        self.query_as_is(name, &segment(value))
    }

    /// With a secret in the query.
    #[must_use]
    pub fn query_secret(self, name: &str, secret_name: &str) -> Self {
        self.query_as_is(name, &secret(secret_name))
    }

    fn query_as_is(mut self, name: &str, value: &str) -> Self {
        let mark = if self.url.contains('?') { '&' } else { '?' };
        self.url = format!("{}{mark}{}={value}", self.url, segment(name));
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With a token in `Authorization` (RFC 6750 §2.1): `.bearer(secret("access-token"))`.
    #[must_use]
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.header("Authorization", format!("Bearer {}", token.as_ref()))
    }

    /// With a user and a password in `Authorization` (RFC 7617 §2): placeholders or plain text. The host
    /// computes the rest.
    #[must_use]
    pub fn basic(self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let pair = format!("{}:{}", user.as_ref(), password.as_ref());
        self.derive("basic", join([text(pair)], Encoding::Base64))
            .header("Authorization", format!("Basic {}", derived("basic")))
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, document: &Value) -> Self {
        self.body = Body::Json(format!("{document}"));
        self
    }

    /// With a form as its body. The host encodes the values.
    #[must_use]
    pub fn form<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        self.body = Body::Form(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        self
    }

    /// With a further field of the form that is its body.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<String>) -> Self {
        let field = (name.to_owned(), value.into());
        match &mut self.body {
            Body::Form(fields) => fields.push(field),
            body => *body = Body::Form(vec![field]),
        }
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// With a value that the host computes, for the placeholder [`derived`].
    #[must_use]
    pub fn derive(mut self, name: &str, how: Computation) -> Self {
        self.derivations.push(Derivation { name: name.to_owned(), how });
        self
    }

    /// With a secret to take out of the JSON answer, from a JSON Pointer.
    #[must_use]
    pub fn capture_secret(self, pointer: &str, name: &str) -> Self {
        self.capture(CaptureSource::Json(pointer.to_owned()), CaptureTarget::Secret(name.to_owned()))
    }

    /// With private data to take out of the JSON answer, such as a VIN or a position: the connector gets a
    /// mark.
    #[must_use]
    pub fn hide(self, pointers: &[&str]) -> Self {
        pointers.iter().fold(self, |request, pointer| {
            request.capture(CaptureSource::Json((*pointer).to_owned()), CaptureTarget::Private)
        })
    }

    /// With a secret to take out of a header of the answer.
    #[must_use]
    pub fn capture_header(self, header: &str, name: &str) -> Self {
        self.capture(CaptureSource::Header(header.to_owned()), CaptureTarget::Secret(name.to_owned()))
    }

    /// With a secret to take out of a cookie that the answer sets.
    #[must_use]
    pub fn capture_cookie(self, cookie: &str, name: &str) -> Self {
        self.capture(CaptureSource::Cookie(cookie.to_owned()), CaptureTarget::Secret(name.to_owned()))
    }

    /// With a secret to take out of a parameter of the URL in a header:
    /// `.capture_header_parameter("location", "code", "authorization-code")`.
    #[must_use]
    pub fn capture_header_parameter(self, header: &str, parameter: &str, name: &str) -> Self {
        let source = CaptureSource::HeaderParameter((header.to_owned(), parameter.to_owned()));
        self.capture(source, CaptureTarget::Secret(name.to_owned()))
    }

    /// With a secret to take out of a parameter of the URL that stands at a JSON Pointer.
    #[must_use]
    pub fn capture_json_parameter(self, pointer: &str, parameter: &str, name: &str) -> Self {
        let source = CaptureSource::JsonParameter((pointer.to_owned(), parameter.to_owned()));
        self.capture(source, CaptureTarget::Secret(name.to_owned()))
    }

    /// With a secret to take out of a claim of the secret `token`, a JSON Web Token.
    #[must_use]
    pub fn capture_claim(self, token: &str, claim: &str, name: &str) -> Self {
        let source = CaptureSource::Claim((token.to_owned(), claim.to_owned()));
        self.capture(source, CaptureTarget::Secret(name.to_owned()))
    }

    /// With a public key to take out of the JSON answer, for [`seal`].
    #[must_use]
    pub fn capture_public_key(self, pointer: &str, name: &str) -> Self {
        self.capture(CaptureSource::Json(pointer.to_owned()), CaptureTarget::PublicKey(name.to_owned()))
    }

    /// With a value to take out of the answer.
    #[must_use]
    pub fn capture(mut self, source: CaptureSource, target: CaptureTarget) -> Self {
        self.captures.push(Capture { source, target });
        self
    }

    /// With the cookie jar of this name.
    #[must_use]
    pub fn jar(mut self, name: &str) -> Self {
        self.jar = Some(name.to_owned());
        self
    }

    /// With another wait for the answer than the host's 30 s, in milliseconds; 120,000 at most.
    #[must_use]
    pub fn timeout(mut self, milliseconds: Milliseconds) -> Self {
        self.timeout = Some(milliseconds);
        self
    }

    /// As one because of which the vehicle may act. All that keeps a door from being unlocked twice rests on
    /// this.
    #[must_use]
    pub fn acts_on_vehicle(mut self) -> Self {
        self.acts_on_vehicle = true;
        self
    }

    /// Sends it once, as a part of `phase`.
    ///
    /// # Errors
    ///
    /// There is no answer. Whatever the cloud answers is an [`Answer`].
    pub fn send(self, phase: Phase) -> Result<Answer, Failure> {
        let doing = Doing { phase, acts: self.acts_on_vehicle };
        match host::send(&self) {
            Ok(response) => Ok(Answer::new(response, doing)),
            Err(error) => Err(failure::of_transport(doing, &error)),
        }
    }
}

/// Text, with placeholders, to compute over.
#[must_use]
pub fn text(text: impl Into<String>) -> Piece {
    Piece::Text(text.into())
}

/// The pieces themselves, one after the other.
#[must_use]
pub fn join(pieces: impl Into<Vec<Piece>>, encoding: Encoding) -> Computation {
    Computation::Join(Joined { pieces: pieces.into(), encoding })
}

/// SHA-256 of the pieces.
#[must_use]
pub fn sha256(pieces: impl Into<Vec<Piece>>, encoding: Encoding) -> Computation {
    Computation::Sha256(Joined { pieces: pieces.into(), encoding })
}

/// HMAC with SHA-256 of `message`, under `key`.
#[must_use]
pub fn hmac_sha256(
    key: impl Into<Vec<Piece>>,
    message: impl Into<Vec<Piece>>,
    encoding: Encoding,
) -> Computation {
    Computation::HmacSha256(Keyed { key: key.into(), message: message.into(), encoding })
}

/// The pieces, readable by nobody but the holder of the private key to the public key of this name
/// (RSAES-PKCS1-v1_5).
#[must_use]
pub fn seal(public_key: &str, pieces: impl Into<Vec<Piece>>, encoding: Encoding) -> Computation {
    let public_key = public_key.to_owned();
    Computation::RsaPkcs1(Sealed { public_key, pieces: pieces.into(), encoding })
}
