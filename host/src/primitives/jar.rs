//! Cookie jars (RFC 6265): what a cloud sets with one answer and wants back with the next request.
//!
//! A jar is stricter than a browser. A cookie goes back only to the origin that has set it, which is scheme,
//! host and port: a cookie for a whole domain would reach hosts that the owner has not allowed. `Domain` is
//! read all the same, since a cookie for a domain to which its host does not belong is none. And a jar never
//! drops a cookie to make room for another: a session that has lost one of them fails somewhere else, and
//! nobody sees why.
//!
//! Every value in a jar is a secret.

mod date;
mod set_cookie;
mod stored;

use std::collections::VecDeque;
use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Origin, Url};

use self::set_cookie::SetCookie;
use crate::descriptor::is_loopback;

/// Most cookies of a jar.
pub(super) const MOST_COOKIES: usize = 64;

/// The largest cookie, name and value together, in bytes.
pub(super) const LARGEST_COOKIE: usize = 8 << 10;

/// Reason why the cookies of an answer are not kept; names no cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Overfull {
    /// The jar would have more than [`MOST_COOKIES`].
    #[error("with the cookies of the answer there are more than {MOST_COOKIES}")]
    TooMany,
    /// One of them is larger than [`LARGEST_COOKIE`].
    #[error("a cookie of the answer is larger than {LARGEST_COOKIE} bytes")]
    TooLarge,
}

/// A cookie that is kept.
#[derive(Clone)]
struct Cookie {
    origin: Origin,
    name: String,
    /// The path below which it is sent. With origin and name what makes it this cookie.
    path: String,
    value: SecretString,
    /// Whether it is sent only where nobody can listen.
    secure: bool,
    /// When it ends; none if it lasts as long as the jar.
    expires: Option<Timestamp>,
}

impl Cookie {
    fn is(&self, other: &Self) -> bool {
        self.origin == other.origin && self.name == other.name && self.path == other.path
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether it belongs to a request to this URL (RFC 6265 §5.4, step 1).
    fn belongs_to(&self, url: &Url) -> bool {
        self.origin == url.origin()
            && path_matches(url.path(), &self.path)
            && (!self.secure || is_private(url))
    }
}

/// The cookies of a sign-in, in the order in which they were first set.
#[derive(Clone, Default)]
pub(crate) struct Jar {
    cookies: Vec<Cookie>,
    /// Values that were replaced or have ended, the oldest first, at most [`MOST_COOKIES`]: the answer that
    /// ends a cookie may still quote it.
    former: VecDeque<(String, SecretString)>,
}

impl fmt::Debug for Jar {
    /// No value is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.cookies.iter().map(|cookie| cookie.name.as_str()).collect();
        f.debug_struct("Jar").field("cookies", &names).finish_non_exhaustive()
    }
}

impl Jar {
    /// Keeps what the `Set-Cookie` headers of an answer from this URL say, one after the other (RFC 6265
    /// §5.3). What is no cookie, or is for a domain to which the host does not belong, is passed over.
    ///
    /// # Errors
    ///
    /// When the jar would hold too much. It is then as it was.
    pub(super) fn take_in<'h>(
        &mut self,
        url: &Url,
        set_cookies: impl IntoIterator<Item = &'h [u8]>,
        now: Timestamp,
    ) -> Result<(), Overfull> {
        let mut next = self.clone();
        for header in set_cookies {
            if let Some(cookie) = SetCookie::parse(header).and_then(|it| received(it, url, now)) {
                next.put(cookie, now)?;
            }
        }
        next.end(now);
        if next.cookies.len() > MOST_COOKIES {
            return Err(Overfull::TooMany);
        }
        *self = next;
        Ok(())
    }

    /// Returns the value of the `Cookie` header of a request to this URL (RFC 6265 §5.4): the cookies of its
    /// origin that belong to it, longer paths first, and of equally long ones the earlier set first. None if
    /// there are none.
    pub(super) fn cookie_header(&self, url: &Url, now: Timestamp) -> Option<String> {
        let belongs = |cookie: &&Cookie| !cookie.is_over(now) && cookie.belongs_to(url);
        let mut cookies: Vec<&Cookie> = self.cookies.iter().filter(belongs).collect();
        // The sort is stable.
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value.expose_secret()));
        let header = pairs.collect::<Vec<_>>().join("; ");
        (!header.is_empty()).then_some(header)
    }

    /// Every value that is in the jar or was in it lately, with the cookie's name: what answers are searched
    /// for.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        let present = self.cookies.iter().map(|cookie| (cookie.name.as_str(), &cookie.value));
        present.chain(self.former.iter().map(|(name, value)| (name.as_str(), value)))
    }

    /// Puts in a cookie. One that is over takes out the one whose place it has.
    fn put(&mut self, cookie: Cookie, now: Timestamp) -> Result<(), Overfull> {
        let over = cookie.is_over(now);
        if !over && cookie.name.len() + cookie.value.expose_secret().len() > LARGEST_COOKIE {
            return Err(Overfull::TooLarge);
        }
        match self.cookies.iter_mut().find(|it| it.is(&cookie)) {
            // In its place, which says when it was first set (RFC 6265 §5.3, step 11.3). If it is over, it is
            // taken out with the others.
            Some(place) => {
                let former = std::mem::replace(place, cookie);
                self.retire(former);
            }
            None if over => {}
            None => self.cookies.push(cookie),
        }
        Ok(())
    }

    /// Takes out what is over.
    fn end(&mut self, now: Timestamp) {
        let (over, kept) = std::mem::take(&mut self.cookies).into_iter().partition(|it| it.is_over(now));
        self.cookies = kept;
        Vec::into_iter(over).for_each(|cookie| self.retire(cookie));
    }

    fn retire(&mut self, Cookie { name, value, .. }: Cookie) {
        self.former.push_back((name, value));
        if self.former.len() > MOST_COOKIES {
            self.former.pop_front();
        }
    }
}

/// Returns the cookie that an answer from this URL sets; none if it may not set it.
fn received(set: SetCookie<'_>, url: &Url, now: Timestamp) -> Option<Cookie> {
    let origin = url.origin();
    if !origin.is_tuple() || set.domain.is_some_and(|domain| !domain_matches(url, domain)) {
        return None;
    }
    let path = set.path.filter(|path| path.starts_with('/')).unwrap_or_else(|| default_path(url.path()));
    Some(Cookie {
        origin,
        name: set.name.to_owned(),
        path: path.to_owned(),
        value: SecretString::from(set.value),
        secure: set.secure,
        expires: set.expires(now),
    })
}

/// Whether a URL's host is a domain or below it (RFC 6265 §5.1.3). Nothing is below an address.
fn domain_matches(url: &Url, domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    match url.host() {
        Some(Host::Domain(host)) => {
            host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
        }
        _ => url.host_str() == Some(&domain),
    }
}

/// Returns the path of a cookie that names none (RFC 6265 §5.1.4): that of the request up to its last slash.
fn default_path(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((directory, _)) if directory.starts_with('/') => directory,
        _ => "/",
    }
}

/// Whether a request's path is a cookie's path or below it (RFC 6265 §5.1.4).
fn path_matches(path: &str, cookie: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// Whether nobody can listen on the way to a URL. To this machine itself nobody can either, whatever the
/// scheme: a simulated cloud on it marks its cookies as the real one does.
fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || is_loopback(url)
}

#[cfg(test)]
mod tests;
