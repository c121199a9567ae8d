//! The MQTT client against brokers: an embedded one, scripted ones, and mosquitto where it is installed.

mod embedded;
mod mosquitto;
mod scripted;
