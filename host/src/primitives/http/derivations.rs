//! Derivations of a request, from the interface's records.

use crate::bindings::http as wit;
use crate::primitives::derivation::{Computation, Derivation, Encoding, Piece};

/// Returns the derivations that a guest has written.
pub(in crate::primitives) fn of(derivations: &[wit::Derivation]) -> Vec<Derivation> {
    derivations
        .iter()
        .map(|derivation| Derivation { name: derivation.name.clone(), how: computation(&derivation.how) })
        .collect()
}

fn computation(how: &wit::Computation) -> Computation {
    match how {
        wit::Computation::HmacSha256(wit::Keyed { key, message, encoding }) => Computation::HmacSha256 {
            key: pieces(key),
            message: pieces(message),
            encoding: (*encoding).into(),
        },
        wit::Computation::Sha256(wit::Joined { pieces: of, encoding }) => {
            Computation::Sha256 { pieces: pieces(of), encoding: (*encoding).into() }
        }
        wit::Computation::RsaPkcs1(wit::Sealed { public_key, pieces: of, encoding }) => {
            Computation::RsaPkcs1 {
                public_key: public_key.clone(),
                pieces: pieces(of),
                encoding: (*encoding).into(),
            }
        }
        wit::Computation::Join(wit::Joined { pieces: of, encoding }) => {
            Computation::Join { pieces: pieces(of), encoding: (*encoding).into() }
        }
    }
}

fn pieces(pieces: &[wit::Piece]) -> Vec<Piece> {
    pieces
        .iter()
        .map(|piece| match piece {
            wit::Piece::Text(text) => Piece::Text(text.clone()),
            wit::Piece::Header(name) => Piece::Header(name.clone()),
            wit::Piece::Body => Piece::Body,
            wit::Piece::BodyWithoutWhiteSpace => Piece::BodyWithoutWhiteSpace,
            wit::Piece::TimeMs => Piece::TimeMs,
            wit::Piece::TimeS => Piece::TimeS,
        })
        .collect()
}

impl From<wit::Encoding> for Encoding {
    fn from(encoding: wit::Encoding) -> Self {
        match encoding {
            wit::Encoding::HexLower => Self::HexLower,
            wit::Encoding::HexUpper => Self::HexUpper,
            wit::Encoding::Base64 => Self::Base64,
            wit::Encoding::Base64Unpadded => Self::Base64Unpadded,
            wit::Encoding::Base64urlUnpadded => Self::Base64UrlUnpadded,
            wit::Encoding::Text => Self::Text,
        }
    }
}
