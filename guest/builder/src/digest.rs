//! What a component is made of, in one number.
//!
//! The digest covers the files of the guest's own crates, `wit/`, the parts of the workspace's manifest that
//! reach a guest, and the locked versions of the crates that it depends on. It does not depend on where the
//! workspace is, on file times, or on the dependencies of the host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component as Part, Path, PathBuf};

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use crate::{Component, Error, file_error, read, read_text};

/// The digest of the sources of `component` in the workspace at `root`, as lower-case hex.
///
/// # Errors
///
/// A source cannot be read, or a manifest or the lock file is not what cargo accepts.
pub fn source_digest(root: &Path, component: &Component) -> Result<String, Error> {
    let workspace = Workspace::read(root)?;
    let mut parts = BTreeMap::new();
    let mut external = BTreeSet::new();
    workspace.crate_sources(&component.folder, &mut parts, &mut external)?;
    files(root, Path::new("wit"), &mut parts)?;
    // What was released is history.
    parts.retain(|name, _| !name.starts_with("wit/released/"));
    for name in ["profile.guest", "profile.release", "workspace.package"] {
        parts.insert(name.to_owned(), render(lookup(&workspace.manifest, name)).into_bytes());
    }
    parts.insert("locked".to_owned(), workspace.locked(external).into_bytes());

    Ok(of_parts(&parts))
}

/// The digest of named contents.
pub(crate) fn of_parts(parts: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hasher = Sha256::new();
    for (name, content) in parts {
        for field in [name.as_bytes(), content] {
            hasher.update((field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
    }
    hex(&hasher.finalize())
}

/// The SHA-256 of `bytes`, as lower-case hex.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Workspace<'a> {
    root: &'a Path,
    manifest: Table,
    lock: Vec<Table>,
}

impl<'a> Workspace<'a> {
    fn read(root: &'a Path) -> Result<Self, Error> {
        let manifest = table(&root.join("Cargo.toml"))?;
        let lock = match table(&root.join("Cargo.lock"))?.remove("package") {
            Some(Value::Array(packages)) => packages
                .into_iter()
                .filter_map(|package| match package {
                    Value::Table(package) => Some(package),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        Ok(Self { root, manifest, lock })
    }

    /// Adds the files of the crate in `folder` and of the workspace's crates that it depends on to `parts`,
    /// and the names of the others to `external`. Dependencies of tests alone do not count.
    fn crate_sources(
        &self,
        folder: &Path,
        parts: &mut BTreeMap<String, Vec<u8>>,
        external: &mut BTreeSet<String>,
    ) -> Result<(), Error> {
        let manifest_path = folder.join("Cargo.toml");
        let manifest = table(&self.root.join(&manifest_path))?;
        let new = parts.insert(name_of(&manifest_path), read(&self.root.join(&manifest_path))?).is_none();
        if !new {
            return Ok(());
        }
        files(self.root, &folder.join("src"), parts)?;
        // An interface of its own; that of the project is linked to, and is in every digest.
        let own = folder.join("wit");
        if self.root.join(&own).symlink_metadata().is_ok_and(|found| found.is_dir()) {
            files(self.root, &own, parts)?;
        }
        let Some(Value::Table(dependencies)) = manifest.get("dependencies") else {
            return Ok(());
        };
        for (name, dependency) in dependencies {
            let shared = dependency.get("workspace").and_then(Value::as_bool).unwrap_or(false);
            let shared =
                shared.then(|| lookup(&self.manifest, &format!("workspace.dependencies.{name}"))).flatten();
            let path = |value: &Value| value.get("path").and_then(Value::as_str).map(PathBuf::from);
            match (shared.and_then(path), path(dependency)) {
                (Some(folder), _) => self.crate_sources(&folder, parts, external)?,
                (None, Some(beside)) => self.crate_sources(&normal(&folder.join(beside)), parts, external)?,
                (None, None) => {
                    // Its features are written there.
                    parts.insert(format!("workspace.dependencies.{name}"), render(shared).into_bytes());
                    external.insert(name.clone());
                }
            }
        }
        Ok(())
    }

    /// The lock file's lines about `names` and all that they depend on, sorted.
    fn locked(&self, names: BTreeSet<String>) -> String {
        let mut open: Vec<String> = names.into_iter().collect();
        let mut seen = BTreeSet::new();
        let mut lines = BTreeSet::new();
        while let Some(reference) = open.pop() {
            if !seen.insert(reference.clone()) {
                continue;
            }
            // `name`, or `name version` where several versions are locked.
            let mut words = reference.split(' ');
            let (name, version) = (words.next(), words.next());
            for package in &self.lock {
                if Some(field(package, "name")) != name
                    || version.is_some_and(|version| version != field(package, "version"))
                {
                    continue;
                }
                let [name, version, checksum] =
                    ["name", "version", "checksum"].map(|key| field(package, key));
                lines.insert(format!("{name} {version} {checksum}\n"));
                if let Some(Value::Array(dependencies)) = package.get("dependencies") {
                    open.extend(dependencies.iter().filter_map(Value::as_str).map(str::to_owned));
                }
            }
        }
        lines.into_iter().collect()
    }
}

/// Adds all files below `folder` to `parts`, named by their path from `root`.
pub(crate) fn files(root: &Path, folder: &Path, parts: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
    let absolute = root.join(folder);
    for entry in std::fs::read_dir(&absolute).map_err(file_error(&absolute))? {
        let entry = entry.map_err(file_error(&absolute))?;
        let path: PathBuf = folder.join(entry.file_name());
        if entry.path().is_dir() {
            files(root, &path, parts)?;
        } else {
            parts.insert(name_of(&path), read(&entry.path())?);
        }
    }
    Ok(())
}

/// A path's name in the digest: with slashes on every system.
fn name_of(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// A path without `..`, as it stands in manifests.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, part| {
        match part {
            Part::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
        normal
    })
}

pub(crate) fn table(path: &Path) -> Result<Table, Error> {
    read_text(path)?
        .parse()
        .map_err(|error| Error::Content { path: path.to_owned(), reason: format!("is not TOML: {error}") })
}

pub(crate) fn lookup<'t>(table: &'t Table, path: &str) -> Option<&'t Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// A text of a package in the lock file.
fn field<'p>(package: &'p Table, key: &str) -> &'p str {
    package.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// One rendering for one value, however the manifest is laid out.
fn render(value: Option<&Value>) -> String {
    value.map(Value::to_string).unwrap_or_default()
}
