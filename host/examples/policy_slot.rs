//! Asks a policy about a failure of one's own client: no broker, configuration or store, and no car.
//!
//! ```sh
//! cargo run --example policy_slot -- 401 "Key not authorized: Token is expired"
//! cargo run --example policy_slot -- 403 "your digital key pass has lapsed" my-policy.wasm
//! ```
//!
//! With a component as well, that one is tried, put in the place of the default policy and asked the same.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use vehicle_connector::bindings::policy::{Attempt, Effect, Failure, Phase};
use vehicle_connector::policies::{Compiled, Policy, PolicySlot, Provenance, Sandbox, Trial, embedded};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (status, message, component) = match arguments.as_slice() {
        [status, message] => (status, message, None),
        [status, message, component] => (status, message, Some(component)),
        _ => bail!("usage: policy_slot STATUS MESSAGE [COMPONENT]"),
    };
    let failure = Failure {
        http_status: Some(status.parse().with_context(|| format!("{status} is no HTTP status"))?),
        message: message.clone(),
        // Who refused, in which operation and step, and whether anything may have moved: a policy weighs these before
        // it reads a word.
        ..Failure::refused("hyundai-kia-eu", "lock", Phase::Command, Effect::Actuation)
    };

    let sandbox = Sandbox::new()?;
    let carried = Compiled::of(&sandbox, embedded::POLICY).await?;
    let slot = Arc::new(PolicySlot::open(&sandbox, &carried, by_this_program()).await?);
    tell(&slot.active(), &failure).await?;

    if let Some(path) = component {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
        let candidate = slot.verify(&Compiled::of(&sandbox, &bytes).await?, Trial::Full).await?;
        // Work that is under way keeps the policy that it took; what asks for the active one from here on gets this.
        slot.activate(candidate, by_this_program());
        tell(&slot.active(), &failure).await?;
    }
    Ok(())
}

fn by_this_program() -> Provenance {
    Provenance::new(Timestamp::now(), "policy_slot")
}

/// Tells what a policy makes of the first attempt of an operation that has a minute.
async fn tell(policy: &Policy, failure: &Failure) -> anyhow::Result<()> {
    let verdict = policy.classify(failure).await?;
    let attempt = Attempt {
        failure: failure.clone(),
        verdict: verdict.clone(),
        number: 1,
        refreshed: false,
        superseded: false,
        elapsed: 1_000,
        remaining: 59_000,
        retry_budget: 3,
        random: fastrand::u32(..),
    };
    let decision = policy.decide(&attempt).await?;
    let name = &policy.generation().name;
    println!("{name}: {:?} by rule {}, so {decision:?}", verdict.kind, verdict.rule);
    Ok(())
}
