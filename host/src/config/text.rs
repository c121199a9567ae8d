//! Files of text that people have written with whatever was at hand.

use std::path::Path;

use crate::component_file::{self, Links, Refused};

/// Marks the beginning of text in UTF-8, UTF-16 (either order). Editors write it; it does not belong to the
/// text.
const BOM: char = '\u{feff}';

/// Reason why there is no text, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum NoText {
    /// The file could not be read, or is not a regular file.
    #[error("{0}")]
    Unreadable(String),
    /// The characters have another encoding.
    #[error("line {line} is not in UTF-8 but in {encoding}; save the file as UTF-8")]
    Encoding {
        /// First line that shows it, counted from 1.
        line: usize,
        /// Probable encoding.
        encoding: &'static str,
    },
    /// The file is not text.
    #[error("line {line} has a zero byte, so it is no text; name a text file")]
    Binary {
        /// First line that shows it, counted from 1.
        line: usize,
    },
}

/// Reads a regular file, or a link to one, of at most `most` bytes. Waits for the disk only: a pipe is
/// refused, for its writer may never come.
///
/// # Errors
///
/// See [`NoText`].
pub(super) fn read(path: &Path, most: usize) -> Result<String, NoText> {
    let bytes = component_file::read_bytes(path, Links::Followed, most);
    decode(bytes.map_err(|refused| NoText::Unreadable(unreadable(&refused)))?)
}

/// Returns the text without its mark.
pub(super) fn without_bom(text: &str) -> &str {
    text.strip_prefix(BOM).unwrap_or(text)
}

fn unreadable(refused: &Refused) -> String {
    match refused {
        Refused::NoFile(what) => format!("it is {what}; name a regular file"),
        other => other.to_string(),
    }
}

/// Whether it is text of two bytes a character: it begins with the mark, or with letters that have a zero
/// byte each.
fn is_wide(bytes: &[u8]) -> bool {
    const SEEN: usize = 4;
    let letters = |zero: usize| {
        let mut pairs = bytes.chunks_exact(2).take(SEEN);
        pairs.len() == SEEN && pairs.all(|pair| pair.iter().position(|&byte| byte == 0) == Some(zero))
    };
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || letters(0) || letters(1)
}

/// Returns the number of the line that a byte is in, counted from 1.
fn line(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|&&byte| byte == b'\n').count()
}

fn decode(bytes: Vec<u8>) -> Result<String, NoText> {
    if is_wide(&bytes) {
        return Err(NoText::Encoding { line: 1, encoding: "UTF-16" });
    }
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return Err(NoText::Binary { line: line(&bytes, at) });
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = line(error.as_bytes(), error.utf8_error().valid_up_to());
        NoText::Encoding { line, encoding: "Latin-1 or another one of single bytes" }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_named_with_their_line() {
        let utf16 =
            |bytes: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
        for (bytes, said) in [
            (utf16(u16::to_le_bytes, "\u{feff}[mqtt]"), "line 1 is not in UTF-8 but in UTF-16"),
            (utf16(u16::to_be_bytes, "\u{feff}[mqtt]"), "line 1 is not in UTF-8 but in UTF-16"),
            (utf16(u16::to_le_bytes, "[mqtt]"), "line 1 is not in UTF-8 but in UTF-16"),
            (b"[mqtt]\n# K\xfcche".to_vec(), "line 2 is not in UTF-8 but in Latin-1"),
        ] {
            let error = decode(bytes).unwrap_err().to_string();
            assert!(error.starts_with(said) && error.ends_with("save the file as UTF-8"), "{error}");
        }
        assert_eq!(decode("\u{feff}Küche".into()).unwrap(), "\u{feff}Küche");
    }

    #[test]
    fn a_program_is_no_text_in_another_encoding() {
        for (bytes, line) in [(&b"\x7fELF\x02\x01\x01\0\0\0"[..], 1), (b"[mqtt]\nurl\0", 2), (b"\0", 1)] {
            let error = decode(bytes.to_vec()).unwrap_err().to_string();
            assert_eq!(error, format!("line {line} has a zero byte, so it is no text; name a text file"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_waits_for_the_writer_of_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = read(&pipe, 100).unwrap_err().to_string();
        assert_eq!(error, "it is a pipe, a socket or a device; name a regular file");
    }
}
