//! What is in a backup.

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
        Ok(manifest)
    }
}

/// Whether a backup may have a file of this name. A component is a plain name in its folder: nothing is written
/// anywhere else.
fn is_known(name: &str) -> bool {
    let plain = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && !name.contains(['/', '\\', '\0', ':'])
            && name.len() < 256
    };
    name == STATE || name == CONFIGURATION || name.strip_prefix(COMPONENTS).is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Entry {
        Entry { name: name.to_owned(), size: 1, sha256: String::new() }
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
        let newer = Manifest { format: 2, ..good.clone() };
        assert!(read(&newer).unwrap_err().to_string().contains("restore it with that version"));
        let other = Manifest { of: "a diary".to_owned(), ..good.clone() };
        assert!(read(&other).is_err() && Manifest::parse(b"{}").is_err() && Manifest::parse(b"").is_err());
        assert!(read(&Manifest { files: Vec::new(), ..good }).is_err());
    }
}
