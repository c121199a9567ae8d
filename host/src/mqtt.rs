//! MQTT: the connection.

pub mod client;
