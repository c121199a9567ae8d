//! The file `SOURCES`: what each built component was built from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::{Error, components, digest, dist, read, read_text, source_digest};

const HEAD: &str = "# What the components here were built from; written by `cargo guests build`.\n\
                    # component, SHA-256 of its sources, SHA-256 of the component\n";

/// A line of `SOURCES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The component's name.
    pub name: String,
    /// The digest of its sources, as [`source_digest`] gives it.
    pub sources: String,
    /// The SHA-256 of the component itself, in lower-case hex.
    pub bytes: String,
}

pub(crate) fn path(root: &Path) -> PathBuf {
    dist(root).join("SOURCES")
}

pub(crate) fn render(records: &[Record]) -> String {
    let mut text = HEAD.to_owned();
    for record in records {
        let _ = writeln!(text, "{} {} {}", record.name, record.sources, record.bytes);
    }
    text
}

/// What `guest/dist/SOURCES` says.
///
/// # Errors
///
/// The file is missing, or a line has not three words.
pub fn recorded(root: &Path) -> Result<Vec<Record>, Error> {
    let path = path(root);
    read_text(&path)?
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name, sources, bytes] => {
                Ok(Record { name: name.to_owned(), sources: sources.to_owned(), bytes: bytes.to_owned() })
            }
            _ => Err(Error::Content { path: path.clone(), reason: format!("`{line}` has not three words") }),
        })
        .collect()
}

/// Why the built components are not those of the sources, one sentence for each that is not; empty when all
/// are.
///
/// # Errors
///
/// A file that is needed for the comparison cannot be read.
pub fn stale(root: &Path) -> Result<Vec<String>, Error> {
    let records = recorded(root)?;
    let mut reasons = Vec::new();
    let components = components(root)?;
    for component in &components {
        let file = component.file();
        let Some(record) = records.iter().find(|record| record.name == component.name) else {
            reasons.push(format!("guest/dist/SOURCES does not name {file}"));
            continue;
        };
        if record.sources != source_digest(root, component)? {
            reasons.push(format!("guest/dist/{file} was built from other sources"));
        }
        if record.bytes != digest::of_bytes(&read(&dist(root).join(&file))?) {
            reasons.push(format!("guest/dist/{file} is not the file that was recorded"));
        }
    }
    for record in records {
        if !components.iter().any(|component| component.name == record.name) {
            reasons.push(format!("guest/dist/SOURCES names {}, which no crate is for", record.name));
        }
    }
    Ok(reasons)
}
