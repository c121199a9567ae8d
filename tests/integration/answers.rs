//! Answers to the questions of accounts, as they come from a broker. What becomes of an answer that fits is tested
//! beside the code, with a cloud that asks.

use serde_json::{Value, json};
use testkit::{Home, RealHome};
use vehicle_connector::host::Request;
use vehicle_connector::wire::message::RespondTo;

/// A message on the topic for answers, whose sender wants to know what came of it.
fn answer(account: &str, payload: &str) -> Request {
    Request {
        topic: format!("vehicle-connector/account/{account}/answer/set"),
        payload: payload.as_bytes().to_vec(),
        respond_to: Some(RespondTo { topic: "mine".to_owned(), correlation: None }),
        ..Request::default()
    }
}

async fn told(home: &RealHome) -> Value {
    let payload = home.published().find(|messages| {
        messages.iter().rev().find(|message| message.topic == "mine").map(|message| message.payload.clone())
    });
    serde_json::from_slice(&payload.await).unwrap()
}

#[tokio::test]
async fn a_retained_answer_is_cleared_and_not_taken() {
    let home = RealHome::start().await;
    home.host().handle(Request { retained: true, ..answer("home", "123456") }).await;
    let told = told(&home).await;
    assert_eq!(told["status"], "error");
    assert!(told["error"].as_str().unwrap().contains("must not be retained"), "{told}");
    let cleared = home.published().find(|messages| {
        let topic = "vehicle-connector/account/home/answer/set";
        messages
            .iter()
            .find(|message| message.topic == topic)
            .map(|message| message.payload.is_empty() && message.retain)
    });
    assert!(cleared.await);
}

#[tokio::test]
async fn without_a_question_an_answer_is_none_and_a_password_never_is() {
    for (account, payload, why) in [
        ("home", "123456", "no question is open"),
        ("home", r#"{"password":"hunter2"}"#, "a password is not taken here"),
        ("nobody", "123456", "there is no such account"),
    ] {
        let home = RealHome::start().await;
        home.host().handle(answer(account, payload)).await;
        let told = told(&home).await;
        assert!(told["error"].as_str().unwrap().contains(why), "{told}");
        assert_eq!(told["data"], json!(null));
        assert!(!told.to_string().contains("hunter2") && !told.to_string().contains("123456"), "{told}");
    }
}

#[tokio::test]
async fn a_question_that_is_not_open_is_cleared_with_the_broker() {
    let home = RealHome::start().await;
    home.host().announce("5");
    let cleared = home.published().find(|messages| {
        let topic = "vehicle-connector/account/home/question";
        messages
            .iter()
            .find(|message| message.topic == topic)
            .map(|message| message.payload.is_empty() && message.retain)
    });
    assert!(cleared.await);
}
