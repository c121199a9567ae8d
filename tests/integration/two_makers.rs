//! Two makers in one home have nothing to do with each other: what befalls one cloud, its account or its connector
//! changes nothing for the other's cars. The policy is the one thing that they share.

use std::time::Duration;

use renault_simulator::{Aspect, CommandKind, Lag};
use simulator::{ActionKind, Effect, Ending, Fault, Outcome, RouteKind};
use testkit::handmade::variant;
use testkit::network::Outage;
use testkit::two_makers::{FIVE, SLOT, TwoMakers};
use testkit::virtual_home::compiled;
use testkit::{Home, LEGACY};
use vehicle_connector::config::Config;
use vehicle_connector::deployments::{Offer, PluginKind};
use vehicle_connector::plugin::embedded;
use vehicle_connector::wire::outcome::{Reason, State};

/// The slot of the other maker's connector.
const OTHER: &str = "hyundai-kia-eu";

/// Reads one car until it fails for this reason, and the other one after each read, which succeeds at once.
async fn fails_alone(home: &TwoMakers, failing: &str, reason: Reason, other: &str) {
    let mut reasons = Vec::new();
    for _ in 0..40 {
        let report = home.read(failing).await;
        let well = home.read(other).await;
        assert_eq!((well.state, well.attempts), (State::Succeeded, 1), "{well:?}");
        if report.reason == Some(reason) {
            return;
        }
        reasons.push(report.reason);
    }
    panic!("{failing} does not fail with {reason:?}, but with {reasons:?}");
}

/// Commands that move something still reach the car.
async fn obeys(home: &TwoMakers, (car, topic, fields): (&str, &str, &str)) {
    let report = home.command(car, topic, fields).await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
}

const LOCK: (&str, &str, &str) = (LEGACY.0, "lock", "");
const WARM: (&str, &str, &str) = (FIVE.0, "climate", r#""action":"start""#);

#[tokio::test(start_paused = true)]
async fn a_cloud_that_is_down_opens_its_own_circuit_alone() {
    let home = TwoMakers::start().await;
    home.ways.sever(true);
    fails_alone(&home, FIVE.0, Reason::BreakerOpen, LEGACY.0).await;
    obeys(&home, LOCK).await;
    assert_eq!(home.home.circuit(SLOT)["state"], "open");
    assert_ne!(home.home.circuit(OTHER)["state"], "open");
    home.ways.sever(false);

    let home = TwoMakers::start().await;
    home.home.network.set_outage(Outage::Everything);
    fails_alone(&home, LEGACY.0, Reason::BreakerOpen, FIVE.0).await;
    obeys(&home, WARM).await;
    assert_eq!(home.home.circuit(OTHER)["state"], "open");
    assert_ne!(home.home.circuit(SLOT)["state"], "open");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_latched_leaves_the_other_makers_account_alone() {
    let home = TwoMakers::start().await;
    home.renault.expire_id_tokens();
    home.renault.end_login_tokens(renault_simulator::Ended::Unauthorized);
    let disabled = Effect::envelope("403041", "Account is disabled");
    home.renault
        .inject(renault_simulator::Fault::new(renault_simulator::RouteKind::Login, disabled).forever());
    fails_alone(&home, FIVE.0, Reason::AuthRequired, LEGACY.0).await;
    obeys(&home, LOCK).await;
    assert_eq!(home.account()["state"], "auth_required");
    assert_eq!(home.retained("account/home/state")["state"], "ok");

    let home = TwoMakers::start().await;
    home.control().refuse_grants(true);
    home.control().expire_access_token();
    fails_alone(&home, LEGACY.0, Reason::AuthRequired, FIVE.0).await;
    obeys(&home, WARM).await;
    assert_eq!(home.retained("account/home/state")["state"], "auth_required");
    assert_eq!(home.account()["state"], "ok");
}

#[tokio::test(start_paused = true)]
async fn a_maker_that_blocks_this_program_silences_its_own_accounts_alone() {
    let blocked = r#"{"error":"This is classified as an abusing request and blocked. client_id"}"#;
    let home = TwoMakers::start().await;
    home.control().expire_access_token();
    home.control().inject(Fault::new(RouteKind::Token, Effect::answer(400, blocked)).forever());
    fails_alone(&home, LEGACY.0, Reason::LockedOut, FIVE.0).await;
    obeys(&home, WARM).await;
    // Also a new session is to be had.
    home.renault.expire_id_tokens();
    assert_eq!(home.read(FIVE.0).await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_is_that_of_one_account() {
    for (account, poor, rich, command) in
        [("garage", FIVE.0, LEGACY.0, LOCK), ("home", LEGACY.0, FIVE.0, WARM)]
    {
        let limited = |config: &mut Config| {
            let (_, account) = config.accounts.iter_mut().find(|(slug, _)| slug.as_str() == account).unwrap();
            account.quota_per_day = Some(30);
        };
        let home = TwoMakers::with(renault_simulator::Config::default(), limited).await;
        fails_alone(&home, poor, Reason::Quota, rich).await;
        obeys(&home, command).await;
    }
}

#[tokio::test(start_paused = true)]
async fn patience_that_one_cloud_asks_for_does_not_bind_the_other() {
    let home = TwoMakers::start().await;
    let slow = Effect::Answer {
        status: 429,
        body: r#"{"errors":[{"errorCode":"err.func.wired.overloaded"}]}"#.to_owned(),
        headers: vec![("retry-after".to_owned(), "7200".to_owned())],
    };
    home.renault.inject(renault_simulator::Fault::new(renault_simulator::RouteKind::Kamereon, slow));
    fails_alone(&home, FIVE.0, Reason::Cooldown, LEGACY.0).await;
    obeys(&home, LOCK).await;
    assert_eq!(home.account()["state"], "rate_limited");
    let before = home.counters().requests;
    home.home.advance(Duration::from_secs(3_600)).await;
    fails_alone(&home, FIVE.0, Reason::Cooldown, LEGACY.0).await;
    assert_eq!(home.counters().requests, before);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_is_swapped_changes_nothing_in_the_other_slot() {
    for (swapped, component, other, car, busy) in [
        (SLOT, embedded::RENAULT, OTHER, LEGACY.0, FIVE.0),
        (OTHER, embedded::HYUNDAI_KIA, SLOT, FIVE.0, LEGACY.0),
    ] {
        let home = TwoMakers::start().await;
        let (before, untouched) = (home.slot(swapped).await.active, home.slot(other).await.active);
        let sent =
            [home.begin(car, "refresh_cached", "").await, home.begin(busy, "refresh_cached", "").await];
        home.swap_connector(swapped, &variant(component, 1)).await;
        let after = home.slot(swapped).await.active;
        assert_eq!(after.generation, before.generation + 1);
        assert_eq!(home.slot(other).await.active, untouched);
        for (car, id) in [car, busy].into_iter().zip(&sent) {
            assert_eq!(home.ended(car, id).await.state, State::Succeeded);
            assert_eq!(home.read(car).await.state, State::Succeeded);
        }
        assert_eq!((home.counters().logins, home.control().counters().grants_asked), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_swapped_while_commands_are_pending_ends_each_once_and_right() {
    for (lag, expected) in [(Lag::Reads(3), State::Succeeded), (Lag::UntilSettled, State::Unknown)] {
        let home = TwoMakers::start().await;
        home.renault.set_lag(Aspect::Hvac, lag);
        home.control().queue_outcome(Outcome::new(Ending::Success).pending(6));
        let lock = home.begin(LOCK.0, LOCK.1, LOCK.2).await;
        let warm = home.begin(WARM.0, WARM.1, WARM.2).await;
        home.home.advance(Duration::from_secs(5)).await;
        let taken = (
            home.control().counters().commands,
            home.counters().accepted_for(FIVE.1, CommandKind::HvacStart),
        );
        assert_eq!(taken, (1, 1));
        assert!(
            home.finals(LOCK.0, &lock).is_empty() && home.finals(WARM.0, &warm).is_empty(),
            "both are pending"
        );

        let before = home.host().policy_used().generation;
        home.home.decide_with(&compiled(&variant(embedded::POLICY, 1))).await;
        home.renault.expire_id_tokens();
        home.control().expire_access_token();
        let (lock, warm) = (home.ended(LOCK.0, &lock).await, home.ended(WARM.0, &warm).await);
        assert_eq!((lock.state, warm.state), (State::Succeeded, expected), "{lock:?} {warm:?}");
        for report in [&lock, &warm] {
            let with = report.policy.as_ref().unwrap().generation;
            assert_eq!((report.attempts, with), (1, before), "{report:?}");
        }
        home.home.advance(Duration::from_secs(3_600)).await;
        assert_eq!((home.finals(LOCK.0, &lock.id).len(), home.finals(WARM.0, &warm.id).len()), (1, 1));
        assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);
        assert_eq!(home.counters().of(renault_simulator::RouteKind::HvacStart), 1);
        assert_eq!((home.counters().jwt_asked, home.control().counters().grants_asked), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_connectors_the_one_of_the_component_s_name_is_meant() {
    let home = TwoMakers::start().await;
    let untouched = home.slot("hyundai-kia-eu").await.active.digest;
    let next = compiled(&variant(embedded::RENAULT, 1));
    let digest = next.digest;
    let deployments = home.host().deployments();
    let offer = Offer::compiled(next, "test").without_trial();
    let swapped = deployments.swap(PluginKind::Connector, None, &offer).await.unwrap();
    assert_eq!(swapped.slot, "renault");
    assert_eq!(home.slot("renault").await.active.digest, digest);
    assert_eq!(home.slot("hyundai-kia-eu").await.active.digest, untouched);

    let stranger = compiled(&crate::grants::desk::example());
    let its_digest = stranger.digest;
    let stranger = Offer::compiled(stranger, "test").out_of(Some("stranger.wasm".to_owned()));
    for refused in [
        deployments.swap(PluginKind::Connector, None, &stranger).await.unwrap_err().to_string(),
        deployments.verify(PluginKind::Connector, None, &stranger).await.unwrap_err().to_string(),
    ] {
        assert_eq!(
            refused,
            "the component calls itself \"example\", and no connector of that name runs here; name the slot that it is for \
             (`--slot NAME`): hyundai-kia-eu, renault"
        );
    }
    // It never came to a slot, and is on record and published all the same: which component, out of which file.
    let history = deployments.history(PluginKind::Connector, None, 50).await.unwrap();
    let recorded =
        history.iter().any(|it| it.digest == Some(its_digest) && it.file.as_deref() == Some("stranger.wasm"));
    assert!(recorded, "{history:?}");
    assert!(home.events("connector_rejected").iter().any(|it| it["digest"] == its_digest.to_string()));

    let several = deployments.rollback(PluginKind::Connector, None, "test").await.unwrap_err().to_string();
    assert_eq!(
        several,
        "several connectors run here, so say which one is meant (`--slot NAME`): hyundai-kia-eu, renault"
    );
}
