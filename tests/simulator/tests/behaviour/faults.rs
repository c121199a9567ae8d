//! Everything that can be made to go wrong.

use simulator::{ActionKind, Effect, Fault, RouteKind};

use crate::client::{Client, LEGACY};

#[tokio::test]
async fn answers_replace_the_real_one_as_often_as_told() {
    let mut client = Client::signed_in().await;
    let busy = Effect::Answer {
        status: 503,
        body: "<html>".into(),
        headers: vec![("retry-after".into(), "7".into())],
    };
    client.control.inject(Fault::new(RouteKind::Command, busy).times(2));
    for _ in 0..2 {
        let reply = client.door("open").await.unwrap();
        assert_eq!(
            (reply.status, reply.body.as_str(), reply.header("retry-after")),
            (503, "<html>", Some("7"))
        );
        assert_eq!(reply.header("content-type"), Some("text/html"));
    }
    assert_eq!(client.door("open").await.unwrap().status, 200);
    client.control.inject(Fault::new(RouteKind::Token, Effect::unavailable()).forever());
    let page = client.raw("POST", "/auth/api/v2/user/oauth2/token", &vec![], "").await.unwrap();
    assert_eq!(page.status, 503);
    client.control.clear_faults();
    assert_eq!(client.refresh().await.status, 200);
    let counters = client.control.counters();
    assert_eq!((counters.faults, counters.commands, counters.total_actuations()), (3, 3, 1));
    assert_eq!((counters.grants_asked, counters.grants), (3, 2));
}

#[tokio::test]
async fn envelopes_have_the_status_of_their_code() {
    let client = Client::signed_in().await;
    let cases = [
        (Effect::duplicate(), (400, "4004")),
        (Effect::unsupported(), (400, "4005")),
        (Effect::vehicle_timeout(), (408, "4081")),
        (Effect::rate_limited(), (509, "5091")),
    ];
    for (effect, (status, code)) in cases {
        client.control.inject(Fault::new(RouteKind::Command, effect));
        assert_eq!(client.door("open").await.unwrap().code(), (status, code.to_owned()));
    }
}

#[tokio::test]
async fn a_drop_before_acting_leaves_the_car_alone() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Command, Effect::Drop));
    assert!(client.door("open").await.is_err());
    assert_eq!(client.control.counters().total_actuations(), 0);
    assert_eq!(client.door("open").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_drop_after_acting_has_acted() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Command, Effect::Drop).after_acting());
    assert!(client.door("open").await.is_err());
    assert_eq!(client.control.counters().actuations_of(LEGACY, ActionKind::Unlock), 1);
    assert_eq!(client.status(LEGACY).await["doorLock"], false);
    assert_eq!(client.records(LEGACY).await[0]["result"], "success");
    let log = client.control.log();
    let command = log.iter().find(|entry| entry.route == RouteKind::Command).unwrap();
    assert_eq!((command.status, command.note.as_deref()), (None, Some("fault: drop")));
}

#[tokio::test]
async fn an_answer_after_acting_lies_about_it() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Command, Effect::vehicle_timeout()).after_acting());
    assert_eq!(client.door("open").await.unwrap().status, 408);
    assert_eq!(client.control.counters().total_actuations(), 1);
}

#[tokio::test]
async fn a_refused_request_does_not_use_up_a_later_fault() {
    let mut client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Command, Effect::duplicate()).once_admitted());
    client.control.expire_access_token();
    assert_eq!(client.door("open").await.unwrap().status, 401);
    client.refresh().await;
    assert_eq!(client.door("open").await.unwrap().code(), (400, "4004".to_owned()));
}

#[tokio::test]
async fn a_truncated_body_promises_more_than_it_has() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Vehicles, Effect::Truncate { keep: 20 }));
    let reply = client.vehicles().await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (200, 20));
    assert!(reply.header("content-length").unwrap().parse::<usize>().unwrap() > 20);
}

#[tokio::test]
async fn a_held_request_waits_for_its_release_and_then_for_nothing() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Command, Effect::Hold).once_admitted());
    let release = async {
        let counters = client.control.wait_until(|counters| counters.held == 1).await;
        assert_eq!((counters.in_flight, counters.total_actuations()), (1, 0));
        client.control.release();
    };
    let (reply, ()) = tokio::join!(client.door("open"), release);
    assert_eq!(reply.unwrap().status, 200);
    let counters = client.control.wait_until(|counters| counters.in_flight == 0).await;
    assert_eq!((counters.held, counters.total_actuations()), (0, 1));
}

#[tokio::test]
async fn a_client_that_gives_up_is_no_longer_in_flight() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Command, Effect::Hold).once_admitted());
    tokio::select! {
        reply = client.door("open") => panic!("{reply:?}"),
        _ = client.control.wait_until(|counters| counters.held == 1) => {}
    }
    let counters = client.control.wait_until(|counters| counters.in_flight == 0).await;
    assert_eq!((counters.held, counters.total_actuations()), (0, 0));
}

#[tokio::test]
async fn a_delay_delays_and_then_goes_on() {
    let client = Client::signed_in().await;
    client.control.inject(Fault::new(RouteKind::Vehicles, Effect::Delay { millis: 30 }));
    client.control.inject(Fault::new(RouteKind::Vehicles, Effect::rate_limited()));
    let start = std::time::Instant::now();
    assert_eq!(client.vehicles().await.unwrap().status, 509);
    assert!(start.elapsed().as_millis() >= 30);
}

#[tokio::test]
async fn a_cloud_that_goes_away_lets_nobody_wait() {
    let Client { cloud, control, .. } = Client::signed_in().await;
    let base = cloud.base_url();
    control.inject(Fault::new(RouteKind::Other, Effect::Hold));
    let gone = async {
        control.wait_until(|counters| counters.held == 1).await;
        drop(cloud);
    };
    let nothing = vec![];
    let (reply, ()) = tokio::join!(crate::client::send(&base, "GET", "/held", &nothing, ""), gone);
    assert!(reply.is_err());
}
