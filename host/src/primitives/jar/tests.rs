mod properties;

use super::*;

/// The instant of these tests.
fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + seconds).unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// A jar that has taken these headers in, each from its URL.
fn jar(answers: &[(&str, &str)]) -> Jar {
    let mut jar = Jar::default();
    for (from, header) in answers {
        jar.take_in(&url(from), [header.as_bytes()], now()).unwrap();
    }
    jar
}

fn sent(jar: &Jar, to: &str) -> String {
    jar.cookie_header(&url(to), now()).unwrap_or_default()
}

/// What goes back to the same URL of one header.
fn back(from: &str, header: &str) -> String {
    sent(&jar(&[(from, header)]), from)
}

const EXAMPLE: &str = "https://www.example.com/";

/// RFC 6265 §3.1, but for the domain: what is set for `example.com` stays with the host that has set it.
#[test]
fn the_examples_of_rfc_6265() {
    let mut jar = jar(&[(EXAMPLE, "SID=31d4d96e407aad42")]);
    assert_eq!(sent(&jar, EXAMPLE), "SID=31d4d96e407aad42");

    let both = ["SID=31d4d96e407aad42; Path=/; Secure; HttpOnly", "lang=en-US; Path=/; Domain=example.com"];
    jar.take_in(&url(EXAMPLE), both.map(str::as_bytes), now()).unwrap();
    assert_eq!(sent(&jar, "https://www.example.com/a?b"), "SID=31d4d96e407aad42; lang=en-US");
    assert_eq!(sent(&jar, "https://example.com/"), "");

    let end = "lang=en-US; Expires=Wed, 09 Jun 2027 10:18:14 GMT";
    jar.take_in(&url(EXAMPLE), [end.as_bytes()], now()).unwrap();
    assert_eq!(sent(&jar, EXAMPLE), "SID=31d4d96e407aad42; lang=en-US");

    let over = "lang=; Expires=Sun, 06 Nov 1994 08:49:37 GMT";
    jar.take_in(&url(EXAMPLE), [over.as_bytes()], now()).unwrap();
    assert_eq!(sent(&jar, EXAMPLE), "SID=31d4d96e407aad42");
}

#[test]
fn a_cookie_goes_back_to_its_origin_only() {
    let jar = jar(&[("https://a.example:8443/", "s=1; Domain=.A.example")]);
    assert_eq!(sent(&jar, "https://a.example:8443/x"), "s=1");
    for other in [
        "https://a.example/",
        "http://a.example:8443/",
        "https://b.a.example:8443/",
        "https://example:8443/",
        "data:x",
    ] {
        assert_eq!(sent(&jar, other), "", "{other}");
    }
}

#[test]
fn a_cookie_of_another_domain_is_none() {
    for (from, domain, kept) in [
        ("https://a.b.example/", "a.b.example", true),
        ("https://a.b.example/", "B.example", true),
        ("https://a.b.example/", ".b.example", true),
        ("https://a.b.example/", "", true),
        ("https://a.b.example/", "c.a.b.example", false),
        ("https://a.b.example/", "c.example", false),
        ("https://a.bb.example/", "b.example", false),
        ("https://127.0.0.1/", "127.0.0.1", true),
        ("https://127.0.0.1/", "0.0.1", false),
        ("https://[::1]/", "[::1]", true),
    ] {
        let back = back(from, &format!("s=1; Domain={domain}"));
        assert_eq!(back == "s=1", kept, "{from} {domain}");
    }
    // One domain that does not fit makes it none, and the last one counts.
    assert_eq!(back(EXAMPLE, "s=1; Domain=example.com; Domain=example.org"), "");
    assert_eq!(back(EXAMPLE, "s=1; Domain=example.org; Domain=example.com"), "s=1");
}

#[test]
fn a_path_is_whole_segments() {
    for (from, path, to, kept) in [
        ("/", "/a", "/a", true),
        ("/", "/a", "/a/b", true),
        ("/", "/a", "/ab", false),
        ("/", "/a/", "/a/b", true),
        ("/", "/a/", "/a", false),
        ("/", "/A", "/a", false),
        ("/", "/", "/a", true),
        // What is no path counts as none.
        ("/a/b", "x", "/a", true),
        ("/a/b", "", "/a/c", true),
        ("/a/b", "", "/c", false),
        ("/a/b/", "", "/a/b/c", true),
        ("/a/b/", "", "/a/c", false),
        ("/a", "", "/c", true),
    ] {
        let jar = jar(&[(&format!("https://a.example{from}"), &format!("s=1; Path={path}"))]);
        assert_eq!(sent(&jar, &format!("https://a.example{to}")) == "s=1", kept, "{from} {path} {to}");
    }
}

#[test]
fn a_secure_cookie_goes_where_nobody_listens() {
    for (origin, kept) in [
        ("https://a.example/", true),
        ("http://a.example/", false),
        ("http://localhost/", true),
        ("http://127.0.0.1:8080/", true),
        ("http://[::1]/", true),
        ("http://192.0.2.1/", false),
    ] {
        assert_eq!(back(origin, "s=1; secure") == "s=1", kept, "{origin}");
        assert_eq!(back(origin, "s=1"), "s=1", "{origin}");
    }
}

#[test]
fn a_cookie_ends_when_it_says() {
    let ends = |attributes: &str, at: i64| {
        let jar = jar(&[(EXAMPLE, &format!("s=1{attributes}"))]);
        jar.cookie_header(&url(EXAMPLE), after(at)).is_none()
    };
    for (attributes, end) in [
        ("; Max-Age=60", 60),
        ("; Expires=Thu, 01 Jan 2026 00:01:00 GMT", 60),
        // The age counts, wherever it stands.
        ("; Max-Age=60; Expires=Thu, 01 Jan 2026 00:02:00 GMT", 60),
        ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", 60),
        ("; Max-Age=30; Max-Age=60", 60),
        ("; Max-Age=60; Max-Age=x", 60),
        ("; Expires=Thu, 01 Jan 2026 00:01:00 GMT; Expires=never", 60),
    ] {
        assert!(!ends(attributes, end - 1), "{attributes}");
        assert!(ends(attributes, end), "{attributes}");
    }
    for attributes in
        ["; Max-Age=0", "; Max-Age=-1", "; Max-Age=-99999999999999999999", "; Expires=1 Jan 70 0:0:0"]
    {
        assert!(ends(attributes, 0), "{attributes}");
    }
    let lasting =
        ["", "; Max-Age=", "; Max-Age=-", "; Max-Age=+0", "; Max-Age=0x", "; Max-Age=99999999999999999999"];
    for attributes in lasting {
        assert!(!ends(attributes, 1_000_000_000), "{attributes}");
    }
}

#[test]
fn a_cookie_replaces_that_of_its_name_and_path() {
    let jar = jar(&[
        (EXAMPLE, "first=1"),
        (EXAMPLE, "second=2"),
        (EXAMPLE, "first=3; Path=/deep"),
        (EXAMPLE, "first=4"),
        ("https://other.example/", "first=5"),
    ]);
    // The longer path first; the one that was replaced has kept its place.
    assert_eq!(sent(&jar, "https://www.example.com/deep/er"), "first=3; first=4; second=2");
    assert_eq!(sent(&jar, EXAMPLE), "first=4; second=2");
    assert_eq!(sent(&jar, "https://other.example/"), "first=5");
}

#[test]
fn a_cookie_is_taken_out_only_in_its_place() {
    let end = "; Max-Age=0";
    let mut jar = jar(&[(EXAMPLE, "s=1; Path=/a"), (EXAMPLE, "s=2")]);
    jar.take_in(&url(EXAMPLE), [format!("s={end}").as_bytes()], now()).unwrap();
    assert_eq!(sent(&jar, "https://www.example.com/a"), "s=1");
    // One that is not there is no error, however large it is.
    let large = format!("x={}{end}", "x".repeat(LARGEST_COOKIE));
    jar.take_in(&url(EXAMPLE), [large.as_bytes()], now()).unwrap();
    assert_eq!(jar.cookies.len(), 1);
    // What was never sent is not searched for.
    assert!(jar.values().all(|(name, _)| name == "s"));
}

#[test]
fn values_are_kept_as_they_are() {
    for (header, expected) in [
        ("a=b", "a=b"),
        (" a\t= b c \t; x", "a=b c"),
        ("a=\"b=c,d\"", "a=\"b=c,d\""),
        ("a=", "a="),
        ("a=b;;; ;=;secure=x", "a=b"),
        ("a=ü", "a=ü"),
        ("a={secret:pin}", "a={secret:pin}"),
        ("=b", ""),
        (" =b", ""),
        ("b", ""),
        ("", ""),
        (";a=b", ""),
        ("a=b\r\nc: d", ""),
        ("a=b\0", ""),
        ("a=b; path=/\u{7f}", ""),
        ("a\tb=c", "a\tb=c"),
    ] {
        assert_eq!(back(EXAMPLE, header), expected, "{header:?}");
    }
    let mut jar = Jar::default();
    jar.take_in(&url(EXAMPLE), [&b"a=\xff"[..]], now()).unwrap();
    assert_eq!(sent(&jar, EXAMPLE), "");
    // A path that is too long is none, and not the end of the cookie.
    let deep = jar_with_path(&format!("/{}", "a".repeat(1024)));
    assert_eq!(sent(&deep, EXAMPLE), "s=1");
    let deep = jar_with_path(&format!("/{}", "a".repeat(1023)));
    assert_eq!(sent(&deep, EXAMPLE), "");
}

fn jar_with_path(path: &str) -> Jar {
    jar(&[(EXAMPLE, &format!("s=1; Path={path}"))])
}

#[test]
fn a_jar_that_would_hold_too_much_stays_as_it_was() {
    let cookies = |count: usize| (0..count).map(|at| format!("c{at}=1").into_bytes()).collect::<Vec<_>>();
    let take = |jar: &mut Jar, headers: &[Vec<u8>], at| {
        jar.take_in(&url(EXAMPLE), headers.iter().map(Vec::as_slice), after(at))
    };
    let mut jar = Jar::default();
    assert_eq!(take(&mut jar, &cookies(64), 0), Ok(()));
    assert_eq!(take(&mut jar, &cookies(64), 0), Ok(()));
    let before = sent(&jar, EXAMPLE);
    let change = [b"c0=2".to_vec(), b"another=1".to_vec()];
    assert_eq!(take(&mut jar, &change, 0), Err(Overfull::TooMany));
    assert_eq!(sent(&jar, EXAMPLE), before);
    // One goes, one comes.
    let change = [b"another=1; Max-Age=60".to_vec(), b"c0=; Max-Age=0".to_vec()];
    assert_eq!(take(&mut jar, &change, 0), Ok(()));
    assert_eq!(jar.cookies.len(), 64);
    // What is over makes room.
    assert_eq!(take(&mut jar, &[b"c0=3".to_vec()], 60), Ok(()));
    assert_eq!(jar.cookies.len(), 64);

    let mut jar = Jar::default();
    let large = |value: usize| [b"a=1".to_vec(), format!("n={}; Path=/", "x".repeat(value)).into_bytes()];
    assert_eq!(take(&mut jar, &large(LARGEST_COOKIE), 0), Err(Overfull::TooLarge));
    assert_eq!(sent(&jar, EXAMPLE), "");
    assert_eq!(take(&mut jar, &large(LARGEST_COOKIE - 1), 0), Ok(()));
}

#[test]
fn every_value_is_told_and_none_is_shown() {
    let jar = jar(&[
        (EXAMPLE, "a=first-value"),
        (EXAMPLE, "a=second-value"),
        (EXAMPLE, "b=third-value"),
        (EXAMPLE, "b=; Max-Age=0"),
    ]);
    let values: Vec<_> =
        jar.values().map(|(name, value)| format!("{name}={}", value.expose_secret())).collect();
    assert_eq!(values, ["a=second-value", "a=first-value", "b=third-value", "b="]);
    assert!(!format!("{jar:?}").contains("value"));

    let mut many = Jar::default();
    for at in 0..200 {
        many.take_in(&url(EXAMPLE), [format!("a={at}").as_bytes()], now()).unwrap();
    }
    assert_eq!(many.values().count(), 1 + MOST_COOKIES);
}

#[test]
fn a_jar_is_the_same_after_it_was_stored() {
    let mut jar = Jar::default();
    let url = Url::parse("https://idp.example:8443/a/b").unwrap();
    let set: [&[u8]; 2] = [b"s=one-value; Path=/a; Secure; Max-Age=60", b"t=another-value"];
    jar.take_in(&url, set, now()).unwrap();
    let stored = serde_json::to_string(&jar).unwrap();
    let again: Jar = serde_json::from_str(&stored).unwrap();
    assert!(jar.cookie_header(&url, now()).is_some());
    for url in ["https://idp.example:8443/a/b", "https://idp.example/a/b", "http://idp.example:8443/a/b"] {
        let url = Url::parse(url).unwrap();
        for now in [now(), after(61)] {
            assert_eq!(again.cookie_header(&url, now), jar.cookie_header(&url, now), "{url} {now}");
        }
    }
}
