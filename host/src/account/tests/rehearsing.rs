//! Rehearsals of a sign-in: what is shown, what is sent, and that nothing is left of them.

use serde_json::json;

use std::time::Duration;

use super::Home;
use super::cloud::{DEVICE, SECRETS, STEP};
use super::connector::Asks;
use crate::account::{Given, Prospect, Rehearsed};
use crate::primitives::Went;
use crate::protect::latch::LatchKind;
use crate::store::Kind;

/// What was sent, counted or kept by a rehearsal is nothing.
async fn assert_untouched(home: &Home, rehearsed: &Rehearsed) {
    assert_eq!((home.sign_ins(), home.session().generation), (0, 0));
    assert!(home.account.latched().is_none_or(|latched| latched.is_not_signed_in()));
    assert_eq!(home.stored(Kind::Cell).await + &home.stored(Kind::Daily).await, "");
    let shown = json!(rehearsed).to_string() + &home.said();
    assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn the_request_with_the_password_is_shown_and_not_sent() {
    for home in [Home::new().await, Home::new().await.without_password().await] {
        *home.connector.asks.lock() = Asks::Nothing;
        let rehearsed = home.account.rehearse_sign_in(None).await;
        let [login] = rehearsed.requests.as_slice() else { panic!("{rehearsed:?}") };
        assert_eq!(
            (login.method.as_str(), login.url.as_str()),
            ("GET", "https://idp.example/login?p={secret:password}")
        );
        let Went::Withheld { why } = &login.went else { panic!("{login:?}") };
        assert!(why.contains("carries the password") && rehearsed.end.contains(why), "{rehearsed:?}");
        assert!(rehearsed.went_well);
        assert_eq!(home.cloud.asked_at_all(), 0);
        assert_untouched(&home, &rehearsed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_carries_nothing_of_the_owners_is_sent() {
    let home = Home::new().await;
    *home.connector.only_asks.lock() = true;
    home.cloud.answer("/login", 200, json!({"step": STEP, "device": DEVICE}));
    let rehearsed = home.account.rehearse_sign_in(None).await;
    assert_eq!(rehearsed.requests[0].went, Went::Answered { status: 200 });
    assert!(rehearsed.went_well && rehearsed.end.contains("asks a question"), "{rehearsed:?}");
    assert_eq!((home.cloud.asked("/login"), home.question()), (1, None));
    assert_untouched(&home, &rehearsed).await;
    // A token that the rehearsal was given is lost with it, so it may be sent.
    *home.connector.asks.lock() = Asks::Nothing;
    let rehearsed = home.account.rehearse_sign_in(None).await;
    assert_eq!(rehearsed.requests.len(), 2);
    assert!(rehearsed.end.contains("without anything that counts"), "{rehearsed:?}");
    assert_untouched(&home, &rehearsed).await;
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_does_not_play_along_ends_it() {
    let home = Home::new().await;
    *home.connector.only_asks.lock() = true;
    home.cloud.answer("/login", 403, json!({"code": "1", "message": "go away"}));
    let rehearsed = home.account.rehearse_sign_in(None).await;
    assert_eq!(rehearsed.requests[0].went, Went::Answered { status: 403 });
    assert!(!rehearsed.went_well && rehearsed.end.contains("go away"), "{rehearsed:?}");
    home.cloud.go_away(true);
    let rehearsed = home.account.rehearse_sign_in(None).await;
    assert!(matches!(&rehearsed.requests[0].went, Went::Unanswered { why } if why.contains("no route")));
    assert_untouched(&home, &rehearsed).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_of_the_session_is_not_sent() {
    let home = Home::new().await;
    let tokens =
        [("step-token".to_owned(), STEP.into()), ("refresh-token".to_owned(), "a-refresh-token-1".into())];
    home.account.import(tokens.into(), "imported".to_owned(), "test").await.unwrap();
    *home.connector.only_asks.lock() = true;
    *home.connector.asks.lock() = Asks::Nothing;
    // The answer to the first request gives no other one.
    home.cloud.answer("/login", 500, json!({}));
    let rehearsed = home.account.rehearse_sign_in(None).await;
    assert_eq!(rehearsed.requests.len(), 1, "{rehearsed:?}");
    home.cloud.answer("/login", 302, json!({}));
    let rehearsed = home.account.rehearse_sign_in(None).await;
    assert!(
        matches!(&rehearsed.requests[1].went, Went::Withheld { why } if why.contains("carries the step token")),
        "{rehearsed:?}"
    );
    assert_eq!((home.cloud.asked("/token"), home.session().generation), (0, 1));
}

/// A home that asks for a code before it wants the password, so that a rehearsal really sends something.
async fn that_asks() -> Home {
    let home = Home::new().await;
    *home.connector.only_asks.lock() = true;
    home.cloud.answer("/login", 200, json!({"step": STEP, "device": DEVICE}));
    home
}

/// Rehearses, and then signs in: what the one says beforehand the other says.
async fn refused_alike(home: &Home) -> (Rehearsed, bool) {
    let asked = home.cloud.asked_at_all();
    let rehearsed = home.account.rehearse_sign_in(None).await;
    let sent = home.cloud.asked_at_all() > asked;
    let asked = home.cloud.asked_at_all();
    let said = home.account.login("test", Given::default()).await.unwrap_err().to_string();
    assert_eq!(home.cloud.asked_at_all(), asked, "nothing is sent: {said}");
    let Prospect::Refused { why, leave_alone } = &rehearsed.prospect else { panic!("{rehearsed:?}") };
    assert_eq!((why, *leave_alone), (&said, !sent));
    assert!(!rehearsed.went_well, "{rehearsed:?}");
    (rehearsed, sent)
}

#[tokio::test(start_paused = true)]
async fn while_the_vendor_is_to_be_left_alone_requests_are_shown_and_none_is_sent() {
    let blocked = that_asks().await;
    blocked.account.set_latch(LatchKind::LockedOut, "go away").await;
    let throttled = that_asks().await;
    throttled.account.asked_for_patience(Some(Duration::from_secs(600)), false);
    let limited = that_asks().await;
    limited.account.asked_for_patience(None, true);
    let paused = that_asks().await;
    paused.cloud.go_away(true);
    paused.account.login("test", Given::default()).await.unwrap_err();
    paused.cloud.go_away(false);
    for (home, why) in [
        (blocked, "the vendor blocks this program until"),
        (throttled, "the cloud asked to be left alone until"),
        (limited, "the vendor's limit of requests a day is reached"),
        (paused, "the next try is due in"),
    ] {
        let (rehearsed, sent) = refused_alike(&home).await;
        assert!(!sent);
        let [login] = rehearsed.requests.as_slice() else { panic!("{rehearsed:?}") };
        let Went::Withheld { why: said } = &login.went else { panic!("{login:?}") };
        assert!(said.contains(why) && rehearsed.end.contains("nothing was sent"), "{rehearsed:?}");
        assert!(login.url.contains("/login"), "{login:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_has_asked_for_binds_a_sign_in_by_hand_over_a_restart_too() {
    let home = that_asks().await;
    home.account.asked_for_patience(Some(Duration::from_secs(600)), false);
    home.account.set_latch(LatchKind::AuthRequired, "no").await;
    let home = home.restarted().await;
    let (rehearsed, _) = refused_alike(&home).await;
    assert!(matches!(&rehearsed.prospect, Prospect::Refused { why, .. } if why.contains("left alone")));
    assert_eq!(home.account.retries().await, [], "nothing is lifted for what is not begun");
    home.pass(601);
    assert!(home.account.login("test", Given::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_a_sign_in_costs_keeps_it_from_being_begun_and_not_from_being_shown() {
    let used_up = that_asks().await;
    for _ in 0..4 {
        let now = used_up.account.clock().now();
        used_up.account.context.sign_ins.count(now).await.unwrap();
    }
    let retried = that_asks().await;
    for _ in 0..3 {
        retried.account.set_latch(LatchKind::AuthRequired, "no").await;
        retried.account.retry("test").await.unwrap();
    }
    retried.account.set_latch(LatchKind::AuthRequired, "no").await;
    for (home, why) in [(used_up, "4 sign-ins within a day"), (retried, "was retried 3 times within a day")] {
        let (rehearsed, sent) = refused_alike(&home).await;
        assert!(matches!(&rehearsed.prospect, Prospect::Refused { why: said, .. } if said.contains(why)));
        assert!(sent && rehearsed.requests[0].went == Went::Answered { status: 200 }, "{rehearsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lifted_for_a_sign_in_and_what_goes_on_in_its_place_are_said() {
    let home = that_asks().await;
    assert_eq!(home.account.prospect().await, Prospect::Begins { lifts: None });
    for kind in [LatchKind::ClientRefused, LatchKind::AuthRequired, LatchKind::ConsentRequired] {
        let latched = home.account.set_latch(kind, "no").await.unwrap();
        let rehearsed = home.account.rehearse_sign_in(None).await;
        assert_eq!(rehearsed.prospect, Prospect::Begins { lifts: Some(latched.to_string()) });
        assert!(rehearsed.went_well, "{rehearsed:?}");
        assert_eq!(home.account.latched().as_ref(), Some(&latched), "a rehearsal lifts nothing");
        home.account.retry("test").await.unwrap();
    }
    home.account.logout("test").await.unwrap();
    assert_eq!(home.account.prospect().await, Prospect::Begins { lifts: None }, "nothing was refused");
    let home = that_asks().await;
    home.account.login("test", Given::default()).await.unwrap();
    let question = home.account.asked().unwrap().reason;
    let rehearsed = home.account.rehearse_sign_in(None).await;
    assert_eq!(rehearsed.prospect, Prospect::GoesOn { question });
    assert!(home.account.asked().is_some(), "it stays open");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_runs_has_the_last_word() {
    let home = that_asks().await;
    let why = "a reason of the other host".to_owned();
    let told = Prospect::Refused { why: why.clone(), leave_alone: true };
    let rehearsed = home.account.rehearse_sign_in(Some(told.clone())).await;
    assert_eq!((rehearsed.prospect, home.cloud.asked_at_all()), (told, 0));
    assert_eq!(rehearsed.requests[0].went, Went::Withheld { why });
}

#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_or_was_refused_keeps_nobody_from_giving_something_else() {
    let home = that_asks().await;
    for _ in 0..3 {
        home.account.set_latch(LatchKind::AuthRequired, "no").await;
        home.account.retry("test").await.unwrap();
    }
    let home = home.without_password().await;
    assert_eq!(home.account.retries().await.len(), 3, "all of the day");
    assert_eq!(home.account.prospect().await, Prospect::Begins { lifts: None });
    home.account.latch.lift().await.unwrap();
    let latched = home.account.set_latch(LatchKind::AuthRequired, "no").await.unwrap();
    assert_eq!(home.account.prospect().await, Prospect::Begins { lifts: Some(latched.to_string()) });
    let home = that_asks().await.without_password().await;
    home.account.grant.refused(home.account.clock(), "HTTP 400".to_owned(), None).await;
    assert_eq!(home.account.prospect().await, Prospect::Begins { lifts: None });
}
