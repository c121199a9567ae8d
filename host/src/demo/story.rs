//! The story of the demo. Every act says what it does, does it over MQTT, and checks what the cloud has
//! counted.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use simulator::{ActionKind, Control, Counters, Refusal};
use tokio::task::JoinSet;

use super::Summary;
use super::driver::Driver;
use super::narrator::Narrator;
use crate::config::Config;
use crate::deployment::{Deployed, Offer};
use crate::host::Host;
use crate::plugin::{PluginKind, embedded};
use crate::wire::outcome::{Reason, State};
use crate::wire::report::Report;

/// The demo's vehicles: their slugs, and their identifiers in the simulated clouds.
const LEGACY: (&str, &str) = ("niro", "11111111-1111-4111-8111-111111111111");
const CCS2: (&str, &str) = ("ev6", "22222222-2222-4222-8222-222222222222");
/// The car of the other maker, with its VIN.
const OTHER: (&str, &str) = ("zoe", "VF1S1MULATEDZ0E1A");

/// The vendor's new wording, one day, in place of "Token is expired".
const NEW_WORDING: &str = "Key not authorized: token has expired";

/// The configuration of the demo: an account of each maker, with two vehicles of the one and one of the other.
///
/// # Errors
///
/// Only if the configuration's rules have changed and this was forgotten.
pub(super) fn config(
    cloud: &simulator::Simulator,
    other: &renault_simulator::Simulator,
    broker_port: u16,
) -> anyhow::Result<Config> {
    let (simulated, of_other) = (simulator::Config::default(), renault_simulator::Config::default());
    let (cloud, gigya, kamereon) = (cloud.base_url(), other.gigya_url(), other.kamereon_url());
    let text = format!(
        r#"
        [mqtt]
        url = "mqtt://127.0.0.1:{broker_port}"

        [account.kia]
        connector = "hyundai-kia-eu"
        brand = "kia"
        region = "eu"
        refresh_token = "${{DEMO_REFRESH_TOKEN}}"
        pin = "${{DEMO_PIN}}"
        endpoints = {{ ccapi = "{cloud}", idp = "{cloud}", cci = "{cloud}" }}

        [account.renault]
        connector = "renault"
        brand = "renault"
        username = "${{DEMO_USERNAME}}"
        password = "${{DEMO_PASSWORD}}"
        gigya_key = "${{DEMO_GIGYA_KEY}}"
        kamereon_key = "${{DEMO_KAMEREON_KEY}}"
        settings = {{ locale = "fr_FR" }}
        endpoints = {{ gigya = "{gigya}", kamereon = "{kamereon}" }}

        [vehicle.{}]
        account = "kia"
        id = "{}"
        allow = ["refresh", "lock", "unlock"]

        [vehicle.{}]
        account = "kia"
        id = "{}"
        allow = ["refresh", "lock", "unlock"]

        [vehicle.{}]
        account = "renault"
        vin = "{}"
        "#,
        LEGACY.0, LEGACY.1, CCS2.0, CCS2.1, OTHER.0, OTHER.1
    );
    let environment = |name: &str| match name {
        "DEMO_REFRESH_TOKEN" => Some(simulated.refresh_token.clone()),
        "DEMO_PIN" => Some(simulated.pin.clone()),
        "DEMO_USERNAME" => Some(of_other.username.clone()),
        "DEMO_PASSWORD" => Some(of_other.password.clone()),
        "DEMO_GIGYA_KEY" => Some(of_other.gigya_key.clone()),
        "DEMO_KAMEREON_KEY" => Some(of_other.kamereon_key.clone()),
        _ => None,
    };
    Ok(Config::parse(&text, std::path::Path::new("demo.toml"), &environment)?)
}

/// Controls of the clouds.
pub(super) struct Clouds {
    pub(super) first: Control,
    /// Those of the other maker.
    pub(super) other: renault_simulator::Control,
}

/// The story and what it needs.
pub(super) struct Story<'v> {
    narrator: &'v Narrator,
    driver: Driver,
    host: Arc<Host>,
    cloud: Control,
    other: renault_simulator::Control,
    /// Counts so far, available even if the story ends early.
    summary: &'v mut Summary,
}

impl<'v> Story<'v> {
    pub(super) fn new(
        narrator: &'v Narrator,
        driver: Driver,
        host: Arc<Host>,
        Clouds { first: cloud, other }: Clouds,
        summary: &'v mut Summary,
    ) -> Self {
        Self { narrator, driver, host, cloud, other, summary }
    }

    pub(super) async fn tell(&mut self) -> anyhow::Result<()> {
        self.the_cars_are_read().await.context("reading the cars")?;
        self.a_car_is_locked().await.context("locking a car")?;
        self.the_token_expires_under_ten_operations().await.context("ten operations on an expired token")?;
        self.the_vendor_changes_the_wording().await.context("the changed wording")?;
        self.the_other_makers_token_ends().await.context("the other maker's token")
    }

    async fn the_cars_are_read(&mut self) -> anyhow::Result<()> {
        self.narrator.act("Three cars of two makers are read, each over its maker's cloud");
        for (slug, _) in [LEGACY, CCS2, OTHER] {
            let report = self.command(slug, "refresh_cached", None).await?;
            succeeded(&report)?;
            let state = self.driver.state(slug, |_| true).await?.state;
            let soc = state.soc_percent.context("no state of charge")?;
            let range = state.range_km.context("no range")?;
            // The other maker does not tell of every model whether it is locked.
            let locked = state.locked.map_or("", |locked| if locked { ", locked" } else { ", unlocked" });
            self.narrator.success(&format!("{slug:<5} {soc} %, {range} km{locked}"));
        }
        Ok(())
    }

    async fn a_car_is_locked(&mut self) -> anyhow::Result<()> {
        self.narrator.act("A car is unlocked and locked again; each time the car confirms");
        for (action, operation, locked) in
            [(ActionKind::Unlock, "unlock", false), (ActionKind::Lock, "lock", true)]
        {
            let before = self.cloud.counters();
            let report = self.command(LEGACY.0, "lock", Some(operation)).await?;
            succeeded(&report)?;
            let after = self.cloud.counters();
            let actuations = after.actuations_of(LEGACY.1, action) - before.actuations_of(LEGACY.1, action);
            ensure!(actuations == 1, "the car was made to {operation} {actuations} times");
            self.driver.state(LEGACY.0, |published| published.state.locked == Some(locked)).await?;
            self.narrator.success(&format!(
                "{operation:<6} confirmed by the car, asked {}x; its published state says so too",
                after.polls - before.polls
            ));
        }
        Ok(())
    }

    async fn the_token_expires_under_ten_operations(&mut self) -> anyhow::Result<()> {
        self.narrator.act("The cloud ends the token while ten operations are in flight");
        let before = self.cloud.counters();
        self.cloud.expire_when_in_flight(10);
        let mut flying = JoinSet::new();
        for (slug, _) in [LEGACY, CCS2] {
            for operation in ["refresh_cached"; 4].into_iter().chain(["lock"]) {
                let driver = self.driver.clone();
                flying.spawn(async move { driver.command(slug, operation, None).await });
            }
        }
        self.cloud.wait_until(|counters| counters.refused_tokens >= before.refused_tokens + 10).await;
        self.narrator.trouble("ten requests are refused: \"Key not authorized: Token is expired\"");
        let mut attempts = Vec::new();
        while let Some(report) = flying.join_next().await {
            let report = self.count(report??);
            succeeded(&report)?;
            attempts.push(report.attempts);
        }
        let after = self.cloud.counters();
        let refreshes = after.grants_asked - before.grants_asked;
        ensure!(attempts == [2; 10], "attempts of the ten operations: {attempts:?}");
        ensure!(refreshes == 1, "{refreshes} refreshes");
        self.narrator.success("one refresh for all of them, each repeated once, ten successes");
        self.counted(&before, &after);
        Ok(())
    }

    async fn the_vendor_changes_the_wording(&mut self) -> anyhow::Result<()> {
        self.narrator.act("The vendor changes the wording, and an outdated policy misses it");
        let outdated = Offer::new(embedded::FOUR_PHRASES, "demo");
        let refused = self.host.deployments().swap(PluginKind::Policy, None, &outdated).await;
        let why = refused.err().context("the outdated policy was to be refused")?;
        self.narrator.fact(&format!("the host refuses it: {why}"));
        let outdated = self.swap(outdated.without_trial()).await?;
        self.narrator.fact(&format!(
            "for the story it is let in: {} {}, four phrases and a 30 s window, as in the service that this host replaces",
            outdated.active.name, outdated.active.version
        ));
        let report = self.command(CCS2.0, "refresh_cached", None).await?;
        succeeded(&report)?;
        self.narrator.success("as long as nothing fails, it makes no difference");

        let before = self.cloud.counters();
        self.cloud.expire_access_token_with(Refusal::gateway(NEW_WORDING));
        self.narrator.trouble(&format!("the token ends; from today the cloud says {NEW_WORDING:?}"));
        let report = self.command(LEGACY.0, "lock", None).await?;
        ensure!(report.state == State::Failed, "the outdated policy was to miss it, but: {report:?}");
        ensure!(report.reason == Some(Reason::UpstreamRefused), "it failed for another reason: {report:?}");
        ensure!(self.cloud.counters().grants_asked == before.grants_asked, "it was to refresh nothing");
        self.narrator.trouble("lock   failed, and would fail until somebody restarts the service");

        self.narrator.act("The current policy is swapped in while commands keep flowing");
        // Reads one after the other, without a pause, before, during and after the swap.
        let flow = tokio::spawn(flow(self.driver.clone(), Arc::clone(&self.host)));
        self.cloud.wait_until(|counters| counters.status > before.status).await;
        let current = self.swap(Offer::new(embedded::POLICY, "demo")).await?;
        self.narrator.fact(&format!(
            "now deciding: {} {}; compiling and trying it took {} ms, the swap is one pointer",
            current.active.name, current.active.version, current.took_ms
        ));
        let reports = flow.await??;
        let failed = reports.iter().filter(|report| report.state != State::Succeeded).count();
        let total = reports.len();
        let recovered = reports.iter().position(|report| report.state == State::Succeeded);
        let recovered = recovered.context("no read succeeded")?;
        for report in reports {
            self.count(report);
        }
        ensure!(failed == recovered, "{failed} reads failed, but {recovered} came before the first success");
        let after = self.cloud.counters();
        ensure!(after.grants_asked - before.grants_asked == 1, "exactly one refresh was to follow the swap");
        self.narrator.success(&format!(
            "recovered: of {total} reads the first {failed} failed under the outdated policy, all others succeeded"
        ));
        let report = self.command(LEGACY.0, "lock", None).await?;
        succeeded(&report)?;
        self.narrator.success("lock   confirmed by the car; nobody restarted anything");
        self.counted(&before, &self.cloud.counters());
        Ok(())
    }

    async fn the_other_makers_token_ends(&mut self) -> anyhow::Result<()> {
        self.narrator.act("The other maker's token ends: another connector, the same policy");
        let (before, first) = (self.other.counters(), self.cloud.counters());
        self.other.expire_id_tokens();
        let report = self.command(OTHER.0, "refresh_cached", None).await?;
        succeeded(&report)?;
        let after = self.other.counters();
        ensure!(report.attempts == 2, "{} attempts", report.attempts);
        let (refreshes, sign_ins) = (after.jwt_asked - before.jwt_asked, after.logins - before.logins);
        ensure!((refreshes, sign_ins) == (1, 0), "{refreshes} refreshes and {sign_ins} sign-ins");
        // Not its requests: the read that follows the last command may still be on its way.
        let now = self.cloud.counters();
        ensure!(
            (now.grants_asked, now.refused) == (first.grants_asked, first.refused),
            "the first maker's session was touched"
        );
        ensure!(self.other.violations().is_empty(), "its cloud complains: {:?}", self.other.violations());
        self.narrator.success("zoe   one new token and one repeat; the first maker's cloud noticed nothing");
        Ok(())
    }

    async fn swap(&mut self, offer: Offer) -> anyhow::Result<Deployed> {
        let deployed = self.host.deployments().swap(PluginKind::Policy, None, &offer).await?;
        self.summary.policy_swaps += 1;
        Ok(deployed)
    }

    async fn command(
        &mut self,
        vehicle: &str,
        operation: &str,
        action: Option<&str>,
    ) -> anyhow::Result<Report> {
        let report = self.driver.command(vehicle, operation, action).await?;
        Ok(self.count(report))
    }

    fn count(&mut self, report: Report) -> Report {
        self.summary.commands += 1;
        match report.state {
            State::Succeeded => self.summary.succeeded += 1,
            _ => self.summary.failed += 1,
        }
        report
    }

    fn counted(&self, before: &Counters, after: &Counters) {
        self.narrator.fact(&format!(
            "the cloud counted: requests {}, refused {}, refreshes {}, actuations {}",
            after.requests - before.requests,
            after.refused - before.refused,
            after.grants_asked - before.grants_asked,
            after.total_actuations() - before.total_actuations()
        ));
    }
}

/// Reads a car until ten reads in a row have succeeded. On a slow machine so many fail before the swap that
/// the circuit of the cloud opens, for a minute; then it is closed again, as by an operator who knows better.
async fn flow(driver: Driver, host: Arc<Host>) -> anyhow::Result<Vec<Report>> {
    let mut reports: Vec<Report> = Vec::new();
    let mut in_a_row = 0;
    while in_a_row < 10 {
        let report = driver.command(CCS2.0, "refresh_cached", None).await?;
        in_a_row = if report.state == State::Succeeded { in_a_row + 1 } else { 0 };
        if report.reason == Some(Reason::BreakerOpen) {
            close_circuits(&host).await;
        }
        reports.push(report);
        ensure!(reports.len() < 10_000, "no recovery within 10,000 reads");
    }
    Ok(reports)
}

async fn close_circuits(host: &Host) {
    let all = host.request("circuit/list", b"{}", "demo").await;
    let named = |circuit: &serde_json::Value| circuit.get("circuit").cloned();
    for circuit in all.get("data").and_then(|data| data.as_array()).into_iter().flatten().filter_map(named) {
        host.request("circuit/close", serde_json::json!({"circuit": circuit}).to_string().as_bytes(), "demo")
            .await;
    }
}

fn succeeded(report: &Report) -> anyhow::Result<()> {
    ensure!(
        report.state == State::Succeeded,
        "{} ended as {:?}: {:?}",
        report.op,
        report.state,
        report.message
    );
    Ok(())
}
