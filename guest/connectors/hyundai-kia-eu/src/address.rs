//! Addresses that answers lead to.

use vehicle_connector_sdk::prelude::*;

/// Where `location`, in an answer from `from`, leads (RFC 9110 §10.2.2). None if that is no address.
pub(crate) fn resolve(from: &str, location: &str) -> Option<String> {
    if location.contains("://") {
        return Some(location.to_owned());
    }
    let (scheme, rest) = from.split_once("://")?;
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    if let Some(other) = location.strip_prefix("//") {
        return Some(format!("{scheme}://{other}"));
    }
    if location.starts_with('/') {
        return Some(format!("{scheme}://{authority}{location}"));
    }
    let path = place(path);
    if location.starts_with('?') {
        return Some(format!("{scheme}://{authority}/{path}{location}"));
    }
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    Some(format!("{scheme}://{authority}/{folder}{location}"))
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
    let (_, query) = address.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
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
        ] {
            assert_eq!(resolve(from, location).as_deref(), Some(leads), "{location}");
        }
        assert_eq!(resolve("https://idp.example", "/x").as_deref(), Some("https://idp.example/x"));
        assert_eq!(resolve("nonsense", "/x"), None);
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
    }
}
