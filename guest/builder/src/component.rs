//! The components, as the manifests of their crates describe them.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::digest::{lookup, table};
use crate::{Error, file_error};

/// The folders in which each folder with a manifest may be a component's crate.
const PLACES: [&str; 2] = ["guest/policies", "guest/connectors"];

/// The crate of the rules, which is a component like no other.
const RULES: &str = "guest/rules";

/// The interfaces that a connector may import.
const OF_CONNECTORS: [&str; 6] = ["clock", "http", "lock", "log", "mqtt", "random"];

/// The size of a policy's shadow stack in bytes, unless the manifest says another.
const STACK: u32 = 32 * 1024;

/// The size of a connector's, likewise. serde_json goes up to 127 levels deep into what a cloud answers,
/// which was measured to overflow 32 KiB and to fit into 64 KiB; the rest is for its callers.
const STACK_OF_CONNECTORS: u32 = 96 * 1024;

/// A component and the crate that it is built from: what `[package.metadata.component]` of its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The name of its file, without `.wasm`: `name`, and that of the package if there is none.
    pub name: String,
    /// The package that it is built from, which is also the artifact's name.
    pub package: String,
    /// The folder of that package, from the workspace's root.
    pub folder: PathBuf,
    /// The size of its shadow stack in bytes: `stack`, and 32 KiB for a policy or 96 KiB for a connector if
    /// there is none. A page that is touched has to be paid for in every call, so it is as small as the code
    /// allows.
    pub stack: u32,
    /// The features of the package that it is built with: `features`.
    pub features: Vec<String>,
    /// The interfaces that it may import: `imports`, without package and version. If there are none, those of
    /// its world: nothing for a policy.
    pub imports: Vec<String>,
    /// The interfaces that it must export, and no others: `exports`, without package and version.
    pub exports: Vec<String>,
}

impl Component {
    /// The name of its file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.wasm", self.name)
    }

    /// The component that the crate in `folder` is, from `base`; none if its manifest describes none.
    ///
    /// # Errors
    ///
    /// The manifest cannot be read, or does not say what it has to.
    pub fn of(base: &Path, folder: &Path) -> Result<Option<Self>, Error> {
        let path = base.join(folder).join("Cargo.toml");
        let manifest = table(&path)?;
        let Some(described) = lookup(&manifest, "package.metadata.component").and_then(Value::as_table)
        else {
            return Ok(None);
        };
        let described = Described { path: &path, table: described };
        described.nothing_else()?;
        let package = lookup(&manifest, "package.name").and_then(Value::as_str);
        let package = package.ok_or_else(|| described.refuse("has no package.name"))?;
        let exports = described.list("exports")?;
        let exports = exports.ok_or_else(|| described.refuse("names no `exports` of its component"))?;
        let connects = exports.iter().any(|export| export == "connector");
        let of_its_world = || {
            if connects { OF_CONNECTORS.map(str::to_owned).into() } else { Vec::new() }
        };
        Ok(Some(Self {
            name: described.text("name")?.unwrap_or_else(|| package.to_owned()),
            package: package.to_owned(),
            folder: folder.to_owned(),
            stack: described.number("stack")?.unwrap_or(if connects { STACK_OF_CONNECTORS } else { STACK }),
            features: described.list("features")?.unwrap_or_default(),
            imports: described.list("imports")?.unwrap_or_else(of_its_world),
            exports,
        }))
    }
}

/// All components of the workspace at `root`, by name.
///
/// # Errors
///
/// A folder or a manifest cannot be read, or a manifest does not say what it has to.
pub fn components(root: &Path) -> Result<Vec<Component>, Error> {
    let mut found = Vec::new();
    if root.join(RULES).join("Cargo.toml").exists() {
        found.extend(Component::of(root, Path::new(RULES))?);
    }
    for place in PLACES {
        let absolute = root.join(place);
        for entry in std::fs::read_dir(&absolute).map_err(file_error(&absolute))? {
            let folder = Path::new(place).join(entry.map_err(file_error(&absolute))?.file_name());
            if root.join(&folder).join("Cargo.toml").exists() {
                found.extend(Component::of(root, &folder)?);
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The table of a manifest that describes a component.
struct Described<'a> {
    path: &'a Path,
    table: &'a Table,
}

impl Described<'_> {
    /// Refuses a key that means nothing, so that a slip of the pen is no silence.
    fn nothing_else(&self) -> Result<(), Error> {
        const KEYS: [&str; 5] = ["name", "stack", "features", "imports", "exports"];
        match self.table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            Some(key) => Err(self.refuse(&format!("has an unknown key `{key}`"))),
            None => Ok(()),
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, Error> {
        self.value(key, "a string", |value| value.as_str().map(str::to_owned))
    }

    fn number(&self, key: &str) -> Result<Option<u32>, Error> {
        self.value(key, "a number of bytes", |value| u32::try_from(value.as_integer()?).ok())
    }

    fn list(&self, key: &str) -> Result<Option<Vec<String>>, Error> {
        self.value(key, "a list of strings", |value| {
            value.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
        })
    }

    fn value<T>(
        &self,
        key: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.refuse(&format!("has a `{key}` that is not {what}")))
    }

    fn refuse(&self, why: &str) -> Error {
        let reason = format!("[package.metadata.component] {why}");
        Error::Content { path: self.path.to_owned(), reason }
    }
}
