//! The `[mqtt]` table.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::legacy;
use super::reader::{Section, Text};
use super::secrets::{self, Looks};
use crate::component_file::{self, Links};
use crate::mqtt::{self, Tls, Version, Will};

/// The prefix of all topics unless the file says otherwise.
const BASE_TOPIC: &str = "vehicle-connector";

/// The broker and this program's place on it.
#[derive(Clone, Debug)]
pub struct Mqtt {
    /// Name or address of the broker; an IPv6 address without brackets.
    pub host: String,
    /// TCP port of the broker: 1883, or 8883 with TLS, unless the file says otherwise.
    pub port: u16,
    /// Check of the broker's certificate; `None` for `mqtt://`.
    pub tls: Option<Tls>,
    /// The protocol version to begin with; MQTT 5 unless the file says otherwise.
    pub version: Version,
    /// The name of this client on the broker, made from the base topic unless the file says otherwise: two
    /// hosts that share a broker need different ones, as they need different topics.
    pub client_id: String,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password; only with a user name.
    pub password: Option<SecretString>,
    /// Prefix of all topics; without a slash at either end, and without wildcards.
    pub base_topic: String,
    /// Prefix of the topics of the replaced service; `None` if they are not wanted. Neither above nor below
    /// `base_topic`.
    pub legacy_base: Option<String>,
}

/// Interval at which an idle connection is checked.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Time for the broker to acknowledge a message.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(30);

impl Mqtt {
    /// Returns the options of a client that connects as the configuration says, with a keep-alive time of 30
    /// s, and as long for acknowledgements.
    #[must_use]
    pub fn options(&self, will: Will) -> mqtt::Options {
        mqtt::Options {
            host: self.host.clone(),
            port: self.port,
            tls: self.tls.clone(),
            client_id: self.client_id.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            version: self.version,
            will,
            keep_alive: KEEP_ALIVE,
            acknowledge_within: ACKNOWLEDGE_WITHIN,
        }
    }
}

/// Upper bound of a file of authorities, in bytes; more than all certificates of the world's authorities
/// together.
const LARGEST_AUTHORITIES: usize = 4 << 20;

/// Reads the table; `None` if something in it was complained about and has no stand-in.
pub(super) fn read(mut section: Section<'_, '_>) -> Option<Mqtt> {
    let address = match section.text("url") {
        Some(url) => address(&section, &url),
        None => {
            if section.entry("url").is_none() {
                let message = "url is missing in [mqtt]; add url = \"mqtt://127.0.0.1:1883\"";
                section.complain(&section.span, message);
            }
            None
        }
    };
    let tls = authorities(&mut section, address.as_ref().map(|address| address.tls));
    let version = match section.integer("version") {
        None | Some((5, _)) => Version::V5,
        Some((4, _)) => Version::V4,
        Some((other, at)) => {
            let message =
                format!("mqtt.version: {other} is unknown; 5 falls back to 4 (MQTT 3.1.1) by itself");
            section.complain(&at, message);
            Version::V5
        }
    };
    let base_topic = section.text("base_topic").and_then(|given| topic(&section, &given));
    let base_topic = base_topic.unwrap_or_else(|| BASE_TOPIC.to_owned());
    let client_id = section.text("client_id").and_then(|id| client_id(&section, &id));
    let client_id = client_id.unwrap_or_else(|| base_topic.replace('/', "-"));
    let legacy_base = legacy::base(&mut section, &base_topic);
    let username = section.text("username").map(|username| username.value.to_owned());
    let password = secrets::secret(&mut section, "password", Looks::default());
    if username.is_none() && secrets::is_given(&mut section, "password") {
        section.complain(
            &section.span,
            "mqtt.username is missing, but there is a password; add username = \"…\"",
        );
    }
    let plain = address.as_ref().filter(|address| !address.tls && !is_this_machine(&address.host));
    if let (Some(address), true) = (plain, password.is_some()) {
        let message = format!(
            "mqtt.password goes to {} without TLS, where everybody on the way can read it; use mqtts://",
            address.host
        );
        section.reader.warn(&section.span, message);
    }
    section.finish();
    let Address { host, port, .. } = address?;
    Some(Mqtt { host, port, tls, version, client_id, username, password, base_topic, legacy_base })
}

struct Address {
    host: String,
    port: u16,
    tls: bool,
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn address(section: &Section<'_, '_>, given: &Text<'_>) -> Option<Address> {
    parse_address(given.value)
        .map_err(|reason| {
            section.complain(&given.span, format!("{}: {}{reason}", given.name, quoted(given.value)))
        })
        .ok()
}

/// Parses `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`; the error says what to do.
fn parse_address(text: &str) -> Result<Address, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL ({error}); write mqtt://HOST:1883"))?;
    let (tls, port) = match url.scheme() {
        "mqtt" => (false, 1883),
        "mqtts" => (true, 8883),
        other => return Err(format!("unknown scheme {other:?}; use mqtt:// or mqtts://")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("remove the part before \"@\"; use username and password_file".to_owned());
    }
    let host = match url.host() {
        Some(url::Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        Some(url::Host::Ipv4(address)) => address.to_string(),
        Some(url::Host::Ipv6(address)) => address.to_string(),
        _ => return Err("the host is missing; write mqtt://HOST:1883".to_owned()),
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("remove what follows the port".to_owned());
    }
    Ok(Address { host, port: url.port().unwrap_or(port), tls })
}

/// Quotes a URL for the start of a complaint, unless there may be a password in it.
pub(super) fn quoted(url: &str) -> String {
    if url.contains('@') { String::new() } else { format!("{url:?}: ") }
}

fn authorities(section: &mut Section<'_, '_>, encrypted: Option<bool>) -> Option<Tls> {
    let Some(file) = section.text("ca_file") else {
        return encrypted.unwrap_or(false).then_some(Tls::Platform);
    };
    if encrypted == Some(false) {
        section
            .complain(&file.span, "mqtt.ca_file has no use without TLS; use an mqtts:// URL, or remove it");
        return None;
    }
    let path = section.reader.resolve(file.value);
    match component_file::read_bytes(&path, Links::Followed, LARGEST_AUTHORITIES) {
        Ok(pem) => Some(Tls::Authorities(pem)),
        Err(error) => {
            let shown = path.display();
            section.complain(&file.span, format!("mqtt.ca_file: {shown}: {error}; name a readable PEM file"));
            None
        }
    }
}

/// Reads the topic that other topics are below.
pub(super) fn topic(section: &Section<'_, '_>, given: &Text<'_>) -> Option<String> {
    let topic = given.value;
    let wrong = if topic.is_empty() || topic.len() > 200 {
        "it must have 1 to 200 bytes"
    } else if topic.contains(['+', '#']) || topic.contains(char::is_control) {
        "remove wildcards and control characters"
    } else if topic.starts_with('/') || topic.ends_with('/') || topic.contains("//") {
        "remove empty levels: no \"/\" at its ends, and no \"//\""
    } else if topic.starts_with('$') {
        "topics with \"$\" belong to the broker; begin with another character"
    } else {
        return Some(topic.to_owned());
    };
    section.complain(&given.span, format!("{}: {topic:?}: {wrong}", given.name));
    None
}

fn client_id(section: &Section<'_, '_>, given: &Text<'_>) -> Option<String> {
    let id = given.value;
    if id.is_empty() || id.len() > 128 || id.contains(char::is_control) {
        let wrong = "it must have 1 to 128 bytes and no control characters; shorten it, or remove the key";
        section.complain(&given.span, format!("{}: {wrong}", given.name));
        return None;
    }
    Some(id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parse = |text| parse_address(text).map(|a| (a.host, a.port, a.tls));
        let good = [
            ("mqtt://127.0.0.1", ("127.0.0.1", 1883, false)),
            ("mqtt://broker:18830/", ("broker", 18830, false)),
            ("mqtts://[::1]", ("::1", 8883, true)),
        ];
        for (text, (host, port, tls)) in good {
            assert_eq!(parse(text).unwrap(), (host.to_owned(), port, tls));
        }
        let bad = [
            ("localhost:1883", "unknown scheme \"localhost\"; use mqtt:// or mqtts://"),
            ("127.0.0.1", "not a URL"),
            ("mqtt://", "the host is missing"),
            ("mqtt:broker", "the host is missing"),
            ("mqtt://h/topic", "remove what follows the port"),
            ("mqtt://h:99999", "not a URL"),
            ("mqtt://u:secret@h", "remove the part before"),
        ];
        for (text, expected) in bad {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
