//! Every operation, whatever happens to the tokens: one table.

use std::collections::BTreeSet;

use renault_simulator::CommandKind;
use testkit::Home;
use testkit::two_makers::{FIVE, TwoMakers, ZOE, ZOE_2};
use vehicle_connector::wire::outcome::{Reason, State};

use super::tokens::Token;

/// An operation, its topic, the fields of its command, and what a car really does for it.
type Operation = (&'static str, &'static str, &'static str, Option<CommandKind>);

const READ: Operation = ("refresh_cached", "refresh_cached", "", None);
const START_CLIMATE: Operation =
    ("start_climate", "climate", r#""action":"start""#, Some(CommandKind::HvacStart));
const STOP_CLIMATE: Operation =
    ("stop_climate", "climate", r#""action":"stop""#, Some(CommandKind::HvacStop));
const LIMITS: Operation =
    ("set_charge_limits", "charge_limits", r#""ac":85,"dc":85"#, Some(CommandKind::SocLevels));
const HORN: Operation = ("signal", "signal", r#""action":"horn""#, Some(CommandKind::Horn));
const LIGHTS: Operation = ("signal", "signal", r#""action":"lights""#, Some(CommandKind::Lights));

const fn start_charging(kind: CommandKind) -> Operation {
    ("start_charging", "charging", r#""action":"start""#, Some(kind))
}

const fn stop_charging(kind: CommandKind) -> Operation {
    ("stop_charging", "charging", r#""action":"stop""#, Some(kind))
}

/// What each car has. The three of them start and stop charging in different ways.
const TABLE: [((&str, &str), &[Operation]); 3] = [
    (
        FIVE,
        &[READ, START_CLIMATE, STOP_CLIMATE, start_charging(CommandKind::EvSettings), LIMITS, HORN, LIGHTS],
    ),
    (
        ZOE,
        &[
            READ,
            START_CLIMATE,
            STOP_CLIMATE,
            start_charging(CommandKind::ChargeStart),
            stop_charging(CommandKind::ChargeStop),
            HORN,
            LIGHTS,
        ],
    ),
    (
        ZOE_2,
        &[
            READ,
            START_CLIMATE,
            STOP_CLIMATE,
            start_charging(CommandKind::ChargeStart),
            stop_charging(CommandKind::ChargeStop),
        ],
    ),
];

/// What the cloud never shows cannot be seen to be done.
fn is_never_seen((name, ..): Operation) -> bool {
    name == "signal"
}

/// A car that would have to do something.
async fn home_before((car, vin): (&str, &str), (name, ..): Operation) -> TwoMakers {
    let home = TwoMakers::start().await;
    let changed = home.renault.change_car(vin, |state| {
        state.hvac_on = name == "stop_climate";
        state.charging = name == "stop_charging";
    });
    assert!(changed, "{car}");
    home
}

async fn work(car: (&str, &str), operation: Operation, token: Token) {
    let (name, topic, fields, does) = operation;
    let home = home_before(car, operation).await;
    token.befall(&home.renault);
    let report = home.command(car.0, topic, fields).await;
    let about = format!("{} {name} {fields} {token:?}: {report:?}", car.0);
    let counters = home.counters();

    let end = (report.state, report.reason);
    let expected = match token {
        Token::RefusedForEver => (State::Failed, Some(Reason::UpstreamRefused)),
        _ if is_never_seen(operation) => (State::Unknown, Some(Reason::Unconfirmed)),
        _ => (State::Succeeded, None),
    };
    assert_eq!(end, expected, "{about}");
    assert_eq!((report.op.as_str(), report.attempts), (name, token.attempts()), "{about}");
    assert_eq!((counters.jwt_asked, counters.logins), token.renewals(), "{about}: {counters:?}");
    if let Some(kind) = does {
        let done = u64::from(token != Token::RefusedForEver);
        assert_eq!(counters.executed_by(car.1, kind), done, "{about}: {counters:?}");
    }
    let signed_in = 1 + token.renewals().1;
    assert_eq!(home.account()["logins_today"], signed_in, "{about}");
    assert_eq!(home.renault.violations(), [], "{about}");
}

async fn every_operation_of(row: usize) {
    let (car, operations) = TABLE[row];
    for operation in operations {
        for token in Token::ALL {
            work(car, *operation, token).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_operation_of_a_renault_5_survives_its_tokens() {
    every_operation_of(0).await;
}

#[tokio::test(start_paused = true)]
async fn every_operation_of_a_zoe_survives_its_tokens() {
    every_operation_of(1).await;
}

#[tokio::test(start_paused = true)]
async fn every_operation_of_a_newer_zoe_survives_its_tokens() {
    every_operation_of(2).await;
}

#[tokio::test(start_paused = true)]
async fn the_table_has_every_operation_that_a_car_has_and_the_others_cost_no_request() {
    let home = TwoMakers::start().await;
    for ((car, _), operations) in TABLE {
        let listed: BTreeSet<&str> = operations.iter().map(|(name, ..)| *name).collect();
        let capabilities = home.retained(&format!("vehicle/{car}/capabilities"));
        let all = capabilities.as_object().unwrap().iter();
        let has: BTreeSet<&str> =
            all.filter(|(_, has)| **has == true).map(|(name, _)| name.as_str()).collect();
        assert_eq!(listed, has, "{car}: {capabilities:#}");
        home.renault.reset_counters();
        for topic in ["refresh_force", "refresh_smart", "lock", "unlock"] {
            let report = home.command(car, topic, "").await;
            assert_eq!(
                (report.state, report.reason),
                (State::Rejected, Some(Reason::Unsupported)),
                "{report:?}"
            );
        }
        assert_eq!(home.counters().requests, 0, "{car}");
    }
}
