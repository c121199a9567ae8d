//! The file `SOURCES`: what each built component was built from.

use std::path::{Path, PathBuf};

use crate::{DIST, Error, components, digest, examples, read, read_text, source_digest, write};

/// Its name.
const SOURCES: &str = "SOURCES";

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

/// A folder of built components, with its file `SOURCES`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folder<'a> {
    /// The workspace.
    pub(crate) root: &'a Path,
    /// The folder, from there.
    pub(crate) path: &'static str,
}

impl Folder<'_> {
    fn file(self, name: &str) -> PathBuf {
        self.root.join(self.path).join(name)
    }

    /// Writes what the components were built from.
    pub(crate) fn record(self, records: &[Record]) -> Result<(), Error> {
        let lines =
            records.iter().map(|Record { name, sources, bytes }| format!("{name} {sources} {bytes}\n"));
        let text = HEAD.to_owned() + &lines.collect::<String>();
        write(&self.file(SOURCES), text.as_bytes())
    }

    /// What was recorded.
    fn recorded(self) -> Result<Vec<Record>, Error> {
        let path = self.file(SOURCES);
        read_text(&path)?
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
            .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
                [name, sources, bytes] => {
                    Ok(Record { name: name.to_owned(), sources: sources.to_owned(), bytes: bytes.to_owned() })
                }
                _ => {
                    let reason = format!("`{line}` has not three words");
                    Err(Error::Content { path: path.clone(), reason })
                }
            })
            .collect()
    }

    /// Why its components are not those of these sources, by name and digest.
    fn stale(self, sources: &[(String, String)]) -> Result<Vec<String>, Error> {
        let (records, folder) = (self.recorded()?, self.path);
        let mut reasons = Vec::new();
        for (name, digest) in sources {
            let file = format!("{name}.wasm");
            let Some(record) = records.iter().find(|record| record.name == *name) else {
                reasons.push(format!("{folder}/{SOURCES} does not name {file}"));
                continue;
            };
            if record.sources != *digest {
                reasons.push(format!("{folder}/{file} was built from other sources"));
            }
            if record.bytes != digest::of_bytes(&read(&self.file(&file))?) {
                reasons.push(format!("{folder}/{file} is not the file that was recorded"));
            }
        }
        for Record { name, .. } in records {
            if !sources.iter().any(|(known, _)| *known == name) {
                reasons.push(format!("{folder}/{SOURCES} names {name}, which nothing is built as"));
            }
        }
        Ok(reasons)
    }
}

/// Why the built components are not those of the sources, one sentence for each that is not; empty when all
/// are.
///
/// # Errors
///
/// A file that is needed for the comparison cannot be read.
pub fn stale(root: &Path) -> Result<Vec<String>, Error> {
    let mut sources = Vec::new();
    for component in components(root)? {
        let digest = source_digest(root, &component)?;
        sources.push((component.name, digest));
    }
    let mut reasons = Folder { root, path: DIST }.stale(&sources)?;
    let examples = examples::sources(root)?.into_iter().map(|(name, digest)| (name.to_owned(), digest));
    reasons.extend(examples::folder(root).stale(&examples.collect::<Vec<_>>())?);
    Ok(reasons)
}
