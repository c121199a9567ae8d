//! URLs of vehicle clouds.

use url::{Host, Url};

/// A service of a vehicle cloud that a connector may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The connector's name for it, for instance `ccapi`.
    pub name: String,
    /// Base URL: `https`, or `http` on this machine only; without user, query and fragment, and without a
    /// slash at the end of the path (a URL without a path is the exception: there the slash is the path).
    pub url: Url,
}

/// Parses a base URL by the rules of [`Endpoint::url`]; the error says what to do.
pub(super) fn parse(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| format!("not a URL ({error}); write https://HOST"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("http:// is for this machine only; use https://".to_owned()),
        other => return Err(format!("unknown scheme {other:?}; use https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user or password has no place in it; remove the part before \"@\"".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("remove the part from \"?\" or \"#\" on".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let good = [
            ("https://a.example:8080", "https://a.example:8080/"),
            ("https://a.example/x/y//", "https://a.example/x/y"),
            ("http://127.0.0.1:1234/", "http://127.0.0.1:1234/"),
            ("http://127.9.9.9", "http://127.9.9.9/"),
            ("http://[::1]:80", "http://[::1]/"),
            ("http://LOCALHOST", "http://localhost/"),
        ];
        for (text, expected) in good {
            assert_eq!(parse(text).unwrap().as_str(), expected);
        }
        let bad = [
            ("a.example", "not a URL"),
            ("http://a.example", "use https://"),
            ("http://localhost.example", "use https://"),
            ("http://[::ffff:127.0.0.1]", "use https://"),
            ("http://128.0.0.1", "use https://"),
            ("ftp://a.example", "unknown scheme \"ftp\""),
            ("https://user@a.example", "remove the part before"),
            ("https://:pw@a.example", "remove the part before"),
            ("https://a.example?x", "remove the part from"),
            ("https://a.example#x", "remove the part from"),
            ("https://", "not a URL"),
        ];
        for (text, expected) in bad {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
