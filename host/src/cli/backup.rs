//! `vehicle-connector backup` and `restore`: the state of a host in one file, and back again.
//!
//! A backup is a compressed archive (tar, gzip) that begins with a manifest: what is in it, with sizes and
//! SHA-256. The database is copied as it is at one moment, whether a host runs or not. The file appears under
//! its name when it is whole and on the disk, or not at all, and is its owner's alone (mode 0600): it has the
//! tokens of every account.
//!
//! A restore checks everything before it changes anything, and then changes one name: the database's. The one
//! before is kept beside it.

mod archive;
mod manifest;
mod restore;
mod scratch;
#[cfg(test)]
mod tests;
mod write;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::remote::{Asked, Located};
use super::table::json_line;
use super::{USAGE, complain};
use crate::config::Config;
use crate::output::print;

pub(super) use self::write::{Sources, private, private_directory, write};

/// What a backup is made of, and where.
#[derive(Debug, Args)]
pub(super) struct BackupOptions {
    /// The file to write. It must not exist.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    host: Asked,
    /// Leave the configuration out: it may have secrets in it.
    #[arg(long)]
    without_configuration: bool,
}

/// What is restored, and where to.
#[derive(Debug, Args)]
pub(super) struct RestoreOptions {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    located: Located,
    /// Write the configuration and the components of the backup into this directory, which must not exist. They
    /// are not put in their places: the files that are there are yours.
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Check the backup and change nothing.
    #[arg(long)]
    check: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Writes a backup. Exit codes: 0 done, 1 not done, 2 no good configuration.
pub(super) fn backup(options: &BackupOptions) -> ExitCode {
    let (state, config) = match options.host.found() {
        Ok(found) => found,
        Err(code) => return code,
    };
    let file = options.host.configuration().filter(|_| !options.without_configuration);
    let sources = sources(&state, config.as_ref(), file.as_deref());
    match write(&sources, &options.file) {
        Ok(written) if options.host.json => shown(&written),
        Ok(written) => {
            let list = |key: &str| written.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            for left_out in list("left_out").iter().filter_map(Value::as_str) {
                let _said =
                    complain(0, format_args!("warning: {left_out} is not there, and not in the backup"));
            }
            print(&format!(
                "{}: {} file(s), {} bytes; it has the tokens of all accounts, so keep it as you keep passwords\n",
                options.file.display(),
                list("files").len(),
                written.get("bytes").unwrap_or(&Value::Null),
            ))
        }
        Err(error) => complain(1, format_args!("{error:#}")),
    }
}

/// What a backup of a host is made of. Without a configuration that is its state.
pub(super) fn sources(state: &Path, config: Option<&Config>, file: Option<&Path>) -> Sources {
    let mut components: Vec<PathBuf> =
        config.map(|config| config.plugins.files.values().cloned().collect()).unwrap_or_default();
    if let Some(folder) = config.and_then(|config| config.plugins.folder.as_ref()) {
        components.extend(write::components_in(folder));
    }
    Sources { state: state.to_owned(), configuration: file.map(Path::to_owned), components }
}

/// Restores a backup. Exit codes: 0 done, 1 not done, 2 no good configuration.
pub(super) fn restore(options: &RestoreOptions) -> ExitCode {
    // A configuration that is wrong does not matter to who names the directory.
    let directory = match options.located.directory() {
        Ok(directory) => directory,
        Err(code) => return code,
    };
    let wanted =
        restore::Wanted { directory: &directory, files: options.files.as_deref(), only_check: options.check };
    match restore::restore(&options.file, &wanted) {
        Ok(restored) if options.json => shown(&restored),
        Ok(restored) => {
            let code = print(&restore::in_words(&restored));
            if !options.check {
                let _closed = writeln!(
                    std::io::stderr(),
                    "vehicle-connector: do not run the host that this backup is of beside this one: two hosts that share \
                     sessions end each other's, and vendors lock accounts for it"
                );
            }
            code
        }
        Err(error) if error.downcast_ref::<restore::Misused>().is_some() => {
            complain(USAGE, format_args!("{error:#}"))
        }
        Err(error) => complain(1, format_args!("{error:#}")),
    }
}

/// Returns what backups and restores that were killed have left, with tokens in it, in a state directory and in another
/// folder.
pub(super) fn left_by_killed(state: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut left = scratch::abandoned(state);
    left.extend(scratch::abandoned(folder));
    let unfinished = state.join(restore::UNFINISHED);
    // Of a restore that is going on too, which takes a moment.
    left.extend(Some(unfinished).filter(|path| path.symlink_metadata().is_ok()));
    left
}

fn shown(value: &Value) -> ExitCode {
    match json_line(value) {
        Ok(line) => print(&line),
        Err(error) => complain(1, format_args!("it is done, but the answer is no JSON: {error}")),
    }
}

/// Writes a backup for somebody who asks the running host.
pub(super) fn on_request(configuration: &Path, to: &Path) -> Result<Value, String> {
    if !to.is_absolute() {
        return Err("the path of the file must be absolute: the host runs in another directory".to_owned());
    }
    let config = Config::load(configuration).map_err(|error| error.to_string())?;
    let sources = sources(&config.state_dir, Some(&config), Some(configuration));
    write(&sources, to).map(|written| json!(written)).map_err(|error| format!("{error:#}"))
}
