//! The place of a first configuration: whether it is free, and what is written there.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::answers::Answers;
use super::text;
use crate::cli::backup::{private, private_directory};
use crate::config::Config;

/// Reason why nothing can be written, known before anything was asked.
pub(super) enum InTheWay {
    /// Something has the name.
    Exists(String),
    /// The folder is not there, or nothing can be written into it.
    Unusable(String),
}

/// Looks whether a configuration can be written to this file; and, if secrets may be typed, whether these can be
/// written beside it.
pub(super) fn look(path: &Path, with_secrets: bool) -> Result<(), InTheWay> {
    if path.symlink_metadata().is_ok() {
        let shown = path.display();
        let what = format!("{shown} exists already, and is not overwritten; name another one with -c FILE");
        return Err(InTheWay::Exists(what));
    }
    let secrets = secrets_of(path);
    if with_secrets && secrets.symlink_metadata().is_ok() {
        return Err(InTheWay::Exists(in_the_way(&secrets)));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    writable(folder).map_err(|error| {
        let (folder, path) = (folder.display(), path.display());
        InTheWay::Unusable(format!(
            "{path} cannot be written: {folder}: {error}; name a folder that you may write to"
        ))
    })
}

#[cfg(unix)]
fn writable(folder: &Path) -> io::Result<()> {
    use rustix::fs::Access;
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(not(unix))]
fn writable(folder: &Path) -> io::Result<()> {
    if folder.metadata()?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Folder of the secrets that are typed.
fn secrets_of(path: &Path) -> PathBuf {
    path.with_extension("secrets")
}

fn in_the_way(secrets: &Path) -> String {
    format!("{} exists already; move it away, it is where the secrets would be", secrets.display())
}

/// Writes the secrets that were typed and then the configuration; none of them if one cannot be written, or the
/// whole is not accepted.
pub(super) fn write(path: &Path, answers: &Answers) -> anyhow::Result<()> {
    let mut written = Written::default();
    let folder = secrets_of(path);
    if !answers.typed.is_empty() {
        if folder.symlink_metadata().is_ok() {
            bail!(in_the_way(&folder));
        }
        private_directory(&folder)?;
        written.folder = Some(folder.clone());
        for (name, secret) in &answers.typed {
            let file = folder.join(name);
            let mut file = private(&file)?;
            file.write_all(secrecy::ExposeSecret::expose_secret(secret).as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
        }
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = text::written(answers, &name);
    let mut file = private(path)?;
    written.file = Some(path.to_owned());
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).context("the configuration")?;
    Config::load(path).context("what was written is not accepted, and is removed again")?;
    written.keep();
    Ok(())
}

/// What was written so far, removed when dropped.
#[derive(Default)]
struct Written {
    folder: Option<PathBuf>,
    file: Option<PathBuf>,
}

impl Written {
    fn keep(mut self) {
        (self.folder, self.file) = (None, None);
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _gone = std::fs::remove_file(file);
        }
        if let Some(folder) = &self.folder {
            let _gone = std::fs::remove_dir_all(folder);
        }
    }
}
