//! Derivations: what the host computes over secrets, so that no guest has to hold them.
//!
//! Nothing here sends anything or knows a secret by itself: the module is told of a request what a plan needs
//! ([`Outline`]), and asked for the values while they are computed ([`Material`]).
//!
//! # Which placeholder may stand where
//!
//! A request has *places*: the URL, each header, the body. A derivation *reads* what it is computed over: the
//! derivations whose placeholders stand in its texts, and of a place that one of its pieces names the
//! derivations whose placeholders stand there. There is one rule:
//!
//! > A derivation reads only derivations that come before it in the list.
//!
//! All else follows. What is computed over nothing of the request may stand anywhere. What is computed over
//! the body stands in the URL and in headers; what is computed over a header stands in the URL, in the body
//! and in the other headers; and by reading the place itself, or a derivation that has read it, no derivation
//! gets back to where it stands. Nothing reads the URL, so everything may stand there. A cycle of any length
//! needs a step from a derivation to itself or to a later one, and that step is found when the request is
//! [planned](Plan::new), before any secret is looked up. A list whose order is wrong is refused, too: it is
//! not sorted for the guest, which says itself in which order things are computed.
//!
//! # Two phases
//!
//! *Planning* sees what the guest wrote and no value. It finds every error of form, and says of each
//! derivation which secrets it is made of ([`Ingredients`](outline::Ingredients)), so that the host can check their endpoints and
//! classes, and count them as sent, before it computes anything. *Evaluation* computes in the order of the
//! list. The body is put together once, when the first derivation reads it; by the rule all that stands in it
//! is known then, and the same bytes are what is sent ([`Derived::body`]).
//!
//! # How large it can get
//!
//! A text may hold a derived value many times, and that value another one, so sizes multiply. What is
//! computed over, and what is put into a place, is therefore bounded by [`LARGEST`]. The bound is on the size
//! at worst, in which every secret counts as the largest: whether a request fits tells nothing of a secret's
//! length.

mod digests;
mod encoding;
mod evaluation;
mod outline;
mod plan;
mod reading;
mod rsa;

pub(super) use self::encoding::{Encoding, decode_base64url};
pub(super) use self::evaluation::{Derived, Material, Stands, Values};
pub(super) use self::outline::{Outline, Written};
pub(super) use self::plan::Plan;
pub(super) use self::rsa::{KeyError, PublicKey, SealError};

/// Most derivations of one request.
pub(super) const MOST_DERIVATIONS: usize = 16;

/// Most pieces of one derivation, those of its key counted in.
pub(super) const MOST_PIECES: usize = 32;

/// The largest size, in bytes and at worst, of what one derivation is computed over, and of what secrets and
/// derived values make of one place. Ten times what the largest signed request known has.
pub(super) const LARGEST: u64 = 4 << 20;

/// A value that the host computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Derivation {
    /// Its name, `[a-z0-9-]+`.
    pub(super) name: String,
    /// How it is computed.
    pub(super) how: Computation,
}

/// A computation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Computation {
    /// HMAC with SHA-256 (RFC 2104, FIPS 180-4).
    HmacSha256 {
        /// The key: pieces [`Piece::Text`] only.
        key: Vec<Piece>,
        /// What is signed.
        message: Vec<Piece>,
        /// How the result is written.
        encoding: Encoding,
    },
    /// SHA-256 (FIPS 180-4).
    Sha256 {
        /// What is digested.
        pieces: Vec<Piece>,
        /// How the result is written.
        encoding: Encoding,
    },
    /// RSAES-PKCS1-v1_5 (RFC 8017 §7.2).
    RsaPkcs1 {
        /// The name of a captured public key.
        public_key: String,
        /// What is sealed.
        pieces: Vec<Piece>,
        /// How the result is written.
        encoding: Encoding,
    },
    /// The pieces themselves.
    Join {
        /// The pieces.
        pieces: Vec<Piece>,
        /// How the result is written.
        encoding: Encoding,
    },
}

impl Computation {
    /// The pieces of the key, if there is one, and those that are computed over.
    fn pieces(&self) -> (&[Piece], &[Piece]) {
        match self {
            Self::HmacSha256 { key, message, .. } => (key, message),
            Self::Sha256 { pieces, .. } | Self::RsaPkcs1 { pieces, .. } | Self::Join { pieces, .. } => {
                (&[], pieces)
            }
        }
    }

    fn encoding(&self) -> Encoding {
        match self {
            Self::HmacSha256 { encoding, .. }
            | Self::Sha256 { encoding, .. }
            | Self::RsaPkcs1 { encoding, .. }
            | Self::Join { encoding, .. } => *encoding,
        }
    }
}

/// A part of what is computed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, with placeholders of secrets, of the vehicle and of earlier derivations.
    Text(String),
    /// The value of this header as it is sent; of several their values with `, ` between them.
    Header(String),
    /// The body as it is sent.
    Body,
    /// The body without the ASCII characters space, tab, line feed, carriage return, form feed and vertical
    /// tab.
    BodyWithoutWhiteSpace,
    /// Milliseconds since 1970-01-01T00:00:00Z; before that 0.
    TimeMs,
    /// Seconds since then, rounded down.
    TimeS,
}

/// Reason why a request's derivations cannot be computed. Names derivations and places, never a value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum DerivationError {
    /// There are more than [`MOST_DERIVATIONS`].
    #[error("more than {MOST_DERIVATIONS} derivations")]
    TooMany,
    /// The derivation at this place of the list, from 1, has no name of the form `[a-z0-9-]+`.
    #[error("the name of derivation {0} is not made of a-z, 0-9 and -")]
    Name(usize),
    /// Two derivations have this name.
    #[error("two derivations are called {0}")]
    Twice(String),
    /// This derivation has more than [`MOST_PIECES`].
    #[error("the derivation {0} has more than {MOST_PIECES} pieces")]
    TooManyPieces(String),
    /// The result of this derivation is no text, and [`Encoding::Text`] is asked for.
    #[error("the derivation {0} is written as text, which only joined pieces are")]
    NotText(String),
    /// The key of this derivation has a piece that is no text.
    #[error("the key of the derivation {0} has a piece that is not text")]
    Key(String),
    /// A derivation reads a header that the request does not have.
    #[error("the derivation {name} is computed over the header {header:?}, which the request does not have")]
    NoHeader {
        /// The derivation.
        name: String,
        /// The header, as the derivation writes it.
        header: String,
    },
    /// A placeholder names no derivation of this request.
    #[error("{{derived:{name}}} in {place} is no derivation of this request")]
    Unknown {
        /// Where the placeholder stands.
        place: String,
        /// What it names.
        name: String,
    },
    /// A derivation stands in what it is computed over.
    #[error("the derivation {name} is computed over {place} and stands in it")]
    Itself {
        /// The derivation.
        name: String,
        /// Where it stands.
        place: String,
    },
    /// A derivation reads one that is computed after it.
    #[error("the derivation {name} is computed over {place}, in which the later derivation {later} stands")]
    Later {
        /// The derivation.
        name: String,
        /// Where the later one stands.
        place: String,
        /// The later one.
        later: String,
    },
    /// What is computed over, or put into a place, may be larger than [`LARGEST`].
    #[error("{0} may become larger than {LARGEST} bytes")]
    TooLarge(String),
    /// No public key of this name was captured.
    #[error(
        "the derivation {name} is sealed with the public key {key:?}, which no answer of this call has given"
    )]
    NoPublicKey {
        /// The derivation.
        name: String,
        /// The key's name.
        key: String,
    },
    /// What is to be sealed does not fit the public key, or there is no randomness.
    #[error("the derivation {name} cannot be sealed: {why}")]
    Sealing {
        /// The derivation.
        name: String,
        /// Why not.
        why: SealError,
    },
    /// The pieces are to be written as text and are none.
    #[error("the pieces of the derivation {0} are not UTF-8")]
    NotUtf8(String),
}

#[cfg(test)]
mod tests;
