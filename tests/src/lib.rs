//! Test kit: a home with two cars, a simulated cloud, and a host without a broker.
//!
//! [`Home`] is the common part of all homes; [`RealHome`] is one in real time, [`virtual_home`] has one in
//! virtual time. The host's publisher is a list, so a test sees everything that was published, and in which
//! order. Nothing here sleeps: tests wait for what they want to see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

pub mod acme;
pub mod both_forms;
mod failure;
pub mod handmade;
mod home;
pub mod log;
pub mod mqtt;
pub mod network;
pub mod password;
pub mod paused;
mod real_home;
mod recording;
pub mod reference;
pub mod region;
pub mod seeded;
pub mod storm;
pub mod trace;
pub mod two_makers;
pub mod vectors;
pub mod virtual_home;

use std::path::Path;
use std::time::Duration;

use vehicle_connector::config::Config;
use vehicle_connector::plugin::slot::Provenance;

pub use self::failure::{attempt, failure};
pub use self::home::Home;
pub use self::real_home::{RealHome, Shifted};
pub use self::recording::Recording;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Time that is longer than anything in a test takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(150);

/// The slug and the simulated cloud's identifier of the car of the older generation.
pub const LEGACY: (&str, &str) = ("niro", "11111111-1111-4111-8111-111111111111");

/// The slug and the simulated cloud's identifier of the car of the newer generation.
pub const CCS2: (&str, &str) = ("ev6", "22222222-2222-4222-8222-222222222222");

/// Provenance of a component of a test.
pub fn provenance() -> Provenance {
    Provenance::new(jiff::Timestamp::UNIX_EPOCH, "test")
}

/// A cloud that does not mind how late it is at home: its clock goes on while a test lets a host's jump.
pub fn patient_cloud() -> simulator::Config {
    let mut config = simulator::Config::default();
    let years = Duration::from_secs(10 * 365 * 86_400);
    config.strict.stamp_tolerance = years;
    config.strict.fingerprint_tolerance = years;
    config.dated = false;
    config
}

/// Makes the configuration of a home in a simulated cloud. Its secrets may look like none that this vendor
/// gives out: what holds for a host holds for every vendor's.
pub fn configuration(cloud: &str, refresh_token: &str, pin: &str) -> Config {
    let text = configuration_text(cloud, "mqtt://127.0.0.1:1");
    let simulated = simulator::Config::default();
    let environment = |name: &str| match name {
        "REFRESH_TOKEN" => Some(simulated.refresh_token.clone()),
        "PIN" => Some(simulated.pin.clone()),
        _ => None,
    };
    let mut config = Config::parse(&text, Path::new("test.toml"), &environment).unwrap();
    for account in config.accounts.values_mut() {
        for (name, secret) in [("refresh-token", refresh_token), ("pin", pin)] {
            account.secrets.insert(name.to_owned(), secret.to_owned().into());
        }
    }
    // A guest that waits for nothing is ended by the processor time that it uses, however long that takes
    // here.
    config.limits.policy.wall = PATIENCE;
    config
}

/// Makes that configuration as text: days end at midnight UTC wherever a test runs, nothing is read by itself,
/// because tests count requests, and forced reads may follow each other at once. The secrets are in the
/// environment variables `REFRESH_TOKEN` and `PIN`.
pub fn configuration_text(cloud: &str, broker: &str) -> String {
    configuration_text_with(cloud, broker, r#"refresh_token = "${REFRESH_TOKEN}""#)
}

/// Makes that configuration with these lines in place of the refresh token, for instance [`password::LINES`].
pub fn configuration_text_with(cloud: &str, broker: &str, credentials: &str) -> String {
    format!(
        r#"
        [mqtt]
        url = "{broker}"

        [account.home]
        connector = "hyundai-kia-eu"
        brand = "kia"
        region = "eu"
        {credentials}
        pin = "${{PIN}}"
        time_zone = "UTC"
        endpoints = {{ ccapi = "{cloud}", idp = "{cloud}", cci = "{cloud}" }}

        [vehicle.niro]
        account = "home"
        id = "{}"
        allow = ["refresh", "lock", "unlock"]
        polling = "off"
        force = {{ min_gap = "0s" }}

        [vehicle.ev6]
        account = "home"
        id = "{}"
        allow = ["refresh", "lock"]
        polling = "off"
        force = {{ min_gap = "0s" }}
        "#,
        LEGACY.1, CCS2.1
    )
}
