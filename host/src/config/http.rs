//! The `[http]` table: who may ask how the host is.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::SecretString;

use super::reader::{Section, Text};
use super::secrets::{self, Looks};

/// Age up to which what was read last makes the host ready, unless the file says otherwise.
const GOOD_FOR_MINUTES: u32 = 60;

/// Shortest token, in characters: nobody guesses it.
const SHORTEST_TOKEN: usize = 16;

/// Listener for health and metrics.
#[derive(Clone, Debug)]
pub struct Http {
    /// Address to listen on; of another machine's reach only together with a token.
    pub listen: SocketAddr,
    /// Token that `/readyz` and `/metrics` want as `Authorization: Bearer`; none means that everybody who reaches the
    /// listener may read them.
    pub auth_token: Option<SecretString>,
    /// Names by which the listener may be asked, besides `localhost` and addresses, in lower case.
    pub hosts: BTreeSet<String>,
    /// Age up to which what was read last makes the host ready although no account is usable.
    pub good_for: Duration,
}

/// Reads the table; `None` if nothing is to listen, or if something was complained about.
pub(super) fn read(mut section: Section<'_, '_>) -> Option<Http> {
    let given = section.text("listen");
    let listen = given.as_ref().and_then(|text| address(&section, text));
    let remote = section.entry("allow_remote").and_then(|entry| entry.truth()).unwrap_or_default();
    let auth_token = secrets::secret(&mut section, "auth_token", Looks::default());
    let has_token = secrets::is_given(&mut section, "auth_token");
    let hosts = section.entry("hosts").and_then(|entry| entry.texts()).unwrap_or_default();
    let hosts = hosts.iter().filter_map(|name| host_name(&section, name)).collect();
    let minutes = section.number("good_for_minutes", 1..=100_000).unwrap_or(GOOD_FOR_MINUTES);
    if let (Some(listen), Some(text)) = (listen, &given) {
        check_reach(&section, text, listen, remote, has_token);
    }
    if given.is_none() && section.entry("listen").is_none() {
        let message = format!("http.listen is missing, so nothing listens; add listen = \"{}\"", example());
        section.complain(&section.span, message);
    }
    if let Some(token) = &auth_token {
        check_token(&section, token);
    }
    section.finish();
    let good_for = Duration::from_secs(u64::from(minutes) * 60);
    Some(Http { listen: listen?, auth_token, hosts, good_for })
}

fn example() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))
}

fn address(section: &Section<'_, '_>, text: &Text<'_>) -> Option<SocketAddr> {
    let address: Option<SocketAddr> = text.value.parse().ok();
    if address.is_none() {
        let message = format!(
            "{}: {:?} is no address with a port; write \"{}\", or \"[::1]:8080\"",
            text.name,
            text.value,
            example()
        );
        section.complain(&text.span, message);
    }
    address
}

/// Complains about a listener that other machines reach, unless that is meant and it wants a token.
fn check_reach(section: &Section<'_, '_>, text: &Text<'_>, listen: SocketAddr, remote: bool, token: bool) {
    if listen.ip().is_loopback() {
        return;
    }
    if !remote {
        let message = format!(
            "{}: other machines reach {listen}; add allow_remote = true if that is meant, or write \"127.0.0.1:{}\"",
            text.name,
            listen.port()
        );
        section.complain(&text.span, message);
    }
    if !token {
        let message = format!(
            "{}: other machines reach {listen}, so a token is needed; add auth_token_file = \"/path/to/file\"",
            text.name
        );
        section.complain(&text.span, message);
    }
}

fn check_token(section: &Section<'_, '_>, token: &SecretString) {
    use secrecy::ExposeSecret as _;
    let token = token.expose_secret();
    if token.chars().count() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!(
            "http.auth_token: a token has at least {SHORTEST_TOKEN} characters, without blanks and accents; \
             `openssl rand -hex 32` makes one"
        );
        section.complain(&section.span, message);
    }
}

fn host_name(section: &Section<'_, '_>, text: &Text<'_>) -> Option<String> {
    let name = text.value.to_ascii_lowercase();
    let in_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(in_a_name) {
        let message = format!(
            "{}: {:?} is no host name; write it without scheme, port and wildcard, like \"car.lan\"",
            text.name, text.value
        );
        section.complain(&text.span, message);
        return None;
    }
    Some(name)
}

#[cfg(test)]
mod tests;
