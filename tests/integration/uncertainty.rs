//! Commands that may have moved the car, which are never sent again.

use simulator::{ActionKind, Effect, Ending, Fault, Outcome, RouteKind};
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::wire::outcome::{Reason, State};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_answer_is_lost_is_sent_once_and_reported_unknown() {
    for (fault, actuations) in [
        (Fault::new(RouteKind::Command, Effect::Drop).after_acting(), 1),
        (Fault::new(RouteKind::Command, Effect::Drop), 0),
    ] {
        let home = RealHome::start().await;
        home.settle().await;
        home.control().inject(fault.forever());
        let report = home.command(LEGACY.0, "unlock", "").await;
        assert_eq!(report.state, State::Unknown, "{report:?}");
        let counters = home.control().counters();
        assert_eq!(counters.commands, 1, "sent once");
        assert_eq!(counters.actuations_of(LEGACY.1, ActionKind::Unlock), actuations);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_while_polling_never_resends_the_command() {
    for (slug, id) in [LEGACY, CCS2] {
        let home = RealHome::start().await;
        home.settle().await;
        home.control().inject(Fault::new(
            RouteKind::Records,
            Effect::answer(401, r#"{"error":"Key not authorized: Token is expired"}"#),
        ));
        let report = home.command(slug, "lock", "").await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
        let counters = home.control().counters();
        assert_eq!(counters.commands, 1);
        assert_eq!(counters.actuations_of(id, ActionKind::Lock), 1);
        assert_eq!(counters.grants_asked, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_the_car_answers_is_how_the_command_ends() {
    let cases = [
        (Ending::Fail, State::Failed, Reason::VehicleRefused),
        (Ending::NonResponse, State::Timeout, Reason::VehicleUnreachable),
    ];
    for (ending, state, reason) in cases {
        let home = RealHome::start().await;
        home.settle().await;
        home.control().queue_outcome(Outcome::new(ending).pending(1));
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!((report.state, report.reason), (state, Some(reason)), "{report:?}");
        assert_eq!(home.control().counters().commands, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_confirmed_ends_with_the_time_that_it_may_take() {
    // A result that stays empty, and one that never appears, are the same until then.
    let ends = [Ending::StaysPending, Ending::NeverAppears].map(|ending| async move {
        let home = RealHome::start().await;
        home.settle().await;
        home.control().queue_outcome(Outcome::new(ending));
        let begun = tokio::time::Instant::now();
        let report = home.command(LEGACY.0, "lock", "").await;
        let took = begun.elapsed();
        assert_eq!(
            (report.state, report.reason, report.attempts),
            (State::Timeout, Some(Reason::VehicleUnreachable), 1),
            "{report:?}"
        );
        assert!(took >= std::time::Duration::from_secs(59), "{took:?}");
        let counters = home.control().counters();
        assert_eq!(counters.commands, 1);
        assert!(counters.polls >= 5 && counters.polls <= 13, "{} polls", counters.polls);
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_cannot_reach_the_car_leaves_the_outcome_unknown() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::vehicle_timeout()).forever());
    let report = home.command(CCS2.0, "lock", "").await;
    assert_eq!(
        (report.state, report.reason),
        (State::Unknown, Some(Reason::VehicleUnreachable)),
        "{report:?}"
    );
    assert_eq!(home.control().counters().commands, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_answer_is_lost_is_read_again() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Status, Effect::Drop).times(1));
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
}
