//! The components of `guest/examples/dist`: those of what authors begin with that tests have to have, whatever toolchains
//! the machine has.

use std::collections::BTreeMap;
use std::path::Path;

use crate::record::{Folder, Record};
use crate::{Built, Error, c, digest, file_error};

/// Where they are.
const DIST: &str = "guest/examples/dist";

/// The folders that they are built from, which are also their names.
const NAMES: [&str; 2] = ["c", "c-layer"];

/// Builds the examples in C, and records what they were built from.
///
/// # Errors
///
/// [`Error::NoToolchain`] without a compiler for C, and then nothing was touched; a failed compilation.
pub fn build_examples(root: &Path) -> Result<Vec<Built>, Error> {
    let mut made = Vec::new();
    for (name, sources) in sources(root)? {
        made.push((name, sources, c::build_c(&source(root, name))?.bytes));
    }
    let dist = root.join(DIST);
    std::fs::create_dir_all(&dist).map_err(file_error(&dist))?;
    let (mut built, mut records) = (Vec::new(), Vec::new());
    for (name, sources, bytes) in made {
        let path = dist.join(format!("{name}.wasm"));
        crate::write(&path, &bytes)?;
        records.push(Record { name: name.to_owned(), sources, bytes: digest::of_bytes(&bytes) });
        built.push(Built { path, size: bytes.len() });
    }
    folder(root).record(&records)?;
    Ok(built)
}

/// The digest of the sources of each, by name.
pub(crate) fn sources(root: &Path) -> Result<Vec<(&'static str, String)>, Error> {
    let digest = |name| {
        let mut parts = BTreeMap::new();
        digest::files(&source(root, name), Path::new(""), &mut parts)?;
        // What is said about it is not in it.
        parts.remove("README.md");
        Ok((name, digest::of_parts(&parts)))
    };
    NAMES.into_iter().map(digest).collect()
}

/// The folder with what was recorded of them.
pub(crate) fn folder(root: &Path) -> Folder<'_> {
    Folder { root, path: DIST }
}

fn source(root: &Path, name: &str) -> std::path::PathBuf {
    root.join("guest/examples").join(name)
}
