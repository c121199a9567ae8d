//! All operations, on both generations of car, whatever happens to the token.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use simulator::{ActionKind, Effect, Fault, Refusal, RouteKind};
use tests::{CCS2, Home, LEGACY};
use tokio::task::JoinSet;
use vehicle_connector::operation::{Reason, Report, State};
use vehicle_connector::outbox::Outgoing;

/// What can be commanded: the operation, its topic, and a payload.
const OPERATIONS: [(&str, &str, &str); 12] = [
    ("refresh_cached", "refresh_cached", "PRESS"),
    ("refresh_smart", "refresh_smart", "300"),
    ("refresh_force", "refresh_force", "PRESS"),
    ("lock", "lock", "LOCK"),
    ("unlock", "lock", "UNLOCK"),
    ("start_climate", "climate", r#"{"action":"start","set_temp":21.5,"duration_min":10}"#),
    ("stop_climate", "climate", "off"),
    ("set_windows", "windows", "vent"),
    ("open_charge_port", "charge_port", "OPEN"),
    ("close_charge_port", "charge_port", "CLOSE"),
    ("set_charging_current", "charging_current", "90 %"),
    ("check_action_status", "action_status", "LAST"),
];

const WORDINGS: [&str; 4] = [
    "Key not authorized: Token is expired",
    "Key not authorized: token has expired",
    "key not authorized: TOKEN EXPIRED",
    "Key not authorized: the access token was expired",
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Fine,
    Expired(&'static str),
    RefusedForEver,
}

/// Everything that can happen to the token. A newer car that is asked takes half a minute to answer, so it is asked
/// with one of the wordings; they are told apart long before that.
fn situations(operation: &str, slug: &str) -> Vec<Token> {
    let slow = operation == "refresh_force" && slug == CCS2.0;
    let wordings = if slow { &WORDINGS[1..2] } else { &WORDINGS[..] };
    let expired = wordings.iter().map(|wording| Token::Expired(wording));
    [Token::Fine].into_iter().chain(expired).chain([Token::RefusedForEver]).collect()
}

/// A home where everything is allowed, whose cloud does not mind that its clock runs ahead.
async fn home() -> Home {
    let mut cloud =
        simulator::Config { access_token_lifetime: Duration::from_secs(86_400), ..Default::default() };
    cloud.strict.stamp_tolerance = Duration::from_secs(7 * 86_400);
    Home::permissive(cloud).await
}

/// Sends a command and waits for its final report, by operation: these words carry no identifier.
async fn run(home: &Home, slug: &str, (operation, topic, payload): (&str, &str, &str)) -> Report {
    let before = home.published.messages().len();
    home.send(slug, topic, payload).await;
    let prefix = format!("vehicle-connector/vehicle/{slug}/action/");
    home.published
        .find(|messages| {
            messages[before..].iter().find_map(|message| {
                let report: Report = serde_json::from_slice(&message.payload).ok()?;
                let wanted = report.op == operation && report.state.is_final();
                // `action/last` may still speak of the command before.
                let own = message.topic.strip_prefix(&prefix) == Some(report.id.as_str());
                (own && wanted).then_some(report)
            })
        })
        .await
}

fn states(messages: &[Outgoing], slug: &str) -> usize {
    let topic = format!("vehicle-connector/vehicle/{slug}/state");
    messages.iter().filter(|message| message.topic == topic).count()
}

/// The read after a command is the host's own. It must be over before the token is meddled with again.
async fn read_by_the_host(home: &Home, slug: &str, before: usize) {
    home.published.find(|messages| (states(messages, slug) > before).then_some(())).await;
}

async fn whatever_happens_to_the_token(
    slug: &'static str,
    operation: (&'static str, &'static str, &'static str),
) {
    let home = home().await;
    home.settle().await;
    // So that there is an action to ask about.
    run(&home, slug, OPERATIONS[3]).await;
    read_by_the_host(&home, slug, 0).await;
    let unsupported = operation.0 == "set_charging_current" && slug == LEGACY.0;
    for (round, token) in (1..).zip(situations(operation.0, slug)) {
        // The permission that the PIN gave has ended, here and in the cloud: every command asks for it anew.
        home.clock.advance(601);
        home.control().set_clock_ahead(601 * round);
        match token {
            Token::Fine => {}
            Token::Expired(wording) => home.control().expire_access_token_with(Refusal::gateway(wording)),
            Token::RefusedForEver => home.control().refuse_tokens(true),
        }
        let before = home.control().counters();
        let states = states(&home.published.messages(), slug);
        let report = run(&home, slug, operation).await;
        let after = home.control().counters();
        let (requests, grants) = (after.requests - before.requests, after.grants_asked - before.grants_asked);
        let about = format!("{slug} {} {token:?}: {report:?}", operation.0);
        assert!(report.attempts <= 2, "{about}");
        if unsupported {
            assert_eq!(
                (report.state, report.reason),
                (State::Rejected, Some(Reason::Unsupported)),
                "{about}"
            );
            assert_eq!(requests, 0, "{about}");
            continue;
        }
        let (state, expected_grants) = match token {
            Token::Fine => (State::Succeeded, 0),
            Token::Expired(_) => (State::Succeeded, 1),
            Token::RefusedForEver => (State::Failed, 1),
        };
        assert_eq!((report.state, grants), (state, expected_grants), "{about}");
        assert!(report.upstream_calls <= 8, "{about}");
        if token == Token::RefusedForEver {
            home.control().refuse_tokens(false);
        }
        let commands = !operation.0.starts_with("refresh") && operation.0 != "check_action_status";
        if commands && report.state == State::Succeeded {
            read_by_the_host(&home, slug, states).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_survives_its_token_on_both_cars() {
    let mut all = JoinSet::new();
    for operation in OPERATIONS {
        for (slug, _) in [LEGACY, CCS2] {
            all.spawn(whatever_happens_to_the_token(slug, operation));
        }
    }
    all.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_refresh_token_is_used_once_by_eight_at_once() {
    let home =
        Arc::new(Home::with(simulator::Config { rotate_refresh_token: true, ..Default::default() }).await);
    home.settle().await;
    home.control().expire_when_in_flight(8);
    let reads = (0..8).map(|_| home.command(LEGACY.0, "refresh_cached", None));
    for report in futures_util::future::join_all(reads).await {
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    }
    let counters = home.control().counters();
    assert_eq!((counters.grants_asked, counters.refused_grants), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_checked_before_anything_is_sent() {
    let home = home().await;
    home.settle().await;
    let climate = |options: &str| format!(r#"{{"action":"start",{options}}}"#);
    for (payload, value, range) in [
        (climate(r#""set_temp":21.3"#), "21.3 ", "14 and 31.5"),
        (climate(r#""set_temp":40"#), "40", "14 and 31.5"),
        (climate(r#""duration_min":0"#), "0", "1 to 30"),
        (climate(r#""heating":9"#), "9", "0 to 4"),
        (climate(r#""seats":{"fl":99}"#), "99", "0 to 8"),
    ] {
        let before = home.control().counters().commands;
        let report = run(&home, CCS2.0, ("start_climate", "climate", &payload)).await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::BadPayload)), "{report:?}");
        let message = report.message.unwrap();
        assert!(message.contains(value) && message.contains(range), "{payload}: {message}");
        assert_eq!(home.control().counters().commands, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_car_turns_out_not_to_have_is_learned_and_published() {
    let home = home().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::unsupported()));
    let report = run(&home, CCS2.0, OPERATIONS[7]).await;
    assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::Unsupported)), "{report:?}");
    let capabilities = |messages: &[Outgoing]| {
        let last = messages.iter().rfind(|message| message.topic.ends_with("/ev6/capabilities"))?;
        serde_json::from_slice::<Value>(&last.payload).ok()
    };
    let published = home.published.find(capabilities).await;
    assert_eq!(published["set_windows"], "learned_unsupported");
    assert_eq!((&published["lock"], &published["set_charging_current"]), (&true.into(), &true.into()));

    let before = home.control().counters().requests;
    let report = run(&home, CCS2.0, OPERATIONS[7]).await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::Unsupported)), "{report:?}");
    assert_eq!(home.control().counters().requests, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_car_is_waited_for_and_no_circuit_minds() {
    let home = home().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::duplicate()));
    let report = home.command(LEGACY.0, "lock", None).await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_says_where_it_comes_from_and_when_a_car_did_not_answer() {
    let home = home().await;
    home.settle().await;
    let latest = |slug: &str| {
        let topic = format!("vehicle-connector/vehicle/{slug}/state");
        let messages = home.published.messages();
        let last = messages.iter().rfind(|message| message.topic == topic).unwrap();
        serde_json::from_slice::<Value>(&last.payload).unwrap()
    };
    for (slug, _) in [LEGACY, CCS2] {
        run(&home, slug, OPERATIONS[0]).await;
        let state = latest(slug);
        assert!(state["soc_percent"].is_number() && state["meta"]["source"] == "cached", "{state}");
    }

    // Asked, and silent: what is known is still there, and says that it is old.
    home.control().set_reachable(LEGACY.1, false);
    let report = run(&home, LEGACY.0, OPERATIONS[2]).await;
    assert_ne!(report.state, State::Succeeded, "{report:?}");
    let state = latest(LEGACY.0);
    assert_eq!(state["meta"]["stale"], true, "{state}");
    assert!(state["soc_percent"].is_number());

    home.control().set_reachable(LEGACY.1, true);
    let report = run(&home, LEGACY.0, OPERATIONS[2]).await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(
        (&latest(LEGACY.0)["meta"]["source"], &latest(LEGACY.0)["meta"]["stale"]),
        (&"vehicle".into(), &false.into())
    );
}
