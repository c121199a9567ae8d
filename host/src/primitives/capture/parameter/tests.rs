use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

fn value(url: &str) -> Option<String> {
    find(url, "code").map(|found| found.value().to_owned())
}

fn replaced(url: &str) -> String {
    find(url, "code").unwrap().replaced("{secret:code}")
}

#[test]
fn finds_a_parameter_in_query_or_fragment() {
    for (url, expected) in [
        // RFC 6749 §4.1.2 and §4.2.2.
        (
            "https://client.example.com/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=xyz",
            Some("SplxlOBeZQQYbYS6WxSbIA"),
        ),
        ("http://example.com/cb#code=2YotnFZFEjr1zCsicMWpAA&state=xyz", Some("2YotnFZFEjr1zCsicMWpAA")),
        ("/cb?state=x&code=1", Some("1")),
        ("?code=1", Some("1")),
        ("app.scheme://callback?code=1", Some("1")),
        ("com.app:/cb?a=b?code=2&code=1", Some("1")),
        ("/cb?code=query#code=fragment", Some("query")),
        ("/cb?state=x#code=fragment", Some("fragment")),
        ("/#/cb?state=x&code=inner", Some("inner")),
        ("/cb?code=first&code=second", Some("first")),
        ("/cb?code=a%2Bb+c%3D%26=d", Some("a+b c=&=d")),
        ("/cb?co%64e=1", Some("1")),
        ("/cb?code=", Some("")),
        ("/cb?code=%ff", Some("")),
        ("/cb?code=ü%C3%BC", Some("üü")),
        ("/cb?code", None),
        ("/cb?Code=1&xcode=1&code2=1", None),
        ("/code=1", None),
        ("code=1", None),
        ("/cb?next=https://b.example/?x=1%26code=1", None),
        ("", None),
    ] {
        assert_eq!(value(url).as_deref(), expected, "{url}");
    }
}

#[test]
fn the_value_is_gone_from_the_url() {
    for (url, expected) in [
        ("/cb?state=x&code=SECRET-CODE#top", "/cb?state=x&code={secret:code}#top"),
        // Another of that name, whatever its value.
        (
            "?code=SECRET-CODE&code=other#code=third",
            "?code={secret:code}&code={secret:code}#code={secret:code}",
        ),
        ("#/?code=SECRET-CODE", "#/?code={secret:code}"),
        // In what does not say that it is one.
        (
            "https://SECRET-CODE.example/SECRET-CODE?x=SECRET-CODE&code=SECRET-CODE",
            "https://{secret:code}.example/{secret:code}?x={secret:code}&code={secret:code}",
        ),
        (
            "?code=SECRET+C%4FDE&a=SECRET%20CODE&b=SECRET+CODE&c=SECRET CODE",
            "?code={secret:code}&a={secret:code}&b={secret:code}&c={secret:code}",
        ),
        // In a URL within the URL, and in one within that.
        (
            "?code=SECRET%2fCODE&next=%2Fcb%3Fcode%3DSECRET%252FCODE%26b",
            "?code={secret:code}&next=%2Fcb%3Fcode%3D{secret:code}%26b",
        ),
        (
            "?code=SECRET/CODE&n=SECRET%25252FCODE&m=SECRET%2525252FCODE",
            "?code={secret:code}&n={secret:code}&m=SECRET%2525252FCODE",
        ),
        ("?code=%C3%BC%C3%BC%C3%BC%C3%BC&n=üüüü", "?code={secret:code}&n={secret:code}"),
        // Short values stand in many words.
        ("https://a1.example/1?code=1&x=1", "https://a1.example/1?code={secret:code}&x=1"),
        ("?code=1234567&x=1234567", "?code={secret:code}&x=1234567"),
        ("?code=12345678&x=12345678", "?code={secret:code}&x={secret:code}"),
        ("?code=&x=1", "?code={secret:code}&x=1"),
        ("?code=%ff&x=1", "?code={secret:code}&x=1"),
        // One place within another.
        ("?a#code=x?code=y&b", "?a#code={secret:code}&b"),
    ] {
        assert_eq!(replaced(url), expected, "{url}");
    }
    assert_eq!(find("?a=b&code=1", "code").unwrap().replaced(""), "?a=b&code=");
}

#[test]
fn a_long_text_takes_no_long_time() {
    // Quadratic in the text this would take hours.
    let text = format!("?code={}b&x={}", "a".repeat(1 << 19), "a".repeat(1 << 19));
    assert!(replaced(&text).ends_with('a'));
    let text = format!("?code={}&x={}", "%25".repeat(1 << 17), "%25".repeat(1 << 17));
    assert_eq!(replaced(&text), "?code={secret:code}&x={secret:code}");
}

proptest! {
    #[test]
    fn what_was_encoded_is_found_and_gone(secret in ".{8,20}", rest in "[a-z/]{0,5}") {
        let once = utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string();
        let twice = utf8_percent_encode(&once, NON_ALPHANUMERIC).to_string();
        let url = format!("https://a.example/{rest}?n={twice}&code={once}&m={once}");
        if !secret.contains(char::REPLACEMENT_CHARACTER) {
            prop_assert_eq!(value(&url), Some(secret));
            prop_assert_eq!(
                replaced(&url),
                format!("https://a.example/{rest}?n={{secret:code}}&code={{secret:code}}&m={{secret:code}}")
            );
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        text in "([?#&=%+aü]|code|code=|%[0-9A-F]{2}|aaaaaaaa){0,20}",
        any in ".{0,40}",
    ) {
        for text in [text, any] {
            if let Some(found) = find(&text, "code") {
                let replaced = found.replaced("{secret:code}");
                // Even the name of the parameter may be gone: the value of `?code=code=code` begins in it.
                prop_assert!(replaced.contains("{secret:code}"), "{text} {replaced}");
            }
        }
    }
}
