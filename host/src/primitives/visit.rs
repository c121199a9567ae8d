//! Addresses that people open: filled here, because a connector does not have what stands in them.

use secrecy::ExposeSecret as _;
use url::{Host, Url};

use super::Call;
use super::http::{LONGEST_URL, endpoints_of};
use super::placeholder::{Misplaced, Placeholder, fill_url};

impl Call {
    /// Returns an address for a person to open, with its placeholders filled. It is below one of the account's
    /// endpoints and encrypted on its way (an endpoint that is not is on this machine), and has no secrets in it but
    /// those that were made here and may be sent there: what the cloud has given out, or the owner, is not shown to
    /// a browser.
    ///
    /// # Errors
    ///
    /// When it is no such address: why, without a secret.
    pub(crate) fn address_to_visit(&self, template: &str) -> Result<Url, String> {
        if template.len() > LONGEST_URL {
            return Err(format!("an address longer than {LONGEST_URL} bytes"));
        }
        let outline = Url::parse(template).map_err(|error| format!("an address that is none: {error}"))?;
        let is_here = match outline.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if outline.scheme() != "https" && !is_here {
            return Err("an address that is not https".to_owned());
        }
        let known = &self.context.endpoints;
        let not_ours = |_| "an address that is below no endpoint of the account".to_owned();
        let endpoints = endpoints_of(&outline, known).map_err(not_ours)?;
        let filled = fill_url(template, |placeholder| {
            let Placeholder::Secret(name) = placeholder else {
                return Err(Misplaced("only secrets are put into an address that a person opens".to_owned()));
            };
            let rule = self.context.rules.get(name);
            let bound = rule.is_some_and(|rule| endpoints.iter().any(|it| rule.endpoints.contains(&it.name)));
            let made = Some(name).filter(|name| bound && self.made.contains(*name));
            let secret = made.and_then(|name| self.secret(name)).map(|secret| secret.expose_secret());
            secret.ok_or_else(|| {
                Misplaced(format!("an address with the secret {name} in it, which is not shown to a browser"))
            })
        });
        let filled = filled.map_err(|Misplaced(why)| why)?;
        endpoints_of(&filled, known).map_err(not_ours)?;
        Ok(filled)
    }
}
