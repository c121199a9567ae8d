//! What a guest is given of an answer, and what counts as given by the cloud.

use super::*;
use crate::descriptor::{CommandAnswers, SuccessPlace};
use crate::primitives::VehicleIdentity;

#[tokio::test]
async fn an_answer_that_says_no_by_its_mark_is_given_with_what_it_lacks() {
    let mut call = call().await;
    let place = SuccessPlace { endpoint: "idp".to_owned(), pointer: "/code".to_owned() };
    let marks = CommandAnswers { success: [(place, 0.into())].into(), ..CommandAnswers::default() };
    Arc::get_mut(&mut call.context).unwrap().command_answers = Arc::new(marks);
    let captures = [secret("/token", "access-token"), secret("/state", "state")];
    let receive_from = |call: &mut Call, endpoint: &str, body: &str| {
        let asked = Asked { captures: &captures, sent: &[], endpoints: &[endpoint.to_owned()] };
        receive(call, answer(200, &[], body), asked).map(|given| String::from_utf8(given.body).unwrap())
    };
    let no = r#"{"code":403101,"state":"a-sign-in-that-waits"}"#;
    let given = receive_from(&mut call, "idp", no).unwrap();
    assert_eq!(given, r#"{"code":403101,"state":"{secret:state}"}"#);
    // What it has is kept. What it lacks is missing, whatever the guest makes of the answer.
    assert!(call.captured.contains_key("state") && call.missing.contains("access-token"));
    // Of one that says yes, or of another endpoint's, it was to be expected.
    for (endpoint, body) in
        [("idp", r#"{"code":0,"state":"a-sign-in"}"#), ("ccapi", no), ("idp", r#"{"state":"a-sign-in"}"#)]
    {
        assert!(receive_from(&mut call, endpoint, body).is_err(), "{endpoint} {body}");
    }
}

#[tokio::test]
async fn the_vin_of_the_call_s_vehicle_is_replaced_where_an_answer_has_it() {
    let mut call = call().await;
    let vin = Some("VF1S1MULATEDZ0E1A".to_owned());
    call.vehicle = Some(VehicleIdentity { id: "zoe".to_owned(), vin });
    let body = r#"{"href":"/cars/VF1S1MULATEDZ0E1A","id":"zoe"}"#;
    let got = received(&mut call, answer(200, &[], body), &[], &[]);
    assert_eq!(got, r#"{"href":"/cars/{vehicle:vin}","id":"zoe"}"#);
}

#[tokio::test]
async fn what_was_made_here_is_nothing_that_a_cloud_has_given() {
    let mut call = call().await;
    call.make_secret("state".to_owned(), crate::bindings::random::Alphabet::Hex, 32).unwrap();
    assert!(!call.captured_essential());
    received(
        &mut call,
        answer(200, &[], r#"{"a":"a-token-of-the-cloud"}"#),
        &[secret("/a", "access-token")],
        &[],
    );
    assert!(call.captured_essential());
}
