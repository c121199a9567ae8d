use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use url::form_urlencoded;

use super::*;
use crate::primitives::transport::LARGEST_RESPONSE;

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

/// A secret with everything in it that some encoding writes in its own way.
const ODD: &str = "correct +\"\\%41&amp;<'ü€😀\n";

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn form(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn html(text: &str) -> String {
    let named = |c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#x27;".to_owned(),
        'ü' => "&#252;".to_owned(),
        '€' => "&#x020AC;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(named).collect()
}

fn json_in_ascii(text: &str) -> String {
    let unit = |unit: u16| match u8::try_from(unit) {
        Ok(byte @ b' '..=b'~') => json(&char::from(byte).to_string()),
        _ => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(unit).collect()
}

/// Encodings that hosts and servers apply to a value.
const ENCODERS: [fn(&str) -> String; 6] = [str::to_owned, json, json_in_ascii, form, percent, html];

#[test]
fn a_secret_under_three_encodings_is_found() {
    let scrubber = Scrubber::new([("odd", ODD)].into_iter());
    for first in ENCODERS {
        for second in ENCODERS {
            for third in ENCODERS {
                let text = third(&second(&format!("a{}b", first(ODD))));
                assert_eq!(scrubber.clean(text.clone()), "a{secret:odd}b", "{text}");
            }
        }
    }
    // The documentation says so: a fourth is too much.
    let four_times = percent(&percent(&percent(&percent(ODD))));
    assert_eq!(scrubber.clean(four_times.clone()), four_times);
}

#[test]
fn a_space_of_a_form_is_a_space() {
    let scrubber = Scrubber::new([("password", "correct horse 9"), ("other", "one+two+three")].into_iter());
    for text in ["correct+horse+9", "correct%20horse+9", "correct%2bhorse 9", "correct%2Bhorse%2b9"] {
        assert_eq!(scrubber.clean(format!("p={text}&q=a+b")), "p={secret:password}&q=a+b", "{text}");
    }
    assert_eq!(scrubber.clean("one%2Btwo+three one two three".to_owned()), "{secret:other} {secret:other}");
    assert_eq!(scrubber.clean_name("x-Correct+horse%209".to_owned()), "{secret:password}");
}

#[test]
fn base64_of_what_the_host_has_written_is_found() {
    let scrubber = Scrubber::new([("odd", ODD)].into_iter());
    for written in [ODD.to_owned(), json(ODD), form(ODD), percent(ODD)] {
        for before in ["", "a", "ab"] {
            let encoded = STANDARD.encode(format!("{before}{written}"));
            for text in [encoded.clone(), percent(&encoded), json(&encoded)] {
                let cleaned = scrubber.clean(text.clone());
                assert!(cleaned.contains("{secret:odd}") && cleaned.len() < 24, "{cleaned} of {text}");
            }
        }
    }
}

#[test]
fn a_secret_taken_for_latin_1_is_found() {
    let scrubber = Scrubber::new([("password", "grün über")].into_iter());
    let latin1 = b"a gr\xfcn \xfcber b";
    let of_an_old_page = String::from_utf8_lossy(latin1).into_owned();
    for text in ["a grÃ¼n Ã¼ber b", "a gr\\u00c3\\u00bcn Ã&#xbc;ber b", "a gr%FCn+%fcber b", &of_an_old_page]
    {
        assert_eq!(scrubber.clean(text.to_owned()), "a {secret:password} b", "{text}");
    }
}

#[test]
fn secrets_that_repeat_themselves_are_found_wherever_they_begin() {
    let scrubber = Scrubber::new([("a", "abababac"), ("b", "aaaaaaaa"), ("c", "x")].into_iter());
    assert_eq!(scrubber.clean("-abababababac-".to_owned()), "-abab{secret:a}-");
    assert_eq!(scrubber.clean("-aaaaaaa-aaaaaaaaaaa-".to_owned()), "-aaaaaaa-{secret:b}-");
    assert_eq!(scrubber.clean("xxax".to_owned()), "{secret:c}{secret:c}a{secret:c}");
}

/// A secret has begun at every place of each of these texts, under one encoding after another: with time in
/// the square of the length this would take minutes.
#[test]
fn the_largest_answer_is_searched_in_linear_time() {
    let secrets = ["a", "\n", "%25"].map(|unit| format!("{}end!", unit.repeat((8 << 10) / unit.len())));
    let scrubber = Scrubber::new(["one", "two", "three"].into_iter().zip(secrets.iter().map(String::as_str)));
    for unit in ["a", "\\n", "\\", "%25", "&amp;", "YWFh", "%2525\\\\\\\\n&amp;amp;a"] {
        let text = unit.repeat(LARGEST_RESPONSE / unit.len());
        let cleaned = scrubber.clean(text.clone());
        assert!(cleaned == text, "{unit}");
    }
}

fn odd_secret() -> impl Strategy<Value = String> {
    let special = proptest::sample::select(r##" +"\%&;<>'/=?#{}u0a41é€😀"##.chars().collect::<Vec<_>>());
    let character = prop_oneof![3 => special, 1 => any::<char>(), 1 => proptest::char::range('\0', '\x7f')];
    proptest::collection::vec(character, 8..24).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn whatever_a_secret_is_it_is_found_under_three_encodings(
        secret in odd_secret(),
        encoders in proptest::array::uniform3(proptest::sample::select(&ENCODERS[..])),
        around in r##"[ +"\\%&;<u0-9a-f]{0,6}"##,
    ) {
        let text = encoders.iter().fold(format!("{around}{secret}{around}"), |text, encode| encode(&text));
        let cleaned = Scrubber::new([("secret", secret.as_str())].into_iter()).clean(text.clone());
        prop_assert!(cleaned.contains("{secret:secret}"), "{cleaned} of {text}");
        let outside = encoders.iter().fold(around.repeat(2), |text, encode| encode(&text));
        prop_assert!(cleaned.len() <= outside.len() + "{secret:secret}".len(), "{cleaned} of {text}");
    }

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
