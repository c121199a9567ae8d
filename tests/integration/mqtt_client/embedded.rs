//! rumqttd, with a listener for each protocol version.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use testkit::mqtt::{message, options, up};
use vehicle_connector::demo::Broker;
use vehicle_connector::mqtt::{Version, connect};
use vehicle_connector::wire::message::Outgoing;

/// A broker that lives as long as the test process.
async fn broker(version: Version) -> u16 {
    let broker = Broker::start_speaking(version).unwrap();
    broker.ready().await.unwrap();
    broker.port()
}

#[tokio::test]
async fn requests_and_answers_on_mqtt_5() {
    let port = broker(Version::V5).await;
    let (publisher, mut events) = connect(options(port)).unwrap();
    assert_eq!(up(&mut events).await, Version::V5);
    publisher.subscribe(&["b/vehicle/+/cmd/+", "b/bridge/request/#"]).await.unwrap();

    let (peer, mut peer_loop) =
        rumqttc::v5::AsyncClient::new(rumqttc::v5::MqttOptions::new("peer", "127.0.0.1", port), 10);
    let (seen, mut answers) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(event) = peer_loop.poll().await {
            if let rumqttc::v5::Event::Incoming(rumqttc::v5::mqttbytes::v5::Packet::Publish(publish)) = event
            {
                let _ = seen.send(publish);
            }
        }
    });
    peer.subscribe("answers/peer", QoS::AtLeastOnce).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let properties = PublishProperties {
        response_topic: Some("answers/peer".into()),
        correlation_data: Some(b"42".to_vec().into()),
        ..Default::default()
    };
    peer.publish_with_properties("b/vehicle/ev6/cmd/lock", QoS::AtLeastOnce, false, "LOCK", properties)
        .await
        .unwrap();

    let command = message(&mut events).await;
    assert_eq!((command.topic.as_str(), &command.payload[..]), ("b/vehicle/ev6/cmd/lock", &b"LOCK"[..]));
    assert_eq!(command.response_topic.as_deref(), Some("answers/peer"));
    let answer = Outgoing {
        correlation: command.correlation,
        expiry: Some(Duration::from_secs(60)),
        ..Outgoing::new(command.response_topic.unwrap(), "done")
    };
    publisher.publish(answer).await.unwrap();
    let answer = answers.recv().await.unwrap();
    assert_eq!(&answer.payload[..], b"done");
    assert_eq!(answer.properties.unwrap().correlation_data.as_deref(), Some(&b"42"[..]));

    publisher.disconnect().await;
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn a_broker_without_mqtt_5_is_asked_in_3_1_1() {
    let port = broker(Version::V4).await;
    let (publisher, mut events) = connect(options(port)).unwrap();
    assert_eq!(up(&mut events).await, Version::V4);
    publisher.subscribe(&["b/#"]).await.unwrap();
    publisher.publish(Outgoing::new("b/self", "1").retained()).await.unwrap();
    let echo = message(&mut events).await;
    assert_eq!((echo.topic.as_str(), echo.retain), ("b/self", false));
    publisher.disconnect().await;
}

#[tokio::test]
async fn a_flood_from_the_loop_that_reads_events_does_not_lock_up() {
    let port = broker(Version::V5).await;
    let (publisher, mut events) = connect(options(port)).unwrap();
    up(&mut events).await;
    let (other, mut other_events) = connect({
        let mut options = options(port);
        options.client_id = "other".into();
        options
    })
    .unwrap();
    up(&mut other_events).await;
    other.subscribe(&["flood"]).await.unwrap();
    // More than both queues hold, with nobody reading `events` meanwhile.
    for n in 0..3000 {
        publisher.publish(Outgoing::new("flood", n.to_string())).await.unwrap();
    }
    for n in 0..900 {
        assert_eq!(message(&mut other_events).await.payload, n.to_string().into_bytes());
    }
}
