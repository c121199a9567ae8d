//! Backups that are whole, and files that are none.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::json;
use tar::{EntryType, Header};
use tempfile::TempDir;

use super::archive::{self, Target};
use super::manifest::{CONFIGURATION, Entry, MANIFEST, Manifest, STATE};
use super::restore::{Wanted, restore};
use super::write::{Sources, write};
use crate::store::{DATABASE, SqliteStore};

/// A folder with a state, and files that are made of it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        drop(SqliteStore::open(&desk.path("state")).unwrap());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn state(&self) -> Vec<u8> {
        std::fs::read(self.path("state").join(DATABASE)).unwrap()
    }

    /// A backup of these files, which need not be what their names say.
    fn backup(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let mut entries = Vec::new();
        let mut contents = Vec::new();
        for (name, content) in files {
            let path = self.path("content");
            std::fs::write(&path, content).unwrap();
            let (size, sha256) = archive::measured(File::open(&path).unwrap()).unwrap();
            entries.push(Entry { name: (*name).to_owned(), size, sha256, from: None });
            contents.push(File::open(&path).unwrap());
            std::fs::remove_file(path).unwrap();
        }
        let path = self.path(name);
        archive::write(&File::create(&path).unwrap(), &Manifest::new(Timestamp::now(), entries), contents)
            .unwrap();
        path
    }

    /// Restores, or only checks; what is said if it is refused.
    fn restored(&self, file: &Path, only_check: bool) -> Result<serde_json::Value, String> {
        let (directory, files) = (self.path("state"), self.path("files"));
        let wanted = Wanted { directory: &directory, files: Some(&files), only_check };
        restore(file, &wanted).map_err(|error| format!("{error:#}"))
    }
}

#[test]
fn a_check_refuses_what_a_restore_refuses_and_neither_leaves_anything() {
    let desk = Desk::new();
    let good = desk.state();
    let newer = desk.path("newer.db");
    std::fs::write(&newer, &good).unwrap();
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let foreign = desk.path("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("create table diary (day text)").unwrap();
    let [newer, foreign] = [newer, foreign].map(|path| std::fs::read(path).unwrap());
    let before = names(&desk.path("state"));
    let cases: [(&[u8], &str); 4] = [
        (b"this is a diary, and no database at all", "none of this program's"),
        (b"", "there is no state in it"),
        (&foreign, "none of this program's"),
        (&newer, "restore it with that version"),
    ];
    for (state, why) in cases {
        let file = desk.backup("bad", &[(STATE, state), (CONFIGURATION, b"[mqtt]")]);
        for only_check in [true, false] {
            let said = desk.restored(&file, only_check).unwrap_err();
            assert!(said.contains(why) && said.contains("not restored"), "{only_check}: {said}");
            assert!(!desk.path("files").exists(), "{said}");
            assert_eq!(names(&desk.path("state")), before);
            assert!(desk.state() == good);
        }
    }
    let file = desk.backup("good", &[(STATE, &good), (CONFIGURATION, b"[mqtt]")]);
    assert_eq!(desk.restored(&file, true).unwrap()["restored"], false);
    assert!(!desk.path("files").exists());
    assert_eq!(desk.restored(&file, false).unwrap()["restored"], true);
    assert_eq!(std::fs::read(desk.path("files/configuration.toml")).unwrap(), b"[mqtt]");
}

#[test]
fn an_archive_ends_where_it_says() {
    let desk = Desk::new();
    let bytes = std::fs::read(desk.backup("good", &[(STATE, &desk.state())])).unwrap();
    let file = desk.path("changed");
    let mut changed = vec![[&bytes[..], b"x"].concat(), [&bytes[..], &bytes[..]].concat()];
    changed.extend((1..=8).map(|cut| bytes[..bytes.len() - cut].to_vec()));
    let mut checksum = bytes.clone();
    checksum[bytes.len() - 5] ^= 1;
    changed.push(checksum);
    for changed in changed {
        std::fs::write(&file, &changed).unwrap();
        let said = desk.restored(&file, true).unwrap_err();
        assert!(said.contains("damaged") || said.contains("more in it"), "{}: {said}", changed.len());
    }
}

/// An archive of these entries: kind, name, what is in it.
fn archived(to: &Path, entries: &[(EntryType, &str, &[u8])]) {
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(to).unwrap(), Compression::default()));
    for (kind, name, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

#[test]
fn an_entry_that_only_names_the_next_one_is_not_read() {
    let desk = Desk::new();
    let manifest = json!({
        "of": "vehicle-connector backup", "format": 1, "version": "0", "created_at": "2026-11-30T12:00:00Z",
        "files": [{"name": STATE, "size": 1_u64 << 60, "sha256": ""}],
    });
    let manifest = manifest.to_string();
    let file = desk.path("hostile");
    archived(
        &file,
        &[
            (EntryType::GNULongName, "././@LongLink", b"manifest.json"),
            (EntryType::Regular, "x", manifest.as_bytes()),
        ],
    );
    let said = desk.restored(&file, true).unwrap_err();
    assert!(said.contains("does not begin with a manifest"), "{said}");
    // And a manifest that announces more than there is room for is refused before anything is unpacked.
    archived(&file, &[(EntryType::Regular, MANIFEST, manifest.as_bytes())]);
    let said = desk.restored(&file, false).unwrap_err();
    assert!(said.contains("MiB") && said.contains("make room"), "{said}");
}

/// A disk without room.
struct Full;

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_no_damage_and_is_named() {
    let desk = Desk::new();
    let file = File::open(desk.backup("good", &[(STATE, &desk.state())])).unwrap();
    let full = |_: &Entry| Ok(Target { to: Box::new(Full), path: "there/state.db".into() });
    let said = format!("{:#}", archive::read(&file, |_| Ok(()), full).unwrap_err());
    assert!(said.starts_with("there/state.db cannot be written: ") && !said.contains("damaged"), "{said}");
}

#[test]
fn components_of_one_name_are_all_in_it_and_what_is_not_there_is_told() {
    let desk = Desk::new();
    let component = |folder: &str, files: &[&str]| {
        std::fs::create_dir(desk.path(folder)).unwrap();
        files.iter().for_each(|file| std::fs::write(desk.path(folder).join(file), folder).unwrap());
        desk.path(folder).join("x.wasm")
    };
    let absent = desk.path("absent.wasm");
    let components =
        vec![component("a", &["x.wasm"]), component("b", &["x.wasm", "x.wasm.minisig"]), absent.clone()];
    let sources = Sources { state: desk.path("state"), configuration: None, components };
    let written = write(&sources, &desk.path("backup")).unwrap();
    assert_eq!(written["left_out"], json!([absent]));
    let restored = desk.restored(&desk.path("backup"), false).unwrap();
    assert_eq!(names(&desk.path("files")), ["2-x.wasm", "2-x.wasm.minisig", "x.wasm"]);
    for (file, content) in [("x.wasm", "a"), ("2-x.wasm", "b"), ("2-x.wasm.minisig", "b")] {
        assert_eq!(std::fs::read_to_string(desk.path("files").join(file)).unwrap(), content);
    }
    let words = super::restore::in_words(&restored);
    let was = format!("  2-x.wasm was {}\n", desk.path("b/x.wasm").display());
    assert!(words.contains(&was) && !words.contains("  x.wasm was"), "{words}");
    assert!(!names(desk.0.path()).iter().any(|name| name.contains("unfinished")));
}

#[test]
fn a_component_that_becomes_shorter_meanwhile_makes_no_backup() {
    let desk = Desk::new();
    let path = desk.path("short");
    std::fs::write(&path, "0123456789").unwrap();
    let entries = vec![Entry { name: STATE.to_owned(), size: 20, sha256: String::new(), from: None }];
    let mut file = File::options().read(true).write(true).create_new(true).open(desk.path("whole")).unwrap();
    let manifest = Manifest::new(Timestamp::now(), entries);
    archive::write(&file, &manifest, vec![File::open(path).unwrap()]).unwrap();
    io::Seek::rewind(&mut file).unwrap();
    assert!(archive::read(&file, |_| Ok(()), |_| Ok(Target::nowhere())).is_err());
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
