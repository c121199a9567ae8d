//! Writing a backup.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive::{self, Target};
use super::manifest::{COMPONENTS, CONFIGURATION, Entry, Manifest, SIGNATURE, STATE, name_of_component};
use super::scratch::Scratch;
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
    let Collected { manifest, files, left_out } = collect(sources, &scratch)?;
    let whole = scratch.path().join("whole");
    let mut file = private(&whole)?;
    archive::write(&file, &manifest, files).with_context(|| format!("{} cannot be written", to.display()))?;
    // A file that has become shorter meanwhile would be noticed by nobody but who restores it.
    file.rewind()?;
    archive::read(&file, |_| Ok(()), |_| Ok(Target::nowhere())).with_context(|| {
        format!("{} is not written: a file has changed meanwhile; try again", to.display())
    })?;
    let bytes = file.metadata()?.len();
    put(&whole, to)?;
    sync(folder);
    Ok(json!({
        "file": to.display().to_string(),
        "bytes": bytes,
        "created_at": manifest.created_at,
        "files": manifest.files,
        "left_out": left_out,
    }))
}

/// What goes into a backup.
struct Collected {
    manifest: Manifest,
    files: Vec<File>,
    /// Components that are not there.
    left_out: Vec<String>,
}

/// Copies and measures what goes into the backup.
fn collect(sources: &Sources, scratch: &Scratch) -> anyhow::Result<Collected> {
    let state = scratch.path().join(STATE);
    // Made before SQLite does, which would let others read it.
    drop(private(&state)?);
    let reader = Reader::open(&sources.state)?;
    reader.copy_to(&state).with_context(|| format!("{} cannot be written", state.display()))?;
    let mut entries = vec![entry(STATE.to_owned(), &state, None)?];
    if let Some(file) = &sources.configuration {
        entries.push(entry(CONFIGURATION.to_owned(), file, None)?);
    }
    let (mut taken, mut seen, mut left_out) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for component in sources.components.iter().filter(|component| seen.insert(*component)) {
        if !component.is_file() {
            left_out.push(component.display().to_string());
            continue;
        }
        let own = component.file_name().unwrap_or_default().to_string_lossy();
        let name = name_of_component(&own, &taken);
        let mut signature = component.clone().into_os_string();
        signature.push(SIGNATURE);
        let signature = PathBuf::from(signature);
        let names = [name.clone(), format!("{name}{SIGNATURE}")];
        entries.push(entry(format!("{COMPONENTS}{name}"), component, Some(component))?);
        if signature.is_file() {
            entries.push(entry(format!("{COMPONENTS}{name}{SIGNATURE}"), &signature, Some(&signature))?);
        }
        taken.extend(names);
    }
    let (entries, files) = entries.into_iter().unzip();
    Ok(Collected { manifest: Manifest::new(Timestamp::now(), entries), files, left_out })
}

/// Measures a file.
fn entry(name: String, path: &Path, from: Option<&Path>) -> anyhow::Result<(Entry, File)> {
    let unreadable = || format!("{} cannot be read", path.display());
    let mut file = File::open(path).with_context(unreadable)?;
    let (size, sha256) = archive::measured(&file).with_context(unreadable)?;
    file.rewind()?;
    let from = from.map(|from| std::path::absolute(from).unwrap_or_else(|_| from.to_owned()));
    Ok((Entry { name, size, sha256, from: from.map(|from| from.display().to_string()) }, file))
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
