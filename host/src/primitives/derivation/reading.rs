//! Reading: what a derivation is computed over, and what stands in a place.

use std::collections::BTreeSet;

use super::DerivationError;
use super::outline::{Ingredients, Outline, Written};
use super::plan::Plan;
use crate::primitives::placeholder::{Part, Placeholder, parts};

/// What stands between the values of headers of one name.
pub(super) const SEPARATOR: &[u8] = b", ";

/// Size that a secret counts as, in bytes: the largest that is captured.
const SECRET: u64 = 8 << 10;

/// Size that an identifier of the vehicle counts as, in bytes.
const VEHICLE: u64 = 128;

/// Longest text of an instant, in bytes.
const INSTANT: u64 = 20;

/// Most bytes that a byte becomes in a body or a URL: `\u001f` in JSON, `%1F` elsewhere.
pub(super) const ESCAPED: u64 = 6;

/// What was read of texts and places, in one of two roles.
pub(super) struct Reading<'p> {
    plan: &'p Plan<'p>,
    /// The derivation that reads, which knows those before it; none if all are known.
    reader: Option<&'p str>,
    /// Secrets and parts of the vehicle whose placeholders stand in the texts.
    secrets: BTreeSet<String>,
    vehicle: BTreeSet<String>,
    unnamed: bool,
    /// What the derived values in the texts are made of.
    derived: Ingredients,
    /// Size of what was read at worst, in bytes.
    size: u64,
}

impl<'p> Reading<'p> {
    /// Begins what this derivation reads. The plan has those before it and no others.
    pub(super) fn of(plan: &'p Plan<'p>, reader: &'p str) -> Self {
        Self { reader: Some(reader), ..Self::of_all(plan) }
    }

    /// Begins a look at places when every derivation is planned.
    pub(super) fn of_all(plan: &'p Plan<'p>) -> Self {
        Self {
            plan,
            reader: None,
            secrets: BTreeSet::new(),
            vehicle: BTreeSet::new(),
            unnamed: false,
            derived: Ingredients::default(),
            size: 0,
        }
    }

    /// Size at worst, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What the derived values in it are made of, and nothing else.
    pub(super) fn derived(&self) -> &Ingredients {
        &self.derived
    }

    /// What it is made of.
    pub(super) fn into_ingredients(self) -> Ingredients {
        let Self { secrets, vehicle, unnamed, mut derived, .. } = self;
        derived.add(&Ingredients { secrets, vehicle, unnamed, keys: BTreeSet::new() });
        derived
    }

    /// What it is made of, read as the key of a derivation. Only a secret whose own placeholder stands there
    /// stands in the key: that of a derived value stood where it was derived.
    pub(super) fn into_ingredients_of_key(mut self) -> Ingredients {
        let keys = std::mem::take(&mut self.secrets);
        let mut ingredients = self.into_ingredients();
        ingredients.add(&Ingredients { keys, ..Ingredients::default() });
        ingredients
    }

    /// Reads a text of the derivation itself.
    pub(super) fn text(&mut self, text: &str) -> Result<(), DerivationError> {
        self.template(text, 1, "its own text")
    }

    /// Reads every header of this name. One that the request does not have is an error and not an empty text:
    /// a signature over nothing in its place would be wrong, and nobody could see why.
    pub(super) fn header(&mut self, name: &str, outline: &Outline<'_>) -> Result<(), DerivationError> {
        let mut found = false;
        for (header, written) in outline.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name)) {
            found = true;
            self.place(written, 1, &header_place(header))?;
            self.grow(SEPARATOR.len() as u64, 1);
        }
        let reader = self.reader.unwrap_or_default();
        let missing = || DerivationError::NoHeader { name: reader.to_owned(), header: name.to_owned() };
        found.then_some(()).ok_or_else(missing)
    }

    /// Reads the body.
    pub(super) fn body(&mut self, outline: &Outline<'_>) -> Result<(), DerivationError> {
        self.place(&outline.body, ESCAPED, "the body")
    }

    /// Reads the instant.
    pub(super) fn instant(&mut self) {
        self.grow(INSTANT, 1);
    }

    /// Reads a place, in which a byte becomes at most `factor` bytes.
    pub(super) fn place(
        &mut self,
        written: &Written<'_>,
        factor: u64,
        place: &str,
    ) -> Result<(), DerivationError> {
        match written {
            Written::Template(texts) => texts.iter().try_for_each(|text| self.template(text, factor, place)),
            Written::Fixed { size, secret } => {
                self.grow(*size as u64, 1);
                self.unnamed |= secret;
                Ok(())
            }
        }
    }

    fn template(&mut self, text: &str, factor: u64, place: &str) -> Result<(), DerivationError> {
        for part in parts(text) {
            match part {
                Part::Text(text) => self.grow(text.len() as u64, factor),
                Part::Placeholder(Placeholder::Secret(name)) => {
                    self.grow(SECRET, factor);
                    self.secrets.insert(name.to_owned());
                }
                Part::Placeholder(Placeholder::Vehicle(name)) => {
                    self.grow(VEHICLE, factor);
                    self.vehicle.insert(name.to_owned());
                }
                Part::Placeholder(Placeholder::Derived(name)) => {
                    let planned = self.plan.find(name).ok_or_else(|| self.not_planned(name, place))?;
                    self.grow(planned.longest, factor);
                    self.derived.add(&planned.ingredients);
                }
            }
        }
        Ok(())
    }

    fn grow(&mut self, by: u64, factor: u64) {
        self.size = self.size.saturating_add(by.saturating_mul(factor));
    }

    /// The error for a derived value that is not known where it is read.
    fn not_planned(&self, name: &str, place: &str) -> DerivationError {
        let (name, place) = (name.to_owned(), place.to_owned());
        match self.reader {
            Some(reader) if reader == name => DerivationError::Itself { name, place },
            Some(reader) if self.plan.derivations.iter().any(|it| it.name == name) => {
                DerivationError::Later { name: reader.to_owned(), place, later: name }
            }
            _ => DerivationError::Unknown { place, name },
        }
    }
}

/// Returns the name of a header as a place.
pub(super) fn header_place(name: &str) -> String {
    format!("the header {name}")
}
