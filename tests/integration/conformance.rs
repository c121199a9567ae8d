//! Conformance, groups GEN, NEG, IDM, BUD and BRK, with the real host, the real plugins and virtual time.
//!
//! `tests/fixtures/conformance` says what each case is about and what should come of it, in the words of the
//! table that it comes from; where ours is another, `why` says why. Each group is a module, each case a
//! function that holds it, and no case is without one.
//!
//! Beside them: what codes and wordings mean (group CLS) and how well that is told apart, the circuit breaker
//! against the tables of two others, and what Google's storage clients are tested with.

mod breakers;
mod budgets;
mod circuit_tables;
mod classification;
mod generations;
mod google_storage;
mod idempotency;
mod meanings;
mod negative;
mod vectors;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use simulator::{Effect, Fault, RouteKind};
use testkit::handmade::policy::{always, policy_deciding};
use testkit::reference::table;
use testkit::virtual_home::VirtualHome;
use testkit::{Home, LEGACY};
use vehicle_connector::config::Config;
use vehicle_connector::plugin::Compiled;

/// The cases of a group: which function is which, and a test for each.
macro_rules! cases {
    ($($id:literal => $case:ident),+ $(,)?) => {
        pub const IDS: &[&str] = &[$($id),+];

        mod cases {
            $(#[tokio::test(start_paused = true)]
            async fn $case() {
                super::$case().await;
            })+
        }
    };
}
use cases;

const FIXTURES: [(&str, &[&str]); 5] = [
    (include_str!("../fixtures/conformance/gen.json"), generations::IDS),
    (include_str!("../fixtures/conformance/neg.json"), negative::IDS),
    (include_str!("../fixtures/conformance/idm.json"), idempotency::IDS),
    (include_str!("../fixtures/conformance/bud.json"), budgets::IDS),
    (include_str!("../fixtures/conformance/brk.json"), breakers::IDS),
];

/// The name of the cloud's circuit.
const CLOUD: &str = "hyundai-kia-eu";

const EXPIRED: &str = r#"{"error":"Key not authorized: Token is expired"}"#;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Ends the session: the access token and the permission that the PIN gave.
fn kick(home: &VirtualHome) {
    home.control.expire_access_token();
    home.control.invalidate_control_tokens();
}

fn unwell(route: RouteKind) -> Fault {
    Fault::new(route, Effect::unavailable())
}

fn four_phrases() -> Compiled {
    testkit::virtual_home::compiled(vehicle_connector::plugin::embedded::FOUR_PHRASES)
}

/// Repeats at once whatever happens, and opens no circuit.
fn eager() -> Compiled {
    testkit::virtual_home::compiled(&policy_deciding(&always("retry")))
}

/// Accounts of one brand, each with a car of its own of the same name; the cloud gives each the same car.
fn accounts(refresh_tokens: &[(&str, &str)]) -> Config {
    let mut text = "[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n".to_owned();
    for (name, _) in refresh_tokens {
        text += &format!(
            r#"
            [account.{name}]
            connector = "hyundai-kia-eu"
            brand = "kia"
            region = "eu"
            refresh_token = "${{{}}}"
            pin = "${{PIN}}"
            endpoints = {{ ccapi = "http://127.0.0.1:1", idp = "http://127.0.0.1:1", cci = "http://127.0.0.1:1" }}

            [vehicle.{name}]
            account = "{name}"
            id = "{}"
            allow = ["refresh"]
            "#,
            name.to_uppercase(),
            LEGACY.1
        );
    }
    let secret = |variable: &str| {
        let token = refresh_tokens.iter().find(|(name, _)| name.to_uppercase() == variable);
        Some(token.map_or("1234", |(_, token)| token).to_owned())
    };
    Config::parse(&text, Path::new("test.toml"), &secret).unwrap()
}

/// A cloud that lets several accounts of the host be one of its own.
fn shared_cloud() -> simulator::Config {
    let mut cloud = simulator::Config::default();
    cloud.strict.newest_token_only = false;
    cloud
}

#[test]
fn every_case_has_a_function_and_every_function_a_case() {
    for (fixture, functions) in FIXTURES {
        let rows: Vec<Value> = serde_json::from_str(fixture).unwrap();
        let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, functions);
        for row in &rows {
            assert!(row["title"].is_string() && row["invariant"].is_string() && row["expect"].is_object());
        }
    }
}

#[test]
fn every_case_of_the_table_is_there() {
    let Some(table) = table("proposed_conformance.json") else { return };
    let ours: BTreeSet<&str> = FIXTURES.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let groups = ["GEN-", "NEG-", "IDM-", "BUD-", "BRK-"];
    let ids = table["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap());
    let theirs: BTreeSet<&str> = ids.filter(|id| groups.iter().any(|group| id.starts_with(group))).collect();
    assert_eq!(ours, theirs);
}
