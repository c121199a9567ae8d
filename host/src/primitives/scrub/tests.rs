use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

const TOKEN: &str = "to/ken+\"é😀\\%41==";

fn clean(text: &str) -> String {
    let secrets =
        [("token", TOKEN), ("pin", "1234"), ("longer", "to/ken+\"é😀\\%41== and more"), ("empty", "")];
    Scrubber::new(secrets.into_iter()).clean(text.to_owned())
}

#[test]
fn finds_a_secret_however_it_is_written() {
    let json = serde_json::to_string(TOKEN).unwrap();
    let json = json.trim_matches('"').to_owned();
    let percent = utf8_percent_encode(TOKEN, NON_ALPHANUMERIC).to_string();
    let every_escape: String = TOKEN.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    let every_percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let twice: String = every_percent.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    for form in [
        TOKEN,
        &json,
        &json.replace('/', "\\/"),
        &percent,
        &percent.to_lowercase().replace("%5c", "\\"),
        &every_escape,
        &every_percent,
        &twice,
        &serde_json::to_string(&percent).unwrap().replace('%', "\\u0025").replace('"', ""),
    ] {
        assert_eq!(clean(&format!("a {form} b {form}")), "a {secret:token} b {secret:token}", "{form}");
    }
}

#[test]
fn leaves_everything_else_as_it_was() {
    for text in [
        "",
        "nothing",
        "%",
        "%4",
        "%zz\\",
        "\\u12",
        "\\ud83d",
        "\\ud83d\\u0041",
        "123",
        "\\u0031\\u0032",
        "é%C3%A9\\n",
    ] {
        assert_eq!(clean(text), text);
    }
    assert_eq!(clean("%41\\n1234\\u0041 %2541"), "%41\\n{secret:pin}\\u0041 %2541");
}

#[test]
fn nothing_is_left_of_secrets_that_overlap() {
    assert_eq!(clean("to/ken+\"é😀\\%41== and more!"), "{secret:longer}!");
    let overlapping = [("a", "abcdefgh"), ("b", "ghijklmn")];
    let scrubbed = Scrubber::new(overlapping.into_iter()).clean("-abcdefghijklmn-".to_owned());
    assert_eq!(scrubbed, "-{secret:a}-");
}

#[test]
fn header_names_are_searched_whatever_their_case() {
    let scrubber = Scrubber::new([("token", "AbCdEfGh")].into_iter());
    assert_eq!(scrubber.clean_name("x-abcdefgh".to_owned()), "{secret:token}");
    assert_eq!(scrubber.clean_name("x-abcdefg".to_owned()), "x-abcdefg");
}

proptest! {
    #[test]
    fn base64_of_anything_with_a_secret_in_it_tells_little(
        secret in "[!-~]{12,40}",
        before in proptest::collection::vec(any::<u8>(), 0..7),
        after in proptest::collection::vec(any::<u8>(), 0..7),
    ) {
        let whole = [before.as_slice(), secret.as_bytes(), after.as_slice()].concat();
        for encoded in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
            let cleaned = Scrubber::new([("token", secret.as_str())].into_iter()).clean(encoded.clone());
            prop_assert!(cleaned.contains("{secret:token}"), "{encoded}");
            // At most two characters at either end share bits with the neighbours.
            let left = cleaned.replace("{secret:token}", "").len();
            let around = (before.len() + after.len()) * 8 / 6 + 8;
            prop_assert!(left <= around, "{left} of {encoded}");
        }
    }

    #[test]
    fn a_secret_with_some_characters_encoded_is_found(
        secret in "[a-zA-Z0-9/+=_.é-]{8,40}",
        how in proptest::collection::vec(0..4, 40),
    ) {
        let percent = |c: char| utf8_percent_encode(&c.to_string(), NON_ALPHANUMERIC).to_string();
        let written = secret.chars().zip(how).map(|(c, how)| match how {
            0 => percent(c),
            1 if !c.is_ascii_alphanumeric() => percent(c).to_lowercase(),
            2 => format!("\\u{:04x}", u32::from(c)),
            _ => c.to_string(),
        });
        let written: String = written.collect();
        let cleaned = Scrubber::new([("token", secret.as_str())].into_iter()).clean(written.clone());
        prop_assert_eq!(cleaned, "{secret:token}", "{}", written);
    }
}
