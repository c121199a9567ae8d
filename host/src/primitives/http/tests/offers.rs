//! Limits on how often a secret of the configuration is sent.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;

use super::*;
use crate::descriptor::{CommandAnswers, Said};
use crate::primitives::SignIn;

/// Most requests of one call with a configured token.
const MOST_OFFERS: u32 = 4;

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

/// Makes a call to a cloud with this answer, which may send 64 requests and has all secrets.
async fn call_to(answer: Answer) -> (Call, Arc<Cloud>) {
    let cloud = Arc::new(Cloud { answer, asked: AtomicU32::new(0) });
    let mut call = call_over(Arc::clone(&cloud) as Arc<dyn Transport>, 64).await;
    let context = Arc::get_mut(&mut call.context).unwrap();
    for name in ["username", "password", "code", "signing-key"] {
        context.secrets.insert(name.to_owned(), format!("the-{name}").into());
    }
    (call, cloud)
}

/// Sends a request twenty times in one call. Returns how often the cloud was asked, and the last answer.
async fn twenty_times(answer: Answer, request: &Request) -> (u32, Result<Response, TransportError>) {
    let (mut call, cloud) = call_to(answer).await;
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

fn ok() -> Result<transport::Response, TransportError> {
    says(200, "{}")
}

fn with(secret: &str) -> Request {
    get(&format!("https://idp.example/?a={{secret:{secret}}}"))
}

#[tokio::test]
async fn how_often_a_secret_is_sent_depends_on_what_it_is() {
    for (secret, most) in [("username", 20), ("password", 2), ("code", 2), ("refresh-token", 4)] {
        assert_eq!(twenty_times(ok, &with(secret)).await.0, most, "{secret}");
    }
    let (asked, last) = twenty_times(ok, &with("signing-key")).await;
    assert_eq!(asked, 0);
    let TransportError::Denied(why) = last.unwrap_err() else { unreachable!() };
    assert_eq!(why, "the secret signing-key is a key, which stands in the key of a derivation only");
}

#[tokio::test]
async fn a_call_signs_in_once_however_it_sends_what_signs_in() {
    let (mut call, cloud) = call_to(ok).await;
    let used = |call: &Call| call.context.sign_ins.used(call.clock().now());
    send(&mut call, with("username")).await.unwrap();
    send(&mut call, with("refresh-token")).await.unwrap();
    assert_eq!(used(&call), 0, "neither is what vendors count");
    for secret in ["password", "password", "code", "code"] {
        send(&mut call, with(secret)).await.unwrap();
        assert_eq!(used(&call), 1, "{secret}");
    }
    assert_eq!(cloud.asked.load(Ordering::Relaxed), 6);
    assert!(call.sign_in.is_counted());

    // What goes on from it belongs to it; another one does not.
    call.offers = Offers::default();
    call.sign_in = SignIn::going_on(true);
    send(&mut call, with("code")).await.unwrap();
    assert_eq!(used(&call), 1);
    call.sign_in = SignIn::default();
    send(&mut call, with("password")).await.unwrap();
    assert_eq!(used(&call), 2);
}

#[tokio::test]
async fn a_sign_in_that_may_not_be_made_sends_nothing_and_says_why() {
    let (mut call, cloud) = call_to(ok).await;
    for _ in 0..2 {
        call.sign_in = SignIn::default();
        call.offers = Offers::default();
        send(&mut call, with("password")).await.unwrap();
    }
    call.sign_in = SignIn::default();
    call.offers = Offers::default();
    let asked = cloud.asked.load(Ordering::Relaxed);
    let TransportError::Denied(why) = send(&mut call, with("password")).await.unwrap_err() else {
        unreachable!()
    };
    assert_eq!(why, "2 sign-ins within a day, which is as many as the configuration allows");
    assert_eq!(cloud.asked.load(Ordering::Relaxed), asked);
    assert_eq!(call.sign_in.take_refusal().unwrap().to_string(), why);
    send(&mut call, with("username")).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_that_never_left_is_none() {
    let (mut call, _) = call_to(|| Err(TransportError::NotSent("no route".to_owned()))).await;
    for _ in 0..5 {
        send(&mut call, with("password")).await.unwrap_err();
        assert_eq!(call.context.sign_ins.used(call.clock().now()), 0);
    }
}

#[tokio::test]
async fn a_pin_that_goes_with_another_request_is_not_in_doubt_because_that_gives_nothing_out() {
    let request = get("https://cars.example:8080/base?{secret:pin}");
    for (style, doubted) in [(PinStyle::Challenge, true), (PinStyle::Bearer, false)] {
        let (mut call, _) = call_to(ok).await;
        let context = Arc::get_mut(&mut call.context).unwrap();
        context.rules.insert("pin".to_owned(), rule(SecretClass::Pin(style), "ccapi", None));
        send(&mut call, request.clone()).await.unwrap();
        assert_eq!(call.context.pin.in_doubt(call.clock()).is_some(), doubted, "{style:?}");
        // Whose answer it is that refuses a PIN is known when the failure has been judged.
        assert!(call.pin_turn.is_some());
    }
}

#[tokio::test]
async fn a_pin_that_the_answer_itself_refuses_is_not_sent_again_whatever_is_captured() {
    let request = get("https://cars.example:8080/base?{secret:pin}");
    let captures =
        vec![Capture { source: CaptureSource::Json("/code".to_owned()), target: CaptureTarget::Private }];
    let cases: [(Answer, bool); 4] = [
        (|| says(400, r#"{"code":"BAD_PIN"}"#), true),
        (|| says(200, r#"{"code":"BAD_PIN"}"#), true),
        (|| says(400, r#"{"code":"BUSY"}"#), false),
        (|| says(400, "BAD_PIN"), false),
    ];
    for (answer, is_refused) in cases {
        let (mut call, cloud) = call_to(answer).await;
        let context = Arc::get_mut(&mut call.context).unwrap();
        context.rules.insert("pin".to_owned(), rule(SecretClass::Pin(PinStyle::Bearer), "ccapi", None));
        let said = Said { code: "BAD_PIN".to_owned(), status: None, words: None };
        context.refusals = Refusals { pin: vec![said], ..Refusals::default() };
        let answers = CommandAnswers { codes_at: vec!["/code".to_owned()], ..CommandAnswers::default() };
        context.command_answers = Arc::new(answers);
        send(&mut call, Request { captures: captures.clone(), ..request.clone() }).await.unwrap();
        let again = send(&mut call, request.clone()).await;
        assert_eq!(again.is_err(), is_refused, "{:?}", answer());
        assert_eq!(cloud.asked.load(Ordering::Relaxed), if is_refused { 1 } else { 2 }, "{:?}", answer());
        assert_eq!(call.context.pin.latched(call.clock().now()).is_some(), is_refused, "{:?}", answer());
    }
}

#[tokio::test]
async fn a_password_is_sent_no_more_often_in_a_sign_in_of_several_calls() {
    let (mut first, _) = call_to(ok).await;
    for _ in 0..2 {
        assert!(send(&mut first, with("password")).await.is_ok());
    }
    let (mut next, _) = call_to(ok).await;
    next.offers = first.offers_of_passwords();
    let Err(TransportError::Denied(why)) = send(&mut next, with("password")).await else { unreachable!() };
    assert!(why.contains("the secret password was sent with 2 requests"), "{why}");
    assert!(send(&mut next, with("username")).await.is_ok());
}

#[tokio::test]
async fn what_was_captured_again_was_captured_since() {
    let (mut call, _) = call_to(|| says(200, r#"{"t":"a-refresh-token","a":"an-access-token"}"#)).await;
    send(&mut call, refresh()).await.unwrap();
    let before = call.captures.clone();
    assert_eq!(call.captured_since(&before).len(), 0);
    // The same secret once more, and with the same value: it is what came since.
    send(&mut call, refresh()).await.unwrap();
    assert_eq!(call.captured_since(&before).keys().collect::<Vec<_>>(), ["refresh-token"]);
}
