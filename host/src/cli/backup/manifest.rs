//! What is in a backup.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name of the manifest in the archive, whose first entry it is.
pub(super) const MANIFEST: &str = "manifest.json";

/// Name of the database in the archive.
pub(super) const STATE: &str = "state.db";

/// Folder of the components in the archive.
pub(super) const COMPONENTS: &str = "components/";

/// Name of the configuration in the archive.
pub(super) const CONFIGURATION: &str = "configuration.toml";

/// What the manifest says that it is of.
const OF: &str = "vehicle-connector backup";

/// Format of backups that this version writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// Largest manifest that is read, in bytes.
pub(super) const LARGEST: u64 = 1 << 20;

/// A backup's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) of: String,
    pub(super) format: u32,
    /// Version of the program that wrote it.
    pub(super) version: String,
    pub(super) created_at: Timestamp,
    /// The files after the manifest, in their order.
    pub(super) files: Vec<Entry>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
    /// Where a component was on the machine that the backup was made on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
}

impl Entry {
    /// Name of the file that it is unpacked to: its own, without the folder of the archive.
    pub(super) fn file_name(&self) -> &str {
        self.name.strip_prefix(COMPONENTS).unwrap_or(&self.name)
    }
}

impl Manifest {
    pub(super) fn new(created_at: Timestamp, files: Vec<Entry>) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { of: OF.to_owned(), format: FORMAT, version, created_at, files }
    }

    /// Reads a manifest.
    pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        // A newer format may have other fields.
        #[derive(Deserialize)]
        struct Head {
            of: String,
            format: u32,
            #[serde(default)]
            version: String,
        }
        let head: Head = serde_json::from_slice(bytes).context("its manifest is not one of a backup")?;
        if head.of != OF {
            bail!("its manifest says that it is something else");
        }
        if head.format > FORMAT {
            bail!(
                "it was written by version {} in format {}, and this one reads format {FORMAT}; restore it with that version",
                head.version,
                head.format
            );
        }
        let manifest: Self = serde_json::from_slice(bytes).context("its manifest is damaged")?;
        if let Some(odd) = manifest.files.iter().find(|entry| !is_known(&entry.name)) {
            bail!("it has {:?} in it, which no backup has", odd.name);
        }
        if manifest.files.first().is_none_or(|entry| entry.name != STATE) {
            bail!("its manifest names no state");
        }
        let mut targets = BTreeSet::new();
        if let Some(twice) = manifest.files.iter().find(|entry| !targets.insert(entry.file_name())) {
            bail!("it has two files that would be {:?}, which no backup has", twice.file_name());
        }
        Ok(manifest)
    }

    /// Bytes of all files together.
    pub(super) fn size(&self) -> u64 {
        self.files.iter().fold(0, |all, entry| all.saturating_add(entry.size))
    }
}

/// Longest name of a component in a backup, in bytes: with its folder it fits into the header of an entry.
const LONGEST_NAME: usize = 80;

/// What follows a component's name in that of its signature.
pub(super) const SIGNATURE: &str = ".minisig";

/// Whether a backup may have a file of this name. A component is a plain name in its folder: nothing is written
/// anywhere else.
fn is_known(name: &str) -> bool {
    let plain = |name: &str| {
        !name.is_empty() && !name.starts_with('.') && !name.contains(is_special) && name.len() <= LONGEST_NAME
    };
    name == STATE || name == CONFIGURATION || name.strip_prefix(COMPONENTS).is_some_and(plain)
}

fn is_special(char: char) -> bool {
    matches!(char, '/' | '\\' | ':') || char.is_control()
}

/// Returns the name that a component has in a backup: its own as far as possible, and one that none of the others has.
pub(super) fn name_of_component(own: &str, taken: &BTreeSet<String>) -> String {
    let plain: String = own.chars().map(|char| if is_special(char) { '_' } else { char }).collect();
    let plain = plain.trim_start_matches('.');
    // The configuration is unpacked beside the components.
    let is_free = |name: &String| {
        name != CONFIGURATION && !taken.contains(name) && !taken.contains(&format!("{name}{SIGNATURE}"))
    };
    let mut numbered = (2_u32..).map(|number| shortened(&format!("{number}-{plain}")));
    Some(shortened(plain))
        .filter(|name| !name.is_empty())
        .filter(is_free)
        .or_else(|| numbered.find(is_free))
        .unwrap_or_default()
}

/// Shortens a name in its middle, so that there is room for that of its signature.
fn shortened(name: &str) -> String {
    let most = LONGEST_NAME - SIGNATURE.len();
    if name.len() <= most {
        return name.to_owned();
    }
    let end: String = name.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    let mut begin = String::new();
    for char in name.chars() {
        if begin.len() + char.len_utf8() + end.len() > most {
            break;
        }
        begin.push(char);
    }
    begin + &end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Entry {
        Entry { name: name.to_owned(), size: 1, sha256: String::new(), from: None }
    }

    #[test]
    fn nothing_is_taken_for_a_manifest_that_is_none() {
        let good = Manifest::new(Timestamp::UNIX_EPOCH, vec![entry(STATE), entry("components/a.wasm")]);
        let read = |manifest: &Manifest| Manifest::parse(&serde_json::to_vec(manifest).unwrap());
        assert_eq!(read(&good).unwrap(), good);
        for name in ["../state.db", "/etc/passwd", "components/../a", "components/.ssh", "components/", "x"] {
            let odd = Manifest::new(Timestamp::UNIX_EPOCH, vec![entry(STATE), entry(name)]);
            assert!(read(&odd).unwrap_err().to_string().contains("no backup has"), "{name}");
        }
        for twice in [STATE, "components/a.wasm", "components/configuration.toml"] {
            let twice = [STATE, CONFIGURATION, "components/a.wasm", twice].map(entry).to_vec();
            let twice = Manifest::new(Timestamp::UNIX_EPOCH, twice);
            assert!(read(&twice).unwrap_err().to_string().contains("two files that would be"));
        }
        let endless = Entry { size: u64::MAX, ..entry(CONFIGURATION) };
        assert_eq!(Manifest::new(Timestamp::UNIX_EPOCH, vec![entry(STATE), endless]).size(), u64::MAX);
        let newer = Manifest { format: 2, ..good.clone() };
        assert!(read(&newer).unwrap_err().to_string().contains("restore it with that version"));
        let other = Manifest { of: "a diary".to_owned(), ..good.clone() };
        assert!(read(&other).is_err() && Manifest::parse(b"{}").is_err() && Manifest::parse(b"").is_err());
        assert!(read(&Manifest { files: Vec::new(), ..good }).is_err());
    }
    #[test]
    fn every_component_has_a_name_of_its_own_that_can_be_restored() {
        let long = format!("{}.wasm", "ü".repeat(200));
        let names =
            ["a.wasm", "a.wasm", "a.wasm", "configuration.toml", ".hidden.wasm", "c:\\x\n", "", &long, &long];
        let mut taken = BTreeSet::new();
        for own in names {
            let name = name_of_component(own, &taken);
            for name in [name.clone(), format!("{name}{SIGNATURE}")] {
                assert!(is_known(&format!("{COMPONENTS}{name}")), "{own:?} {name:?}");
                assert!(taken.insert(name.clone()), "{own:?} {name:?}");
            }
        }
        let names = ["a.wasm", "2-a.wasm", "3-a.wasm", "2-configuration.toml", "hidden.wasm", "c__x_"];
        assert!(names.iter().all(|name| taken.contains(*name)), "{taken:?}");
        assert!(taken.iter().filter(|name| name.starts_with('ü') && name.ends_with(".wasm")).count() == 1);
    }
}
