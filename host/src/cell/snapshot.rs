//! The cells of an account as one call sees them.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;

use super::Cell;

/// The cells that one call works with: as they were when it began, and as the call itself has seen them
/// since.
#[derive(Debug, Clone, Default)]
pub struct Snapshot(BTreeMap<String, Arc<Cell>>);

impl FromIterator<(String, Arc<Cell>)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (String, Arc<Cell>)>>(cells: I) -> Self {
        Self(cells.into_iter().collect())
    }
}

impl Snapshot {
    /// The cell of this name as the call sees it.
    #[must_use]
    pub fn cell(&self, name: &str) -> Option<&Arc<Cell>> {
        self.0.get(name)
    }

    /// Generation of the cell of this name; 0 if there is none.
    #[must_use]
    pub fn generation(&self, name: &str) -> u64 {
        self.cell(name).map_or(0, |cell| cell.generation)
    }

    /// Shows the call another generation of a cell.
    pub fn pin(&mut self, name: &str, cell: Arc<Cell>) {
        self.0.insert(name.to_owned(), cell);
    }

    /// Shows the call the cell's latest generation again.
    pub fn unpin(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All cells, with their names.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &Arc<Cell>)> {
        self.0.iter().map(|(name, cell)| (name.as_str(), cell))
    }

    /// A secret of any of the cells.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&SecretString> {
        self.0.values().find_map(|cell| cell.secrets.get(name))
    }

    /// Every secret of the cells, with its name.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.values().flat_map(|cell| cell.secrets.iter().map(|(name, secret)| (name.as_str(), secret)))
    }
}
