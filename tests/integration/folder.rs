//! The watched folder: a file that is moved into it is found, whole, and nothing else is.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tracing_subscriber::fmt::MakeWriter;
use vehicle_connector::folder::{Folder, FolderError, Found};

/// A name that comes after the others in the order in which they are looked at.
const LAST: &str = "z";

/// A folder under watch, and what the watch says of it in the log of this thread.
struct Watched {
    dir: TempDir,
    finds: mpsc::Receiver<Found>,
    log: mpsc::UnboundedReceiver<String>,
    _folder: Folder,
    _logging: tracing::subscriber::DefaultGuard,
}

impl Watched {
    fn empty() -> Self {
        Self::filled(|_| {})
    }

    fn filled(fill: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("plugins")).unwrap();
        fill(&dir.path().join("plugins"));
        Self::over(dir)
    }

    /// With what is there before the watch begins, and one more that is looked at after all of it.
    fn with(fill: impl FnOnce(&Path)) -> Self {
        Self::filled(|folder| {
            fill(folder);
            fs::write(folder.join(format!("{LAST}.wasm")), "the last").unwrap();
        })
    }

    fn over(dir: TempDir) -> Self {
        let (lines, log) = mpsc::unbounded_channel();
        let logging = tracing_subscriber::fmt().with_ansi(false).with_writer(Lines(lines)).finish();
        let logging = testkit::log::listen(logging);
        let names = ["policy", "hyundai-kia-eu", LAST].map(str::to_owned);
        let (folder, finds) = Folder::watch(&dir.path().join("plugins"), names).unwrap();
        Self { dir, finds, log, _folder: folder, _logging: logging }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("plugins").join(name)
    }

    /// Writes a file outside and moves it in.
    fn move_in(&self, name: &str, content: impl AsRef<[u8]>) {
        let outside = self.dir.path().join("outside");
        fs::write(&outside, content).unwrap();
        fs::rename(outside, self.path(name)).unwrap();
    }

    /// What is found next.
    async fn found(&mut self) -> Found {
        let found = tokio::time::timeout(Duration::from_secs(60), self.finds.recv()).await;
        found.expect("found in time").unwrap()
    }

    /// Why what is found next, with the name of a policy, is not taken.
    async fn refused(&mut self) -> String {
        match self.found().await {
            Found::Refused { slot_file, why } if slot_file == "policy" => why,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the log has a line with this in it.
    async fn says(&mut self, what: &str) -> String {
        let line = async {
            loop {
                let line = self.log.recv().await.unwrap();
                if line.contains(what) {
                    return line;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), line).await.expect("said in time")
    }

    /// That nothing that was moved in or refused is left to be found: what is moved in last is found next.
    async fn nothing_found(&mut self) {
        self.move_in("hyundai-kia-eu.wasm", "the last");
        assert_eq!(self.found().await, find("hyundai-kia-eu", "the last", None));
    }

    /// That nothing was found of what was there at the start: the last of that is found next. It is looked at last, and
    /// takes as long as the others to be taken for complete.
    async fn nothing_found_that_was_there(&mut self) {
        assert_eq!(self.found().await, there(LAST, "the last"));
    }
}

/// Sends every line of the log.
#[derive(Clone)]
struct Lines(mpsc::UnboundedSender<String>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _over = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn find(slot_file: &str, component: &str, signature: Option<&str>) -> Found {
    let (slot_file, signature) = (slot_file.to_owned(), signature.map(str::to_owned));
    Found::Component { slot_file, component: component.into(), signature, was_there: false }
}

/// The same of what nobody saw being moved in.
fn there(slot_file: &str, component: &str) -> Found {
    let (slot_file, component) = (slot_file.to_owned(), component.into());
    Found::Component { slot_file, component, signature: None, was_there: true }
}

#[tokio::test]
async fn what_is_moved_in_is_found_with_its_signature() {
    let mut watched = Watched::empty();
    watched.move_in("policy.wasm", "one");
    assert_eq!(watched.found().await, find("policy", "one", None));
    watched.move_in("policy.wasm.minisig", "by me");
    watched.move_in("policy.wasm", "two");
    assert_eq!(watched.found().await, find("policy", "two", Some("by me")));
    // Beside it, as `rsync` and careful people do.
    fs::write(watched.path(".policy.wasm.tmp"), "three").unwrap();
    fs::rename(watched.path(".policy.wasm.tmp"), watched.path("policy.wasm")).unwrap();
    assert_eq!(watched.found().await, find("policy", "three", Some("by me")));
}

#[tokio::test]
async fn what_is_there_already_is_found_at_the_start() {
    let mut watched = Watched::with(|folder| {
        fs::write(folder.join("policy.wasm"), "one").unwrap();
        fs::write(folder.join(".policy.wasm"), "hidden").unwrap();
        fs::write(folder.join("README"), "read me").unwrap();
    });
    assert_eq!(watched.found().await, there("policy", "one"));
    watched.nothing_found_that_was_there().await;
    watched.move_in("policy.wasm", "two");
    assert_eq!(watched.found().await, find("policy", "two", None));
    watched.nothing_found().await;
}

#[tokio::test]
async fn what_is_written_in_place_is_never_found() {
    let mut watched = Watched::empty();
    let mut slowly = File::create(watched.path("policy.wasm")).unwrap();
    for part in ["first", "second"] {
        slowly.write_all(part.as_bytes()).unwrap();
        slowly.sync_all().unwrap();
        watched.nothing_found().await;
    }
    drop(slowly);
    let said = watched.says("written in place").await;
    let why = watched.refused().await;
    assert!(said.contains("policy.wasm is not loaded") && said.contains(&why), "{said}");
    assert!(why.contains("mv .policy.wasm policy.wasm"), "{why}");
    watched.nothing_found().await;

    // The same over one that was moved in.
    watched.move_in("policy.wasm", "good");
    assert_eq!(watched.found().await, find("policy", "good", None));
    fs::write(watched.path("policy.wasm"), "bad").unwrap();
    assert!(watched.refused().await.contains("written in place"));
    watched.nothing_found().await;
}

#[tokio::test]
async fn what_is_there_and_still_being_written_is_not_found() {
    // Whether the watch reads it before or after the second half is left to chance.
    let mut slowly = None;
    let mut watched = Watched::with(|folder| {
        let mut file = File::create(folder.join("policy.wasm")).unwrap();
        file.write_all(b"half").unwrap();
        slowly = Some(file);
    });
    slowly.unwrap().write_all(b" and half").unwrap();
    assert!(watched.refused().await.contains("written in place"));
    watched.nothing_found_that_was_there().await;
}

#[tokio::test]
async fn a_move_over_a_file_that_is_being_written_is_found() {
    let mut watched = Watched::empty();
    let mut slowly = File::create(watched.path("policy.wasm")).unwrap();
    slowly.write_all(b"half of").unwrap();
    watched.move_in("policy.wasm", "whole");
    slowly.write_all(b" something").unwrap();
    assert_eq!(watched.found().await, find("policy", "whole", None));
    // What lost its name is nobody's business any more.
    drop(slowly);
    watched.nothing_found().await;
    while let Ok(line) = watched.log.try_recv() {
        assert!(!line.contains("written in place"), "{line}");
    }
}

#[tokio::test]
async fn of_a_burst_the_last_one_wins_and_none_is_half() {
    let mut watched = Watched::empty();
    let content = |number: usize| format!("{number}").repeat(100_000);
    for number in 0..50 {
        watched.move_in("policy.wasm", content(number));
    }
    loop {
        let Found::Component { component, .. } = watched.found().await else { panic!("refused") };
        let whole = (0..50).find(|number| component == content(*number).as_bytes());
        match whole.expect("one of them, whole") {
            49 => break,
            _earlier => {}
        }
    }
    watched.nothing_found().await;
}

#[tokio::test]
async fn whatever_else_is_put_there_is_refused_and_the_watch_goes_on() {
    let mut watched = Watched::empty();
    let outside = watched.dir.path().join("outside");
    let pipe = std::process::Command::new("mkfifo").arg(&outside).status().unwrap();
    assert!(pipe.success());
    fs::rename(&outside, watched.path("policy.wasm")).unwrap();
    assert!(watched.refused().await.contains("a pipe, a socket or a device"));

    fs::write(watched.dir.path().join("target"), "linked").unwrap();
    std::os::unix::fs::symlink("../target", &outside).unwrap();
    fs::rename(&outside, watched.path("policy.wasm")).unwrap();
    assert!(watched.refused().await.contains("a symbolic link"));

    fs::remove_file(watched.path("policy.wasm")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::rename(&outside, watched.path("policy.wasm")).unwrap();
    assert!(watched.refused().await.contains("a directory"));
    fs::remove_dir(watched.path("policy.wasm")).unwrap();

    File::create(&outside).unwrap().set_len((32 << 20) + 1).unwrap();
    fs::rename(&outside, watched.path("policy.wasm")).unwrap();
    assert!(watched.refused().await.contains("at most 33554432 are read"));

    watched.move_in("policy.wasm.minisig", b"\xff\xfe");
    watched.move_in("policy.wasm", "unsigned");
    assert!(watched.refused().await.contains("signature"));
    watched.nothing_found().await;
}

#[tokio::test]
async fn a_pipe_that_is_there_at_the_start_blocks_nothing() {
    let mut watched = Watched::with(|folder| {
        let pipe = std::process::Command::new("mkfifo").arg(folder.join("policy.wasm")).status().unwrap();
        assert!(pipe.success());
    });
    assert!(watched.refused().await.contains("a pipe"));
    watched.nothing_found_that_was_there().await;
}

#[tokio::test]
async fn an_unknown_name_is_told_once_with_those_that_are_known() {
    let mut watched = Watched::empty();
    watched.move_in("polcy.wasm", "one");
    let said = watched.says("polcy.wasm").await;
    assert!(said.contains("hyundai-kia-eu.wasm, policy.wasm"), "{said}");
    watched.move_in("polcy.wasm", "two");
    watched.move_in("notes.txt", "three");
    watched.nothing_found().await;
    while let Ok(line) = watched.log.try_recv() {
        assert!(!line.contains("polcy") && !line.contains("notes"), "{line}");
    }
}

/// Deleted and made anew, or another one moved into its place (FC-82).
#[tokio::test]
async fn a_folder_that_was_replaced_is_watched_again() {
    let mut watched = Watched::empty();
    let folder = watched.dir.path().join("plugins");
    fs::remove_dir(&folder).unwrap();
    watched.says("is gone").await;
    fs::create_dir(&folder).unwrap();
    watched.says("is back").await;
    watched.move_in("policy.wasm", "one");
    assert_eq!(watched.found().await, find("policy", "one", None));

    // Another one in its place, with something in it.
    let next = watched.dir.path().join("next");
    fs::create_dir(&next).unwrap();
    fs::write(next.join("policy.wasm"), "two").unwrap();
    fs::rename(&folder, watched.dir.path().join("old")).unwrap();
    fs::rename(&next, &folder).unwrap();
    assert_eq!(watched.found().await, there("policy", "two"));
    watched.move_in("policy.wasm", "three");
    assert_eq!(watched.found().await, find("policy", "three", None));
}

#[tokio::test]
async fn a_relative_path_is_as_good_as_an_absolute_one() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("plugins");
    fs::create_dir(&folder).unwrap();
    let up: PathBuf = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect();
    let relative = up.join(folder.strip_prefix("/").unwrap());
    let (_folder, mut finds) = Folder::watch(&relative, ["policy".to_owned()]).unwrap();
    let next = dir.path().join("next");
    fs::create_dir(&next).unwrap();
    fs::write(next.join("policy.wasm"), "one").unwrap();
    fs::rename(&folder, dir.path().join("old")).unwrap();
    fs::rename(&next, &folder).unwrap();
    let found = tokio::time::timeout(Duration::from_secs(60), finds.recv()).await;
    assert_eq!(found.expect("found in time").unwrap(), there("policy", "one"));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("plugins");
    let refused = Folder::watch(&missing, ["policy".to_owned()]).map(|_| ()).unwrap_err();
    assert!(matches!(&refused, FolderError::Unusable { path, .. } if *path == missing), "{refused}");
    fs::write(&missing, "a file").unwrap();
    let refused = Folder::watch(&missing, ["policy".to_owned()]).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("not a directory"), "{refused}");
}

#[tokio::test]
async fn the_watch_ends_when_it_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, mut finds) = Folder::watch(dir.path(), ["policy".to_owned()]).unwrap();
    drop(folder);
    assert_eq!(finds.recv().await, None);
}
