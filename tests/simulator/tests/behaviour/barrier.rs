//! The token expires while exactly so many requests carry it.

use futures_util::future::join_all;
use simulator::RouteKind;

use crate::client::Client;

#[tokio::test]
async fn all_that_were_in_flight_are_refused() {
    let mut client = Client::signed_in().await;
    client.control.reset_counters();
    client.control.expire_when_in_flight(20);
    let replies = join_all((0..20).map(|_| client.vehicles())).await;
    assert!(replies.into_iter().all(|reply| reply.unwrap().status == 401));
    let counters = client.control.counters();
    assert_eq!((counters.refused_tokens, counters.of(RouteKind::Vehicles)), (20, 20));
    assert_eq!((counters.peak_in_flight, counters.held), (20, 0));
    client.refresh().await;
    assert_eq!(client.vehicles().await.unwrap().status, 200);
}

#[tokio::test]
async fn grants_registrations_and_bad_tokens_pass_it() {
    let mut client = Client::signed_in().await;
    client.control.expire_when_in_flight(2);
    client.register().await;
    client.refresh().await;
    let good = std::mem::replace(&mut client.access, "nonsense".to_owned());
    assert_eq!(client.vehicles().await.unwrap().status, 401);
    client.access = good;
    let (one, two) = tokio::join!(client.vehicles(), client.door("open"));
    assert_eq!((one.unwrap().status, two.unwrap().status), (401, 401));
    assert_eq!(client.control.counters().total_actuations(), 0);
}

#[tokio::test]
async fn who_gives_up_does_not_count() {
    let client = Client::signed_in().await;
    client.control.expire_when_in_flight(2);
    tokio::select! {
        reply = client.vehicles() => panic!("{reply:?}"),
        _ = client.control.wait_until(|counters| counters.held == 1) => {}
    }
    client.control.wait_until(|counters| counters.held == 0).await;
    let second = async {
        client.control.wait_until(|counters| counters.held == 1).await;
        client.vehicles().await
    };
    let (one, two) = tokio::join!(client.vehicles(), second);
    assert_eq!((one.unwrap().status, two.unwrap().status), (401, 401));
}

#[tokio::test]
async fn a_restored_barrier_harms_nobody() {
    let client = Client::signed_in().await;
    client.control.expire_when_in_flight(2);
    let restore = async {
        client.control.wait_until(|counters| counters.held == 1).await;
        client.control.restore();
    };
    let (reply, ()) = tokio::join!(client.vehicles(), restore);
    assert_eq!(reply.unwrap().status, 200);
}
