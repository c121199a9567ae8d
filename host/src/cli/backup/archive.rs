//! The archive of a backup: entries in, entries out.

use std::fs::File;
use std::io::{self, Read, Write};

use anyhow::{Context as _, bail};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::manifest::{Entry, LARGEST, MANIFEST, Manifest};

/// Bytes that are copied at once.
const PIECE: usize = 64 * 1024;

/// Returns size and SHA-256 of what is left of a reader.
pub(super) fn measured(mut from: impl Read) -> io::Result<(u64, String)> {
    copied(&mut from, &mut io::sink(), u64::MAX)
}

/// Copies at most so many bytes. Returns their number and SHA-256.
pub(super) fn copied(from: &mut impl Read, to: &mut impl Write, most: u64) -> io::Result<(u64, String)> {
    let (mut sha, mut size, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let read = from.read(&mut piece)?;
        let Some(part) = piece.get(..read).filter(|part| !part.is_empty()) else { break };
        size += part.len() as u64;
        if size > most {
            return Err(io::Error::other("there is more in it than its manifest says"));
        }
        sha.update(part);
        to.write_all(part)?;
    }
    let digits = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((size, digits))
}

/// Writes an archive with a manifest and these files, which are as the manifest says.
pub(super) fn write(to: &File, manifest: &Manifest, files: Vec<File>) -> anyhow::Result<()> {
    let mut archive = Builder::new(GzEncoder::new(to, flate2::Compression::default()));
    let text = serde_json::to_vec_pretty(manifest)?;
    let at = u64::try_from(manifest.created_at.as_second()).unwrap_or_default();
    archive.append_data(&mut header(text.len() as u64, at), MANIFEST, text.as_slice())?;
    for (entry, file) in manifest.files.iter().zip(files) {
        archive
            .append_data(&mut header(entry.size, at), &entry.name, file.take(entry.size))
            .with_context(|| format!("{} cannot be written", entry.name))?;
    }
    archive.into_inner()?.finish()?;
    to.sync_all()?;
    Ok(())
}

fn header(size: u64, at: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(at);
    header
}

/// Reads an archive, and hands each file that its manifest names to `take`, which says where it is to be
/// written. Everything is as the manifest says when this returns.
pub(super) fn read(
    from: &File,
    mut take: impl FnMut(&Entry) -> anyhow::Result<Box<dyn Write>>,
) -> anyhow::Result<Manifest> {
    let mut archive = Archive::new(GzDecoder::new(from));
    let mut entries = archive.entries().context("it is no backup")?;
    let first = entries.next().transpose().context("it is no backup")?.context("it is empty")?;
    if first.path_bytes().as_ref() != MANIFEST.as_bytes() {
        bail!("it is no backup: it does not begin with a manifest");
    }
    let mut text = Vec::new();
    first.take(LARGEST).read_to_end(&mut text).context("it is damaged")?;
    let manifest = Manifest::parse(&text)?;
    for wanted in &manifest.files {
        let name = &wanted.name;
        let found = entries.next().transpose().context("it is damaged")?;
        let mut found = found.with_context(|| format!("it is damaged: {name} is missing"))?;
        let is_it = found.path_bytes().as_ref() == name.as_bytes();
        if !is_it || found.header().entry_type() != EntryType::Regular {
            bail!("it is damaged: {name} is not where its manifest says");
        }
        let mut to = take(wanted)?;
        let (size, sha256) =
            copied(&mut found, &mut to, wanted.size).with_context(|| format!("it is damaged: {name}"))?;
        to.flush()?;
        if size != wanted.size || sha256 != wanted.sha256 {
            bail!("it is damaged: {name} is not as it was when the backup was made");
        }
    }
    if entries.next().is_some() {
        bail!("it has more in it than its manifest says");
    }
    Ok(manifest)
}
