//! Every operation, on both generations of car, whatever happens to the access token and to the permission
//! that the PIN gave: one table.

use std::sync::Arc;

use simulator::{Refusal, RouteKind};
use testkit::{CCS2, Home, LEGACY, RealHome};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};

use crate::operations::{OPERATIONS, home, run};

/// The operation, its topic, and a payload.
type Operation = (&'static str, &'static str, &'static str);

/// The smart read that asks the vehicle.
const SMART_AND_FORCED: Operation = ("refresh_smart", "refresh_smart", "0");

const WORDINGS: [&str; 4] = [
    "Key not authorized: Token is expired",
    "Key not authorized: token has expired",
    "key not authorized: TOKEN EXPIRED",
    "Key not authorized: the access token was expired",
];

/// How many homes are worked in at once. A home that waits for a newer car to wake up does not count.
const AT_ONCE: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Fine,
    Expired(&'static str),
    RefusedForEver,
}

const TOKENS: [Token; 6] = [
    Token::Fine,
    Token::Expired(WORDINGS[0]),
    Token::Expired(WORDINGS[1]),
    Token::Expired(WORDINGS[2]),
    Token::Expired(WORDINGS[3]),
    Token::RefusedForEver,
];

/// What became of the permission from an earlier command.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Permission {
    /// Its time is over, as everybody knows.
    Ended,
    /// It is as good as the cloud says.
    Kept,
    /// It should be good, and the cloud refuses it.
    Refused,
}

/// One line of the table, in a home of its own.
#[derive(Debug, Clone)]
struct Line {
    slug: &'static str,
    operation: Operation,
    permission: Permission,
    tokens: Vec<Token>,
}

impl Line {
    fn is_command(&self) -> bool {
        !self.operation.0.starts_with("refresh") && self.operation.0 != "check_action_status"
    }

    fn needs_permission(&self) -> bool {
        let newer = self.slug == CCS2.0;
        match self.operation.0 {
            "lock" | "unlock" | "start_climate" | "stop_climate" => newer,
            "set_windows" | "open_charge_port" | "close_charge_port" => true,
            _ => false,
        }
    }

    fn is_unsupported(&self) -> bool {
        self.operation.0 == "set_charging_current" && self.slug == LEGACY.0
    }

    /// A newer car takes half a minute to wake up.
    fn is_slow(&self) -> bool {
        self.slug == CCS2.0 && (self.operation.0 == "refresh_force" || self.operation == SMART_AND_FORCED)
    }

    /// The state, the refreshes and the attempts that are expected.
    fn expected(&self, token: Token) -> (State, u64, u32) {
        // A command with a permission does not carry the access token: that is refused when it is asked what became
        // of the command, and asking is no attempt.
        let unnoticed = self.needs_permission() && self.permission == Permission::Kept;
        let replaced = self.needs_permission() && self.permission == Permission::Refused;
        match token {
            Token::Fine => (State::Succeeded, 0, if replaced { 2 } else { 1 }),
            Token::Expired(_) => (State::Succeeded, 1, if unnoticed { 1 } else { 2 }),
            Token::RefusedForEver => (State::Failed, 1, 2),
        }
    }
}

fn table() -> Vec<Line> {
    let mut lines = Vec::new();
    for operation in OPERATIONS.into_iter().chain([SMART_AND_FORCED]) {
        for (slug, _) in [LEGACY, CCS2] {
            let line = Line { slug, operation, permission: Permission::Ended, tokens: TOKENS.to_vec() };
            if line.is_slow() {
                lines.extend(TOKENS.map(|token| Line { tokens: vec![token], ..line.clone() }));
                continue;
            }
            if line.needs_permission() {
                lines.push(Line { permission: Permission::Kept, ..line.clone() });
                lines.push(Line { permission: Permission::Refused, ..line.clone() });
            }
            lines.push(line);
        }
    }
    lines
}

fn states(messages: &[Outgoing], slug: &str) -> usize {
    let topic = format!("vehicle-connector/vehicle/{slug}/state");
    messages.iter().filter(|message| message.topic == topic).count()
}

/// Does a command, and waits for the host's own read after it, so that nobody meddles with the token meanwhile.
async fn prepare(home: &RealHome, slug: &str, operation: Operation) {
    let before = states(&home.published.messages(), slug);
    run(home, slug, operation).await;
    home.published.find(|messages| (states(messages, slug) > before).then_some(())).await;
}

async fn work(line: &Line) {
    let &Line { slug, operation, permission, .. } = line;
    let home = home().await;
    home.settle().await;
    // So that there is an action to ask about, and a permission if this one needs any.
    prepare(&home, slug, if line.needs_permission() { operation } else { OPERATIONS[3] }).await;
    for (round, &token) in (1..).zip(&line.tokens) {
        match permission {
            Permission::Ended if line.needs_permission() => {
                home.clock.advance(601);
                home.control().set_clock_ahead(601 * round);
            }
            Permission::Ended | Permission::Kept => {}
            Permission::Refused => home.control().invalidate_control_tokens(),
        }
        match token {
            Token::Fine => {}
            Token::Expired(wording) => home.control().expire_access_token_with(Refusal::gateway(wording)),
            Token::RefusedForEver => home.control().refuse_tokens(true),
        }
        let before = home.control().counters();
        let published = states(&home.published.messages(), slug);
        let report = run(&home, slug, operation).await;
        let after = home.control().counters();
        let about = format!("{slug} {} {permission:?} {token:?}: {report:?}", operation.0);
        if line.is_unsupported() {
            let end = (report.state, report.reason, after.requests - before.requests);
            assert_eq!(end, (State::Rejected, Some(Reason::Unsupported), 0), "{about}");
            continue;
        }
        let end = (report.state, after.grants_asked - before.grants_asked, report.attempts);
        assert_eq!(end, line.expected(token), "{about}");
        let pins = after.of(RouteKind::Pin) - before.of(RouteKind::Pin);
        assert!(pins <= u64::from(report.attempts), "{pins} PINs: {about}");
        assert!(report.upstream_calls <= 8, "{about}");
        if line.is_command() && report.state == State::Succeeded {
            home.published.find(|messages| (states(messages, slug) > published).then_some(())).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_survives_its_token_and_its_permission_on_both_cars() {
    let (slow, fast): (Vec<_>, Vec<_>) = table().into_iter().partition(Line::is_slow);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut all = JoinSet::new();
    for line in slow {
        all.spawn(async move { work(&line).await });
    }
    for line in fast {
        let places = Arc::clone(&places);
        all.spawn(async move {
            let _place = places.acquire().await.unwrap();
            work(&line).await;
        });
    }
    all.join_all().await;
}
