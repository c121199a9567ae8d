//! Writing a backup.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive;
use super::manifest::{COMPONENTS, CONFIGURATION, Entry, Manifest, STATE};
use crate::store::Reader;

/// What a backup is made of.
#[derive(Debug)]
pub(in crate::cli) struct Sources {
    /// The state directory.
    pub(in crate::cli) state: PathBuf,
    /// The configuration file.
    pub(in crate::cli) configuration: Option<PathBuf>,
    /// Files of components, and those beside them with their signatures.
    pub(in crate::cli) components: Vec<PathBuf>,
}

/// Writes a backup, and returns what is in it. The file exists when it is whole, or not at all.
pub(in crate::cli) fn write(sources: &Sources, to: &Path) -> anyhow::Result<Value> {
    if to.symlink_metadata().is_ok() {
        bail!("{} exists already, and is not overwritten; name another file", to.display());
    }
    let folder = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = to.file_name().context("name a file to write to")?;
    let scratch = Scratch::within(folder, name)?;
    let (manifest, files) = collect(sources, &scratch)?;
    let whole = scratch.path().join("whole");
    let file = private(&whole)?;
    archive::write(&file, &manifest, files).with_context(|| format!("{}", to.display()))?;
    let bytes = file.metadata()?.len();
    put(&whole, to)?;
    sync(folder);
    Ok(
        json!({"file": to.display().to_string(), "bytes": bytes, "created_at": manifest.created_at, "files": manifest.files}),
    )
}

/// Copies and measures what goes into the backup.
fn collect(sources: &Sources, scratch: &Scratch) -> anyhow::Result<(Manifest, Vec<File>)> {
    let state = scratch.path().join(STATE);
    // Made before SQLite does, which would let others read it.
    drop(private(&state)?);
    Reader::open(&sources.state)?.copy_to(&state)?;
    let mut parts = vec![(STATE.to_owned(), state)];
    parts.extend(sources.configuration.iter().map(|file| (CONFIGURATION.to_owned(), file.clone())));
    for component in &sources.components {
        let signature = component.with_added_extension("minisig");
        for file in [component.clone(), signature] {
            let name = file.file_name().and_then(OsStr::to_str).map(|name| format!("{COMPONENTS}{name}"));
            if let Some(name) = name.filter(|name| file.is_file() && !parts.iter().any(|(it, _)| it == name))
            {
                parts.push((name, file));
            }
        }
    }
    let (mut entries, mut files) = (Vec::new(), Vec::new());
    for (name, path) in parts {
        let mut file = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let (size, sha256) =
            archive::measured(&file).with_context(|| format!("{} cannot be read", path.display()))?;
        file.rewind()?;
        entries.push(Entry { name, size, sha256 });
        files.push(file);
    }
    Ok((Manifest::new(Timestamp::now(), entries), files))
}

/// The components in a watched folder.
pub(in crate::cli) fn components_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| path.extension() == Some(OsStr::new("wasm"))).collect();
    files.sort();
    files
}

/// Gives a file that is whole its name, unless something has that name by now.
fn put(whole: &Path, to: &Path) -> anyhow::Result<()> {
    let taken = || format!("{} exists already, and is not overwritten; name another file", to.display());
    match std::fs::hard_link(whole, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(taken()),
        // Some file systems have no links.
        Err(_) if to.symlink_metadata().is_ok() => bail!(taken()),
        Err(_) => std::fs::rename(whole, to).with_context(|| format!("{} cannot be written", to.display())),
    }
}

/// Makes a file that only its owner can read.
pub(in crate::cli) fn private(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("{} cannot be written", path.display()))
}

/// Makes a directory that only its owner can enter.
pub(in crate::cli) fn private_directory(path: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| format!("{} cannot be made", path.display()))
}

/// Has the names in a directory on the disk. Without that a power cut may lose the last one, and nothing else.
pub(super) fn sync(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _not_here = directory.sync_all();
    }
}

/// A directory of its owner's beside the backup, removed with everything in it when dropped. What is left of a
/// program that was killed has a name that says so.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn within(folder: &Path, name: &OsStr) -> anyhow::Result<Self> {
        let unfinished = format!(".{}.unfinished-{}", name.to_string_lossy(), std::process::id());
        let path = folder.join(unfinished);
        // Of a process that had this number before.
        let _absent = std::fs::remove_dir_all(&path);
        private_directory(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("{} is left behind: {error}", self.0.display());
        }
    }
}
