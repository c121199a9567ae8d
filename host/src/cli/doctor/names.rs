//! Names of machines: whether they can be found.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use url::Host;

use super::Finding;
use crate::config::Config;

/// Longest time for a name to be looked up.
const PATIENCE: Duration = Duration::from_secs(8);

/// Looks up the broker and every endpoint.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut names: BTreeSet<(String, u16)> = BTreeSet::new();
    names.insert((config.mqtt.host.clone(), config.mqtt.port));
    let endpoints = config.accounts.values().flat_map(|account| &account.endpoints);
    for endpoint in endpoints {
        if let (Some(Host::Domain(name)), Some(port)) =
            (endpoint.url.host(), endpoint.url.port_or_known_default())
        {
            names.insert((name.to_owned(), port));
        }
    }
    names.retain(|(name, _)| name.parse::<std::net::IpAddr>().is_err());
    join_all(names.into_iter().map(|(name, port)| look_up(name, port))).await
}

async fn look_up(name: String, port: u16) -> Finding {
    let looking = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name.as_str(), port))).await;
    let remedy = "look at the name in the configuration, and at this machine's DNS (/etc/resolv.conf)";
    match looking.map(|found| found.map(Iterator::count)) {
        Ok(Ok(0)) => Finding::fail("dns", format!("{name} has no address"), remedy),
        Ok(Ok(count)) => Finding::ok("dns", format!("{name} is found ({count} address(es))")),
        Ok(Err(error)) => Finding::fail("dns", format!("{name} is not found: {error}"), remedy),
        Err(_elapsed) => {
            let seconds = PATIENCE.as_secs();
            Finding::fail("dns", format!("{name} is not found within {seconds} s"), remedy)
        }
    }
}
