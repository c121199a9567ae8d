//! What befalls tokens, and what renewing them costs.

use std::time::Duration;

use renault_simulator::{Control, Effect, Ended, Fault, RouteKind};
use testkit::Home;
use testkit::two_makers::{FIVE, TwoMakers, ZOE};
use vehicle_connector::wire::outcome::State;

/// Answers to a token that is no good any more, besides the cloud's usual one.
const WORDINGS: [&str; 4] = [
    "",
    r#"{"errors":[{"errorCode":"err.func.wired.unauthorized"}]}"#,
    r#"{"errors":[{"errorCode":"err.func.wired.unauthorized","errorMessage":"{\"errors\":[{\"title\":\"Unauthorized\",\"detail\":\"JWT expired\"}]}"}]}"#,
    r#"{"type":"FUNCTIONAL","errors":[{"errorCode":"err.func.401","errorMessage":"Access token is no longer valid"}]}"#,
];

/// What befell the tokens before an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token {
    Fine,
    /// The cloud has ended the id token before its time.
    Ended,
    /// The id token has ended by the cloud's clock, and not yet by the host's.
    Aged,
    /// The id token is refused once, in these words.
    Worded(&'static str),
    /// Every id token is refused.
    RefusedForEver,
    /// The login token is over too, so that no refresh helps.
    LoginOver(Ended),
}

impl Token {
    pub(super) const ALL: [Self; 10] = [
        Self::Fine,
        Self::Ended,
        Self::Aged,
        Self::Worded(WORDINGS[0]),
        Self::Worded(WORDINGS[1]),
        Self::Worded(WORDINGS[2]),
        Self::Worded(WORDINGS[3]),
        Self::RefusedForEver,
        Self::LoginOver(Ended::Unauthorized),
        Self::LoginOver(Ended::Unverified),
    ];

    pub(super) fn befall(self, cloud: &Control) {
        let refused = |words| Fault::new(RouteKind::Kamereon, Effect::answer(401, words));
        match self {
            Self::Fine => {}
            Self::Ended => cloud.expire_id_tokens(),
            Self::Aged => cloud.set_clock_ahead(900),
            Self::Worded(words) => cloud.inject(refused(words)),
            Self::RefusedForEver => cloud.inject(refused(WORDINGS[1]).forever()),
            Self::LoginOver(ended) => {
                cloud.expire_id_tokens();
                cloud.end_login_tokens(ended);
            }
        }
    }

    pub(super) fn attempts(self) -> u32 {
        if self == Self::Fine { 1 } else { 2 }
    }

    /// The id tokens that are asked for, and the sign-ins.
    pub(super) fn renewals(self) -> (u64, u64) {
        match self {
            Self::Fine => (0, 0),
            // The refresh that is refused, and the one that belongs to the sign-in.
            Self::LoginOver(_) => (2, 1),
            _ => (1, 0),
        }
    }
}

/// Eight reads that are all on their way when the cloud ends the id token.
async fn eight_in_flight(home: &TwoMakers) {
    home.renault.inject(Fault::new(RouteKind::BatteryStatus, Effect::Hold).times(8));
    let mut sent = Vec::new();
    for car in [FIVE.0, ZOE.0].into_iter().cycle().take(8) {
        sent.push((car, home.begin(car, "refresh_cached", "").await));
    }
    home.renault.wait_until(|counters| counters.held == 8).await;
    home.renault.expire_id_tokens();
    home.renault.release();
    for (car, id) in sent {
        let report = home.ended(car, &id).await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
        assert!(report.token_refreshed, "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn eight_in_flight_when_the_token_ends_cost_one_refresh() {
    let home = TwoMakers::start().await;
    eight_in_flight(&home).await;
    let counters = home.counters();
    assert_eq!((counters.jwt_asked, counters.logins, counters.refused_tokens), (1, 0, 8), "{counters:?}");
    println!("8 callers, an expired id token: {} refresh, {} sign-ins", counters.jwt_asked, counters.logins);
}

#[tokio::test(start_paused = true)]
async fn eight_in_flight_when_the_login_is_over_cost_one_sign_in() {
    let home = TwoMakers::start().await;
    home.renault.end_login_tokens(Ended::Unauthorized);
    eight_in_flight(&home).await;
    let counters = home.counters();
    assert_eq!((counters.jwt_asked, counters.logins), (2, 1), "{counters:?}");
    assert_eq!(home.account()["logins_today"], 2);
}

#[tokio::test(start_paused = true)]
async fn logins_that_are_ended_again_and_again_are_replaced_only_as_often_as_the_owner_allows() {
    for ceiling in [1_u32, 2, 4] {
        let home = TwoMakers::with(renault_simulator::Config::default(), |config| {
            let garage = config.accounts.iter_mut().find(|(slug, _)| slug.as_str() == "garage");
            garage.unwrap().1.max_logins_per_day = ceiling;
        })
        .await;
        for again in 1..=6 {
            home.renault.expire_id_tokens();
            home.renault.end_login_tokens(Ended::Unauthorized);
            let report = home.read(FIVE.0).await;
            let may = again < ceiling;
            assert_eq!(report.state == State::Succeeded, may, "{ceiling} {again}: {report:?}");
            home.home.advance(Duration::from_secs(3_600)).await;
        }
        let counters = home.counters();
        assert_eq!(counters.logins, u64::from(ceiling - 1), "the first one was that of the start");
        assert_eq!(home.account()["logins_today"], ceiling);
    }
}
