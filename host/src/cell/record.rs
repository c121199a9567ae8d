//! Cells as they are stored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{Cell, Ends};
use crate::time::{end_not_ahead, not_ahead};

/// A cell as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) generation: u64,
    value: Option<String>,
    secrets: BTreeMap<String, String>,
    committed_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    #[serde(default)]
    refresh_expires_at: Option<Timestamp>,
    #[serde(default)]
    grant_ends_at: Option<Timestamp>,
}

impl Record {
    /// The cell as it counts at this time: a commit dated in the future by a clock that was ahead counts as
    /// made now.
    pub(super) fn seen_at(self, now: Timestamp) -> Cell {
        let moved = |end: Option<Timestamp>| {
            self.committed_at.zip(end).map(|(at, end)| end_not_ahead(end, at, now)).or(end)
        };
        let ends = Ends {
            access: moved(self.expires_at),
            refresh: moved(self.refresh_expires_at),
            grant: moved(self.grant_ends_at),
        };
        Cell {
            generation: self.generation,
            value: self.value,
            secrets: self.secrets.into_iter().map(|(name, value)| (name, value.into())).collect(),
            committed_at: self.committed_at.map(|at| not_ahead(at, now)),
            ends,
            since: None,
        }
    }
}

impl From<&Cell> for Record {
    fn from(cell: &Cell) -> Self {
        let secrets = &cell.secrets;
        Self {
            generation: cell.generation,
            value: cell.value.clone(),
            secrets: secrets
                .iter()
                .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
                .collect(),
            committed_at: cell.committed_at,
            expires_at: cell.ends.access,
            refresh_expires_at: cell.ends.refresh,
            grant_ends_at: cell.ends.grant,
        }
    }
}
