//! Offers: components that are to become active.

use crate::plugin::{Compiled, Trial};

/// Longest file that is recorded, in bytes.
const LONGEST_FILE: usize = 1_024;

/// A component offered to become the active one.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The component.
    pub component: Offered,
    /// Detached signature: the text of a minisign signature file.
    pub signature: Option<String>,
    /// Requested by, for the record.
    pub by: String,
    /// File that it comes from, for the record.
    pub file: Option<String>,
    /// Extent of the trial.
    pub trial: Trial,
    /// Place where the same component may be found again at the next start, and is not to be taken for a new
    /// one.
    pub source: Option<Source>,
}

/// The offered component, as bytes or compiled.
#[derive(Debug, Clone)]
pub enum Offered {
    /// The bytes of the component.
    Bytes(Vec<u8>),
    /// A component already compiled, in the sandbox of the slot.
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
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Folder => "folder",
        }
    }
}

impl Offer {
    /// Offers the bytes of a component.
    #[must_use]
    pub fn new(component: impl Into<Vec<u8>>, by: impl Into<String>) -> Self {
        Self::of(Offered::Bytes(component.into()), by.into())
    }

    /// Offers a component that is already compiled, by the program that embeds the host.
    #[must_use]
    pub fn compiled(component: Compiled, by: impl Into<String>) -> Self {
        Self::of(Offered::Compiled(component), by.into())
    }

    fn of(component: Offered, by: String) -> Self {
        Self { component, signature: None, by, file: None, trial: Trial::Full, source: None }
    }

    /// Adds a detached signature, if there is one.
    #[must_use]
    pub fn signed(self, signature: Option<String>) -> Self {
        Self { signature, ..self }
    }

    /// Accepts the component even if it judges known failures wrongly: to be measured, or shown. Only
    /// programs that embed the host can set this.
    #[must_use]
    pub fn without_trial(self) -> Self {
        Self { trial: Trial::Waived, ..self }
    }

    /// Names the file that it comes from, if it comes from one. What is longer than a name is cut.
    #[must_use]
    pub fn out_of(self, file: Option<String>) -> Self {
        Self { file: file.map(|file| crate::redact::cut(file, LONGEST_FILE)), ..self }
    }

    /// Names the place it was found in, which is looked at again with every start.
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
