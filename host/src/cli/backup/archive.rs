//! The archive of a backup: entries in, entries out.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::manifest::{Entry, LARGEST, MANIFEST, Manifest};

/// Bytes that are copied at once.
const PIECE: usize = 64 * 1024;

/// Most bytes of an archive after the last file: what rounds it up to the size of a tape's block.
const PADDING: u64 = 64 * 1024;

/// A file that is unpacked.
pub(super) struct Target {
    pub(super) to: Box<dyn Write>,
    /// Where it is, for messages.
    pub(super) path: PathBuf,
}

impl Target {
    /// What is only looked at, and goes nowhere.
    pub(super) fn nowhere() -> Self {
        Self { to: Box::new(io::sink()), path: PathBuf::new() }
    }
}

/// Reason why something is not copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotCopied {
    #[error(transparent)]
    Read(io::Error),
    #[error(transparent)]
    Written(io::Error),
    #[error("there is more in it than its manifest says")]
    More,
}

/// Returns size and SHA-256 of what is left of a reader.
pub(super) fn measured(mut from: impl Read) -> Result<(u64, String), NotCopied> {
    copied(&mut from, &mut io::sink(), u64::MAX)
}

/// Copies at most so many bytes. Returns their number and SHA-256.
fn copied(from: &mut impl Read, to: &mut impl Write, most: u64) -> Result<(u64, String), NotCopied> {
    let (mut sha, mut size, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let read = from.read(&mut piece).map_err(NotCopied::Read)?;
        let Some(part) = piece.get(..read).filter(|part| !part.is_empty()) else { break };
        size += part.len() as u64;
        if size > most {
            return Err(NotCopied::More);
        }
        sha.update(part);
        to.write_all(part).map_err(NotCopied::Written)?;
    }
    to.flush().map_err(NotCopied::Written)?;
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
        archive.append_data(&mut header(entry.size, at), &entry.name, file.take(entry.size))?;
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

/// Reads an archive. Its manifest is shown to `begin`, which may refuse it; then each file that it names is handed to
/// `take`, which says where it is to be written. Everything is as the manifest says when this returns, to the last byte
/// of the archive.
pub(super) fn read(
    from: &File,
    begin: impl FnOnce(&Manifest) -> anyhow::Result<()>,
    mut take: impl FnMut(&Entry) -> anyhow::Result<Target>,
) -> anyhow::Result<Manifest> {
    let mut archive = Archive::new(GzDecoder::new(BufReader::new(from)));
    // Raw: an entry that only names the next one is no file of a backup, and would be read into memory whatever its
    // size is.
    let mut entries = archive.entries().context("it is no backup")?.raw(true);
    let first = entries.next().transpose().context("it is no backup")?.context("it is empty")?;
    if first.path_bytes().as_ref() != MANIFEST.as_bytes() {
        bail!("it is no backup: it does not begin with a manifest");
    }
    let mut text = Vec::new();
    first.take(LARGEST).read_to_end(&mut text).context("it is damaged")?;
    let manifest = Manifest::parse(&text)?;
    begin(&manifest)?;
    for wanted in &manifest.files {
        let name = &wanted.name;
        let found = entries.next().transpose().context("it is damaged")?;
        let mut found = found.with_context(|| format!("it is damaged: {name} is missing"))?;
        let is_it = found.path_bytes().as_ref() == name.as_bytes();
        if !is_it || found.header().entry_type() != EntryType::Regular {
            bail!("it is damaged: {name} is not where its manifest says");
        }
        let Target { mut to, path } = take(wanted)?;
        let (size, sha256) = match copied(&mut found, &mut to, wanted.size) {
            Err(error @ NotCopied::Written(_)) => {
                return Err(error).with_context(|| format!("{} cannot be written", path.display()));
            }
            copied => copied.with_context(|| format!("it is damaged: {name}"))?,
        };
        if size != wanted.size || sha256 != wanted.sha256 {
            bail!("it is damaged: {name} is not as it was when the backup was made");
        }
    }
    if entries.next().transpose().context("it is damaged")?.is_some() {
        bail!("it has more in it than its manifest says");
    }
    ends(archive.into_inner())?;
    Ok(manifest)
}

/// Reads the rest of an archive: padding, the checksum of the compression, and nothing behind it.
fn ends(mut archive: GzDecoder<BufReader<&File>>) -> anyhow::Result<()> {
    let mut padding = Vec::new();
    let read = archive.by_ref().take(PADDING).read_to_end(&mut padding);
    let read = read.context("it is damaged: its end is cut off, or is not as it was")?;
    let mut file = archive.into_inner();
    if read as u64 == PADDING || padding.iter().any(|&byte| byte != 0) || !file.fill_buf()?.is_empty() {
        bail!("it has more in it than its manifest says");
    }
    Ok(())
}
