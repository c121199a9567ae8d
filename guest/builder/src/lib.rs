//! Builds the components of `guest/dist` and `guest/examples/dist` and says whether they are those of the sources; and one
//! component from a crate or from C elsewhere.
//!
//! The host embeds the built components, so that `cargo run` and the tests need no WebAssembly toolchain.
//! A file `SOURCES` beside them records for each component a digest of everything it was built from; a test and
//! `cargo guests check` compare it with the sources, so that a component cannot be forgotten.
//!
//! # Layout
//!
//! * `component`: the components, as the manifests of their crates describe them.
//! * `digest`: what a component is made of, in one number.
//! * `record`: the file `SOURCES`.
//! * `examples`: the components of what authors begin with.
//! * `toolchain`: which compiler builds for `wasm32-unknown-unknown` on this machine.
//! * `compile`: from a crate to a core module. `c`: from C. `tool`: finding a toolchain's program.
//! * `componentize`: from a core module to a component with the imports and exports it should have.

mod c;
mod compile;
mod component;
mod componentize;
mod digest;
mod examples;
mod record;
mod tool;
mod toolchain;

use std::path::{Path, PathBuf};

pub use c::build_c;
use compile::Place;
pub use component::{Component, components};
pub use digest::source_digest;
pub use examples::build_examples;
pub use record::stale;
use record::{Folder, Record};
pub use tool::{find_tool, tool_in_words};
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

/// A component that was built.
#[derive(Debug)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: usize,
}

/// A component that was made elsewhere, and not yet written.
#[derive(Debug)]
pub struct Made {
    /// The component.
    pub bytes: Vec<u8>,
    /// The compiler that was used, for people.
    pub toolchain: String,
}

/// The folder of the components that the host embeds.
const DIST: &str = "guest/dist";

/// Builds every component from the workspace at `root` into `guest/dist`, and records what it was built from.
///
/// Nothing in there is touched before all of them have been built; `SOURCES` is written last, so that a
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

    let dist = root.join(DIST);
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
        built.push(Built { path, size: bytes.len() });
    }
    Folder { root, path: DIST }.record(&records)?;
    Ok(built)
}

/// Builds the component that the crate in `folder` is, in a workspace or a repository of its own, and returns
/// it with what its manifest says.
///
/// # Errors
///
/// As for [`build`], and a manifest that describes no component.
pub fn build_elsewhere(folder: &Path) -> Result<(Component, Made), Error> {
    let folder = folder.canonicalize().map_err(file_error(folder))?;
    let component = Component::of(&folder, Path::new(""))?.ok_or_else(|| Error::Content {
        path: folder.join("Cargo.toml"),
        reason: "has no [package.metadata.component]".to_owned(),
    })?;
    let toolchain = Toolchain::detect(&folder)?;
    let module = compile::module(Place::Elsewhere(&folder), &toolchain, &component)?;
    let bytes = componentize::component(&component, &module)?;
    let toolchain = tool_in_words(&toolchain.rustc());
    Ok((component, Made { bytes, toolchain }))
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
