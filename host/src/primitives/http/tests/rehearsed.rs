//! Requests of a rehearsal: which are sent, and what is shown of them.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;

use super::*;
use crate::bindings::http::{Computation, Derivation, Encoding, Keyed, Piece};
use crate::primitives::{Rehearsal, RehearsedRequest, Went};

/// A server that counts requests, and sets a cookie with each answer.
#[derive(Debug, Default)]
struct Server(AtomicU32);

impl Transport for Server {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<transport::Response, TransportError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let headers = vec![("set-cookie".to_owned(), "account=A-COOKIE-OF-MINE; Path=/".to_owned())];
        let body = br#"{"state":"a-state-of-mine"}"#.to_vec();
        Box::pin(async { Ok(transport::Response { status: 200, headers, body }) })
    }
}

async fn rehearsal() -> (Arc<Server>, Call) {
    let server = Arc::new(Server::default());
    let mut call = call_over(Arc::clone(&server) as Arc<dyn Transport>, 8).await;
    let handed = [
        ("password", "a password"),
        ("username", "owner@example.org"),
        ("code", "493817"),
        ("signing-key", "k"),
    ];
    call.handed = handed.map(|(name, value)| (name.to_owned(), value.into())).into();
    call.rehearsal = Some(Rehearsal { stand_ins: ["username".to_owned()].into(), ..Rehearsal::default() });
    (server, call)
}

fn last(call: &Call) -> &RehearsedRequest {
    call.rehearsal.as_ref().unwrap().requests.last().unwrap()
}

fn form(fields: &[(&str, &str)]) -> Request {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { method: Method::Post, body: Body::Form(fields), ..get("https://idp.example/x") }
}

#[tokio::test]
async fn what_is_the_owners_is_not_sent_and_nothing_is_after_it() {
    let signed = Derivation {
        name: "signature".to_owned(),
        how: Computation::HmacSha256(Keyed {
            key: vec![Piece::Text("{secret:signing-key}".to_owned())],
            message: vec![Piece::Body],
            encoding: Encoding::HexLower,
        }),
    };
    let signed = Request {
        headers: vec![("x-signature".to_owned(), "{derived:signature}".to_owned())],
        derivations: vec![signed],
        ..form(&[])
    };
    let pin = Request {
        body: Body::Json(r#"{"pin":"{secret:pin}"}"#.to_owned()),
        ..get("https://cars.example:8080/base")
    };
    for (request, why) in [
        (form(&[("u", "{secret:username}"), ("p", "{secret:password}")]), "carries the password"),
        (form(&[("c", "{secret:code}")]), "carries the code"),
        (form(&[("r", "{secret:refresh-token}")]), "carries the refresh token"),
        (pin, "carries the pin"),
        (signed, "signed with the signing key"),
        (form(&[("u", "{secret:username}")]), "carries the username, which is not configured"),
        (Request { acts_on_vehicle: true, ..form(&[]) }, "a vehicle may act"),
    ] {
        let (server, mut call) = rehearsal().await;
        for request in [request, form(&[])] {
            let answer = call.send(request).await;
            assert!(matches!(answer, Err(TransportError::Denied(_))), "{answer:?}");
        }
        let Went::Withheld { why: said } = &last(&call).went else { panic!("{:?}", last(&call)) };
        assert!(said.contains(why), "{said}");
        assert_eq!(call.rehearsal.as_ref().unwrap().requests.len(), 1, "what comes after it is not known");
        let sign_ins = call.context.sign_ins.used(call.clock().now());
        assert_eq!((server.0.load(Ordering::Relaxed), sign_ins, call.left), (0, 0, false), "{why}");
    }
}

#[tokio::test]
async fn placeholders_and_names_are_shown_in_place_of_values() {
    let (server, mut call) = rehearsal().await;
    call.rehearsal = Some(Rehearsal::default());
    let capture = Capture {
        source: CaptureSource::Json("/state".to_owned()),
        target: CaptureTarget::Secret("state".to_owned()),
    };
    let first = Request {
        headers: vec![("x-app".to_owned(), "ours".to_owned())],
        captures: vec![capture],
        jar: Some("j".to_owned()),
        ..form(&[("a", "b c")])
    };
    call.send(first).await.unwrap();
    let shown = last(&call);
    assert_eq!((shown.method.as_str(), shown.body.as_str()), ("POST", "a=b c"));
    let headers = [("x-app", "ours"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(shown.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(shown.went, Went::Answered { status: 200 });
    // What this call was given it may send: nobody misses it later.
    let second = Request { jar: Some("j".to_owned()), ..get("https://idp.example/y?s={secret:state}") };
    call.send(second).await.unwrap();
    assert_eq!(last(&call).headers, [("cookie".to_owned(), "account={cookie}".to_owned())]);
    assert_eq!(last(&call).url, "https://idp.example/y?s={secret:state}");
    let denied = call.send(get("https://evil.example/")).await;
    assert!(denied.is_err());
    assert!(matches!(&last(&call).went, Went::Denied { why } if why.contains("no endpoint")));
    // Whose account it is no request tells that is really sent, also where the configuration has the name.
    let named = Request {
        headers: vec![("x-user".to_owned(), "{secret:username}".to_owned())],
        ..form(&[("u", "{secret:username}")])
    };
    assert!(call.send(named).await.is_err());
    assert_eq!(last(&call).body, "u={secret:username}");
    assert!(matches!(&last(&call).went, Went::Withheld { why } if why.contains("tells whose account it is")));
    assert_eq!(server.0.load(Ordering::Relaxed), 2);
    let all = format!("{:?}", call.rehearsal);
    for secret in ["owner@example.org", "A-COOKIE-OF-MINE", "a-state-of-mine"] {
        assert!(!all.contains(secret), "{all}");
    }
}
