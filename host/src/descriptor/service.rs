//! Services of a cloud: their names, and the URLs at which they are reached.

use url::{Host, Url};

/// Place of a service: its name, and the accounts that reach it there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// Region of those accounts; none for all.
    pub region: Option<String>,
    /// Brand of those accounts; none for all.
    pub brand: Option<String>,
    /// The connector's name for the service.
    pub name: String,
}

impl Service {
    /// Whether accounts of this region and brand reach it here.
    #[must_use]
    pub fn is_for(&self, region: &str, brand: &str) -> bool {
        self.region.as_deref().is_none_or(|own| own == region)
            && self.brand.as_deref().is_none_or(|own| own == brand)
    }

    /// Whether all accounts that reach `other` reach this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let within = |own: &Option<String>, other: &Option<String>| own.is_none() || own == other;
        self.name == other.name && within(&self.region, &other.region) && within(&self.brand, &other.brand)
    }

    /// Number of conditions on the accounts. The service with more of them is meant more precisely.
    pub(super) fn precision(&self) -> usize {
        usize::from(self.region.is_some()) + usize::from(self.brand.is_some())
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        match (&self.region, &self.brand) {
            (None, None) => Ok(()),
            (Some(region), None) => write!(f, " ({region})"),
            (None, Some(brand)) => write!(f, " ({brand})"),
            (Some(region), Some(brand)) => write!(f, " ({region}, {brand})"),
        }
    }
}

/// Parses a base URL: `https`, or `http` on this machine only; without user, query and fragment. The slash
/// at the end of the path is taken away.
///
/// # Errors
///
/// What to do about it.
pub fn base_url(text: &str) -> Result<Url, String> {
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

/// Whether a URL leads to this machine, by its host alone.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
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
            assert_eq!(base_url(text).unwrap().as_str(), expected);
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
            let error = base_url(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
