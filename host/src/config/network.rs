//! The `[network]` table.

use std::collections::BTreeSet;

use url::Host;

use super::reader::{Section, Text};
use crate::descriptor::Network;

pub(super) fn read(mut section: Section<'_, '_>) -> Network {
    let given = section.entry("private_hosts").and_then(|entry| entry.texts()).unwrap_or_default();
    let mut private_hosts = BTreeSet::new();
    for text in given {
        match host_name(&text) {
            Ok(name) => {
                private_hosts.insert(name);
            }
            Err(reason) => section.complain(&text.span, format!("{}: {:?} {reason}", text.name, text.value)),
        }
    }
    section.finish();
    Network { private_hosts }
}

/// Returns the name in the form that URLs have; the error says what to do.
fn host_name(text: &Text<'_>) -> Result<String, &'static str> {
    const NO_NAME: &str =
        "is no host name; write it without scheme, port, path and wildcard, like \"cloud.lan\"";
    let in_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match Host::parse(text.value) {
        Ok(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            let good = name.chars().all(in_a_name) && name.split('.').all(|label| !label.is_empty());
            if good { Ok(name.to_owned()) } else { Err(NO_NAME) }
        }
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
            Err("is an address, and addresses are not looked up; name it in the account's endpoints only")
        }
        Err(_) => Err(NO_NAME),
    }
}
