//! Builds the components of `guest/dist` and says whether they are those of the sources; and one component
//! from a crate elsewhere.
//!
//! The host embeds the built components, so that `cargo run` and the tests need no WebAssembly toolchain.
//! `guest/dist/SOURCES` records for each component a digest of everything it was built from; a test and
//! `cargo guests check` compare it with the sources, so that a component cannot be forgotten.
//!
//! # Layout
//!
//! * `component`: the components, as the manifests of their crates describe them.
//! * `digest`: what a component is made of, in one number.
//! * `record`: the file `SOURCES`.
//! * `toolchain`: which compiler builds for `wasm32-unknown-unknown` on this machine.
//! * `compile`: from sources to a core module.
//! * `componentize`: from a core module to a component with the imports and exports it should have.

mod compile;
mod component;
mod componentize;
mod digest;
mod record;
mod toolchain;

use std::path::{Path, PathBuf};

use compile::Place;
pub use component::{Component, components};
pub use digest::source_digest;
pub use record::{Record, recorded, stale};
pub use toolchain::Toolchain;

/// Why something about the components cannot be built or told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A manifest, the lock file or `SOURCES` is not what it should be.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No compiler on this machine builds for WebAssembly.
    #[error("{0}")]
    NoToolchain(String),
    /// The compiler failed; it has said why.
    #[error("building {0} failed")]
    Compile(String),
    /// The module is no component of the world it should be of.
    #[error("{component}: {reason}")]
    Component {
        /// The component.
        component: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What [`build`] made.
#[derive(Debug)]
pub struct Built {
    /// Which component.
    pub component: Component,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: usize,
}

/// The folder of the built components.
#[must_use]
pub fn dist(root: &Path) -> PathBuf {
    root.join("guest/dist")
}

/// Builds every component from the workspace at `root` into [`dist`], and records what it was built from.
///
/// Nothing in [`dist`] is touched before all of them have been built; `SOURCES` is written last, so that a
/// run that ends in between is noticed as stale.
///
/// # Errors
///
/// No toolchain, a failed compilation, or a component with other imports or exports than its manifest names.
pub fn build(root: &Path) -> Result<Vec<Built>, Error> {
    let toolchain = Toolchain::detect(root)?;
    let mut made = Vec::new();
    for component in components(root)? {
        let module = compile::module(Place::Here(root), &toolchain, &component)?;
        let bytes = componentize::component(&component, &module)?;
        made.push((component, bytes));
    }

    let dist = dist(root);
    std::fs::create_dir_all(&dist).map_err(file_error(&dist))?;
    let mut records = Vec::new();
    let mut built = Vec::new();
    for (component, bytes) in made {
        let path = dist.join(component.file());
        write(&path, &bytes)?;
        records.push(Record {
            name: component.name.clone(),
            sources: source_digest(root, &component)?,
            bytes: digest::of_bytes(&bytes),
        });
        built.push(Built { component, path, size: bytes.len() });
    }
    write(&record::path(root), record::render(&records).as_bytes())?;
    Ok(built)
}

/// Builds the component that the crate in `folder` is, in a workspace or a repository of its own, and returns
/// it with what its manifest says.
///
/// # Errors
///
/// As for [`build`], and a manifest that describes no component.
pub fn build_elsewhere(folder: &Path) -> Result<(Component, Vec<u8>), Error> {
    let folder = folder.canonicalize().map_err(file_error(folder))?;
    let component = Component::of(&folder, Path::new(""))?.ok_or_else(|| Error::Content {
        path: folder.join("Cargo.toml"),
        reason: "has no [package.metadata.component]".to_owned(),
    })?;
    let toolchain = Toolchain::detect(&folder)?;
    let module = compile::module(Place::Elsewhere(&folder), &toolchain, &component)?;
    let bytes = componentize::component(&component, &module)?;
    Ok((component, bytes))
}

/// Makes a component of a core module from another compiler, such as one for C, with the description of its world in
/// it. `name` is what messages call it.
///
/// # Errors
///
/// [`Error::Component`] when the module does not fit its description, or has none.
pub fn encode(name: &str, module: &[u8]) -> Result<Vec<u8>, Error> {
    componentize::encode(name, module)
}

/// Makes the package of the interfaces in `wit/` of the workspace at `root`, in the binary form of the component model and
/// with their documentation: what other tools take in place of the folder.
///
/// # Errors
///
/// [`Error::Content`] when the folder is no package.
pub fn interfaces(root: &Path) -> Result<Vec<u8>, Error> {
    let path = root.join("wit");
    let mut resolve = wit_parser::Resolve::default();
    let made = resolve.push_path(&path).and_then(|(package, _)| wit_component::encode(&resolve, package));
    made.map_err(|error| Error::Content { path, reason: format!("{error:#}") })
}

fn file_error(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    |source| Error::File { path: path.to_owned(), source }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(file_error(path))
}

fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(file_error(path))
}

/// Writes a file.
///
/// # Errors
///
/// The system says why.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(file_error(path))
}
