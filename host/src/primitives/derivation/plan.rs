//! Plans: a request's derivations, checked before any value is looked up.

use std::collections::BTreeSet;

use super::outline::{Ingredients, Outline, Written};
use super::reading::{ESCAPED, Reading, header_place};
use super::{
    Computation, Derivation, DerivationError, Encoding, LARGEST, MOST_DERIVATIONS, MOST_PIECES, Piece,
    digests, rsa,
};
use crate::descriptor::is_name;

/// A derivation that was checked.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) ingredients: Ingredients,
    /// The longest that its text can become, in bytes.
    pub(super) longest: u64,
}

/// The derivations of a request, in an order in which they can be computed.
#[derive(Debug)]
pub(in crate::primitives) struct Plan<'r> {
    pub(super) derivations: &'r [Derivation],
    planned: Vec<Planned>,
    /// What the derived values are made of that stand in the URL, a header or the body.
    sent: Ingredients,
}

impl<'r> Plan<'r> {
    /// Checks the derivations of a request. No derivation of a plan reads itself or a later one.
    ///
    /// # Errors
    ///
    /// Every [`DerivationError`] that does not depend on a value.
    pub(in crate::primitives) fn new(
        derivations: &'r [Derivation],
        outline: &Outline<'_>,
    ) -> Result<Self, DerivationError> {
        check_names(derivations)?;
        let mut plan = Self { derivations, planned: Vec::new(), sent: Ingredients::default() };
        for derivation in derivations {
            let planned = plan.check(derivation, outline)?;
            plan.planned.push(planned);
        }
        plan.sent = plan.check_places(outline)?;
        Ok(plan)
    }

    /// What a derived value is made of; none if there is no such derivation.
    pub(in crate::primitives) fn ingredients(&self, name: &str) -> Option<&Ingredients> {
        self.find(name).map(|planned| &planned.ingredients)
    }

    /// Size at worst of all derived values that have to be kept secret, in bytes.
    pub(in crate::primitives) fn secret_size(&self) -> u64 {
        let secret = self.planned.iter().filter(|planned| !planned.ingredients.is_public());
        secret.fold(0, |size, planned| size.saturating_add(planned.longest))
    }

    /// What all derived values that stand in the request are made of: what is sent by them.
    pub(in crate::primitives) fn sent(&self) -> &Ingredients {
        &self.sent
    }

    /// The public keys that something is sealed with, and what that is made of. A key must have come from
    /// where all of it may be sent.
    pub(in crate::primitives) fn sealed(&self) -> impl Iterator<Item = (&str, &Ingredients)> {
        self.derivations.iter().zip(&self.planned).filter_map(|(derivation, planned)| match &derivation.how {
            Computation::RsaPkcs1 { public_key, .. } => Some((public_key.as_str(), &planned.ingredients)),
            _ => None,
        })
    }

    /// The derivation of this name if it is planned already.
    pub(super) fn find(&self, name: &str) -> Option<&Planned> {
        let named = |(derivation, _): &(&Derivation, _)| derivation.name == name;
        self.derivations.iter().zip(&self.planned).find(named).map(|(_, planned)| planned)
    }

    /// Checks a derivation. Those before it are planned, and no others.
    fn check(&self, derivation: &Derivation, outline: &Outline<'_>) -> Result<Planned, DerivationError> {
        let Derivation { name, how } = derivation;
        let (key, pieces) = how.pieces();
        if key.len() + pieces.len() > MOST_PIECES {
            return Err(DerivationError::TooManyPieces(name.clone()));
        }
        if how.encoding() == Encoding::Text && !matches!(how, Computation::Join { .. }) {
            return Err(DerivationError::NotText(name.clone()));
        }
        let mut of_key = Reading::of(self, name);
        for piece in key {
            let Piece::Text(text) = piece else {
                return Err(DerivationError::Key(name.clone()));
            };
            of_key.text(text)?;
        }
        let mut reading = Reading::of(self, name);
        for piece in pieces {
            match piece {
                Piece::Text(text) => reading.text(text)?,
                Piece::Header(header) => reading.header(header, outline)?,
                Piece::Body | Piece::BodyWithoutWhiteSpace => reading.body(outline)?,
                Piece::TimeMs | Piece::TimeS => reading.instant(),
            }
        }
        if of_key.size().saturating_add(reading.size()) > LARGEST {
            return Err(DerivationError::TooLarge(format!("what the derivation {name} is computed over")));
        }
        let size = match how {
            Computation::HmacSha256 { .. } | Computation::Sha256 { .. } => digests::LENGTH,
            Computation::RsaPkcs1 { .. } => rsa::LARGEST_RESULT,
            Computation::Join { .. } => reading.size(),
        };
        let mut ingredients = reading.into_ingredients();
        ingredients.add(&of_key.into_ingredients_of_key());
        Ok(Planned { ingredients, longest: how.encoding().at_most(size) })
    }

    /// Checks what stands in the places of the request. Returns what is sent by derived values.
    fn check_places(&self, outline: &Outline<'_>) -> Result<Ingredients, DerivationError> {
        let url = Written::Template(vec![outline.url]);
        let headers = outline.headers.iter().map(|(name, written)| (header_place(name), written, 1));
        let others = [("the URL".to_owned(), &url, ESCAPED), ("the body".to_owned(), &outline.body, ESCAPED)];
        let mut sent = Ingredients::default();
        for (place, written, factor) in headers.chain(others) {
            let mut reading = Reading::of_all(self);
            reading.place(written, factor, &place)?;
            if reading.size() > LARGEST {
                return Err(DerivationError::TooLarge(place));
            }
            sent.add(reading.derived());
        }
        Ok(sent)
    }
}

fn check_names(derivations: &[Derivation]) -> Result<(), DerivationError> {
    if derivations.len() > MOST_DERIVATIONS {
        return Err(DerivationError::TooMany);
    }
    let mut names = BTreeSet::new();
    for (at, Derivation { name, .. }) in derivations.iter().enumerate() {
        if !is_name(name) {
            // Not quoted: it may be of any length.
            return Err(DerivationError::Name(at + 1));
        }
        if !names.insert(name) {
            return Err(DerivationError::Twice(name.clone()));
        }
    }
    Ok(())
}
