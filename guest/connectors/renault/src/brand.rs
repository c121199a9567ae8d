//! The brands, and what the vehicle service calls a person's accounts with them.

/// A brand.
#[derive(Debug)]
pub(crate) struct Brand {
    /// As in the configuration.
    pub name: &'static str,
    /// `accountType` of the accounts whose cars are this brand's. A person has others as well, with a dealer
    /// for instance, which have no cars.
    pub account_type: &'static str,
}

/// Alpine's row follows the pattern of the others; nobody has published one of its accounts.
pub(crate) static BRANDS: &[Brand] = &[
    Brand { name: "renault", account_type: "MYRENAULT" },
    Brand { name: "dacia", account_type: "MYDACIA" },
    Brand { name: "alpine", account_type: "MYALPINE" },
];

impl Brand {
    /// The brand that the configuration calls `name`, in any case.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        BRANDS.iter().find(|brand| brand.name.eq_ignore_ascii_case(name))
    }
}
