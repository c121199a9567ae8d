//! What somebody wants to be active.

use crate::plugin::{Compiled, Trial};

/// A component that somebody wants to be active.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The component.
    pub component: Offered,
    /// Its detached signature: the text of a minisign signature file.
    pub signature: Option<String>,
    /// Whose wish it is, for the record.
    pub by: String,
    /// How much it has to show.
    pub trial: Trial,
    /// Where the same component may come from again at the next start, where it is not to be taken for a new one.
    pub source: Option<Source>,
}

/// A component as it is offered.
#[derive(Debug, Clone)]
pub enum Offered {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// Compiled already, in the sandbox of the slot.
    Compiled(Compiled),
}

/// A place that is looked at with every start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The file that the configuration names.
    Configuration,
    /// The watched folder.
    Folder,
}

impl Source {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Folder => "folder",
        }
    }
}

impl Offer {
    /// The bytes of a component, as somebody offers them.
    #[must_use]
    pub fn new(component: impl Into<Vec<u8>>, by: impl Into<String>) -> Self {
        Self::of(Offered::Bytes(component.into()), by.into())
    }

    /// A component that is compiled already, by the program that embeds the host.
    #[must_use]
    pub fn compiled(component: Compiled, by: impl Into<String>) -> Self {
        Self::of(Offered::Compiled(component), by.into())
    }

    fn of(component: Offered, by: String) -> Self {
        Self { component, signature: None, by, trial: Trial::Full, source: None }
    }

    /// With a detached signature, if there is one.
    #[must_use]
    pub fn signed(self, signature: Option<String>) -> Self {
        Self { signature, ..self }
    }

    /// Accepted even if it judges known failures wrongly: to be measured, or shown. Only programs that embed the host
    /// can say so.
    #[must_use]
    pub fn without_trial(self) -> Self {
        Self { trial: Trial::Waived, ..self }
    }

    /// Found in a place that is looked at again with every start.
    #[must_use]
    pub fn found_in(self, source: Source) -> Self {
        Self { source: Some(source), ..self }
    }
}

impl Offered {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Compiled(compiled) => &compiled.bytes,
        }
    }
}
