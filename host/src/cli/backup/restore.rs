//! Restoring a backup.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive;
use super::manifest::{COMPONENTS, CONFIGURATION, Manifest, STATE};
use super::write::{private, private_directory, sync};
use crate::store::{DATABASE, Directory, Reader, set_aside};

/// Where a backup is restored to.
pub(super) struct Wanted<'w> {
    /// The state directory.
    pub(super) directory: &'w Path,
    /// Directory for the other files.
    pub(super) files: Option<&'w Path>,
    /// Whether nothing is changed.
    pub(super) only_check: bool,
}

/// The command cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misused(String);

/// Name of the database while it is not known to be whole.
const UNFINISHED: &str = "state.db.unfinished";

/// Restores a backup, and returns what was done.
pub(super) fn restore(file: &Path, wanted: &Wanted<'_>) -> anyhow::Result<Value> {
    let shown = file.display();
    let archive = File::open(file).with_context(|| format!("{shown} cannot be read"))?;
    if let Some(there) = wanted.files.filter(|files| files.symlink_metadata().is_ok()) {
        let there = there.display();
        return Err(Misused(format!("{there} exists already; name a directory that does not")).into());
    }
    if wanted.only_check {
        let manifest = archive::read(&archive, |_| Ok(Box::new(io::sink()) as Box<dyn Write>))
            .with_context(|| format!("{shown} is not restored"))?;
        return Ok(report(&manifest, wanted, None, None));
    }
    // From here on no host can start there, and none runs.
    let claimed = Directory::claim(wanted.directory)?;
    let unfinished = Unfinished(wanted.directory.join(UNFINISHED));
    let _of_a_killed_one = std::fs::remove_file(&unfinished.0);
    let manifest = unpack(&archive, &unfinished.0, wanted.files)
        .with_context(|| format!("{shown} is not restored, and nothing has changed"))?;
    let damaged = || format!("{shown} is not restored, and nothing has changed: its state is damaged");
    Reader::open_file(&unfinished.0).with_context(damaged)?.check().with_context(damaged)?;
    let aside = set_aside(&claimed, &Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string())?;
    std::fs::rename(&unfinished.0, wanted.directory.join(DATABASE)).with_context(|| {
        format!("{shown} is not restored; what was there is in {}", aside_in_words(aside.as_deref()))
    })?;
    sync(wanted.directory);
    Ok(report(&manifest, wanted, aside.as_deref(), wanted.files))
}

fn aside_in_words(aside: Option<&Path>) -> String {
    aside.map_or_else(|| "no other file: there was none".to_owned(), |aside| aside.display().to_string())
}

/// Unpacks the database to a file, and the others into a directory if there is one.
fn unpack(archive: &File, state: &Path, files: Option<&Path>) -> anyhow::Result<Manifest> {
    if let Some(files) = files {
        private_directory(files)?;
    }
    let manifest = archive::read(archive, |entry| {
        let path = match (entry.name.as_str(), files) {
            (STATE, _) => state.to_owned(),
            (_, None) => return Ok(Box::new(io::sink()) as Box<dyn Write>),
            (CONFIGURATION, Some(files)) => files.join(CONFIGURATION),
            // A plain name in the one folder that there is: the manifest was checked for that.
            (name, Some(files)) => files.join(name.strip_prefix(COMPONENTS).unwrap_or(name)),
        };
        Ok(Box::new(Synced(private(&path)?)))
    });
    if let (Err(_), Some(files)) = (&manifest, files) {
        let _left = std::fs::remove_dir_all(files);
    }
    manifest
}

/// A file that is on the disk once it is flushed.
struct Synced(File);

impl Write for Synced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// A file that is removed unless it was given another name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _renamed = std::fs::remove_file(&self.0);
    }
}

fn report(manifest: &Manifest, wanted: &Wanted<'_>, aside: Option<&Path>, files: Option<&Path>) -> Value {
    json!({
        "restored": !wanted.only_check,
        "state": wanted.directory.display().to_string(),
        "created_at": manifest.created_at,
        "version": manifest.version,
        "files": manifest.files.iter().map(|entry| &entry.name).collect::<Vec<_>>(),
        "before": aside.map(|path| path.display().to_string()),
        "files_in": files.map(|path| path.display().to_string()),
    })
}

/// Tells people what was done.
pub(super) fn in_words(restored: &Value) -> String {
    let text = |key: &str| restored.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = format!("the backup of {} (version {})", text("created_at"), text("version"));
    if restored.get("restored") != Some(&Value::Bool(true)) {
        return format!("{of} is whole; nothing was changed\n");
    }
    let mut said = format!("{}: restored from {of}\n", text("state"));
    if let Some(before) = restored.get("before").and_then(Value::as_str) {
        said.push_str(&format!("what was there before is in {before}\n"));
    }
    if let Some(files) = restored.get("files_in").and_then(Value::as_str) {
        said.push_str(&format!("configuration and components are in {files}\n"));
    }
    said
}
