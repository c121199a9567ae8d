//! Pins and signatures.

use testkit::handmade::variant;
use testkit::{Home, RealHome};
use vehicle_connector::config::Config;
use vehicle_connector::deployment::{Offer, Refusal};
use vehicle_connector::digest::Digest;
use vehicle_connector::host::StartError;
use vehicle_connector::plugin::trust::PublicKey;
use vehicle_connector::plugin::{POLICY_SLOT, PluginKind, embedded};

use super::{active, fail, trapping, went_back};

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_slot_takes_one_component_and_no_other() {
    let (pinned, other) = (variant(embedded::POLICY, 1), variant(embedded::POLICY, 2));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.wasm");
    std::fs::write(&path, &pinned).unwrap();
    let pins = |config: &mut Config| {
        config.plugins.files.insert(POLICY_SLOT.to_owned(), path.clone());
        config.plugins.trust.pins.insert(POLICY_SLOT.to_owned(), Digest::of(&pinned));
    };
    let mut home = RealHome::configured(simulator::Config::default(), pins).await;
    let refused = home.swap_policy(other.clone()).await.unwrap_err().to_string();
    assert!(refused.contains(&Digest::of(&pinned).to_string()) && refused.contains("sha256"), "{refused}");
    let refused = home.host.deployments().rollback(PluginKind::Policy, None, "test").await.unwrap_err();
    assert!(matches!(refused, Refusal::Trust(_)), "{refused}");
    assert_eq!(active(&home), Digest::of(&pinned));
    // What is active after a restart must be what is pinned, wherever it comes from.
    let result = home
        .restart_configured(|config| {
            config.plugins.trust.pins.insert(POLICY_SLOT.to_owned(), Digest::of(&other));
        })
        .await;
    assert!(matches!(result, Err(StartError::Pin(_))), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_component_is_refused_where_signatures_are_required() {
    let ours = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let strangers = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let key = PublicKey::parse(&ours.pk.to_base64()).unwrap();
    let (component, other) = (variant(embedded::POLICY, 1), variant(embedded::POLICY, 2));
    let sign = |pair: &minisign::KeyPair, bytes: &[u8]| {
        minisign::sign(None, &pair.sk, bytes, Some("policy 1"), None).unwrap().into_string()
    };
    let requires = |config: &mut Config| {
        config.plugins.trust.require_signature = true;
        config.plugins.trust.keys = vec![key.clone()];
    };
    let home = RealHome::configured(simulator::Config::default(), requires).await;
    let before = active(&home);
    let offer = |signature: Option<String>| Offer::new(component.clone(), "test").signed(signature);
    let forged = sign(&ours, &component).replace("policy 1", "policy 2");
    for (signature, about) in [
        (None, "no signature"),
        (Some(String::new()), "cannot be read"),
        (Some("untrusted comment: x\nabc\n".to_owned()), "cannot be read"),
        (Some(sign(&strangers, &component)), "none of the 1 key"),
        (Some(sign(&ours, &other)), "none of the 1 key"),
        (Some(forged), "none of the 1 key"),
    ] {
        let refused = home.host.deployments().swap(PluginKind::Policy, None, &offer(signature)).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(about), "{refused}");
        assert_eq!(active(&home), before);
    }
    let signed = offer(Some(sign(&ours, &component)));
    home.host.deployments().swap(PluginKind::Policy, None, &signed).await.unwrap();
    assert_eq!(active(&home), Digest::of(&component));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_program_carries_stands_in_for_a_pinned_component_that_does_not_answer() {
    let bad = trapping(1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.wasm");
    std::fs::write(&path, &bad).unwrap();
    let pins = |config: &mut Config| {
        config.plugins.files.insert(POLICY_SLOT.to_owned(), path.clone());
        config.plugins.trust.pins.insert(POLICY_SLOT.to_owned(), Digest::of(&bad));
    };
    let mut home = RealHome::configured(simulator::Config::default(), pins).await;
    assert_eq!(active(&home), Digest::of(&bad));
    home.settle().await;
    fail(&home, 3).await;
    went_back(&home).await;
    let carried = active(&home);
    // A home must not stay without its car.
    home.restart_configured(pins).await.unwrap();
    assert_eq!(active(&home), carried);
    let refused = home.swap_policy(variant(embedded::POLICY, 1)).await.unwrap_err();
    assert!(matches!(refused, Refusal::Trust(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_asks_for_the_signature_that_is_required_now() {
    let ours = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let key = PublicKey::parse(&ours.pk.to_base64()).unwrap();
    let requires = |config: &mut Config| {
        config.plugins.trust.require_signature = true;
        config.plugins.trust.keys = vec![key.clone()];
    };
    let mut home = RealHome::start().await;
    let carried = active(&home);
    home.swap_policy(variant(embedded::POLICY, 1)).await.unwrap();
    home.restart_configured(requires).await.unwrap();
    assert_eq!(active(&home), carried, "nobody has signed what was active");

    let signed = variant(embedded::POLICY, 2);
    let signature = minisign::sign(None, &ours.sk, signed.as_slice(), None, None).unwrap().into_string();
    let offer = Offer::new(signed.clone(), "test").signed(Some(signature));
    home.host.deployments().swap(PluginKind::Policy, None, &offer).await.unwrap();
    home.restart_configured(requires).await.unwrap();
    assert_eq!(active(&home), Digest::of(&signed), "its signature is kept with it");
}
