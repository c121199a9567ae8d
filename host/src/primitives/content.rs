//! Content of a body: its content coding undone, and its text.
//!
//! Clouds and what stands before them are careless with `content-encoding`: they name codings that do not
//! exist, and ones that were not asked for. Where the host cannot undo a coding it cannot look for secrets
//! and positions, so the guest does not get that body.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use super::transport::LARGEST_RESPONSE;

/// Codings that change nothing: the standard's word for none, and what servers write there by mistake, such
/// as the name of a character set.
const NO_CODING: [&str; 9] =
    ["identity", "none", "null", "utf-8", "utf8", "text", "binary", "us-ascii", "iso-8859-1"];

/// Reason why a body cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// The body is in these codings.
    #[error("comes in the coding `{0}`, which this host cannot undo")]
    Coded(String),
    /// The body is not in the coding that it is said to be in.
    #[error("is not in the coding that it says")]
    Damaged,
    /// The decoded body is larger than an answer may be.
    #[error("is larger than {LARGEST_RESPONSE} bytes")]
    TooLarge,
}

/// The body without its content coding, in UTF-8 and without a byte order mark if it is text that begins with
/// one (RFC 8259 §8.1 lets a reader skip it).
///
/// # Errors
///
/// When the coding cannot be undone, or is not the one that the headers say.
pub(super) fn plain(headers: &[(String, String)], body: Vec<u8>) -> Result<Vec<u8>, Unreadable> {
    if body.is_empty() {
        return Ok(body);
    }
    let lines = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let codings: Vec<String> = lines
        .flat_map(|(_, value)| value.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && !NO_CODING.contains(&coding.as_str()))
        .collect();
    let body = match codings.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => body,
        // RFC 9110 §8.4.1.3: a recipient considers the two the same.
        ["gzip" | "x-gzip"] => unzip(&body)?,
        _ => return Err(Unreadable::Coded(codings.join(", "))),
    };
    Ok(without_mark(body))
}

fn unzip(body: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut plain = Vec::new();
    // One byte more than fits, to know whether there is more.
    let most = u64::try_from(LARGEST_RESPONSE).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(body).take(most).read_to_end(&mut plain);
    match read {
        Ok(read) if read > LARGEST_RESPONSE => Err(Unreadable::TooLarge),
        Ok(_) => Ok(plain),
        Err(_) => Err(Unreadable::Damaged),
    }
}

/// Text in UTF-8 without its byte order mark. UTF-16 is found by its mark alone: nothing else begins so.
fn without_mark(body: Vec<u8>) -> Vec<u8> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| match *pair {
            [first, second] => unit([first, second]),
            // Half a unit stands for no character (U+FFFD).
            _ => 0xfffd,
        });
        let text: String =
            char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        text.into_bytes()
    };
    match body.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn zipped(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn read(coding: &[&str], body: Vec<u8>) -> Result<Vec<u8>, Unreadable> {
        let header = |value: &&str| ("Content-Encoding".to_owned(), (*value).to_owned());
        plain(&coding.iter().map(header).collect::<Vec<_>>(), body)
    }

    #[test]
    fn codings_that_are_none_change_nothing() {
        for coding in [
            &[][..],
            &["identity"],
            &[""],
            &[" , ,"],
            &["UTF-8"],
            &["utf8"],
            &["none"],
            &["identity, utf-8", "None"],
        ] {
            assert_eq!(read(coding, b"{}".to_vec()), Ok(b"{}".to_vec()), "{coding:?}");
        }
    }

    #[test]
    fn gzip_has_two_names_and_is_undone_once() {
        for coding in [&["gzip"][..], &["x-gzip"], &["X-GZIP"], &["identity, gzip"], &["utf-8", "gzip"]] {
            assert_eq!(read(coding, zipped(b"{}")), Ok(b"{}".to_vec()), "{coding:?}");
        }
        for coding in
            [&["gzip, gzip"][..], &["gzip", "x-gzip"], &["br"], &["deflate"], &["zstd"], &["gzip, br"]]
        {
            let named = coding.join(", ");
            assert_eq!(read(coding, zipped(b"{}")), Err(Unreadable::Coded(named)), "{coding:?}");
        }
        assert_eq!(read(&["gzip"], b"{\"a\":1}".to_vec()), Err(Unreadable::Damaged));
        let cut = zipped(&b"0123456789abcdef".repeat(64));
        assert_eq!(read(&["gzip"], cut[..cut.len() / 2].to_vec()), Err(Unreadable::Damaged));
        // An answer without a body is in no coding.
        assert_eq!(read(&["br"], Vec::new()), Ok(Vec::new()));
    }

    #[test]
    fn a_small_body_that_grows_beyond_the_limit_is_none() {
        assert_eq!(
            read(&["gzip"], zipped(&vec![b'x'; LARGEST_RESPONSE])).map(|it| it.len()),
            Ok(LARGEST_RESPONSE)
        );
        assert_eq!(read(&["gzip"], zipped(&vec![b'x'; LARGEST_RESPONSE + 1])), Err(Unreadable::TooLarge));
        assert_eq!(read(&["gzip"], zipped(&vec![b'x'; 64 << 20])), Err(Unreadable::TooLarge));
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_utf_16_is_read_by_it() {
        let text = "{\"name\":\"Ü🚗\"}";
        let wide = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            let mut body = mark.to_vec();
            body.extend(text.encode_utf16().flat_map(bytes));
            body
        };
        for body in [
            text.as_bytes().to_vec(),
            [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(),
            wide([0xff, 0xfe], u16::to_le_bytes),
            wide([0xfe, 0xff], u16::to_be_bytes),
        ] {
            assert_eq!(read(&[], body).map(String::from_utf8), Ok(Ok(text.to_owned())));
        }
        let odd = read(&[], vec![0xff, 0xfe, b'a', 0, b'b']).unwrap();
        assert_eq!(odd, "a\u{fffd}".as_bytes());
    }
}
