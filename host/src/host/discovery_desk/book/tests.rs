use std::sync::Arc;

use super::*;
use crate::homeassistant::BridgeFacts;
use crate::store::MemoryStore;
use crate::wire::topics::Topics;

fn form(discovery: Discovery) -> Form {
    Form { discovery, prefix: "ha".to_owned() }
}

fn device(connectors: &[&str]) -> Device {
    let connectors: Vec<String> = connectors.iter().map(|name| (*name).to_owned()).collect();
    BridgeFacts { node: "b", connectors: &connectors }.device(&Topics::below("b"))
}

fn cleared(messages: &[Outgoing]) -> Vec<&str> {
    messages.iter().filter(|it| it.payload.is_empty()).map(|it| it.topic.as_str()).collect()
}

#[tokio::test]
async fn a_late_word_of_the_broker_does_not_cross_out_what_was_published_since() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let book = Arc::new(Book::open(form(Discovery::Component), &store).await.unwrap());
    assert!(book.write_down(&device(&["x", "y"])).await);
    assert!(!book.write_down(&device(&["x", "y"])).await, "nothing has changed");
    assert!(book.write_down(&device(&["x"])).await);
    let first = book.everything();
    let topic = "ha/update/b_bridge/update_connector_y/config";
    assert_eq!(cleared(&first), [topic]);
    // It comes back and goes again before the broker has said anything.
    book.write_down(&device(&["x", "y"])).await;
    book.write_down(&device(&["x"])).await;
    let second = book.everything();
    let acknowledge = |messages: &[Outgoing]| {
        messages.iter().filter_map(|message| message.notice.as_ref()).for_each(Notice::delivered);
    };
    acknowledge(&first);
    let again = Arc::new(Book::open(form(Discovery::Component), &store).await.unwrap());
    again.write_down(&device(&["x"])).await;
    assert_eq!(cleared(&again.everything()), [topic], "the second one is still under way");
    acknowledge(&second);
    let last = Arc::new(Book::open(form(Discovery::Component), &store).await.unwrap());
    last.write_down(&device(&["x"])).await;
    assert_eq!(cleared(&last.everything()), [""; 0]);
}

#[tokio::test]
async fn an_entity_that_is_gone_is_named_as_gone_by_every_later_host() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let gone = |messages: &[Outgoing]| {
        let document: serde_json::Value = serde_json::from_slice(&messages[0].payload).unwrap();
        document["components"]["update_connector_y"].clone()
    };
    let book = Arc::new(Book::open(form(Discovery::Device), &store).await.unwrap());
    book.write_down(&device(&["y"])).await;
    assert_eq!(gone(&book.everything())["name"], "Connector y");
    for _ in 0..2 {
        let book = Arc::new(Book::open(form(Discovery::Device), &store).await.unwrap());
        book.write_down(&device(&[])).await;
        assert_eq!(gone(&book.everything()), serde_json::json!({"platform": "update"}));
    }
    // In the other form nothing has to be said of it.
    let book = Arc::new(Book::open(form(Discovery::Component), &store).await.unwrap());
    book.write_down(&device(&[])).await;
    assert_eq!(cleared(&book.everything()), ["ha/device/b_bridge/config"]);
}

#[tokio::test]
async fn what_is_kept_is_cleared_only_if_an_operator_wants_that() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let book = Arc::new(Book::open(form(Discovery::Device), &store).await.unwrap());
    book.write_down(&device(&[])).await;
    let book = Arc::new(Book::open(form(Discovery::Device), &store).await.unwrap());
    book.keep(["b_bridge".to_owned()]);
    assert!(book.everything().is_empty());
    book.silence(true);
    assert_eq!(cleared(&book.everything()), ["ha/device/b_bridge/config"]);
}
