//! Resolution of names to addresses, without those that no vehicle cloud can have.
//!
//! The configuration chooses an endpoint's name, but not what it resolves to. An attacker who decides about
//! that could send a connector's requests, and its plugin's choice of path, to a router or to a service that
//! trusts everything that reaches it. So the addresses themselves are checked, and exactly those that passed
//! are connected to: a second answer that differs from the first one (DNS rebinding) is checked again.
//!
//! Of an answer the forbidden addresses are left out, and the name is refused when none is left. Refusing the
//! whole answer would protect no better, because what is left out is never connected to.
//!
//! An endpoint that is an address is what the owner wrote, and is not looked up.

mod address;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::{fmt, io};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use self::address::{Special, special};

/// Lookup of names. The seam where a test can take the place of the system.
pub trait Lookup: fmt::Debug + Send + Sync {
    /// The addresses of a name, in the order in which they should be tried.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A name that is not connected to, because of where it leads.
#[derive(Debug, thiserror::Error)]
#[error("{name} resolves to {address}, which is {kind}{}", way_out(*.kind))]
pub(super) struct Refused {
    name: String,
    address: IpAddr,
    kind: Special,
}

fn way_out(kind: Special) -> &'static str {
    if kind.may_be_meant() { "; name it in [network] private_hosts if that is meant" } else { "" }
}

/// The resolver of the host's clients.
#[derive(Debug)]
pub(super) struct Resolver {
    lookup: Arc<dyn Lookup>,
    /// Names of hosts in private networks, in lower case, without a dot at the end.
    private_hosts: BTreeSet<String>,
}

impl Resolver {
    pub(super) fn new(lookup: Arc<dyn Lookup>, private_hosts: BTreeSet<String>) -> Self {
        Self { lookup, private_hosts }
    }

    /// Returns the kinds of addresses that a name may have besides those on the internet.
    fn may_have(&self, name: &str) -> fn(Special) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if self.private_hosts.contains(&name) {
            Special::may_be_meant
        } else if name == "localhost" {
            |kind| kind == Special::Loopback
        } else {
            |_| false
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let may_have = self.may_have(&name);
        let answer = self.lookup.addresses(name.clone());
        Box::pin(async move { Ok(admitted(name, answer.await?, may_have)?) })
    }
}

/// The addresses that may be connected to.
fn admitted(name: String, answer: Vec<IpAddr>, may_have: impl Fn(Special) -> bool) -> Result<Addrs, Refused> {
    let forbidden = |address: IpAddr| special(address).filter(|&kind| !may_have(kind));
    let first_forbidden = answer.iter().find_map(|&address| Some((address, forbidden(address)?)));
    let left: Vec<SocketAddr> = answer
        .into_iter()
        .filter(|&address| forbidden(address).is_none())
        .map(|address| SocketAddr::new(address, 0))
        .collect();
    match first_forbidden {
        Some((address, kind)) if left.is_empty() => Err(Refused { name, address, kind }),
        _ => Ok(Box::new(left.into_iter())),
    }
}
