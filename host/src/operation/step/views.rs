//! Views of the cells: what the calls of a step see of them.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use crate::cell::{Cell, Cells, Snapshot};
use crate::primitives::SESSION;

/// The cells as the calls of an operation's steps see them.
#[derive(Debug, Default)]
pub(super) struct Views {
    /// The cells as of the accepted command: a device asks for its own commands' results.
    pinned: Option<Snapshot>,
    /// What the last call saw.
    last: Seen,
}

/// What a call saw of the cells.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) view: Snapshot,
    /// Names of the secrets that its last request carried.
    pub(super) carried: Vec<String>,
}

impl Views {
    pub(super) fn pinned_to(view: Snapshot) -> Self {
        Self { pinned: Some(view), last: Seen::default() }
    }

    /// Has all calls from now on see the cells as the last one saw them.
    pub(super) fn pin_the_last(&mut self) {
        self.pinned = Some(self.last.view.clone());
    }

    /// Lets calls see the present value of a cell again.
    pub(super) fn unpin(&mut self, cell: &str) {
        if let Some(pinned) = &mut self.pinned {
            pinned.unpin(cell);
        }
    }

    /// Records how the last call saw the cells.
    pub(super) fn saw(&mut self, seen: Seen) {
        self.last = seen;
    }

    /// Returns the generation of a cell that the last call saw.
    pub(super) fn generation(&self, cell: &str) -> u64 {
        self.last.view.generation(cell)
    }

    /// Whether the last request of the last call would carry the same with this session as with the one that it saw.
    pub(super) fn would_carry_the_same(&self, session: &Cell) -> bool {
        let Some(seen) = self.last.view.cell(SESSION) else { return false };
        let carried = self.last.carried.iter().filter_map(|name| Some((name, seen.secrets.get(name)?)));
        let mut same = carried.map(|(name, value)| {
            session.secrets.get(name).is_some_and(|other| other.expose_secret() == value.expose_secret())
        });
        same.next().is_some_and(|first| first && same.all(|it| it))
    }

    /// Returns a cell as of the accepted command.
    pub(super) fn pinned(&self, cell: &str) -> Option<&Arc<Cell>> {
        self.pinned.as_ref().and_then(|view| view.cell(cell))
    }

    /// Returns the view of the next call: the pinned cells, but always the present session.
    pub(super) fn of_next_call(&self, cells: &Cells) -> Snapshot {
        let mut view = cells.snapshot();
        if let Some(pinned) = &self.pinned {
            for (name, cell) in pinned.cells().filter(|(name, _)| *name != SESSION) {
                view.pin(name, Arc::clone(cell));
            }
        }
        view
    }
}
