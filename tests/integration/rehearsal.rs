//! A rehearsal of a sign-in at another maker: there the password is in the first request.

use renault_simulator::{Config, Simulator};
use serde_json::Value;

use crate::program::under_test;

#[tokio::test(flavor = "multi_thread")]
async fn where_the_password_is_in_the_first_request_nothing_is_sent_at_all() {
    let settings = Config::default();
    let cloud = Simulator::start(settings.clone()).await.unwrap();
    let (gigya, kamereon) = (cloud.gigya_url(), cloud.kamereon_url());
    let text = format!(
        r#"
        [mqtt]
        url = "mqtt://127.0.0.1:1"
        [account.garage]
        connector = "renault"
        brand = "renault"
        region = "eu"
        username = "${{USERNAME}}"
        password = "${{PASSWORD}}"
        gigya_key = "${{GIGYA}}"
        kamereon_key = "${{KAMEREON}}"
        settings = {{ locale = "fr_FR" }}
        endpoints = {{ gigya = "{gigya}", kamereon = "{kamereon}" }}
        "#
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("car.toml"), text).unwrap();
    let (username, password) = ("owner@example.org", "a password of mine");
    let arguments = ["auth", "login", "garage", "--dry-run", "--json", "-c", "car.toml"];
    let mut program = under_test(dir.path(), &arguments);
    program
        .envs([("USERNAME", username), ("PASSWORD", password)])
        .envs([("GIGYA", &settings.gigya_key), ("KAMEREON", &settings.kamereon_key)]);
    let output = program.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let rehearsed: Value = serde_json::from_str(&said).unwrap();
    let [login] = rehearsed["requests"].as_array().unwrap().as_slice() else { panic!("{rehearsed}") };
    assert_eq!(
        (&login["method"], &login["went"]["outcome"]),
        (&"POST".into(), &"withheld".into()),
        "{rehearsed}"
    );
    assert!(login["body"].as_str().unwrap().contains("password={secret:password}"), "{rehearsed}");
    assert!(rehearsed["end"].as_str().unwrap().contains("it carries the password"), "{rehearsed}");
    for secret in [username, password, &settings.gigya_key] {
        assert!(!said.contains(secret), "{said}");
    }
    let counters = cloud.control().counters();
    assert_eq!(counters.requests, 0, "{counters:?}");
    assert!(!dir.path().join("car.state").exists(), "nothing is kept");
}
