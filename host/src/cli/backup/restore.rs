//! Restoring a backup.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive::{self, Target};
use super::manifest::{Manifest, STATE};
use super::scratch::Scratch;
use super::write::{private, private_directory, sync};
use crate::cli::space;
use crate::store::{DATABASE, Directory, OpenError, Reader, set_aside};

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
pub(super) const UNFINISHED: &str = "state.db.unfinished";

/// Restores a backup, and returns what was done.
pub(super) fn restore(file: &Path, wanted: &Wanted<'_>) -> anyhow::Result<Value> {
    let shown = file.display();
    let archive = File::open(file).with_context(|| format!("{shown} cannot be read"))?;
    if let Some(there) = wanted.files.filter(|files| files.symlink_metadata().is_ok()) {
        let there = there.display();
        return Err(Misused(format!("{there} exists already; name a directory that does not")).into());
    }
    if wanted.only_check {
        // Beside nothing that there is: a host may run on the state directory.
        let scratch = Scratch::within(&std::env::temp_dir(), OsStr::new("restore"))
            .context("there is no room to check it in; name another directory with TMPDIR")?;
        let manifest = examined(&archive, &scratch.path().join(STATE), None)
            .with_context(|| format!("{shown} is not restored"))?;
        return Ok(report(&manifest, wanted, None));
    }
    // From here on no host can start there, and none runs.
    let claimed = Directory::claim(wanted.directory)?;
    let unfinished = Unfinished(wanted.directory.join(UNFINISHED));
    unfinished.remove();
    let nothing = || format!("{shown} is not restored, and nothing has changed");
    let mut files = wanted.files.map(NewDirectory::make).transpose().with_context(nothing)?;
    let manifest = examined(&archive, &unfinished.0, wanted.files).with_context(nothing)?;
    let aside = set_aside(&claimed, &Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string())
        .with_context(nothing)?;
    std::fs::rename(&unfinished.0, wanted.directory.join(DATABASE)).with_context(|| {
        format!("{shown} is not restored; what was there is in {}", aside_in_words(aside.as_deref()))
    })?;
    sync(wanted.directory);
    if let Some(files) = &mut files {
        files.is_kept = true;
    }
    Ok(report(&manifest, wanted, aside.as_deref()))
}

fn aside_in_words(aside: Option<&Path>) -> String {
    aside.map_or_else(|| "no other file: there was none".to_owned(), |aside| aside.display().to_string())
}

/// Unpacks the database to a file, and the others into a directory if there is one; and checks that this program can
/// use the database.
fn examined(archive: &File, state: &Path, files: Option<&Path>) -> anyhow::Result<Manifest> {
    let fits = |manifest: &Manifest| fits(manifest, state.parent().unwrap_or(state));
    let manifest = archive::read(archive, fits, |entry| {
        let path = match (entry.name.as_str(), files) {
            (STATE, _) => state.to_owned(),
            (_, None) => return Ok(Target::nowhere()),
            // A plain name that no other has: the manifest was checked for that.
            (_, Some(files)) => files.join(entry.file_name()),
        };
        Ok(Target { to: Box::new(Synced(private(&path)?)), path })
    })?;
    Reader::open_file(state).map_err(of_backup)?.check().context("its state is damaged")?;
    Ok(manifest)
}

/// Says of the database of a backup what is wrong with it, without the name that it has for the moment.
fn of_backup(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Absent { .. } => anyhow::anyhow!("there is no state in it"),
        OpenError::Foreign { .. } => anyhow::anyhow!("its state is none of this program's"),
        OpenError::Newer { format, .. } => anyhow::anyhow!(
            "its state was written by a newer version (format {format}); restore it with that version"
        ),
        OpenError::Unreadable { error, .. } => anyhow::Error::new(error).context("its state is damaged"),
        OpenError::Directory(error) => error.into(),
    }
}

/// Refuses a backup for which there is no room.
fn fits(manifest: &Manifest, directory: &Path) -> anyhow::Result<()> {
    let Some(free) = space::free(directory).filter(|free| *free < manifest.size()) else { return Ok(()) };
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    anyhow::bail!(
        "it has {} MiB, and {} are free where {} is; make room",
        mib(manifest.size()),
        mib(free),
        directory.display()
    )
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

/// A database that is removed unless it was given another name; and what SQLite puts beside one that it reads.
struct Unfinished(PathBuf);

impl Unfinished {
    fn remove(&self) {
        for beside in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.0.clone().into_os_string();
            path.push(beside);
            let _absent_or_renamed = std::fs::remove_file(path);
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A directory that was made here, and is removed with everything in it unless it is kept.
struct NewDirectory {
    path: PathBuf,
    is_kept: bool,
}

impl NewDirectory {
    fn make(path: &Path) -> anyhow::Result<Self> {
        private_directory(path)?;
        Ok(Self { path: path.to_owned(), is_kept: false })
    }
}

impl Drop for NewDirectory {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!("{} is left behind: {error}", self.path.display());
        }
    }
}

fn report(manifest: &Manifest, wanted: &Wanted<'_>, aside: Option<&Path>) -> Value {
    let files = wanted.files.filter(|_| !wanted.only_check);
    // Of those only that cannot be recognised.
    let renamed = manifest
        .files
        .iter()
        .filter(|entry| entry.from.as_deref().is_some_and(|from| !from.ends_with(entry.file_name())));
    json!({
        "restored": !wanted.only_check,
        "state": wanted.directory.display().to_string(),
        "created_at": manifest.created_at,
        "version": manifest.version,
        "files": manifest.files.iter().map(|entry| &entry.name).collect::<Vec<_>>(),
        "before": aside.map(|path| path.display().to_string()),
        "files_in": files.map(|path| path.display().to_string()),
        "renamed": renamed.map(|entry| json!({"file": entry.file_name(), "from": entry.from})).collect::<Vec<_>>(),
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
        for renamed in restored.get("renamed").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| renamed.get(key).and_then(Value::as_str).unwrap_or_default();
            said.push_str(&format!("  {} was {}\n", text("file"), text("from")));
        }
    }
    said
}
