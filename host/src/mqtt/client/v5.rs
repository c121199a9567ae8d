//! MQTT 5 in the terms of `link`.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, ConnectReturnCode, Filter, LastWill, Packet, PubAckReason, PublishProperties,
    RetainForwardRule, SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{Error as CodecError, QoS};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{NetworkOptions, Outgoing as Sent, TlsConfiguration, Transport};
use rustls::ClientConfig;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dialect::Evidence;
use super::link::{self, CONNECT_TIME, Failure, REQUESTS, Refused, Signal};
use super::outbox::Parcel;
use super::{MAX_INCOMING_V5, Message, Options};

pub(super) struct Link {
    event_loop: EventLoop,
    keep_alive: Duration,
    up: bool,
}

pub(super) fn open(options: &Options, tls: Option<&Arc<ClientConfig>>) -> (Link, AsyncClient) {
    let keep_alive = link::keep_alive(options);
    let (client, event_loop) = AsyncClient::new(library_options(options, tls), REQUESTS);
    (Link { event_loop, keep_alive, up: false }, client)
}

fn library_options(options: &Options, tls: Option<&Arc<ClientConfig>>) -> MqttOptions {
    let mut library = MqttOptions::new(&options.client_id, &options.host, options.port);
    library.set_keep_alive(link::keep_alive(options));
    library.set_clean_start(true);
    library.set_connection_timeout(CONNECT_TIME.as_secs());
    if let Some(username) = &options.username {
        let password = options.password.as_ref().map_or("", ExposeSecret::expose_secret);
        library.set_credentials(username, password);
    }
    let will = &options.will;
    library.set_last_will(LastWill::new(
        &will.topic,
        will.payload.clone(),
        QoS::AtLeastOnce,
        will.retain,
        None,
    ));
    let mut properties = ConnectProperties::new();
    properties.max_packet_size = Some(MAX_INCOMING_V5);
    library.set_connect_properties(properties);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    library.set_network_options(network);
    if let Some(config) = tls {
        library.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(config))));
    }
    library
}

pub(super) fn publish(client: &AsyncClient, parcel: Parcel) -> Result<(), Refused> {
    let Parcel { message, queued_at, .. } = parcel;
    let properties = PublishProperties {
        // Rounded up, so that a message which has not expired does not arrive as expired.
        message_expiry_interval: message.expiry.map(|expiry| {
            let left = expiry.saturating_sub(queued_at.elapsed());
            u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
        }),
        correlation_data: message.correlation.map(Into::into),
        ..Default::default()
    };
    client
        .try_publish_with_properties(
            message.topic,
            QoS::AtLeastOnce,
            message.retain,
            message.payload,
            properties,
        )
        .map_err(|_| Refused)
}

pub(super) fn subscribe(client: &AsyncClient, filters: &[String]) -> Result<(), Refused> {
    let filters = filters.iter().map(|path| Filter {
        path: path.clone(),
        qos: QoS::AtLeastOnce,
        // Nothing that we publish is meant for us.
        nolocal: true,
        // Without it a retained command looks like a live one while its sender is online.
        preserve_retain: true,
        retain_forward_rule: RetainForwardRule::Never,
    });
    client.try_subscribe_many(filters).map_err(|_| Refused)
}

impl Link {
    pub(super) fn keep_alive(&self) -> Duration {
        self.keep_alive
    }

    pub(super) async fn poll(&mut self) -> Result<Signal, Failure> {
        let event = match self.event_loop.poll().await {
            Ok(event) => event,
            Err(ConnectionError::Timeout(_)) => {
                return Err(Failure::silent(silence(self.event_loop.options.broker_address()).await));
            }
            Err(error) => return Err(failure(self.up, error)),
        };
        if let Event::Incoming(Packet::ConnAck(_)) = event {
            self.up = true;
            // The broker may have asked for another interval; 0 means none, of which the library would make a ping
            // after every event.
            match self.event_loop.options.keep_alive() {
                Duration::ZERO => drop(self.event_loop.options.set_keep_alive(self.keep_alive)),
                asked => self.keep_alive = asked,
            }
        }
        Ok(signal(event))
    }

    pub(super) fn leftover(&mut self) -> Option<Signal> {
        self.event_loop.state.events.pop_front().map(signal)
    }
}

/// What silence says: the library does not tell whether TCP came about, and a 3.1.1 broker that takes the MQTT 5
/// packet for an incomplete one of its own waits for the rest (amqtt does).
async fn silence(broker: (String, u16)) -> Evidence {
    match timeout(CONNECT_TIME, TcpStream::connect(broker)).await {
        Ok(Ok(_)) => Evidence::NoAnswer,
        _ => Evidence::Nothing,
    }
}

fn signal(event: Event) -> Signal {
    let packet = match event {
        Event::Incoming(packet) => packet,
        Event::Outgoing(Sent::Publish(id)) => return Signal::Sent(id),
        Event::Outgoing(Sent::AwaitAck(id)) => return Signal::Held(id),
        Event::Outgoing(Sent::Subscribe(id)) => return Signal::SubscriptionSent(id),
        Event::Outgoing(Sent::Disconnect) => return Signal::GoodbyeSent,
        Event::Outgoing(_) => return Signal::Other,
    };
    match packet {
        Packet::ConnAck(answer) => Signal::Up {
            session_present: answer.session_present,
            largest: answer
                .properties
                .and_then(|properties| properties.max_packet_size)
                .and_then(|size| usize::try_from(size).ok()),
        },
        Packet::PubAck(answer) => Signal::Acknowledged {
            id: answer.pkid,
            refused: match answer.reason {
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers => None,
                reason => Some(words(reason)),
            },
        },
        Packet::SubAck(answer) => Signal::SubscriptionAnswered {
            id: answer.pkid,
            answers: answer
                .return_codes
                .into_iter()
                .map(|code| match code {
                    SubscribeReasonCode::Success(_) => None,
                    reason => Some(words(reason)),
                })
                .collect(),
        },
        Packet::Publish(publish) => {
            let Some(topic) = link::topic(&publish.topic) else {
                return Signal::Other;
            };
            let properties = publish.properties.unwrap_or_default();
            Signal::Received(Message {
                topic,
                payload: publish.payload.into(),
                retain: publish.retain,
                qos: publish.qos as u8,
                response_topic: properties.response_topic,
                correlation: properties.correlation_data.map(Into::into),
            })
        }
        _ => Signal::Other,
    }
}

/// `up` tells a failure of the session from a failure to begin one.
fn failure(up: bool, error: ConnectionError) -> Failure {
    match error {
        ConnectionError::Io(error) => Failure::unreachable(&error),
        ConnectionError::Tls(error) => Failure::unreachable(&error),
        ConnectionError::ConnectionRefused(code) => refused(code),
        ConnectionError::MqttState(error) => match error {
            StateError::ServerDisconnect { reason_code, reason_string } => {
                let words = words(reason_code);
                let reason = match reason_string {
                    Some(text) => format!("the broker disconnected us: {words} ({text:?})"),
                    None => format!("the broker disconnected us: {words}"),
                };
                Failure::new(reason, Evidence::Understood)
            }
            StateError::ConnectionAborted => Failure::closed(up),
            StateError::Deserialization(CodecError::Io(error)) | StateError::Io(error) => {
                Failure::new(format!("the connection broke: {error}"), Evidence::NoAnswer)
            }
            StateError::Deserialization(CodecError::PayloadSizeLimitExceeded { .. }) => {
                Failure::too_large(MAX_INCOMING_V5)
            }
            StateError::AwaitPingResp => Failure::new("the broker no longer answers", Evidence::Nothing),
            error if up => Failure::new(format!("the broker broke the protocol: {error}"), Evidence::Nothing),
            error => Failure::new(format!("not an MQTT 5 answer: {error}"), Evidence::NoAnswer),
        },
        error => Failure::new(format!("the connection failed: {error}"), Evidence::Nothing),
    }
}

fn refused(code: ConnectReturnCode) -> Failure {
    match code {
        ConnectReturnCode::UnsupportedProtocolVersion | ConnectReturnCode::RefusedProtocolVersion => {
            Failure::new("the broker does not speak MQTT 5", Evidence::Refused)
        }
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => Failure::credentials(),
        code => {
            Failure::new(format!("the broker refuses the connection: {}", words(code)), Evidence::Understood)
        }
    }
}

/// A reason code of the library in words: `NotAuthorized` becomes `not authorized`.
fn words(code: impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_codes_in_words() {
        assert_eq!(words(PubAckReason::NotAuthorized), "not authorized");
        assert_eq!(words(SubscribeReasonCode::QuotaExceeded), "quota exceeded");
    }
}
