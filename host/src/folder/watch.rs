//! The watch: turns changes into finds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::changes::{Change, Changes, News};
use super::{ENDING, Found};
use crate::component_file::{self, Contents, Identity, Links, Refused};

/// Time that a file which was moved in has to stay as it is before it is taken. A rename is complete at once;
/// this is for a program that writes into the file right after it, and for a file that is replaced at once.
const SETTLED: Duration = Duration::from_millis(20);

/// Time that a file which was there at a look has to stay as it is: one that is written to meanwhile was not
/// moved in.
const UNTOUCHED: Duration = Duration::from_millis(200);

/// Interval at which a folder that is gone is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Begins to watch a folder, and looks at what is there already.
pub(super) fn begin(folder: &Path, changes: &Arc<Changes>) -> notify::Result<RecommendedWatcher> {
    let told = Arc::clone(changes);
    let mut watcher = notify::recommended_watcher(move |event| told.tell(event))?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    // Only now, so that nothing comes between.
    changes.look()?;
    Ok(watcher)
}

/// A file that was read and waits to be taken.
#[derive(Debug)]
struct Fresh {
    contents: Contents,
    due: Instant,
    /// Whether its arrival was not seen.
    unseen: bool,
}

#[derive(Debug)]
pub(super) struct Watch {
    folder: PathBuf,
    changes: Arc<Changes>,
    found: mpsc::Sender<Found>,
    /// Identity of each name's file when it was last looked at.
    seen: BTreeMap<String, Identity>,
    /// Names of files that are written to and not closed yet.
    writing: BTreeSet<String>,
    fresh: BTreeMap<String, Fresh>,
}

impl Watch {
    pub fn new(folder: PathBuf, changes: Arc<Changes>, found: mpsc::Sender<Found>) -> Self {
        let (seen, writing, fresh) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { folder, changes, found, seen, writing, fresh }
    }

    /// Watches until the receiver of the finds is gone.
    pub async fn run(mut self, watcher: RecommendedWatcher) {
        let mut watcher = Some(watcher);
        loop {
            let due = self.fresh.values().map(|fresh| fresh.due).min();
            let settled = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let changes = Arc::clone(&self.changes);
            tokio::select! {
                // Changes first: what was read may not be the latest.
                biased;
                () = self.found.closed() => return,
                news = changes.next() => {
                    if news.gone {
                        // It may still watch the old folder under another name.
                        drop(watcher.take());
                        watcher = Some(self.come_back().await);
                    } else {
                        self.read_the(news).await;
                    }
                }
                () = settled => self.take_settled().await,
            }
        }
    }

    async fn read_the(&mut self, news: News) {
        for name in news.unknown {
            let known: Vec<String> =
                self.changes.names.iter().map(|name| format!("{name}{ENDING}")).collect();
            let known = known.join(", ");
            tracing::warn!("{}: nothing has this name; it may be: {known}", self.folder.join(name).display());
        }
        for (name, change) in news.names {
            match change {
                Change::Moved => {
                    self.writing.remove(&name);
                    self.read(name, false).await;
                }
                Change::Present if self.writing.contains(&name) => {}
                Change::Present if !self.was_seen(&name) => self.read(name, true).await,
                // A file that was looked at before was not moved in, whatever was done to it.
                Change::Present => self.refuse_written(name).await,
                Change::Writing => {
                    self.was_not_moved(&name);
                    self.writing.insert(name);
                }
                Change::Written => {
                    self.writing.remove(&name);
                    self.was_not_moved(&name);
                    self.refuse_written(name).await;
                }
            }
        }
        if news.lost {
            tracing::warn!("{}: changes were missed; looking at all files", self.folder.display());
            if let Err(error) = self.changes.look() {
                tracing::warn!("{}: {error}", self.folder.display());
            }
        }
    }

    /// Drops what was read of a file that was found by looking: it is being written to. The complaint comes
    /// when it is closed, even if the file was read with the last of what was written.
    fn was_not_moved(&mut self, name: &str) {
        if self.fresh.get(name).is_some_and(|fresh| fresh.unseen) {
            self.fresh.remove(name);
            self.seen.remove(name);
        }
    }

    /// Whether the file of this name is the one that was last looked at, changed since or not.
    fn was_seen(&self, name: &str) -> bool {
        let there = Identity::at(&self.path(name));
        there.is_some_and(|there| self.seen.get(name).is_some_and(|seen| seen.inode == there.inode))
    }

    async fn read(&mut self, name: String, unseen: bool) {
        let path = self.path(&name);
        let there = Identity::at(&path);
        match component_file::read_apart(path, Links::Refused).await {
            Ok(contents) => {
                self.seen.insert(name.clone(), contents.identity.clone());
                let due = Instant::now() + if unseen { UNTOUCHED } else { SETTLED };
                self.fresh.insert(name, Fresh { contents, due, unseen });
            }
            Err(refused) if refused.is_absence() => {
                // A file that is replaced or taken away is not meant to be loaded.
                self.fresh.remove(&name);
            }
            Err(Refused::Replaced) => {
                // The file that has taken its place is told of.
                self.fresh.remove(&name);
            }
            Err(refused) => {
                self.fresh.remove(&name);
                self.seen.extend(there.map(|there| (name.clone(), there)));
                self.refuse(name, &refused).await;
            }
        }
    }

    async fn refuse_written(&mut self, name: String) {
        let Some(there) = Identity::at(&self.path(&name)) else { return };
        // The file that was written to may have lost its name to one that was moved in.
        if self.seen.get(&name) == Some(&there) {
            return;
        }
        self.seen.insert(name.clone(), there);
        let why = format!(
            "it was written in place, so nobody can tell whether it is whole; write it beside it as .{name}{ENDING} \
             and move it: mv .{name}{ENDING} {name}{ENDING}"
        );
        self.refuse(name, &why).await;
    }

    /// Reports that a file is not taken, and why.
    async fn refuse(&self, name: String, why: &(dyn Display + Sync)) {
        tracing::warn!("{} is not loaded: {why}", self.path(&name).display());
        self.send(Found::Refused { slot_file: name, why: why.to_string() }).await;
    }

    async fn send(&self, found: Found) {
        // The receiver may be gone: then the loop ends.
        let _closed = self.found.send(found).await;
    }

    async fn take_settled(&mut self) {
        let now = Instant::now();
        let settled = self.fresh.iter().filter(|(_, fresh)| fresh.due <= now);
        let settled: Vec<String> = settled.map(|(name, _)| name.clone()).collect();
        for name in settled {
            let Some(Fresh { contents, unseen, .. }) = self.fresh.remove(&name) else { continue };
            match Identity::at(&self.path(&name)) {
                // It was taken away as soon as it was there.
                None => continue,
                Some(there) if there != contents.identity => {
                    // Either another file was moved in, which is told of, or this one is being written to,
                    // which is complained of when it is closed. Which of them is not known here: numbers of
                    // files are used again.
                    tracing::debug!("{} is another one by now", self.path(&name).display());
                    continue;
                }
                Some(_) => {}
            }
            let Contents { component, signature, .. } = contents;
            self.send(Found::Component { slot_file: name, component, signature, was_there: unseen }).await;
        }
    }

    /// Waits until there is a folder again, and watches that.
    async fn come_back(&mut self) -> RecommendedWatcher {
        let folder = self.folder.display().to_string();
        tracing::warn!("the folder {folder} is gone; nothing is loaded from it until it is back");
        self.seen.clear();
        self.writing.clear();
        self.fresh.clear();
        let mut complained = false;
        loop {
            self.changes.forget();
            let is_there = std::fs::metadata(&self.folder).is_ok_and(|there| there.is_dir());
            match is_there.then(|| begin(&self.folder, &self.changes)) {
                Some(Ok(watcher)) => {
                    tracing::info!("the folder {folder} is back");
                    return watcher;
                }
                Some(Err(error)) if !complained => {
                    complained = true;
                    tracing::warn!("the folder {folder} is back and cannot be watched: {error}");
                }
                Some(Err(_)) | None => {}
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{ENDING}"))
    }
}
