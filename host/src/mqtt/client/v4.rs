//! MQTT 3.1.1 in the terms of `link`.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, NetworkOptions,
    Outgoing as Sent, Packet, QoS, StateError, SubscribeFilter, SubscribeReasonCode, TlsConfiguration,
    Transport,
};
use rustls::ClientConfig;
use secrecy::ExposeSecret;

use super::dialect::Evidence;
use super::link::{self, CONNECT_TIME, Failure, REQUESTS, Refused, Signal};
use super::outbox::Parcel;
use super::{MAX_INCOMING_V4, MAX_PAYLOAD, Message, Options};

/// Largest packet that can come out of a [`MAX_PAYLOAD`] and the longest topic.
const MAX_OUTGOING: usize = MAX_PAYLOAD + 0x1_0000 + 16;

pub(super) struct Link {
    event_loop: EventLoop,
    keep_alive: Duration,
    up: bool,
}

pub(super) fn open(options: &Options, tls: Option<&Arc<ClientConfig>>) -> (Link, AsyncClient) {
    let keep_alive = link::keep_alive(options);
    let (client, mut event_loop) = AsyncClient::new(library_options(options, tls), REQUESTS);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_TIME.as_secs());
    event_loop.set_network_options(network);
    (Link { event_loop, keep_alive, up: false }, client)
}

fn library_options(options: &Options, tls: Option<&Arc<ClientConfig>>) -> MqttOptions {
    let mut library = MqttOptions::new(&options.client_id, &options.host, options.port);
    library.set_keep_alive(link::keep_alive(options));
    if !options.client_id.is_empty() {
        // With an empty name it is the default, and setting it panics.
        library.set_clean_session(true);
    }
    library.set_max_packet_size(MAX_INCOMING_V4, MAX_OUTGOING);
    if let Some(username) = &options.username {
        let password = options.password.as_ref().map_or("", ExposeSecret::expose_secret);
        library.set_credentials(username, password);
    }
    let will = &options.will;
    library.set_last_will(LastWill::new(&will.topic, will.payload.clone(), QoS::AtLeastOnce, will.retain));
    if let Some(config) = tls {
        library.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(config))));
    }
    library
}

pub(super) fn publish(client: &AsyncClient, parcel: Parcel) -> Result<(), Refused> {
    let message = parcel.message;
    client.try_publish(message.topic, QoS::AtLeastOnce, message.retain, message.payload).map_err(|_| Refused)
}

pub(super) fn subscribe(client: &AsyncClient, filters: &[String]) -> Result<(), Refused> {
    let filters = filters.iter().map(|path| SubscribeFilter { path: path.clone(), qos: QoS::AtLeastOnce });
    client.try_subscribe_many(filters).map_err(|_| Refused)
}

impl Link {
    pub(super) fn keep_alive(&self) -> Duration {
        self.keep_alive
    }

    pub(super) async fn poll(&mut self) -> Result<Signal, Failure> {
        let event = match self.event_loop.poll().await {
            Ok(event) => event,
            Err(error) => return Err(failure(self.up, error)),
        };
        self.up |= matches!(event, Event::Incoming(Packet::ConnAck(_)));
        Ok(signal(event))
    }

    pub(super) fn leftover(&mut self) -> Option<Signal> {
        self.event_loop.state.events.pop_front().map(signal)
    }
}

fn signal(event: Event) -> Signal {
    match event {
        Event::Outgoing(Sent::Publish(id)) => Signal::Sent(id),
        Event::Outgoing(Sent::AwaitAck(id)) => Signal::Held(id),
        Event::Outgoing(Sent::Subscribe(id)) => Signal::SubscriptionSent(id),
        Event::Outgoing(Sent::Disconnect) => Signal::GoodbyeSent,
        Event::Incoming(Packet::ConnAck(answer)) => {
            Signal::Up { session_present: answer.session_present, largest: None }
        }
        Event::Incoming(Packet::PubAck(answer)) => Signal::Acknowledged { id: answer.pkid, refused: None },
        Event::Incoming(Packet::SubAck(answer)) => Signal::SubscriptionAnswered {
            id: answer.pkid,
            answers: answer
                .return_codes
                .into_iter()
                .map(|code| match code {
                    SubscribeReasonCode::Success(_) => None,
                    SubscribeReasonCode::Failure => Some("refused, most likely not authorized".to_owned()),
                })
                .collect(),
        },
        Event::Incoming(Packet::Publish(publish)) => Signal::Received(Message {
            topic: publish.topic,
            payload: publish.payload.into(),
            retain: publish.retain,
            qos: publish.qos as u8,
            response_topic: None,
            correlation: None,
        }),
        _ => Signal::Other,
    }
}

/// `up` tells a failure of the session from a failure to begin one.
fn failure(up: bool, error: ConnectionError) -> Failure {
    use rumqttc::mqttbytes::Error as CodecError;
    match error {
        ConnectionError::Io(error) => Failure::unreachable(&error),
        ConnectionError::Tls(error) => Failure::unreachable(&error),
        ConnectionError::NetworkTimeout => Failure::silent(Evidence::Nothing),
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::RefusedProtocolVersion => {
                Failure::new("the broker does not speak MQTT 3.1.1", Evidence::Refused)
            }
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
                Failure::credentials()
            }
            ConnectReturnCode::BadClientId => {
                Failure::new("the broker refuses the client name", Evidence::Understood)
            }
            code => {
                Failure::new(format!("the broker refuses the connection: {code:?}"), Evidence::Understood)
            }
        },
        ConnectionError::MqttState(error) => match error {
            StateError::ConnectionAborted => Failure::closed(up),
            StateError::Deserialization(CodecError::Io(error)) | StateError::Io(error) => {
                Failure::new(format!("the connection broke: {error}"), Evidence::NoAnswer)
            }
            StateError::Deserialization(CodecError::PayloadSizeLimitExceeded(_)) => {
                Failure::too_large(MAX_INCOMING_V4)
            }
            StateError::AwaitPingResp => Failure::new("the broker no longer answers", Evidence::Nothing),
            error if up => Failure::new(format!("the broker broke the protocol: {error}"), Evidence::Nothing),
            error => Failure::new(format!("not an MQTT 3.1.1 answer: {error}"), Evidence::NoAnswer),
        },
        error => Failure::new(format!("the connection failed: {error}"), Evidence::Nothing),
    }
}
