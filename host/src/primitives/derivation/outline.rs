//! Outlines: what is known of a request before its values are, and what is known of a derived value.

use std::collections::BTreeSet;

/// What is known of a request before its values are.
#[derive(Debug)]
pub(in crate::primitives) struct Outline<'r> {
    /// The URL as the guest wrote it.
    pub(in crate::primitives) url: &'r str,
    /// Every header that is sent, those of the host too, with its name in any case. Those that are not listed
    /// cannot be computed over.
    pub(in crate::primitives) headers: Vec<(&'r str, Written<'r>)>,
    /// The body.
    pub(in crate::primitives) body: Written<'r>,
}

/// What stands in a header or the body.
#[derive(Debug)]
pub(in crate::primitives) enum Written<'r> {
    /// Texts of the guest's in which placeholders are filled: one of a header or of JSON, of a form one for
    /// each value and name.
    Template(Vec<&'r str>),
    /// Something in which no placeholder is filled: what the host sets itself, cookies, bytes.
    Fixed {
        /// Its size, or a bound of it that tells no secret's length, in bytes.
        size: usize,
        /// Whether there are secrets in it, as in cookies.
        secret: bool,
    },
}

/// What a derived value is made of. A value is as secret as that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::primitives) struct Ingredients {
    /// The secrets that stand in the key of a derivation.
    pub(in crate::primitives) keys: BTreeSet<String>,
    /// The secrets that stand anywhere else. One of class `key` is denied here. May have names in common with
    /// `keys`.
    pub(in crate::primitives) secrets: BTreeSet<String>,
    /// What of the vehicle is in it, such as `vin`.
    pub(in crate::primitives) vehicle: BTreeSet<String>,
    /// Whether secrets without a name are in it, such as cookies.
    pub(in crate::primitives) unnamed: bool,
}

impl Ingredients {
    /// Whether nothing secret or private is in it.
    pub(in crate::primitives) fn is_public(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.keys.extend(other.keys.iter().cloned());
        self.secrets.extend(other.secrets.iter().cloned());
        self.vehicle.extend(other.vehicle.iter().cloned());
        self.unnamed |= other.unnamed;
    }
}
