//! Reading a component, and the signature beside it, from a file that may be anything, regardless of who
//! named it.
//!
//! No more is read than a component may have, and the disk is all that is waited for: a pipe without a writer
//! is refused like everything else that is not a regular file.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::sandbox::LARGEST_COMPONENT;

/// The ending of a signature's name, after the component's whole name.
const SIGNATURE: &str = ".minisig";

/// The longest signature that is read, in bytes. One of minisign has about three hundred.
const LONGEST_SIGNATURE: usize = 4 << 10;

/// Treatment of symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// Refused: their target may change without anything being moved.
    Refused,
    /// Followed: the caller who names the file knows where it leads.
    Followed,
}

impl Links {
    fn metadata(self, path: &Path) -> io::Result<Metadata> {
        match self {
            Self::Refused => std::fs::symlink_metadata(path),
            Self::Followed => std::fs::metadata(path),
        }
    }
}

/// Identity of a file, and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Device and the number on it, where these exist.
    pub inode: Option<(u64, u64)>,
    size: u64,
    modified: Option<SystemTime>,
}

impl Identity {
    /// Returns the identity of what has this path; `None` if nothing has.
    pub fn at(path: &Path) -> Option<Self> {
        std::fs::symlink_metadata(path).ok().as_ref().map(Self::of)
    }

    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt as _;
            Some((metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let inode = None;
        Self { inode, size: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// A component and its signature, as they were read.
#[derive(Debug, Clone)]
pub(crate) struct Contents {
    pub identity: Identity,
    pub component: Vec<u8>,
    pub signature: Option<String>,
}

/// Reason why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it is {0}; only a regular file is read")]
    NoFile(&'static str),
    #[error("it has {size} bytes; at most {most} are read")]
    TooLarge { size: u64, most: usize },
    #[error("it changed while it was read; write beside it and move it into place")]
    Changing,
    #[error("another file took its place while it was read; try again")]
    Replaced,
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("its signature {SIGNATURE} beside it: {0}")]
    Signature(Box<Refused>),
    #[error("it is no text")]
    NoText,
}

impl Refused {
    /// Whether the file is absent: it was taken away again.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unreadable(error) => error,
            refused => Self::other(refused),
        }
    }
}

/// Reads a component and what is beside it as its signature. Blocks for as long as the disk takes.
pub(crate) fn read(path: &Path, links: Links) -> Result<Contents, Refused> {
    let (component, identity) = read_regular(path, links, LARGEST_COMPONENT)?;
    let signature = match read_regular(&signature_beside(path), links, LONGEST_SIGNATURE) {
        Ok((text, _identity)) => match String::from_utf8(text) {
            Ok(text) => Some(text),
            Err(_) => return Err(Refused::Signature(Box::new(Refused::NoText))),
        },
        Err(absent) if absent.is_absence() => None,
        Err(refused) => return Err(Refused::Signature(Box::new(refused))),
    };
    Ok(Contents { identity, component, signature })
}

/// Reads like [`read`], on a thread that may block.
pub(crate) async fn read_apart(path: PathBuf, links: Links) -> Result<Contents, Refused> {
    let read = tokio::task::spawn_blocking(move || read(&path, links)).await;
    read.unwrap_or_else(|error| Err(Refused::Unreadable(io::Error::other(error))))
}

/// Reads a component alone. Blocks for as long as the disk takes.
pub(crate) fn read_component(path: &Path, links: Links) -> Result<Vec<u8>, Refused> {
    read_regular(path, links, LARGEST_COMPONENT).map(|(component, _identity)| component)
}

/// Reads any other regular file of at most `most` bytes, in the same way.
pub(crate) fn read_bytes(path: &Path, links: Links, most: usize) -> Result<Vec<u8>, Refused> {
    read_regular(path, links, most).map(|(bytes, _identity)| bytes)
}

/// Returns the path of a component's signature, if it has one.
pub(crate) fn signature_beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(SIGNATURE);
    PathBuf::from(beside)
}

fn read_regular(path: &Path, links: Links, most: usize) -> Result<(Vec<u8>, Identity), Refused> {
    // Checked before it is opened, because opening a device may do something; and again when it is open,
    // because it may be another one by then.
    let found = links.metadata(path)?;
    regular(&found)?;
    let mut file = open(path)?;
    let before = file.metadata()?;
    regular(&before)?;
    let identity = Identity::of(&before);
    if identity.inode != Identity::of(&found).inode {
        return Err(Refused::Replaced);
    }
    if before.len() > most as u64 {
        return Err(Refused::TooLarge { size: before.len(), most });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or_default());
    file.by_ref().take(most as u64 + 1).read_to_end(&mut bytes)?;
    let after = Identity::of(&file.metadata()?);
    if after != identity || bytes.len() as u64 != before.len() {
        return Err(Refused::Changing);
    }
    Ok((bytes, identity))
}

fn regular(metadata: &Metadata) -> Result<(), Refused> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    Err(Refused::NoFile(match () {
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_dir() => "a directory",
        () => "a pipe, a socket or a device",
    }))
}

/// Opens a file for reading without waiting, as one would have to for the writer of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}
