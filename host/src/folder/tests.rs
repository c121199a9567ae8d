//! Tests of the folder when the operating system did not tell everything.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{DataChange, Flag, ModifyKind};
use notify::{Event, EventKind};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::Found;
use super::changes::Changes;
use super::watch::{self, Watch};

/// A folder from which no change is told, as if all of them were lost.
struct Deaf {
    dir: TempDir,
    changes: Arc<Changes>,
    finds: mpsc::Receiver<Found>,
}

impl Deaf {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["plugins", "elsewhere"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let names = || ["one", "two"].map(str::to_owned);
        let changes = Arc::new(Changes::new(&dir.path().join("plugins"), names()));
        let elsewhere = dir.path().join("elsewhere");
        let watcher = watch::begin(&elsewhere, &Arc::new(Changes::new(&elsewhere, names()))).unwrap();
        let (found, finds) = mpsc::channel(4);
        let watch = Watch::new(dir.path().join("plugins"), Arc::clone(&changes), found);
        tokio::spawn(watch.run(watcher));
        Self { dir, changes, finds }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("plugins").join(name)
    }

    fn move_in(&self, name: &str, content: &str) {
        let beside = self.dir.path().join("beside");
        fs::write(&beside, content).unwrap();
        fs::rename(beside, self.path(name)).unwrap();
    }

    /// Reports that changes were lost, and returns what is found then.
    async fn overflow(&mut self) -> (String, Vec<u8>) {
        self.changes.tell(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        let found = tokio::time::timeout(Duration::from_secs(60), self.finds.recv()).await;
        match found.expect("found in time").unwrap() {
            Found::Component { slot_file, component, .. } => (slot_file, component),
            Found::Refused { slot_file, why } => (slot_file, why.into_bytes()),
        }
    }
}

#[tokio::test]
async fn after_lost_changes_everything_is_looked_at_but_what_was_seen_before() {
    let mut deaf = Deaf::new();
    deaf.move_in("one.wasm", "first");
    assert_eq!(deaf.overflow().await, ("one".to_owned(), b"first".to_vec()));

    // The same file with something else in it was not moved in.
    fs::write(deaf.path("one.wasm"), "written in place").unwrap();
    deaf.move_in("two.wasm", "second");
    let (name, why) = deaf.overflow().await;
    assert!(name == "one" && String::from_utf8_lossy(&why).contains("written in place"));
    assert_eq!(deaf.overflow().await, ("two".to_owned(), b"second".to_vec()));

    // The old one keeps its number for as long as it has another name.
    fs::hard_link(deaf.path("one.wasm"), deaf.dir.path().join("kept")).unwrap();
    deaf.move_in("one.wasm", "third");
    assert_eq!(deaf.overflow().await, ("one".to_owned(), b"third".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_begins_to_write_before_it_has_settled_is_not_taken() {
    let mut deaf = Deaf::new();
    deaf.move_in("one.wasm", "half");
    fs::create_dir(deaf.path("two.wasm")).unwrap();
    // The second is refused when the first is read, and no time passes until that is taken.
    assert_eq!(deaf.overflow().await.0, "two");
    let writing = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    deaf.changes.tell(Ok(Event::new(writing).add_path(deaf.path("one.wasm"))));
    // Made before the other one goes, so that it is another one by its number as well.
    fs::write(deaf.dir.path().join("whole"), "whole").unwrap();
    fs::remove_dir(deaf.path("two.wasm")).unwrap();
    fs::rename(deaf.dir.path().join("whole"), deaf.path("two.wasm")).unwrap();
    // It would be settled before the second.
    assert_eq!(deaf.overflow().await, ("two".to_owned(), b"whole".to_vec()));
}

#[tokio::test]
async fn what_is_being_written_is_not_taken_by_looking() {
    let mut deaf = Deaf::new();
    deaf.move_in("one.wasm", "half");
    let writing = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    deaf.changes.tell(Ok(Event::new(writing).add_path(deaf.path("one.wasm"))));
    deaf.move_in("two.wasm", "whole");
    // Both are there to be looked at, and `one` would be settled first.
    assert_eq!(deaf.overflow().await, ("two".to_owned(), b"whole".to_vec()));
}
