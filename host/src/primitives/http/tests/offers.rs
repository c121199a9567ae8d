//! Limits on how often a secret of the configuration is sent.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;

use super::*;
use crate::primitives::http::offers::MOST_OFFERS;

type Answer = fn() -> Result<transport::Response, TransportError>;

/// A cloud that always says the same, and counts.
#[derive(Debug)]
struct Cloud {
    answer: Answer,
    asked: AtomicU32,
}

impl Transport for Cloud {
    fn send(&self, _request: HttpRequest) -> BoxFuture<'_, Result<transport::Response, TransportError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready((self.answer)()))
    }
}

fn says(status: u16, body: &str) -> Result<transport::Response, TransportError> {
    Ok(transport::Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
}

/// Sends a request twenty times in one call. Returns how often the cloud was asked, and the last answer.
async fn twenty_times(answer: Answer, request: &Request) -> (u32, Result<Response, TransportError>) {
    let cloud = Arc::new(Cloud { answer, asked: AtomicU32::new(0) });
    let mut call = call_over(Arc::clone(&cloud) as Arc<dyn Transport>, 64).await;
    let mut last = send(&mut call, request.clone()).await;
    for _ in 1..20 {
        last = send(&mut call, request.clone()).await;
    }
    (cloud.asked.load(Ordering::Relaxed), last)
}

fn refresh() -> Request {
    Request {
        captures: vec![secret("/t", "refresh-token")],
        ..get("https://idp.example/?a={secret:refresh-token}&b={secret:refresh-token}")
    }
}

#[tokio::test]
async fn what_the_cloud_may_have_seen_is_offered_only_so_often() {
    let answers: [(&str, Answer); 3] = [
        ("refused", || says(401, "no")),
        ("without an answer", || Err(TransportError::Interrupted("a reset".to_owned()))),
        // Another value under the same name is still the same credential.
        ("rotated", || says(200, r#"{"t":"a-rotated-token"}"#)),
    ];
    for (what, answer) in answers {
        let (asked, last) = twenty_times(answer, &refresh()).await;
        assert_eq!(asked, MOST_OFFERS, "{what}");
        let TransportError::Denied(why) = last.unwrap_err() else { unreachable!("{what}") };
        let expected = "the secret refresh-token was sent with 4 requests of this call; it is not sent again";
        assert_eq!(why, expected, "{what}");
    }
}

#[tokio::test]
async fn what_never_left_is_no_offer() {
    let (asked, last) =
        twenty_times(|| Err(TransportError::NotSent("no route".to_owned())), &refresh()).await;
    assert_eq!(asked, 20);
    assert!(matches!(last, Err(TransportError::NotSent(_))), "{last:?}");
}

#[tokio::test]
async fn every_secret_has_its_own_count_and_what_is_never_configured_has_none() {
    let cloud =
        Arc::new(Cloud { answer: || says(200, r#"{"a":"an-access-token"}"#), asked: AtomicU32::new(0) });
    let mut call = call_over(Arc::clone(&cloud) as Arc<dyn Transport>, 64).await;
    for _ in 0..MOST_OFFERS {
        let captures = vec![secret("/a", "access-token")];
        send(&mut call, Request { captures, ..refresh() }).await.unwrap();
    }
    let read = get("https://cars.example:8080/base?{secret:access-token}");
    for _ in 0..20 {
        send(&mut call, read.clone()).await.unwrap();
    }
    send(&mut call, get("https://cars.example:8080/base?{secret:pin}")).await.unwrap();
    assert!(send(&mut call, refresh()).await.is_err());
}
