//! Connectors that want more than their owner has granted.

use serde_json::{Value, json};
use testkit::acme::{ACME, AcmeHome, CAR, DESCRIBE, SIGN_IN};
use testkit::handmade::connector::Connector;
use testkit::handmade::layout::value;
use testkit::virtual_home::compiled;
use testkit::{Home as _, LEGACY};
use vehicle_connector::deployment::{Offer, Outcome};
use vehicle_connector::host::Host;
use vehicle_connector::plugin::PluginKind;
use vehicle_connector::wire::outcome::{Reason, State};

/// What is granted, and asked for.
fn granted() -> Value {
    let secret = |name: &str, class: &str, configured: &str, endpoints: &[&str]| json!({ "name": name, "class": class, "configured": configured, "endpoints": endpoints });
    json!({
        "endpoints": [
            { "name": "ads", "url": "https://ads.acme.example" },
            { "name": "api", "url": "https://api.acme.example" },
            { "name": "idp", "url": "https://idp.acme.example" },
        ],
        "secrets": [
            secret("password", "password", "required", &["idp"]),
            secret("signing-key", "key", "required", &["api", "idp"]),
            secret("access-token", "token", "never", &["api"]),
        ],
    })
}

/// Wishes beyond that, each with how it is named.
fn wishes() -> Vec<(Value, &'static str)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut wants = granted();
        change(&mut wants);
        wants
    };
    let operation = json!({ "name": "open-trunk", "effect": "actuation" });
    vec![
        (
            with(&|it| it["endpoints"][1]["url"] = "https://api.evil.example".into()),
            "it wants to reach api at https://api.evil.example",
        ),
        (
            with(&|it| {
                let endpoint = json!({ "name": "more", "url": "https://more.acme.example" });
                it["endpoints"].as_array_mut().unwrap().push(endpoint);
            }),
            "it wants to reach more at https://more.acme.example",
        ),
        (
            with(&|it| it["secrets"][0]["endpoints"] = json!(["idp", "ads"])),
            "it wants to send password to ads",
        ),
        // The owner has read that it is an identifier.
        (
            with(&|it| {
                let secret = json!({ "name": "user", "class": "password", "configured": "required", "endpoints": ["idp"] });
                it["secrets"].as_array_mut().unwrap().push(secret);
            }),
            "calls the secret user password, and the grant says identifier",
        ),
        (with(&|it| it["secrets"][0]["name"] = "passport".into()), "it wants the secret passport (password)"),
        (with(&|it| it["operations"] = json!([operation])), "open-trunk"),
    ]
}

/// Instructions that ask for this.
fn asking_for(wants: &Value) -> String {
    let wants = value("connector.wants", wants);
    format!("(memory.copy (local.get $wants) {wants} (i32.const <size connector.wants>))")
}

/// A connector that asks for that, and behaves.
fn connector(wants: &str) -> Connector<'_> {
    Connector { describe: DESCRIBE, sign_in: &SIGN_IN, wants, ..Connector::default() }
}

fn component(wants: &Value) -> Vec<u8> {
    connector(&asking_for(wants)).component()
}

/// A home whose connector asks for what is granted.
async fn home() -> AcmeHome {
    AcmeHome::start(&connector(&asking_for(&granted()))).await
}

#[tokio::test(start_paused = true)]
async fn one_that_wants_more_does_not_take_the_place_of_one_that_serves() {
    let home = home().await;
    home.serves_on().await;
    let active = async || {
        let slots = home.home.host.deployments().list(PluginKind::Connector).await.unwrap();
        slots.into_iter().find(|slot| slot.slot == ACME).unwrap().active.digest
    };
    let before = active().await;
    for (wants, named) in wishes() {
        // Whoever offers it, and also without a trial.
        let offer = Offer::compiled(compiled(&component(&wants)), "test").without_trial();
        let refused = home.home.host.deployments().swap(PluginKind::Connector, Some(ACME), &offer).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(named) && refused.contains("[connector.acme]"), "{named}: {refused}");
        assert_eq!(active().await, before, "{named}");
        home.serves_on().await;
        let records =
            home.home.host.deployments().history(PluginKind::Connector, Some(ACME), 1).await.unwrap();
        assert_eq!(records[0].result, Outcome::Refused, "{named}: {records:?}");
    }
    // Another version that wants no more is let in.
    let other = testkit::handmade::variant(&component(&granted()), 1);
    let offer = Offer::compiled(compiled(&other), "test").without_trial();
    home.home.host.deployments().swap(PluginKind::Connector, Some(ACME), &offer).await.unwrap();
    assert_ne!(active().await, before);
}

#[tokio::test(start_paused = true)]
async fn one_that_wants_more_does_not_begin_and_the_others_do() {
    for (wants, named) in wishes() {
        let mut home = home().await;
        let arrived = home.cloud.arrived().len();
        let behaves = compiled(&Connector::default().component());
        let connectors = [
            (vehicle_connector::plugin::embedded::CONNECTORS[0].0, behaves),
            (ACME, compiled(&component(&wants))),
        ];
        home.home.restart_with(&connectors).await;
        let report = home.home.command(CAR, "refresh_cached", "").await;
        assert_eq!(
            (report.state, report.reason),
            (State::Rejected, Some(Reason::ConnectorFault)),
            "{report:?}"
        );
        assert!(report.message.as_ref().is_some_and(|why| why.contains(named)), "{named}: {report:?}");
        home.home.host.announce("5");
        let account = home.home.retained("account/acme/state");
        assert_eq!(account["state"], "connector_fault", "{account}");
        let event = home.home.events("connector_rejected").pop().unwrap();
        assert_eq!(event["slot"], ACME);
        assert!(event["reason"].as_str().unwrap().contains(named), "{event}");
        assert_eq!(home.cloud.arrived().len(), arrived, "nothing was sent");
        let other = home.home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(other.state, State::Succeeded, "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_nothing_else_to_serve_a_host_does_not_begin() {
    let home = home().await;
    let mut config = home.home.config.clone();
    config.accounts.retain(|slug, _| slug.as_str() == ACME);
    config.vehicles.retain(|slug, _| slug.as_str() == CAR);
    home.home.host.stop().await;
    for (wants, named) in wishes() {
        let plugins = testkit::virtual_home::plugins(&[(ACME, compiled(&component(&wants)))]);
        let error = Host::start_with(&config, home.home.environment.clone(), &plugins).await.unwrap_err();
        assert!(error.to_string().contains(named), "{named}: {error}");
    }
}
