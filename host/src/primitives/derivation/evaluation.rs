//! Evaluation: the derived values of one request.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::digests::{hmac_sha256, sha256};
use super::plan::Plan;
use super::reading::SEPARATOR;
use super::rsa::PublicKey;
use super::{Computation, Derivation, DerivationError, Piece};
use crate::primitives::placeholder::{Part, Placeholder, parts};

/// Source of bytes that nobody can guess, which fills what it is given or fails.
pub(in crate::primitives) type Random<'r> = &'r mut dyn FnMut(&mut [u8]) -> io::Result<()>;

/// Place in a derivation where a secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::primitives) enum Stands {
    /// In the key of a keyed digest: the only place for a secret of class `key`.
    InKey,
    /// In what is computed over.
    Elsewhere,
}

/// What a request gives to its derivations.
///
/// Nothing is asked for that the plan has not named: see [`Plan::ingredients`].
pub(in crate::primitives) trait Material {
    /// Reason why there is no value.
    type Error: From<DerivationError>;

    /// Returns the value of a secret.
    ///
    /// # Errors
    ///
    /// When there is none, or it may not stand there or not be sent with this request.
    fn secret(&mut self, name: &str, stands: Stands) -> Result<&str, Self::Error>;

    /// Returns what identifies the vehicle, by the name in `{vehicle:name}`.
    ///
    /// # Errors
    ///
    /// When there is no such thing, or it is not known.
    fn vehicle(&mut self, name: &str) -> Result<&str, Self::Error>;

    /// Returns the public key that was captured by this name.
    fn public_key(&self, name: &str) -> Option<&PublicKey>;

    /// Returns the values of the headers of this name in any case, in the order in which they are sent, as
    /// they are sent. `earlier` has every derived value that stands in them.
    ///
    /// # Errors
    ///
    /// When a value cannot be put together.
    fn header(&mut self, name: &str, earlier: &Values<'_>) -> Result<Vec<Zeroizing<Vec<u8>>>, Self::Error>;

    /// Returns the body as it is sent. `earlier` has every derived value that stands in it. Asked for at most
    /// once.
    ///
    /// # Errors
    ///
    /// When it cannot be put together.
    fn body(&mut self, earlier: &Values<'_>) -> Result<Zeroizing<Vec<u8>>, Self::Error>;
}

/// Derived values by name.
#[derive(Debug, Default)]
pub(in crate::primitives) struct Values<'r>(BTreeMap<&'r str, SecretString>);

impl Values<'_> {
    /// Returns the value of a derivation; none if it is not computed, or not yet.
    pub(in crate::primitives) fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }

    /// Every value, with its name.
    pub(in crate::primitives) fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }
}

/// The derived values of a request, and what they were computed over.
pub(in crate::primitives) struct Derived<'r> {
    /// The values of all derivations.
    pub(in crate::primitives) values: Values<'r>,
    /// The body if a derivation was computed over it. These bytes are to be sent and no others.
    pub(in crate::primitives) body: Option<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Derived<'_> {
    /// The body is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Derived").field("values", &self.values).finish_non_exhaustive()
    }
}

impl<'r> Plan<'r> {
    /// Computes every derivation, in order, at one instant.
    ///
    /// # Errors
    ///
    /// Those of `material`; and when a public key is not there or too small for what is sealed, when there is
    /// no randomness, or when bytes are to be written as text and are not UTF-8.
    pub(in crate::primitives) fn evaluate<M: Material>(
        &self,
        material: &mut M,
        now: Timestamp,
        random: Random<'_>,
    ) -> Result<Derived<'r>, M::Error> {
        let mut evaluation = Evaluation { material, now, random, values: Values::default(), body: None };
        for derivation in self.derivations {
            let value = evaluation.derive(derivation)?;
            evaluation.values.0.insert(&derivation.name, value);
        }
        Ok(Derived { values: evaluation.values, body: evaluation.body })
    }
}

struct Evaluation<'e, 'r, M> {
    material: &'e mut M,
    now: Timestamp,
    random: Random<'e>,
    values: Values<'r>,
    body: Option<Zeroizing<Vec<u8>>>,
}

impl<M: Material> Evaluation<'_, '_, M> {
    fn derive(&mut self, derivation: &Derivation) -> Result<SecretString, M::Error> {
        let Derivation { name, how } = derivation;
        let bytes = match how {
            Computation::HmacSha256 { key, message, .. } => {
                let key = self.join(key, Stands::InKey)?;
                hmac_sha256(&key, &self.join(message, Stands::Elsewhere)?)
            }
            Computation::Sha256 { pieces, .. } => sha256(&self.join(pieces, Stands::Elsewhere)?),
            Computation::RsaPkcs1 { public_key, pieces, .. } => {
                let no_key = || DerivationError::NoPublicKey { name: name.clone(), key: public_key.clone() };
                // Before a secret is asked for, which may count it.
                self.material.public_key(public_key).ok_or_else(no_key)?;
                let pieces = self.join(pieces, Stands::Elsewhere)?;
                let key = self.material.public_key(public_key).ok_or_else(no_key)?;
                let sealed = key.encrypt(&pieces, self.random);
                let sealed = sealed.map_err(|why| DerivationError::Sealing { name: name.clone(), why })?;
                Zeroizing::new(sealed)
            }
            Computation::Join { pieces, .. } => self.join(pieces, Stands::Elsewhere)?,
        };
        let text = how.encoding().encode(&bytes);
        let text = text.ok_or_else(|| DerivationError::NotUtf8(name.clone()))?;
        Ok(SecretString::from(text.as_str()))
    }

    /// Puts pieces one after the other.
    fn join(&mut self, pieces: &[Piece], stands: Stands) -> Result<Zeroizing<Vec<u8>>, M::Error> {
        let mut joined = Zeroizing::new(Vec::new());
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.fill(text, stands, &mut joined)?,
                Piece::Header(name) => {
                    let values = self.material.header(name, &self.values)?;
                    for (at, value) in values.iter().enumerate() {
                        if at > 0 {
                            joined.extend_from_slice(SEPARATOR);
                        }
                        joined.extend_from_slice(value);
                    }
                }
                Piece::Body => joined.extend_from_slice(self.body()?),
                Piece::BodyWithoutWhiteSpace => {
                    joined.extend(self.body()?.iter().filter(|byte| !is_white_space(**byte)));
                }
                Piece::TimeMs => joined.extend_from_slice(self.milliseconds().to_string().as_bytes()),
                Piece::TimeS => {
                    joined.extend_from_slice((self.milliseconds() / 1_000).to_string().as_bytes())
                }
            }
        }
        Ok(joined)
    }

    /// Appends a text with its placeholders filled. Values are not searched for placeholders.
    fn fill(&mut self, text: &str, stands: Stands, joined: &mut Vec<u8>) -> Result<(), M::Error> {
        for part in parts(text) {
            let value = match part {
                Part::Text(text) => text,
                Part::Placeholder(Placeholder::Secret(name)) => self.material.secret(name, stands)?,
                Part::Placeholder(Placeholder::Vehicle(name)) => self.material.vehicle(name)?,
                Part::Placeholder(Placeholder::Derived(name)) => {
                    // The plan has made sure that there is one.
                    let unknown = || DerivationError::Unknown {
                        place: "its own text".to_owned(),
                        name: name.to_owned(),
                    };
                    self.values.get(name).ok_or_else(unknown)?.expose_secret()
                }
            };
            joined.extend_from_slice(value.as_bytes());
        }
        Ok(())
    }

    /// Returns the body, which is put together when it is first asked for.
    fn body(&mut self) -> Result<&[u8], M::Error> {
        let body = match self.body.take() {
            Some(body) => body,
            None => self.material.body(&self.values)?,
        };
        Ok(self.body.insert(body))
    }

    /// Milliseconds since 1970. Before that there was nothing to sign.
    fn milliseconds(&self) -> i64 {
        self.now.as_millisecond().max(0)
    }
}

/// Whether a byte is white space as signers take it out of a body: space, tab, line feed, vertical tab, form
/// feed, carriage return. `is_ascii_whitespace` leaves the vertical tab in.
fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
