//! Addresses that answers lead to.

use vehicle_connector_sdk::prelude::*;

/// Where `location`, in an answer from `from`, leads (RFC 9110 §10.2.2, RFC 3986 §5.2). None if it is empty, or if
/// `from` is no address to start from.
pub(crate) fn resolve(from: &str, location: &str) -> Option<String> {
    if location.is_empty() {
        return None;
    }
    if scheme(location).is_some() {
        return Some(location.to_owned());
    }
    let scheme = scheme(from)?;
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    let rest = from.strip_prefix(scheme)?.strip_prefix("://")?;
    let (authority, rest) = split_before(rest, &['/', '?', '#']);
    let (base, query) = split_before(rest.split('#').next().unwrap_or_default(), &['?']);
    let (path, tail) = split_before(location, &['?', '#']);
    let target = if path.is_empty() {
        format!("{base}{}", if tail.starts_with('?') { "" } else { query })
    } else if path.starts_with('/') {
        without_dots(path)
    } else {
        let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
        without_dots(&format!("{folder}/{path}"))
    };
    Some(format!("{scheme}://{authority}{target}{tail}"))
}

/// The scheme of an address (RFC 3986 §3.1). None of a reference that is relative: a colon behind anything that no
/// scheme has, such as a slash or a question mark, is a part of that (§4.2).
fn scheme(reference: &str) -> Option<&str> {
    let (scheme, _) = reference.split_once(':')?;
    let is_one = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    (scheme.starts_with(|letter: char| letter.is_ascii_alphabetic()) && scheme.chars().all(is_one))
        .then_some(scheme)
}

/// A text up to the first of these marks, and the rest with it.
fn split_before<'t>(text: &'t str, marks: &[char]) -> (&'t str, &'t str) {
    text.split_at(text.find(marks).unwrap_or(text.len()))
}

/// A path that begins with a slash, without its segments `.` and `..` (RFC 3986 §5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            name => {
                kept.push(name);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// Whether `address` is `base` or below it, where `base` has no slash at its end.
pub(crate) fn is_below(address: &str, base: &str) -> bool {
    let rest = address.strip_prefix(base);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

/// An address without query and fragment, which may hold a code.
pub(crate) fn place(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or_default()
}

/// A parameter of the query, decoded as a form is (WHATWG URL §5.1). None if there is none, or an empty one.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split('#').next()?.split_once('?')?;
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(decoded(value)).filter(|value| !value.is_empty())
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.split_first_chunk::<2>()).flatten();
        let byte = escaped.and_then(|(digits, after)| Some((hex(digits)?, after)));
        let (byte, after) = byte.unwrap_or((if *first == b'+' { b' ' } else { *first }, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn redirects_are_resolved() {
        let from = "https://idp.example/a/b?c=d/e";
        for (location, leads) in [
            ("https://other.example/x?y", "https://other.example/x?y"),
            ("//other.example/x", "https://other.example/x"),
            ("/x?y=/z", "https://idp.example/x?y=/z"),
            ("x", "https://idp.example/a/x"),
            ("?x", "https://idp.example/a/b?x"),
            ("#x", "https://idp.example/a/b?c=d/e#x"),
            // A colon in a query makes nothing absolute.
            ("/login?next=https://evil.example/", "https://idp.example/login?next=https://evil.example/"),
            ("login?next=https://evil.example/", "https://idp.example/a/login?next=https://evil.example/"),
            ("?next=https://evil.example/", "https://idp.example/a/b?next=https://evil.example/"),
            ("#at=https://evil.example/", "https://idp.example/a/b?c=d/e#at=https://evil.example/"),
            ("com.kia.oneapp://redirect?code=x", "com.kia.oneapp://redirect?code=x"),
        ] {
            assert_eq!(resolve(from, location).as_deref(), Some(leads), "{location}");
        }
        assert_eq!(resolve("https://idp.example", "/x").as_deref(), Some("https://idp.example/x"));
        assert_eq!(resolve("https://idp.example", "x").as_deref(), Some("https://idp.example/x"));
        for (from, location) in [("nonsense", "/x"), ("mailto:x", "/x"), ("/a", "x"), (from, "")] {
            assert_eq!(resolve(from, location), None, "{location} from {from}");
        }
    }

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 3986 §5.4.1 and §5.4.2.
        for (reference, target) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g#s/../x", "http://a/b/c/g#s/../x"),
        ] {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference).as_deref(), Some(target), "{reference}");
        }
    }

    proptest! {
        /// As a library resolves it whose rules are the same for these characters.
        #[test]
        fn an_address_leads_where_others_say_that_it_leads(
            base in "http://[a-c]{1,3}(:[1-9]{4})?(/[a-c]{1,3}){0,4}/?(\\?[a-c:/?]{0,6})?(#[a-c:/?]{0,6})?",
            // Browsers take however many slashes for two, so a path has no two in a row at its beginning.
            reference in "((https:)?//[a-c]{1,3}(/[a-c.]{1,3}){0,4}/?|/|(/[a-c.]{1,3}){1,4}/?|[a-c.]{1,3}(/[a-c.]{0,3}){0,3}|)(\\?[a-c:/?.]{0,9})?(#[a-c:/?.]{0,9})?",
        ) {
            let theirs = Url::parse(&base).unwrap().join(&reference).unwrap();
            match resolve(&base, &reference) {
                Some(ours) => prop_assert_eq!(Url::parse(&ours).unwrap(), theirs),
                None => prop_assert!(reference.is_empty()),
            }
        }

        #[test]
        fn a_reference_without_scheme_and_authority_stays_where_it_is(reference in "([^:/\\\\][^:]{0,9}|/[^/:\\\\][^:]{0,9})?[?/#].{0,20}") {
            prop_assume!(!reference.starts_with("//"));
            let leads = resolve("https://idp.example/a/b?c", &reference).unwrap();
            prop_assert!(is_below(&leads, "https://idp.example"), "{}", leads);
        }

        #[test]
        fn whatever_is_said_is_no_panic(from in ".{0,40}", location in ".{0,40}") {
            let leads = resolve(&from, &location).unwrap_or_default();
            let _ = (parameter(&leads, "a"), is_below(&leads, &from), place(&leads));
        }
    }

    #[test]
    fn another_host_is_not_below() {
        assert!(is_below("https://idp.example/x", "https://idp.example"));
        assert!(is_below("https://idp.example?x", "https://idp.example"));
        assert!(!is_below("https://idp.example.evil.example/x", "https://idp.example"));
        assert!(!is_below("https://idp.example:8443/x", "https://idp.example"));
    }

    #[test]
    fn parameters_are_decoded() {
        let address =
            "https://a.example/?error=x&error_description=It+was%20classified%2C+%zz&empty=#f?error=y";
        assert_eq!(parameter(address, "error").as_deref(), Some("x"));
        assert_eq!(parameter(address, "error_description").as_deref(), Some("It was classified, %zz"));
        assert_eq!(parameter(address, "empty"), None);
        assert_eq!(parameter(address, "none"), None);
        assert_eq!(parameter("https://a.example/", "error"), None);
        assert_eq!(parameter("https://a.example/#?error=x", "error"), None);
    }
}
