//! Cleaning: secrets taken out of a response, wherever they stand.

use secrecy::ExposeSecret as _;

use super::Incoming;
use crate::descriptor::SHORTEST_SEARCHED;
use crate::primitives::Call;
use crate::primitives::placeholder::VEHICLE_VIN;
use crate::primitives::scrub::Scrubber;

/// Length of the shortest secret that is searched for at all. PINs have four digits.
const SHORTEST_PIN: usize = 4;

/// Headers that describe the body as it came, which is not the body that a guest gets.
const OF_THE_BODY: [&str; 8] = [
    "content-digest",
    "content-encoding",
    "content-length",
    "content-md5",
    "digest",
    "repr-digest",
    "trailer",
    "transfer-encoding",
];

/// Replaces the values of secrets by their placeholders: long ones everywhere, short ones only in answers
/// to requests that carried them.
pub(super) fn scrub(call: &Call, incoming: Incoming, sent: &[String]) -> Incoming {
    let scrubber = scrubber(call, sent);
    let Incoming { status, headers, body } = incoming;
    let headers = headers
        .into_iter()
        .filter(|(name, _)| !OF_THE_BODY.contains(&name.as_str()))
        .map(|(name, value)| (scrubber.clean_name(name), scrubber.clean(value)))
        .collect();
    // A body that is not UTF-8 may be Latin-1, and a secret in that is searched for as what becomes of it
    // here.
    let body = match String::from_utf8(body) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    Incoming { status, headers, body: scrubber.clean(body).into_bytes() }
}

/// Returns what replaces the secrets of this call in an answer to a request that carried `sent`.
pub(super) fn scrubber<'c>(call: &'c Call, sent: &[String]) -> Scrubber<'c> {
    let wanted = |(name, value): &(&str, &str)| {
        value.len() >= SHORTEST_SEARCHED
            || (value.len() >= SHORTEST_PIN
                // A code is known for as long as the call, and an answer about it need not be the first one.
                && (sent.iter().any(|sent| sent == name) || call.handed.contains_key(*name)))
    };
    let secrets = call.secrets().map(|(name, secret)| (name, secret.expose_secret()));
    // The guest is to have no more of it than its placeholder.
    let vin = call.vehicle.as_ref().and_then(|vehicle| vehicle.vin.as_deref()).map(|vin| (VEHICLE_VIN, vin));
    // What is made of a PIN can be short where the PIN itself is not searched for: as its Base64.
    let derived = call.derived.iter().map(|(name, value)| (name.as_str(), value.expose_secret()));
    let derived = derived.filter(|(_, value)| value.len() >= SHORTEST_PIN);
    Scrubber::new(secrets.chain(vin).filter(wanted).chain(derived))
}
