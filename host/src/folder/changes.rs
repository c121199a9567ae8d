//! Changes of a folder that the operating system told of since the last look: at most one for each name, so
//! any number of them takes the same memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Event, EventKind};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::ENDING;

/// Number of unknown names that are complained about; more than that would not be read.
const UNKNOWN: usize = 32;

/// The last change of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// A file was moved to it.
    Moved,
    /// A file has it; how it came there was not seen.
    Present,
    /// The file is being made or written to.
    Writing,
    /// The file was closed after it had been written to.
    Written,
}

impl Change {
    /// Combines this change of a name with a later one.
    fn then(self, later: Self) -> Self {
        match (self, later) {
            (_, Self::Moved) => later,
            // A writer may have opened the file before another one was moved to its name, and a look shows
            // what is known already.
            (Self::Moved, _) | (_, Self::Present) => self,
            (Self::Written, Self::Writing) => self,
            (Self::Present | Self::Writing | Self::Written, Self::Writing | Self::Written) => later,
        }
    }
}

/// Changes since the last look.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Changes of the names that are waited for.
    pub names: BTreeMap<String, Change>,
    /// Components with names that are not waited for, as people see them.
    pub unknown: Vec<String>,
    /// Whether changes were lost.
    pub lost: bool,
    /// Whether the folder itself was removed or moved away.
    pub gone: bool,
}

impl News {
    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.unknown.is_empty() && !self.lost && !self.gone
    }
}

#[derive(Debug)]
pub(super) struct Changes {
    folder: PathBuf,
    /// Names that are waited for, without their ending.
    pub names: BTreeSet<String>,
    news: Mutex<Gathered>,
    something: Notify,
}

#[derive(Debug, Default)]
struct Gathered {
    news: News,
    /// Unknown names that were reported.
    told: BTreeSet<String>,
}

impl Changes {
    pub fn new(folder: &Path, names: impl IntoIterator<Item = String>) -> Self {
        Self {
            folder: folder.to_owned(),
            names: names.into_iter().collect(),
            news: Mutex::default(),
            something: Notify::new(),
        }
    }

    /// Waits until something has happened, and returns it.
    pub async fn next(&self) -> News {
        loop {
            let news = std::mem::take(&mut self.gathered().news);
            if !news.is_empty() {
                return news;
            }
            self.something.notified().await;
        }
    }

    /// Forgets the changes.
    pub fn forget(&self) {
        self.gathered().news = News::default();
    }

    /// Marks everything in the folder as present, to be looked at.
    pub fn look(&self) -> std::io::Result<()> {
        for file in std::fs::read_dir(&self.folder)? {
            self.name(&file?.file_name().to_string_lossy(), Change::Present);
        }
        self.wake();
        Ok(())
    }

    /// Wakes the waiting reader.
    fn wake(&self) {
        self.something.notify_one();
    }

    /// Records an event of the operating system. Never blocks.
    pub fn tell(&self, event: notify::Result<Event>) {
        let Ok(event) = event else {
            tracing::warn!("the watch of {} is incomplete: {event:?}", self.folder.display());
            self.gathered().news.lost = true;
            self.wake();
            return;
        };
        if event.need_rescan() {
            self.gathered().news.lost = true;
        }
        let change = match event.kind {
            // Where the system does not tell the two names of a move apart, looking tells.
            EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Any)) => Some(Change::Moved),
            EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)) => {
                Some(Change::Writing)
            }
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Change::Written),
            _ => None,
        };
        let leaves = matches!(
            event.kind,
            EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(RemoveKind::Folder)
        );
        for path in &event.paths {
            if *path == self.folder {
                self.gathered().news.gone |= leaves;
            } else if let (Some(change), Some(name)) = (change, path.file_name()) {
                self.name(&name.to_string_lossy(), change);
            }
        }
        self.wake();
    }

    /// Records a change of a name.
    fn name(&self, name: &str, change: Change) {
        let Some(stem) = name.strip_suffix(ENDING).filter(|_| !name.starts_with('.')) else { return };
        let mut gathered = self.gathered();
        if self.names.contains(stem) {
            let known = gathered.news.names.get(stem);
            let change = known.map_or(change, |known| known.then(change));
            gathered.news.names.insert(stem.to_owned(), change);
        } else if gathered.told.len() < UNKNOWN && gathered.told.insert(name.to_owned()) {
            gathered.news.unknown.push(name.to_owned());
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.news.lock()
    }
}
