//! The clouds: whether they answer, and what time it is there.
//!
//! Vendors sign requests with the time, and some refuse what is a minute off. Each cloud is sent one plain request,
//! without any credential, for the `Date` that every answer carries, be it an error.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::Finding;
use crate::config::Config;
use crate::primitives::{HttpClient, HttpRequest, Transport as _};

/// Longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(12);

/// Differences between the clocks: beyond the first, requests that are signed with the time may be refused; beyond
/// the second, they are. An answer tells whole seconds, and was on its way for a moment.
const NOTICEABLE: SignedDuration = SignedDuration::from_secs(10);
const HARMFUL: SignedDuration = SignedDuration::from_secs(60);

/// Asks the cloud of every account for its time.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let client = match HttpClient::new(&config.network) {
        Ok(client) => client,
        Err(error) => {
            let remedy = "install the certificates of the well-known authorities (package ca-certificates)";
            return vec![Finding::fail("cloud", error.to_string(), remedy)];
        }
    };
    // One for each machine, whichever accounts and services it serves.
    let mut machines: BTreeMap<String, Url> = BTreeMap::new();
    for endpoint in config.accounts.values().flat_map(|account| &account.endpoints) {
        let mut url = endpoint.url.clone();
        url.set_path("/");
        url.set_query(None);
        machines.insert(url.origin().ascii_serialization(), url);
    }
    join_all(machines.into_iter().map(|(name, url)| ask(&client, name, url))).await
}

async fn ask(client: &HttpClient, name: String, url: Url) -> Finding {
    let request = HttpRequest {
        method: Method::HEAD,
        url,
        headers: HeaderMap::new(),
        body: None,
        timeout: PATIENCE,
        acts_on_vehicle: false,
    };
    let before = Timestamp::now();
    let answer = match client.send(request).await {
        Ok(answer) => answer,
        Err(error) => {
            let found = format!("{name} does not answer a plain request: {error:?}");
            return Finding::fail(
                "cloud",
                found,
                "look at this machine's network, and whether the vendor is out",
            );
        }
    };
    let took = Timestamp::now().duration_since(before);
    let date = answer.headers.iter().find(|(name, _)| name == "date");
    let date = date.and_then(|(_, date)| httpdate::parse_http_date(date).ok());
    let Some(there) = date.and_then(|date| Timestamp::try_from(date).ok()) else {
        return Finding::warn(
            "clock",
            format!(
                "{name} answers (one plain request, without credentials), and does not say what time it is"
            ),
            "compare this machine's clock with another one",
        );
    };
    of_difference(&name, there.duration_since(before.saturating_add(took / 2).unwrap_or(before)))
}

/// Judges by how much a cloud's clock is ahead of this machine's.
fn of_difference(name: &str, ahead: SignedDuration) -> Finding {
    let seconds = ahead.as_secs().unsigned_abs();
    let direction = if ahead.is_negative() { "ahead of" } else { "behind" };
    let found = format!(
        "this machine's clock is {seconds} s {direction} that of {name} (one plain request, without credentials)"
    );
    let remedy = "set this machine's clock, and keep it set (timedatectl set-ntp true)";
    match ahead.abs() {
        difference if difference > HARMFUL => Finding::fail("clock", found, remedy),
        difference if difference > NOTICEABLE => Finding::warn("clock", found, remedy),
        _ => Finding::ok("clock", found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Level;

    #[test]
    fn a_clock_is_judged_in_both_directions() {
        for (seconds, level, words) in [
            (0, Level::Ok, "0 s behind"),
            (9, Level::Ok, "9 s behind"),
            (-11, Level::Warn, "11 s ahead of"),
            (45, Level::Warn, "45 s behind"),
            (-3_600, Level::Fail, "3600 s ahead of"),
            (61, Level::Fail, "61 s behind"),
        ] {
            let finding = of_difference("https://cloud.example", SignedDuration::from_secs(seconds));
            assert_eq!(finding.level, level, "{finding:?}");
            assert!(finding.found.contains(words) && finding.remedy.is_some() == (level != Level::Ok));
        }
    }
}
